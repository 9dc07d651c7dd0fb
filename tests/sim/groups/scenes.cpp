// Seeds of a kind of their own: a state that goes wrong by itself, and one of 50 MB.
#include <algorithm>

#include "tests/sim/groups/run.hpp"
#include "tests/sim/ring/draw.hpp"

namespace sim::groups {

namespace {

using base::microseconds;
using base::milliseconds;
using base::seconds;

constexpr std::uint64_t kCorruptedEvery = 20, kLargeEvery = 50, kTwiceEvery = 10;

// Writes to the store, and small messages of a client on each node, at a steady pace.
class Steady {
  public:
    explicit Steady(Sites& sites) : sites_(sites) {}

    void start(Duration interval) {
        going_ = true;
        interval_ = interval;
        step();
    }
    void stop() { going_ = false; }
    std::uint64_t last_command{0};
    // The longest way of a client's message to itself, of those sent since measure().
    std::uint64_t worst_latency_us{0};
    void measure() {
        sent_at_.clear();
        worst_latency_us = 0;
    }

    void watch(Site& site) {
        site.on_message = [this](const GroupMember& who, const membership::GroupMessage& message) {
            base::ByteReader in(message.payload);
            static_cast<void>(in.raw(24));
            const auto sent = sent_at_.find({who, in.u64()});
            if (who != message.sender || sent == sent_at_.end()) return;
            const Duration took = sites_.world().now() - sent->second;
            worst_latency_us = std::max(worst_latency_us, static_cast<std::uint64_t>(took.ns / 1000));
            sent_at_.erase(sent);
        };
    }

  private:
    void step() {
        if (!going_) return;
        for (const NodeId id : sites_.world().running()) {
            Site& here = *sites_.site(id);
            ++last_command;
            here.write(last_command, static_cast<std::uint32_t>(last_command), 40);
            if (here.clients().empty()) {
                Client* const client = here.connect(0, Client::Reading::at_once);
                here.join(*client, "steady");
            }
            Client& client = here.clients().begin()->second;
            if (here.phase(kGroupsId) == membership::ServiceStatus::Phase::current &&
                Site::may_send(client)) {
                here.send(client, "steady", 100, totem::Guarantee::agreed);
                sent_at_[{client.who, client.numbers["steady"]}] = sites_.world().now();
            }
            sites_.pump_soon(id);
        }
        sites_.world().at(sites_.world().now() + interval_, [this] { step(); });
    }

    Sites& sites_;
    bool going_{false};
    Duration interval_;
    std::map<std::pair<GroupMember, std::uint64_t>, Instant> sent_at_;
};

void start_all(Sites& sites, std::uint32_t nodes) {
    for (std::uint32_t n = 1; n <= nodes; ++n) sites.world().start(NodeId{n});
}

// Everybody noticed, and named exactly that process.
bool all_noticed(Sites& sites, const Member& wrong, bool stopped) {
    const std::vector<Member> living = sites.living();
    return std::all_of(living.begin(), living.end(), [&](const Member& who) {
        const auto& seen = sites.site(who.node)->diverged;
        return seen.size() == 1 && seen.front().service == kStoreId &&
               seen.front().who == std::vector{wrong} && seen.front().stopped == (stopped && who == wrong);
    });
}

std::string corrupted(Sites& sites, Steady& steady, base::Rng& rng, std::uint32_t nodes, bool by_marks) {
    start_all(sites, nodes);
    if (!sites.until([&] { return sites.at_rest(); }, seconds(20))) return "no rest at the start";
    steady.start(milliseconds(between(rng, 1, 10)));
    static_cast<void>(sites.until([] { return false; }, milliseconds(300)));
    const NodeId id{1 + static_cast<std::uint32_t>(rng.below(nodes))};
    const Member wrong = sites.world().member(id);
    sites.tell("the state of node " + base::to_string(id) + " goes wrong");
    sites.judge().store_corrupted(wrong);
    sites.site(id)->store().corrupt();
    ++sites.counts.corrupted;
    if (!by_marks) {
        // Another node comes or goes: the hellos show it.
        const NodeId other{id.value % nodes + 1};
        sites.world().crash(other);
        if (!sites.until([&] { return all_noticed(sites, wrong, false); }, seconds(20)))
            return "the hellos did not show the wrong state";
        sites.world().start(other);
    } else {
        if (!sites.until([&] { return all_noticed(sites, wrong, true); }, seconds(20)))
            return "no mark showed the wrong state";
        sites.world().crash(id);
        sites.world().start(id);
    }
    static_cast<void>(sites.until([] { return false; }, seconds(2)));
    steady.stop();
    return sites.come_to_rest();
}

// What the token and other traffic may suffer from 50 MB that go through, in rotations of a calm ring and
// beyond.
constexpr std::uint64_t kMostLatencyUs = 20'000, kMostRotationUs = 5'000;

std::string large(Sites& sites, Steady& steady, base::Rng& rng, std::uint32_t pages) {
    const NodeId newcomer{3};
    start_all(sites, 2);
    if (!sites.until([&] { return sites.at_rest(); }, seconds(20))) return "no rest at the start";
    steady.last_command = 1;
    sites.site(NodeId{1})->grow(1, pages);
    sites.pump_soon(NodeId{1});
    steady.start(milliseconds(2));
    static_cast<void>(sites.until([] { return false; }, seconds(1)));
    sites.counts.worst_calm_latency_us = steady.worst_latency_us;
    const auto phase = [&] {
        Site* const here = sites.site(newcomer);
        return here == nullptr ? membership::ServiceStatus::Phase::hellos : here->phase(kStoreId);
    };
    const auto begins = [&] { return phase() == membership::ServiceStatus::Phase::needy; };
    // First it dies, or is cut off, in the middle.
    sites.world().start(newcomer);
    if (!sites.until(begins, seconds(20))) return "nothing was sent to the newcomer";
    static_cast<void>(sites.until([] { return false; }, milliseconds(between(rng, 1, 50))));
    static_cast<void>(
        sites.until([&] { return !begins() || sites.site(newcomer)->kept_bytes() > 0; }, seconds(20)));
    if (!begins()) return "the state went through in no time";
    if (rng.chance(500)) {
        sites.world().crash(newcomer);
        sites.world().start(newcomer);
    } else {
        sites.world().partition({{NodeId{1}, NodeId{2}}, {newcomer}});
        static_cast<void>(sites.until([&] { return !begins(); }, seconds(20)));
        sites.world().heal();
    }
    if (!sites.until(begins, seconds(30))) return "nothing was sent to the newcomer the second time";
    const Instant from = sites.world().now();
    steady.measure();
    sites.worst_rotation_us = 0;
    if (!sites.until([&] { return phase() == membership::ServiceStatus::Phase::current; }, seconds(300)))
        return "the state does not go through: " + sites.what_is_left();
    sites.counts.worst_large_ms = static_cast<std::uint64_t>((sites.world().now() - from).ms());
    sites.counts.worst_latency_us = steady.worst_latency_us;
    sites.counts.worst_rotation_us = sites.worst_rotation_us;
    sites.counts.large_bytes += std::size_t{pages} * Store::kPage;
    ++sites.counts.large;
    steady.stop();
    if (const std::string stuck = sites.come_to_rest(); !stuck.empty()) return stuck;
    if (sites.counts.worst_latency_us > kMostLatencyUs)
        return "a small message took " + std::to_string(sites.counts.worst_latency_us) + " us meanwhile";
    if (sites.counts.worst_rotation_us > kMostRotationUs)
        return "the token took " + std::to_string(sites.counts.worst_rotation_us) +
               " us round the ring meanwhile";
    return {};
}

}  // namespace

Result run_corrupted(std::uint64_t seed, bool trace) {
    base::Rng rng(seed);
    const bool by_marks = seed / kCorruptedEvery % 2 == 0;
    const auto nodes = static_cast<std::uint32_t>(between(rng, 4, 5));  // three are left
    SiteOptions options;
    options.sync.check_every = by_marks ? static_cast<std::uint64_t>(between(rng, 1, 50)) : 0;
    totem::RingConfig config;
    config.token_timeout = milliseconds(300);
    Sites sites(rng.next(), nodes, config, options, trace);
    Steady steady(sites);
    const std::string stuck = corrupted(sites, steady, rng, nodes, by_marks);
    return finish(sites, stuck);
}

Result run_large(std::uint64_t seed, bool trace) {
    base::Rng rng(seed);
    totem::RingConfig config;
    config.token_timeout = milliseconds(500);
    config.datagram_size = rng.chance(500) ? 1300 : 8900;
    constexpr std::uint32_t kPages = 12'500;  // 51 MB
    Sites sites(rng.next(), 3, config, SiteOptions{}, trace);
    sites.world().weather.delay = microseconds(between(rng, 30, 200));
    sites.world().weather.loss = rng.chance(500) ? 1 : 0;
    Steady steady(sites);
    sites.on_start = [&steady](Site& site) { steady.watch(site); };
    const std::string stuck = large(sites, steady, rng, kPages);
    return finish(sites, stuck);
}

Result run(std::uint64_t seed, bool trace) {
    const auto once = [seed](bool traced) {
        return seed % kLargeEvery == 7        ? run_large(seed, traced)
               : seed % kCorruptedEvery == 13 ? run_corrupted(seed, traced)
                                              : run_mixed(seed, traced);
    };
    Result result = once(trace);
    if (result.outcome.verdict == Verdict::ok && seed % kTwiceEvery == 0 &&
        once(false).outcome.trace_hash != result.outcome.trace_hash) {
        result.outcome.verdict = Verdict::safety;
        result.outcome.what = "the same seed went another way the second time";
    }
    return result;
}

}  // namespace sim::groups
