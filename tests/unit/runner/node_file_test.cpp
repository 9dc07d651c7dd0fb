// The node file's replacement on a real file system.
#include <doctest/doctest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "agents/runner/node_file.hpp"

namespace {

namespace fs = std::filesystem;

struct Folder {
    Folder() {
        std::string pattern = (fs::temp_directory_path() / "custos-node-file-XXXXXX").string();
        REQUIRE(::mkdtemp(pattern.data()) != nullptr);
        path = pattern;
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { fs::remove_all(path); }
    fs::path path;
};

std::string text(const std::string& version, const std::string& address) {
    return "totem {\n  version: 2\n" + version +
           "}\nnodelist {\n  node {\n    nodeid: 1\n    ring0_addr: " + address + "\n  }\n}\n";
}

std::string read(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// As the core asks for it when nobody has edited the file.
base::Result<std::string> replaced(const fs::path& path, const std::string& next) {
    return agents::replace_node_file(path, {next, read(path), false});
}

mode_t mode(const fs::path& path) {
    struct stat found {};
    REQUIRE(::stat(path.c_str(), &found) == 0);
    return found.st_mode & 07777;
}

}  // namespace

TEST_CASE("the new file has the old one's mode, the old one stays beside it under its version") {
    const Folder folder;
    const fs::path file = folder.path / "custos.conf";
    std::ofstream(file) << text("", "10.0.0.1");
    REQUIRE(::chmod(file.c_str(), 0640) == 0);
    const std::string second = text("  config_version: 1\n", "10.0.0.2");
    REQUIRE(replaced(file, second));
    CHECK(read(file) == second);
    CHECK(mode(file) == 0640);
    CHECK(read(folder.path / "custos.conf.0") == text("", "10.0.0.1"));
    const std::string third = text("  config_version: 2\n", "10.0.0.3");
    REQUIRE(replaced(file, third));
    CHECK(read(file) == third);
    CHECK(read(folder.path / "custos.conf.1") == second);
    // The same version again: the last one is kept.
    REQUIRE(replaced(file, second));
    CHECK(read(folder.path / "custos.conf.2") == third);
    CHECK_FALSE(fs::exists(folder.path / "custos.conf.new"));
}

TEST_CASE("what is no node file, and what is no plain file, is left as it is") {
    const Folder folder;
    const fs::path file = folder.path / "custos.conf";
    const std::string first = text("", "10.0.0.1");
    std::ofstream(file) << first;
    CHECK_FALSE(replaced(file, "root:x:0:0::/root:/bin/sh\n"));
    CHECK_FALSE(replaced("", first));
    CHECK_FALSE(replaced(folder.path / "missing", first));
    const fs::path link = folder.path / "link.conf";
    fs::create_symlink(file, link);
    const auto refused = replaced(link, text("", "10.0.0.2"));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.find("is no plain file") != std::string::npos);
    CHECK(read(file) == first);
    CHECK(std::distance(fs::directory_iterator(folder.path), fs::directory_iterator()) == 2);
}

TEST_CASE("an edit that the new text does not have is kept beside the file, each under a name of its own") {
    const Folder folder;
    const fs::path file = folder.path / "custos.conf";
    const std::string first = text("", "10.0.0.1"), edit = text("", "10.0.0.7"), other = text("", "10.0.0.8");
    std::ofstream(file) << edit;
    // The core says so.
    const auto kept = agents::replace_node_file(file, {text("", "10.0.0.2"), edit, true});
    REQUIRE(kept);
    CHECK(*kept == (folder.path / "custos.conf.edited").string());
    CHECK(read(*kept) == edit);
    // Nobody has: it came after the core had read the file.
    std::ofstream(file) << other;
    const auto second = agents::replace_node_file(file, {first, text("", "10.0.0.2"), false});
    REQUIRE(second);
    CHECK(*second == (folder.path / "custos.conf.edited-2").string());
    CHECK(read(*second) == other);
    CHECK(read(*kept) == edit);
    const auto third = agents::replace_node_file(file, {other, first, false});
    REQUIRE(third);
    CHECK(third->empty());
}
