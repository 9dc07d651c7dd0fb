#include "manager/model/idle.hpp"

#include <sstream>
#include <string_view>

#include "manager/model/options.hpp"
#include "manager/model/text.hpp"

namespace manager {
namespace {

struct Idle {
    std::string_view names;  // separated by blanks
    std::string_view why;
};
constexpr Idle kIdle[] = {
    {"stonith-action stonith-timeout stonith-max-attempts stonith-watchdog-timeout have-watchdog "
     "concurrent-fencing startup-fencing priority-fencing-delay fence-reaction fence-remote-without-quorum "
     "requires",
     "this version runs no fence agents; starts wait for the proof that a lost node runs nothing"},
    {"node-pending-timeout dc-deadtime election-timeout join-integration-timeout join-finalization-timeout "
     "shutdown-escalation transition-delay cluster-ipc-limit",
     "nobody is elected and nobody joins step by step: the ring says who is a member, and who plans"},
    {"cluster-delay cluster-recheck-interval batch-limit migration-limit load-threshold node-action-limit",
     "every operation begins as soon as what it waits for is done"},
    {"enable-startup-probes shutdown-lock shutdown-lock-limit stop-orphan-actions remove-after-stop "
     "placement-strategy node-health-strategy node-health-base node-health-green node-health-yellow "
     "node-health-red failure-timeout allow-migrate critical allow-unhealthy-nodes start-delay "
     "record-pending",
     "this version does not carry it out yet"},
    {"pe-error-series-max pe-warn-series-max pe-input-series-max",
     "no files are kept of what was planned: `custos why` asks the cluster"},
    {"enable-acl", "there are no ACLs: root and the group of the socket may change everything"},
    {"cluster-name dc-version cluster-infrastructure", "Pacemaker wrote it for itself"},
};

using Find = const Option* (*)(std::string_view name);

bool has(std::string_view names, std::string_view wanted) {
    std::istringstream words{std::string(names)};
    for (std::string word; words >> word;) {
        if (word == wanted) return true;
    }
    return false;
}

void tell(std::vector<std::string>& out, const std::string& what, const Attributes& options, Find find) {
    for (const auto& [name, value] : options) {
        const Option* const option = find(name);
        if (option == nullptr) {
            out.push_back(what + " " + name + " has no effect: this version does not know it");
            continue;
        }
        for (const Idle& idle : kIdle) {
            if (has(idle.names, option->name))
                out.push_back(what + " " + name + " has no effect: " + std::string(idle.why));
        }
    }
}

// What an operation asks for with words that have an effect on other operations.
void tell_operation(std::vector<std::string>& out, const std::string& object,
                    const OperationSpec& operation) {
    const std::string what = object + "operation " + operation.name;
    const bool monitor = operation.name == "monitor";
    for (const auto& [name, value] : operation.attributes) {
        if (name == "role" && lower(value) != "started" && monitor) {
            out.push_back(what + " is never run: role=" + value +
                          ", and this version monitors only where a resource is started");
        }
        if (name == "role" && lower(value) != "started" && !monitor)
            out.push_back(what + ": role has no effect: only a monitor has one");
        if (name == "enabled" && is_false(value) && !monitor)
            out.push_back(what + ": enabled=" + value + " has no effect: only a monitor can be disabled");
        if (name == "on-fail" && lower(value) == "fence") {
            out.push_back(what +
                          ": on-fail=fence blocks the resource, as without a fence: this version runs no "
                          "fence agents");
        }
    }
}

}  // namespace

std::vector<std::string> idle_options(const Configuration& config) {
    std::vector<std::string> out;
    for (const Primitive& primitive : config.primitives) {
        const std::string object = "primitive " + primitive.id + ": ";
        tell(out, object + "meta", primitive.meta, find_meta);
        for (const OperationSpec& operation : primitive.operations) {
            // Names that are no option go to the agent.
            Attributes known;
            for (const auto& [name, value] : operation.attributes) {
                if (find_operation_attribute(name) != nullptr) known.emplace(name, value);
            }
            tell(out, object + "operation " + operation.name + ":", known, find_operation_attribute);
            tell_operation(out, object, operation);
        }
    }
    tell(out, "property", config.properties, find_property);
    tell(out, "rsc_defaults", config.rsc_defaults, find_meta);
    tell(out, "op_defaults", config.op_defaults, find_operation_attribute);
    for (const char* name : {"interval", "role"}) {
        if (config.op_defaults.contains(name)) {
            out.push_back("op_defaults " + std::string(name) +
                          " has no effect: write it with the operation that is meant");
        }
    }
    return out;
}

std::vector<std::string> idle_names() {
    std::vector<std::string> out;
    for (const Idle& idle : kIdle) {
        std::istringstream words{std::string(idle.names)};
        for (std::string word; words >> word;) out.push_back(word);
    }
    return out;
}

}  // namespace manager
