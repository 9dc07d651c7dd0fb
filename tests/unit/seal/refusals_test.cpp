#include "totem/seal/refusals.hpp"

#include <doctest/doctest.h>

using totem::RefusalLog;
using totem::Rejected;

namespace {

const base::IpAddress kNine = *base::parse_ip("10.0.0.9"), kTen = *base::parse_ip("fd00::10");

base::Instant at_s(std::int64_t s) {
    return base::Instant{} + base::seconds(s);
}

}  // namespace

TEST_CASE(
    "refused frames are told in one line each ten seconds at most, and none is left out of the counts") {
    RefusalLog log;
    CHECK_FALSE(log.line(at_s(1)));
    log.refused(Rejected::tag, kNine);
    CHECK(log.line(at_s(1)) == "refused 1 frame: 1 wrong key; the last came from 10.0.0.9");
    CHECK_FALSE(log.line(at_s(30)));
    for (std::int64_t s = 2; s < 11; ++s) {
        for (int i = 0; i < 1000; ++i) log.refused(Rejected::claims, kNine);
        log.refused(Rejected::node, kNine);
        log.wrong_source(kTen);
        CHECK_FALSE(log.line(at_s(s)));
    }
    CHECK(
        log.line(at_s(11)) ==
        "refused 9018 frames: 9 unknown node, 9000 too many claims, 9 from another address than the node's; "
        "the last came from fd00::10");
    CHECK_FALSE(log.line(at_s(21)));
    log.refused(Rejected::corosync, kTen);
    CHECK(log.line(at_s(21)) == "refused 1 frame: 1 corosync; the last came from fd00::10");
}

TEST_CASE("what ordinary traffic brings along is no news") {
    RefusalLog log;
    for (const Rejected why :
         {Rejected::own, Rejected::replay, Rejected::unproven, Rejected::incarnation, Rejected::handshake})
        log.refused(why, kNine);
    CHECK_FALSE(log.line(at_s(1)));
}
