// Process groups for other programs, as a service of Sync: a table group -> members that is the same at all
// nodes, ordered multicasts, and views with reasons. A value that is stepped: clients' requests and ordered
// messages in, effects for the local clients out.
//
// What a client can rely on is in docs/groups.md: it sees itself from its own join to its own leave; each
// message of each sender once, all messages and views in one order; a message in the view in which it was
// sent; its own messages, too. It never has to try again: it has credits, or it waits for them. A client that
// does not take what it is given is cut off; nobody else notices but by the view that says so.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "membership/sync/service.hpp"
#include "totem/base/trace.hpp"

namespace membership {

constexpr std::size_t kMaxGroupName = 128;           // bytes, at least 1; any bytes
constexpr std::size_t kMaxGroupMessage = 4'193'280;  // bytes of a multicast: 4 MiB less 1 KiB

// A connection of a local program; never used again in the life of the node's process.
using ClientId = std::uint64_t;

struct GroupMember {
    totem::Member node;
    ClientId client{0};
    std::uint32_t pid{0};
    auto operator<=>(const GroupMember&) const = default;
};

enum class GroupReason : std::uint8_t {
    join,          // asked to
    leave,         // asked to, or said goodbye
    process_died,  // its connection ended without a goodbye
    cut_off,       // did not take what it was given
    node_down,     // its node is not in our ring any more, or was elsewhere meanwhile
    node_up        // came with a node that was not with us
};
struct GroupChange {
    GroupMember who;
    GroupReason why{GroupReason::join};
    bool operator==(const GroupChange&) const = default;
};

// The members of a group from a place in the order on.
struct GroupView {
    std::string group;
    Place place;  // names the view: the same at all members that come along if the ring breaks up
    bool transitional{false};          // it does: others that were its members may not see this view
    std::vector<GroupMember> members;  // in the order of their joins; the same at all members
    // Since the receiver's last view of the group. Who was apart from us meanwhile is in both.
    std::vector<GroupChange> left, joined;
};
struct GroupMessage {
    std::string group;
    GroupMember sender;
    Place place;
    bool transitional{false};  // the ring breaks up: others that were its members may not get it
    base::Bytes payload;
};
// The ring's view from a place on: for clients that want to know.
struct RingView {
    totem::View view;
    Place place;
};
using GroupEvent = std::variant<GroupView, GroupMessage, RingView>;

// For a client, in order. When the client has it, say so: taken().
struct Handout {
    ClientId client{0};
    std::shared_ptr<const GroupEvent> event;
    std::size_t cost{0};  // bytes, as the client's bound counts them
};
// The client may send so much more. It starts with nothing.
struct Credits {
    ClientId client{0};
    std::size_t bytes{0};
    std::size_t messages{0};
};
// The client gets nothing any more, and what it asks is refused: close its connection.
struct CutOff {
    ClientId client{0};
    std::string why;
};
using GroupEffect = std::variant<Handout, Credits, CutOff>;

struct GroupsConfig {
    totem::Member self;
    std::size_t max_clients{512};
    std::size_t max_clients_of_user{256};
    std::size_t max_groups_of_client{64};
    std::size_t max_joins{4096};  // of all local clients together
    // A client may send while it has used up neither: the last message may exceed the bytes.
    std::size_t send_bytes{1u << 20};
    std::size_t send_messages{256};
    // What a client may leave untaken; beyond it is cut off.
    std::size_t keep_bytes{16u << 20};
    std::size_t keep_messages{16'384};
    // What all local clients may leave untaken, each event counted once however many of them wait for it;
    // beyond, those that hold most of it are cut off.
    std::size_t keep_total_bytes{256u << 20};
};

// For status and for tests.
struct ClientStatus {
    ClientId client{0};
    std::uint32_t pid{0}, uid{0};
    bool open{false};
    std::vector<std::string> groups;     // joined or joining
    std::size_t sent_bytes{0}, sent{0};  // requests on their way: credits that are used up
    std::size_t untaken_bytes{0}, untaken{0};
};

class Groups final : public Service {
  public:
    // The tracer is borrowed.
    Groups(const GroupsConfig& config, base::Tracer& tracer);
    Groups(const Groups&) = delete;
    Groups& operator=(const Groups&) = delete;
    ~Groups() override;

    // Inputs of local clients. Each request is charged one message and the bytes of charge(). Errors:
    // not_found (no such client, or cut off), invalid (name, size, no credit: the client breaks the rules),
    // conflict (is a member already, is none), unavailable (quota). Call Sync::pump() afterwards.
    // `ring_views`: it gets the ring's views, too, the present one at once.
    [[nodiscard]] base::Status connect(ClientId client, std::uint32_t pid, std::uint32_t uid,
                                       bool ring_views);
    [[nodiscard]] base::Status join(ClientId client, const std::string& group);
    [[nodiscard]] base::Status leave(ClientId client, const std::string& group);
    // The sender need not be a member.
    [[nodiscard]] base::Status multicast(ClientId client, const std::string& group, base::ByteView payload,
                                         totem::Guarantee guarantee = totem::Guarantee::agreed);
    // The connection has ended. What the client sent before is sent.
    void disconnect(ClientId client, bool said_goodbye);
    // The client has got so much of its handouts.
    void taken(ClientId client, std::size_t messages, std::size_t bytes);

    // What a request is charged: of a multicast with so many bytes, or 0 of another request.
    [[nodiscard]] static std::size_t charge(std::size_t payload);

    // Outputs.
    [[nodiscard]] std::vector<GroupEffect> drain();
    [[nodiscard]] std::vector<std::string> groups() const;
    [[nodiscard]] std::vector<GroupMember> members(const std::string& group) const;
    [[nodiscard]] std::vector<ClientStatus> clients() const;
    // What all clients left untaken, as keep_total_bytes counts it.
    [[nodiscard]] std::size_t kept_bytes() const;
    void check_invariants() const;

    // Service.
    [[nodiscard]] Standing standing() const override;
    [[nodiscard]] Digest digest() const override;
    [[nodiscard]] std::optional<totem::Member> authority(const Standings& standings) const override;
    [[nodiscard]] std::unique_ptr<Snapshot> snapshot() const override;
    [[nodiscard]] base::Status install(base::ByteView snapshot) override;
    void synchronised(const SyncedView& view) override;
    void deliver(const Ordered& message) override;
    [[nodiscard]] std::optional<Outgoing> next() override;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace membership
