#include "totem/ring/rows.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "totem/base/check.hpp"
#include "totem/ring/choice.hpp"

namespace totem {

namespace {

Member member_at(const wire::Join& join, std::size_t i) {
    return {join.nodes[i].node, join.nodes[i].standing.incarnation};
}

std::set<Member> members_of(const wire::Join& join, std::uint64_t bits) {
    std::set<Member> members;
    for (std::size_t i = 0; i < join.nodes.size(); ++i) {
        if ((bits & bit(i)) != 0) members.insert(member_at(join, i));
    }
    return members;
}

}  // namespace

std::uint64_t Matrix::all() const {
    return members.size() == 64 ? ~std::uint64_t{0} : bit(members.size()) - 1;
}

bool Matrix::full() const {
    for (std::size_t i = 0; i < members.size(); ++i) {
        if ((heard[i] | bit(i)) != all()) return false;
    }
    return true;
}

bool Matrix::decided() const {
    for (std::size_t i = 0; i < members.size(); ++i) {
        if ((present & bit(i)) != 0 && (heard[i] | deaf[i] | bit(i)) != all()) return false;
    }
    return true;
}

std::uint64_t Matrix::chosen(std::size_t self) const {
    Graph edges(members.size(), 0);
    for (std::size_t i = 0; i < members.size(); ++i) {
        for (std::size_t j = 0; j < members.size(); ++j) {
            const bool both = (heard[i] & bit(j)) != 0 && (heard[j] & bit(i)) != 0;
            const bool here = (present & bit(i)) != 0 && (present & bit(j)) != 0;
            if (i != j && both && here) edges[i] |= bit(j);
        }
    }
    for (const std::uint64_t set : choose(edges)) {
        if ((set & bit(self)) != 0) return set;
    }
    ASSERT(false);
    return 0;
}

void Rows::hears(const Member& m) {
    Row& own = rows_.at(self_.node);
    own.heard.insert(m);
    own.deaf.erase(m);
}

void Rows::is_deaf_to(const Member& m) {
    Row& own = rows_.at(self_.node);
    own.deaf.insert(m);
    own.heard.erase(m);
}

void Rows::forget_own() {
    Row& own = rows_.at(self_.node);
    own.heard.clear();
    own.deaf.clear();
}

void Rows::learn(const wire::Join& join) {
    for (const wire::JoinRow& r : join.rows) {
        const Member owner = member_at(join, r.owner);
        if (owner.node == self_.node) continue;
        Row& known = rows_[owner.node];
        if (std::pair(known.owner, known.serial) >= std::pair(owner.incarnation, r.serial)) continue;
        known = {owner.incarnation, r.serial, members_of(join, r.heard), members_of(join, r.deaf)};
    }
}

std::vector<wire::JoinRow> Rows::list(const std::vector<wire::NodeStanding>& nodes,
                                      std::uint64_t serial) const {
    std::vector<wire::JoinRow> list;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        const auto at = rows_.find(nodes[i].node);
        if (at == rows_.end() || at->second.owner != nodes[i].standing.incarnation) continue;
        const bool mine = nodes[i].node == self_.node;
        wire::JoinRow row{static_cast<std::uint8_t>(i), mine ? serial : at->second.serial, 0, 0};
        for (std::size_t j = 0; j < nodes.size(); ++j) {
            const Member other{nodes[j].node, nodes[j].standing.incarnation};
            if (at->second.heard.count(other) != 0) row.heard |= bit(j);
            if (at->second.deaf.count(other) != 0) row.deaf |= bit(j);
        }
        list.push_back(row);
    }
    return list;
}

Matrix Rows::over(std::vector<Member> members) const {
    ASSERT(members.size() <= wire::kMaxMembers);
    Matrix m{std::move(members), {}, {}, 0};
    const std::size_t n = m.members.size();
    m.heard.assign(n, 0);
    m.deaf.assign(n, 0);
    for (std::size_t i = 0; i < n; ++i) {
        const auto at = rows_.find(m.members[i].node);
        if (at == rows_.end() || at->second.owner != m.members[i].incarnation) continue;
        for (std::size_t j = 0; j < n; ++j) {
            if (at->second.heard.count(m.members[j]) != 0) m.heard[i] |= bit(j);
            if (at->second.deaf.count(m.members[j]) != 0) m.deaf[i] |= bit(j);
        }
        if (m.members[i] == self_) m.present = bit(i);
    }
    for (std::uint64_t fresh = m.present; fresh != 0;) {
        const auto i = static_cast<std::size_t>(std::countr_zero(fresh));
        fresh &= fresh - 1;
        fresh |= m.heard[i] & ~m.present;
        m.present |= m.heard[i];
    }
    return m;
}

}  // namespace totem
