// A small language for clusters in a text file, and what the planner makes of them.
//
//   node NAME [offline|unclean|pending|standby|maintenance|shutdown] [ATTRIBUTE=VALUE...]
//   room NODE NAME=AMOUNT...                   what a node has to give (utilization)
//   reports NODE NAME=VALUE...                 attributes until reboot: fail-count-web, master-db ...
//   no quorum
//   property|rsc_defaults|op_defaults NAME=VALUE...
//   primitive ID [AGENT] [meta N=V...] [params N=V...] [utilization N=V...] [op NAME N=V...]...
//   group ID MEMBER... [meta N=V...]           members are primitives above, and then part of the group only
//   clone ID MEMBER [meta N=V...]
//   location ID RESOURCE SCORE: NODE [ROLE]
//   location ID RESOURCE SCORE: ATTRIBUTE OPERATION [VALUE]
//   colocation ID SCORE: RESOURCE[:ROLE] WITH[:ROLE]
//   order ID Mandatory:|Optional:|Serialize: FIRST[:ACTION] THEN[:ACTION] [symmetrical=false]
//      (also, and before or after it: require-all=false)
//   ticket ID TICKET: RESOURCE[:ROLE] POLICY
//   granted TICKET
//   ran RESOURCE NODE OPERATION CODE [FIELD=VALUE...]  a report: "start 0", "monitor/10000 7", "start
//   pending" now DATE show scores                                the outcome lists what each score is made of
//
// A resource that has not run on a node is stopped there. ran's fields: source and target (of a migration),
// changed, expected.
#pragma once

#include <string>

#include "manager/cib/document.hpp"
#include "totem/base/result.hpp"

namespace manager::planner {

struct Scenario {
    cib::Document document;
    std::int64_t now{1'600'000'000};
    bool show_scores{false};
};

[[nodiscard]] base::Result<Scenario> parse_scenario(const std::string& text);

// The actions of one plan, and where everything is when they have succeeded.
[[nodiscard]] std::string outcome(const Scenario& scenario);

}  // namespace manager::planner
