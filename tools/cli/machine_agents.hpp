// The agents of this machine, for the crm language.
#pragma once

#include "tools/crm/agents.hpp"

namespace tools {

class MachineAgents final : public Agents {
  public:
    explicit MachineAgents(agents::AgentDirectories directories)
        : directories_(directories),
          reader_(std::move(directories)) {}
    std::vector<agents::AgentClass> classes() override { return agents::list_classes(directories_); }
    std::vector<std::string> types(const std::string& standard, const std::string& provider) override {
        return agents::list_types(directories_, standard, provider);
    }
    std::vector<std::string> providers(const std::string& type) override {
        return agents::list_providers(directories_, type);
    }
    base::Result<agents::Metadata> metadata(const manager::AgentName& agent,
                                            const manager::Attributes& meta) override {
        return reader_.read(agent, meta);
    }

  private:
    agents::AgentDirectories directories_;
    agents::MetadataReader reader_;
};

}  // namespace tools
