// Opinions must come out the same in whatever order they meet: checked on random ones.
#include <doctest/doctest.h>

#include "totem/base/rng.hpp"
#include "totem/ring/standings.hpp"

using base::NodeId;
using totem::Standings;

namespace {

Standings draw(base::Rng& rng) {
    Standings s;
    for (std::uint64_t n = rng.below(8); n > 0; --n) {
        s.raise(NodeId{1 + static_cast<std::uint32_t>(rng.below(5))},
                {base::Incarnation{1 + rng.below(3)}, rng.chance(400)});
    }
    return s;
}

Standings merged(Standings a, const Standings& b) {
    for (const auto& n : b.list()) a.raise(n.node, n.standing);
    return a;
}

}  // namespace

TEST_CASE("merging standings is commutative, associative, idempotent, and only raises") {
    base::Rng rng(1);
    for (int i = 0; i < 5000; ++i) {
        const Standings a = draw(rng), b = draw(rng), c = draw(rng);
        REQUIRE(merged(a, b) == merged(b, a));
        REQUIRE(merged(merged(a, b), c) == merged(a, merged(b, c)));
        REQUIRE(merged(a, a) == a);
        REQUIRE(merged(merged(a, b), a) == merged(a, b));
        for (const auto& n : a.list()) REQUIRE(*merged(a, b).find(n.node) >= n.standing);
    }
}

TEST_CASE("a failed process stays failed, its successor lives, and the living are sorted") {
    Standings s;
    const totem::Member old{NodeId{2}, base::Incarnation{5}}, next{NodeId{2}, base::Incarnation{6}};
    CHECK(s.add({NodeId{9}, base::Incarnation{1}}));
    CHECK(s.add(old));
    CHECK(s.fail(old));
    CHECK_FALSE(s.add(old));
    CHECK_FALSE(s.alive(old));
    CHECK(s.add(next));
    CHECK_FALSE(s.fail(old));
    CHECK(s.alive(next));
    CHECK(s.living() == std::vector<totem::Member>{next, {NodeId{9}, base::Incarnation{1}}});
}
