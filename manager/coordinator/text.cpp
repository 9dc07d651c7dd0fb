#include "manager/coordinator/text.hpp"

namespace manager {

namespace {

constexpr std::size_t kLongest = 500;

// Length of the valid UTF-8 sequence that starts at `at`, 0 if there is none (RFC 3629).
std::size_t sequence(const std::string& text, std::size_t at) {
    const auto byte = [&](std::size_t i) {
        return static_cast<unsigned char>(i < text.size() ? text[i] : '\0');
    };
    const auto tail = [&](std::size_t i) { return (byte(i) & 0xc0) == 0x80; };
    const unsigned char lead = byte(at);
    if (lead < 0x80) return 1;
    if (lead >= 0xc2 && lead <= 0xdf) return tail(at + 1) ? 2 : 0;
    const unsigned char next = byte(at + 1);
    if (lead >= 0xe0 && lead <= 0xef) {
        if (lead == 0xe0 && next < 0xa0) return 0;
        if (lead == 0xed && next > 0x9f) return 0;
        return tail(at + 1) && tail(at + 2) ? 3 : 0;
    }
    if (lead >= 0xf0 && lead <= 0xf4) {
        if (lead == 0xf0 && next < 0x90) return 0;
        if (lead == 0xf4 && next > 0x8f) return 0;
        return tail(at + 1) && tail(at + 2) && tail(at + 3) ? 4 : 0;
    }
    return 0;
}

}  // namespace

std::string printable(const std::string& text) {
    std::string out;
    for (std::size_t at = 0; at < text.size() && out.size() < kLongest;) {
        const std::size_t length = sequence(text, at);
        const bool control = static_cast<unsigned char>(text[at]) < 0x20 || text[at] == 0x7f;
        if (length == 0 || control) {
            out += control ? ' ' : '?';
            ++at;
        } else {
            out.append(text, at, length);
            at += length;
        }
    }
    return out;
}

}  // namespace manager
