// What `custos group list` and `members` print.
#include "tools/view/groups.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

using tools::RingReply;

namespace {

RingReply reply() {
    RingReply out;
    out.node = "n1";
    out.nodes.push_back({{1}, "n1", "10.0.0.1"});
    out.nodes.push_back({{2}, "", "10.0.0.2"});
    out.groups.push_back({"web", {{{2}, 77}, {{1}, 42}}});
    out.groups.push_back({std::string("a\\\x01\xff", 4), {{{9}, 5}}});
    return out;
}

}  // namespace

TEST_CASE("groups are listed with their numbers of members, names as one line each") {
    CHECK(tools::render_groups(reply()) == "web: 2 members\na\\\\\\x01\\xff: 1 member\n");
    CHECK(tools::render_groups(RingReply{}) == "There are no process groups.\n");
}

TEST_CASE("members stand in the order of their joins, by the names of their nodes") {
    const RingReply all = reply();
    const tools::RingGroup* group = tools::find_group(all, "web");
    REQUIRE(group != nullptr);
    CHECK(tools::render_group(all, *group) == "node 2, pid 77\nn1, pid 42\n");
    CHECK(tools::find_group(all, "we") == nullptr);
    CHECK(tools::node_name(all, {9}) == "node 9");
}

TEST_CASE("as JSON: all groups, or one; any name gives a document") {
    const RingReply all = reply();
    const auto document = nlohmann::json::parse(tools::groups_json(all, nullptr));
    CHECK(document["format"] == 1);
    CHECK(document["node"] == "n1");
    REQUIRE(document["groups"].size() == 2);
    CHECK(document["groups"][0]["members"][1] == nlohmann::json({{"node", "n1"}, {"id", 1}, {"pid", 42}}));
    const auto one = nlohmann::json::parse(tools::groups_json(all, tools::find_group(all, "web")));
    REQUIRE(one["groups"].size() == 1);
    CHECK(one["groups"][0]["name"] == "web");
}

TEST_CASE("text of others stays on its line, whatever they put into it") {
    using tools::shown_text;
    CHECK(shown_text("plain text, 100 %\tand a tab") == "plain text, 100 %\tand a tab");
    CHECK(shown_text("gr\u00fc\u00df \u4f60\u597d \U0001f600") == "gr\u00fc\u00df \u4f60\u597d \U0001f600");
    CHECK(shown_text("a\nn1, pid 1: forged\r") == "a\\x0an1, pid 1: forged\\x0d");
    CHECK(shown_text("\x1b[2J\x7f") == "\\x1b[2J\\x7f");
    CHECK(shown_text(std::string_view("\0", 1)) == "\\x00");
    CHECK(shown_text("C:\\n") == "C:\\n");
    // A control of 8 bits, the end of a line, another direction.
    CHECK(shown_text("\u009b2J") == "\\xc2\\x9b2J");
    CHECK(shown_text("\u2028") == "\\xe2\\x80\\xa8");
    CHECK(shown_text("\u202e") == "\\xe2\\x80\\xae");
    // No UTF-8: cut short, too long, a surrogate, beyond the last, alone.
    CHECK(shown_text("\xc3") == "\\xc3");
    CHECK(shown_text("\xc3x") == "\\xc3x");
    CHECK(shown_text("\xc0\x8a") == "\\xc0\\x8a");
    CHECK(shown_text("\xe0\x80\x8a") == "\\xe0\\x80\\x8a");
    CHECK(shown_text("\xed\xa0\x80") == "\\xed\\xa0\\x80");
    CHECK(shown_text("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");
    CHECK(shown_text("\xff\x80") == "\\xff\\x80");
}
