#include "tools/crm/agents.hpp"

#include <algorithm>
#include <array>

#include "tools/crm/words.hpp"

namespace tools {
namespace {

constexpr std::array<std::string_view, 6> kClasses = {"ocf",     "lsb",     "systemd",
                                                      "service", "stonith", "upstart"};

std::vector<std::string> parts_of(std::string_view text) {
    std::vector<std::string> parts{""};
    for (const char c : text) {
        if (c == ':') {
            parts.emplace_back();
        } else {
            parts.back() += c;
        }
    }
    return parts;
}

base::Result<manager::AgentName> find_ocf(Agents& agents, const std::string& type) {
    const std::vector<std::string> providers = agents.providers(type);
    if (providers.empty()) {
        return base::Error{base::Errc::not_found, "there is no resource agent " + type +
                                                      " on this node: `crm ra list ocf` shows what there is"};
    }
    const bool heartbeat = std::find(providers.begin(), providers.end(), "heartbeat") != providers.end();
    return manager::AgentName{"ocf", heartbeat ? "heartbeat" : providers.front(), type};
}

}  // namespace

base::Result<manager::AgentName> resolve_agent(Agents& agents, std::string_view text) {
    std::vector<std::string> parts = parts_of(text);
    const bool is_class = std::find(kClasses.begin(), kClasses.end(), parts[0]) != kClasses.end();
    // The name of a systemd unit or a script may hold colons of its own.
    if (is_class && parts[0] != "ocf" && parts.size() > 2) {
        parts = {parts[0], std::string(text.substr(parts[0].size() + 1))};
    }
    const bool empty =
        std::any_of(parts.begin(), parts.end(), [](const std::string& part) { return part.empty(); });
    if (empty || parts.size() > 3 || (parts.size() == 3 && parts[0] != "ocf")) {
        return base::Error{base::Errc::invalid,
                           "'" + std::string(text) +
                               "' is not the name of a resource agent: write CLASS:PROVIDER:TYPE, as in "
                               "ocf:heartbeat:IPaddr2"};
    }
    if (parts.size() == 3) return manager::AgentName{parts[0], parts[1], parts[2]};
    if (parts.size() == 1) return find_ocf(agents, parts[0]);
    if (!is_class) return manager::AgentName{"ocf", parts[0], parts[1]};
    if (parts[0] == "ocf") return find_ocf(agents, parts[1]);
    return manager::AgentName{parts[0], "", parts[1]};
}

base::Status check_agent(Agents& agents, const manager::Primitive& primitive,
                         std::vector<std::string>& advice) {
    std::vector<std::string> reasons;
    for (const ::agents::Finding& finding :
         ::agents::check_primitive(primitive, agents.metadata(primitive.agent, primitive.meta))) {
        (finding.error ? reasons : advice).push_back(finding.text);
    }
    if (!reasons.empty()) return base::Error{base::Errc::invalid, joined(reasons, "\n")};
    return base::ok();
}

}  // namespace tools
