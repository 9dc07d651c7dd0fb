// The inside of Groups, shared by its files: groups.cpp (what ordered messages and views do), clients.cpp
// (what local clients ask, get and may).
#pragma once

#include <deque>

#include "membership/groups/message.hpp"

namespace membership {

namespace groups {

// An event, and how many clients have not taken it.
struct Kept {
    GroupEvent event;
    std::size_t bytes{0};  // of memory, about
    std::size_t waiting{0};
};
[[nodiscard]] std::shared_ptr<Kept> keep(GroupEvent event);

// Of memory that a client's queue takes for each event, here and in the server, about.
inline constexpr std::size_t kPlaceInQueue = 96;

}  // namespace groups

struct Groups::Impl {
    Impl(const GroupsConfig& given, base::Tracer& trace) : config(given), tracer(trace) {}

    const GroupsConfig config;
    base::Tracer& tracer;

    // --- the table: the same at all members of a synchronised view
    groups::Table table;
    std::shared_ptr<groups::Kept> ring;  // the last synchronised view (RingView)

    // --- local clients
    struct Client {
        std::uint32_t pid{0}, uid{0};
        bool ring_views{false};
        bool open{true};               // else it has ended, and what it asked is still on its way
        bool gone_ordered{true};       // a Gone of it is not needed, or was delivered
        std::set<std::string> wanted;  // groups that it has joined or is about to
        std::deque<Outgoing> queue;    // asked, and not yet taken by next()
        std::size_t sent_bytes{0}, sent{0};
        std::size_t untaken_bytes{0};
        std::deque<std::shared_ptr<groups::Kept>> untaken;
    };
    std::map<ClientId, Client> clients;
    std::map<std::uint32_t, std::size_t> of_user;  // how many open ones
    std::set<ClientId> ready;                      // those with a queue
    ClientId last_served{0};
    std::size_t joins{0};  // that no delivered leave has undone
    std::vector<GroupEffect> effects;
    std::size_t kept_bytes{0};  // untaken by anybody

    // groups.cpp
    struct Where {
        Place place;
        bool transitional{false};
    };
    void join(const Ordered& from, const groups::Join& message);
    void leave(const Ordered& from, const groups::Leave& message);
    void gone(const Ordered& from, const groups::Gone& message);
    void multicast(const Ordered& from, const groups::Multicast& message);
    // Takes the member out of the group; nothing: it is not in there.
    [[nodiscard]] std::optional<GroupMember> remove(const std::string& group, const totem::Member& node,
                                                    ClientId client);
    // Tells the group's local members of its new view, and `besides`, who may have left it.
    void announce(const std::string& group, const Where& where, std::vector<GroupChange> left,
                  std::vector<GroupChange> joined, std::optional<ClientId> besides);
    void replace_table(const SyncedView& view);
    [[nodiscard]] bool is_self(const totem::Member& who) const { return who == config.self; }

    // clients.cpp
    [[nodiscard]] base::Result<Client*> may_ask(ClientId id, const std::string& group);
    void ask(ClientId id, Client& client, const groups::Message& message, std::size_t cost,
             totem::Guarantee guarantee);
    void say_gone(ClientId id, Client& client, GroupReason why);
    void close(ClientId id, Client& client);
    void give_back(ClientId id, std::size_t cost);
    void hand_out(ClientId id, const std::shared_ptr<groups::Kept>& kept);
    void take_first(Client& client);
    void cut_off(ClientId id, Client& client, const std::string& why);
    void keep_the_total();
    void erase_if_done(ClientId id);
};

}  // namespace membership
