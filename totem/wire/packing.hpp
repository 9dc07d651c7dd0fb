// Messages <-> payloads of sequenced datagrams. Fragmentation and packing sit *above* the sequence number: a
// lost datagram is repaired alone, never a whole large message, and several small messages of one guarantee
// share one datagram.
//
// A payload is a row of chunks: flags u8 (1 first, 2 last), length u16, then, in the first of several
// fragments, the whole message's length u32, then the bytes. Fragments of one message follow each other in
// their sender's order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>

#include "totem/base/bytes.hpp"
#include "totem/wire/message.hpp"  // Guarantee

namespace totem::wire {

// The sender's side: the queue of messages that are not yet completely sequenced.
class Packer {
  public:
    // `payload_size`: largest payload that next() makes; at least 16, at most 65535.
    explicit Packer(std::size_t payload_size);

    // Of what next() makes from now on.
    void set_payload_size(std::size_t payload_size);
    void push(base::Bytes message, Guarantee guarantee);
    [[nodiscard]] bool empty() const { return queue_.empty(); }
    // Bytes of messages not yet completely taken by next().
    [[nodiscard]] std::size_t queued_bytes() const { return queued_bytes_; }
    // How many payloads next() would make of the queue, roughly (small ones are packed): for flow control. 0
    // when empty().
    [[nodiscard]] std::size_t backlog() const;
    // The size of the next payload, at most; not when empty().
    [[nodiscard]] std::size_t next_size() const;
    // The next datagram's payload, and the guarantee of everything in it; not when empty().
    struct Packed {
        base::Bytes payload;
        Guarantee guarantee{Guarantee::agreed};
    };
    [[nodiscard]] Packed next();
    // The ring has changed: receivers forget a message of which only a part was sequenced, so that it starts
    // again.
    void restart_partial() { offset_ = 0; }

  private:
    struct Queued {
        base::Bytes message;
        Guarantee guarantee;
    };
    std::size_t payload_size_{0};
    std::deque<Queued> queue_;
    std::size_t offset_{0};  // how much of queue_.front() has been taken
    std::size_t queued_bytes_{0};
};

// The receiver's side for one sender on one ring: give it that sender's payloads in order.
class Reassembler {
  public:
    // Calls `deliver(index, message)` for each message that the payload completes; `index` counts them from
    // 0. Returns false if the payload was malformed; what it completed before that was delivered and a
    // message in progress is dropped.
    [[nodiscard]] bool add(base::ByteView payload, std::size_t max_message,
                           const std::function<void(std::size_t, base::Bytes)>& deliver);
    [[nodiscard]] std::size_t held_bytes() const { return partial_ ? partial_->size() : 0; }

  private:
    struct Chunk;
    bool take(const Chunk& chunk, std::size_t max_message);
    std::optional<base::Bytes> partial_;
    std::size_t total_{0};  // length of the message that partial_ will become
};

}  // namespace totem::wire
