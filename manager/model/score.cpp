#include <algorithm>
#include <string>

#include "manager/model/configuration.hpp"
#include "manager/model/text.hpp"

namespace manager {

Score operator+(Score a, Score b) {
    if (a <= Score::minus_infinity() || b <= Score::minus_infinity()) return Score::minus_infinity();
    if (a >= Score::infinity() || b >= Score::infinity()) return Score::infinity();
    // Both are within +-1,000,000: the sum cannot overflow.
    return {std::clamp(a.value + b.value, -Score::kInfinity, Score::kInfinity)};
}

base::Result<Score> parse_score(std::string_view text) {
    const auto wrong = [&] {
        return base::Error{base::Errc::invalid,
                           "\"" + std::string(text) +
                               "\" is not a score: expected a whole number such as 200 or -50, or "
                               "INFINITY, inf, -inf"};
    };
    std::string_view digits = text;
    const bool negative = !digits.empty() && digits.front() == '-';
    if (!digits.empty() && (digits.front() == '-' || digits.front() == '+')) digits.remove_prefix(1);
    const std::string word = lower(digits);
    if (word == "inf" || word == "infinity") return negative ? Score::minus_infinity() : Score::infinity();
    if (digits.empty()) return wrong();
    std::int32_t value = 0;
    for (const char c : digits) {
        if (!is_digit(c)) return wrong();
        value = std::min(value * 10 + (c - '0'), Score::kInfinity);
    }
    return Score{negative ? -value : value};
}

std::string to_string(Score score) {
    if (score >= Score::infinity()) return "INFINITY";
    if (score <= Score::minus_infinity()) return "-INFINITY";
    return std::to_string(score.value);
}

}  // namespace manager
