// A stack with its inputs and outputs as values, so that one can be built again from what it was fed: a
// snapshot of a process, or its twin.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "totem/base/rng.hpp"
#include "totem/stack/stack.hpp"

namespace stack_sim {

using base::Duration;
using base::Instant;
using base::NodeId;
using totem::Member;

using Frame = std::shared_ptr<const base::Bytes>;

// A datagram at a socket.
struct Arrival {
    base::IpAddress source;
    Frame bytes;
    bool junk{false};  // no living stack sealed it, or it was received before: it must change nothing
    NodeId from{};     // whose it is, or claims to be
};

struct Input {
    enum class Kind : std::uint8_t {
        start,
        opened,
        closed,
        receive,
        refused,
        advance,
        submit,
        persisted,
        jumped,
        keys,
        leave,
        reseed
    };
    Kind kind{Kind::advance};
    Instant now;
    std::size_t link{0};
    std::size_t mtu{0};            // opened
    std::vector<Arrival> batch{};  // receive
    NodeId peer{};                 // refused
    base::Bytes payload{};         // submit
    totem::Guarantee guarantee{totem::Guarantee::agreed};
    std::uint64_t ring_seq{0};  // persisted
    std::uint64_t seed{0};      // reseed
    std::optional<totem::MasterKeys> keys{};
};

// A frame that a stack wants to be sent.
struct Sent {
    std::size_t link{0};
    std::optional<NodeId> to;
    Frame bytes;
    bool whole{false};
};

struct Output {
    totem::StackOutbox out;
    std::vector<Sent> frames;
    Instant deadline;
    totem::Submit submitted{totem::Submit::accepted};
};

constexpr std::size_t kHeaders = 28;  // of IP and UDP, IPv4

class Core {
  public:
    struct Birth {
        totem::StackConfig config;
        totem::MasterKeys keys;
        std::uint64_t ring_seq{0};
        std::uint64_t seed{0};
        Instant now;
    };
    // The tracer is borrowed.
    Core(const Birth& birth, base::Tracer& tracer);
    // Feeds and drains. `with_junk`: else junk is left out of a batch.
    Output apply(const Input& input, bool with_junk);
    // From now on it has randomness of its own: it is a copy.
    void reseed(std::uint64_t seed) { *random_ = base::Rng(seed); }
    [[nodiscard]] const totem::Stack& stack() const { return stack_; }
    [[nodiscard]] base::Bytes last_words() { return stack_.last_words(); }

  private:
    std::shared_ptr<base::Rng> random_;
    std::size_t links_;
    totem::Stack stack_;
};

// In what the outputs of two stacks differ that were fed the same but for junk; empty: in nothing. What a
// sealer asks and answers on its own, and the random part of keys, may differ.
[[nodiscard]] std::string difference(const Output& one, const Output& other);

}  // namespace stack_sim
