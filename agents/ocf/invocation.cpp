#include "agents/ocf/invocation.hpp"

#include <algorithm>
#include <map>

namespace agents {

namespace {

using manager::OperationRequest;

// What Pacemaker 2.1 announces; agents ask for 3.10 or later before they use the newer tools.
constexpr const char* kFeatureSet = "3.16.1";
constexpr std::size_t kReasonLength = 256;

using Environment = std::map<std::string, std::string>;

Environment common() {
    return {{"PATH", "/usr/sbin:/usr/bin:/sbin:/bin"}, {"HOME", "/root"}, {"LANG", "C"}, {"LC_ALL", "C"}};
}

// A name that the environment cannot carry is left out; the agent could not read it.
void set(Environment& environment, const std::string& name, const std::string& value) {
    if (name.find('=') == std::string::npos && name.find('\0') == std::string::npos)
        environment[name] = value;
}

std::string underscored(std::string name) {
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}

void set_ocf(Environment& environment, const manager::AgentName& agent, const std::string& resource) {
    environment["OCF_ROOT"] = "/usr/lib/ocf";
    environment["OCF_RA_VERSION_MAJOR"] = "1";
    environment["OCF_RA_VERSION_MINOR"] = "1";
    environment["OCF_EXIT_REASON_PREFIX"] = std::string(kExitReasonPrefix);
    environment["OCF_RESOURCE_INSTANCE"] = resource;
    environment["OCF_RESOURCE_TYPE"] = agent.type;
    environment["OCF_RESOURCE_PROVIDER"] = agent.provider;
}

void set_request(Environment& environment, const OperationRequest& request) {
    for (const auto& [name, value] : request.meta) {
        set(environment, "OCF_RESKEY_CRM_meta_" + underscored(name), value);
    }
    for (const auto& [name, value] : request.op_attributes) {
        set(environment, "OCF_RESKEY_CRM_meta_" + underscored(name), value);
    }
    const std::string meta = "OCF_RESKEY_CRM_meta_";
    environment[meta + "timeout"] = std::to_string(request.timeout.ms());
    environment[meta + "interval"] = std::to_string(request.interval.ms());
    environment[meta + "name"] = request.action;
    environment[meta + "on_node"] = request.node;
    environment[meta + "on_node_uuid"] = request.node;
    environment["OCF_RESKEY_crm_feature_set"] = kFeatureSet;
    // Unprefixed by contract, unlike everything else of the operation.
    const auto level = request.op_attributes.find("OCF_CHECK_LEVEL");
    if (level != request.op_attributes.end()) environment["OCF_CHECK_LEVEL"] = level->second;
    for (const auto& [name, value] : request.params) set(environment, "OCF_RESKEY_" + name, value);
}

std::vector<std::string> flatten(const Environment& environment) {
    std::vector<std::string> lines;
    lines.reserve(environment.size());
    for (const auto& [name, value] : environment) lines.push_back(name + "=" + value);
    return lines;
}

std::string_view first_word(std::string_view text) {
    return text.substr(0, text.find_first_of(" \t\r\n"));
}

// systemctl(1), "exit status": is-active says 0 for active and 3 else; stop of an unknown unit is 5.
int interpret_systemd(std::string_view action, int status, std::string_view output) {
    const std::string_view state = first_word(output);
    if (action == "monitor") {
        // On its way up, down or through a reload: something of it runs, and its start or stop reports the
        // end.
        if (state == "activating" || state == "deactivating" || state == "reloading") return manager::kOcfOk;
        if (status == 0) return manager::kOcfOk;
        if (status == 3 || status == 4) return manager::kOcfNotRunning;
        return manager::kOcfGeneric;
    }
    if (status == 5) return action == "stop" ? manager::kOcfOk : manager::kOcfNotInstalled;
    return status == 0 ? manager::kOcfOk : manager::kOcfGeneric;
}

// LSB core 5.0, "Init Script Actions": status has numbers of its own.
int interpret_lsb(std::string_view action, int status) {
    if (action == "monitor") {
        if (status == 0) return manager::kOcfOk;
        return status >= 1 && status <= 3 ? manager::kOcfNotRunning : manager::kOcfGeneric;
    }
    if (status == 7) return action == "stop" ? manager::kOcfOk : manager::kOcfNotRunning;
    return status > 7 ? manager::kOcfGeneric : status;
}

std::string clean(std::string_view line) {
    std::string text;
    for (const char c : line.substr(0, kReasonLength)) {
        if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) text += c;
    }
    const auto begin = text.find_first_not_of(' ');
    if (begin == std::string::npos) return {};
    return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

}  // namespace

Invocation make_invocation(const AgentProgram& program, const OperationRequest& request) {
    Environment environment = common();
    if (program.standard == "systemd") {
        const std::string verb = request.action == "monitor" ? "is-active" : request.action;
        return {{"/usr/bin/systemctl", verb, unit_name(request.agent.type)}, flatten(environment)};
    }
    if (program.standard == "lsb") {
        return {{program.path, request.action == "monitor" ? "status" : request.action},
                flatten(environment)};
    }
    set_ocf(environment, request.agent, request.resource);
    set_request(environment, request);
    return {{program.path, request.action}, flatten(environment)};
}

Invocation make_metadata_invocation(const AgentProgram& program, const manager::AgentName& agent) {
    Environment environment = common();
    if (program.standard == "stonith") return {{program.path, "-o", "metadata"}, flatten(environment)};
    set_ocf(environment, agent, agent.type);
    return {{program.path, "meta-data"}, flatten(environment)};
}

int interpret_exit(const AgentProgram& program, std::string_view action, int exit_status,
                   std::string_view output) {
    if (program.standard == "systemd") return interpret_systemd(action, exit_status, output);
    if (program.standard == "lsb") return interpret_lsb(action, exit_status);
    return exit_status;
}

std::string exit_reason(std::string_view error_output) {
    std::string reason;
    std::string last;
    while (!error_output.empty()) {
        const auto end = error_output.find('\n');
        const std::string_view line = error_output.substr(0, end);
        error_output.remove_prefix(end == std::string_view::npos ? error_output.size() : end + 1);
        if (line.substr(0, kExitReasonPrefix.size()) == kExitReasonPrefix) {
            reason = clean(line.substr(kExitReasonPrefix.size()));
        } else if (std::string text = clean(line); !text.empty()) {
            last = std::move(text);
        }
    }
    return reason.empty() ? last : reason;
}

}  // namespace agents
