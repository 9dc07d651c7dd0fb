#include "manager/model/validate.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <vector>

#include "manager/model/options.hpp"
#include "manager/model/text.hpp"

namespace manager {
namespace {

constexpr std::size_t kLongestName = 128;
constexpr std::size_t kLongestValue = 32 * 1024;

base::Error invalid(std::string_view object, std::string_view what) {
    return {base::Errc::invalid, std::string(object) + ": " + std::string(what)};
}

bool made_of(std::string_view text, std::string_view others) {
    return std::all_of(text.begin(), text.end(), [&](char c) {
        return is_letter(c) || is_digit(c) || others.find(c) != std::string_view::npos;
    });
}

// A part of an agent's name becomes part of a path: no slash, no leading dot.
base::Status check_agent_part(std::string_view object, std::string_view field, std::string_view text) {
    if (text.empty()) return invalid(object, std::string(field) + " is missing");
    if (text.size() > kLongestName || text.front() == '.' || !made_of(text, "_.-@\\:")) {
        return invalid(object, std::string(field) + " \"" + std::string(text) +
                                   "\" is not valid: expected letters, digits, _ . - @ and no leading dot");
    }
    return base::ok();
}

base::Status check_agent(std::string_view object, const AgentName& agent) {
    const std::string& standard = agent.standard;
    if (standard == "stonith") {
        return invalid(
            object,
            "class stonith is not there yet: this version does not fence, so a device would promise "
            "what is not done");
    }
    if (standard != "ocf" && standard != "systemd" && standard != "lsb" && standard != "service") {
        return invalid(
            object, "agent class \"" + standard + "\" is not known: expected ocf, systemd, lsb or service");
    }
    TRY_OK(check_agent_part(object, "agent type", agent.type));
    if (standard == "ocf") return check_agent_part(object, "agent provider", agent.provider);
    if (!agent.provider.empty()) {
        return invalid(
            object, "agent provider \"" + agent.provider + "\" given, but class " + standard + " has none");
    }
    return base::ok();
}

base::Status check_operation(const std::string& object, const OperationSpec& op) {
    const std::string where = object + ": op " + op.name;
    if (op.name.empty() || !is_letter(op.name.front()) || !made_of(op.name, "_-")) {
        return invalid(object,
                       "operation name \"" + op.name + "\" is not valid: expected monitor, start, stop ...");
    }
    if (op.interval.ns < 0) return invalid(where, "interval is negative");
    if (!op.interval_text.empty()) {
        const auto parsed = parse_interval(op.interval_text);
        if (!parsed) return parsed.error().with(where + ": interval");
        if (*parsed != op.interval)
            return invalid(where, "interval \"" + op.interval_text + "\" does not say its length");
    }
    if (op.interval.ns > 0 && op.name != "monitor") {
        return invalid(where, "interval must be 0 or left out: only monitor repeats");
    }
    for (const auto& [name, value] : op.attributes) {
        TRY_OK(check_entry(where, name, value));
        // What a failed stop calls for is a fence; without one the resource is blocked, which is no less
        // safe.
        if (op.name == "stop" && name == "on-fail" && lower(value) == "fence") continue;
        if (const Option* option = find_operation_attribute(name)) {
            TRY_OK(check_value(*option, where + ": " + name, value));
        }
    }
    return base::ok();
}

// The arcs from -> to of a relation between resources, each with the constraint that makes it.
struct Arc {
    std::string to, constraint;
};
using Relation = std::map<std::string, std::vector<Arc>>;

// The constraints along a shortest way from `from` to `to`, "" when there is none. A way has at least one
// arc.
std::string way(const Relation& relation, const std::string& from, const std::string& to) {
    std::map<std::string, std::string> reached;  // by resource: the constraints that lead there
    std::deque<std::string> open{from};
    while (!open.empty()) {
        const std::string at = open.front();
        open.pop_front();
        const auto arcs = relation.find(at);
        if (arcs == relation.end()) continue;
        for (const Arc& arc : arcs->second) {
            if (reached.contains(arc.to)) continue;
            reached[arc.to] = (reached.contains(at) ? reached[at] + ", " : "") + arc.constraint;
            if (arc.to == to) return reached[arc.to];
            open.push_back(arc.to);
        }
    }
    return "";
}

base::Status check_reference(const Configuration& config, std::string_view object, std::string_view field,
                             const std::string& resource) {
    if (config.primitive(resource) != nullptr) return base::ok();
    const std::string kind = config.kind_of(resource);
    return base::Error{base::Errc::not_found,
                       std::string(object) + ": " + std::string(field) + " \"" + resource + "\" " +
                           (kind.empty() ? "does not exist" : "is a " + kind + ", not a resource")};
}

base::Status check_colocations(const Configuration& config) {
    Relation together;
    for (const Colocation& c : config.colocations) {
        if (c.score == Score::infinity()) together[c.resource].push_back({c.with, c.id});
    }
    for (const Colocation& c : config.colocations) {
        if (c.score != Score::minus_infinity()) continue;
        std::string contrary = way(together, c.resource, c.with);
        if (contrary.empty()) contrary = way(together, c.with, c.resource);
        if (contrary.empty()) continue;
        return base::Error{base::Errc::conflict,
                           object_name("colocation", c.id) + ": keeps " + c.resource + " and " + c.with +
                               " apart, but " + contrary +
                               " demands them on one node: both can never run; remove one of them"};
    }
    return base::ok();
}

base::Status check_orders(const Configuration& config) {
    Relation later;
    for (const Order& o : config.orders) {
        if (o.kind == OrderKind::mandatory) later[o.first].push_back({o.then, o.id});
    }
    for (const Order& o : config.orders) {
        if (o.kind != OrderKind::mandatory) continue;
        const std::string back = way(later, o.then, o.first);
        if (back.empty()) continue;
        return base::Error{base::Errc::conflict,
                           object_name("order", o.id) + ": " + o.first + " before " + o.then + ", but " +
                               back + " demands the reverse: none could ever start; remove one of them"};
    }
    return base::ok();
}

}  // namespace

std::string object_name(std::string_view kind, std::string_view id) {
    return std::string(kind) + " " + std::string(id);
}

base::Status check_id(std::string_view kind, std::string_view id) {
    const bool good = !id.empty() && (is_letter(id.front()) || id.front() == '_') && made_of(id, "_.-");
    if (good && id.size() <= kLongestName) return base::ok();
    return invalid(
        kind, "id \"" + std::string(id) +
                  "\" is not valid: expected a letter or _, then letters, digits, _ . and - (at most 128)");
}

base::Status check_node_name(std::string_view name) {
    if (!name.empty() && name.size() <= kLongestName && made_of(name, "_.-")) return base::ok();
    return invalid("node", "name \"" + std::string(name) +
                               "\" is not valid: expected letters, digits, _ . and - (at most 128)");
}

base::Status check_entry(std::string_view object, std::string_view name, std::string_view value) {
    if (name.empty() || name.size() > kLongestName || !made_of(name, "_.-#:")) {
        return invalid(object, "name \"" + std::string(name) +
                                   "\" is not valid: expected letters, digits, _ . - # : (at most 128)");
    }
    if (value.find('\0') != std::string_view::npos) {
        return invalid(object,
                       std::string(name) + ": the value holds a NUL byte, which no agent can be handed");
    }
    if (value.size() > kLongestValue)
        return invalid(object, std::string(name) + ": the value is longer than 32 KiB");
    return base::ok();
}

base::Status check(const Primitive& primitive) {
    TRY_OK(check_id("primitive", primitive.id));
    const std::string object = object_name("primitive", primitive.id);
    TRY_OK(check_agent(object, primitive.agent));
    for (const auto& [name, value] : primitive.params) TRY_OK(check_entry(object + ": params", name, value));
    for (const auto& [name, value] : primitive.meta) {
        TRY_OK(check_entry(object + ": meta", name, value));
        if (const Option* option = find_meta(name))
            TRY_OK(check_value(*option, object + ": meta " + name, value));
    }
    for (auto op = primitive.operations.begin(); op != primitive.operations.end(); ++op) {
        TRY_OK(check_operation(object, *op));
        const bool twice = std::any_of(primitive.operations.begin(), op, [&](const OperationSpec& other) {
            return other.name == op->name && other.interval == op->interval;
        });
        if (twice) {
            return invalid(object, "op " + op->name + ": twice with interval " +
                                       (op->interval_text.empty() ? "0" : op->interval_text) +
                                       "; each operation needs an interval of its own");
        }
    }
    return check_entry(object, "description", primitive.description);
}

base::Status check(const Location& location) {
    TRY_OK(check_id("location", location.id));
    return check_node_name(location.node);
}

base::Status check(const Colocation& colocation) {
    TRY_OK(check_id("colocation", colocation.id));
    if (colocation.resource != colocation.with) return base::ok();
    return invalid(object_name("colocation", colocation.id),
                   "names " + colocation.with + " twice; it needs two resources");
}

base::Status check(const Order& order) {
    TRY_OK(check_id("order", order.id));
    if (order.first != order.then) return base::ok();
    return invalid(object_name("order", order.id), "names " + order.then + " twice; it needs two resources");
}

base::Status check(const NodeObject& node) {
    TRY_OK(check_node_name(node.name));
    const std::string object = object_name("node", node.name);
    for (const auto& [name, value] : node.attributes) {
        TRY_OK(check_entry(object, name, value));
        if (const Option* option = find_node_attribute(name))
            TRY_OK(check_value(*option, object + ": " + name, value));
    }
    return base::ok();
}

base::Status check_together(const Configuration& config) {
    for (const Location& l : config.locations) {
        TRY_OK(check_reference(config, object_name("location", l.id), "resource", l.resource));
    }
    for (const Colocation& c : config.colocations) {
        TRY_OK(check_reference(config, object_name("colocation", c.id), "resource", c.resource));
        TRY_OK(check_reference(config, object_name("colocation", c.id), "resource", c.with));
    }
    for (const Order& o : config.orders) {
        TRY_OK(check_reference(config, object_name("order", o.id), "resource", o.first));
        TRY_OK(check_reference(config, object_name("order", o.id), "resource", o.then));
    }
    TRY_OK(check_colocations(config));
    return check_orders(config);
}

}  // namespace manager
