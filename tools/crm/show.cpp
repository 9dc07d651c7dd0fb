#include <algorithm>
#include <map>

#include "tools/crm/statement.hpp"

namespace tools {
namespace {

constexpr std::string_view kNext = " \\\n\t";

std::string score_text(manager::Score score) {
    if (score == manager::Score::infinity()) return "inf";
    if (score == manager::Score::minus_infinity()) return "-inf";
    return std::to_string(score.value);
}

// " a=1 b=2"; an empty value stands as the bare name.
std::string pairs(const manager::Attributes& attributes, ShowStyle style) {
    std::string out;
    for (const auto& [name, value] : attributes) {
        out += " " + name;
        const bool secret = !style.full && name.rfind("passw", 0) == 0;
        if (!value.empty()) out += "=" + (secret ? "\"******\"" : tools::quoted(value));
    }
    return out;
}

std::string agent_text(const manager::AgentName& agent, ShowStyle style) {
    if (!style.full && agent.standard == "ocf" && agent.provider == "heartbeat") return agent.type;
    return to_string(agent);
}

std::string operation_text(const manager::OperationSpec& operation, ShowStyle style) {
    manager::Attributes own, instance;
    for (const auto& [name, value] : operation.attributes) {
        (is_operation_attribute(name) ? own : instance).emplace(name, value);
    }
    std::string out = "op " + operation.name;
    if (!operation.interval_text.empty()) out += " interval=" + tools::quoted(operation.interval_text);
    out += pairs(own, style);
    if (operation.interval_text.empty() && !style.full) out += " interval=0";
    if (!instance.empty()) out += " op_params" + pairs(instance, style);
    return out;
}

std::string text_of(const manager::Primitive& primitive, ShowStyle style) {
    std::string out = "primitive " + primitive.id + " " + agent_text(primitive.agent, style);
    if (!primitive.description.empty())
        out += std::string(kNext) + "description=" + tools::quoted(primitive.description);
    if (!primitive.params.empty()) out += std::string(kNext) + "params" + pairs(primitive.params, style);
    if (!primitive.meta.empty()) out += std::string(kNext) + "meta" + pairs(primitive.meta, style);
    for (const manager::OperationSpec& operation : primitive.operations) {
        out += std::string(kNext) + operation_text(operation, style);
    }
    return out + "\n";
}

std::string text_of(const manager::NodeObject& node, ShowStyle style) {
    std::string out = "node ";
    if (node.id != 0) out += std::to_string(node.id) + ": ";
    out += node.name;
    if (!node.attributes.empty()) out += std::string(kNext) + "attributes" + pairs(node.attributes, style);
    return out + "\n";
}

std::string text_of(const manager::Location& location) {
    return "location " + location.id + " " + location.resource + " " + score_text(location.score) + ": " +
           location.node + "\n";
}

std::string text_of(const manager::Colocation& colocation) {
    return "colocation " + colocation.id + " " + score_text(colocation.score) + ": " + colocation.resource +
           " " + colocation.with + "\n";
}

std::string_view kind_text(manager::OrderKind kind) {
    switch (kind) {
        case manager::OrderKind::mandatory:
            return "Mandatory";
        case manager::OrderKind::optional:
            return "Optional";
        case manager::OrderKind::serialize:
            return "Serialize";
    }
    return "Mandatory";
}

std::string text_of(const manager::Order& order) {
    return "order " + order.id + " " + std::string(kind_text(order.kind)) + ": " + order.first + " " +
           order.then + (order.symmetrical ? "" : " symmetrical=false") + "\n";
}

std::string section_text(std::string_view head, const manager::Attributes& options, ShowStyle style) {
    if (options.empty()) return "";
    std::string out(head);
    for (const auto& [name, value] : options)
        out += std::string(kNext) + pairs({{name, value}}, style).substr(1);
    return out + "\n";
}

struct Sections {
    std::string properties, rsc_defaults, op_defaults;
};

Sections sections_of(const manager::Configuration& config, ShowStyle style) {
    return {section_text("property cib-bootstrap-options:", config.properties, style),
            section_text("rsc_defaults rsc-options:", config.rsc_defaults, style),
            section_text("op_defaults op-options:", config.op_defaults, style)};
}

// Constraints of all kinds together, by id.
std::map<std::string, std::string> constraint_texts(const manager::Configuration& config) {
    std::map<std::string, std::string> texts;
    for (const auto& location : config.locations) texts[location.id] = text_of(location);
    for (const auto& colocation : config.colocations) texts[colocation.id] = text_of(colocation);
    for (const auto& order : config.orders) texts[order.id] = text_of(order);
    return texts;
}

}  // namespace

std::string show_object(const manager::Configuration& config, std::string_view id, ShowStyle style) {
    if (const manager::Primitive* primitive = config.primitive(id)) return text_of(*primitive, style);
    if (const manager::NodeObject* node = config.node(id)) return text_of(*node, style);
    const auto constraints = constraint_texts(config);
    if (const auto found = constraints.find(std::string(id)); found != constraints.end())
        return found->second;
    Sections sections = sections_of(config, style);
    if (id == "property" || id == "cib-bootstrap-options") return sections.properties;
    if (id == "rsc_defaults" || id == "rsc-options") return sections.rsc_defaults;
    if (id == "op_defaults" || id == "op-options") return sections.op_defaults;
    return "";
}

std::string show_configuration(const manager::Configuration& config, ShowStyle style) {
    std::map<std::string, std::string> nodes;
    for (const auto& node : config.nodes) nodes[node.name] = text_of(node, style);
    std::string out;
    for (const auto& [name, text] : nodes) out += text;
    for (const auto& primitive : config.primitives) out += text_of(primitive, style);
    for (const auto& [id, text] : constraint_texts(config)) out += text;
    const Sections sections = sections_of(config, style);
    return out + sections.properties + sections.rsc_defaults + sections.op_defaults;
}

}  // namespace tools
