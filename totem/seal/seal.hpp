// The seal: every frame on the wire is AES-256-GCM under a key derived from the cluster's key file. Nothing behind the fixed
// header is looked at before the tag was checked.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
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
    // Reads a key file's text (as written by `key_file_text`). Errors name what is wrong with it.
    static base::Result<MasterKey> parse(std::string_view text, std::string_view file_name);
    // A fresh random key from the operating system's generator.
    static base::Result<MasterKey> generate();
    explicit MasterKey(const std::array<std::uint8_t, kSize>& bytes) : bytes_(bytes) {}
    MasterKey(const MasterKey&) = default;
    MasterKey& operator=(const MasterKey&) = default;
    ~MasterKey();
    [[nodiscard]] base::ByteView bytes() const { return bytes_; }
    [[nodiscard]] std::string file_text() const;    // what `custos key generate` writes: magic, version, hex, newline
    [[nodiscard]] std::string fingerprint() const;  // 16 hex digits: safe to show

  private:
    std::array<std::uint8_t, kSize> bytes_{};
};

// Why a frame was not opened; counted, never logged one by one.
enum class Rejected {
    not_ours,     // not our magic or version, or too short: foreign traffic
    corosync,     // looks like a frame of corosync (named in status)
    cluster,      // another cluster's name
    node,         // sender is not configured, or is ourselves
    tag,          // wrong key or damaged
    replay,       // seen before, or older than the window
    incarnation,  // an older process start of that node
};
constexpr std::size_t kRejectedKinds = 7;
[[nodiscard]] const char* to_string(Rejected why);

struct OpenedFrame {
    base::NodeId sender;
    base::Incarnation incarnation;
    base::Bytes body;
};

// Seals our frames and opens the peers'. One object serves all links: one sealing serves all copies of a frame.
class Sealer {
  public:
    Sealer(MasterKey key, std::string cluster_name, base::NodeId self, base::Incarnation incarnation, base::NodeSet roster);
    Sealer(const Sealer&) = delete;
    Sealer& operator=(const Sealer&) = delete;
    ~Sealer();
    static constexpr std::size_t kOverhead = 64;  // header and tag: frame size = body size + kOverhead

    [[nodiscard]] base::Bytes seal(base::ByteView body);
    // Never throws and never allocates before the tag was checked.
    [[nodiscard]] std::variant<OpenedFrame, Rejected> open(base::ByteView frame);
    [[nodiscard]] const std::array<std::uint64_t, kRejectedKinds>& rejected() const { return rejected_; }

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
    std::array<std::uint64_t, kRejectedKinds> rejected_{};
};

}  // namespace totem
