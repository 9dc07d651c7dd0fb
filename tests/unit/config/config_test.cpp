#include "membership/config/config.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "membership/config/grammar/schema.hpp"
#include "membership/config/grammar/suggest.hpp"
#include "totem/base/rng.hpp"

using membership::NodeConfig;

namespace {

const char* const kThree =
    "totem {\n version: 2\n}\n"
    "nodelist {\n"
    " node {\n nodeid: 1\n name: n1\n ring0_addr: 10.0.0.1\n }\n"
    " node {\n nodeid: 2\n ring0_addr: two\n }\n"
    " node {\n nodeid: 3\n ring0_addr: 10.0.0.3\n }\n"
    "}\n";

NodeConfig three() {
    auto config = membership::parse_config(kThree, "custos.conf");
    REQUIRE(config);
    REQUIRE(membership::resolve_addresses(*config, [](const std::string&) -> std::vector<std::string> {
        return {"10.0.0.2", "127.0.1.1"};
    }));
    return *config;
}

bool mentions(const std::string& text, std::initializer_list<const char*> words) {
    return std::all_of(words.begin(), words.end(),
                       [&](const char* word) { return text.find(word) != std::string::npos; });
}

}  // namespace

TEST_CASE("a name is resolved to its one address that is not loopback") {
    const NodeConfig config = three();
    CHECK(config.find({2})->addresses.front().ip == "10.0.0.2");
    CHECK(config.find({3})->addresses.front().ip == "10.0.0.3");
    CHECK(config.find({4}) == nullptr);
    CHECK(config.roster() == base::NodeSet{{1}, {2}, {3}});
}

TEST_CASE("an unknown name is not_found: it may be known later") {
    auto config = membership::parse_config(kThree, "custos.conf");
    const auto resolved =
        membership::resolve_addresses(*config, [](const std::string&) { return std::vector<std::string>{}; });
    REQUIRE_FALSE(resolved);
    CHECK(resolved.error().code == base::Errc::not_found);
}

TEST_CASE("loopback is invalid, not something to wait for") {
    auto config = membership::parse_config(kThree, "custos.conf");
    const auto resolved = membership::resolve_addresses(
        *config, [](const std::string&) { return std::vector<std::string>{"127.0.1.1"}; });
    REQUIRE_FALSE(resolved);
    CHECK(resolved.error().code == base::Errc::invalid);
    CHECK(mentions(resolved.error().message, {"custos.conf:12", "two", "127.0.1.1", "/etc/hosts"}));
}

TEST_CASE("the system's resolver finds localhost, and it is refused as loopback") {
    auto config = membership::parse_config(
        "nodelist {\nnode {\nnodeid: 1\nname: n1\nring0_addr: localhost\n}\n}\n", "custos.conf");
    REQUIRE(config);
    const auto resolved = membership::resolve_addresses(*config, membership::system_resolver);
    REQUIRE_FALSE(resolved);
    CHECK(mentions(resolved.error().message, {"localhost", "127.0.0.1", "loopback"}));
}

TEST_CASE("the own node is the one entry with a local address") {
    NodeConfig config = three();
    const auto own = membership::find_own_node(config, {"192.168.9.9", "10.0.0.2"}, "host-b");
    REQUIRE(own);
    CHECK(*own == base::NodeId{2});
    CHECK(config.find({2})->name == "host-b");  // the file has no name for it
    CHECK(config.find({1})->name == "n1");
    CHECK(config.find({3})->name == "node3");  // nobody told us
}

TEST_CASE("a name in the file stays, whatever the host is called") {
    NodeConfig config = three();
    REQUIRE(membership::find_own_node(config, {"10.0.0.1"}, "other"));
    CHECK(config.find({1})->name == "n1");
}

TEST_CASE("no local address: not found, both sides listed") {
    NodeConfig config = three();
    const auto own = membership::find_own_node(config, {"192.168.9.9"}, "host");
    REQUIRE_FALSE(own);
    CHECK(own.error().code == base::Errc::not_found);
    CHECK(mentions(own.error().message, {"10.0.0.1", "10.0.0.2 (two)", "10.0.0.3", "192.168.9.9"}));
    CHECK(mentions(membership::find_own_node(config, {}, "host").error().message, {"local: none"}));
}

TEST_CASE("several local addresses: conflict, both sides listed") {
    NodeConfig config = three();
    const auto own = membership::find_own_node(config, {"10.0.0.1", "10.0.0.3"}, "host");
    REQUIRE_FALSE(own);
    CHECK(own.error().code == base::Errc::conflict);
    CHECK(mentions(own.error().message, {"n1 (line 8)", "node3 (line 16)", "local: 10.0.0.1, 10.0.0.3"}));
}

TEST_CASE("the host's name may not be another node's") {
    NodeConfig config = three();
    const auto own = membership::find_own_node(config, {"10.0.0.2"}, "n1");
    REQUIRE_FALSE(own);
    CHECK(own.error().code == base::Errc::invalid);
    CHECK(config.find({2})->name == "two");
}

TEST_CASE("local addresses leave loopback out and are found again by their network") {
    for (const std::string& address : membership::local_addresses()) {
        CHECK(address.rfind("127.", 0) != 0);
        CHECK(membership::local_bind_address(address) == address);
    }
    CHECK(membership::local_bind_address("203.0.113.0").empty());
    CHECK(membership::local_bind_address("not an address").empty());
}

TEST_CASE("the consensus timeout follows token and join unless it is given") {
    membership::TotemOptions totem;
    CHECK(totem.consensus_timeout() == base::milliseconds(300));
    totem.token = base::milliseconds(3000);
    CHECK(totem.consensus_timeout() == base::milliseconds(900));
    totem.join = base::milliseconds(200);
    CHECK(totem.consensus_timeout() == base::milliseconds(1200));
    totem.consensus = base::milliseconds(450);
    CHECK(totem.consensus_timeout() == base::milliseconds(450));
}

TEST_CASE("clusters with different names use different multicast groups") {
    const auto group = [](const std::string& name) {
        const std::string text = "totem {\ntransport: udp\ncluster_name: " + name +
                                 "\n}\nnodelist {\nnode {\nnodeid: 1\nring0_addr: 10.0.0.1\n}\n}\n";
        const auto config = membership::parse_config(text, "custos.conf");
        return config->multicast_group(config->totem.links.front());
    };
    CHECK(group("web") == group("web"));
    CHECK(group("web") != group("database"));
    CHECK(group("web").rfind("239.192.", 0) == 0);
}

TEST_CASE("a file that can't be read says why") {
    const auto missing = membership::load_config("/nonexistent/custos.conf");
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code == base::Errc::not_found);
    CHECK(mentions(missing.error().message, {"/nonexistent/custos.conf", "No such file"}));
    const auto directory = membership::load_config("/");
    REQUIRE_FALSE(directory);
    CHECK(directory.error().code == base::Errc::io);
}

TEST_CASE("a file is read under its own name") {
    const auto path =
        std::filesystem::temp_directory_path() / ("custos-config-test-" + std::to_string(::getpid()));
    std::FILE* file = std::fopen(path.c_str(), "w");
    REQUIRE(file != nullptr);
    std::fputs(kThree, file);
    std::fclose(file);
    const auto config = membership::load_config(path.string());
    std::filesystem::remove(path);
    REQUIRE(config);
    CHECK(config->file == path.string());
    CHECK(config->nodes.size() == 3);
}

TEST_CASE("settings are listed by their full names, as written, without a key that stands in the file") {
    const auto config = membership::parse_config(
        "totem {\n version: 2\n key: secret\n hold: 180\n interface {\n mcastport: 5405\n }\n"
        " interface {\n linknumber: 1\n knet_link_priority: 2\n }\n}\n"
        "nodelist {\n"
        " node {\n nodeid: 7\n ring0_addr: 10.0.0.7\n ring1_addr: 10.1.0.7\n }\n"
        " node {\n nodeid: 3\n name: n3\n ring0_addr: 10.0.0.3\n ring1_addr: 10.1.0.3\n }\n}\n"
        "quorum {\n provider: corosync_votequorum\n device {\n model: net\n net {\n host: q\n }\n }\n}\n"
        "logging {\n to_syslog: yes\n logger_subsys {\n subsys: QUORUM\n debug: on\n }\n}\n",
        "custos.conf");
    REQUIRE(config);
    std::vector<std::string> lines;
    for (const membership::Setting& setting : config->settings)
        lines.push_back(setting.key + "=" + setting.value);
    CHECK(lines == std::vector<std::string>{
                       "totem.version=2",
                       "totem.hold=180",
                       "totem.interface.0.mcastport=5405",
                       "totem.interface.1.knet_link_priority=2",
                       "nodelist.node.0.nodeid=7",
                       "nodelist.node.0.ring0_addr=10.0.0.7",
                       "nodelist.node.0.ring1_addr=10.1.0.7",
                       "nodelist.node.1.nodeid=3",
                       "nodelist.node.1.name=n3",
                       "nodelist.node.1.ring0_addr=10.0.0.3",
                       "nodelist.node.1.ring1_addr=10.1.0.3",
                       "quorum.provider=corosync_votequorum",
                       "quorum.device.model=net",
                       "quorum.device.net.host=q",
                       "logging.to_syslog=yes",
                       "logging.logger_subsys.QUORUM.subsys=QUORUM",
                       "logging.logger_subsys.QUORUM.debug=on",
                   });
}

TEST_CASE("did you mean") {
    using membership::grammar::closest;
    using membership::grammar::edit_distance;
    CHECK(edit_distance("token", "token") == 0);
    CHECK(edit_distance("Token", "token") == 0);
    CHECK(edit_distance("tokne", "token") == 1);  // a swap is one slip
    CHECK(edit_distance("", "abc") == 3);
    CHECK(edit_distance("abc", "") == 3);
    CHECK(edit_distance("kitten", "sitting") == 3);
    CHECK(closest("nodeld", {"name", "nodeid"}) == "nodeid");
    CHECK(closest("colour", {"token", "join"}).empty());
    CHECK(closest(std::string(10'000, 'x'), {"token"}).empty());
}

TEST_CASE("the schema names each section and each key once, with a reason where it is not honoured") {
    using membership::grammar::Use;
    for (const auto& section : membership::grammar::schema()) {
        CAPTURE(std::string(section.path));
        CHECK(membership::grammar::find_section(section.path) == &section);
        CHECK((section.use == Use::ignored || section.use == Use::warned) == !section.why.empty());
        for (const auto& key : section.keys) {
            CAPTURE(std::string(key.key));
            if (key.key.back() != '*') CHECK(membership::grammar::find_key(section, key.key) == &key);
            CHECK((key.use == Use::honoured) <= key.why.empty());
            if (key.use == Use::ignored || key.use == Use::warned) CHECK_FALSE(key.why.empty());
        }
    }
}

// Pieces of real files in any order: each text gives a value or an error that begins with the file's name.
TEST_CASE("any text gives a config or an error that names the file") {
    const std::vector<std::string> pieces{"totem {\n",
                                          "nodelist {\n",
                                          "node {\n",
                                          "}\n",
                                          "quorum {\n",
                                          "interface {\n",
                                          "nodeid: 1\n",
                                          "nodeid: 2\n",
                                          "ring0_addr: 10.0.0.1\n",
                                          "ring0_addr: x\n",
                                          "two_node: 1\n",
                                          "token: 100\n",
                                          "# a comment\n",
                                          "\n",
                                          ":",
                                          "{",
                                          "version: 2\n",
                                          "device {\n",
                                          "net {\n",
                                          "logging {\n",
                                          "to_logfile: yes\n",
                                          "name: n1\n",
                                          "\xff",
                                          "\r\n"};
    base::Rng rng(20130704);
    int accepted = 0;
    for (int round = 0; round < 20'000; ++round) {
        std::string text = round % 2 == 0 ? "" : "nodelist {\nnode {\nnodeid: 1\nring0_addr: 10.0.0.1\n";
        for (std::uint64_t n = rng.below(12); n > 0; --n) text += pieces[rng.below(pieces.size())];
        if (round % 4 == 1) text += "}\n}\n";
        const auto config = membership::parse_config(text, "custos.conf");
        if (config) {
            ++accepted;
            REQUIRE_FALSE(config->nodes.empty());
            REQUIRE_FALSE(membership::describe(*config).empty());
        } else {
            REQUIRE(config.error().code == base::Errc::invalid);
            REQUIRE(config.error().message.rfind("custos.conf:", 0) == 0);
        }
    }
    CHECK(accepted > 100);  // the pieces do reach the far end
}
