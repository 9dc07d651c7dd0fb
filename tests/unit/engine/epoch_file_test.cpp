#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>

#include "support.hpp"
#include "totem/engine/detail/epoch_file.hpp"
#include "totem/engine/detail/epoch_writer.hpp"

using namespace totem::detail;  // NOLINT(google-build-using-namespace)

TEST_CASE("an epoch is read back as it was written; the first start finds none") {
    engine_test::TemporaryDirectory directory;
    const std::string path = directory.file("epoch");
    REQUIRE(read_epoch_file(path));
    CHECK(*read_epoch_file(path) == Epoch{});
    for (const Epoch& epoch : {Epoch{1, 2}, Epoch{4096, 0}, Epoch{~std::uint64_t{0}, ~std::uint64_t{0}}}) {
        REQUIRE(write_epoch_file(path, epoch));
        REQUIRE(read_epoch_file(path));
        CHECK(*read_epoch_file(path) == epoch);
    }
    CHECK(::access((path + ".new").c_str(), F_OK) != 0);
    struct stat st {};
    REQUIRE(::stat(path.c_str(), &st) == 0);
    CHECK((st.st_mode & 0777U) == 0600U);
}

TEST_CASE("a damaged epoch file is an error that says what to do; no damage yields a number") {
    const std::string good = epoch_text({4096, 1234});
    CHECK(*parse_epoch(good, "epoch") == Epoch{4096, 1234});
    for (std::size_t at = 0; at < good.size(); ++at) {
        for (const char c : {'0', '5', ' ', '\n', 'x'}) {
            if (good[at] == c) continue;
            std::string bad = good;
            bad[at] = c;
            CAPTURE(bad);
            const auto result = parse_epoch(bad, "/var/lib/epoch");
            REQUIRE_FALSE(result);
            CHECK(result.error().message.find("/var/lib/epoch: ") == 0);
        }
    }
    for (std::size_t size = 0; size < good.size(); ++size)
        CHECK_FALSE(parse_epoch(good.substr(0, size), "epoch"));
    CHECK(parse_epoch("", "epoch").error().message.find("move it away and start again") != std::string::npos);
    CHECK(parse_epoch("custos-epoch 3\n1 1\n", "epoch").error().message.find("newer version") !=
          std::string::npos);
    CHECK_FALSE(parse_epoch(good + "1 1\n", "epoch"));
    CHECK_FALSE(parse_epoch("custos-epoch 1\n99999999999999999999 99999999999999999999\n", "epoch"));
}

TEST_CASE("the file of a former version gives its ring number") {
    CHECK(*parse_epoch("custos-epoch 1\n12 12\n", "epoch") == Epoch{12, 0});
    CHECK_FALSE(parse_epoch("custos-epoch 1\n12 12\n13 13\n", "epoch"));
}

TEST_CASE("an incarnation is above the clock and above that of the last start, whichever is higher") {
    engine_test::TemporaryDirectory directory;
    const std::string path = directory.file("epoch");
    CHECK(totem::next_incarnation(path, 1000)->value == 1000);
    REQUIRE(write_epoch_file(path, {5, 2000}));
    CHECK(totem::next_incarnation(path, 1000)->value == 2001);
    CHECK(totem::next_incarnation(path, 3000)->value == 3000);
    CHECK_FALSE(totem::next_incarnation("/nonexistent/custos/epoch", 1));
}

TEST_CASE("a missing directory is named") {
    const auto result = read_epoch_file("/nonexistent/custos/epoch");
    REQUIRE_FALSE(result);
    CHECK(result.error().message.find("/nonexistent/custos: ") == 0);
}

TEST_CASE("the writer answers when the epoch is durable, and keeps trying when it can't be") {
    engine_test::TemporaryDirectory directory;
    const std::string path = directory.file("epoch");
    Mailbox mailbox;
    const auto next = [&] {
        for (;;) {
            auto mail = mailbox.take();
            if (!mail.empty()) return mail;
            pollfd wait{mailbox.bell().fd(), POLLIN, 0};
            REQUIRE(::poll(&wait, 1, 20'000) == 1);
        }
    };
    EpochWriter writer(path, {}, mailbox);
    writer.write_ring_seq(64);
    auto mail = next();
    REQUIRE(mail.size() == 1);
    REQUIRE(std::holds_alternative<EpochWritten>(mail[0]));
    CHECK(std::get<EpochWritten>(mail[0]).epoch == Epoch{64, 0});
    CHECK(*read_epoch_file(path) == Epoch{64, 0});

    std::filesystem::create_directory(path + ".new");  // in the way of the temporary file
    writer.write_incarnation(7);
    mail = next();
    REQUIRE(std::holds_alternative<EpochNotWritten>(mail[0]));
    CHECK(std::get<EpochNotWritten>(mail[0]).why.find(path) == 0);
    CHECK(*read_epoch_file(path) == Epoch{64, 0});
    std::filesystem::remove(path + ".new");
    do {
        mail = next();
    } while (std::holds_alternative<EpochNotWritten>(mail[0]));
    CHECK(std::get<EpochWritten>(mail[0]).epoch == Epoch{64, 7});
    CHECK(*read_epoch_file(path) == Epoch{64, 7});
}
