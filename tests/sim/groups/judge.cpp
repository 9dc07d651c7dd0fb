#include "tests/sim/groups/judge.hpp"

#include <algorithm>
#include <utility>

#include "totem/base/check.hpp"

namespace sim::groups {

using membership::GroupChange;
using membership::GroupMessage;
using membership::GroupView;

namespace {

constexpr std::size_t kMessageHead = 32;

bool contains(const std::vector<GroupMember>& members, const GroupMember& who) {
    return std::find(members.begin(), members.end(), who) != members.end();
}
bool contains(const std::vector<GroupChange>& changes, const GroupMember& who) {
    return std::any_of(changes.begin(), changes.end(), [&](const GroupChange& c) { return c.who == who; });
}
bool contains(const totem::View& view, const Member& who) {
    return std::find(view.members.begin(), view.members.end(), who) != view.members.end();
}

std::uint64_t hash_of(base::ByteView bytes, const std::string& group) {
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    for (const std::uint8_t b : bytes) hash = (hash ^ b) * 0x100000001b3ULL;
    for (const char c : group) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3ULL;
    return hash;
}

std::string at(const Place& place) {
    return base::to_string(place.ring) + ":" + std::to_string(place.seq.value >> 16) + "." +
           std::to_string(place.seq.value & 0xffff);
}

std::string names(const std::vector<GroupMember>& members) {
    std::string text = "{";
    for (const GroupMember& m : members) text += (text.size() > 1 ? "," : "") + to_string(m);
    return text + "}";
}

void keep_only(std::set<Member>& members, const totem::View& view) {
    std::erase_if(members, [&](const Member& m) { return !contains(view, m); });
}

}  // namespace

std::string to_string(const GroupMember& who) {
    return base::to_string(who.node.node) + "/" + std::to_string(who.node.incarnation.value) + "/" +
           std::to_string(who.client);
}

base::Bytes make_message(const GroupMember& sender, std::uint64_t number, std::size_t size) {
    base::Bytes bytes;
    base::ByteWriter w(bytes);
    w.u32(sender.node.node.value);
    w.u64(sender.node.incarnation.value);
    w.u64(sender.client);
    w.u32(sender.pid);
    w.u64(number);
    ASSERT(bytes.size() == kMessageHead);
    bytes.resize(std::max(size, kMessageHead), static_cast<std::uint8_t>(number));
    return bytes;
}

void Judge::violate(const char* guarantee, const std::string& what) {
    if (violation_.empty()) violation_ = std::string(guarantee) + ": " + what;
}

// --- rings

void Judge::started(const Member& who) {
    processes_[who];
}

void Judge::ended(const Member& who) {
    processes_[who].alive = false;
}

void Judge::ring(const Member& who, const totem::Event& event) {
    Process& p = processes_[who];
    if (const auto* t = std::get_if<totem::Transitional>(&event)) {
        p.companions = t->view;
        keep_only(p.with, t->view);
    } else if (const auto* r = std::get_if<totem::Regular>(&event)) {
        p.left.reset();
        if (p.regular && p.companions) p.left = {p.regular->ring, p.companions->members.front().node};
        if (std::exchange(p.synchronised, false)) p.past = p.left;
        pasts_[{who, r->view.ring}] = p.past;
        p.regular = r->view;
        p.companions.reset();
        keep_only(p.with, r->view);
    }
}

void Judge::begins(const Member& who, std::size_t kept_bytes) {
    if (kept_bytes > 0)
        violate("Y1", "node " + base::to_string(who.node) + " begins a view with " +
                          std::to_string(kept_bytes) + " bytes of a former transfer");
}

void Judge::synchronised(const Member& who) {
    Process& p = processes_[who];
    p.with_before = p.with;
    p.with_before.insert(who);
    p.with = {p.regular->members.begin(), p.regular->members.end()};
    if (p.companions) keep_only(p.with, *p.companions);
    ++syncs;
    p.synchronised = true;
    const auto past = [&](const Member& member) { return pasts_[{member, p.regular->ring}]; };
    for (auto& [id, client] : clients_) {
        if (id.node != who || client.ended) continue;
        for (const auto& [group, m] : client.groups) {
            for (const GroupMember& member : m.view.members) {
                if (p.with_before.count(member.node) == 0 && past(member.node) != past(who))
                    owed_.push_back({id, group, member});
            }
        }
    }
}

void Judge::told() {
    for (const Owed& owed : owed_) {
        const Client& client = clients_[owed.client];
        const auto membership = client.groups.find(owed.group);
        if (client.ended || membership == client.groups.end()) continue;
        if (!contains(membership->second.view.left, owed.apart))
            violate("Y2", "client " + to_string(owed.client) + " of group " + owed.group +
                              " was not told that " + to_string(owed.apart) + " was apart");
    }
    owed_.clear();
}

void Judge::ignores(const Member& who, std::uint64_t messages) {
    if (messages > 0)
        violate("Y1", "node " + base::to_string(who.node) + " ignored " + std::to_string(messages) +
                          " messages as ones that no member should have sent");
}

void Judge::keeps(const Member& who, std::size_t bytes, std::size_t most) {
    if (bytes > most)
        violate("bound", "node " + base::to_string(who.node) + " keeps " + std::to_string(bytes) +
                             " bytes until it has the state, more than " + std::to_string(most));
}

// After a gap members that leave a ring together miss what others have.
Judge::Part Judge::part_of(const Member& who) const {
    const Process& p = processes_.at(who);
    return {p.regular->ring, p.companions ? p.companions->members.front().node : NodeId{}};
}

// --- the store

void Judge::store_stands(const Member& who, std::uint64_t hash) {
    Process& p = processes_[who];
    if (corrupted_.count(who) == 0) {
        if (p.hash && *p.hash != hash)
            violate("Y1", "the state of node " + base::to_string(who.node) + " changed at a view change");
        if (p.left && p.store_current && ends_.try_emplace(*p.left, hash).first->second != hash)
            violate("Y4", "members that left ring " + base::to_string(p.left->first) +
                              " together have different states, one of them node " +
                              base::to_string(who.node));
    }
    p.hash = hash;
    p.store_current = false;
}

void Judge::store_synchronised(const Member& who, const membership::SyncedView& view, std::uint64_t hash) {
    Process& p = processes_[who];
    p.hash = hash;
    p.store_current = true;
    if (!p.regular || view.place.ring != p.regular->ring)
        violate("Y1", "node " + base::to_string(who.node) + " is synchronised in a ring that it is not in");
    if (corrupted_.count(who) != 0) return;
    if (synced_.try_emplace(view.place.ring, hash).first->second != hash)
        violate("Y1", "members were synchronised in ring " + base::to_string(view.place.ring) +
                          " with different states, one of them node " + base::to_string(who.node));
}

void Judge::store_commanded(const Member& who, std::uint64_t command) {
    processes_[who].commanded.push_back(command);
}

void Judge::store_applied(const Member& who, const membership::Ordered& from, std::uint64_t command,
                          std::uint64_t hash) {
    ++applied;
    transitional += from.transitional ? 1 : 0;
    Process& p = processes_[who];
    p.hash = hash;
    if (from.sender == who) {
        if (p.own_applied >= p.commanded.size() || p.commanded[p.own_applied] != command)
            violate("Y4", "node " + base::to_string(who.node) +
                              " applied its own command twice, too early, or out of order at " +
                              at(from.place));
        ++p.own_applied;
    }
    if (corrupted_.count(who) != 0) return;
    if (hashes_.try_emplace({part_of(who), from.place.seq}, hash).first->second != hash)
        violate("Y4", "members have different states at " + at(from.place) + ", one of them node " +
                          base::to_string(who.node));
}

// --- clients

void Judge::joins(const GroupMember& who, const std::string& group) {
    clients_[who].wanted[group] = true;
    ++clients_[who].sent;
    clients_[who].sent_bytes += membership::Groups::charge(0);
}

void Judge::leaves(const GroupMember& who, const std::string& group) {
    clients_[who].wanted[group] = false;
    clients_[who].asked_to_leave.insert(group);
    ++clients_[who].sent;
    clients_[who].sent_bytes += membership::Groups::charge(0);
}

void Judge::sends(const GroupMember& who, const std::string& group, std::uint64_t number,
                  std::size_t charge) {
    Client& client = clients_[who];
    ++client.sent;
    client.sent_bytes += charge;
    if (!client.wanted[group]) return;
    client.own.emplace_back(group, number);
    from_members_.insert({who, {group, number}});
}

void Judge::ends(const GroupMember& who, GroupReason why) {
    clients_[who].ended = why;
}

void Judge::credited(const GroupMember& who, const membership::Credits& credits) {
    Client& client = clients_[who];
    if (!client.first) {
        client.first = credits;
        return;
    }
    client.credited += credits.messages;
    client.credited_bytes += credits.bytes;
    if (client.credited > client.sent || client.credited_bytes > client.sent_bytes)
        violate("credits", "client " + to_string(who) + " got more back than it had used up");
}

void Judge::holds_together(NodeId node, std::size_t bytes, const membership::GroupsConfig& config) {
    if (bytes > config.keep_total_bytes)
        violate("bound", "the clients of node " + to_string(node) + " hold " + std::to_string(bytes) +
                             " bytes untaken together, and none is cut off");
}

void Judge::holds(const GroupMember& who, std::size_t messages, std::size_t bytes,
                  const membership::GroupsConfig& config) {
    if (messages > 1 && (messages > config.keep_messages || bytes > config.keep_bytes))
        violate("bound", "client " + to_string(who) + " has " + std::to_string(messages) + " messages, " +
                             std::to_string(bytes) + " bytes untaken, and is not cut off");
}

void Judge::advance(const GroupMember& who, Client& client, const Place& place, bool may_be_equal) {
    if (place < client.last || (place == client.last && !may_be_equal))
        violate("order", "client " + to_string(who) + " got " + at(place) + " after " + at(client.last));
    client.last = place;
}

void Judge::handed(const GroupMember& who, const membership::GroupEvent& event) {
    ++handouts;
    Client& client = clients_[who];
    if (client.ended) violate("Y3", "client " + to_string(who) + " has ended and got something");
    if (const auto* v = std::get_if<GroupView>(&event)) {
        view(who, client, *v);
    } else if (const auto* m = std::get_if<GroupMessage>(&event)) {
        message(who, client, *m);
    }
}

void Judge::view(const GroupMember& who, Client& client, const GroupView& view) {
    ++views;
    advance(who, client, view.place, true);  // one place may change several groups
    const std::string where =
        "group " + view.group + " at " + at(view.place) + ", client " + to_string(who) + ": ";
    const auto known = views_.try_emplace({view.group, {view.place, part_of(who.node)}}, view.members).first;
    if (known->second != view.members)
        violate("Y2", where + names(view.members) + ", but " + names(known->second) + " elsewhere");
    const Process& p = processes_[who.node];
    for (const GroupMember& m : view.members) {
        if (!p.regular || !contains(*p.regular, m.node))
            violate("Y2", where + "ghost " + to_string(m) + ", whose node is not in the ring");
    }
    reasons_are_true(who, view);
    const auto membership = client.groups.find(view.group);
    if (membership == client.groups.end()) {
        if (view.joined.size() != 1 || view.joined.front().who != who || !view.left.empty() ||
            !contains(view.members, who))
            violate("Y3", where + "its first view is not that of its join");
        client.groups[view.group] = {view, {}, {}};
        return;
    }
    if (view.place == membership->second.view.place) violate("Y2", where + "two views of one event");
    change_is_sound(who, membership->second.view, view);
    passage(who, membership->second, view);
    if (!contains(view.members, who)) {
        if (!contains(view.left, who)) violate("Y3", where + "is no member any more, and nobody says why");
        client.groups.erase(membership);
        return;
    }
    for (const GroupChange& c : view.left) membership->second.numbers.erase(c.who);
    for (const GroupChange& c : view.joined) membership->second.numbers.erase(c.who);
    membership->second.view = view;
    membership->second.since_view.clear();
}

void Judge::change_is_sound(const GroupMember& who, const GroupView& before, const GroupView& view) {
    const std::string where =
        "group " + view.group + " at " + at(view.place) + ", client " + to_string(who) + ": ";
    std::vector<GroupMember> expected = before.members;
    for (const GroupChange& c : view.left) {
        if (std::erase(expected, c.who) != 1) violate("Y2", where + to_string(c.who) + " left, but was none");
    }
    const std::vector<GroupMember> stayed = expected;
    for (const GroupChange& c : view.joined) expected.push_back(c.who);
    std::vector<GroupMember> members = view.members;
    std::sort(expected.begin(), expected.end());
    std::sort(members.begin(), members.end());
    if (expected != members || std::adjacent_find(members.begin(), members.end()) != members.end())
        violate("Y2", where + names(before.members) + " became " + names(view.members) +
                          ", which is not what it says");
    if (view.left.empty() && view.joined.empty()) violate("Y2", where + "a view in which nothing changed");
    std::vector<GroupMember> in_order;
    for (const GroupMember& m : view.members) {
        if (contains(stayed, m)) in_order.push_back(m);
    }
    if (in_order != stayed) violate("Y2", where + "members changed their order");
}

void Judge::reasons_are_true(const GroupMember& who, const GroupView& view) {
    const Process& p = processes_[who.node];
    const auto check = [&](const GroupChange& c, bool holds) {
        if (!holds)
            violate("Y2", "group " + view.group + " at " + at(view.place) + ", client " + to_string(who) +
                              ": the reason of " + to_string(c.who) + " (" +
                              std::to_string(static_cast<int>(c.why)) + ") is not true");
    };
    const auto wanted = [&](const GroupChange& c) { return clients_[c.who].wanted.count(view.group) != 0; };
    for (const GroupChange& c : view.joined) {
        const bool was_with = p.with_before.count(c.who.node) != 0;
        check(c, c.why == GroupReason::join ? wanted(c) : c.why == GroupReason::node_up ? !was_with : false);
    }
    for (const GroupChange& c : view.left) {
        const std::optional<GroupReason>& ended = clients_[c.who].ended;
        if (c.why == GroupReason::node_down) {
            check(c, p.with_before.count(c.who.node) == 0);
        } else if (c.why == GroupReason::leave) {
            check(c, clients_[c.who].asked_to_leave.count(view.group) != 0 || ended == GroupReason::leave);
        } else {
            check(c, ended == c.why);
        }
    }
}

// Virtual synchrony: who goes from one view to the next together gets the same in between.
void Judge::passage(const GroupMember& who, const Membership& m, const GroupView& next) {
    std::vector<Passage>& others = passages_[{next.group, {m.view.place, {next.place, part_of(who.node)}}}];
    for (const Passage& other : others) {
        const bool apart = contains(next.left, other.by) || contains(other.left, who);
        if (!apart && other.messages != m.since_view)
            violate("Y2", "clients " + to_string(who) + " and " + to_string(other.by) + " of group " +
                              next.group + " went from " + at(m.view.place) + " to " + at(next.place) +
                              " together and got different messages");
    }
    others.push_back({who, m.since_view, next.left});
}

void Judge::message(const GroupMember& who, Client& client, const GroupMessage& message) {
    advance(who, client, message.place, false);
    const std::string where =
        "group " + message.group + " at " + at(message.place) + ", client " + to_string(who) + ": ";
    const std::uint64_t hash = hash_of(message.payload, message.group);
    if (messages_.try_emplace(message.place, hash).first->second != hash)
        violate("order", where + "another message than elsewhere");
    base::ByteReader in(message.payload);
    GroupMember sender;
    sender.node.node.value = in.u32();
    sender.node.incarnation.value = in.u64();
    sender.client = in.u64();
    sender.pid = in.u32();
    const std::uint64_t number = in.u64();
    if (!in.ok() || sender != message.sender) violate("order", where + "the sender is not who sent it");
    const auto membership = client.groups.find(message.group);
    if (membership == client.groups.end()) return violate("Y3", where + "got a message and is no member");
    Membership& m = membership->second;
    m.since_view.emplace_back(message.place, hash);
    if (from_members_.count({sender, {message.group, number}}) != 0 && !contains(m.view.members, sender))
        violate("Y3", where + "a message of " + to_string(sender) + ", who is no member here");
    const auto last = m.numbers.find(sender);
    if (last != m.numbers.end()) {
        const bool member = contains(m.view.members, sender);
        if (number <= last->second || (member && number != last->second + 1))
            violate("order", where + "message " + std::to_string(number) + " of " + to_string(sender) +
                                 " after " + std::to_string(last->second));
    }
    m.numbers[sender] = number;
    if (sender == who) own_message(who, client, message.group, number);
}

void Judge::own_message(const GroupMember& who, Client& client, const std::string& group,
                        std::uint64_t number) {
    const bool expected =
        client.own_seen < client.own.size() && client.own[client.own_seen] == std::pair{group, number};
    if (!expected)
        violate("self delivery", "client " + to_string(who) + " got its own message " +
                                     std::to_string(number) + " to " + group + " out of order, or twice");
    ++client.own_seen;
}

// --- the end

std::vector<GroupMember> Judge::members_in_truth(const std::string& group,
                                                 const std::vector<Member>& living) const {
    std::vector<GroupMember> members;
    for (const auto& [who, client] : clients_) {
        const auto wanted = client.wanted.find(group);
        const bool lives = !client.ended && std::find(living.begin(), living.end(), who.node) != living.end();
        if (lives && wanted != client.wanted.end() && wanted->second) members.push_back(who);
    }
    return members;
}

void Judge::finally(const std::vector<Member>& living) {
    for (const Member& who : living) {
        const Process& p = processes_[who];
        if (p.hash != processes_[living.front()].hash)
            violate("Y1", "node " + base::to_string(who.node) + " has another state than node " +
                              base::to_string(living.front().node) + " at the end");
        if (p.own_applied != p.commanded.size())
            violate("Y4", "a command of node " + base::to_string(who.node) + " was never applied");
    }
    for (const auto& [who, client] : clients_) {
        if (client.ended || std::find(living.begin(), living.end(), who.node) == living.end()) continue;
        if (client.own_seen != client.own.size())
            violate("self delivery", "client " + to_string(who) + " never got its own message " +
                                         std::to_string(client.own[client.own_seen].second) + " to " +
                                         client.own[client.own_seen].first);
        if (client.credited != client.sent || client.credited_bytes != client.sent_bytes)
            violate("credits", "client " + to_string(who) + " has not got back all it had used up");
        for (const auto& [group, wanted] : client.wanted) {
            const auto membership = client.groups.find(group);
            if (wanted != (membership != client.groups.end())) {
                violate("Y2", "client " + to_string(who) + (wanted ? " is still no" : " is still a") +
                                  " member of " + group);
                continue;
            }
            if (!wanted) continue;
            std::vector<GroupMember> members = membership->second.view.members;
            std::sort(members.begin(), members.end());
            if (members != members_in_truth(group, living))
                violate("Y2", "client " + to_string(who) + " ends with " + names(members) + " in " + group +
                                  ", but it is " + names(members_in_truth(group, living)));
        }
    }
}

}  // namespace sim::groups
