#include <doctest/doctest.h>
#include <poll.h>

#include <thread>

#include "totem/engine/detail/mailbox.hpp"

using namespace totem::detail;  // NOLINT(google-build-using-namespace)

namespace {

std::uint64_t number(const Command& command) {
    return std::get<EpochWritten>(command).epoch.ring_seq;
}

bool rings(const Mailbox& mailbox) {
    pollfd wait{mailbox.bell().fd(), POLLIN, 0};
    return ::poll(&wait, 1, 0) == 1;
}

}  // namespace

TEST_CASE("letters are taken in order, once; the bell rings while there are some") {
    Mailbox mailbox;
    CHECK_FALSE(rings(mailbox));
    for (std::uint64_t i = 0; i < 3; ++i) CHECK(mailbox.push(EpochWritten{{i, 0}}));
    CHECK(rings(mailbox));
    const auto mail = mailbox.take();
    REQUIRE(mail.size() == 3);
    for (std::uint64_t i = 0; i < 3; ++i) CHECK(number(mail[i]) == i);
    CHECK_FALSE(rings(mailbox));
    CHECK(mailbox.take().empty());
    CHECK(mailbox.push(Stop{}));
    CHECK(rings(mailbox));
}

TEST_CASE("a closed mailbox gives out what it has and takes no more") {
    Mailbox mailbox;
    CHECK(mailbox.push(EpochWritten{{1, 0}}));
    CHECK(mailbox.close().size() == 1);
    CHECK_FALSE(mailbox.push(EpochWritten{{2, 0}}));
    CHECK(mailbox.close().empty());
    CHECK(mailbox.take().empty());
    CHECK_FALSE(mailbox.push(EpochWritten{{3, 0}}));
}

TEST_CASE("threads push at once while one takes: nothing is lost or doubled, each thread's order holds") {
    constexpr std::uint64_t kThreads = 4;
    constexpr std::uint64_t kEach = 5'000;
    Mailbox mailbox;
    std::vector<std::thread> threads;
    for (std::uint64_t t = 0; t < kThreads; ++t) {
        threads.emplace_back([&mailbox, t] {
            for (std::uint64_t i = 0; i < kEach; ++i) mailbox.push(EpochWritten{{t << 32 | i, 0}});
        });
    }
    std::vector<std::uint64_t> next(kThreads, 0);
    bool in_order = true;
    for (std::uint64_t taken = 0; taken < kThreads * kEach;) {
        pollfd wait{mailbox.bell().fd(), POLLIN, 0};
        REQUIRE(::poll(&wait, 1, 20'000) == 1);
        for (const Command& command : mailbox.take()) {
            const std::uint64_t n = number(command);
            in_order = in_order && next[n >> 32] == (n & 0xffffffff);
            ++next[n >> 32];
            ++taken;
        }
    }
    for (auto& thread : threads) thread.join();
    CHECK(in_order);
    CHECK(mailbox.take().empty());
}
