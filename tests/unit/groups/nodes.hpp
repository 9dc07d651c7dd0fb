// A few nodes with groups, and an order that a test makes by hand in place of Sync and ring.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "membership/groups/groups.hpp"
#include "membership/groups/message.hpp"

namespace groups_test {

using membership::ClientId;
using membership::CutOff;
using membership::GroupChange;
using membership::GroupMember;
using membership::GroupMessage;
using membership::GroupReason;
using membership::Groups;
using membership::GroupsConfig;
using membership::GroupView;
using membership::RingView;
using totem::Member;
using Texts = std::vector<std::string>;

inline base::Bytes bytes(const std::string& text) {
    return {text.begin(), text.end()};
}

inline std::string word(GroupReason why) {
    constexpr const char* kWords[] = {"join", "leave", "died", "cut off", "down", "up"};
    return kWords[static_cast<std::size_t>(why)];
}
// "2/7": client 7 of node 2
inline std::string name(const GroupMember& who) {
    return base::to_string(who.node.node) + "/" + std::to_string(who.client);
}
// "g: 1/1 2/7, left 3/1 (down), joined 2/7 (join)", "g: 1/1 says hello", "ring {1,2}"
inline std::string told(const membership::GroupEvent& event) {
    if (const auto* message = std::get_if<GroupMessage>(&event))
        return message->group + ": " + name(message->sender) + " says " +
               std::string(base::as_text(message->payload)) + (message->transitional ? ", transitional" : "");
    if (const auto* ring = std::get_if<RingView>(&event))
        return "ring " + base::to_string(ring->view.nodes());
    const auto& view = std::get<GroupView>(event);
    std::string text = view.group + ":";
    for (const GroupMember& member : view.members) text += " " + name(member);
    for (const GroupChange& c : view.left) text += ", left " + name(c.who) + " (" + word(c.why) + ")";
    for (const GroupChange& c : view.joined) text += ", joined " + name(c.who) + " (" + word(c.why) + ")";
    return text + (view.transitional ? ", transitional" : "");
}

struct Node {
    Node(Member member, GroupsConfig config) : who(member) {
        config.self = who;
        groups = std::make_unique<Groups>(config, tracer);
    }
    Member who;
    base::SilentTracer tracer;
    std::unique_ptr<Groups> groups;
    std::map<ClientId, Texts> got;
    std::map<ClientId, std::pair<std::size_t, std::size_t>> untaken;  // messages, bytes
    std::map<ClientId, std::pair<std::size_t, std::size_t>> credits;  // messages, bytes
    std::map<ClientId, std::string> cut;

    void drain() {
        groups->check_invariants();
        for (const membership::GroupEffect& effect : groups->drain()) {
            if (const auto* handout = std::get_if<membership::Handout>(&effect)) {
                got[handout->client].push_back(told(*handout->event));
                ++untaken[handout->client].first;
                untaken[handout->client].second += handout->cost;
            } else if (const auto* more = std::get_if<membership::Credits>(&effect)) {
                credits[more->client].first += more->messages;
                credits[more->client].second += more->bytes;
            } else {
                cut[std::get<CutOff>(effect).client] = std::get<CutOff>(effect).why;
            }
        }
    }
    // What the client was told since it was asked last; it takes it.
    Texts take(ClientId client) {
        const auto [messages, size] = std::exchange(untaken[client], {});
        groups->taken(client, messages, size);
        return std::exchange(got[client], {});
    }
};

class Nodes {
  public:
    explicit Nodes(std::uint32_t nodes, GroupsConfig config = {}) : config_(config) {
        for (std::uint32_t id = 1; id <= nodes; ++id) restart(id);
    }
    Node& operator[](std::uint32_t id) { return *nodes_.at(id); }
    Groups& groups(std::uint32_t id) { return *nodes_.at(id)->groups; }
    void restart(std::uint32_t id) {
        nodes_[id] = std::make_unique<Node>(Member{{id}, {id * 100 + starts_++}}, config_);
    }

    // These are one ring from now on; `together`: those of them that were one all the time.
    void view(const std::vector<std::uint32_t>& ids, const std::vector<std::vector<std::uint32_t>>& together,
              bool transitional = false) {
        membership::SyncedView synced;
        synced.view.ring = {++ring_seq_, {ids.front()}, 77};
        synced.place = {synced.view.ring, {++seq_}};
        synced.transitional = transitional;
        for (const std::uint32_t id : ids) {
            synced.view.members.push_back(nodes_.at(id)->who);
            synced.standings[nodes_.at(id)->who] = groups(id).standing();
        }
        ring_ = ids;
        for (const std::uint32_t id : ids) {
            synced.together = {nodes_.at(id)->who};
            for (const std::vector<std::uint32_t>& part : together) {
                if (std::find(part.begin(), part.end(), id) == part.end()) continue;
                synced.together.clear();
                for (const std::uint32_t other : part) synced.together.push_back(nodes_.at(other)->who);
            }
            groups(id).synchronised(synced);
            nodes_.at(id)->drain();
        }
    }
    // The next message of this node is ordered now.
    bool order(std::uint32_t from, bool transitional = false) {
        const std::optional<membership::Outgoing> message = groups(from).next();
        if (!message) return false;
        deliver(from, message->payload, transitional);
        return true;
    }
    void deliver(std::uint32_t from, const base::Bytes& payload, bool transitional = false) {
        const membership::Place place{{ring_seq_, {ring_.front()}, 77}, {++seq_}};
        for (const std::uint32_t id : ring_) {
            groups(id).deliver({nodes_.at(from)->who, place, transitional, payload});
            nodes_.at(id)->drain();
        }
    }
    void rest() {
        for (bool any = true; any;) {
            any = false;
            for (const std::uint32_t id : ring_) any = order(id) || any;
        }
    }

    // A client that is a member of "g" once this returns.
    void member(std::uint32_t node, ClientId client, const std::string& group = "g") {
        if (groups(node).clients().empty() || !knows(node, client))
            REQUIRE(groups(node).connect(client, 1000 + static_cast<std::uint32_t>(client), 0, false));
        REQUIRE(groups(node).join(client, group));
        rest();
    }
    void say(std::uint32_t node, ClientId client, const std::string& text, const std::string& group = "g") {
        REQUIRE(groups(node).multicast(client, group, base::as_bytes(text)));
    }

  private:
    bool knows(std::uint32_t node, ClientId client) {
        const auto all = groups(node).clients();
        return std::any_of(all.begin(), all.end(), [&](const auto& c) { return c.client == client; });
    }
    GroupsConfig config_;
    std::map<std::uint32_t, std::unique_ptr<Node>> nodes_;
    std::vector<std::uint32_t> ring_;
    std::uint64_t ring_seq_{0}, seq_{0}, starts_{0};
};

}  // namespace groups_test
