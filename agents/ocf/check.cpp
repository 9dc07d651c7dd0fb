#include "agents/ocf/check.hpp"

#include <algorithm>

#include "agents/vip/address.hpp"

namespace agents {

namespace {

using manager::Primitive;

void check_parameters(const Primitive& primitive, const Metadata& metadata, const std::string& subject,
                      std::vector<Finding>& findings) {
    for (const ParameterInfo& info : metadata.parameters) {
        const auto given = primitive.params.find(info.name);
        if (info.required && !info.default_value &&
            (given == primitive.params.end() || given->second.empty())) {
            findings.push_back({true, subject + ": required parameter " + info.name + " is missing"});
        }
    }
    for (const auto& [name, value] : primitive.params) {
        const ParameterInfo* info = metadata.parameter(name);
        if (info == nullptr) {
            findings.push_back({true, subject + ": the agent has no parameter " + name});
            continue;
        }
        if (info->deprecated) findings.push_back({false, subject + ": parameter " + name + " is deprecated"});
        const auto& choices = info->choices;
        if (!choices.empty() && std::find(choices.begin(), choices.end(), value) == choices.end()) {
            std::string list;
            for (const auto& choice : choices) list += (list.empty() ? "" : ", ") + choice;
            findings.push_back({false, subject + ": parameter " + name + ": expected one of " + list +
                                           ", found '" + value + "'"});
        }
    }
}

// The default timeout of an operation that is not configured is the manager's business; here only what was
// written.
void check_timeouts(const Primitive& primitive, const Metadata& metadata, const std::string& subject,
                    std::vector<Finding>& findings) {
    for (const auto& operation : primitive.operations) {
        const ActionInfo* advised = metadata.action(operation.name);
        const auto written = operation.attributes.find("timeout");
        if (advised == nullptr || advised->timeout.empty() || written == operation.attributes.end()) continue;
        const auto least = manager::parse_interval(advised->timeout);
        const auto actual = manager::parse_interval(written->second);
        if (!least || !actual || *actual >= *least) continue;
        findings.push_back({false, subject + ": timeout " + written->second + " of " + operation.name +
                                       " is shorter than the advised " + advised->timeout});
    }
}

}  // namespace

std::vector<Finding> check_primitive(const Primitive& primitive, const base::Result<Metadata>& metadata) {
    const std::string subject = primitive.id + " (" + manager::to_string(primitive.agent) + ")";
    if (!metadata) {
        const bool unknown = metadata.error().code == base::Errc::not_found;
        return {{unknown, subject + ": " + metadata.error().message}};
    }
    std::vector<Finding> findings;
    const bool has_parameters = primitive.agent.standard == "ocf" || primitive.agent.standard == "stonith";
    if (has_parameters || !primitive.params.empty())
        check_parameters(primitive, *metadata, subject, findings);
    check_timeouts(primitive, *metadata, subject, findings);
    if (is_native_address(primitive.agent, primitive.meta) && findings.empty()) {
        const auto parsed = parse_address(primitive.params, primitive.meta);
        if (const auto* error = std::get_if<AddressError>(&parsed)) {
            findings.push_back({true, subject + ": " + error->message});
        } else {
            for (const auto& note : std::get<ParsedAddress>(parsed).notes) {
                findings.push_back({false, subject + ": " + note});
            }
        }
    }
    return findings;
}

}  // namespace agents
