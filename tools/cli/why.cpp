#include "tools/cli/why.hpp"

#include <algorithm>
#include <utility>

#include "manager/live/answer.hpp"
#include "manager/planner/explain.hpp"
#include "tools/cli/cib_file.hpp"
#include "tools/cli/live.hpp"

namespace tools {
namespace {

constexpr const char* kCommon = "[--cib FILE [--now DATE]] [--json]";

using Explanations = std::vector<manager::planner::Explanation>;

base::Result<Explanations> explain(Shell& shell, const CibWords& wanted, const std::string& resource,
                                   const std::string& node) {
    if (!wanted.file.empty()) {
        TRY(const SavedCluster cluster, load_cib(shell, wanted));
        return manager::planner::explain(cluster.document, cluster.now, resource, node);
    }
    TRY(const manager::live::Live live, live_cluster(shell));
    TRY(auto found, manager::live::explain(live, resource, node));
    return Explanations{std::move(found)};
}

base::Result<manager::planner::Loss> lose(Shell& shell, const CibWords& wanted, const std::string& node,
                                          bool standby) {
    if (!wanted.file.empty()) {
        TRY(const SavedCluster cluster, load_cib(shell, wanted));
        return manager::planner::lose(cluster.document, cluster.now, node, standby);
    }
    TRY(const manager::live::Live live, live_cluster(shell));
    std::optional<bool> quorate;
    if (!standby) {
        TRY(quorate, quorate_without(shell, node));
    }
    return manager::live::lose(live, node, standby, quorate);
}

base::Status answer(Shell& shell, const Words& words, const std::string& arguments, std::size_t least) {
    const std::string usage = arguments + " " + kCommon;
    TRY(const CibWords wanted, parse_cib_words(shell, words, usage));
    if (wanted.rest.size() < least || wanted.rest.size() > 2 ||
        !std::all_of(wanted.rest.begin(), wanted.rest.end(), is_name))
        return base::invalid("usage: " + shell.options().program + " " + words[0] + " " + usage);
    TRY(const auto found,
        explain(shell, wanted, wanted.rest[0], wanted.rest.size() > 1 ? wanted.rest[1] : ""));
    if (wanted.json) {
        shell.out() << manager::planner::to_json(found) << "\n";
        return base::ok();
    }
    for (std::size_t i = 0; i < found.size(); ++i)
        shell.out() << (i == 0 ? "" : "\n") << manager::planner::to_text(found[i]);
    return base::ok();
}

}  // namespace

base::Status why(Shell& shell, const Words& words) {
    return answer(shell, words, "RESOURCE [NODE]", 1);
}

base::Status why_not(Shell& shell, const Words& words) {
    return answer(shell, words, "RESOURCE NODE", 2);
}

base::Status what_if(Shell& shell, const Words& words) {
    const std::string usage = std::string("--down NODE | --standby NODE ") + kCommon;
    TRY(const CibWords wanted, parse_cib_words(shell, words, usage));
    const bool standby = wanted.rest.size() == 2 && wanted.rest[0] == "--standby";
    const bool down = wanted.rest.size() == 2 && wanted.rest[0] == "--down";
    if ((!standby && !down) || !is_name(wanted.rest[1]))
        return base::invalid("usage: " + shell.options().program + " " + words[0] + " " + usage);
    TRY(const auto loss, lose(shell, wanted, wanted.rest[1], standby));
    shell.out() << (wanted.json ? manager::planner::to_json(loss) + "\n" : manager::planner::to_text(loss));
    return base::ok();
}

}  // namespace tools
