#include "membership/quorum/quorum.hpp"

#include <algorithm>
#include <utility>

#include "totem/base/check.hpp"

namespace membership {

Quorum::Quorum(base::NodeId self, QuorumRules rules, const QuorumMemory& memory)
    : self_(self),
      rules_(std::move(rules)),
      memory_(memory),
      asked_(memory),
      durable_{memory.voter, memory.roster.epoch} {}

// --- inputs

void Quorum::view_installed(base::Instant now, const base::RingId& ring,
                            const std::map<base::NodeId, QuorumHello>& members) {
    ASSERT(members.count(self_) != 0);
    ASSERT(ring.seq > 0);
    ring_ = ring;
    installed_at_ = now;
    proposed_ = propose_sent_ = outside_ = false;
    members_.clear();
    voters_.clear();
    disks_.clear();
    for (const auto& [node, hello] : members) {
        members_.insert(node);
        disks_[node] = hello.durable;
        if (hello.durable.voter) voters_.insert(node);
    }
    const RulesCheck check = check_rules(members);
    conflict_ = check.conflict;
    // When every configured node is here there is nobody left who could know more than the blank disks.
    const std::vector<const QuorumRules*> rules = all_rules();
    const bool all_here = std::all_of(rules.begin(), rules.end(), [this](const QuorumRules* r) {
        return std::all_of(r->votes.begin(), r->votes.end(),
                           [this](const auto& v) { return members_.contains(v.first); });
    });
    if (all_here) voters_ = members_;
    voters_ = voters_.minus(check.odd);
    learn(members);
    if (durable_ != members.at(self_).durable) out_.announce = durable_;
    settle(now, "view " + to_string(members_));
}

// The newest roster that a member knows of, and whether wait_for_all goes on being satisfied.
void Quorum::learn(const std::map<base::NodeId, QuorumHello>& members) {
    known_ = {};
    if (keeps_roster()) {
        for (const auto& [node, hello] : members) {
            const bool newer = hello.memory.roster.epoch > known_.roster.epoch;
            const bool counted = hello.memory.roster.epoch == known_.roster.epoch && !hello.memory.before;
            if (newer || counted) known_ = hello.memory;
        }
    }
    // Who was paused or cut off while the others went on has an old roster, and its word is as old.
    const std::uint64_t counted_epoch = known_.before ? known_.before->epoch : known_.roster.epoch;
    const bool carried = std::any_of(members.begin(), members.end(), [&](const auto& m) {
        return m.second.satisfied && m.second.memory.roster.epoch >= counted_epoch;
    });
    satisfied_ = !rules_.wait_for_all || carried || all_of_roster_here();
}

void Quorum::roster_proposed(base::Instant now, const base::RingId& ring) {
    if (ring != ring_ || proposed_) return;
    propose_sent_ = false;
    const base::NodeSet next = next_roster();
    if (next.empty()) return;
    proposed_ = true;
    known_.before = known_.roster;
    known_.roster = {ring_.seq, next};
    settle(now, "a new roster " + to_string(next) + " is being written");
}

void Quorum::member_persisted(base::Instant now, const base::RingId& ring, base::NodeId node,
                              const QuorumStamp& stamp) {
    if (ring != ring_ || !members_.contains(node)) return;
    disks_[node] = stamp;
    const bool has_vote_now = stamp.voter && voters_.insert(node);
    settle(now, has_vote_now ? "node " + to_string(node) + " has caught up"
                             : "node " + to_string(node) + " has written the roster");
}

void Quorum::cancel_wait_for_all(base::Instant now, const base::RingId& ring) {
    if (ring != ring_) return;
    satisfied_ = true;
    settle(now, "wait_for_all was cancelled");
}

void Quorum::outside_vote(base::Instant now, const base::RingId& ring, bool granted) {
    if (ring != ring_) return;
    outside_ = granted;
    settle(now, granted ? "the arbiter votes for this view" : "the arbiter does not vote for this view");
}

void Quorum::persisted(base::Instant now, const QuorumMemory& memory) {
    const QuorumStamp stamp{memory.voter, memory.roster.epoch};
    if (stamp == durable_) return;
    durable_ = stamp;
    out_.announce = stamp;
    settle(now, "");
}

void Quorum::links(base::Instant now, unsigned usable) {
    links_ = usable;
    settle(now, usable == 0 ? "no link of this node works" : "a link works again");
}

// Not judged at once: what it is set for may be a view that is not installed yet.
void Quorum::set_rules(const QuorumRules& rules, const std::optional<QuorumRules>& former) {
    rules_ = rules;
    former_ = former;
    if (!rules_.wait_for_all) satisfied_ = true;
}

// Time alone changes no verdict: set_rules() did.
void Quorum::advance(base::Instant now) {
    settle(now, former_ ? "the nodes of the cluster change" : "the nodes of the cluster have changed");
}

// --- the rules

RulesCheck check_rules(const std::map<base::NodeId, QuorumHello>& members) {
    RulesCheck out;
    std::uint64_t newest = 0;
    bool known = false;
    for (const auto& [node, hello] : members) {
        if (hello.rules == 0) return out;
        newest = std::max(newest, hello.list);
        known = known || hello.quorate;
    }
    for (const auto& [node, hello] : members) {
        if (hello.list != newest || (known && !hello.quorate)) continue;
        for (const auto& [other, said] : members) {
            if (said.list != newest || said.rules == hello.rules) continue;
            if (known && !said.quorate) {
                out.odd.insert(other);
            } else {
                out.conflict = true;
            }
        }
    }
    if (out.conflict) out.odd = {};
    return out;
}

std::vector<const QuorumRules*> Quorum::all_rules() const {
    std::vector<const QuorumRules*> out;
    if (former_) out.push_back(&*former_);
    out.push_back(&rules_);
    return out;
}

// The rosters of which a set must be a majority.
std::vector<Roster> Quorum::in_force() const {
    if (!rules_.last_man_standing) return {Roster{}};
    if (known_.before) return {*known_.before, known_.roster};
    return {known_.roster};
}

// While the nodes change, those that are configured before and after: a new one is no member before the
// change counts, and one that goes has no say after it.
base::NodeSet Quorum::waited_for(const Roster& roster) const {
    base::NodeSet nodes = nodes_of(rules_, roster);
    if (former_) nodes = nodes.minus(nodes.minus(nodes_of(*former_, roster)));
    return nodes;
}

bool Quorum::all_of_roster_here() const {
    if (known_.before && !members_.includes(waited_for(*known_.before))) return false;
    return members_.includes(waited_for(known_.roster));
}

bool Quorum::enough(const base::NodeSet& nodes) const {
    const base::NodeSet present = nodes.minus(nodes.minus(voters_));
    const std::vector<Roster> rosters = in_force();
    const std::vector<const QuorumRules*> rules = all_rules();
    return std::all_of(rules.begin(), rules.end(), [&](const QuorumRules* by) {
        return std::all_of(rosters.begin(), rosters.end(),
                           [&](const Roster& r) { return count(*by, r, present).majority; });
    });
}

Quorum::Verdict Quorum::judge() const {
    Verdict v;
    v.majority = true;
    bool pair = true;  // two_node would be enough, wherever it is no majority
    for (const QuorumRules* rules : all_rules()) {
        for (const Roster& roster :
             in_force()) {  // the one that decides: the first that is no majority, or the newest
            const Tally tally = count(*rules, roster, voters_, outside_);
            pair = pair && (tally.majority || (two_node_in_force(*rules, tally) && tally.votes > 0));
            if (!v.majority) continue;
            v.tally = tally;
            v.former = former_ && rules != &rules_;
            v.epoch = roster.epoch;
            v.majority = v.tally.majority;
        }
    }
    v.votes_suffice = v.majority || pair;
    v.waiting = !members_.empty() && !satisfied_;
    v.cut_off = links_ == 0 && members_.size() == 1 && rules_.votes.size() > 1;
    v.conflict = conflict_;
    v.quorate = v.votes_suffice && !v.waiting && !v.cut_off && !v.conflict;
    v.majority = v.majority && v.quorate;
    return v;
}

// --- the roster

// What this view's members would make of the roster; empty: it stays.
base::NodeSet Quorum::next_roster() const {
    if (!keeps_roster() || !verdict_.majority || known_.before || former_) return {};
    const base::NodeSet all = voters_of(rules_);
    base::NodeSet next = all.minus(all.minus(members_));
    if (next == nodes_of(rules_, known_.roster)) return {};
    // Those who have no vote yet would take part as absent ones.
    if (rules_.last_man_standing && !count(rules_, {ring_.seq, next}, voters_).majority) return {};
    return next;
}

// The voters that have the newest roster on disk.
base::NodeSet Quorum::on_disk() const {
    base::NodeSet nodes;
    for (const auto& [node, stamp] : disks_) {
        if (stamp.epoch == known_.roster.epoch && voters_.contains(node)) nodes.insert(node);
    }
    return nodes;
}

bool Quorum::count_roster() {
    if (!known_.before || !verdict_.majority || !enough(on_disk())) return false;
    known_.before.reset();
    return true;
}

// Only a majority teaches: what a smaller part hears of stays with those who knew it.
void Quorum::remember() {
    if (!verdict_.majority) return;
    memory_ = known_;
    memory_.voter = true;
    if (memory_ == asked_) return;
    asked_ = memory_;
    out_.write = memory_;
}

void Quorum::schedule(base::Instant now) {
    due_ = base::Instant::never();
    if (proposed_ || propose_sent_ || members_.empty() || members_.front() != self_) return;
    const base::NodeSet next = next_roster();
    if (next.empty()) return;
    const bool grows = next.includes(nodes_of(rules_, known_.roster));
    due_ = grows ? now : installed_at_ + rules_.last_man_standing_window;
    if (due_ > now) return;
    due_ = base::Instant::never();
    out_.propose = propose_sent_ = true;
}

void Quorum::settle(base::Instant now, const std::string& cause) {
    const Verdict former = std::exchange(verdict_, judge());
    if (former != verdict_) report(former.quorate, cause);
    if (count_roster()) {
        verdict_ = judge();
        report(true, "the roster is now " + to_string(known_.roster.nodes));
    }
    remember();
    schedule(now);
}

// --- words

// Both lists, as two_node is no majority by either: "2 of 2 votes" alone would say nothing of what is
// missing.
std::string Quorum::explain_change() const {
    const auto by = [&](QuorumRules rules) {
        rules.two_node = rules.two_node && verdict_.quorate && !verdict_.majority;
        Tally tally;
        for (const Roster& roster : in_force()) {
            tally = count(rules, roster, voters_, outside_);
            if (!tally.majority) break;
        }
        return describe(rules, tally);
    };
    std::string text = "a change of the nodes is under way: by the nodes before: " + by(*former_) +
                       "; by the nodes after: " + by(rules_);
    if (verdict_.votes_suffice) return text;
    // A node that is added is let in only when the change counts.
    const base::NodeSet missing = voters_of(*former_).minus(members_);
    if (missing.empty()) return text;
    return text + "; it goes on when " +
           (missing.size() == 1 ? "node " + to_string(missing.front()) + " is back"
                                : "enough of the nodes " + to_string(missing) + " are back");
}

std::string Quorum::explain() const {
    if (members_.empty()) return "no view yet";
    const QuorumRules& deciding = verdict_.former && former_ ? *former_ : rules_;
    std::string text = former_ ? explain_change() : describe(deciding, verdict_.tally);
    if (verdict_.epoch != 0) {
        const bool former = known_.before && known_.before->epoch == verdict_.epoch;
        text +=
            " (of the roster " + to_string(nodes_of(deciding, former ? *known_.before : known_.roster)) + ")";
    }
    if (verdict_.waiting && verdict_.votes_suffice) {
        base::NodeSet missing = waited_for(known_.roster).minus(members_);
        if (known_.before) missing.insert(waited_for(*known_.before).minus(members_));
        text += "; wait_for_all: not seen since the start: " + to_string(missing);
    }
    if (verdict_.conflict) {
        text +=
            "; the node files of the members differ in the nodes, their votes or the quorum options: compare "
            "nodelist and quorum in them, correct those that are wrong, and restart custosd there";
    }
    if (verdict_.cut_off) text += "; no link works: a node that is cut off can't know of the others";
    const base::NodeSet blank = members_.minus(voters_);
    if (!blank.empty() && !verdict_.quorate)
        text += "; no vote before they have caught up: " + to_string(blank);
    return text;
}

void Quorum::report(bool was_quorate, const std::string& cause) {
    const bool is = verdict_.quorate;
    const char* what =
        was_quorate ? (is ? "quorum kept" : "quorum lost") : (is ? "quorum gained" : "no quorum");
    out_.changes.push_back(std::string(what) + ": " + cause + ": " + explain());
}

// --- outputs

QuorumOutbox Quorum::drain() {
    out_.ring = ring_;
    return std::exchange(out_, {});
}

QuorumHello Quorum::hello() const {
    QuorumHello hello;
    hello.memory = memory_;
    hello.durable = durable_;
    hello.satisfied = rules_.wait_for_all && satisfied_ && verdict_.votes_suffice;
    hello.quorate = verdict_.quorate;
    if (!former_) hello.rules = mark_of(rules_);
    return hello;
}

QuorumState Quorum::state() const {
    QuorumState state;
    state.quorate = verdict_.quorate;
    state.majority = verdict_.majority;
    state.votes = verdict_.tally.votes;
    state.expected = verdict_.tally.expected;
    const QuorumRules& deciding = verdict_.former && former_ ? *former_ : rules_;
    // While the nodes change, two_node is enough only where it is by both lists.
    const bool pair = two_node_in_force(deciding, verdict_.tally) && (!former_ || verdict_.votes_suffice);
    state.needed = pair ? 1 : verdict_.tally.needed;
    state.reason = explain();
    state.flags = flags_of(rules_, state.quorate);
    return state;
}

}  // namespace membership
