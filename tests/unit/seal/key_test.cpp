#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "support.hpp"

using totem::MasterKey;

namespace {

std::string refusal(const std::string& text) {
    const auto key = MasterKey::parse(text, "authkey");
    return key ? "accepted" : key.error().message;
}

bool contains(const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
}

struct TemporaryFile {
    TemporaryFile() {
        const int fd = ::mkstemp(path.data());
        REQUIRE(fd >= 0);
        ::close(fd);
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    ~TemporaryFile() { std::remove(path.c_str()); }
    std::string path{"/tmp/custos-key-test-XXXXXX"};
};

}  // namespace

TEST_CASE("a generated key survives the way through its file's text") {
    const auto key = MasterKey::generate();
    REQUIRE(key);
    const std::string text = key->file_text();
    CHECK(text.substr(0, 13) == "custos-key 1\n");
    CHECK(text.size() == 13 + 64 + 1);
    const auto back = MasterKey::parse(text, "authkey");
    REQUIRE(back);
    CHECK(back->fingerprint() == key->fingerprint());
    CHECK(base::Bytes(back->bytes().begin(), back->bytes().end()) ==
          base::Bytes(key->bytes().begin(), key->bytes().end()));
    CHECK(MasterKey::generate()->fingerprint() != key->fingerprint());
}

TEST_CASE("the fingerprint is 16 hex digits that are no part of the key") {
    const MasterKey key = seal_test::key(7);
    CHECK(key.fingerprint().size() == 16);
    CHECK(key.fingerprint().find_first_not_of("0123456789abcdef") == std::string::npos);
    CHECK_FALSE(contains(key.file_text(), key.fingerprint().c_str()));
}

TEST_CASE("anything but a key file is refused with what to do") {
    const std::string good = seal_test::key(0xab).file_text();
    CHECK(refusal(good) == "accepted");
    CHECK(refusal(good + "\r\n \n") == "accepted");
    CHECK(contains(refusal(""), "empty"));
    CHECK(contains(refusal("nonsense\n"), "custos key generate"));
    CHECK(contains(refusal("custos-key 2\n" + good.substr(13)), "does not know"));
    CHECK(contains(refusal(good.substr(0, 40)), "expected 64 hex digits, found 27"));
    CHECK(contains(refusal(good + "00"), "expected 64 hex digits"));
    std::string damaged = good;
    damaged[13 + 5] = 'x';
    CHECK(contains(refusal(damaged), "line 2, column 6"));
    for (std::size_t size = 0; size + 1 < good.size(); ++size)
        CHECK(refusal(good.substr(0, size)) != "accepted");
}

TEST_CASE("a corosync authkey is named as such") {
    std::string authkey;
    for (int i = 0; i < 256; ++i) authkey.push_back(static_cast<char>(i * 37 + 11));
    const std::string message = refusal(authkey);
    CHECK(contains(message, "authkey: is binary (256 bytes), as corosync's authkey is"));
    CHECK(contains(message, "custos key generate"));
}

TEST_CASE("a key file that others could read is refused") {
    TemporaryFile file;
    std::ofstream(file.path) << seal_test::key(3).file_text();
    REQUIRE(::chmod(file.path.c_str(), 0400) == 0);
    const auto key = MasterKey::load(file.path);
    REQUIRE(key);
    CHECK(key->fingerprint() == seal_test::key(3).fingerprint());
    REQUIRE(::chmod(file.path.c_str(), 0440) == 0);
    const auto open_to_group = MasterKey::load(file.path);
    REQUIRE_FALSE(open_to_group);
    CHECK(contains(open_to_group.error().message, "chmod 0400"));
    const auto missing = MasterKey::load(file.path + ".none");
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code == base::Errc::not_found);
    CHECK_FALSE(MasterKey::load("/tmp"));
}
