// On a real file system.
#include "totem/base/files.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace {

namespace fs = std::filesystem;

std::string content(const std::string& path) {
    const auto read = base::read_file(path);
    REQUIRE(read);
    return *read;
}

mode_t mode(const std::string& path) {
    struct stat info {};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    return info.st_mode & 07777U;
}

}  // namespace

TEST_CASE("a file is replaced whole, with its mode, and the former one stays where it is asked to") {
    char made[] = "/tmp/custos-replace-XXXXXX";
    REQUIRE(::mkdtemp(made) != nullptr);
    const std::string folder = made, path = folder + "/file", kept = folder + "/kept";
    const auto put = [&](const std::string& text, const base::NewFile& how) {
        return base::replace_file(path, base::as_bytes(text), how);
    };
    REQUIRE(put("first", {0400, {}, kept}));  // there is none to keep
    CHECK(!fs::exists(kept));
    CHECK(mode(path) == 0400);
    const mode_t before = ::umask(077);
    REQUIRE(put("second", {0664, {}, kept}));
    ::umask(before);
    CHECK(content(path) == "second");
    CHECK(mode(path) == 0664);
    CHECK(content(kept) == "first");
    REQUIRE(put("", {}));
    CHECK(content(path).empty());
    CHECK(mode(path) == 0600);
    CHECK(content(kept) == "first");
    // What lies at the temporary name is not followed.
    const std::string victim = folder + "/victim";
    std::ofstream(victim) << "mine";
    fs::create_symlink(victim, path + ".new");
    REQUIRE(put("third", {}));
    CHECK(content(victim) == "mine");
    CHECK(content(path) == "third");
    CHECK(!fs::exists(path + ".new"));
    CHECK(!base::replace_file(folder + "/none/file", {}));
    CHECK(!base::read_file(folder + "/none/file"));
    CHECK(!base::read_file(folder));  // no file
    fs::remove_all(folder);
}
