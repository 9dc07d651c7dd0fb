// The seal: every frame on the wire is AES-256-GCM under a key derived from the cluster's key file. Nothing
// behind the fixed header is looked at before the tag was checked.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "totem/base/bytes.hpp"
#include "totem/base/ids.hpp"
#include "totem/base/result.hpp"

namespace totem {

// The cluster's master key: 32 bytes, wiped when destroyed.
class MasterKey {
  public:
    static constexpr std::size_t kSize = 32;
    // Reads a key file's text (as written by file_text()); white space at its end is allowed, nothing else
    // is. The error
    // (`invalid`) names the file, what is wrong with it and what to do; corosync's binary authkey is named as
    // such.
    static base::Result<MasterKey> parse(std::string_view text, std::string_view file_name);
    // Reads and parses a key file. Refuses one that others than its owner may read or write, and one whose
    // owner is neither root nor the calling user.
    static base::Result<MasterKey> load(const std::string& path);
    // A fresh random key from the operating system's generator.
    static base::Result<MasterKey> generate();
    explicit MasterKey(const std::array<std::uint8_t, kSize>& bytes) : bytes_(bytes) {}
    MasterKey(const MasterKey&) = default;
    MasterKey& operator=(const MasterKey&) = default;
    ~MasterKey();
    [[nodiscard]] base::ByteView bytes() const { return bytes_; }
    [[nodiscard]] std::string file_text()
        const;  // what `custos key generate` writes: magic, version, hex, newline
    [[nodiscard]] std::string fingerprint() const;  // 16 hex digits: safe to show

  private:
    std::array<std::uint8_t, kSize> bytes_{};
};

// Why a frame was not opened; counted, never logged one by one.
enum class Rejected {
    not_ours,     // not our magic or version, or too short: foreign traffic
    corosync,     // looks like a frame of corosync (named in status)
    cluster,      // another cluster's name
    node,         // the sender is not configured, or another machine uses our node id
    tag,          // wrong key or damaged
    replay,       // seen before, or older than the window
    incarnation,  // an older process start of that node
    own,          // our own frame, come back by multicast: harmless
};
constexpr std::size_t kRejectedKinds = 8;
[[nodiscard]] const char* to_string(Rejected why);

struct OpenedFrame {
    base::NodeId sender;
    base::Incarnation incarnation;
    base::Bytes body;
};

// Seals our frames and opens the peers'. One object serves all links: one sealing serves all copies of a
// frame, and a frame that arrives by two links is opened once. Belongs to one thread. docs/protocol.md, "The
// seal", has the format.
class Sealer {
  public:
    Sealer(const MasterKey& key, std::string cluster_name, base::NodeId self, base::Incarnation incarnation,
           const base::NodeSet& roster);
    Sealer(const Sealer&) = delete;
    Sealer& operator=(const Sealer&) = delete;
    ~Sealer();
    static constexpr std::size_t kOverhead = 64;     // header and tag: frame size = body size + kOverhead
    static constexpr std::size_t kMaxBody = 65'000;  // larger bodies do not fit a UDP datagram

    // The node that the header names, which proves nothing before open(); none: no frame of this protocol.
    [[nodiscard]] static std::optional<base::NodeId> claimed_sender(base::ByteView frame);

    // Each frame has a counter of its own, so a body sealed twice gives two frames. body.size() <= kMaxBody.
    [[nodiscard]] base::Bytes seal(base::ByteView body);
    // The same into a buffer whose capacity is reused.
    void seal(base::ByteView body, base::Bytes& frame);

    // Seals one frame to be kept and sent when this process has ended, by whoever knows that (its guard). Its
    // key is its own, so that it opens however much was sent since; it may open more than once, so that the
    // body must mean the same each time. Once for each sealer.
    [[nodiscard]] base::Bytes seal_last_words(base::ByteView body);

    // Takes any bytes. Before the tag was checked nothing is allocated (but for the library's short-lived key
    // derivation when a peer's start or epoch is new) and nothing is remembered. A frame opens once.
    [[nodiscard]] std::variant<OpenedFrame, Rejected> open(base::ByteView frame);
    // The same into a frame whose buffer is reused; unchanged when refused. Empty: opened.
    [[nodiscard]] std::optional<Rejected> open(base::ByteView frame, OpenedFrame& into);

    // A new sending key from fresh randomness. To be called when this process may be a copy of itself (a
    // resumed or restored virtual machine would repeat counters), and now and then; the sealer does it by
    // itself every 2^32 frames.
    void renew();

    [[nodiscard]] const std::array<std::uint64_t, kRejectedKinds>& rejected() const { return rejected_; }

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
    std::array<std::uint64_t, kRejectedKinds> rejected_{};
};

}  // namespace totem
