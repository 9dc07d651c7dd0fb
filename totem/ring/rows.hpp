// Who hears whom, as far as a gathering node knows: its own row of the matrix, made of whose joins it got and
// whom it waited for in vain, and the rows of the others, which they publish in their joins and pass on, so
// that a row reaches those that do not hear its owner.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "totem/wire/message.hpp"

namespace totem {

struct Row {
    base::Incarnation owner;
    std::uint64_t serial{0};       // of the owner's join that says this
    std::set<Member> heard, deaf;  // neither: not decided yet
};

// The matrix over some members (by ascending node id), as bits.
struct Matrix {
    std::vector<Member> members;
    std::vector<std::uint64_t> heard, deaf;  // [i] bit j: i hears j; i does not hear j
    std::uint64_t present{0};  // those whose words can reach us: whom we hear, whom they hear, ...

    [[nodiscard]] std::uint64_t all() const;
    // Everybody hears everybody.
    [[nodiscard]] bool full() const;
    // Everybody who is present knows of everybody whether it hears it.
    [[nodiscard]] bool decided() const;
    // The set that we belong to when everybody chooses (choice.hpp): an edge must be seen from both ends.
    [[nodiscard]] std::uint64_t chosen(std::size_t self) const;
};

class Rows {
  public:
    explicit Rows(const Member& self) : self_(self) { rows_[self.node].owner = self.incarnation; }
    void hears(const Member& m);
    void is_deaf_to(const Member& m);
    // We don't know any more.
    void forget_own();
    [[nodiscard]] const Row& own() const { return rows_.at(self_.node); }
    // Takes the rows of others, the newest of each.
    void learn(const wire::Join& join);
    // For the join with that serial, which lists those nodes.
    [[nodiscard]] std::vector<wire::JoinRow> list(const std::vector<wire::NodeStanding>& nodes,
                                                  std::uint64_t serial) const;
    [[nodiscard]] Matrix over(std::vector<Member> members) const;

  private:
    Member self_;
    std::map<base::NodeId, Row> rows_;
};

}  // namespace totem
