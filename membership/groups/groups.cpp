// What ordered messages and views do to the table, and whom it concerns.
#include "membership/groups/groups.hpp"

#include <algorithm>
#include <utility>

#include "membership/groups/impl.hpp"

namespace membership {

using groups::Seat;
using groups::Table;

namespace {

std::vector<GroupMember> members_of(const std::vector<Seat>& seats) {
    std::vector<GroupMember> members;
    members.reserve(seats.size());
    for (const Seat& seat : seats) members.push_back(seat.who);
    return members;
}

bool contains(const std::vector<totem::Member>& members, const totem::Member& who) {
    return std::find(members.begin(), members.end(), who) != members.end();
}

// Who of `seats` is on a node that is none of `nodes`.
std::vector<GroupChange> elsewhere(const std::vector<Seat>& seats, const std::vector<totem::Member>& nodes,
                                   GroupReason why) {
    std::vector<GroupChange> changes;
    for (const Seat& seat : seats) {
        if (!contains(nodes, seat.who.node)) changes.push_back({seat.who, why});
    }
    return changes;
}

}  // namespace

std::optional<GroupMember> Groups::Impl::remove(const std::string& group, const totem::Member& node,
                                                ClientId client) {
    const auto found = table.find(group);
    if (found == table.end()) return std::nullopt;
    std::vector<Seat>& seats = found->second;
    const auto seat = std::find_if(seats.begin(), seats.end(), [&](const Seat& s) {
        return s.who.node == node && s.who.client == client;
    });
    if (seat == seats.end()) return std::nullopt;
    const GroupMember who = seat->who;
    seats.erase(seat);
    if (seats.empty()) table.erase(found);
    if (is_self(node)) --joins;
    return who;
}

void Groups::Impl::announce(const std::string& group, const Where& where, std::vector<GroupChange> left,
                            std::vector<GroupChange> joined, std::optional<ClientId> besides) {
    const auto found = table.find(group);
    const std::vector<Seat> none;
    const std::vector<Seat>& seats = found == table.end() ? none : found->second;
    const auto event = groups::keep(GroupView{group, where.place, where.transitional, members_of(seats),
                                              std::move(left), std::move(joined)});
    for (const Seat& seat : seats) {
        if (is_self(seat.who.node)) hand_out(seat.who.client, event);
    }
    if (besides) hand_out(*besides, event);
}

void Groups::Impl::join(const Ordered& from, const groups::Join& message) {
    const Seat seat{{from.place.ring.seq, from.place.ring.representative, from.place.seq.value},
                    {from.sender, message.client, message.pid}};
    std::vector<Seat>& seats = table[message.group];
    const bool there = std::any_of(seats.begin(), seats.end(), [&](const Seat& s) {
        return s.who.node == seat.who.node && s.who.client == seat.who.client;
    });
    if (there) return;
    seats.insert(std::upper_bound(seats.begin(), seats.end(), seat), seat);
    announce(message.group, {from.place, from.transitional}, {}, {{seat.who, GroupReason::join}},
             std::nullopt);
}

void Groups::Impl::leave(const Ordered& from, const groups::Leave& message) {
    const std::optional<GroupMember> who = remove(message.group, from.sender, message.client);
    if (!who) return;
    announce(message.group, {from.place, from.transitional}, {{*who, GroupReason::leave}}, {},
             is_self(from.sender) ? std::optional(message.client) : std::nullopt);
}

void Groups::Impl::gone(const Ordered& from, const groups::Gone& message) {
    std::vector<std::string> names;
    for (const auto& [name, seats] : table) names.push_back(name);
    for (const std::string& name : names) {
        if (const auto who = remove(name, from.sender, message.client))
            announce(name, {from.place, from.transitional}, {{*who, message.why}}, {}, std::nullopt);
    }
    if (!is_self(from.sender)) return;
    if (const auto client = clients.find(message.client); client != clients.end())
        client->second.gone_ordered = true;
    erase_if_done(message.client);
}

void Groups::Impl::multicast(const Ordered& from, const groups::Multicast& message) {
    const auto found = table.find(message.group);
    if (found == table.end()) return;
    std::shared_ptr<groups::Kept> event;
    for (const Seat& seat : found->second) {
        if (!is_self(seat.who.node)) continue;
        if (!event) {
            event = groups::keep(GroupMessage{message.group,
                                              {from.sender, message.client, message.pid},
                                              from.place,
                                              from.transitional,
                                              {message.payload.begin(), message.payload.end()}});
        }
        hand_out(seat.who.client, event);
    }
}

// Each node's word counts for its own clients. Members that came along with us have delivered what we have:
// nothing happens to theirs here. Of all others we know nothing since we saw them last: they left, and who is
// here now has come.
void Groups::Impl::replace_table(const SyncedView& view) {
    Table next;
    for (const auto& [node, standing] : view.standings) {
        const std::optional<Table> theirs = groups::decode_table(standing.payload, node);
        if (!theirs) {
            tracer.note(base::Level::warning,
                        "the groups of node " + base::to_string(node.node) + " can't be read");
            continue;
        }
        for (const auto& [group, seats] : *theirs) {
            std::vector<Seat>& all = next[group];
            all.insert(all.end(), seats.begin(), seats.end());
        }
    }
    for (auto& [group, seats] : next) std::sort(seats.begin(), seats.end());
    const Table before = std::exchange(table, std::move(next));
    for (const auto& [group, seats] : table) {
        const auto old = before.find(group);
        std::vector<GroupChange> left;
        if (old != before.end()) left = elsewhere(old->second, view.together, GroupReason::node_down);
        std::vector<GroupChange> joined = elsewhere(seats, view.together, GroupReason::node_up);
        if (!left.empty() || !joined.empty()) {
            announce(group, {view.place, view.transitional}, std::move(left), std::move(joined),
                     std::nullopt);
        }
    }
}

Groups::Groups(const GroupsConfig& config, base::Tracer& tracer)
    : impl_(std::make_unique<Impl>(config, tracer)) {}

Groups::~Groups() = default;

Standing Groups::standing() const {
    return {groups::encode_table(impl_->table, impl_->config.self), digest()};
}

Digest Groups::digest() const {
    return digest_of(groups::encode_table(impl_->table, std::nullopt));
}

// Nobody's: the hellos hold the whole table.
std::optional<totem::Member> Groups::authority(const Standings& /*standings*/) const {
    return std::nullopt;
}
std::unique_ptr<Snapshot> Groups::snapshot() const {
    return std::make_unique<BytesSnapshot>(base::Bytes{});
}
base::Status Groups::install(base::ByteView /*snapshot*/) {
    return base::Error{base::Errc::internal, "groups take over no state"};
}

void Groups::synchronised(const SyncedView& view) {
    impl_->replace_table(view);
    impl_->ring = groups::keep(RingView{view.view, view.place});
    std::vector<ClientId> interested;
    for (const auto& [id, client] : impl_->clients) {
        if (client.ring_views) interested.push_back(id);
    }
    for (const ClientId id : interested) impl_->hand_out(id, impl_->ring);
}

void Groups::deliver(const Ordered& from) {
    const std::optional<groups::Message> message = groups::decode(from.payload);
    if (!message) {
        impl_->tracer.note(base::Level::warning, "a message of node " + base::to_string(from.sender.node) +
                                                     " to a group can't be read");
        return;
    }
    const auto give_back = [&](ClientId client, std::size_t payload) {
        if (impl_->is_self(from.sender)) impl_->give_back(client, charge(payload));
    };
    if (const auto* multicast = std::get_if<groups::Multicast>(&*message)) {
        impl_->multicast(from, *multicast);
        give_back(multicast->client, multicast->payload.size());
    } else if (const auto* join = std::get_if<groups::Join>(&*message)) {
        impl_->join(from, *join);
        give_back(join->client, 0);
    } else if (const auto* leave = std::get_if<groups::Leave>(&*message)) {
        impl_->leave(from, *leave);
        give_back(leave->client, 0);
    } else {
        impl_->gone(from, std::get<groups::Gone>(*message));
    }
}

std::vector<std::string> Groups::groups() const {
    std::vector<std::string> names;
    for (const auto& [name, seats] : impl_->table) names.push_back(name);
    return names;
}

std::vector<GroupMember> Groups::members(const std::string& group) const {
    const auto found = impl_->table.find(group);
    return found == impl_->table.end() ? std::vector<GroupMember>{} : members_of(found->second);
}

}  // namespace membership
