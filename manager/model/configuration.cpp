#include "manager/model/configuration.hpp"

#include <algorithm>
#include <optional>

#include "manager/model/options.hpp"
#include "manager/model/text.hpp"

namespace manager {
namespace {

constexpr base::Duration kDefaultTimeout = base::seconds(20);

template <typename T>
const T* by_id(const std::vector<T>& objects, std::string_view id) {
    const auto at = std::find_if(objects.begin(), objects.end(), [&](const T& o) { return o.id == id; });
    return at == objects.end() ? nullptr : &*at;
}

const std::string* find(const Attributes& attributes, const std::string& name) {
    const auto at = attributes.find(name);
    return at == attributes.end() ? nullptr : &at->second;
}

const OperationSpec* find_operation(const Primitive& primitive, std::string_view operation,
                                    base::Duration interval) {
    for (const OperationSpec& op : primitive.operations) {
        if (op.name == operation && op.interval == interval) return &op;
    }
    return nullptr;
}

// A probe without an op of its own behaves like the most frequent monitor.
const OperationSpec* shortest_monitor(const Primitive& primitive) {
    const OperationSpec* shortest = nullptr;
    for (const OperationSpec& op : primitive.operations) {
        if (op.name == "monitor" && (shortest == nullptr || op.interval < shortest->interval)) shortest = &op;
    }
    return shortest;
}

std::optional<base::Duration> timeout_in(const Attributes& attributes) {
    const std::string* text = find(attributes, "timeout");
    if (text == nullptr) return std::nullopt;
    const auto value = parse_interval(*text);
    return value && value->ns > 0 ? std::optional(*value) : std::nullopt;
}

}  // namespace

std::string to_string(const AgentName& agent) {
    if (agent.provider.empty()) return agent.standard + ":" + agent.type;
    return agent.standard + ":" + agent.provider + ":" + agent.type;
}

const Primitive* Configuration::primitive(std::string_view id) const {
    return by_id(primitives, id);
}

const NodeObject* Configuration::node(std::string_view name) const {
    const auto at =
        std::find_if(nodes.begin(), nodes.end(), [&](const NodeObject& n) { return n.name == name; });
    return at == nodes.end() ? nullptr : &*at;
}

std::string Configuration::kind_of(std::string_view id) const {
    if (by_id(primitives, id) != nullptr) return "primitive";
    if (by_id(locations, id) != nullptr) return "location";
    if (by_id(colocations, id) != nullptr) return "colocation";
    if (by_id(orders, id) != nullptr) return "order";
    if (node(id) != nullptr) return "node";
    return "";
}

std::string meta_value(const Configuration& config, const Primitive& primitive, const std::string& name,
                       std::string_view otherwise) {
    if (const std::string* own = find(primitive.meta, name)) return *own;
    if (const std::string* common = find(config.rsc_defaults, name)) return *common;
    return std::string(otherwise);
}

std::string meta_value(const Configuration& config, const Primitive& primitive, const std::string& name) {
    const Option* option = find_meta(name);
    return meta_value(config, primitive, name, option == nullptr ? std::string_view() : option->fallback);
}

std::string property_value(const Configuration& config, const std::string& name) {
    if (const std::string* value = find(config.properties, name)) return *value;
    const Option* option = find_property(name);
    if (option == nullptr) return "";
    for (const std::string_view spelling : {option->name, option->alias}) {
        if (const std::string* value = find(config.properties, std::string(spelling))) return *value;
    }
    return std::string(option->fallback);
}

bool is_true(std::string_view value) {
    const std::string word = lower(value);
    return word == "on" || word == "true" || word == "yes" || word == "1" || word == "y";
}

bool is_false(std::string_view value) {
    const std::string word = lower(value);
    return word == "off" || word == "false" || word == "no" || word == "0" || word == "n";
}

bool demands_proof(const Configuration& config) {
    return !is_false(property_value(config, "stonith-enabled")) &&
           lower(property_value(config, "no-quorum-policy")) != "ignore";
}

bool held_by_guard(const AgentName& agent, const Attributes& meta) {
    if (agent.standard != "ocf" || agent.provider != "heartbeat" || agent.type != "IPaddr2") return false;
    const std::string* choice = find(meta, "custos-agent");
    return choice == nullptr || *choice != "script";
}

bool lease_covers(const Configuration& config, const Primitive& primitive) {
    Attributes meta = config.rsc_defaults;
    for (const auto& [name, value] : primitive.meta) meta[name] = value;
    return held_by_guard(primitive.agent, meta);
}

base::Duration operation_timeout(const Configuration& config, const Primitive& primitive,
                                 std::string_view operation, base::Duration interval) {
    const OperationSpec* op = find_operation(primitive, operation, interval);
    if (op == nullptr && operation == "monitor" && interval.ns == 0) op = shortest_monitor(primitive);
    if (op != nullptr) {
        if (const auto own = timeout_in(op->attributes)) return *own;
    }
    return timeout_in(config.op_defaults).value_or(kDefaultTimeout);
}

std::string operation_attribute(const Configuration& config, const Primitive& primitive,
                                std::string_view operation, base::Duration interval,
                                const std::string& name) {
    if (const OperationSpec* op = find_operation(primitive, operation, interval)) {
        if (const std::string* own = find(op->attributes, name)) return *own;
    }
    const std::string* common = find(config.op_defaults, name);
    return common == nullptr ? "" : *common;
}

std::vector<const OperationSpec*> recurring_monitors(const Configuration& config,
                                                     const Primitive& primitive) {
    std::vector<const OperationSpec*> monitors;
    for (const OperationSpec& op : primitive.operations) {
        if (op.name != "monitor" || op.interval.ns <= 0) continue;
        if (is_false(operation_attribute(config, primitive, op.name, op.interval, "enabled"))) continue;
        const std::string* role = find(op.attributes, "role");
        if (role != nullptr && lower(*role) != "started") continue;
        monitors.push_back(&op);
    }
    std::sort(monitors.begin(), monitors.end(),
              [](const auto* a, const auto* b) { return a->interval < b->interval; });
    return monitors;
}

}  // namespace manager
