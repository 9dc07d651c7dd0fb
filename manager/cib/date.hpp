// Dates of rules: ISO 8601 texts as seconds since 1970 (UTC, proleptic Gregorian calendar, no leap seconds),
// and tests on them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "totem/base/result.hpp"

namespace manager::cib {

struct Calendar {
    std::int64_t year{1970};
    int month{1}, day{1}, hour{0}, minute{0}, second{0};
    int year_day{1};               // 1..366
    int week_day{4};               // 1 Monday .. 7 Sunday
    std::int64_t week_year{1970};  // ISO 8601 week date
    int week{1};
};

[[nodiscard]] Calendar calendar(std::int64_t seconds);
// "2005-06-07", "2005-06-07 10:20:30Z", "20050607T102030+02:00", "2005-158", "2005-W23-2"; without a zone
// UTC.
[[nodiscard]] base::Result<std::int64_t> parse_date(std::string_view text);

// Years to seconds to add to a date; names as in <duration>: years, months, weeks, days, hours ...
using DateParts = std::map<std::string, std::string>;
[[nodiscard]] std::int64_t add_parts(std::int64_t start, const DateParts& parts);

struct DateTest {
    std::string operation;  // gt, lt, in_range, date_spec
    std::optional<std::int64_t> start, end;
    DateParts duration;  // in_range: end is start plus this
    DateParts fields;    // date_spec: name -> "8", "8-16", "8-"
};

[[nodiscard]] bool holds(const DateTest& test, std::int64_t now);

}  // namespace manager::cib
