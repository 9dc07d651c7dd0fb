#include "tests/sim/stack/audit.hpp"

#include <cstring>

#include "tests/sim/stack/header.hpp"
#include "totem/base/check.hpp"

namespace stack_sim {
namespace {

class Hash {
  public:
    void add(std::uint64_t v) { value_ = (value_ ^ v) * 0x100000001b3ULL ^ (value_ >> 29); }
    void add(base::ByteView bytes) {
        for (; bytes.size() >= 8; bytes = bytes.subspan(8)) {
            std::uint64_t word = 0;
            std::memcpy(&word, bytes.data(), 8);
            add(word);
        }
        for (const std::uint8_t byte : bytes) add(byte);
    }
    [[nodiscard]] std::uint64_t value() const { return value_; }

  private:
    std::uint64_t value_{0xcbf29ce484222325ULL};
};

// The key's name, all that a sending key is derived from; and the nonce.
std::uint64_t place_of(const totem::MasterKey& master, const Header& h) {
    Hash place;
    place.add(master.bytes());
    place.add(std::uint64_t{h.stream} << 8 | h.key_id);
    place.add(std::uint64_t{h.sender} << 32 | h.epoch);
    for (const std::uint64_t part : {h.incarnation, h.salt, h.counter}) place.add(part);
    return place.value();
}

std::uint64_t hash_of(base::ByteView frame) {
    Hash whole;
    whole.add(frame);
    return whole.value();
}

}  // namespace

void Audit::sealed(const totem::MasterKeys& keys, base::ByteView frame) {
    ASSERT(frame.size() >= Header::kOverhead);
    const Header h(frame);
    const totem::MasterKey* const master = keys.find(h.key_id);
    if (master == nullptr) {
        if (violation_.empty()) violation_ = "the seal: a frame is sealed with a key that is not live";
        return;
    }
    const auto [at, is_new] = seen_.try_emplace(place_of(*master, h), hash_of(frame));
    if (is_new || at->second == hash_of(frame) || !violation_.empty()) return;
    violation_ = "the seal: process " + std::to_string(h.sender) + "/" + std::to_string(h.incarnation) +
                 " used counter " + std::to_string(h.counter) + " of epoch " + std::to_string(h.epoch) +
                 " twice under one key";
}

bool Audit::differs(const totem::MasterKeys& keys, base::ByteView frame) const {
    const Header h(frame);
    const totem::MasterKey* const master = keys.find(h.key_id);
    if (master == nullptr) return false;
    const auto at = seen_.find(place_of(*master, h));
    return at != seen_.end() && at->second != hash_of(frame);
}

}  // namespace stack_sim
