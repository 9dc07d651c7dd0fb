// A change of the configuration: a list of edits that is applied whole or not at all.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "manager/model/configuration.hpp"
#include "totem/base/result.hpp"

namespace manager {

// Creates the object, or replaces the one with the same id and kind (replace=true). replace=false refuses an
// existing id.
struct PutPrimitive {
    Primitive value;
    bool replace{false};
};
struct PutLocation {
    Location value;
    bool replace{false};
};
struct PutColocation {
    Colocation value;
    bool replace{false};
};
struct PutOrder {
    Order value;
    bool replace{false};
};
struct PutNode {
    NodeObject value;
};  // always creates or replaces
// Deletes any object by id; constraints that mention a deleted resource go with it. A node: its entry is
// forgotten.
struct Delete {
    std::string id;
};
enum class Section { properties, rsc_defaults, op_defaults };
// An empty value deletes the entry.
struct SetOption {
    Section section{Section::properties};
    std::string name, value;
};
// A meta attribute of one resource (target-role ...); empty deletes it.
struct SetMeta {
    std::string resource, name, value;
};
// A lasting attribute of one node (standby ...); creates the node's entry when needed; empty deletes it.
struct SetNodeAttribute {
    std::string node, name, value;
};
// Everything but nodes.
struct Erase {};

using Edit = std::variant<PutPrimitive, PutLocation, PutColocation, PutOrder, PutNode, Delete, SetOption,
                          SetMeta, SetNodeAttribute, Erase>;

// The configuration after all edits, or why it cannot be: the message names the object and the field, and
// says what is allowed. Checks ids, references, duplicate operations, scores, intervals, known values of
// known options, and contradictions that are provable at once (docs/decisions/0041). References are looked at
// once all edits are made, so a constraint may come before its resource. `known_nodes` are the names of the
// configured nodes: a node that is named in an edit must be one of them or have an entry; when the list is
// empty, node names are not checked. Does not touch `version`.
[[nodiscard]] base::Result<Configuration> apply_edits(Configuration config, const std::vector<Edit>& edits,
                                                      const std::vector<std::string>& known_nodes = {});

}  // namespace manager
