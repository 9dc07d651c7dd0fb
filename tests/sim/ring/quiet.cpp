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
        world_.weather.lifelines = drawn.lifelines;
        world_.weather.watched = drawn.watched;
        world_.weather.hushed = drawn.hushed;
        if (rng_.chance(700)) {
            const auto buffer = static_cast<std::size_t>(between(rng_, 60'000, 500'000));
            const auto small = static_cast<std::uint32_t>(rng_.below(4));  // 0: all
            world_.receive_buffer = [buffer, small](NodeId node) {
                return small == 0 || node.value == small ? buffer : std::size_t{8} << 20;
            };
        }
        if (rng_.chance(500)) world_.weather.loss = static_cast<std::uint32_t>(rng_.below(6));
    }

    Outcome operator()() {
        for (const NodeId id : world_.roster()) world_.start(id);
        traffic();
        if (until_united()) {
            rest();
            if (!is_over()) one_fault();
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
    [[nodiscard]] bool is_over() const { return checker_.failed() || world_.livelocked(); }

    [[nodiscard]] std::vector<Member> members(const std::vector<NodeId>& nodes) const {
        std::vector<Member> members;
        for (const NodeId id : nodes) members.push_back(world_.member(id));
        return members;
    }

    bool until_united() {
        const std::vector<Member> all = members(world_.running());
        const Duration bound = unites_within(config_) * 2;
        world_.run_until([&] { return checker_.failed() || checker_.one_ring(all); }, world_.now() + bound);
        if (!is_over()) stuck_ = checker_.apart(all, bound, bound);
        return !is_over() && stuck_.empty();
    }

    // A message now and then, in bursts that wake the ring.
    void traffic() {
        for (std::uint64_t n = rng_.below(5); n > 0; --n) {
            const NodeId node{1 + static_cast<std::uint32_t>(rng_.below(world_.roster().size()))};
            if (!world_.up(node)) continue;
            const auto guarantee = rng_.chance(300) ? totem::Guarantee::safe : totem::Guarantee::agreed;
            // Sometimes more than a window at once.
            const std::size_t size = 8 + rng_.below(rng_.chance(5) ? 1'000'000 : 5000);
            static_cast<void>(world_.submit(node, make_payload(++last_id_, size), guarantee));
        }
        world_.at(world_.now() + milliseconds(between(rng_, 1, 20'000)), [this] { traffic(); });
    }

    void rest() {
        checker_.allow(0);
        const Instant from = world_.now();
        world_.run_until([&] { return checker_.failed(); }, from + seconds(between(rng_, 60, 1200)));
        quiet_ms_ = static_cast<std::uint64_t>((world_.now() - from).ms());
    }

    void one_fault() {
        faulted_ = true;
        checker_.allow(kViewsOfOneFault);
        fault(NodeId{1 + static_cast<std::uint32_t>(rng_.below(world_.roster().size()))});
        const Duration bound = config_.token_timeout * 4 + unites_within(config_) * 2;
        world_.run_until([&] { return checker_.failed(); }, world_.now() + bound);
        if (is_over()) return;
        if (groups_.empty()) groups_.push_back(world_.roster());
        for (const base::NodeSet& group : groups_) {
            std::vector<NodeId> running;
            for (const NodeId id : world_.running()) {
                if (group.contains(id)) running.push_back(id);
            }
            if (stuck_.empty() && !running.empty()) stuck_ = checker_.apart(members(running), bound, bound);
        }
    }

    void fault(NodeId id) {
        switch (rng_.below(6)) {
            case 0:
                return world_.crash(id);
            case 1:
                return world_.leave(id);
            case 2:
                world_.crash(id);
                return world_.start(id, rng_.chance(700) ? Memory::kept : Memory::lost);
            case 3:
                return world_.pause(id, Duration{between(rng_, 0, config_.token_timeout.ns * 3)});
            case 4: {
                groups_.resize(2);
                for (const NodeId n : world_.roster()) groups_[rng_.below(2)].insert(n);
                return world_.partition(groups_);
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
    bool faulted_{false};
    std::vector<base::NodeSet> groups_;  // of a partition
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
