// A cluster that exists in memory: it applies edits, and "converges" by starting each resource on the first
// node that may run it.
#pragma once

#include <string>
#include <vector>

#include "tools/crm/agents.hpp"
#include "tools/crm/shell.hpp"
#include "tools/ipc/control.hpp"

namespace test {

class FakeCluster {
  public:
    FakeCluster();
    base::Result<tools::Reply> answer(const tools::Request& request);
    // One line of a scenario: "started RSC NODE", "stopped RSC NODE", "failed RSC NODE", "clearance NODE
    // clean|uncleared|member", "down" (no daemon), "problem TEXT" (what the next wait reports).
    void set(const tools::Words& words);
    tools::StatusReply status;
    std::vector<tools::Request> requests;  // all but GetStatus

  private:
    base::Result<tools::Reply> run(const manager::Command& command);
    void converge();
    manager::NodeStatus& node(const std::string& name);

    bool down_{false};
    std::vector<std::string> problems_;
};

// heartbeat: Dummy, IPaddr2 (needs ip), apache; pacemaker: Dummy, Stateful; systemd: nginx.
class FakeAgents final : public tools::Agents {
  public:
    std::vector<agents::AgentClass> classes() override;
    std::vector<std::string> types(const std::string& standard, const std::string& provider) override;
    std::vector<std::string> providers(const std::string& type) override;
    base::Result<agents::Metadata> metadata(const manager::AgentName& agent,
                                            const manager::Attributes& meta) override;
};

}  // namespace test
