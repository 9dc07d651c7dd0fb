// What a core begins with when its node file was broken meanwhile.
#include "tools/daemon/start_file.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace {

namespace fs = std::filesystem;

std::string text(const std::string& address) {
    return "totem {\n  version: 2\n}\nnodelist {\n  node {\n    nodeid: 1\n    ring0_addr: " + address +
           "\n  }\n}\n";
}

bool has(const std::string& where, const std::string& what) {
    return where.find(what) != std::string::npos;
}

}  // namespace

TEST_CASE("a restarted core goes on with the last good text, an administrator's start does not") {
    char made[] = "/tmp/custos-start-XXXXXX";
    REQUIRE(::mkdtemp(made) != nullptr);
    const std::string folder = made, path = folder + "/custos.conf", copy = folder + "/node-file";
    const auto put = [&](const std::string& what) { std::ofstream(path, std::ios::trunc) << what; };
    put(text("10.0.0.1"));
    const auto first = tools::read_start_file(path, copy, false);
    REQUIRE(first);
    CHECK(first->trouble.empty());
    REQUIRE(tools::keep_copy(copy, first->text));

    std::string broken = text("10.0.0.1");
    broken.replace(broken.find("node {"), 6, "node  ");  // line 5
    // A syntax error, an address that can't be one of a node, and no file at all.
    for (const std::string& bad : {broken, text("127.0.0.1"), std::string()}) {
        CAPTURE(bad);
        put(bad);
        if (bad.empty()) fs::remove(path);
        const auto again = tools::read_start_file(path, copy, true);
        REQUIRE(again);
        CHECK(again->text == text("10.0.0.1"));
        CHECK(again->config.find({1}) != nullptr);
        CHECK(has(again->trouble, path));
        CHECK(has(again->trouble, copy));
        if (bad == broken) CHECK(has(again->trouble, path + ":5"));
        if (bad != text("127.0.0.1")) CHECK_FALSE(tools::read_start_file(path, copy, false));
    }
    // Another good one is taken.
    put(text("10.0.0.2"));
    const auto other = tools::read_start_file(path, copy, true);
    REQUIRE(other);
    CHECK(other->text == text("10.0.0.2"));
    CHECK(other->trouble.empty());
    // Without a copy the file's own error is what is said.
    put(broken);
    fs::remove(copy);
    const auto refused = tools::read_start_file(path, copy, true);
    REQUIRE_FALSE(refused);
    CHECK(has(refused.error().message, path + ":5"));
    fs::remove_all(folder);
}
