#include "tests/unit/quorum/model/explore.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <numeric>
#include <unordered_map>

#include "tests/unit/quorum/model/world.hpp"

namespace model {

namespace {


class Explorer {
  public:
    Explorer(const Search& search, bool compare)
        : search_(search),
          compare_(compare),
          rules_(std::make_shared<const Rules>(search.rules)),
          interchangeable_(search.rules.tie_breakers.empty() &&
                           std::all_of(search.rules.votes.begin(), search.rules.votes.begin() + search.rules.nodes,
                                       [&](int v) { return v == search.rules.votes.front(); })) {}

    Finding run() {
        descend(World(rules_, search_.blank_disks, compare_), search_.depth);
        finding_.worlds = seen_.size();
        return std::move(finding_);
    }

  private:
    using Event = std::function<void(World&)>;

    void descend(const World& world, int depth) {
        const auto [at, is_new] = seen_.try_emplace(world.key(interchangeable_), depth);
        if (!is_new && at->second >= depth) return;
        at->second = depth;
        if (depth == 0) return;
        const Set all = everybody(*rules_);
        for (Set set = 1; set <= all; ++set)
            attempt(world, depth, "view " + text(set), [set](World& w) { w.form(set); });
        for (const Set view : world.views()) in_view(world, depth, view);
        alone(world, depth);
    }

    void attempt(const World& world, int depth, const std::string& name, const Event& event) {
        if (!finding_.wrong.empty()) return;
        ++finding_.steps;
        World next = world;
        event(next);
        path_.push_back(name);
        if (next.wrong().empty()) {
            descend(next, depth - 1);
        } else {
            finding_.wrong = next.wrong();
            finding_.events = path_;
        }
        path_.pop_back();
    }

    void in_view(const World& world, int depth, Set view) {
        if (search_.fine) {
            each_part(view, [&](Set told) {
                if (told == 0) return;
                attempt(world, depth, "proposal delivered at " + text(told), [=](World& w) { w.propose(view, told); });
            });
        } else {
            step(world, depth, view);
        }
        if (search_.cancels) {
            attempt(world, depth, "wait_for_all cancelled in " + text(view), [=](World& w) { w.cancel(view, view); });
        }
    }

    // The proposal reaches all, a part of them write, and what they say of it reaches all, one or nobody.
    void step(const World& world, int depth, Set view) {
        each_part(view, [&](Set writers) {
            std::vector<Set> audiences{0, view};
            for (int i = 0; i < rules_->nodes; ++i) {
                if (in(view, i) && view != (1u << i)) audiences.push_back(1u << i);
            }
            for (const Set told : audiences) {
                attempt(world, depth,
                        "roster of " + text(view) + " written by " + text(writers) + ", known to " + text(told),
                        [=, this](World& w) {
                            w.propose(view, view);
                            for (int i = 0; i < rules_->nodes; ++i) {
                                while (in(writers, i) && w.has_writes(i)) w.write(i, told & w.attached(i));
                            }
                        });
            }
        });
    }

    void alone(const World& world, int depth) {
        const Set all = everybody(*rules_);
        attempt(world, depth, "all start again", [=](World& w) { w.restart(all); });
        for (int i = 0; i < rules_->nodes; ++i) {
            const std::string name = text(1u << i);
            attempt(world, depth, name + " starts again", [=](World& w) { w.restart(1u << i); });
            if (search_.wipes) attempt(world, depth, name + " loses its disk", [=](World& w) { w.wipe(i); });
            if (search_.links) {
                attempt(world, depth, name + (world.linked(i) ? " loses its links" : " has links again"),
                        [=](World& w) { w.link(i, !w.linked(i)); });
            }
            if (!world.has_writes(i)) continue;
            each_part(search_.fine ? world.attached(i) : 0, [&](Set told) {
                attempt(world, depth, name + " has written, and " + text(told) + " hear of it",
                        [=](World& w) { w.write(i, told); });
            });
        }
    }

    static void each_part(Set set, const std::function<void(Set)>& visit) {
        for (Set part = set;; part = (part - 1) & set) {
            visit(part);
            if (part == 0) return;
        }
    }

    const Search& search_;
    bool compare_;
    std::shared_ptr<const Rules> rules_;
    bool interchangeable_;
    std::unordered_map<std::uint64_t, int> seen_;  // with how many events left
    std::vector<std::string> path_;
    Finding finding_;
};

}  // namespace

Finding explore(const Search& search, bool compare) {
    return Explorer(search, compare).run();
}

namespace {

// One letter a rule or a kind of event, so that a list of searches reads as a table.
Search search_of(const std::vector<int>& votes, const std::string& letters, int depth) {
    const auto has = [&](char letter) { return letters.find(letter) != std::string::npos; };
    Search search;
    search.depth = depth;
    Rules& rules = search.rules;
    rules.nodes = static_cast<int>(votes.size());
    std::copy(votes.begin(), votes.end(), rules.votes.begin());
    rules.two_node = has('2');
    rules.wait_for_all = has('w');
    rules.last_man_standing = has('l');
    for (int i = 0; i < rules.nodes; ++i) {
        if (has('t')) rules.tie_breakers.push_back(i);
        if (has('T')) rules.tie_breakers.push_back(rules.nodes - 1 - i);
    }
    if (has('+')) rules.expected = 1 + std::accumulate(votes.begin(), votes.end(), 0);
    if (has('-')) rules.expected = 1;
    search.blank_disks = has('b') ? everybody(rules) : has('3') ? 1u << 2 : 0;
    search.fine = has('f');
    search.wipes = has('d');
    search.links = has('n');
    search.cancels = has('c');
    search.name = std::to_string(votes.size()) + " nodes, votes";
    for (const int v : votes) search.name += " " + std::to_string(v);
    search.name += rules.two_node ? ", two_node" : "";
    search.name += rules.wait_for_all ? ", wait_for_all" : "";
    search.name += rules.last_man_standing ? ", last_man_standing" : "";
    search.name += rules.tie_breakers.empty() ? "" : ", auto_tie_breaker";
    search.name += ", " + std::to_string(depth) + (search.fine ? " small events" : " events");
    return search;
}

// All vectors of `nodes` votes of 0 to 2 with at least one vote.
std::vector<std::vector<int>> all_votes(std::size_t nodes) {
    std::vector<std::vector<int>> out;
    std::vector<int> votes(nodes, 0);
    while (true) {
        std::size_t digit = 0;
        while (digit < nodes && ++votes[digit] > 2) votes[digit++] = 0;
        if (digit == nodes) return out;
        out.push_back(votes);
    }
}

}  // namespace

std::vector<Search> searches() {
    std::vector<Search> out;
    const auto add = [&](const std::vector<int>& votes, const std::string& letters, int depth) {
        out.push_back(search_of(votes, letters, depth));
    };
    // Every vector of votes and every combination of rules, a little.
    for (std::size_t nodes = 1; nodes <= 3; ++nodes) {
        for (const std::vector<int>& votes : all_votes(nodes)) {
            for (const char* rules : {"", "+", "-", "w", "l", "wl", "l+", "t", "wt", "lt", "wlT"})
                add(votes, std::string(rules) + "fdn", nodes == 3 ? 2 : 3);
        }
    }
    // Two nodes.
    for (const char* rules : {"2", "2w"}) add({1, 1}, std::string(rules) + "fdnc", 7);
    add({1, 1, 0}, "2wfdnc", 4);
    for (const char* rules : {"wt", "lt", "wlT"}) add({1, 1}, std::string(rules) + "fdnc", 6);
    // Three: every message for itself.
    for (const char* rules : {"w", "l", "wl"}) {
        add({1, 1, 1}, std::string(rules) + "f", 7);
        add({1, 1, 1}, std::string(rules) + "fdnc", 5);
        add({1, 1, 1}, std::string(rules) + "fb", 5);
    }
    for (const char* rules : {"lt", "wlt"}) add({1, 1, 1}, std::string(rules) + "f", 6);
    // Four and five: whole steps.
    for (const char* rules : {"w", "l", "wl"}) {
        add({1, 1, 1, 1}, rules, 4);
        add({1, 1, 1, 1}, std::string(rules) + "dc", 3);
        add({1, 1, 1, 1, 1}, rules, 4);
    }
    add({1, 1, 1, 1}, "lt", 4);
    add({2, 1, 1, 1}, "wl", 3);
    add({2, 1, 2, 0}, "l3", 4);
    add({2, 2, 1, 1, 0}, "l", 2);
    add({1, 1, 1, 1, 1}, "lt", 2);
    return out;
}

}  // namespace model
