#include "manager/cib/date.hpp"

#include <charconv>

namespace manager::cib {
namespace {

constexpr std::int64_t kDay = 86400;

// Days since 1970-01-01 of a date of the Gregorian calendar (months from March, so that leap days come last).
std::int64_t days_of(std::int64_t year, int month, int day) {
    year -= month <= 2 ? 1 : 0;
    const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
    const std::int64_t of_era = year - era * 400;
    const std::int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

bool leap(std::int64_t year) {
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

int days_in(std::int64_t year, int month) {
    if (month == 2) return leap(year) ? 29 : 28;
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
    return a / b - (a % b < 0 ? 1 : 0);
}

// 1 Monday .. 7 Sunday
int week_day_of(std::int64_t days) {
    const std::int64_t shifted = days + 3;
    return static_cast<int>(shifted - floor_div(shifted, 7) * 7) + 1;
}

// The Monday of week 1 of an ISO year: that of the week with January 4th.
std::int64_t first_monday(std::int64_t year) {
    const std::int64_t fourth = days_of(year, 1, 4);
    return fourth - (week_day_of(fourth) - 1);
}

struct DateReader {
    std::string_view rest;
    // Exactly `count` digits.
    std::optional<int> digits(std::size_t count) {
        if (rest.size() < count) return std::nullopt;
        int value = 0;
        for (std::size_t i = 0; i < count; ++i) {
            if (rest[i] < '0' || rest[i] > '9') return std::nullopt;
            value = value * 10 + (rest[i] - '0');
        }
        rest.remove_prefix(count);
        return value;
    }
    bool take(char c) {
        if (rest.empty() || rest.front() != c) return false;
        rest.remove_prefix(1);
        return true;
    }
    [[nodiscard]] std::size_t digits_ahead() const {
        std::size_t n = 0;
        while (n < rest.size() && rest[n] >= '0' && rest[n] <= '9') ++n;
        return n;
    }
};

// The day; nothing where the text is no date.
std::optional<std::int64_t> read_day(DateReader& in) {
    const auto year = in.digits(4);
    if (!year) return std::nullopt;
    const bool dashed = in.take('-');
    if (in.take('W')) {
        const auto week = in.digits(2);
        if (!week || *week < 1 || *week > 53) return std::nullopt;
        in.take('-');
        const auto day = in.digits(1);
        if (!day || *day < 1 || *day > 7) return std::nullopt;
        return first_monday(*year) + (*week - 1) * 7 + *day - 1;
    }
    if (in.digits_ahead() == 3) {
        const auto day = in.digits(3);
        if (*day < 1 || *day > (leap(*year) ? 366 : 365)) return std::nullopt;
        return days_of(*year, 1, 1) + *day - 1;
    }
    const auto month = in.digits(2);
    if (!month || *month < 1 || *month > 12) return std::nullopt;
    if (dashed && !in.take('-')) return std::nullopt;
    const auto day = in.digits(2);
    if (!day || *day < 1 || *day > days_in(*year, *month)) return std::nullopt;
    return days_of(*year, *month, *day);
}

// Seconds of the day, "10:20:30", "102030", "10:20".
std::optional<std::int64_t> read_time(DateReader& in) {
    const auto hour = in.digits(2);
    if (!hour || *hour > 24) return std::nullopt;
    const bool colons = in.take(':');
    int minute = 0;
    int second = 0;
    if (in.digits_ahead() >= 2) {
        minute = *in.digits(2);
        if (in.digits_ahead() >= 2 || (colons && in.take(':'))) {
            const auto value = in.digits(2);
            if (!value) return std::nullopt;
            second = *value;
        }
    }
    if (in.take('.')) {
        while (in.digits_ahead() > 0) (void)in.digits(1);
    }
    if (minute > 59 || second > 59 || (*hour == 24 && minute + second > 0)) return std::nullopt;
    return *hour * 3600 + minute * 60 + second;
}

std::optional<std::int64_t> number(const std::string& text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    // Beyond this no sum of parts stays within 64 bits.
    constexpr std::int64_t kLimit = 1'000'000'000;
    return value > kLimit || value < -kLimit ? std::nullopt : std::optional(value);
}

std::int64_t part(const DateParts& parts, const std::string& name) {
    const auto found = parts.find(name);
    return found == parts.end() ? 0 : number(found->second).value_or(0);
}

// "8", "8-16", "8-", "-16"
bool in_field(const std::string& range, std::int64_t value) {
    const std::size_t dash = range.find('-');
    if (dash == std::string::npos) return number(range) == value;
    const auto low = number(range.substr(0, dash));
    const auto high = number(range.substr(dash + 1));
    return (!low || value >= *low) && (!high || value <= *high);
}

bool in_fields(const DateParts& fields, std::int64_t now) {
    const Calendar at = calendar(now);
    const std::map<std::string, std::int64_t> values{
        {"seconds", at.second},    {"minutes", at.minute},     {"hours", at.hour},
        {"monthdays", at.day},     {"weekdays", at.week_day},  {"yearsdays", at.year_day},
        {"yeardays", at.year_day}, {"months", at.month},       {"weeks", at.week},
        {"years", at.year},        {"weekyears", at.week_year}};
    for (const auto& [name, range] : fields) {
        const auto value = values.find(name);
        if (value != values.end() && !in_field(range, value->second)) return false;
    }
    return true;
}

}  // namespace

Calendar calendar(std::int64_t seconds) {
    Calendar out;
    const std::int64_t days = floor_div(seconds, kDay);
    const std::int64_t of_day = seconds - days * kDay;
    out.hour = static_cast<int>(of_day / 3600);
    out.minute = static_cast<int>(of_day / 60 % 60);
    out.second = static_cast<int>(of_day % 60);
    const std::int64_t shifted = days + 719468;
    const std::int64_t era = floor_div(shifted, 146097);
    const std::int64_t of_era = shifted - era * 146097;
    const std::int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const std::int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    const std::int64_t month = (5 * of_year + 2) / 153;
    out.day = static_cast<int>(of_year - (153 * month + 2) / 5 + 1);
    out.month = static_cast<int>(month < 10 ? month + 3 : month - 9);
    out.year = year + era * 400 + (out.month <= 2 ? 1 : 0);
    out.year_day = static_cast<int>(days - days_of(out.year, 1, 1)) + 1;
    out.week_day = week_day_of(days);
    out.week_year = out.year;
    if (days < first_monday(out.year)) --out.week_year;
    if (days >= first_monday(out.year + 1)) ++out.week_year;
    out.week = static_cast<int>((days - first_monday(out.week_year)) / 7) + 1;
    return out;
}

base::Result<std::int64_t> parse_date(std::string_view text) {
    const auto wrong = [&] {
        return base::invalid(
            "\"" + std::string(text) +
            "\" is not a date: expected ISO 8601, such as 2005-06-07 or 2005-06-07T10:20:30Z");
    };
    DateReader in{text};
    const auto day = read_day(in);
    if (!day) return wrong();
    std::int64_t out = *day * kDay;
    if (in.take('T') || in.take(' ')) {
        while (in.take(' ')) {
        }
        const auto time = read_time(in);
        if (!time) return wrong();
        out += *time;
        while (in.take(' ')) {
        }
        const bool east = in.take('+');
        if (east || in.take('-')) {
            const auto zone = read_time(in);
            if (!zone) return wrong();
            out += east ? -*zone : *zone;
        } else {
            in.take('Z');
        }
    }
    if (!in.rest.empty()) return wrong();
    return out;
}

std::int64_t add_parts(std::int64_t start, const DateParts& parts) {
    const Calendar at = calendar(start);
    const std::int64_t months = at.month - 1 + part(parts, "months");
    // A year beyond this would leave what parse_date() can write.
    const std::int64_t year = at.year + part(parts, "years") + floor_div(months, 12);
    const int month = static_cast<int>(months - floor_div(months, 12) * 12) + 1;
    const int day = at.day > days_in(year, month) ? days_in(year, month) : at.day;
    return days_of(year, month, day) * kDay + (start - floor_div(start, kDay) * kDay) +
           part(parts, "weeks") * 7 * kDay + part(parts, "days") * kDay + part(parts, "hours") * 3600 +
           part(parts, "minutes") * 60 + part(parts, "seconds");
}

bool holds(const DateTest& test, std::int64_t now) {
    if (test.operation == "gt") return test.start && now > *test.start;
    if (test.operation == "lt") return test.end && now < *test.end;
    if (test.operation == "date_spec") return in_fields(test.fields, now);
    std::optional<std::int64_t> end = test.end;
    if (!end && test.start && !test.duration.empty()) end = add_parts(*test.start, test.duration);
    if (!test.start && !end) return false;
    return (!test.start || now >= *test.start) && (!end || now <= *end);
}

}  // namespace manager::cib
