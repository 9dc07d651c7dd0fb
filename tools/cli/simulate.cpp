#include "tools/cli/simulate.hpp"

#include <utility>

#include "manager/planner/outcome.hpp"
#include "tools/cli/cib_file.hpp"
#include "tools/cli/live.hpp"

namespace tools {
namespace {

std::string text_of(const manager::planner::Outcome& outcome) {
    std::string out = "Actions:\n";
    for (const auto& [what, count] : outcome.actions) {
        const auto& [task, resource, node] = what;
        out += "  * " + task + (resource.empty() ? "" : " " + resource) + " on " + node;
        out += count > 1 ? " (" + std::to_string(count) + " instances)\n" : "\n";
    }
    if (outcome.actions.empty()) out += "  (none)\n";
    out += "\nNodes afterwards:\n";
    for (const auto& [name, state] : outcome.nodes) out += "  * " + name + ": " + state + "\n";
    out += "\nResources afterwards:\n";
    for (const auto& [name, places] : outcome.resources) {
        for (const auto& place : places) {
            out += "  * " + name + ": " + place.role + " " + place.node;
            for (const auto& flag : place.flags) out += " " + flag;
            out += "\n";
        }
    }
    if (outcome.resources.empty()) out += "  (none is active)\n";
    if (!outcome.notes.empty()) out += "\nNotes:\n";
    for (const auto& note : outcome.notes) out += "  * " + note + "\n";
    return out;
}

base::Result<manager::planner::Outcome> outcome_of(Shell& shell, const CibWords& wanted) {
    if (wanted.file.empty()) {
        TRY(manager::live::Live live, live_cluster(shell));
        return manager::live::forecast(std::move(live)).outcome;
    }
    TRY(const SavedCluster cluster, load_cib(shell, wanted));
    return manager::planner::simulate(cluster.document, cluster.now);
}

}  // namespace

base::Status simulate(Shell& shell, const Words& words) {
    const std::string usage = "[--cib FILE [--now DATE]] [--json]";
    TRY(const CibWords wanted, parse_cib_words(shell, words, usage));
    if (!wanted.rest.empty())
        return base::invalid("usage: " + shell.options().program + " simulate " + usage);
    TRY(const auto outcome, outcome_of(shell, wanted));
    shell.out() << (wanted.json ? manager::planner::to_json(outcome) + "\n" : text_of(outcome));
    return base::ok();
}

}  // namespace tools
