// One process of the simulated cluster: Sync with a store and groups on it, its local clients, and the way
// between Sync and the ring of the world. Tells the judge everything.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>

#include "membership/groups/groups.hpp"
#include "membership/sync/sync.hpp"
#include "tests/sim/groups/judge.hpp"
#include "tests/sim/groups/store.hpp"
#include "tests/sim/ring/world.hpp"

namespace sim::groups {

// A program at its end of the connection.
struct Client {
    enum class Reading : std::uint8_t { at_once, later, never };
    GroupMember who;
    Reading reading{Reading::at_once};
    std::set<std::string> wanted;
    std::map<std::string, std::uint64_t> numbers;  // of its last message to each group
    std::int64_t bytes{0}, messages{0};            // credits that it has left
    std::size_t untaken{0}, untaken_bytes{0};
};

struct SiteOptions {
    membership::SyncConfig sync;      // self is set here
    membership::GroupsConfig groups;  // self is set here
};

class Site {
  public:
    Site(World& world, Judge& judge, const Member& who, SiteOptions options);
    Site(const Site&) = delete;
    Site& operator=(const Site&) = delete;
    ~Site() = default;

    [[nodiscard]] const Member& who() const { return who_; }
    void ring_event(const totem::Event& event);
    // Hands to the ring what it takes, and to clients what is theirs. True: something is left that the ring
    // does not take now.
    bool pump();

    // Clients: null, if there are too many; may_send: has credit.
    Client* connect(std::uint32_t uid, Client::Reading reading);
    [[nodiscard]] static bool may_send(const Client& client);
    void join(Client& client, const std::string& group);
    void leave(Client& client, const std::string& group);
    void send(Client& client, const std::string& group, std::size_t size, totem::Guarantee guarantee);
    void end(Client& client, bool said_goodbye);
    // It takes what it was handed.
    void take(Client& client);
    [[nodiscard]] std::map<membership::ClientId, Client>& clients() { return clients_; }

    void write(std::uint64_t command, std::uint32_t page, std::uint32_t padding);
    void grow(std::uint64_t command, std::uint32_t pages);
    [[nodiscard]] Store& store() { return store_; }
    [[nodiscard]] membership::Sync& sync() { return sync_; }
    [[nodiscard]] const membership::Groups& groups() const { return groups_; }
    [[nodiscard]] membership::ServiceStatus::Phase phase(membership::ServiceId service) const;
    [[nodiscard]] std::size_t kept_bytes() const;
    // Everything that was asked of it is done.
    [[nodiscard]] bool at_rest() const;

    std::uint64_t cut_offs{0}, installed{0}, aborted{0};
    std::vector<membership::Diverged> diverged;
    // Told of each message that a client is handed.
    std::function<void(const GroupMember& who, const membership::GroupMessage& message)> on_message;

  private:
    class Notes final : public base::Tracer {
      public:
        void note(base::Level /*level*/, const std::string& /*text*/) override {}
    };
    Store::Told told();
    void give_effects();

    World& world_;
    Judge& judge_;
    Member who_;
    SiteOptions options_;
    Notes notes_;
    Store store_;
    membership::Groups groups_;
    membership::Sync sync_;
    std::map<membership::ClientId, Client> clients_;
    membership::ClientId last_client_{0};
};

}  // namespace sim::groups
