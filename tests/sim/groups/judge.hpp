// Judges what a run did by what its services and its clients were told: Y1 to Y4, and what docs/groups.md
// promises clients. Shares no code with what it judges: it knows what clients asked and died of, what rings
// the nodes were in, and what came out.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "membership/groups/groups.hpp"
#include "tests/sim/ring/world.hpp"

namespace sim::groups {

using membership::GroupMember;
using membership::GroupReason;
using membership::Place;

// A payload that says who sent it as its how manieth: at least 24 bytes.
[[nodiscard]] base::Bytes make_message(const GroupMember& sender, std::uint64_t number, std::size_t size);

class Judge {
  public:
    // Empty while everything is right; then the first violation, in words.
    [[nodiscard]] const std::string& violation() const { return violation_; }

    // --- rings, as each process saw them
    void started(const Member& who);
    void ended(const Member& who);
    void ring(const Member& who, const totem::Event& event);

    // Y1: a view begins; so many bytes of former transfers are left.
    void begins(const Member& who, std::size_t kept_bytes);
    // All hellos of its view are there: what its clients are handed next, until told(), comes of that.
    void synchronised(const Member& who);
    void told();
    // Messages that no member should have sent: all here are right ones.
    void ignores(const Member& who, std::uint64_t messages);
    // Of a newcomer: bytes of messages that it keeps until it has the state.
    void keeps(const Member& who, std::size_t bytes, std::size_t most);

    // --- the store
    void store_stands(const Member& who, std::uint64_t hash);
    void store_synchronised(const Member& who, const membership::SyncedView& view, std::uint64_t hash);
    void store_commanded(const Member& who, std::uint64_t command);
    void store_applied(const Member& who, const membership::Ordered& from, std::uint64_t command,
                       std::uint64_t hash);
    // From now on this process's store is wrong.
    void store_corrupted(const Member& who) { corrupted_.insert(who); }

    // --- clients
    void joins(const GroupMember& who, const std::string& group);
    void leaves(const GroupMember& who, const std::string& group);
    void sends(const GroupMember& who, const std::string& group, std::uint64_t number, std::size_t charge);
    void ends(const GroupMember& who, GroupReason why);
    void handed(const GroupMember& who, const membership::GroupEvent& event);
    void credited(const GroupMember& who, const membership::Credits& credits);
    // So much was handed to it that it has not taken.
    void holds_together(NodeId node, std::size_t bytes, const membership::GroupsConfig& config);
    void holds(const GroupMember& who, std::size_t messages, std::size_t bytes,
               const membership::GroupsConfig& config);

    // For the end of a run, when all faults have ended and all is delivered. `living`: the processes of the
    // one ring there is.
    void finally(const std::vector<Member>& living);

    std::uint64_t applied{0}, handouts{0}, views{0}, syncs{0}, transitional{0};

  private:
    using Part = std::pair<base::RingId, NodeId>;  // a ring, or whom we left it with: its lowest node
    using Messages = std::vector<std::pair<Place, std::uint64_t>>;  // place, hash
    struct Process {
        std::optional<totem::View> regular, companions;
        bool alive{true};
        // Members that it was with all the time since it was last synchronised, and since the time before.
        std::set<Member> with, with_before;
        std::optional<Part> left;  // the last ring, with whom
        // The same of the last ring in which it was synchronised: nothing happened since.
        std::optional<Part> past;
        bool synchronised{false};
        std::optional<std::uint64_t> hash;  // of the store
        bool store_current{false};
        std::vector<std::uint64_t> commanded;  // in order
        std::size_t own_applied{0};
    };
    struct Owed {  // a member that this client must be told to have left
        GroupMember client;
        std::string group;
        GroupMember apart;
    };
    struct Membership {  // of a client in a group
        membership::GroupView view;
        Messages since_view;
        std::map<GroupMember, std::uint64_t> numbers;  // last of each sender, while that is a member
    };
    struct Client {
        std::map<std::string, Membership> groups;
        std::map<std::string, bool> wanted;  // what it asked for last
        std::set<std::string> asked_to_leave;
        std::vector<std::pair<std::string, std::uint64_t>> own;  // its messages that it must get, in order
        std::size_t own_seen{0};
        std::optional<GroupReason> ended;
        Place last;
        std::size_t sent{0}, sent_bytes{0}, credited{0}, credited_bytes{0};
        std::optional<membership::Credits> first;
    };
    struct Passage {  // from one view of a group to the next
        GroupMember by;
        Messages messages;
        std::vector<membership::GroupChange> left;
    };

    void view(const GroupMember& who, Client& client, const membership::GroupView& view);
    void change_is_sound(const GroupMember& who, const membership::GroupView& before,
                         const membership::GroupView& view);
    void reasons_are_true(const GroupMember& who, const membership::GroupView& view);
    void passage(const GroupMember& who, const Membership& m, const membership::GroupView& next);
    void message(const GroupMember& who, Client& client, const membership::GroupMessage& message);
    void own_message(const GroupMember& who, Client& client, const std::string& group, std::uint64_t number);
    [[nodiscard]] Part part_of(const Member& who) const;
    void advance(const GroupMember& who, Client& client, const Place& place, bool may_be_equal);
    [[nodiscard]] std::vector<GroupMember> members_in_truth(const std::string& group,
                                                            const std::vector<Member>& living) const;
    void violate(const char* guarantee, const std::string& what);

    std::string violation_;
    std::map<Member, Process> processes_;
    std::set<Member> corrupted_;
    std::map<std::pair<Part, base::Seq>, std::uint64_t> hashes_;  // of the store after what was applied there
    std::map<base::RingId, std::uint64_t> synced_;                // at the last hello
    std::map<Part, std::uint64_t> ends_;
    std::map<GroupMember, Client> clients_;
    std::map<std::pair<std::string, std::pair<Place, Part>>, std::vector<GroupMember>> views_;
    std::map<Place, std::uint64_t> messages_;  // what stands at a place
    std::map<std::pair<std::string, std::pair<Place, std::pair<Place, Part>>>, std::vector<Passage>>
        passages_;
    std::set<std::pair<GroupMember, std::pair<std::string, std::uint64_t>>> from_members_;
    std::map<std::pair<Member, base::RingId>, std::optional<Part>> pasts_;  // of those who entered a ring
    std::vector<Owed> owed_;                                                // within a step
};

[[nodiscard]] std::string to_string(const GroupMember& who);

}  // namespace sim::groups
