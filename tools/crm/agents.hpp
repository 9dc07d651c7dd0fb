// What the crm language asks about resource agents. The command wires it to the agents of this machine; tests
// to a made-up set.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agents/ocf/check.hpp"
#include "agents/ocf/discovery.hpp"
#include "agents/ocf/metadata.hpp"
#include "manager/model/configuration.hpp"
#include "totem/base/result.hpp"

namespace tools {

// All lists are sorted.
class Agents {
  public:
    Agents() = default;
    Agents(const Agents&) = delete;
    Agents& operator=(const Agents&) = delete;
    virtual ~Agents() = default;
    [[nodiscard]] virtual std::vector<agents::AgentClass> classes() = 0;
    // Types of one class; of one provider, unless that is empty.
    [[nodiscard]] virtual std::vector<std::string> types(const std::string& standard,
                                                         const std::string& provider) = 0;
    // Providers of class "ocf" that have the type.
    [[nodiscard]] virtual std::vector<std::string> providers(const std::string& type) = 0;
    // What the agent says of itself. Errc::not_found: there is no such agent here.
    [[nodiscard]] virtual base::Result<agents::Metadata> metadata(const manager::AgentName& agent,
                                                                  const manager::Attributes& meta) = 0;
};

// "Dummy", "heartbeat:Dummy", "ocf:heartbeat:Dummy", "systemd:nginx" -> the full name. Without a provider,
// heartbeat wins, then the first other one that has the type. Errc::not_found: none has it; Errc::invalid:
// not a name.
[[nodiscard]] base::Result<manager::AgentName> resolve_agent(Agents& agents, std::string_view text);

// What the agent's description says against the definition, one reason a line: the agent is not there, a
// required parameter is missing, one is unknown. `advice` gets what is only worth a warning (a timeout below
// the agent's own ...).
[[nodiscard]] base::Status check_agent(Agents& agents, const manager::Primitive& primitive,
                                       std::vector<std::string>& advice);

}  // namespace tools
