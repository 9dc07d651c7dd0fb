#include "agents/vip/claim.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

using agents::ArpSighting;
using agents::Claim;
using agents::Ipv4;
using agents::Mac;
using base::Instant;
using base::milliseconds;
using base::seconds;

namespace {

constexpr Mac kOwn{{2, 0, 0, 0, 0, 1}};
constexpr Mac kSecondOwn{{2, 0, 0, 0, 0, 2}};
constexpr Mac kOther{{2, 0, 0, 0, 0, 9}};
constexpr Ipv4 kIp{0xc000020a};
constexpr Instant kStart{1'000'000'000};

Claim claim(Claim::Probe probe, agents::AnnounceOptions announce = {}) {
    return {kIp, kOwn, {kOwn, kSecondOwn}, announce, probe, kStart};
}

// Lets the claim run to `until` by its own deadlines, adding the address as soon as it may; a line for each
// frame that it sent: milliseconds and kind.
std::string run(Claim& c, Instant until, Instant now = kStart) {
    std::string log;
    while (now <= until) {
        c.advance(now);
        if (c.phase() == Claim::Phase::adding) {
            c.added(now);
            c.advance(now);
        }
        for (const auto& frame : c.take_frames()) {
            const auto seen = agents::parse_arp(frame);
            REQUIRE(seen);
            const char* kind = seen->reply ? "reply" : seen->sender_ip == kIp ? "request" : "probe";
            log += std::to_string((now - kStart).ms()) + " " + kind + "\n";
        }
        const Instant next = c.next_deadline();
        REQUIRE(next > now);
        now = next;
    }
    return log;
}

}  // namespace

TEST_CASE("a claim probes twice, waits as long again, and announces at 0, 50, 200 ms, 1, 2 and 5 s") {
    Claim c = claim(Claim::Probe::full);
    CHECK(run(c, kStart + seconds(60)) ==
          "0 probe\n20 probe\n"
          "40 request\n40 reply\n90 request\n90 reply\n240 request\n240 reply\n"
          "1040 request\n1040 reply\n2040 request\n2040 reply\n5040 request\n5040 reply\n");
    CHECK(c.phase() == Claim::Phase::owned);
    CHECK(c.next_deadline() == Instant::never());
}

TEST_CASE("after a proven stop one probe is enough; an address that is ours already needs none") {
    Claim brief = claim(Claim::Probe::brief);
    CHECK(run(brief, kStart + milliseconds(20)) == "0 probe\n20 request\n20 reply\n");
    Claim none = claim(Claim::Probe::none);
    CHECK(run(none, kStart) == "0 request\n0 reply\n");
}

TEST_CASE("count and interval of the administrator replace our schedule") {
    Claim c = claim(Claim::Probe::none, {3, milliseconds(100), 0});
    CHECK(run(c, kStart + seconds(9)) ==
          "0 request\n0 reply\n100 request\n100 reply\n200 request\n200 reply\n");
}

TEST_CASE("an answer from another host while probing is a conflict, and nothing more is sent") {
    for (const bool reply : {true, false}) {
        Claim c = claim(Claim::Probe::full);
        c.advance(kStart);
        c.heard({kOther, kIp, Ipv4{1}, reply});
        CHECK(c.phase() == Claim::Phase::conflict);
        CHECK(*c.conflict() == kOther);
        CHECK(c.take_frames().empty());
        CHECK(c.next_deadline() == Instant::never());
    }
}

TEST_CASE("our own hardware addresses, other addresses, and probes of others are no conflict") {
    Claim c = claim(Claim::Probe::full);
    c.advance(kStart);
    c.heard({kSecondOwn, kIp, Ipv4{1}, true});
    c.heard({kOther, Ipv4{0xc000020b}, kIp, true});
    c.heard({kOther, Ipv4{}, kIp, false});
    CHECK(c.phase() == Claim::Phase::probing);
}

TEST_CASE("once the address is ours a claim of others is not this machine's business") {
    Claim c = claim(Claim::Probe::none);
    c.added(kStart);
    c.heard({kOther, kIp, kIp, true});
    CHECK_FALSE(c.conflict());
}

TEST_CASE("a pause of this process while probing: a probe that had no time to be answered proves nothing") {
    Claim c = claim(Claim::Probe::full);
    const Instant late = kStart + seconds(3);
    c.advance(late);
    CHECK(c.take_frames().size() == 2);
    CHECK(c.phase() == Claim::Phase::probing);
    CHECK(c.next_deadline() == late + agents::kProbeGap);
    c.advance(late + agents::kProbeGap);
    CHECK(c.phase() == Claim::Phase::adding);
}

TEST_CASE("frames that could not be sent are due again soon, and the later ones follow from there") {
    Claim c = claim(Claim::Probe::none);
    c.added(kStart);
    c.advance(kStart);
    CHECK(c.take_frames().size() == 2);
    c.send_failed(kStart);
    CHECK(c.next_deadline() == kStart + milliseconds(10));
    c.advance(kStart + milliseconds(10));
    CHECK(c.take_frames().size() == 2);
    c.send_failed(kStart + milliseconds(10));
    CHECK(c.next_deadline() == kStart + milliseconds(30));
    CHECK(run(c, kStart + milliseconds(100), kStart + milliseconds(30)) ==
          "30 request\n30 reply\n80 request\n80 reply\n");
}

TEST_CASE("an interface that stays down is given up after a minute; the address stays ours") {
    Claim c = claim(Claim::Probe::none);
    c.added(kStart);
    Instant now = kStart;
    int tries = 0;
    for (; now < kStart + seconds(120) && c.next_deadline() != Instant::never(); ++tries) {
        now = std::max(now, c.next_deadline());
        c.advance(now);
        if (!c.take_frames().empty()) c.send_failed(now);
    }
    CHECK(c.phase() == Claim::Phase::owned);
    CHECK((now - kStart) > seconds(60));
    CHECK((now - kStart) < seconds(63));
    CHECK(tries < 80);
}

TEST_CASE(
    "announcing again starts the whole schedule; a refresh sends what it was asked for, once the schedule is "
    "done") {
    Claim c = claim(Claim::Probe::none);
    run(c, kStart + seconds(10));
    c.announce_again(kStart + seconds(20));
    CHECK(run(c, kStart + milliseconds(20'050), kStart + seconds(20)) ==
          "20000 request\n20000 reply\n20050 request\n20050 reply\n");
    c.refresh(kStart + milliseconds(20'100), 1);
    CHECK(c.next_deadline() == kStart + milliseconds(20'200));
    run(c, kStart + seconds(30), c.next_deadline());
    c.refresh(kStart + seconds(30), 2);
    CHECK(run(c, kStart + seconds(40), kStart + seconds(30)) ==
          "30000 request\n30000 reply\n30200 request\n30200 reply\n");
}
