#include "tools/crm/statement.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "manager/model/options.hpp"
#include "tools/crm/grammar/cursor.hpp"

namespace tools {
namespace {

using grammar::Cursor;
using grammar::Edits;
using grammar::not_yet;
using grammar::option_value;
using grammar::Pair;

struct SectionNames {
    manager::Section section;
    std::string_view usual_id;  // of Pacemaker's attribute set
    bool any_id;                // other ids mean the same
};

// property, rsc_defaults, op_defaults: several NAME=VALUE at once.
base::Result<Edits> parse_options(const Words& words, const SectionNames& names) {
    Cursor cursor(words, words[0] + " NAME=VALUE...");
    Edits edits;
    manager::Attributes seen;
    while (!cursor.done()) {
        std::string word = cursor.take();
        if (equal_any_case(word, "rule")) return cursor.unsupported("rules");
        std::optional<std::string> id = option_value(word, "$id");
        if (!id && word.size() > 1 && word.back() == ':' && word.find('=') == std::string::npos) {
            id = word.substr(0, word.size() - 1);
        }
        if (id) {
            if (!names.any_id && *id != names.usual_id)
                return cursor.unsupported("another set of properties (" + *id + ")");
            if (!seen.empty()) return cursor.error("'" + word + "' belongs before the values");
            continue;
        }
        if (word.find('=') == std::string::npos)
            return cursor.error("'" + word + "' has no value: " + words[0] + " NAME=VALUE");
        TRY_OK(grammar::put_pair(cursor, seen, words[0].c_str(), word));
        TRY(Pair pair, grammar::parse_pair(cursor, word));
        if (pair.value.empty()) {
            return cursor.error(pair.name + " has no value: to go back to its default, write `delete " +
                                pair.name + "`");
        }
        edits.push_back(manager::SetOption{names.section, std::move(pair.name), std::move(pair.value)});
    }
    if (edits.empty()) return cursor.error("NAME=VALUE is missing");
    return edits;
}

base::Result<Edits> parse_property(const Words& words, const StatementContext& /*context*/) {
    return parse_options(words, {manager::Section::properties, "cib-bootstrap-options", false});
}
base::Result<Edits> parse_rsc_defaults(const Words& words, const StatementContext& /*context*/) {
    return parse_options(words, {manager::Section::rsc_defaults, "rsc-options", true});
}
base::Result<Edits> parse_op_defaults(const Words& words, const StatementContext& /*context*/) {
    return parse_options(words, {manager::Section::op_defaults, "op-options", true});
}

base::Result<std::uint32_t> node_id(const Cursor& cursor, const std::string& text) {
    const bool digits =
        !text.empty() && text.size() <= 10 && text.find_first_not_of("0123456789") == std::string::npos;
    const unsigned long long value = digits ? std::stoull(text) : 0;
    if (value == 0 || value > 0x7fffffffULL)
        return cursor.error("'" + text + "' is no node id: 1 to 2147483647");
    return static_cast<std::uint32_t>(value);
}

// The name of a node, without the type that Pacemaker knows ("n1:member").
base::Status parse_node_name(Cursor& cursor, manager::NodeObject& node) {
    TRY(node.name, cursor.need("the name of a node"));
    const auto colon = node.name.find(':');
    if (colon == std::string::npos) return base::ok();
    const std::string type = node.name.substr(colon + 1);
    node.name.resize(colon);
    if (equal_any_case(type, "normal") || equal_any_case(type, "member")) return base::ok();
    return cursor.unsupported("nodes of type " + type);
}

base::Result<Edits> parse_node(const Words& words, const StatementContext& context) {
    Cursor cursor(words, "node [ID:] NAME [attributes NAME=VALUE...]");
    manager::NodeObject node;
    if (!cursor.done()) {
        const std::string& word = cursor.peek();
        std::optional<std::string> id = option_value(word, "$id");
        if (!id && word.size() > 1 && word.back() == ':') id = word.substr(0, word.size() - 1);
        if (id) {
            TRY(node.id, node_id(cursor, *id));
            cursor.take();
        }
    }
    TRY_OK(parse_node_name(cursor, node));
    const manager::NodeObject* known = context.current.node(node.name);
    for (const manager::NodeObject& other : context.current.nodes) {
        if (node.id == 0 || other.id == 0 || (other.name == node.name) == (other.id == node.id)) continue;
        return cursor.error(other.name + " has id " + std::to_string(other.id) + ", so " + node.name +
                            " cannot have id " + std::to_string(node.id));
    }
    if (node.id == 0 && known != nullptr) node.id = known->id;
    bool attributes = false;
    while (!cursor.done()) {
        if (equal_any_case(cursor.peek(), "utilization")) return cursor.unsupported("utilization");
        if (begins_with_any_case(cursor.peek(), "description="))
            return cursor.unsupported("descriptions of nodes");
        if (!equal_any_case(cursor.peek(), "attributes")) return cursor.left_over();
        cursor.take();
        attributes = true;
        TRY_OK(grammar::parse_set(cursor, node.attributes, "attributes"));
    }
    // Naming a node does not take away what is known of it.
    if (known != nullptr && !attributes) node.attributes = known->attributes;
    return Edits{manager::PutNode{std::move(node)}};
}

void put_by_id(std::vector<manager::Primitive>& primitives, const manager::Primitive& value) {
    const auto at = std::find_if(primitives.begin(), primitives.end(),
                                 [&](const auto& each) { return each.id == value.id; });
    if (at == primitives.end()) {
        primitives.push_back(value);
    } else {
        *at = value;
    }
}

struct Statement {
    std::string_view name;
    base::Result<Edits> (*parse)(const Words&, const StatementContext&);
};
constexpr std::array<Statement, 9> kStatements = {{{"primitive", grammar::parse_primitive},
                                                   {"location", grammar::parse_location},
                                                   {"colocation", grammar::parse_colocation},
                                                   {"order", grammar::parse_order},
                                                   {"property", parse_property},
                                                   {"rsc_defaults", parse_rsc_defaults},
                                                   {"op_defaults", parse_op_defaults},
                                                   {"node", parse_node},
                                                   {"monitor", grammar::parse_monitor}}};

}  // namespace

const std::vector<std::string>& statement_names() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> all;
        for (const Statement& statement : kStatements) all.emplace_back(statement.name);
        return all;
    }();
    return names;
}

const std::vector<std::string>& unsupported_statement_names() {
    static const std::vector<std::string> names = {
        "group", "clone", "ms",   "master", "bundle",     "rsc_template", "rsc_ticket", "fencing_topology",
        "tag",   "alert", "role", "user",   "acl_target", "acl_group",    "xml"};
    return names;
}

bool is_operation_attribute(std::string_view name) {
    constexpr std::array<std::string_view, 4> kMore = {"interval", "interval-origin", "description",
                                                       "requires"};
    return std::find(kMore.begin(), kMore.end(), name) != kMore.end() ||
           manager::find_operation_attribute(name) != nullptr;
}

base::Result<Edits> parse_statement(const Words& words, const StatementContext& context) {
    if (words.empty()) return base::invalid("a statement is missing");
    for (const std::string& word : words) {
        if (word.find_first_of(std::string_view("\n\r\0", 3)) != std::string::npos) {
            return base::invalid(words[0] + ": a value holds a line end, which is not supported");
        }
    }
    for (const Statement& statement : kStatements) {
        if (equal_any_case(words[0], statement.name)) return statement.parse(words, context);
    }
    return base::invalid("'" + words[0] + "' is no statement of the configuration");
}

base::Result<Edits> parse_script(std::string_view text, const std::string& name,
                                 const StatementContext& context,
                                 const std::function<base::Status(const Edits&)>& check) {
    const auto lines = split_script(text);
    if (!lines) return lines.error().with(name);
    Edits all;
    // What earlier lines define, as far as later ones build on it.
    manager::Configuration current = context.current;
    const StatementContext here{current, context.resolve, context.replace};
    for (const Line& line : *lines) {
        const std::string where = name + ":" + std::to_string(line.number);
        const auto& later = unsupported_statement_names();
        if (std::find(later.begin(), later.end(), line.words[0]) != later.end())
            return not_yet(line.words[0]).with(where);
        auto edits = parse_statement(line.words, here);
        if (!edits) return edits.error().with(where);
        if (const auto checked = check(*edits); !checked) return checked.error().with(where);
        for (manager::Edit& edit : *edits) {
            if (const auto* put = std::get_if<manager::PutPrimitive>(&edit))
                put_by_id(current.primitives, put->value);
            all.push_back(std::move(edit));
        }
    }
    return all;
}

}  // namespace tools
