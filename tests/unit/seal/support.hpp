#pragma once

#include <array>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "totem/base/rng.hpp"
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
    std::uint64_t seed{1};
    base::NodeSet roster{seal_test::roster()};
};
// Random bytes that are the same in each run.
inline totem::Sealer::Random seeded(std::uint64_t seed) {
    return [rng = base::Rng(seed)](std::span<std::uint8_t> out) mutable {
        for (std::uint8_t& b : out) b = static_cast<std::uint8_t>(rng.next());
    };
}
inline totem::Sealer start(const Start& s) {
    return totem::Sealer(key(s.key), s.cluster, base::NodeId{s.node}, base::Incarnation{s.incarnation},
                         s.roster, seeded(s.seed + 1000 * s.incarnation + s.node));
}

// Carries what the sealers have to say to each other until they are silent; returns how many frames that
// took.
inline int talk(std::vector<std::pair<std::uint32_t, totem::Sealer*>> nodes) {
    int frames = 0;
    for (bool said = true; said;) {
        said = false;
        for (auto& [id, speaker] : nodes) {
            for (const totem::SealReply& reply : speaker->take_replies()) {
                said = true;
                ++frames;
                for (auto& [other, listener] : nodes) {
                    if (base::NodeId{other} == reply.to) static_cast<void>(listener->open(reply.frame));
                }
            }
        }
    }
    return frames;
}

// Both have proven to each other that they are alive.
inline void acquaint(std::uint32_t a, totem::Sealer& one, std::uint32_t b, totem::Sealer& two) {
    static_cast<void>(two.open(one.seal(base::Bytes(64))));
    talk({{a, &one}, {b, &two}});
    static_cast<void>(two.take_proven());
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

inline constexpr char kUnproven[] = "unproven start of the node";

inline base::Instant at_ms(std::int64_t ms) {
    return base::Instant{} + base::milliseconds(ms);
}

// Time passes at a sealer that is awake.
inline void pass(totem::Sealer& at, std::int64_t from_ms, std::int64_t to_ms) {
    for (std::int64_t ms = from_ms; ms < to_ms; ms += 100) at.set_time(at_ms(ms));
    at.set_time(at_ms(to_ms));
}

// What was kept of starts that are proven now.
inline std::vector<std::string> proven(totem::Sealer& at) {
    std::vector<std::string> out;
    for (const totem::OpenedFrame& frame : at.take_proven()) out.emplace_back(base::as_text(frame.body));
    return out;
}

inline std::uint64_t count(const totem::Sealer& sealer, totem::Rejected why) {
    return sealer.rejected()[static_cast<std::size_t>(why)];
}

}  // namespace seal_test
