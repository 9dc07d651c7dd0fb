#include "tests/sim/groups/site.hpp"

#include <utility>

#include "totem/base/check.hpp"

namespace sim::groups {

namespace {

constexpr std::size_t kMostOfMessage = 1000;  // bytes of a command of the store, with headers

membership::SyncConfig with_self(membership::SyncConfig config, const Member& who) {
    config.self = who;
    return config;
}
membership::GroupsConfig with_self(membership::GroupsConfig config, const Member& who) {
    config.self = who;
    return config;
}

}  // namespace

Site::Site(World& world, Judge& judge, const Member& who, SiteOptions options)
    : world_(world),
      judge_(judge),
      who_(who),
      options_(options),
      store_(told()),
      groups_(with_self(options.groups, who), notes_),
      sync_(with_self(options.sync, who), notes_) {
    sync_.add(kStoreId, store_);
    sync_.add(kGroupsId, groups_);
}

Store::Told Site::told() {
    return {[this](std::uint64_t hash) { judge_.store_stands(who_, hash); },
            [this](const membership::SyncedView& view, std::uint64_t hash) {
                judge_.store_synchronised(who_, view, hash);
            },
            [this](const membership::Ordered& from, std::uint64_t command, std::uint64_t hash) {
                judge_.store_applied(who_, from, command, hash);
            }};
}

membership::ServiceStatus::Phase Site::phase(membership::ServiceId service) const {
    for (const membership::ServiceStatus& s : sync_.status().services) {
        if (s.service == service) return s.phase;
    }
    return {};
}

std::size_t Site::kept_bytes() const {
    std::size_t bytes = 0;
    for (const membership::ServiceStatus& s : sync_.status().services) bytes += s.kept_bytes;
    return bytes;
}

void Site::ring_event(const totem::Event& event) {
    const bool was_synchronised = sync_.status().synchronised;
    const bool was_needy = phase(kStoreId) == membership::ServiceStatus::Phase::needy;
    judge_.ring(who_, event);
    sync_.ring_event(event);
    if (was_needy && phase(kStoreId) == membership::ServiceStatus::Phase::current) ++installed;
    if (was_needy && std::holds_alternative<totem::Regular>(event)) ++aborted;
    if (std::holds_alternative<totem::Regular>(event)) judge_.begins(who_, kept_bytes());
    if (!was_synchronised && sync_.status().synchronised) judge_.synchronised(who_);
    judge_.ignores(who_, sync_.status().ignored);
    sync_.check_invariants();
    groups_.check_invariants();
    give_effects();
    judge_.told();
    for (const membership::ServiceStatus& s : sync_.status().services) {
        if (s.phase != membership::ServiceStatus::Phase::needy) continue;
        const membership::SyncConfig& config = options_.sync;
        const std::size_t in_flight = world_.roster().size() * (config.window + kMostOfMessage);
        // Their payloads; each has a header of two bytes and counts as 64 at least.
        const std::size_t most = config.lead + s.received + in_flight;
        judge_.keeps(who_, s.kept_bytes - s.received, most + most / 32);
    }
}

bool Site::pump() {
    sync_.pump();
    while (std::optional<membership::SyncMessage> message = sync_.next()) {
        if (world_.submit(who_.node, message->payload, message->guarantee) != totem::Submit::accepted) {
            sync_.put_back(*std::move(message));
            return true;
        }
    }
    return false;
}

void Site::give_effects() {
    for (membership::SyncEffect& effect : sync_.drain()) {
        if (auto* d = std::get_if<membership::Diverged>(&effect)) diverged.push_back(std::move(*d));
    }
    judge_.holds_together(who_.node, groups_.kept_bytes(), options_.groups);
    for (const membership::GroupEffect& effect : groups_.drain()) {
        if (const auto* handout = std::get_if<membership::Handout>(&effect)) {
            Client& client = clients_.at(handout->client);
            judge_.handed(client.who, *handout->event);
            if (const auto* m = std::get_if<membership::GroupMessage>(&*handout->event); m && on_message)
                on_message(client.who, *m);
            ++client.untaken;
            client.untaken_bytes += handout->cost;
            judge_.holds(client.who, client.untaken, client.untaken_bytes, options_.groups);
            if (client.reading == Client::Reading::at_once) take(client);
        } else if (const auto* credits = std::get_if<membership::Credits>(&effect)) {
            Client& client = clients_.at(credits->client);
            client.bytes += static_cast<std::int64_t>(credits->bytes);
            client.messages += static_cast<std::int64_t>(credits->messages);
            judge_.credited(client.who, *credits);
        } else {
            const auto& cut = std::get<membership::CutOff>(effect);
            ++cut_offs;
            const auto client = clients_.find(cut.client);
            judge_.ends(client->second.who, GroupReason::cut_off);
            clients_.erase(client);
        }
    }
}

Client* Site::connect(std::uint32_t uid, Client::Reading reading) {
    const membership::ClientId id = ++last_client_;
    const auto pid = static_cast<std::uint32_t>(1000 + id);
    if (!groups_.connect(id, pid, uid, uid % 2 == 0)) return nullptr;
    Client client;
    client.who = {who_, id, pid};
    client.reading = reading;
    const auto at = clients_.emplace(id, std::move(client)).first;
    give_effects();
    return &at->second;
}

bool Site::may_send(const Client& client) {
    return client.bytes > 0 && client.messages > 0;
}

void Site::join(Client& client, const std::string& group) {
    if (!may_send(client) || !groups_.join(client.who.client, group)) return;
    client.wanted.insert(group);
    client.bytes -= static_cast<std::int64_t>(membership::Groups::charge(0));
    --client.messages;
    judge_.joins(client.who, group);
}

void Site::leave(Client& client, const std::string& group) {
    if (!may_send(client)) return;
    const bool left{groups_.leave(client.who.client, group)};
    ASSERT(left);
    client.wanted.erase(group);
    client.bytes -= static_cast<std::int64_t>(membership::Groups::charge(0));
    --client.messages;
    judge_.leaves(client.who, group);
}

void Site::send(Client& client, const std::string& group, std::size_t size, totem::Guarantee guarantee) {
    if (!may_send(client)) return;
    const std::uint64_t number = ++client.numbers[group];
    const base::Bytes payload = make_message(client.who, number, size);
    const std::size_t charge = membership::Groups::charge(payload.size());
    const bool sent{groups_.multicast(client.who.client, group, payload, guarantee)};
    ASSERT(sent);  // who has credit is never told to try again
    client.bytes -= static_cast<std::int64_t>(charge);
    --client.messages;
    judge_.sends(client.who, group, number, charge);
}

void Site::end(Client& client, bool said_goodbye) {
    const membership::ClientId id = client.who.client;
    judge_.ends(client.who, said_goodbye ? GroupReason::leave : GroupReason::process_died);
    clients_.erase(id);
    groups_.disconnect(id, said_goodbye);
}

void Site::take(Client& client) {
    groups_.taken(client.who.client, client.untaken, client.untaken_bytes);
    client.untaken = client.untaken_bytes = 0;
}

void Site::write(std::uint64_t command, std::uint32_t page, std::uint32_t padding) {
    judge_.store_commanded(who_, command);
    store_.write(command, page, padding);
}

void Site::grow(std::uint64_t command, std::uint32_t pages) {
    judge_.store_commanded(who_, command);
    store_.grow(command, pages);
}

bool Site::at_rest() const {
    for (const membership::ServiceStatus& s : sync_.status().services) {
        if (s.phase != membership::ServiceStatus::Phase::current || s.in_flight > 0 || s.transfer)
            return false;
    }
    for (const membership::ClientStatus& c : groups_.clients()) {
        if (c.sent > 0 || !c.open) return false;
    }
    return store_.queued() == 0;
}

}  // namespace sim::groups
