// The seal: every frame on the wire is AES-256-GCM under a key derived from the cluster's key file. Nothing
// behind the fixed header is looked at before the tag was checked.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "totem/base/bytes.hpp"
#include "totem/base/heard.hpp"
#include "totem/base/ids.hpp"
#include "totem/base/result.hpp"
#include "totem/base/time.hpp"

namespace totem {

// A master key of the cluster: 32 bytes, wiped when destroyed.
class MasterKey {
  public:
    static constexpr std::size_t kSize = 32;
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
    bool operator==(const MasterKey&) const = default;

  private:
    std::array<std::uint8_t, kSize> bytes_{};
};

// What a key file holds: the key that this node seals with, and, while the cluster changes from one key to
// another, a second one whose frames it opens as well.
class MasterKeys {
  public:
    struct Live {
        std::uint8_t id{0};  // stands in each frame; names the same key at all nodes
        MasterKey key;
        bool operator==(const Live&) const = default;
    };
    MasterKeys(const MasterKey& only)
        : sending_{0, only} {}  // NOLINT(google-explicit-constructor): the usual case
    // `other` has another id.
    explicit MasterKeys(const Live& sending, const std::optional<Live>& other = std::nullopt);

    // Reads a key file's text: what MasterKey::file_text() or this file_text() writes; white space at its end
    // is allowed, nothing else is. The error (`invalid`) names the file, what is wrong with it and what to
    // do; corosync's binary authkey is named as such.
    static base::Result<MasterKeys> parse(std::string_view text, std::string_view file_name);
    // Reads and parses a key file. Refuses one that others than its owner may read or write, and one whose
    // owner is neither root nor the calling user.
    static base::Result<MasterKeys> load(const std::string& path);

    [[nodiscard]] const Live& sending() const { return sending_; }
    [[nodiscard]] const std::optional<Live>& other() const { return other_; }
    [[nodiscard]] const MasterKey* find(std::uint8_t id) const;  // null: no live key
    [[nodiscard]] std::string file_text() const;
    bool operator==(const MasterKeys&) const = default;

  private:
    Live sending_;
    std::optional<Live> other_;
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
    unproven,     // of a start of the node that has not answered our challenge (yet): a recording, or its
                  // beginning; or its first frames after a silence
    claims,  // not looked at: it claims a start or an epoch of a node of which too many were claimed lately
    handshake,  // a challenge or an answer, for the sealer itself: not refused, hence not counted
};
constexpr std::size_t kRejectedKinds = 10;  // without handshake
[[nodiscard]] const char* to_string(Rejected why);

struct OpenedFrame {
    base::NodeId sender;
    base::Incarnation incarnation;
    base::Bytes body;
};

// A frame that the sealer itself wants to be sent, to one node.
struct SealReply {
    base::NodeId to;
    base::Bytes frame;
};

// Seals our frames and opens the peers'. One object serves all links: one sealing serves all copies of a
// frame, and a frame that arrives by two links is opened once. Belongs to one thread. docs/protocol.md, "The
// seal", has the format.
class Sealer {
  public:
    // Fills the span with random bytes that nobody can foresee, and that no copy of this process gets.
    using Random = std::function<void(std::span<std::uint8_t>)>;
    [[nodiscard]] static Random system_random();  // the kernel's generator

    Sealer(const MasterKeys& keys, std::string cluster_name, base::NodeId self, base::Incarnation incarnation,
           const base::NodeSet& roster, Random random = system_random());
    Sealer(const Sealer&) = delete;
    Sealer& operator=(const Sealer&) = delete;
    ~Sealer();
    static constexpr std::size_t kOverhead = 64;     // header and tag: frame size = body size + kOverhead
    static constexpr std::size_t kMaxBody = 65'000;  // larger bodies do not fit a UDP datagram

    // The node that the header names, which proves nothing before open(); none: no frame of this protocol.
    [[nodiscard]] static std::optional<base::NodeId> claimed_sender(base::ByteView frame);
    // The id of the key that the header names, which proves nothing either.
    [[nodiscard]] static std::optional<std::uint8_t> claimed_key(base::ByteView frame);

    // Each frame has a counter of its own, so a body sealed twice gives two frames. body.size() <= kMaxBody.
    [[nodiscard]] base::Bytes seal(base::ByteView body);
    // The same into a buffer whose capacity is reused.
    void seal(base::ByteView body, base::Bytes& frame);

    // Seals one frame to be kept and sent when this process has ended, by whoever knows that (its guard). Its
    // key is its own, so that it opens however much was sent since; it may open more than once, so that the
    // body must mean the same each time. To be sealed again when the master key has changed.
    [[nodiscard]] base::Bytes seal_last_words(base::ByteView body);

    // Takes any bytes. Before the tag was checked nothing is allocated (but for the library's short-lived key
    // derivation when a peer's start or epoch is new) and nothing is remembered. A frame opens once. After
    // each batch: take_replies() and take_proven().
    [[nodiscard]] std::variant<OpenedFrame, Rejected> open(base::ByteView frame);
    // The same into a frame whose buffer is reused; unchanged when refused. Empty: opened.
    [[nodiscard]] std::optional<Rejected> open(base::ByteView frame, OpenedFrame& into);

    // The time of what follows, for limits and ages; before each batch that is opened or sealed. Time that
    // goes back is ignored.
    void set_time(base::Instant now);
    // A process of which nothing new was opened for longer than this has to answer before it counts again: it
    // may have been put back to a former state of its memory. Shorter than that takes, and longer than a
    // process that is well is silent. When set_time() was not called for more than half of this, this
    // process was away itself, and that time does not count. A second at first.
    void set_horizon(base::Duration horizon);

    // What was opened of the peer and counts, to be told to it.
    [[nodiscard]] base::Heard heard(base::NodeId peer) const;
    // What a peer says that it has heard of this node.
    void told(const base::Heard& heard);
    // A peer has heard more of this process than it knows itself, or something else: its machine was put back
    // to a former state, memory included. It answers no challenge any more; it should say nothing and end.
    [[nodiscard]] bool from_the_past() const;

    // Which start of a peer is alive is found out by asking it. What is to be sent for that, and the frames
    // of starts that were proven since the last call (they came before; some are dropped, none is handed out
    // twice).
    [[nodiscard]] std::vector<SealReply> take_replies();
    [[nodiscard]] std::vector<OpenedFrame> take_proven();
    // A peer knew a later start of this node than this one: nobody will listen to this process. Its successor
    // needs a higher incarnation than that.
    [[nodiscard]] std::optional<base::Incarnation> outdated_by() const;

    // A new sending key from fresh randomness; counters go on. To be called when this process may be a copy
    // of itself (a resumed or restored virtual machine would repeat counters), and now and then; the sealer
    // does it by itself every 2^32 frames.
    void renew();

    // How many keys were derived so far: what frames of others cost besides being read.
    [[nodiscard]] std::uint64_t derivations() const;

    // Other configured nodes, from now on. What is known of those that stay, stays.
    void set_roster(const base::NodeSet& roster);

    // From now on these are live. What peers have sealed with a key that stays live opens as before.
    void change_keys(const MasterKeys& keys);
    // The peers whose newest frame was sealed with the live key `id`.
    [[nodiscard]] base::NodeSet senders(std::uint8_t id) const;

    [[nodiscard]] const std::array<std::uint64_t, kRejectedKinds>& rejected() const { return rejected_; }

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
    std::array<std::uint64_t, kRejectedKinds> rejected_{};
};

}  // namespace totem
