// The configuration half of a document.
#include <array>

#include "manager/live/document.hpp"
#include "manager/model/text.hpp"

namespace manager::live {
namespace {

// What the daemon acts on, beside stonith-enabled and no-quorum-policy.
constexpr std::array kProperties{"maintenance-mode", "stop-all-resources", "symmetric-cluster",
                                 "stop-orphan-resources"};
constexpr std::array kMeta{"target-role", "resource-stickiness", "migration-threshold", "is-managed",
                           "priority",    "maintenance",         "multiple-active"};

cib::AttributeSets sets_of(const std::string& id, const Attributes& attributes) {
    if (attributes.empty()) return {};
    cib::AttributeSet set;
    set.id = id;
    set.pairs.assign(attributes.begin(), attributes.end());
    return {set};
}

Attributes carried_out(const Attributes& meta) {
    Attributes out;
    for (const char* name : kMeta) {
        if (const auto found = meta.find(name); found != meta.end()) out[name] = lower(found->second);
    }
    return out;
}

cib::Operation operation_of(const Primitive& primitive, const OperationSpec& spec) {
    cib::Operation out;
    out.name = spec.name;
    out.attributes = spec.attributes;
    // A monitor that is switched off still says what its failure means: the daemon asks it, the planner would
    // pass over it.
    out.attributes.erase("enabled");
    out.attributes["interval"] = std::to_string(spec.interval.ns / 1'000'000) + "ms";
    out.id = primitive.id + "-" + spec.name + "-" + out.attributes["interval"];
    return out;
}

cib::ResourceObject resource_of(const Primitive& primitive) {
    cib::ResourceObject out;
    out.id = primitive.id;
    out.standard = primitive.agent.standard;
    out.provider = primitive.agent.provider;
    out.type = primitive.agent.type;
    out.params = sets_of(primitive.id + "-params", primitive.params);
    out.meta = sets_of(primitive.id + "-meta", carried_out(primitive.meta));
    for (const OperationSpec& spec : primitive.operations)
        out.operations.push_back(operation_of(primitive, spec));
    return out;
}

Attributes properties_of(const Configuration& config) {
    Attributes out;
    for (const char* name : kProperties) out[name] = property_value(config, name);
    out["no-quorum-policy"] = lower(property_value(config, "no-quorum-policy"));
    // With fencing and no device the planner would touch nothing; the daemon acts by clearance instead.
    out["stonith-enabled"] = "false";
    return out;
}

void describe_constraints(const Configuration& config, cib::Document& document) {
    for (const Location& each : config.locations) {
        cib::LocationObject out;
        out.id = each.id;
        out.resource = each.resource;
        out.node = each.node;
        out.score = each.score;
        document.locations.push_back(std::move(out));
    }
    for (const Colocation& each : config.colocations) {
        cib::ColocationObject out;
        out.id = each.id;
        out.resource = each.resource;
        out.with = each.with;
        out.score = each.score;
        document.colocations.push_back(std::move(out));
    }
    for (const Order& each : config.orders) {
        cib::OrderObject out;
        out.id = each.id;
        out.first = each.first;
        out.then = each.then;
        out.kind = each.kind;
        out.symmetrical = each.symmetrical;
        document.orders.push_back(std::move(out));
    }
}

}  // namespace

void describe_configuration(const Configuration& config, cib::Document& document) {
    document.properties = sets_of("properties", properties_of(config));
    document.resource_defaults = sets_of("rsc-defaults", carried_out(config.rsc_defaults));
    Attributes defaults = config.op_defaults;
    defaults.erase("enabled");
    document.operation_defaults = sets_of("op-defaults", defaults);
    // In the order of the configuration: equal priorities are placed in it.
    for (const Primitive& primitive : config.primitives) document.resources.push_back(resource_of(primitive));
    describe_constraints(config, document);
}

cib::Document document_of(const Configuration& config, const ClusterStatus& status) {
    cib::Document document;
    describe_configuration(config, document);
    describe_status(config, status, document);
    return document;
}

}  // namespace manager::live
