// A Pacemaker configuration as edits of the replicated one: the way in for who comes from Pacemaker. What the
// replicated configuration has no place for yet is refused by name, so that nothing of a document is lost.
#pragma once

#include <vector>

#include "manager/cib/document.hpp"
#include "manager/model/edit.hpp"
#include "totem/base/result.hpp"

namespace manager::cib {

// Edits that put each object of `document` (replacing one of the same id), in its sequence; templates are
// resolved, several sets of one object become one. Attributes of nodes are set by the node's name. The error
// has a line for each object that cannot be carried out, with what would have to change.
[[nodiscard]] base::Result<std::vector<Edit>> edits_of(const Document& document);

}  // namespace manager::cib
