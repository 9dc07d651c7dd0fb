// Placement against brute force: up to 5 primitives on 4 nodes with random locations, stickiness, priorities,
// standby and absent nodes; no colocations, no capacities.
//
// What the planner guarantees there: the scores do not depend on each other, and each resource is on a fit
// node where its score is the highest that it has anywhere, or nowhere if that is below 0. So no other
// assignment is better for any resource, whichever order they are compared in, nor for the sum; moving one
// resource, or exchanging the places of two, gains nothing. Of equal nodes the resource keeps the one that it
// has if the score is above 0; else it takes the one that got fewest resources before it (by priority, then
// as configured), of these the one that it has, of these the first by name. With colocations none of this is
// promised: the planner goes by priority and does not look for the best sum.
#include <algorithm>
#include <array>
#include <random>
#include <sstream>
#include <tuple>
#include <vector>

#include <doctest/doctest.h>

#include "manager/planner/plan.hpp"
#include "scenario.hpp"

namespace manager::planner {
namespace {

constexpr int kNodes = 4;
constexpr int kNowhere = kNodes;

struct Subject {
    std::array<Score, kNodes> score;  // by location and stickiness
    int priority{0};
    int current{kNowhere};
};

struct Case {
    std::array<bool, kNodes> fit{};
    std::vector<Subject> subjects;  // as configured
    std::string text;
};

Case random_case(unsigned seed) {
    std::mt19937 random(seed);
    const auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
    const std::array<Score, 8> scores = {Score{0},   Score{50}, Score{100},        Score{100},
                                         Score{-20}, Score{7},  Score::infinity(), Score::minus_infinity()};
    Case out;
    std::ostringstream text;
    text << "property stonith-enabled=false\n";
    for (int node = 0; node < kNodes; ++node) {
        const int state = pick(8);
        out.fit[static_cast<std::size_t>(node)] = state > 1;
        text << "node n" << node << (state == 0 ? " standby\n" : state == 1 ? " offline\n" : "\n");
    }
    const int count = 1 + pick(5);
    for (int i = 0; i < count; ++i) {
        Subject subject;
        const int stickiness = pick(2) == 0 ? 0 : 1 + pick(150);
        subject.priority = pick(3);
        subject.current = pick(kNodes + 1);
        // What ran on a node that is absent is not known to run at all.
        const bool gone =
            subject.current != kNowhere &&
            text.str().find("node n" + std::to_string(subject.current) + " offline") != std::string::npos;
        if (gone) subject.current = kNowhere;
        text << "primitive r" << i << " meta priority=" << subject.priority
             << " resource-stickiness=" << stickiness << "\n";
        if (subject.current != kNowhere) text << "ran r" << i << " n" << subject.current << " start 0\n";
        for (int node = 0; node < kNodes; ++node) {
            Score& score = subject.score[static_cast<std::size_t>(node)];
            for (int more = pick(3); more > 0; --more) {
                const Score amount = scores[static_cast<std::size_t>(pick(8))];
                score = score + amount;
                text << "location l" << i << node << more << " r" << i << " " << to_string(amount) << ": n"
                     << node << "\n";
            }
            if (node == subject.current) score = score + Score{stickiness};
        }
        out.subjects.push_back(subject);
    }
    out.text = text.str();
    return out;
}

// What a place is worth; nowhere is worth less than any place that is allowed, and more than one that is not.
Score worth(const Case& given, const Subject& subject, int place) {
    if (place == kNowhere) return {-1};
    const Score score = subject.score[static_cast<std::size_t>(place)];
    if (!given.fit[static_cast<std::size_t>(place)] || score.value < 0) return Score::minus_infinity();
    return score;
}

std::vector<Score> worths(const Case& given, const std::vector<int>& places) {
    std::vector<Score> out;
    for (std::size_t i = 0; i < places.size(); ++i) out.push_back(worth(given, given.subjects[i], places[i]));
    return out;
}

// The rule for equal nodes, as it is stated above.
std::vector<int> by_rule(const Case& given) {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < given.subjects.size(); ++i) order.push_back(i);
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return given.subjects[a].priority > given.subjects[b].priority;
    });
    std::array<int, kNodes> load{};
    std::vector<int> out(given.subjects.size(), kNowhere);
    for (const std::size_t i : order) {
        const Subject& subject = given.subjects[i];
        Score best{-1};
        for (int node = 0; node < kNodes; ++node) best = std::max(best, worth(given, subject, node));
        if (best.value < 0) continue;
        int& place = out[i];
        for (int node = 0; node < kNodes; ++node) {
            if (worth(given, subject, node) != best) continue;
            const auto rank = [&](int at) {
                const bool stays = at == subject.current;
                return std::tuple(stays && best.value > 0 ? 0 : 1, load[static_cast<std::size_t>(at)],
                                  stays ? 0 : 1, at);
            };
            if (place == kNowhere || rank(node) < rank(place)) place = node;
        }
        ++load[static_cast<std::size_t>(place)];
    }
    return out;
}

std::vector<int> planned(const Case& given) {
    const auto scenario = parse_scenario(given.text);
    REQUIRE(static_cast<bool>(scenario));
    Cluster cluster = plan(scenario->document, scenario->now);
    std::vector<int> out;
    for (std::size_t i = 0; i < given.subjects.size(); ++i) {
        const Resource* resource = cluster.find("r" + std::to_string(i));
        REQUIRE(resource != nullptr);
        out.push_back(resource->assigned == nullptr ? kNowhere : static_cast<int>(resource->assigned->index));
    }
    return out;
}

std::int64_t sum(const std::vector<Score>& scores) {
    std::int64_t out = 0;
    for (const Score score : scores) out += score.value;
    return out;
}

// The next assignment, counting in base kNodes + 1; false after the last.
bool next(std::vector<int>& places) {
    for (int& place : places) {
        if (++place <= kNowhere) return true;
        place = 0;
    }
    return false;
}

TEST_CASE("no assignment is better for any resource, nor in sum") {
    std::int64_t compared = 0;
    int worse = 0;  // cases in which some allowed assignment has a smaller sum
    int stopped = 0;
    int moved = 0;
    int held = 0;  // where they were
    int shared_best = 0;
    for (unsigned seed = 1; seed <= 400; ++seed) {
        const Case given = random_case(seed);
        CAPTURE(given.text);
        const std::vector<int> places = planned(given);
        CHECK(places == by_rule(given));
        const std::vector<Score> got = worths(given, places);
        std::vector<int> other(places.size(), 0);
        bool some_worse = false;
        bool some_equal = false;
        do {
            const std::vector<Score> theirs = worths(given, other);
            for (std::size_t i = 0; i < got.size(); ++i) {
                if (theirs[i] > got[i]) FAIL("r" << i << " is worth more on another node");
            }
            const bool allowed = std::all_of(theirs.begin(), theirs.end(),
                                             [](Score score) { return score > Score::minus_infinity(); });
            some_worse = some_worse || (allowed && sum(theirs) < sum(got));
            some_equal = some_equal || (other != places && theirs == got);
            ++compared;
        } while (next(other));
        worse += some_worse ? 1 : 0;
        shared_best += some_equal ? 1 : 0;
        for (std::size_t i = 0; i < places.size(); ++i) {
            const int current = given.subjects[i].current;
            stopped += places[i] == kNowhere ? 1 : 0;
            moved += places[i] != kNowhere && current != kNowhere && current != places[i] ? 1 : 0;
            held += current != kNowhere && current == places[i] ? 1 : 0;
        }
    }
    CHECK(compared > 100'000);
    CHECK(worse > 300);
    CHECK(shared_best > 50);
    CHECK(stopped > 10);
    CHECK(moved > 100);
    CHECK(held > 100);
}

}  // namespace
}  // namespace manager::planner
