// What a plan leads to, in plain words: the form that `custos simulate --json` prints.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "manager/planner/cluster.hpp"

namespace manager::planner {

struct Place {
    std::string role, node;
    std::vector<std::string> flags;  // sorted: blocked, failed, orphan, unmanaged
    auto operator<=>(const Place&) const = default;
};

struct Outcome {
    std::map<std::string, std::string> nodes;             // name -> "online", "unclean-offline" ...
    std::map<std::string, std::vector<Place>> resources;  // primitive -> sorted; what is stopped is left out
    // operation, primitive, node -> how many; probes, monitors and notifications are left out
    std::map<std::tuple<std::string, std::string, std::string>, int> actions;
    std::vector<std::string> notes{};  // what a person must be told beside that (live clusters only)
};

// Plans once, and looks at the state once every action of the plan has succeeded.
[[nodiscard]] Outcome simulate(const cib::Document& document, std::int64_t now);
[[nodiscard]] std::string to_json(const Outcome& outcome);

}  // namespace manager::planner
