// What local clients ask, what they get, and how much of both.
#include <algorithm>
#include <utility>

#include "membership/groups/impl.hpp"

namespace membership {

namespace {

constexpr std::size_t kOverhead = 64;  // bytes that anything costs beside its own
constexpr std::size_t kOfMember = 32;  // in a view
constexpr std::size_t kOfEvent = 512;  // of memory, beside what cost_of() counts

std::size_t cost_of(const GroupEvent& event) {
    if (const auto* message = std::get_if<GroupMessage>(&event))
        return kOverhead + message->group.size() + message->payload.size();
    if (const auto* view = std::get_if<GroupView>(&event)) {
        return kOverhead + view->group.size() +
               kOfMember * (view->members.size() + view->left.size() + view->joined.size());
    }
    return kOverhead + kOfMember * std::get<RingView>(event).view.members.size();
}

// What a client's queue holds; of an event that others wait for, too, its share.
std::size_t share_of(const std::deque<std::shared_ptr<groups::Kept>>& untaken) {
    std::size_t bytes = 0;
    for (const auto& kept : untaken) bytes += groups::kPlaceInQueue + kept->bytes / kept->waiting;
    return bytes;
}

std::string amount(std::size_t messages, std::size_t bytes) {
    return std::to_string(messages) + " messages, " + std::to_string(bytes) + " bytes";
}

base::Error refused(base::Errc code, const std::string& why) {
    return {code, why};
}

}  // namespace

std::size_t Groups::charge(std::size_t payload) {
    return kOverhead + payload;
}

base::Status Groups::connect(ClientId id, std::uint32_t pid, std::uint32_t uid, bool ring_views) {
    Impl& g = *impl_;
    ASSERT(g.clients.count(id) == 0);
    if (g.clients.size() >= g.config.max_clients) {
        return refused(base::Errc::unavailable,
                       "there are " + std::to_string(g.clients.size()) + " clients already");
    }
    const auto user = g.of_user.find(uid);
    const std::size_t of_user = user == g.of_user.end() ? 0 : user->second;
    if (of_user >= g.config.max_clients_of_user) {
        return refused(base::Errc::unavailable, "user " + std::to_string(uid) + " has " +
                                                    std::to_string(of_user) + " clients already");
    }
    ++g.of_user[uid];
    Impl::Client client;
    client.pid = pid;
    client.uid = uid;
    client.ring_views = ring_views;
    g.clients.emplace(id, std::move(client));
    g.effects.emplace_back(Credits{id, g.config.send_bytes, g.config.send_messages});
    if (ring_views && g.ring) g.hand_out(id, g.ring);
    return base::ok();
}

base::Result<Groups::Impl::Client*> Groups::Impl::may_ask(ClientId id, const std::string& group) {
    const auto found = clients.find(id);
    if (found == clients.end() || !found->second.open)
        return refused(base::Errc::not_found, "there is no client " + std::to_string(id));
    if (!groups::is_group_name(group)) {
        return refused(base::Errc::invalid,
                       "a group's name has 1 to " + std::to_string(kMaxGroupName) + " bytes");
    }
    if (found->second.sent_bytes >= config.send_bytes || found->second.sent >= config.send_messages)
        return refused(base::Errc::invalid, "the client sends without credit");
    return &found->second;
}

void Groups::Impl::ask(ClientId id, Client& client, const groups::Message& message, std::size_t cost,
                       totem::Guarantee guarantee) {
    client.sent_bytes += cost;
    ++client.sent;
    client.queue.push_back({groups::encode(message), guarantee});
    ready.insert(id);
}

base::Status Groups::join(ClientId id, const std::string& group) {
    Impl& g = *impl_;
    TRY(Impl::Client * client, g.may_ask(id, group));
    if (client->wanted.count(group) != 0)
        return refused(base::Errc::conflict, "is a member of '" + group + "' already");
    if (client->wanted.size() >= g.config.max_groups_of_client) {
        return refused(base::Errc::unavailable,
                       "is a member of " + std::to_string(client->wanted.size()) + " groups already");
    }
    if (g.joins >= g.config.max_joins)
        return refused(base::Errc::unavailable, "there are " + std::to_string(g.joins) + " joins already");
    ++g.joins;
    client->wanted.insert(group);
    client->gone_ordered = false;
    g.ask(id, *client, groups::Join{id, client->pid, group}, charge(0), totem::Guarantee::agreed);
    return base::ok();
}

base::Status Groups::leave(ClientId id, const std::string& group) {
    Impl& g = *impl_;
    TRY(Impl::Client * client, g.may_ask(id, group));
    if (client->wanted.erase(group) == 0)
        return refused(base::Errc::conflict, "is no member of '" + group + "'");
    g.ask(id, *client, groups::Leave{id, group}, charge(0), totem::Guarantee::agreed);
    return base::ok();
}

base::Status Groups::multicast(ClientId id, const std::string& group, base::ByteView payload,
                               totem::Guarantee guarantee) {
    TRY(Impl::Client * client, impl_->may_ask(id, group));
    if (payload.size() > kMaxGroupMessage) {
        return refused(base::Errc::invalid, "a message of " + std::to_string(payload.size()) +
                                                " bytes is too large; at most " +
                                                std::to_string(kMaxGroupMessage));
    }
    impl_->ask(id, *client, groups::Multicast{id, client->pid, group, payload}, charge(payload.size()),
               guarantee);
    return base::ok();
}

// In order behind what it has sent. It costs no credit: a client can always go.
void Groups::Impl::say_gone(ClientId id, Client& client, GroupReason why) {
    if (client.gone_ordered) return;
    client.queue.push_back({groups::encode(groups::Gone{id, why}), totem::Guarantee::agreed});
    ready.insert(id);
}

void Groups::Impl::close(ClientId id, Client& client) {
    client.open = false;
    while (!client.untaken.empty()) take_first(client);
    client.untaken_bytes = 0;
    if (--of_user.at(client.uid) == 0) of_user.erase(client.uid);
    // No more of what was not drained yet.
    std::erase_if(effects, [id](const GroupEffect& effect) {
        return std::visit([id](const auto& e) { return e.client == id; }, effect);
    });
}

void Groups::disconnect(ClientId id, bool said_goodbye) {
    const auto found = impl_->clients.find(id);
    if (found == impl_->clients.end() || !found->second.open) return;
    impl_->close(id, found->second);
    impl_->say_gone(id, found->second, said_goodbye ? GroupReason::leave : GroupReason::process_died);
    impl_->erase_if_done(id);
}

std::shared_ptr<groups::Kept> groups::keep(GroupEvent event) {
    const std::size_t bytes = kOfEvent + cost_of(event);
    return std::make_shared<Kept>(Kept{std::move(event), bytes});
}

void Groups::Impl::cut_off(ClientId id, Client& client, const std::string& why) {
    tracer.note(base::Level::warning,
                "client " + std::to_string(id) + " (pid " + std::to_string(client.pid) + ") " + why);
    close(id, client);
    effects.emplace_back(CutOff{id, why});
    say_gone(id, client, GroupReason::cut_off);
    erase_if_done(id);
}

// Who holds most goes first: its share is given free at once, what others wait for as well stays.
void Groups::Impl::keep_the_total() {
    while (kept_bytes > config.keep_total_bytes) {
        const auto most = std::max_element(clients.begin(), clients.end(), [](const auto& a, const auto& b) {
            return share_of(a.second.untaken) < share_of(b.second.untaken);
        });
        ASSERT(most != clients.end() && !most->second.untaken.empty());
        Client& client = most->second;
        cut_off(most->first, client,
                "cut off: the clients of this node together left more than " +
                    std::to_string(config.keep_total_bytes) + " bytes untaken, and this one the most: " +
                    amount(client.untaken.size(), client.untaken_bytes));
    }
}

void Groups::taken(ClientId id, std::size_t messages, std::size_t bytes) {
    const auto found = impl_->clients.find(id);
    if (found == impl_->clients.end() || !found->second.open) return;
    Impl::Client& client = found->second;
    ASSERT(messages <= client.untaken.size() && bytes <= client.untaken_bytes);
    for (; messages > 0; --messages) impl_->take_first(client);
    client.untaken_bytes -= bytes;
}

void Groups::Impl::take_first(Client& client) {
    groups::Kept& kept = *client.untaken.front();
    kept_bytes -= groups::kPlaceInQueue;
    if (--kept.waiting == 0) kept_bytes -= kept.bytes;
    client.untaken.pop_front();
}

void Groups::Impl::hand_out(ClientId id, const std::shared_ptr<groups::Kept>& kept) {
    const auto found = clients.find(id);
    if (found == clients.end() || !found->second.open) return;
    Client& client = found->second;
    const std::size_t cost = cost_of(kept->event);
    client.untaken_bytes += cost;
    client.untaken.push_back(kept);
    kept_bytes += groups::kPlaceInQueue;
    if (kept->waiting++ == 0) kept_bytes += kept->bytes;
    // One thing alone is never too much.
    if (client.untaken.size() > 1 &&
        (client.untaken.size() > config.keep_messages || client.untaken_bytes > config.keep_bytes)) {
        const std::string why =
            "cut off: " + amount(client.untaken.size(), client.untaken_bytes) + " were not taken";
        return cut_off(id, client, why);
    }
    effects.emplace_back(Handout{id, {kept, &kept->event}, cost});
    keep_the_total();
}

void Groups::Impl::give_back(ClientId id, std::size_t cost) {
    const auto found = clients.find(id);
    if (found == clients.end()) return;
    ASSERT(found->second.sent > 0 && found->second.sent_bytes >= cost);
    --found->second.sent;
    found->second.sent_bytes -= cost;
    if (!found->second.open) return;
    auto* last = effects.empty() ? nullptr : std::get_if<Credits>(&effects.back());
    if (last != nullptr && last->client == id) {
        last->bytes += cost;
        ++last->messages;
    } else {
        effects.emplace_back(Credits{id, cost, 1});
    }
}

void Groups::Impl::erase_if_done(ClientId id) {
    const auto found = clients.find(id);
    if (found == clients.end()) return;
    const Client& client = found->second;
    if (!client.open && client.queue.empty() && client.gone_ordered) clients.erase(found);
}

// Clients take turns, a message each.
std::optional<Outgoing> Groups::next() {
    Impl& g = *impl_;
    if (g.ready.empty()) return std::nullopt;
    auto turn = g.ready.upper_bound(g.last_served);
    if (turn == g.ready.end()) turn = g.ready.begin();
    const ClientId id = *turn;
    g.last_served = id;
    Impl::Client& client = g.clients.at(id);
    Outgoing message = std::move(client.queue.front());
    client.queue.pop_front();
    if (client.queue.empty()) g.ready.erase(turn);
    g.erase_if_done(id);
    return message;
}

std::vector<GroupEffect> Groups::drain() {
    return std::exchange(impl_->effects, {});
}

std::vector<ClientStatus> Groups::clients() const {
    std::vector<ClientStatus> out;
    for (const auto& [id, client] : impl_->clients) {
        out.push_back({id,
                       client.pid,
                       client.uid,
                       client.open,
                       {client.wanted.begin(), client.wanted.end()},
                       client.sent_bytes,
                       client.sent,
                       client.untaken_bytes,
                       client.untaken.size()});
    }
    return out;
}

std::size_t Groups::kept_bytes() const {
    return impl_->kept_bytes;
}

void Groups::check_invariants() const {
    const Impl& g = *impl_;
    ASSERT(g.kept_bytes <= g.config.keep_total_bytes);
    std::size_t kept_bytes = 0;
    std::map<const groups::Kept*, std::size_t> waiting;
    std::map<std::uint32_t, std::size_t> of_user;
    for (const auto& [id, client] : g.clients) {
        if (client.open) ++of_user[client.uid];
        ASSERT(client.open || !client.gone_ordered || !client.queue.empty());
        ASSERT((g.ready.count(id) != 0) == !client.queue.empty());
        ASSERT(client.untaken.size() <= std::max<std::size_t>(g.config.keep_messages, 1));
        for (const auto& kept : client.untaken) {
            kept_bytes += groups::kPlaceInQueue;
            if (waiting[kept.get()]++ == 0) kept_bytes += kept->bytes;
        }
        ASSERT(client.sent <= g.config.send_messages);
        ASSERT(client.queue.size() <= client.sent + 1);
    }
    ASSERT(of_user == g.of_user);
    ASSERT(kept_bytes == g.kept_bytes);
    for (const auto& [kept, count] : waiting) ASSERT(kept->waiting == count);
    std::size_t seated = 0;
    for (const auto& [group, seats] : g.table) {
        ASSERT(!seats.empty() && std::is_sorted(seats.begin(), seats.end()));
        for (const groups::Seat& seat : seats) seated += std::size_t{g.is_self(seat.who.node)};
    }
    ASSERT(seated <= g.joins);
}

}  // namespace membership
