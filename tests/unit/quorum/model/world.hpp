// A small cluster as quorum sees it: nodes with disks, views that form and break at any moment, messages that
// reach a part of a view before it breaks. Each node runs the implementation and the reference side by side;
// after every event both must say the same, and what must hold of any quorum is checked on its own.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "membership/quorum/quorum.hpp"
#include "tests/unit/quorum/model/reference.hpp"

namespace model {

[[nodiscard]] std::string text(Set set);

class World {
  public:
    // Every node has a disk with a vote, but for `blank_disks`. Without `compare` the reference only tells
    // the states apart, and nothing but the properties is checked.
    World(std::shared_ptr<const Rules> rules, Set blank_disks, bool compare = true);

    // --- events. `told`: who gets the message before leaving the view; the others get nothing more of it.
    void form(Set members);
    void propose(Set view, Set told);
    // The oldest write of the node completes, and it says so.
    void write(int node, Set told);
    void cancel(Set view, Set told);
    void link(int node, bool usable);
    // The processes end; what was being written is lost. They start again without a view.
    void restart(Set nodes);
    void wipe(int node);

    // The members that still get the messages of the view that `node` is in, itself included; 0: none.
    [[nodiscard]] Set attached(int node) const;
    [[nodiscard]] bool has_writes(int node) const;
    [[nodiscard]] bool linked(int node) const;
    // The first view of each group of nodes that are in one view.
    [[nodiscard]] std::vector<Set> views() const;

    // What is wrong; empty: nothing.
    [[nodiscard]] const std::string& wrong() const { return wrong_; }
    // Equal for worlds that only differ in numbers, or in the names of nodes when `interchangeable`.
    [[nodiscard]] std::uint64_t key(bool interchangeable) const;

  private:
    struct Machine {
        membership::Quorum quorum;
        Node reference;
        membership::QuorumMemory disk{};
        std::vector<membership::QuorumMemory> writes{};
        bool attached{false};
        bool had_quorum{false};   // a moment ago
        bool seen_quorum{false};  // since its process started
    };

    [[nodiscard]] const Machine& at(int node) const { return *nodes_[static_cast<std::size_t>(node)]; }
    // To change it: a copy of a world shares what it does not change.
    [[nodiscard]] Machine& touch(int node);
    [[nodiscard]] Machine fresh(int node, const membership::QuorumMemory& disk, const Memory& reference_disk) const;
    void fail(const std::string& what);
    void check();
    void collect(int node);
    void compare(int node);
    void hear_what_is_stale(Set listeners);
    void check_disjoint();
    void check_counted(int node);
    void check_start();
    void lose_attached(Set view, Set told);
    [[nodiscard]] Set in_view(int ring) const;
    [[nodiscard]] std::vector<std::uint8_t> written_down(const std::array<int, kMost>& order,
                                                         const std::vector<int>& numbers) const;

    std::shared_ptr<const Rules> rules_;
    membership::QuorumRules real_rules_;
    bool compare_;
    std::vector<std::shared_ptr<Machine>> nodes_;
    Set touched_{0};  // in this event
    int next_ring_{1};
    bool cancelled_{false};  // wait_for_all, at any time
    Roster counted_;         // the newest that anybody found to count
    std::string wrong_;
};

}  // namespace model
