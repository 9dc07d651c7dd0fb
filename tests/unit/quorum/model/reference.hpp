// The rules of quorum a second time, for the exhaustive test: sets are bits of a number, a majority is looked
// up in a list of all sets that are one, and votes are counted one by one. Slow, plain, and without a line of
// the implementation.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace model {

constexpr int kMost = 5;       // nodes; node i is bit i here and NodeId{i + 1} there
using Set = std::uint32_t;     // of nodes
using Family = std::uint32_t;  // of sets: bit S says whether S belongs to it

[[nodiscard]] constexpr bool in(Set set, int node) {
    return (set >> node & 1u) != 0;
}

struct Rules {
    int nodes{0};
    std::array<int, kMost> votes{};
    int expected{0};
    bool two_node{false}, wait_for_all{false}, last_man_standing{false};
    std::vector<int> tie_breakers;  // the first that is in the roster decides; empty: nobody
};

[[nodiscard]] Set everybody(const Rules& rules);
[[nodiscard]] Set with_vote(const Rules& rules);

// All sets that are a majority of the roster. `ghosts`: votes that are expected and that no node has.
[[nodiscard]] Family majorities(const Rules& rules, Set roster, int ghosts);

// A roster as a node knows it.
struct Roster {
    int epoch{0};
    Set nodes{0};  // of epoch 0: all with a vote
    bool operator==(const Roster&) const = default;
};
struct Memory {
    bool voter{false};
    bool open{false};  // whether `now` counts is not known: `before` is in force beside it
    Roster now, before;
    bool operator==(const Memory&) const = default;
};
struct Hello {
    Memory memory;
    bool voter{false};  // on disk
    int epoch{0};       // on disk
    bool satisfied{false};
    bool operator==(const Hello&) const = default;
};

// What one node thinks.
struct Node {
    // Own.
    Memory memory, asked, disk;
    std::vector<Memory> writes;  // asked for and not yet on disk
    // Of the view: 0 members before the first.
    int ring{0};
    Set members{0}, voters{0};
    std::array<int, kMost> epochs{};  // on the members' disks
    Memory known;
    bool satisfied{false}, proposed{false}, linked{true};
    // The outcome.
    bool quorate{false}, majority{false}, enough_votes{false};
    bool operator==(const Node&) const = default;
};

[[nodiscard]] Memory blank(const Rules& rules);
[[nodiscard]] Node fresh(const Rules& rules, const Memory& disk);
[[nodiscard]] Hello hello_of(const Rules& rules, const Node& node);
void install(const Rules& rules, Node& node, int ring, Set members, const std::array<Hello, kMost>& hellos);
void propose(const Rules& rules, Node& node);
void heard(const Rules& rules, Node& node, int who, bool voter, int epoch);
void cancel(const Rules& rules, Node& node);
void link(const Rules& rules, Node& node, bool usable);
// Whether these, of the view's voters, are a majority by themselves.
[[nodiscard]] bool enough(const Rules& rules, const Node& node, Set nodes);

}  // namespace model
