// Why a resource is where it is, or is not where somebody wants it: from a plan and what it kept of its
// decisions, and from further plans of documents that differ in one thing. Costs nothing unless asked for.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "manager/planner/hypothesis.hpp"
#include "manager/planner/outcome.hpp"
#include "totem/base/result.hpp"

namespace manager::planner {

// What becomes of a resource by the plan. `waits`: something shall happen to it, and is put off (live
// clusters only).
enum class Fate { stays, starts, moves, stops, stopped, blocked, unmanaged, waits };
[[nodiscard]] std::string_view to_string(Fate fate);
// stays, starts or moves: it has a place, and will be there.
[[nodiscard]] bool placed(Fate fate);

struct Reason {
    std::string cause;  // "location loc-db", "stickiness", "failed 3 times, migration-threshold 3"
    Score amount;
};

// What speaks for and against one node.
struct NodeAccount {
    std::string node;
    bool allowed{true};  // false: an opt-in cluster, and nothing names the node
    Score total;         // of `reasons`
    std::string bar;     // why the node takes nothing at all ("in standby"); empty: it does
    std::vector<Reason> reasons;
};

struct Explanation {
    std::string resource;  // with the number of the instance
    Fate fate{Fate::stopped};
    std::string from, to;  // nodes; empty: none
    bool promoted{false};
    std::string asked;    // the node that it was asked about, if it is not the one of the plan
    std::string decided;  // what decided, a clause: "no other node may run it"
    // Changes that would decide otherwise, each found by planning with it; the smallest first.
    std::vector<std::string> otherwise;
    std::vector<NodeAccount> nodes;  // by name
};

// Of a primitive one explanation; of a group that of its first member, which leads the others; of a clone one
// for each instance, or with `node` for the one that is there or could be. `node` empty: why it is where it
// is; else why it is there, or not there. Errc::not_found: no such resource or node. `now` in seconds since
// 1970.
[[nodiscard]] base::Result<std::vector<Explanation>> explain(const cib::Document& document, std::int64_t now,
                                                             const std::string& resource,
                                                             const std::string& node);

// The parts of explain(), for whoever judges changes by something else than this planner. An explanation of a
// primitive without `otherwise`; `asked` as in explain(), null: nothing.
[[nodiscard]] Explanation account_of(const Cluster& cluster, const Resource& resource, const Node* asked);
// Where everything would be with a change; null: as it is.
using Trial = std::function<Outcome(const Hypothesis* change)>;
// Explanation::otherwise of `of`: those of `first` and of what the planner sees in the way that alter its end
// by `trial`.
[[nodiscard]] std::vector<std::string> changes_for(const Cluster& cluster, const Resource& resource,
                                                   const Explanation& of, const Trial& trial,
                                                   const std::vector<Hypothesis>& first);

// At most three sentences, and the table of contributions.
[[nodiscard]] std::string to_text(const Explanation& explanation);
[[nodiscard]] std::string to_json(const std::vector<Explanation>& explanations);

// What the loss of a node, or its standby, would change once the present plan is carried out.
struct Loss {
    std::string words;       // "node1 down"
    std::string node_state;  // of the node then
    Outcome before, after;   // all actions of either plan have succeeded
    std::string remark{};    // what else a person must know of it, a sentence; empty: nothing
};
[[nodiscard]] base::Result<Loss> lose(const cib::Document& document, std::int64_t now,
                                      const std::string& node, bool standby);
[[nodiscard]] std::string to_text(const Loss& loss);
[[nodiscard]] std::string to_json(const Loss& loss);

}  // namespace manager::planner
