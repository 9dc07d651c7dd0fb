// The change of the configured nodes, as far as it is a matter of the state; and how its durable part moves
// on. For the files of this folder.
#pragma once

#include <string>

#include "manager/state/state.hpp"

namespace manager {

// The configuration has its new version: the head follows.
void advance_head(State& state);

// A ChangeNodes was delivered: the change is under way from now on. Errors: another one is, the list is not
// the one that it was made from, it can't be a cluster, or what it removes may still run something.
[[nodiscard]] base::Status change_nodes(State& state, const ChangeNodes& change, const std::string& user);

// Nodes outside the view that are not in the list any more are forgotten; those in it are to leave.
void forget_nodes(State& state);

}  // namespace manager
