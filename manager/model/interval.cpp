#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "manager/model/configuration.hpp"
#include "manager/model/text.hpp"

namespace manager {
namespace {

constexpr std::int64_t kLimitNs = 100LL * 365 * 24 * 3600 * 1'000'000'000;

struct Unit {
    std::string_view name;
    base::Duration length;
};

constexpr std::array kUnits{
    Unit{"", base::seconds(1)},          Unit{"s", base::seconds(1)},
    Unit{"sec", base::seconds(1)},       Unit{"ms", base::milliseconds(1)},
    Unit{"msec", base::milliseconds(1)}, Unit{"us", base::microseconds(1)},
    Unit{"usec", base::microseconds(1)}, Unit{"m", base::seconds(60)},
    Unit{"min", base::seconds(60)},      Unit{"h", base::seconds(3600)},
    Unit{"hr", base::seconds(3600)},
};

// The designators of an ISO 8601 duration in the order in which they may stand; those of the time part come
// after "T".
struct Designator {
    char letter{};
    bool of_time{};
    base::Duration length;
};

constexpr std::array kDesignators{
    Designator{'w', false, base::seconds(7 * 86400)}, Designator{'d', false, base::seconds(86400)},
    Designator{'h', true, base::seconds(3600)},       Designator{'m', true, base::seconds(60)},
    Designator{'s', true, base::seconds(1)},
};

// Takes the digits at the front of `text`; nothing when there are none or the number is absurd.
std::optional<std::int64_t> take_number(std::string_view& text) {
    if (text.empty() || !is_digit(text.front())) return std::nullopt;
    std::int64_t value = 0;
    while (!text.empty() && is_digit(text.front())) {
        const std::int64_t digit = text.front() - '0';
        if (value > (kLimitNs - digit) / 10) return std::nullopt;
        value = value * 10 + digit;
        text.remove_prefix(1);
    }
    return value;
}

std::optional<base::Duration> times(std::int64_t count, base::Duration length) {
    if (count > kLimitNs / length.ns) return std::nullopt;
    return length * count;
}

// `text` is what follows the "p", in lower case.
std::optional<base::Duration> parse_iso(std::string_view text) {
    base::Duration sum;
    bool time_part = false;
    std::size_t next = 0;
    bool any = false;
    while (!text.empty()) {
        if (text.front() == 't') {
            if (time_part || text.size() == 1) return std::nullopt;
            time_part = true;
            text.remove_prefix(1);
            continue;
        }
        const auto count = take_number(text);
        if (!count || text.empty()) return std::nullopt;
        while (next < kDesignators.size() &&
               (kDesignators[next].letter != text.front() || kDesignators[next].of_time != time_part)) {
            ++next;
        }
        if (next == kDesignators.size()) return std::nullopt;
        const auto part = times(*count, kDesignators[next].length);
        if (!part || sum.ns + part->ns > kLimitNs) return std::nullopt;
        sum = sum + *part;
        ++next;
        any = true;
        text.remove_prefix(1);
    }
    return any ? std::optional(sum) : std::nullopt;
}

std::optional<base::Duration> parse_plain(std::string_view text) {
    const auto count = take_number(text);
    if (!count) return std::nullopt;
    for (const Unit& unit : kUnits) {
        if (text == unit.name) return times(*count, unit.length);
    }
    return std::nullopt;
}

}  // namespace

base::Result<base::Duration> parse_interval(std::string_view text) {
    const std::string word = lower(text);
    const auto value =
        word.starts_with('p') ? parse_iso(std::string_view(word).substr(1)) : parse_plain(word);
    if (value) return *value;
    return base::Error{base::Errc::invalid,
                       "\"" + std::string(text) +
                           "\" is not a time: expected a whole number with one unit (20, 10s, 500ms, 1min, "
                           "2h) or an ISO 8601 duration (PT1M30S), at most 100 years"};
}

}  // namespace manager
