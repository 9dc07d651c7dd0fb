// A few nodes with one service each, and an order that a test makes by hand in place of a ring.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "membership/sync/message.hpp"
#include "membership/sync/sync.hpp"

namespace sync_test {

using base::NodeId;
using membership::Outgoing;
using membership::ServiceStatus;
using membership::Sync;
using totem::Member;
using Phase = membership::ServiceStatus::Phase;

inline base::Bytes bytes(const std::string& text) {
    return {text.begin(), text.end()};
}
inline std::string text(base::ByteView view) {
    return std::string(base::as_text(view));
}

// The state is a text, to which messages append; whose is longest counts, then the lowest node's.
class Appending final : public membership::Service {
  public:
    std::string state;
    std::deque<Outgoing> queue;
    std::optional<base::Error> install_error;
    bool installs_wrongly{false};
    bool transfers{true};
    std::optional<std::size_t> claimed_size;  // of a snapshot
    std::vector<std::string> log;             // "synchronised", "ended", "installed"
    std::vector<Member> together;
    base::RingId synchronised_in;

    void say(const std::string& what, bool this_view_only = false) {
        queue.push_back({bytes(what), totem::Guarantee::agreed, this_view_only});
    }

    [[nodiscard]] membership::Standing standing() const override { return {bytes(state), digest()}; }
    [[nodiscard]] membership::Digest digest() const override {
        return membership::digest_of(base::as_bytes(state));
    }
    [[nodiscard]] std::optional<Member> authority(const membership::Standings& standings) const override {
        if (!transfers) return std::nullopt;
        auto best = standings.begin();
        for (auto at = standings.begin(); at != standings.end(); ++at) {
            if (at->second.payload.size() > best->second.payload.size()) best = at;
        }
        return best->first;
    }
    [[nodiscard]] std::unique_ptr<membership::Snapshot> snapshot() const override {
        if (claimed_size) return std::make_unique<Claims>(*claimed_size);
        return std::make_unique<membership::BytesSnapshot>(bytes(state));
    }
    [[nodiscard]] base::Status install(base::ByteView snapshot) override {
        if (install_error) return *install_error;
        state = text(snapshot) + (installs_wrongly ? "?" : "");
        log.emplace_back("installed");
        return base::ok();
    }
    void desynchronised() override { log.emplace_back("ended"); }
    void synchronised(const membership::SyncedView& view) override {
        log.emplace_back("synchronised");
        together = view.together;
        synchronised_in = view.place.ring;
    }
    void deliver(const membership::Ordered& message) override { state += text(message.payload); }
    [[nodiscard]] std::optional<Outgoing> next() override {
        if (queue.empty()) return std::nullopt;
        Outgoing out = std::move(queue.front());
        queue.pop_front();
        return out;
    }

  private:
    class Claims final : public membership::Snapshot {
      public:
        explicit Claims(std::size_t size) : size_(size) {}
        [[nodiscard]] std::size_t size() const override { return size_; }
        [[nodiscard]] base::Bytes read(std::size_t /*offset*/, std::size_t length) const override {
            return base::Bytes(length);
        }

      private:
        std::size_t size_;
    };
};

constexpr membership::ServiceId kService = 5;

struct Node {
    Node(std::uint32_t id, membership::SyncConfig config, bool with_service = true) : who{{id}, {id * 100}} {
        config.self = who;
        sync = std::make_unique<Sync>(config, tracer);
        if (with_service) sync->add(kService, service);
    }
    [[nodiscard]] ServiceStatus status() const { return sync->status().services.at(0); }
    [[nodiscard]] Phase phase() const { return status().phase; }

    Member who;
    base::SilentTracer tracer;
    Appending service;
    std::unique_ptr<Sync> sync;
    std::optional<totem::View> view;
    std::vector<membership::SyncEffect> effects;
};

class Cluster {
  public:
    explicit Cluster(std::uint32_t nodes, membership::SyncConfig config = {}) : config_(config) {
        for (std::uint32_t id = 1; id <= nodes; ++id) restart(id);
    }
    Node& operator[](std::uint32_t id) { return *nodes_.at(id); }
    // A new process, without a state.
    void restart(std::uint32_t id, bool with_service = true) {
        nodes_[id] = std::make_unique<Node>(id, config_, with_service);
        nodes_[id]->who.incarnation.value = id * 100;
    }

    // These nodes form the next ring.
    void view(const std::vector<std::uint32_t>& ids) {
        totem::View next;
        next.ring = {++ring_seq_, {ids.front()}, ids.front() * 100};
        for (const std::uint32_t id : ids) next.members.push_back(nodes_.at(id)->who);
        for (const std::uint32_t id : ids) {
            if (nodes_.at(id)->view) transitional(id, ids);
        }
        for (const std::uint32_t id : ids) {
            nodes_.at(id)->view = next;
            give(id, totem::Regular{next, "test", 7});
        }
    }
    // The next message of this node is ordered now, and delivered to these, or to all of its ring.
    bool order(std::uint32_t from, const std::vector<std::uint32_t>& to = {}) {
        std::optional<membership::SyncMessage> message = nodes_.at(from)->sync->next();
        if (!message) return false;
        deliver(from, message->payload, to);
        return true;
    }
    void deliver(std::uint32_t from, const base::Bytes& payload, const std::vector<std::uint32_t>& to = {}) {
        Node& sender = *nodes_.at(from);
        const totem::Delivered event{sender.view->ring, {++seq_}, sender.who, payload, false};
        for (const auto& [id, node] : nodes_) {
            const bool meant = to.empty() || std::find(to.begin(), to.end(), id) != to.end();
            if (meant && node->view && node->view->ring == event.ring) give(id, event);
        }
    }
    // Everybody says hello: all but the first of the views that a node still has to say is void.
    void hellos() {
        for (const auto& [id, node] : nodes_) {
            if (node->view && !node->sync->status().synchronised) order(id);
        }
    }
    // Until nobody has anything to say.
    void rest() {
        for (bool any = true; any;) {
            any = false;
            for (const auto& [id, node] : nodes_) {
                node->sync->pump();
                any = (node->view && order(id)) || any;
            }
        }
    }

  private:
    void give(std::uint32_t id, const totem::Event& event) {
        Node& node = *nodes_.at(id);
        node.sync->ring_event(event);
        node.sync->check_invariants();
        for (membership::SyncEffect& effect : node.sync->drain()) node.effects.push_back(std::move(effect));
    }
    void transitional(std::uint32_t id, const std::vector<std::uint32_t>& ids) {
        totem::View along{nodes_.at(id)->view->ring, {}};
        for (const std::uint32_t other : ids) {
            if (nodes_.at(other)->view && nodes_.at(other)->view->ring == along.ring)
                along.members.push_back(nodes_.at(other)->who);
        }
        give(id, totem::Transitional{along});
    }

    membership::SyncConfig config_;
    std::map<std::uint32_t, std::unique_ptr<Node>> nodes_;
    std::uint64_t ring_seq_{0}, seq_{0};
};

}  // namespace sync_test
