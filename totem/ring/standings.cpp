#include "totem/ring/standings.hpp"

namespace totem {

bool Standings::raise(base::NodeId node, wire::Standing standing) {
    const auto [at, is_new] = nodes_.try_emplace(node, standing);
    if (is_new) return true;
    if (at->second >= standing) return false;
    at->second = standing;
    return true;
}

const wire::Standing* Standings::find(base::NodeId node) const {
    const auto at = nodes_.find(node);
    return at == nodes_.end() ? nullptr : &at->second;
}

bool Standings::alive(const Member& m) const {
    const wire::Standing* s = find(m.node);
    return s != nullptr && !s->failed && s->incarnation == m.incarnation;
}

std::vector<Member> Standings::living() const {
    std::vector<Member> members;
    for (const auto& [node, standing] : nodes_) {
        if (!standing.failed) members.push_back({node, standing.incarnation});
    }
    return members;
}

std::vector<wire::NodeStanding> Standings::list() const {
    std::vector<wire::NodeStanding> list;
    list.reserve(nodes_.size());
    for (const auto& [node, standing] : nodes_) list.push_back({node, standing});
    return list;
}

base::NodeSet nodes_of(const std::vector<Member>& members) {
    base::NodeSet nodes;
    for (const Member& m : members) nodes.insert(m.node);
    return nodes;
}

const Member* find_member(const std::vector<Member>& members, base::NodeId node) {
    for (const Member& m : members) {
        if (m.node == node) return &m;
    }
    return nullptr;
}

}  // namespace totem
