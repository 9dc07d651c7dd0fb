// The datagrams of one ring that are not yet known to be received by everybody, indexed by sequence number:
// what has been received, what is missing, what may be asked for again. A pure container; it knows nothing of
// tokens or members.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

#include "totem/base/ids.hpp"
#include "totem/wire/message.hpp"

namespace totem {

class Window {
  public:
    // `capacity`: how many sequence numbers above the freed ones are accepted.
    explicit Window(std::size_t capacity) : capacity_(capacity) {}

    // Returns false when it was there already, is freed, or lies beyond the capacity.
    bool insert(wire::Data data);
    // nullptr: not here.
    [[nodiscard]] const wire::Data* find(base::Seq seq) const;
    // Everything up to here has been received (and was perhaps freed since).
    [[nodiscard]] base::Seq aru() const { return aru_; }
    // The highest received.
    [[nodiscard]] base::Seq high() const { return base::Seq{freed_.value + slots_.size()}; }
    [[nodiscard]] base::Seq freed() const { return freed_; }
    [[nodiscard]] std::size_t capacity() const { return capacity_; }
    // Up to `limit` missing sequence numbers in (aru, upto], ascending.
    [[nodiscard]] std::vector<base::Seq> missing(base::Seq upto, std::size_t limit) const;
    // What is here above aru(): at most `limit` ranges, the lowest ones.
    [[nodiscard]] std::vector<wire::Range> held(std::size_t limit) const;
    // Forgets everything up to `seq`, which must not be above aru().
    void free_to(base::Seq seq);
    // Asserts the relations between the numbers; O(size).
    void check_invariants() const;

  private:
    std::size_t capacity_;
    base::Seq freed_;  // invariant: freed_ <= aru_ <= high()
    base::Seq aru_;
    std::deque<std::optional<wire::Data>> slots_;  // [i] is freed_ + 1 + i; the last one is always filled
};

}  // namespace totem
