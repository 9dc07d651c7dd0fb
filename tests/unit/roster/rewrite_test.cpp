// Node files that are rewritten: golden/X.conf with the list of golden/X.list in it must be
// golden/X.expected, or the refusal that stands there. GOLDEN_REWRITE=1 writes the outcomes anew; the diff is
// then reviewed like code. A list: "version N", then a line "ID NAME VOTES ADDRESS..." for each node, "-" for
// no name; "ended" says that two_node has ended.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "membership/config/node_file.hpp"

namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    REQUIRE_MESSAGE(in.good(), "can't read " << path.string());
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

membership::NodeList read_list(const fs::path& path) {
    membership::NodeList list;
    std::istringstream lines(read_file(path));
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string first;
        words >> first;
        if (first == "version") {
            words >> list.version;
        } else if (first == "ended") {
            list.two_node_ended = true;
        } else {
            membership::ListedNode node;
            node.id.value = static_cast<std::uint32_t>(std::stoul(first));
            words >> node.name >> node.votes;
            if (node.name == "-") node.name.clear();
            unsigned link = 0;
            for (std::string address; words >> address;) node.addresses.push_back({link++, address, address});
            list.nodes.push_back(std::move(node));
        }
    }
    return list;
}

std::string outcome(const fs::path& conf) {
    const auto list = read_list(fs::path(conf).replace_extension(".list"));
    const auto text = membership::rewrite_node_file(read_file(conf), list, conf.filename().string());
    if (!text) return "refused: " + text.error().message + "\n";
    // Once more changes nothing.
    const auto again = membership::rewrite_node_file(*text, list, conf.filename().string());
    REQUIRE(again);
    CHECK(*again == *text);
    return *text;
}

}  // namespace

TEST_CASE("golden node files with another list of nodes") {
    const bool rewrite = std::getenv("GOLDEN_REWRITE") != nullptr;
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(GOLDEN_DIR)) {
        if (entry.path().extension() == ".conf") files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    REQUIRE(files.size() >= 8);
    for (const fs::path& conf : files) {
        CAPTURE(conf.filename().string());
        const std::string found = outcome(conf);
        const fs::path expected = fs::path(conf).replace_extension(".expected");
        if (rewrite) {
            std::ofstream(expected, std::ios::binary) << found;
            continue;
        }
        CHECK(found == read_file(expected));
    }
}

TEST_CASE("what can't be changed while custosd runs is named, nodes and version are not") {
    const std::string text =
        "totem {\n  version: 2\n  config_version: 4\n  token: 1000\n}\nnodelist {\n  node {\n    nodeid: 1\n"
        "    name: a\n    ring0_addr: 10.0.0.1\n  }\n  node {\n    nodeid: 2\n    name: b\n    ring0_addr: "
        "10.0.0.2\n  }\n}\nquorum {\n  two_node: 1\n}\n";
    const auto parsed = [](std::string of, const std::string& before, const std::string& after) {
        if (!before.empty()) of.replace(of.find(before), before.size(), after);
        auto config = membership::parse_config(of, "f");
        REQUIRE(config);
        return *std::move(config);
    };
    const membership::NodeConfig now = parsed(text, "", "");
    CHECK(membership::fixed_differences(now, now).empty());
    CHECK(membership::fixed_differences(now, parsed(text, "10.0.0.2", "10.0.0.9")).empty());
    CHECK(membership::fixed_differences(now, parsed(text, "config_version: 4", "config_version: 5")).empty());
    CHECK(membership::fixed_differences(now, parsed(text, "token: 1000", "token: 500\n  netmtu: 1400")) ==
          std::vector<std::string>{"totem.token: 1000 -> 500", "totem.netmtu: (not set) -> 1400"});
    CHECK(membership::fixed_differences(now, parsed(text, "  two_node: 1\n", "  wait_for_all: 1\n")) ==
          std::vector<std::string>{"quorum.wait_for_all: (not set) -> 1", "quorum.two_node: 1 -> (not set)"});
    // Three votes end two_node, whoever takes the line out.
    const std::string third =
        "  node {\n    nodeid: 3\n    name: c\n    ring0_addr: 10.0.0.3\n  }\n}\nquorum {\n";
    CHECK(membership::fixed_differences(now, parsed(text, "}\nquorum {\n  two_node: 1\n", third)).empty());
}

TEST_CASE("a configuration goes by another list") {
    auto config = membership::parse_config(read_file(fs::path(GOLDEN_DIR) / "grow_from_a_pair.conf"), "f");
    REQUIRE(config);
    const auto list = read_list(fs::path(GOLDEN_DIR) / "grow_from_a_pair.list");
    membership::use_node_list(*config, list);
    CHECK(membership::same_places(membership::node_list(*config), list));
    CHECK(config->totem.config_version == list.version);
    CHECK_FALSE(config->quorum.two_node);
    CHECK_FALSE(config->quorum.wait_for_all);
}
