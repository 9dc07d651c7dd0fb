#include "tests/sim/ring/quiet.hpp"

#include "tests/sim/ring/bounds.hpp"
#include "tests/sim/ring/checker.hpp"
#include "tests/sim/ring/draw.hpp"
#include "tests/sim/ring/recorder.hpp"

namespace sim {

namespace {

using base::milliseconds;
using base::seconds;

constexpr std::uint64_t kSalt = 0x7175696574;

class QuietRun {
  public:
    QuietRun(std::uint64_t seed, bool trace)
        : rng_(seed ^ kSalt),
          config_(draw_config(rng_.split())),
          recorder_(trace, rng_.split()),
          world_(rng_.next(), draw_nodes(rng_.split()), config_, recorder_),
          checker_(world_.roster()) {
        recorder_.attach(world_, checker_);
        world_.features = [](const Member& /*who*/) { return 1U; };
        const Weather drawn = draw_weather(rng_.split());
        world_.weather.delay = drawn.delay;
        world_.weather.jitter = drawn.jitter;
        world_.weather.lazy = drawn.lazy;
        world_.weather.lazy_by = drawn.lazy_by;
        world_.weather.refused = drawn.refused;
        world_.weather.guarded = drawn.guarded;
        if (rng_.chance(500)) world_.weather.loss = static_cast<std::uint32_t>(rng_.below(6));
    }

    Outcome operator()() {
        for (const NodeId id : world_.roster()) world_.start(id);
        traffic();
        if (expect(until_united(), "no single ring after the start")) {
            rest();
            if (stuck_.empty() && !checker_.failed()) one_fault();
        }
        Outcome out;
        out.trace_hash = recorder_.hash();
        out.tally.quiet_ms = quiet_ms_;
        out.tally.single_faults = faulted_ ? 1 : 0;
        out.tally.submitted = last_id_;
        out.tally.deliveries = checker_.deliveries();
        out.tally.views = checker_.views();
        out.tally.coverage = recorder_.coverage();
        judge(out, world_, checker_.failed() ? checker_.violation() : checker_.finally({}), stuck_);
        return out;
    }

  private:
    bool until_united() {
        return world_.run_until([&] { return checker_.failed() || world_.united(); },
                                world_.now() + unites_within(config_) * 2);
    }
    bool expect(bool so, const std::string& otherwise) {
        if (!so && stuck_.empty()) stuck_ = otherwise;
        return so && !checker_.failed();
    }

    // A message now and then, in bursts that wake the ring.
    void traffic() {
        for (std::uint64_t n = rng_.below(5); n > 0; --n) {
            const NodeId node{1 + static_cast<std::uint32_t>(rng_.below(world_.roster().size()))};
            if (!world_.up(node)) continue;
            const auto guarantee = rng_.chance(300) ? totem::Guarantee::safe : totem::Guarantee::agreed;
            static_cast<void>(world_.submit(node, make_payload(++last_id_, 8 + rng_.below(5000)), guarantee));
        }
        world_.at(world_.now() + milliseconds(between(rng_, 1, 20'000)), [this] { traffic(); });
    }

    void rest() {
        const std::uint64_t views = checker_.views();
        const Instant from = world_.now();
        world_.run_until([&] { return checker_.failed() || checker_.views() != views; },
                         from + seconds(between(rng_, 60, 1200)));
        quiet_ms_ = static_cast<std::uint64_t>((world_.now() - from).ms());
        expect(checker_.views() == views, "a view changed without a fault");
    }

    void one_fault() {
        std::map<NodeId, std::pair<Member, std::uint64_t>> before;
        for (const NodeId id : world_.running()) before[id] = {world_.member(id), world_.status(id).views};
        faulted_ = true;
        fault(NodeId{1 + static_cast<std::uint32_t>(rng_.below(world_.roster().size()))});
        const Instant settled = world_.now() + config_.token_timeout * 4 + unites_within(config_) * 2;
        world_.run_until([&] { return checker_.failed(); }, settled);
        for (const NodeId id : world_.running()) {
            const bool same = before.at(id).first == world_.member(id);
            const std::uint64_t views = world_.status(id).views - (same ? before.at(id).second : 0);
            expect(views <= kViewsOfOneFault, "a single fault led node " + base::to_string(id) + " through " +
                                                  std::to_string(views) + " views");
        }
        if (!parted_) expect(world_.united(), "a single fault, and no single ring after it");
    }

    void fault(NodeId id) {
        switch (rng_.below(6)) {
            case 0:
                return world_.crash(id);
            case 1:
                return world_.leave(id);
            case 2:
                world_.crash(id);
                return world_.start(id, rng_.chance(700));
            case 3:
                return world_.pause(id, Duration{between(rng_, 0, config_.token_timeout.ns * 3)});
            case 4: {
                parted_ = true;
                std::vector<base::NodeSet> groups(2);
                for (const NodeId n : world_.roster()) groups[rng_.below(2)].insert(n);
                return world_.partition(groups);
            }
            default:  // a network that is down for a moment
                world_.weather.loss = 1000;
                return world_.at(world_.now() + Duration{between(rng_, 0, config_.token_timeout.ns * 2)},
                                 [this] { world_.weather.loss = 0; });
        }
    }

    base::Rng rng_;
    totem::RingConfig config_;
    Recorder recorder_;
    World world_;
    Checker checker_;
    std::uint64_t last_id_{0}, quiet_ms_{0};
    bool faulted_{false}, parted_{false};
    std::string stuck_;
};

}  // namespace

bool is_quiet(std::uint64_t seed) {
    return base::Rng(seed ^ kSalt).below(25) == 0;
}

Outcome run_quiet_seed(std::uint64_t seed, bool trace) {
    return QuietRun(seed, trace)();
}

}  // namespace sim
