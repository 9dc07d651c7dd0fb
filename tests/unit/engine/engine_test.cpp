// Engines with the real ring, on loopback addresses of this machine.
#include <sched.h>
#include <sys/mman.h>

#include <algorithm>
#include <fstream>

#include "support.hpp"

using namespace engine_test;  // NOLINT(google-build-using-namespace)
using totem::Engine;

namespace {

struct Seen {
    std::vector<std::string> messages;  // "sender: payload", in the order of delivery
    std::vector<totem::View> views;     // regular ones
    std::string last_cause;
};

// Node N of the test's cluster.
class Node {
  public:
    Node(totem::EngineConfig config, const totem::MasterKey& key) {
        auto started = Engine::start(std::move(config), key,
                                     {[this](std::vector<totem::Event> batch) { take(batch); },
                                      [](base::Level, const std::string&) {}});
        REQUIRE(started);
        engine = std::move(*started);
    }
    void take(const std::vector<totem::Event>& batch) {
        seen.change([&](Seen& s) {
            for (const auto& event : batch) {
                if (const auto* d = std::get_if<totem::Delivered>(&event)) {
                    s.messages.push_back(base::to_string(d->sender.node) + ": " +
                                         std::string(base::as_text(d->payload)));
                } else if (const auto* r = std::get_if<totem::Regular>(&event)) {
                    s.views.push_back(r->view);
                    s.last_cause = r->cause;
                }
            }
        });
    }
    [[nodiscard]] bool sees(const base::NodeSet& members) {
        return seen.wait(
            [&](const Seen& s) { return !s.views.empty() && s.views.back().nodes() == members; });
    }
    [[nodiscard]] bool has_messages(std::size_t count) {
        return seen.wait([&](const Seen& s) { return s.messages.size() >= count; });
    }
    bool say(const std::string& text) { return engine->submit({text.begin(), text.end()}); }

    Box<Seen> seen;
    std::unique_ptr<Engine> engine;
};

struct Cluster {
    explicit Cluster(std::uint32_t count, std::string group = "", unsigned networks = 1)
        : size(count),
          links(networks),
          port(free_port()),
          multicast(std::move(group)) {
        for (std::uint32_t n = 1; n <= count; ++n) start(n);
    }
    void start(std::uint32_t n) {
        auto c = config(n, size, port, directory.file("epoch" + std::to_string(n)), ++incarnation);
        if (!multicast.empty()) c.links[0].mode = totem::LinkMode::multicast;
        c.links[0].multicast_group = multicast;
        if (links > 1) {
            c.links.push_back(c.links[0]);
            c.links[1].number = 3;
            c.links[1].priority = 2;
            for (auto& peer : c.links[1].addresses) peer.ip = "127.0.1." + base::to_string(peer.node);
        }
        nodes[n] = std::make_unique<Node>(std::move(c), key());
    }
    TemporaryDirectory directory;
    std::uint32_t size;
    unsigned links;
    std::uint16_t port;
    std::string multicast;
    std::uint64_t incarnation{100};
    std::map<std::uint32_t, std::unique_ptr<Node>> nodes;
};

base::NodeSet ids(std::initializer_list<std::uint32_t> numbers) {
    base::NodeSet out;
    for (const std::uint32_t n : numbers) out.insert(base::NodeId{n});
    return out;
}

// Asks until it is so; what is asked for takes its time to answer.
template <typename Condition>
bool eventually(Condition&& holds) {
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (!holds() && std::chrono::steady_clock::now() < deadline) {
    }
    return holds();
}

// The scheduling policy of this process's ring thread.
int ring_thread_policy() {
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
        std::string name;
        std::ifstream(task.path() / "comm") >> name;
        if (name == "custos-ring")
            return ::sched_getscheduler(std::stoi(task.path().filename())) & ~SCHED_RESET_ON_FORK;
    }
    return -1;
}

void form_a_ring_and_agree(Cluster& cluster) {
    for (auto& [n, node] : cluster.nodes) REQUIRE(node->sees(ids({1, 2, 3})));
    constexpr int kEach = 50;
    for (int i = 0; i < kEach; ++i) {
        for (auto& [n, node] : cluster.nodes) REQUIRE(node->say("message " + std::to_string(i)));
    }
    for (auto& [n, node] : cluster.nodes) REQUIRE(node->has_messages(3 * kEach));
    const auto order = cluster.nodes[1]->seen.get().messages;
    CHECK(order.size() == 3 * kEach);
    CHECK(cluster.nodes[2]->seen.get().messages == order);
    CHECK(cluster.nodes[3]->seen.get().messages == order);
    for (const char* sender : {"1", "2", "3"}) {
        std::vector<std::string> own;
        std::copy_if(order.begin(), order.end(), std::back_inserter(own),
                     [&](const auto& m) { return m[0] == *sender; });
        REQUIRE(own.size() == kEach);
        for (std::size_t i = 0; i < kEach; ++i)
            CHECK(own[i] == std::string(sender) + ": message " + std::to_string(i));
    }
}

}  // namespace

TEST_CASE("three engines form a ring by unicast and deliver in one order") {
    Cluster cluster(3);
    form_a_ring_and_agree(cluster);
    const auto status = cluster.nodes[1]->engine->status();
    CHECK(status.ring.phase == "operational");
    CHECK(status.bound);
    CHECK(status.trouble.empty());
    CHECK(status.ring.largest_window == std::min(totem::RingConfig{}.window, status.link.receive_buffer));
    CHECK(status.ring.window == status.ring.largest_window);
    REQUIRE_FALSE(status.changes.empty());
    CHECK(status.changes.back().after == status.ring.view);
    for (std::size_t why = 0; why < status.rejected.size(); ++why) {
        // What came before its sender had shown that it is alive may be lost.
        if (why != static_cast<std::size_t>(totem::Rejected::unproven)) CHECK(status.rejected[why] == 0);
    }
    REQUIRE(status.links.size() == 2);
    CHECK(eventually([&] {
        const auto now = cluster.nodes[1]->engine->status();
        return now.frame_size == totem::RingConfig{}.datagram_size + totem::Sealer::kOverhead &&
               now.links[0].mtu == now.frame_size + 28 && now.links[1].state == totem::LinkState::up;
    }));
}

TEST_CASE("three engines form a ring by multicast and deliver in one order") {
    Cluster cluster(3, "239.192.77.10");
    form_a_ring_and_agree(cluster);
    const auto status = cluster.nodes[2]->engine->status();
    CHECK(status.rejected[static_cast<std::size_t>(totem::Rejected::own)] >
          0);  // same_host: multicast comes back
    // Until all have said that they hear the group, copies by unicast come besides (decision 0103); then
    // none.
    const auto copies = [&] {
        for (auto& [n, node] : cluster.nodes) {
            for (const totem::LinkStatus& link : node->engine->status().links) {
                if (link.copies) return true;
            }
        }
        return false;
    };
    const auto replays = [&](std::uint32_t n) {
        return cluster.nodes[n]->engine->status().rejected[static_cast<std::size_t>(totem::Rejected::replay)];
    };
    REQUIRE(eventually([&] { return !copies(); }));
    auto say_and_hear = [&, heard = std::size_t{150}]() mutable {
        for (auto& [n, node] : cluster.nodes) REQUIRE(node->say("by the group"));
        heard += 3;
        for (auto& [n, node] : cluster.nodes) REQUIRE(node->has_messages(heard));
    };
    say_and_hear();  // behind the last copies
    const std::uint64_t before = replays(1) + replays(2) + replays(3);
    for (int i = 0; i < 20; ++i) say_and_hear();
    CHECK(replays(1) + replays(2) + replays(3) == before);
}

TEST_CASE("two links: both are watched, the one with the higher priority carries the frames") {
    Cluster cluster(3, "", 2);
    form_a_ring_and_agree(cluster);
    const auto link_of = [&](std::uint32_t n, std::size_t path) {
        return cluster.nodes[n]->engine->status().links.at(path);
    };
    CHECK(link_of(1, 0).number == 0);
    CHECK(link_of(1, 1).number == 3);
    CHECK(link_of(1, 1).local == "127.0.1.1");
    CHECK(link_of(1, 1).remote == "127.0.1.2");
    for (const std::size_t path : {0u, 1u, 2u, 3u})
        CHECK(eventually([&] { return link_of(2, path).state == totem::LinkState::up; }));
    CHECK(eventually([&] { return link_of(1, 1).active; }));  // the higher priority
    const auto views = cluster.nodes[2]->engine->status().ring.views;
    REQUIRE(cluster.nodes[1]->say("by link 3"));
    CHECK(cluster.nodes[3]->has_messages(151));
    CHECK(cluster.nodes[2]->engine->status().ring.views == views);
}

TEST_CASE(
    "a node that says goodbye is gone at once; one that is gone without is missed; both can come back") {
    Cluster cluster(3);
    for (auto& [n, node] : cluster.nodes) REQUIRE(node->sees(ids({1, 2, 3})));
    cluster.nodes[3]->engine->leave();
    CHECK(cluster.nodes[1]->sees(ids({1, 2})));
    CHECK(cluster.nodes[2]->sees(ids({1, 2})));
    cluster.nodes[3].reset();
    cluster.start(3);
    for (auto& [n, node] : cluster.nodes) REQUIRE(node->sees(ids({1, 2, 3})));

    cluster.nodes[1].reset();  // no goodbye
    CHECK(cluster.nodes[2]->sees(ids({2, 3})));
    CHECK(cluster.nodes[3]->sees(ids({2, 3})));
    cluster.start(1);
    for (auto& [n, node] : cluster.nodes) REQUIRE(node->sees(ids({1, 2, 3})));
    REQUIRE(cluster.nodes[1]->say("back"));
    for (auto& [n, node] : cluster.nodes) CHECK(node->has_messages(1));
    const auto incarnation = cluster.nodes[2]->seen.get().views.back().members[0].incarnation;
    CHECK(incarnation == base::Incarnation{cluster.incarnation});
}

TEST_CASE("a large message passes whole, and the bound of submit holds until it is sent") {
    Cluster cluster(2);
    for (auto& [n, node] : cluster.nodes) REQUIRE(node->sees(ids({1, 2})));
    std::string large;
    for (std::size_t i = 0; large.size() < (3u << 20); ++i) large += std::to_string(i) + ",";
    REQUIRE(cluster.nodes[1]->say(large));
    CHECK_FALSE(cluster.nodes[1]->say(std::string(5u << 20, 'x')));  // more than max_payload
    REQUIRE(cluster.nodes[1]->has_messages(1));
    REQUIRE(cluster.nodes[2]->has_messages(1));
    CHECK(cluster.nodes[2]->seen.get().messages[0] == "1: " + large);
    CHECK(cluster.nodes[1]->engine->status().ring.queued_bytes == 0);
}

TEST_CASE("a node with another key stays outside and hurts nobody") {
    Cluster cluster(2);
    cluster.size = 3;
    for (auto& [n, node] : cluster.nodes) REQUIRE(node->sees(ids({1, 2})));
    const auto tokens = cluster.nodes[1]->engine->status().ring.tokens;
    Node stranger(config(3, 3, cluster.port, cluster.directory.file("epoch3")), key(9));
    REQUIRE(stranger.sees(ids({3})));
    // It is heard, and refused, ...
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    std::uint64_t refused = 0;
    while (refused == 0 && std::chrono::steady_clock::now() < deadline) {
        const auto status = cluster.nodes[1]->engine->status();
        refused = status.rejected[static_cast<std::size_t>(totem::Rejected::node)];  // of a ring of two
    }
    CHECK(refused > 0);
    // ... and the ring of the others goes on in the same view.
    REQUIRE(cluster.nodes[2]->say("still here"));
    CHECK(cluster.nodes[1]->has_messages(1));
    CHECK(cluster.nodes[1]->seen.get().views.size() == cluster.nodes[1]->engine->status().ring.views);
    CHECK(cluster.nodes[1]->sees(ids({1, 2})));
    CHECK(cluster.nodes[1]->engine->status().ring.tokens > tokens);
}

TEST_CASE("real-time scheduling and locked memory are had, or their refusal is told") {
    TemporaryDirectory directory;
    auto c = config(1, 1, free_port(), directory.file("epoch"));
    c.realtime = true;
    Box<std::vector<std::string>> notes;
    auto started = Engine::start(c, key(),
                                 {[](std::vector<totem::Event>) {},
                                  [&](base::Level level, const std::string& text) {
                                      if (level != base::Level::warning) return;
                                      notes.change([&](auto& n) { n.push_back(text); });
                                  }});
    REQUIRE(started);
    const auto status = (*started)->status();
    const auto told = [&](const char* what) {
        const auto all = notes.get();
        return std::any_of(all.begin(), all.end(),
                           [&](const auto& n) { return n.find(what) != std::string::npos; });
    };
    CHECK(status.realtime != told("no real-time scheduling"));
    CHECK(status.memory_locked != told("memory is not locked"));
    CHECK(status.realtime == (ring_thread_policy() == SCHED_RR));
    REQUIRE(::munlockall() == 0);
}
