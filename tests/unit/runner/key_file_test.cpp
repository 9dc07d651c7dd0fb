#include "agents/runner/key_file.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "agents/runner/codec.hpp"

namespace {

namespace fs = std::filesystem;

std::string content(const std::string& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::string text_of(char digit) {
    return "custos-key 1\n" + std::string(64, digit) + "\n";
}

mode_t mode(const std::string& path) {
    struct stat info {};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    return info.st_mode & 0777U;
}

}  // namespace

TEST_CASE("a key file is replaced whole, for its owner only, and the former one stays beside it") {
    char made[] = "/tmp/custos-key-XXXXXX";
    REQUIRE(::mkdtemp(made) != nullptr);
    const std::string folder = made, path = folder + "/authkey";
    REQUIRE(agents::replace_key_file(path, text_of('1')));
    CHECK(!fs::exists(path + ".old"));
    REQUIRE(agents::replace_key_file(path, text_of('2')));
    REQUIRE(agents::replace_key_file(path, text_of('3')));
    CHECK(content(path) == text_of('3'));
    CHECK(content(path + ".old") == text_of('2'));
    CHECK(mode(path) == 0400);
    CHECK(mode(path + ".old") == 0400);
    CHECK(!fs::exists(path + ".new"));
    // What is no key file is refused, and changes nothing.
    for (const std::string bad : {"", "nonsense", "custos-key 2\n0 send 12\n"})
        CHECK(!agents::replace_key_file(path, bad));
    CHECK(content(path) == text_of('3'));
    CHECK(!agents::replace_key_file("", text_of('4')));
    CHECK(!agents::replace_key_file(folder + "/none/authkey", text_of('4')));
    fs::remove_all(folder);
}

TEST_CASE("a key file's text and its answer cross between core and runner") {
    const auto body = [](const base::Bytes& frame) { return base::Bytes(frame.begin() + 4, frame.end()); };
    const auto there =
        agents::decode_to_runner(body(agents::encode_frame(agents::ToRunner{agents::WriteKey{"text"}})));
    REQUIRE(there);
    CHECK(std::get<agents::WriteKey>(*there).text == "text");
    for (const std::string trouble : {"", "disk full"}) {
        const auto back = agents::decode_from_runner(
            body(agents::encode_frame(agents::FromRunner{agents::KeyWritten{trouble}})));
        REQUIRE(back);
        CHECK(std::get<agents::KeyWritten>(*back).trouble == trouble);
    }
}
