// What a configuration asks for in vain: options that are stored, as Pacemaker does, and change nothing here.
#pragma once

#include <string>
#include <vector>

#include "manager/model/configuration.hpp"

namespace manager {

// A line for each option that has no effect in this version, with the reason ("property dc-deadtime has no
// effect: ..."), whose name this version does not know, or that means something else for its operation (a
// monitor of a stopped resource). In the order of the configuration.
[[nodiscard]] std::vector<std::string> idle_options(const Configuration& config);

// The names that idle_options() has reasons for, either spelling's first one.
[[nodiscard]] std::vector<std::string> idle_names();

}  // namespace manager
