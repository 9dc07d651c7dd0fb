// Rules: conditions on attributes, dates, and the kind of a resource or operation, as trees. Total: what
// cannot be judged (an attribute that nobody set) does not hold.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "manager/cib/date.hpp"
#include "manager/model/configuration.hpp"

namespace manager::cib {

// attribute, operation ("eq", "lt", "defined" ...), value; type: string, integer, number, version or empty.
struct AttributeTest {
    std::string attribute, operation, value, type;
    std::string
        source;  // literal, param or meta: `value` names a parameter or meta attribute of the resource
};

struct ResourceTest {
    std::string standard, provider, type;
};

struct OperationTest {
    std::string name;
    std::string interval;  // as written; empty: any
};

struct Rule {
    enum class Kind { every, any, attribute, date, resource, operation };
    Kind kind{Kind::every};
    std::vector<Rule> parts;  // every, any
    AttributeTest attribute;
    DateTest date;
    ResourceTest resource;
    OperationTest operation;
    // Of a location's outermost rule only.
    std::string role, score_attribute;
    Score score;
};

// What a rule is judged by. An empty function knows nothing.
struct Facts {
    std::int64_t now{0};  // seconds since 1970
    std::function<std::optional<std::string>(const std::string& name)> attribute{};
    std::function<std::optional<std::string>(const std::string&name)> param{}, meta{};
    std::string standard{}, provider{}, type{};  // the resource
    std::string operation{};                     // the operation
    std::int64_t interval_ms{0};
};

[[nodiscard]] bool holds(const Rule& rule, const Facts& facts);

// "1.10" > "1.9": numbers in versions count by value, a missing one as 0. Negative, 0 or positive.
[[nodiscard]] int compare_versions(std::string_view a, std::string_view b);

}  // namespace manager::cib
