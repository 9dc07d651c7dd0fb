// Forged frames: what they cost us, and what they cost those who are real.
#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "support.hpp"

using base::microseconds;
using base::milliseconds;
using base::seconds;
using seal_test::acquaint;
using seal_test::bytes;
using seal_test::count;
using seal_test::outcome;
using seal_test::start;
using totem::Rejected;
using totem::Sealer;

namespace {

constexpr std::uint8_t kRing = 0, kWords = 1, kChallenge = 2, kAnswer = 3, kOutdated = 4;
constexpr std::uint64_t kProven = 100;  // the incarnation of node 1 that node 2 knows

// Frames that claim to be of node 1: well-formed headers, each with a claim of its own, and rubbish behind.
class Forger {
  public:
    explicit Forger(std::uint64_t seed) : rng_(seed) {}
    base::Bytes frame(std::uint8_t stream, std::uint64_t incarnation) {
        const std::size_t body = stream == kChallenge ? 60 : stream == kAnswer ? 56 : 64;
        base::Bytes out = sealed_like(body);
        out[4] = stream;
        put(out, 20, 4, 2 + rng_.below(1U << 30));  // epoch
        put(out, 24, 8, incarnation);
        for (std::size_t at = 32; at < out.size(); at += 4) put(out, at, 4, rng_.next());
        return out;
    }

  private:
    static base::Bytes sealed_like(std::size_t body) {
        return start({.node = 1, .incarnation = kProven, .key = 9}).seal(base::Bytes(body));
    }
    static void put(base::Bytes& out, std::size_t at, std::size_t size, std::uint64_t value) {
        for (std::size_t i = 0; i < size; ++i) out[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
    }
    base::Rng rng_;
};

struct Kind {
    const char* name;
    std::uint8_t stream;
    std::uint64_t incarnation;
    std::uint64_t most;  // derivations in a second
};
const Kind kKinds[] = {{"a new epoch", kRing, kProven, 8000},       {"a new start", kRing, kProven + 1, 2000},
                       {"a former start", kRing, kProven - 1, 100}, {"last words", kWords, kProven, 100},
                       {"a challenge", kChallenge, kProven, 1000},  {"an answer", kAnswer, kProven, 1000},
                       {"outdated", kOutdated, kProven, 100}};

}  // namespace

TEST_CASE("forged claims: one key is derived for each until too many came, then few") {
    for (const Kind& kind : kKinds) {
        CAPTURE(kind.name);
        Sealer one = start({.node = 1, .incarnation = kProven});
        Sealer two = start({.node = 2});
        base::Instant now{seconds(5).ns};
        two.set_time(now);
        two.set_horizon(seconds(10));  // node 1 is silent for a while
        acquaint(1, one, 2, two);
        now = now + seconds(2);
        two.set_time(now);
        if (kind.stream == kAnswer) {  // looked at while a question is open
            Sealer other = start({.node = 1, .incarnation = kProven + 5});
            static_cast<void>(two.open(other.seal(base::Bytes(200))));
            REQUIRE(two.take_replies().size() == 1);
        }
        Forger forger(1);
        constexpr std::uint64_t kFrames = 20'000;
        const std::uint64_t before = two.derivations();
        const base::Bytes forged = forger.frame(kind.stream, kind.incarnation);
        for (std::uint64_t n = 0; n < kFrames; ++n) {
            now = now + seconds(1) / kFrames;
            two.set_time(now);
            base::Bytes frame = forged;
            for (std::size_t i = 0; i < 8; ++i) frame[32 + i] = static_cast<std::uint8_t>(n >> (8 * i));
            CHECK(two.open(frame).index() == 1);
        }
        const std::uint64_t derived = two.derivations() - before;
        CHECK(derived <= kind.most + 32);
        CHECK(derived >= kind.most);
        CHECK(count(two, Rejected::claims) >= kFrames - derived - 1);
        CHECK(outcome(two, one.seal(bytes("x"))) == "opened: x");  // known keys cost none
    }
}

TEST_CASE("forged claims of all nodes together cost no more than a bound") {
    base::NodeSet many;
    for (std::uint32_t n = 1; n <= 40; ++n) many.insert(base::NodeId{n});
    Sealer two = start({.node = 2, .roster = many});
    Forger forger(2);
    base::Bytes frame = forger.frame(kRing, kProven);
    base::Instant now{seconds(5).ns};
    const std::uint64_t before = two.derivations();
    for (std::uint32_t n = 0; n < 100'000; ++n) {
        now = now + microseconds(10);
        two.set_time(now);
        frame[16] = static_cast<std::uint8_t>(3 + n % 38);
        for (std::size_t i = 0; i < 4; ++i) frame[32 + i] = static_cast<std::uint8_t>(n >> (8 * i));
        CHECK(two.open(frame).index() == 1);
    }
    CHECK(two.derivations() - before <= 10'000 + 256);
    CHECK(two.derivations() - before >= 9'000);
}

namespace {

// Streams and incarnations that are forged.
using Weapons = std::vector<std::pair<std::uint8_t, std::uint64_t>>;

// Node 2 under a flood; node 1 says something every 20 ms. How long until node 2 believes it?
struct Siege {
    Sealer two = start({.node = 2, .incarnation = 7});
    base::Instant now{seconds(5).ns};
    Forger forger;
    std::vector<base::Bytes> forged;

    Siege(std::uint64_t seed, const Weapons& weapons) : forger(seed) {
        two.set_time(now);
        for (int i = 0; i < 512; ++i) {
            for (const auto& [stream, incarnation] : weapons)
                forged.push_back(forger.frame(stream, incarnation));
        }
    }
    // Forged frames for so long: 50,000 a second, at no regular intervals.
    void storm(base::Duration time, base::Rng& rng) {
        const base::Instant end = now + time;
        for (;;) {
            now.ns += static_cast<std::int64_t>(rng.below(40'000));
            two.set_time(now);
            if (now >= end) return;
            base::Bytes& frame = forged[rng.below(forged.size())];
            frame[32] = static_cast<std::uint8_t>(frame[32] + 1);
            static_cast<void>(two.open(frame));
        }
    }
    base::Duration until_believed(Sealer& one, base::Rng& rng, base::Duration limit) {
        const base::Instant from = now;
        while (now - from < limit) {
            storm(milliseconds(19), rng);
            one.set_time(now);
            if (two.open(one.seal(base::Bytes(100))).index() == 0) return now - from;
            // A round trip takes a moment, in which forged frames come as well.
            for (int hop = 0; hop < 2; ++hop) {
                storm(microseconds(500), rng);
                one.set_time(now);
                for (const totem::SealReply& reply : two.take_replies())
                    static_cast<void>(one.open(reply.frame));
                for (const totem::SealReply& reply : one.take_replies())
                    static_cast<void>(two.open(reply.frame));
            }
        }
        return limit;
    }
};

// The longest that it takes for a new start of node 1, or for a new epoch, of ten tries.
base::Duration longest(const Weapons& weapons, bool new_start) {
    base::Duration worst{};
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        base::Rng rng(seed);
        Siege siege(seed, weapons);
        Sealer one = start({.node = 1, .incarnation = kProven});
        acquaint(1, one, 2, siege.two);
        siege.storm(seconds(1), rng);
        Sealer again = start({.node = 1, .incarnation = kProven + 9});
        again.set_time(siege.now);
        one.renew();
        worst = std::max(worst, siege.until_believed(new_start ? again : one, rng, seconds(20)));
    }
    return worst;
}

}  // namespace

TEST_CASE("a start that is real is believed within seconds amid 50,000 forged frames a second") {
    constexpr std::uint64_t kNew = kProven + 9;
    for (const Weapons& weapons : {Weapons{{kRing, kNew}}, Weapons{{kAnswer, kNew}},
                                   Weapons{{kRing, kNew}, {kAnswer, kNew}, {kRing, kProven}}}) {
        const base::Duration worst = longest(weapons, true);
        CAPTURE(worst.ms());
        CHECK(worst < seconds(5));
    }
}

TEST_CASE("a new epoch is taken in before a token would be lost amid 50,000 forged frames a second") {
    const base::Duration worst = longest({{kRing, kProven}}, false);
    CAPTURE(worst.ms());
    CHECK(worst < milliseconds(900));
}
