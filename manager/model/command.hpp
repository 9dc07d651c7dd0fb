// What a client may ask the cluster to do. Travels as one ordered message, takes effect at its delivery.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "manager/model/edit.hpp"
#include "membership/roster/node_list.hpp"

namespace manager {

struct ChangeConfiguration {
    std::vector<Edit> edits;
    // The version that the client looked at. When set and an object that an edit names has changed since, the
    // whole change is refused (two administrators at once). Unset: applied to whatever is there.
    std::optional<std::uint64_t> base_version;
};
// Forgets failures (and blocks) of one resource or of all, on one node or on all, and probes again there.
struct Cleanup {
    std::string resource, node;  // empty: all
};
// An administrator vouches that the node is down and runs nothing (`crm node clearstate`).
struct ConfirmNode {
    std::string node;
};
// The node shall hand over its resources and then leave (its daemon is being stopped).
struct ShutdownNode {
    std::string node;
};

// Other nodes, addresses or votes (docs/decisions/0128). Answered when the change counts.
struct ChangeNodes {
    membership::NodeList before;  // what it was made from: nothing is changed if that is not in force
    membership::NodeList after;   // its version follows from `before`
    // An administrator vouches that the silent nodes which it removes are off and run nothing.
    bool vouched{false};
};

using Command = std::variant<ChangeConfiguration, Cleanup, ConfirmNode, ShutdownNode, ChangeNodes>;

}  // namespace manager
