#include "manager/scheduler/wishes.hpp"

#include <algorithm>
#include <cstdint>

namespace manager::scheduling {
namespace {

// Products of scores over infinity, in units of 1/kOne: exact enough for chains, and the same on every
// machine.
constexpr std::int64_t kOne = 1'000'000'000'000;

std::int64_t scaled(std::int64_t factor, Score score) {
    return factor / Score::kInfinity * score.value;
}

Score times(Score score, std::int64_t factor) {
    const std::int64_t product = factor * score.value;  // at most 10^12 x 10^6
    if (product == 0) return {};
    const std::int64_t half = product > 0 ? kOne / 2 : -kOne / 2;
    const std::int64_t rounded = (product + half) / kOne;
    if (rounded == 0) return {product > 0 ? 1 : -1};
    return {static_cast<std::int32_t>(rounded)};
}

bool any_usable(const Facts& facts, const Table& table) {
    for (NodeIndex n = 0; n < facts.nodes.size(); ++n) {
        if (usable(facts, table, n)) return true;
    }
    return false;
}

// Who follows `with`, in configuration order, each with the sum of its scores.
std::vector<std::pair<ResourceIndex, Score>> followers(const std::vector<Link>& links, ResourceIndex with) {
    std::vector<std::pair<ResourceIndex, Score>> result;
    for (const Link& link : links) {
        if (link.with != with) continue;
        const auto at = std::find_if(result.begin(), result.end(),
                                     [&](const auto& f) { return f.first == link.resource; });
        if (at == result.end()) {
            result.emplace_back(link.resource, link.score);
        } else {
            at->second = at->second + link.score;
        }
    }
    return result;
}

struct Wish {
    ResourceIndex from;
    std::int64_t factor;
    std::string cause;
};

void add_wish(const Table& theirs, const Wish& wish, Table& table) {
    for (NodeIndex n = 0; n < theirs.score.size(); ++n) {
        const Score score = theirs.score[n];
        // Who must stay away from this resource and is not wanted on a node does not thereby wish this
        // resource there.
        if (score == Score{} || (wish.factor < 0 && score < Score{})) continue;
        table.add(n, times(score, wish.factor), wish.cause);
    }
}

}  // namespace

std::vector<Link> colocation_links(const Facts& facts) {
    std::vector<Link> links;
    for (const Colocation& c : facts.config->colocations) {
        const auto resource = facts.by_id.find(c.resource);
        const auto with = facts.by_id.find(c.with);
        if (resource == facts.by_id.end() || with == facts.by_id.end() || resource == with) continue;
        links.push_back({resource->second, with->second, c.score, &c});
    }
    return links;
}

void add_partner(const Facts& facts, const Link& link, std::optional<NodeIndex> node, Table& table) {
    const std::string partner = facts.resources[link.with].id;
    const bool mandatory = link.score == Score::infinity();
    Table trial = table;
    if (node) {
        const std::string cause =
            "colocation " + link.constraint->id + ": " + partner + " is on " + facts.nodes[*node].name;
        if (!mandatory) trial.add(*node, link.score, cause);
        for (NodeIndex n = 0; n < facts.nodes.size() && mandatory; ++n) {
            if (n != *node) trial.add(n, Score::minus_infinity(), cause);
        }
    } else if (link.score > Score{}) {
        const std::string cause = "colocation " + link.constraint->id + ": " + partner + " runs nowhere";
        for (NodeIndex n = 0; n < facts.nodes.size(); ++n) trial.add(n, {-link.score.value}, cause);
    }
    const bool finite = !mandatory && link.score != Score::minus_infinity();
    if (finite && any_usable(facts, table) && !any_usable(facts, trial)) return;
    table = std::move(trial);
}

void add_wishes(const Facts& facts, const std::vector<Table>& own, const std::vector<Link>& links,
                ResourceIndex resource, const std::vector<bool>& placed, Table& table) {
    std::vector<bool> seen = placed;
    seen[resource] = true;
    for (const auto& [direct, score] : followers(links, resource)) {
        if (seen[direct]) continue;
        Table trial = table;
        // The followers of this follower, and theirs: each is heard once.
        std::vector<Wish> open{{direct, scaled(kOne, score), "wish of " + facts.resources[direct].id}};
        seen[direct] = true;
        for (std::size_t at = 0; at < open.size(); ++at) {
            const Wish wish = open[at];
            add_wish(own[wish.from], wish, trial);
            for (const auto& [next, next_score] : followers(links, wish.from)) {
                if (seen[next]) continue;
                seen[next] = true;
                open.push_back(
                    {next, scaled(wish.factor, next_score), "wish of " + facts.resources[next].id});
            }
        }
        if (any_usable(facts, table) && !any_usable(facts, trial)) continue;
        table = std::move(trial);
    }
}

}  // namespace manager::scheduling
