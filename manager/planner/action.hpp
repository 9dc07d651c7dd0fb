// Operations of a plan and the orderings between them.
#pragma once

#include "manager/planner/cluster.hpp"

namespace manager::planner {

// What an ordering means beyond "the first ends before the second begins".
namespace order {
constexpr std::uint32_t kPlain = 0;
constexpr std::uint32_t kImpliesThen = 1U << 0U;    // the first happens: so must the second
constexpr std::uint32_t kImpliesFirst = 1U << 1U;   // the second happens: so must the first
constexpr std::uint32_t kRunnableLeft = 1U << 2U;   // the second can only happen if the first can
constexpr std::uint32_t kRestart = 1U << 3U;        // stop and start of one resource
constexpr std::uint32_t kAsymmetric = 1U << 4U;     // only the start of the second cares
constexpr std::uint32_t kPromotedImpliesFirst = 1U << 5U;
constexpr std::uint32_t kSameNode = 1U << 6U;       // only where both happen on one node
constexpr std::uint32_t kOneOrMore = 1U << 7U;      // enough of the firsts have to be possible
constexpr std::uint32_t kImpliesThenOnNode = 1U << 8U;
constexpr std::uint32_t kSerialize = 1U << 9U;
}  // namespace order

struct Link {
    Action* action{nullptr};
    std::uint32_t kind{0};
};

struct Action {
    Resource* resource{nullptr};  // null: of a node or of the plan itself
    Node* node{nullptr};
    std::string task;             // start, stop, promote, demote, migrate_to, fence, running ...
    bool optional{true};          // need not happen
    bool runnable{true};          // can happen
    bool pseudo{false};           // nothing is done: it stands for others in orderings
    bool migrate_runnable{false};
    int required{0};              // how many of its kOneOrMore predecessors must be possible
    std::string reason;
    std::vector<Link> before, after;
    [[nodiscard]] bool happens() const { return !optional && (runnable || pseudo); }
};

}  // namespace manager::planner
