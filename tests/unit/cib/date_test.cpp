#include <doctest/doctest.h>

#include "manager/cib/date.hpp"

namespace manager::cib {
namespace {

std::int64_t seconds(const char* text) {
    const auto value = parse_date(text);
    REQUIRE(static_cast<bool>(value));
    return *value;
}

TEST_CASE("dates: forms of one moment") {
    const std::int64_t moment = 1118139630;  // 2005-06-07T10:20:30Z
    CHECK(seconds("2005-06-07T10:20:30Z") == moment);
    CHECK(seconds("2005-06-07 10:20:30Z") == moment);
    CHECK(seconds("20050607T102030Z") == moment);
    CHECK(seconds("2005-06-07T12:20:30+02:00") == moment);
    CHECK(seconds("2005-06-07T05:20:30-05:00") == moment);
    CHECK(seconds("2005-158T10:20:30") == moment);
    CHECK(seconds("2005-W23-2T10:20:30") == moment);
    CHECK(seconds("2005-06-07T10:20:30.75Z") == moment);
}

TEST_CASE("dates: days of the calendar") {
    CHECK(seconds("1970-01-01") == 0);
    CHECK(seconds("1969-12-31T23:59:59") == -1);
    CHECK(seconds("2000-02-29") == 951782400);
    CHECK(seconds("2004-366") == seconds("2004-12-31"));
    CHECK(seconds("2038-01-19T03:14:08") == 2147483648);
    CHECK(seconds("2005-06-07T24:00:00") == seconds("2005-06-08"));
}

TEST_CASE("dates: what is none") {
    for (const char* text :
         {"", "now", "2005", "2005-13-01", "2005-02-29", "2005-366", "2005-W54-1", "2005-W10-8",
          "2005-06-07T25:00", "2005-06-07T10:60", "2005-06-07T24:00:01", "2005-06-07x"}) {
        CAPTURE(text);
        CHECK_FALSE(static_cast<bool>(parse_date(text)));
    }
}

TEST_CASE("dates: weeks belong to the year of their Thursday") {
    const Calendar first = calendar(seconds("2005-01-01"));  // a Saturday of the last week of 2004
    CHECK(first.week_year == 2004);
    CHECK(first.week == 53);
    CHECK(first.week_day == 6);
    const Calendar last = calendar(seconds("2008-12-30"));  // a Tuesday of the first week of 2009
    CHECK(last.week_year == 2009);
    CHECK(last.week == 1);
    CHECK(last.year_day == 365);
}

TEST_CASE("dates: every day reads back") {
    for (std::int64_t day = -200'000; day < 200'000; day += 37) {
        const Calendar at = calendar(day * 86400 + 3661);
        CHECK(at.hour == 1);
        CHECK(at.minute == 1);
        CHECK(at.second == 1);
        if (at.year < 0 || at.year > 9999) continue;
        char text[32];
        (void)std::snprintf(text, sizeof text, "%04d-%02d-%02dT01:01:01", static_cast<int>(at.year), at.month,
                            at.day);
        CHECK(seconds(text) == day * 86400 + 3661);
    }
}

TEST_CASE("dates: durations added") {
    CHECK(add_parts(seconds("2005-01-31"), {{"months", "1"}}) == seconds("2005-02-28"));
    CHECK(add_parts(seconds("2004-02-29"), {{"years", "1"}}) == seconds("2005-02-28"));
    CHECK(add_parts(seconds("2005-12-15"), {{"months", "2"}}) == seconds("2006-02-15"));
    CHECK(add_parts(seconds("2005-01-01"), {{"weeks", "1"}, {"days", "1"}, {"hours", "1"}}) ==
          seconds("2005-01-09T01:00"));
    CHECK(add_parts(seconds("2005-01-01"), {{"months", "-1"}}) == seconds("2004-12-01"));
    CHECK(add_parts(0, {{"days", "many"}}) == 0);
}

DateTest range(const char* start, const char* end) {
    DateTest test{.operation = "in_range", .start = {}, .end = {}, .duration = {}, .fields = {}};
    if (*start != '\0') test.start = seconds(start);
    if (*end != '\0') test.end = seconds(end);
    return test;
}

TEST_CASE("dates: tests") {
    const std::int64_t noon = seconds("2005-06-07T12:00:00");  // a Tuesday
    CHECK(holds(range("2005-06-01", "2005-06-08"), noon));
    CHECK_FALSE(holds(range("2005-06-08", ""), noon));
    CHECK(holds(range("", "2005-06-08"), noon));
    CHECK_FALSE(holds(range("", ""), noon));
    DateTest length = range("2005-06-07", "");
    length.duration = {{"hours", "12"}};
    CHECK(holds(length, noon));
    CHECK_FALSE(holds(length, noon + 1));
    DateTest spec{.operation = "date_spec", .start = {}, .end = {}, .duration = {}, .fields = {}};
    spec.fields = {{"hours", "9-16"}, {"weekdays", "1-5"}};
    CHECK(holds(spec, noon));
    CHECK_FALSE(holds(spec, seconds("2005-06-11T12:00:00")));
    spec.fields = {{"hours", "13-"}};
    CHECK_FALSE(holds(spec, noon));
    spec.fields = {{"months", "6"}, {"years", "2005"}};
    CHECK(holds(spec, noon));
}

}  // namespace
}  // namespace manager::cib
