#include <doctest/doctest.h>

#include "tools/crm/words.hpp"

using tools::Line;
using tools::Words;

TEST_CASE("a line is split as a POSIX shell does it") {
    struct Case {
        const char* text;
        Words words;
    };
    const Case cases[] = {
        {"a b\tc", {"a", "b", "c"}},
        {"  a  ", {"a"}},
        {"", {}},
        {"'a b' \"c d\"", {"a b", "c d"}},
        {"x=\"a b\"c'd'", {"x=a bcd"}},
        {"'' \"\"", {"", ""}},
        {R"("a\"b\\c\d")", {R"(a"b\c\d)"}},
        {R"('a\b')", {R"(a\b)"}},
        {R"(a\ b \# \\)", {"a b", "#", "\\"}},
        {"# a comment", {}},
        {"a # no comment", {"a", "#", "no", "comment"}},
        {"rule #uname eq n1", {"rule", "#uname", "eq", "n1"}},
        {"a \\\n b", {"a", "b"}},
        {"a\\\nb", {"ab"}},
        {"'a\nb'", {"a\nb"}},
        {"a\\", {"a\\"}},
    };
    for (const Case& each : cases) {
        const auto words = tools::split_line(each.text);
        REQUIRE(words);
        CHECK_MESSAGE(*words == each.words, each.text);
    }
}

TEST_CASE("a script knows the line of each command") {
    const auto lines = tools::split_script("# first\n\na \\\n  b\n'c\nd' e\nf\n");
    REQUIRE(lines);
    CHECK(*lines == std::vector<Line>{{3, {"a", "b"}}, {5, {"c\nd", "e"}}, {7, {"f"}}});
}

TEST_CASE("a quote without its end is refused with its line") {
    const auto lines = tools::split_script("a\nb \"c\nd\n");
    REQUIRE(!lines);
    CHECK(lines.error().message == "line 2: a quote (\") has no end");
}

TEST_CASE("a quoted word is read back as it was") {
    for (const std::string word : {"plain-1.2_3", "", " ", "a b", "it's", "say \"hi\"", "back\\slash", "\\",
                                   "a=b", "#x", "tab\there"}) {
        const auto words = tools::split_line(tools::quoted(word));
        REQUIRE(words);
        CHECK(*words == Words{word});
    }
    CHECK(tools::quoted("192.0.2.1") == "192.0.2.1");
    CHECK(tools::quoted("/etc/x") == "\"/etc/x\"");
}

TEST_CASE("lists read like a sentence") {
    CHECK(tools::alternatives({"a"}) == "a");
    CHECK(tools::alternatives({"a", "b"}) == "a or b");
    CHECK(tools::alternatives({"a", "b", "c"}) == "a, b or c");
}
