#include "tests/sim/stack/past.hpp"

#include <algorithm>

#include "tests/sim/stack/header.hpp"
#include "totem/base/check.hpp"

namespace stack_sim {

base::IpAddress address_of(std::size_t link, NodeId node) {
    base::IpAddress out;
    out.bytes = {10, static_cast<std::uint8_t>(link), 0, static_cast<std::uint8_t>(node.value)};
    return out;
}

base::IpAddress foreign_address(std::size_t link, NodeId node) {
    base::IpAddress out = address_of(link, node);
    out.bytes[2] = 99;
    return out;
}

Frame damage(const base::Bytes& frame, Junk how, base::Rng& rng) {
    auto out = std::make_shared<base::Bytes>(frame);
    if (how == Junk::noise) {
        for (std::uint8_t& byte : *out) byte = static_cast<std::uint8_t>(rng.next() >> 32);
    } else if (how == Junk::truncated) {
        out->resize(rng.below(out->size()));
    } else if (how == Junk::grown) {
        for (std::uint64_t n = 1 + rng.below(40); n > 0; --n)
            out->push_back(static_cast<std::uint8_t>(rng.next() >> 32));
    } else {
        for (std::uint64_t n = rng.chance(700) ? 1 : 1 + rng.below(20); n > 0; --n)
            (*out)[rng.below(out->size())] ^= static_cast<std::uint8_t>(1U << rng.below(8));
        if (*out == frame) out->back() ^= 1;
    }
    return out;
}

Frame forge(const Member& who, const base::NodeSet& roster, const totem::MasterKeys& keys, Junk how,
            base::Rng& rng) {
    std::array<std::uint8_t, totem::MasterKey::kSize> other{};
    for (std::uint8_t& byte : other) byte = static_cast<std::uint8_t>(rng.next() >> 32);
    const totem::MasterKeys stolen =
        how == Junk::other_key ? totem::MasterKeys({keys.sending().id, totem::MasterKey(other)}) : keys;
    auto source = std::make_shared<base::Rng>(rng.split());
    totem::Sealer sealer(stolen, how == Junk::other_cluster ? "another" : "sim", who.node, who.incarnation,
                         roster, [source](std::span<std::uint8_t> out) {
                             for (std::uint8_t& byte : out)
                                 byte = static_cast<std::uint8_t>(source->next() >> 32);
                         });
    base::Bytes body = totem::Ring::last_words();
    if (rng.chance(300)) {
        for (std::uint64_t n = rng.below(100); n > 0; --n)
            body.push_back(static_cast<std::uint8_t>(rng.next()));
    }
    if (rng.chance(300)) return std::make_shared<base::Bytes>(sealer.seal_last_words(body));
    return std::make_shared<base::Bytes>(sealer.seal(body));
}

void Past::sent(const Member& who, std::size_t link, const Frame& bytes, Instant now) {
    // "I knew a later start of yours" is true for ever: heard again it may still be news, to a process with a
    // clock that was set back.
    constexpr std::uint8_t kOutdated = 4;
    if (Header(*bytes).stream == kOutdated) return;
    Kind& kind = kinds_[{who, Header(*bytes).stream}];
    const std::uint64_t at = rng_.below(++kind.seen);  // reservoir sampling
    if (kind.kept.size() < kEach) {
        kind.kept.push_back({link, who.node, bytes, now});
    } else if (at < kEach) {
        kind.kept[at] = {link, who.node, bytes, now};
    }
}

void Past::watch(const Member& who) {
    watched_ = who;
    lately_.clear();
    next_ = 0;
}

void Past::received(const Member& who, std::size_t link, NodeId from, const Frame& bytes) {
    if (who != watched_ || Header(*bytes).stream == 1) return;
    if (lately_.size() < kLately) {
        lately_.push_back({link, from, bytes, {}});
    } else {
        lately_[next_ % kLately] = {link, from, bytes, {}};
    }
    ++next_;
}

std::vector<Past::Recorded> Past::of(const Member& who) const {
    std::vector<Recorded> out;
    for (const auto& [name, kind] : kinds_) {
        if (name.first == who) out.insert(out.end(), kind.kept.begin(), kind.kept.end());
    }
    return out;
}

std::vector<Member> Past::processes() const {
    std::vector<Member> out;
    for (const auto& [name, kind] : kinds_) {
        if (out.empty() || out.back() != name.first) out.push_back(name.first);
    }
    return out;
}

std::optional<Past::Recorded> Past::again() {
    if (lately_.empty()) return std::nullopt;
    const std::size_t back =
        rng_.chance(500) ? rng_.below(std::min<std::size_t>(4, lately_.size())) : rng_.below(lately_.size());
    return lately_[(next_ - 1 - back) % kLately];
}

}  // namespace stack_sim
