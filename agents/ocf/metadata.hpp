// What an agent says about itself. Real agents break the schema in small ways, so the parser takes what it
// can and refuses only what is no description at all; an agent without a description still runs.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agents/ocf/discovery.hpp"
#include "manager/model/operation.hpp"
#include "totem/base/result.hpp"
#include "totem/base/time.hpp"

namespace agents {

struct ParameterInfo {
    std::string name, type, short_text, long_text;
    std::optional<std::string> default_value;
    bool required{false};
    bool unique{false};
    bool deprecated{false};
    std::vector<std::string> choices;  // of type "select"
};

struct ActionInfo {
    std::string name, timeout, interval, role, depth;  // as the agent wrote them ("20s"); empty: not given
};

struct Metadata {
    std::string name, version, short_text, long_text;
    std::vector<ParameterInfo> parameters;
    std::vector<ActionInfo> actions;
    [[nodiscard]] const ParameterInfo* parameter(std::string_view name) const;
    [[nodiscard]] const ActionInfo* action(std::string_view name) const;
};

// Pure. Text before the XML is skipped.
[[nodiscard]] base::Result<Metadata> parse_metadata(std::string_view text);

// Of the native address agent, which serves ocf:heartbeat:IPaddr2 (address.hpp has the meaning).
[[nodiscard]] Metadata native_address_metadata();

// Reads descriptions by running "AGENT meta-data" (at most 10 s) and remembers them while the agent's file
// stays the same.
class MetadataReader {
  public:
    explicit MetadataReader(AgentDirectories directories) : directories_(std::move(directories)) {}
    // `meta`: of the resource, because custos-agent=script selects the script's description. systemd and lsb
    // have a description without parameters.
    [[nodiscard]] base::Result<Metadata> read(const manager::AgentName& agent,
                                              const manager::Attributes& meta = {});

  private:
    struct Entry {
        std::string stamp;  // path, time of change, size
        Metadata metadata;
    };
    AgentDirectories directories_;
    std::map<std::string, Entry> cache_;
};

}  // namespace agents
