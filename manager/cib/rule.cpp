#include "manager/cib/rule.hpp"

#include <algorithm>
#include <charconv>

#include "manager/model/text.hpp"

namespace manager::cib {
namespace {

struct Number {
    std::int64_t whole{0};
    std::string fraction;  // digits after the point without trailing zeros
    bool negative{false};
};

// Decimal texts, compared exactly: no floating point.
std::optional<Number> parse_number(std::string_view text) {
    Number out;
    if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
        out.negative = text.front() == '-';
        text.remove_prefix(1);
    }
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out.whole);
    if (error != std::errc()) return std::nullopt;
    std::string_view rest = text.substr(static_cast<std::size_t>(end - text.data()));
    if (!rest.empty() && rest.front() == '.') {
        rest.remove_prefix(1);
        while (!rest.empty() && is_digit(rest.front())) {
            out.fraction += rest.front();
            rest.remove_prefix(1);
        }
        while (!out.fraction.empty() && out.fraction.back() == '0') out.fraction.pop_back();
    }
    if (out.whole == 0 && out.fraction.empty()) out.negative = false;
    return rest.empty() ? std::optional(out) : std::nullopt;
}

int sign(bool less, bool more) {
    return less ? -1 : more ? 1 : 0;
}

int compare_numbers(const Number& a, const Number& b) {
    if (a.negative != b.negative) return a.negative ? -1 : 1;
    int out = sign(a.whole<b.whole, a.whole> b.whole);
    if (out == 0) out = sign(a.fraction<b.fraction, a.fraction> b.fraction);
    return a.negative ? -out : out;
}

// What is no number is compared as text.
int compare(const std::string& type, const std::string& a, const std::string& b) {
    if (type == "version") return compare_versions(a, b);
    if (type == "integer" || type == "number") {
        auto left = parse_number(a);
        auto right = parse_number(b);
        if (left && right) {
            if (type == "integer") {
                left->fraction.clear();
                right->fraction.clear();
            }
            return compare_numbers(*left, *right);
        }
    }
    const std::string left = lower(a);
    const std::string right = lower(b);
    return sign(left<right, left> right);
}

// Without a type, lt, gt and their kin compare numbers, whole unless one side has a point; others texts.
std::string type_of(const AttributeTest& test, const std::string& value) {
    if (!test.type.empty()) return test.type;
    const std::string& op = test.operation;
    if (op != "lt" && op != "lte" && op != "gt" && op != "gte") return "string";
    return value.find('.') != std::string::npos || test.value.find('.') != std::string::npos ? "number"
                                                                                             : "integer";
}

bool attribute_holds(const AttributeTest& test, const Facts& facts) {
    std::optional<std::string> value;
    if (facts.attribute) value = facts.attribute(test.attribute);
    if (test.operation == "defined") return value.has_value();
    if (test.operation == "not_defined") return !value.has_value();
    std::optional<std::string> other = test.value;
    if (test.source == "param") other = facts.param ? facts.param(test.value) : std::nullopt;
    if (test.source == "meta") other = facts.meta ? facts.meta(test.value) : std::nullopt;
    if (!value || !other) return test.operation == "ne" && (value.has_value() != other.has_value());
    const std::string type = type_of(test, *value);
    const int order = compare(type, *value, *other);
    if (test.operation == "eq") return order == 0;
    if (test.operation == "ne") return order != 0;
    if (test.operation == "lt") return order < 0;
    if (test.operation == "lte") return order <= 0;
    if (test.operation == "gt") return order > 0;
    return test.operation == "gte" && order >= 0;
}

bool resource_holds(const ResourceTest& test, const Facts& facts) {
    const auto matches = [](const std::string& wanted, const std::string& is) {
        return wanted.empty() || wanted == is;
    };
    return !facts.type.empty() && matches(test.standard, facts.standard) &&
           matches(test.provider, facts.provider) && matches(test.type, facts.type);
}

bool operation_holds(const OperationTest& test, const Facts& facts) {
    if (facts.operation.empty() || test.name != facts.operation) return false;
    if (test.interval.empty()) return true;
    const auto interval = parse_interval(test.interval);
    return interval && interval->ns / 1'000'000 == facts.interval_ms;
}

}  // namespace

int compare_versions(std::string_view a, std::string_view b) {
    const auto next = [](std::string_view& rest) {
        std::int64_t value = 0;
        while (!rest.empty() && !is_digit(rest.front())) rest.remove_prefix(1);
        while (!rest.empty() && is_digit(rest.front())) {
            value = std::min<std::int64_t>(value * 10 + (rest.front() - '0'), 1'000'000'000'000);
            rest.remove_prefix(1);
        }
        return value;
    };
    while (!a.empty() || !b.empty()) {
        const std::int64_t left = next(a);
        const std::int64_t right = next(b);
        if (left != right) return left < right ? -1 : 1;
    }
    return 0;
}

// NOLINTNEXTLINE(misc-no-recursion): a rule's depth is bounded by the importer
bool holds(const Rule& rule, const Facts& facts) {
    const auto part_holds = [&](const Rule& part) { return holds(part, facts); };
    switch (rule.kind) {
        case Rule::Kind::every:
            return std::all_of(rule.parts.begin(), rule.parts.end(), part_holds);
        case Rule::Kind::any:
            return std::any_of(rule.parts.begin(), rule.parts.end(), part_holds);
        case Rule::Kind::attribute:
            return attribute_holds(rule.attribute, facts);
        case Rule::Kind::date:
            return holds(rule.date, facts.now);
        case Rule::Kind::resource:
            return resource_holds(rule.resource, facts);
        case Rule::Kind::operation:
            return operation_holds(rule.operation, facts);
    }
    return false;
}

}  // namespace manager::cib
