#include <doctest/doctest.h>

#include <set>

#include "totem/base/rng.hpp"
#include "totem/ring/window.hpp"

using base::Seq;
using totem::Window;

namespace {

totem::wire::Data datagram(std::uint64_t seq) {
    totem::wire::Data data;
    data.seq = Seq{seq};
    data.payload = {static_cast<std::uint8_t>(seq)};
    return data;
}

}  // namespace

TEST_CASE("a window agrees with a plain set of received numbers") {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        base::Rng rng(seed);
        Window window(60);
        std::set<std::uint64_t> received;  // all ever
        std::uint64_t freed = 0;
        for (int step = 0; step < 400; ++step) {
            const std::uint64_t seq = 1 + rng.below(freed + 80);
            const bool is_new = seq > freed && seq <= freed + 60 && received.count(seq) == 0;
            CHECK(window.insert(datagram(seq)) == is_new);
            if (is_new) received.insert(seq);
            std::uint64_t aru = 0;
            while (received.count(aru + 1) != 0) ++aru;
            CHECK(window.aru() == Seq{aru});
            CHECK(window.high() == Seq{std::max(freed, received.empty() ? 0 : *received.rbegin())});
            std::vector<Seq> gaps;
            for (std::uint64_t s = aru + 1; s <= freed + 70 && gaps.size() < 5; ++s) {
                if (received.count(s) == 0) gaps.push_back(Seq{s});
            }
            CHECK(window.missing(Seq{freed + 70}, 5) == gaps);
            if (rng.chance(100) && aru > freed) {
                freed += rng.below(aru - freed + 1);
                window.free_to(Seq{freed});
            }
            std::set<std::uint64_t> above;
            for (const totem::wire::Range& range : window.held(1000)) {
                CHECK(received.count(range.first.value - 1) == 0);
                CHECK(received.count(range.last.value + 1) == 0);
                for (Seq s = range.first; s <= range.last; ++s.value) above.insert(s.value);
            }
            CHECK(above == std::set<std::uint64_t>(received.upper_bound(aru), received.end()));
            std::vector<totem::wire::Range> few = window.held(1000);
            if (few.size() > 2) few.resize(2);
            CHECK(window.held(2) == few);
            const std::uint64_t probe = 1 + rng.below(freed + 80);
            CHECK((window.find(Seq{probe}) != nullptr) == (probe > freed && received.count(probe) != 0));
            window.check_invariants();
        }
    }
}
