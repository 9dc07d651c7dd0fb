// Identifiers as types: a node id is not a sequence number.
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

namespace base {

// A configured node; 1 to 2^31-1, 0 is "none".
struct NodeId {
    std::uint32_t value{0};
    constexpr auto operator<=>(const NodeId&) const = default;
};

// One process start of a node: random-looking, and larger than that of the node's former starts whose clock
// was right.
struct Incarnation {
    std::uint64_t value{0};
    constexpr auto operator<=>(const Incarnation&) const = default;
};

// Position of a datagram in a ring's order. 64 bits: it never wraps.
struct Seq {
    std::uint64_t value{0};
    constexpr auto operator<=>(const Seq&) const = default;
};

// Names one ring for ever: the sequence grows at every node, and where it does not (a disk was lost, a
// machine was put back to a former state), the members are others.
struct RingId {
    std::uint64_t seq{0};
    NodeId representative;
    std::uint64_t members{0};  // digest of the processes on it
    constexpr auto operator<=>(const RingId&) const = default;
};

// A small sorted set of nodes.
class NodeSet {
  public:
    using Iterator = std::vector<NodeId>::const_iterator;
    NodeSet() = default;
    NodeSet(std::initializer_list<NodeId> nodes) {
        for (const NodeId n : nodes) insert(n);
    }
    // Returns whether the set changed.
    bool insert(NodeId n) {
        const auto at = std::lower_bound(nodes_.begin(), nodes_.end(), n);
        if (at != nodes_.end() && *at == n) return false;
        nodes_.insert(at, n);
        return true;
    }
    bool erase(NodeId n) {
        const auto at = std::lower_bound(nodes_.begin(), nodes_.end(), n);
        if (at == nodes_.end() || *at != n) return false;
        nodes_.erase(at);
        return true;
    }
    void insert(const NodeSet& other) {
        for (const NodeId n : other) insert(n);
    }
    [[nodiscard]] bool contains(NodeId n) const {
        return std::binary_search(nodes_.begin(), nodes_.end(), n);
    }
    [[nodiscard]] bool includes(const NodeSet& other) const {
        return std::includes(nodes_.begin(), nodes_.end(), other.begin(), other.end());
    }
    [[nodiscard]] NodeSet minus(const NodeSet& other) const {
        NodeSet left;
        for (const NodeId n : nodes_) {
            if (!other.contains(n)) left.nodes_.push_back(n);
        }
        return left;
    }
    [[nodiscard]] Iterator begin() const { return nodes_.begin(); }
    [[nodiscard]] Iterator end() const { return nodes_.end(); }
    [[nodiscard]] std::size_t size() const { return nodes_.size(); }
    [[nodiscard]] bool empty() const { return nodes_.empty(); }
    [[nodiscard]] NodeId front() const { return nodes_.front(); }
    void clear() { nodes_.clear(); }
    bool operator==(const NodeSet&) const = default;

  private:
    std::vector<NodeId> nodes_;
};

// "3"
[[nodiscard]] std::string to_string(NodeId id);
// "{1,2,3}"
[[nodiscard]] std::string to_string(const NodeSet& nodes);
// "8.1" (sequence.representative): what people read in status and logs
[[nodiscard]] std::string to_string(const RingId& id);

}  // namespace base
