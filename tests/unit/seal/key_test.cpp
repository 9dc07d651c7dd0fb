#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "support.hpp"

using totem::MasterKey;
using totem::MasterKeys;

namespace {

std::string refusal(const std::string& text) {
    const auto key = MasterKeys::parse(text, "authkey");
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
    const auto back = MasterKeys::parse(text, "authkey");
    REQUIRE(back);
    CHECK(back->sending().key.fingerprint() == key->fingerprint());
    CHECK(base::Bytes(back->sending().key.bytes().begin(), back->sending().key.bytes().end()) ==
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
    CHECK(contains(refusal("custos-key 3\n" + good.substr(13)), "does not know"));
    CHECK(contains(refusal(good.substr(0, 40)), "expected 64 hex digits, found 27"));
    CHECK(contains(refusal(good + "00"), "expected 64 hex digits"));
    std::string damaged = good;
    damaged[13 + 5] = 'x';
    CHECK(contains(refusal(damaged), "line 2, column 6"));
    for (std::size_t size = 0; size + 1 < good.size(); ++size)
        CHECK(refusal(good.substr(0, size)) != "accepted");
}

TEST_CASE("a file may hold two keys, one of which is for sending") {
    const MasterKeys both({7, seal_test::key(1)}, MasterKeys::Live{255, seal_test::key(2)});
    const std::string text = both.file_text();
    const auto back = MasterKeys::parse(text, "authkey");
    REQUIRE(back);
    CHECK((*back == both));
    CHECK(back->find(7)->fingerprint() == seal_test::key(1).fingerprint());
    CHECK(back->find(255)->fingerprint() == seal_test::key(2).fingerprint());
    CHECK(back->find(0) == nullptr);

    const std::string one(64, '1');
    const std::string two(64, '2');
    const auto file = [](const std::string& lines) { return refusal("custos-key 2\n" + lines); };
    CHECK(file("0 accept " + one + "\n1 send " + two + "\n") == "accepted");
    CHECK(MasterKeys::parse("custos-key 2\n0 accept " + one + "\n1 send " + two, "f")->sending().id == 1);
    CHECK(file("3 send " + one + "\n") == "accepted");
    CHECK(contains(file("3 accept " + one + "\n"), "exactly one"));
    CHECK(contains(file("3 send " + one + "\n4 send " + two), "exactly one"));
    CHECK(contains(file("3 send " + one + "\n3 accept " + two), "both of its keys have the id 3"));
    CHECK(contains(file("1 send " + one + "\n2 accept " + two + "\n3 accept " + one), "more than two"));
    CHECK(contains(file("256 send " + one), "line 2: expected an id"));
    CHECK(contains(file("1  send " + one), "line 2: expected an id"));
    CHECK(contains(file("1 sends " + one), "line 2: expected an id"));
    CHECK(contains(file("1 send " + one + "\n\n2 accept " + two), "line 3: expected an id"));
    CHECK(contains(file("1 send " + one + "\n2 accept 22"), "line 3: expected 64 hex digits, found 2"));
    CHECK(contains(file("12 send " + one.substr(1) + "x"), "line 2, column 72"));
    CHECK(contains(file(""), "exactly one"));
    for (std::size_t size = 0; size + 1 < text.size(); ++size)
        CHECK((refusal(text.substr(0, size)) != "accepted" || size == 13 + 7 + 64 || size == 13 + 7 + 65));
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
    const auto key = MasterKeys::load(file.path);
    REQUIRE(key);
    CHECK(key->sending().key.fingerprint() == seal_test::key(3).fingerprint());
    REQUIRE(::chmod(file.path.c_str(), 0440) == 0);
    const auto open_to_group = MasterKeys::load(file.path);
    REQUIRE_FALSE(open_to_group);
    CHECK(contains(open_to_group.error().message, "chmod 0400"));
    const auto missing = MasterKeys::load(file.path + ".none");
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code == base::Errc::not_found);
    CHECK_FALSE(MasterKeys::load("/tmp"));
}
