#pragma once

#include <array>
#include <string>

#include "totem/seal/seal.hpp"

namespace seal_test {

inline totem::MasterKey key(std::uint8_t fill) {
    std::array<std::uint8_t, totem::MasterKey::kSize> bytes{};
    bytes.fill(fill);
    return totem::MasterKey(bytes);
}

inline base::NodeSet roster() {
    return {base::NodeId{1}, base::NodeId{2}, base::NodeId{3}};
}

struct Start {
    std::uint32_t node{1};
    std::uint64_t incarnation{100};
    std::uint8_t key{7};
    const char* cluster{"lab"};
    base::NodeSet roster{seal_test::roster()};
};
inline totem::Sealer start(const Start& s) {
    return totem::Sealer(key(s.key), s.cluster, base::NodeId{s.node}, base::Incarnation{s.incarnation},
                         s.roster);
}

inline base::Bytes bytes(const std::string& text) {
    return {text.begin(), text.end()};
}

// "opened: TEXT", or why it was not.
inline std::string outcome(totem::Sealer& receiver, base::ByteView frame) {
    const auto result = receiver.open(frame);
    if (const auto* why = std::get_if<totem::Rejected>(&result)) return totem::to_string(*why);
    return "opened: " + std::string(base::as_text(std::get_if<totem::OpenedFrame>(&result)->body));
}

inline std::uint64_t count(const totem::Sealer& sealer, totem::Rejected why) {
    return sealer.rejected()[static_cast<std::size_t>(why)];
}

}  // namespace seal_test
