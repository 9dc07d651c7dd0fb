// A mix of faults, drawn from the seed; then calm, in which everything must come to rest as the clients
// asked.
#include <algorithm>

#include "tests/sim/groups/run.hpp"
#include "tests/sim/ring/draw.hpp"

namespace sim::groups {

namespace {

using base::microseconds;
using base::milliseconds;
using base::seconds;

totem::RingConfig ring_config(base::Rng rng) {
    totem::RingConfig config = draw_config(rng);
    config.max_queued = 16u << 20;
    return config;
}

SiteOptions draw_options(base::Rng rng) {
    const auto pick = [&rng](std::int64_t low, std::int64_t high) {
        return static_cast<std::size_t>(between(rng, low, high));
    };
    SiteOptions options;
    options.sync.window = pick(1, rng.chance(300) ? 300'000 : 5'000);
    options.sync.chunk = pick(100, rng.chance(500) ? 32'768 : 3'000);
    options.sync.chunks_in_flight = pick(1, 4);
    options.sync.lead = pick(1, rng.chance(500) ? 200'000 : 2'000);
    options.sync.check_every = rng.chance(200) ? 0 : pick(1, 100);
    options.groups.max_clients = 12;
    options.groups.send_bytes = pick(500, 50'000);
    options.groups.send_messages = pick(1, 40);
    options.groups.keep_bytes = pick(5'000, 400'000);
    options.groups.keep_messages = pick(20, 400);
    options.groups.keep_total_bytes = 2 * options.groups.keep_bytes + 30'000;
    return options;
}

class Mixed {
  public:
    Mixed(std::uint64_t seed, bool trace)
        : root_(seed),
          config_(ring_config(root_.split())),
          mix_(root_.split()),
          weather_(draw_weather(root_.split())),
          sites_(root_.next(), static_cast<std::uint32_t>(between(root_, 2, root_.chance(150) ? 9 : 5)),
                 config_, draw_options(root_.split()), trace),
          fault_rng_(root_.split()),
          traffic_rng_(root_.split()) {
        // Up to some MB; most seeds have a state that goes in a moment.
        most_pages_ = static_cast<std::uint32_t>(traffic_rng_.chance(100) ? 600 : traffic_rng_.below(40));
        weather_.loss = std::min<std::uint32_t>(weather_.loss, 60);  // views shall come to something, too
        ambush_ = fault_rng_.chance(500) ? static_cast<std::uint32_t>(fault_rng_.below(800)) : 0;
        floods_ = traffic_rng_.chance(300) ? 3 : 0;
        sites_.on_transfer = [this](NodeId) { transfer_begins(); };
    }

    Result operator()() {
        trouble();
        std::string stuck;
        if (!sites_.is_over()) stuck = calm();
        return finish(sites_, stuck);
    }

  private:
    World& world() { return sites_.world(); }

    void trouble() {
        world().weather = weather_;
        world().fsync = milliseconds(between(fault_rng_, 0, 20));
        const Instant end = world().now() + seconds(between(fault_rng_, 2, 8));
        for (const NodeId id : world().roster())
            world().at(world().now() + milliseconds(between(fault_rng_, 0, 600)),
                       [this, id] { world().start(id); });
        traffic_until_ = end;
        interval_ = microseconds(between(traffic_rng_, 300, 20'000));
        traffic();
        const Duration quiet = milliseconds(between(fault_rng_, 30, 1500));
        while (world().now() < end && !sites_.is_over()) {
            static_cast<void>(
                sites_.until([] { return false; }, Duration{between(fault_rng_, 0, 2 * quiet.ns)}));
            if (!sites_.is_over()) fault();
        }
    }

    // --- what clients and stores do

    void traffic() {
        if (world().now() >= traffic_until_) return;
        const NodeId node{1 + static_cast<std::uint32_t>(traffic_rng_.below(world().roster().size()))};
        if (Site* const here = sites_.site(node)) {
            for (std::uint64_t n = traffic_rng_.chance(50) ? 30 : 1; n > 0; --n) act(*here);
            sites_.pump_soon(node);
        }
        world().at(world().now() + Duration{between(traffic_rng_, 0, 2 * interval_.ns)},
                   [this] { traffic(); });
    }

    void act(Site& site) {
        for (auto& [id, client] : site.clients()) {
            if (client.reading == Client::Reading::later && traffic_rng_.chance(200)) site.take(client);
        }
        const std::uint64_t what = traffic_rng_.below(100);
        if (what < 25) {
            const auto page = static_cast<std::uint32_t>(traffic_rng_.below(1000));
            if (what < 2 && most_pages_ > 0) {
                site.grow(++last_command_, 1 + static_cast<std::uint32_t>(traffic_rng_.below(most_pages_)));
                most_pages_ /= 2;
            } else {
                site.write(++last_command_, page, static_cast<std::uint32_t>(traffic_rng_.below(500)));
            }
        } else if (site.clients().size() < 2 || what < 32) {
            ++sites_.counts.clients;
            const std::uint64_t reads = traffic_rng_.below(10);
            static_cast<void>(site.connect(static_cast<std::uint32_t>(traffic_rng_.below(4)),
                                           reads < 7   ? Client::Reading::at_once
                                           : reads < 9 ? Client::Reading::later
                                                       : Client::Reading::never));
        } else {
            auto at = site.clients().begin();
            std::advance(at, static_cast<std::ptrdiff_t>(traffic_rng_.below(site.clients().size())));
            ask(site, at->second, what);
        }
    }

    void ask(Site& site, Client& client, std::uint64_t what) {
        const std::string group = "g" + std::to_string(traffic_rng_.below(3));
        if (what < 36) {
            ++sites_.counts.client_deaths;
            site.end(client, traffic_rng_.chance(500));
        } else if (what < 40 && !client.wanted.empty()) {
            site.leave(client, std::string(*client.wanted.begin()));  // a copy: it is erased there
        } else if (what < 55 || client.wanted.empty()) {
            site.join(client, group);
        } else {
            const bool to_own = traffic_rng_.chance(800);
            const bool huge = traffic_rng_.chance(2);
            const std::size_t size = huge ? 300'000 + traffic_rng_.below(2'000'000)
                                          : traffic_rng_.below(traffic_rng_.chance(100) ? 20'000 : 400);
            site.send(client, to_own ? *client.wanted.rbegin() : group, size,
                      traffic_rng_.chance(200) ? totem::Guarantee::safe : totem::Guarantee::agreed);
        }
    }

    // More than a newcomer is to keep.
    void flood() {
        for (const NodeId id : world().running()) {
            Site* const here = sites_.site(id);
            if (here == nullptr) continue;
            for (int n = 0; n < 150; ++n) here->write(++last_command_, 0, 400);
            sites_.pump_soon(id);
        }
    }

    // --- faults

    void transfer_begins() {
        if (floods_ > 0 && !calm_) {
            --floods_;
            world().at(world().now(), [this] { flood(); });
        }
        if (calm_ || !fault_rng_.chance(ambush_)) return;
        ++sites_.counts.ambushes;
        world().at(world().now() + microseconds(between(fault_rng_, 0, 3000)), [this] {
            if (!calm_) fault();
        });
    }

    NodeId any() { return NodeId{1 + static_cast<std::uint32_t>(fault_rng_.below(world().roster().size()))}; }

    void fault() {
        const NodeId id = any();
        switch (mix_.draw(fault_rng_)) {
            case Mix::torn:
                world().crash_while_sending(id);
                break;
            case Mix::crash:
                crash(id);
                break;
            case Mix::massacre:
                for (std::uint64_t n = 1 + fault_rng_.below(world().roster().size()); n > 0; --n)
                    crash(any());
                break;
            case Mix::restart:
                crash(id);
                world().start(id, fault_rng_.chance(60) ? Memory::lost : Memory::kept);
                break;
            case Mix::loop:
                for (std::uint64_t n = 2 + fault_rng_.below(3); n > 0; --n)
                    world().at(world().now() + milliseconds(between(fault_rng_, 0, 300)), [this, id] {
                        if (calm_) return;
                        crash(id);
                        world().start(id);
                    });
                break;
            case Mix::stall:
                ++sites_.counts.pauses;
                sites_.tell("node " + base::to_string(id) + " stalls");
                world().stall(id, Duration{between(fault_rng_, 0, config_.token_timeout.ns)});
                break;
            case Mix::disk:
            case Mix::slow:
            case Mix::pause:
                ++sites_.counts.pauses;
                sites_.tell("node " + base::to_string(id) + " pauses");
                world().pause(
                    id, Duration{between(fault_rng_, milliseconds(1).ns, config_.token_timeout.ns * 2)});
                break;
            case Mix::goodbye:
                ++sites_.counts.goodbyes;
                world().leave(id);
                if (fault_rng_.chance(500)) world().start(id);
                break;
            case Mix::shape:
            case Mix::flap:
            case Mix::partition:
                partition();
                break;
            case Mix::one_way:
                world().cut(id, any(), true);
                heal_soon();
                break;
            case Mix::heal:
                sites_.tell("healed");
                world().heal();
                break;
            case Mix::storm:
                storm();
                break;
            case Mix::kinds:
                break;
        }
    }

    void crash(NodeId id) {
        if (!world().up(id)) return;
        ++sites_.counts.crashes;
        world().crash(id);
    }

    void partition() {
        ++sites_.counts.partitions;
        std::vector<base::NodeSet> sets(2);
        for (const NodeId n : world().roster()) sets[fault_rng_.below(2)].insert(n);
        sites_.tell("partition " + base::to_string(sets[0]) + " " + base::to_string(sets[1]));
        world().partition(sets);
        heal_soon();
    }

    void heal_soon() {
        const Duration most = (config_.token_timeout + config_.consensus_timeout) * 3;
        world().at(world().now() + Duration{between(fault_rng_, 0, most.ns)}, [this] {
            if (calm_) return;
            sites_.tell("healed");
            world().heal();
        });
    }

    void storm() {
        ++sites_.counts.storms;
        world().weather.loss = 400;
        world().at(world().now() + milliseconds(between(fault_rng_, 20, 600)), [this] {
            if (!calm_) world().weather = weather_;
        });
    }

    // Faults end, and nobody asks for more; whoever did not read reads.
    std::string calm() {
        calm_ = true;
        sites_.tell("faults end");
        world().heal();
        world().weather = Weather{};
        world().weather.delay = weather_.delay;
        for (const NodeId id : world().roster()) {
            world().crash_while_sending(id, false);
            if (fault_rng_.chance(800)) world().start(id);
        }
        if (world().running().empty()) world().start(NodeId{1});
        for (const NodeId id : world().running()) {
            for (auto& [number, client] : sites_.site(id)->clients()) {
                client.reading = Client::Reading::at_once;
                sites_.site(id)->take(client);
            }
            sites_.pump_soon(id);
        }
        return sites_.come_to_rest();
    }

    base::Rng root_;
    totem::RingConfig config_;
    Mix mix_;
    Weather weather_;
    Sites sites_;
    base::Rng fault_rng_, traffic_rng_;
    std::uint32_t most_pages_{0}, ambush_{0}, floods_{0};
    bool calm_{false};
    Instant traffic_until_;
    Duration interval_;
    std::uint64_t last_command_{0};
};

}  // namespace

Result run_mixed(std::uint64_t seed, bool trace) {
    return Mixed(seed, trace)();
}

}  // namespace sim::groups
