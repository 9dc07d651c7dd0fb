#include <cstdint>
#include <string>

#include "manager/model/configuration.hpp"

namespace manager {
namespace {

// FNV-1a, 64 bits (Fowler, Noll, Vo). Each field is preceded by its length: "ab","c" differs from "a","bc".
class Digest {
  public:
    void add(std::uint64_t number) {
        for (int shift = 0; shift < 64; shift += 8) byte(static_cast<std::uint8_t>(number >> shift));
    }
    void add(const std::string& text) {
        add(static_cast<std::uint64_t>(text.size()));
        for (const char c : text) byte(static_cast<std::uint8_t>(c));
    }
    void add(const Attributes& attributes) {
        add(static_cast<std::uint64_t>(attributes.size()));
        for (const auto& [name, value] : attributes) {
            add(name);
            add(value);
        }
    }
    [[nodiscard]] std::string hex() const {
        std::string text;
        for (int shift = 60; shift >= 0; shift -= 4) text += "0123456789abcdef"[(hash_ >> shift) & 15U];
        return text;
    }

  private:
    void byte(std::uint8_t value) {
        hash_ ^= value;
        hash_ *= 0x100000001b3ULL;
    }
    std::uint64_t hash_{0xcbf29ce484222325ULL};
};

}  // namespace

std::string params_digest(const Primitive& primitive) {
    Digest digest;
    digest.add(to_string(primitive.agent));
    digest.add(primitive.params);
    return digest.hex();
}

std::string monitors_digest(const Configuration& config, const Primitive& primitive) {
    const auto monitors = recurring_monitors(config, primitive);
    if (monitors.empty()) return "";
    Digest digest;
    for (const OperationSpec* op : monitors) {
        digest.add(static_cast<std::uint64_t>(op->interval.ns));
        digest.add(
            static_cast<std::uint64_t>(operation_timeout(config, primitive, op->name, op->interval).ns));
        Attributes other = op->attributes;
        // The timeout is in already, as a duration ("60" and "1min" are one); on-fail is the scheduler's
        // affair, not the executor's.
        other.erase("timeout");
        other.erase("on-fail");
        digest.add(other);
    }
    return digest.hex();
}

}  // namespace manager
