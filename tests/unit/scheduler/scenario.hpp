// A small language for clusters in a text file, and what becomes of them when the scheduler's actions are
// carried out.
//
//   node NAME [member|joining|clean|uncleared] [leaving] [ATTRIBUTE=VALUE...] [why=TEXT...]
//   no quorum
//   primitive ID AGENT [params N=V...] [meta N=V...] [op NAME N=V...]...
//   location ID RESOURCE SCORE: NODE
//   colocation ID SCORE: RESOURCE WITH
//   order ID mandatory:|optional:|serialize: FIRST THEN [symmetrical=false]
//   property|rsc_defaults|op_defaults NAME=VALUE...
//   former ID AGENT ...                      as primitive: what an instance was started with before a change
//   or a deletion record RESOURCE NODE ACTIVITY [FLAG...]  flags: unwatched, old (former parameters),
//   blocked, banned, found, fails=N,
//                                            failure=OPERATION:CODE; a started one is watched and current
//                                            unless they say otherwise
//   running RESOURCE NODE OPERATION          an agent is at it
//   finds RESOURCE NODE                      a probe there will find it active
//   show scores                              the outcome lists what each score is made of
//
// Members without a record of a resource have it stopped.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "manager/model/configuration.hpp"
#include "manager/model/status.hpp"
#include "manager/scheduler/scheduler.hpp"
#include "totem/base/result.hpp"

namespace manager {

struct Scenario {
    Configuration config;
    ClusterStatus status;
    std::set<std::pair<std::string, base::NodeId>> finds;
    bool show_scores{false};
};

[[nodiscard]] base::Result<Scenario> parse_scenario(const std::string& text);

// Placements, actions, notes, and where everything is once the actions of schedule after schedule have
// succeeded.
[[nodiscard]] std::string outcome(Scenario scenario);

// The records as they are when the action has succeeded.
void carry_out(Scenario& scenario, const ScheduledAction& action);

}  // namespace manager
