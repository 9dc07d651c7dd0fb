#include "tests/sim/ring/run.hpp"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <utility>

#include "tests/sim/ring/bounds.hpp"
#include "tests/sim/ring/checker.hpp"
#include "tests/sim/ring/draw.hpp"
#include "tests/sim/ring/faults.hpp"
#include "tests/sim/ring/quiet.hpp"
#include "tests/sim/ring/recorder.hpp"

namespace sim {

Tally& Tally::operator+=(const Tally& o) {
    virtual_ms += o.virtual_ms, steps += o.steps, deliveries += o.deliveries, transitional += o.transitional,
        views += o.views;
    quiet_ms += o.quiet_ms, single_faults += o.single_faults;
    submitted += o.submitted, safe += o.safe, large += o.large;
    partial_meshes += o.partial_meshes, deaf_for_good += o.deaf_for_good, replayed += o.replayed;
    faults += o.faults;
    hits += o.hits;
    coverage += o.coverage;
    worst_settle_ms = std::max(worst_settle_ms, o.worst_settle_ms);
    worst_unite_ms = std::max(worst_unite_ms, o.worst_unite_ms);
    worst_deliver_ms = std::max(worst_deliver_ms, o.worst_deliver_ms);
    most_steps_at_once = std::max(most_steps_at_once, o.most_steps_at_once);
    return *this;
}

namespace {

using base::microseconds;
using base::milliseconds;
using base::seconds;

constexpr std::uint64_t kTwiceEvery = 10;
constexpr std::uint8_t kDataType = 2;  // docs/protocol.md

class Run {
  public:
    Run(std::uint64_t seed, bool trace)
        : root_(seed),
          config_(draw_config(root_.split())),
          mix_(root_.split()),
          weather_(draw_weather(root_.split())),
          recorder_(trace, base::Rng(seed ^ 0x70617374)),
          world_(root_.next(), draw_nodes(root_.split()), config_, recorder_),
          checker_(world_.roster()),
          faults_(world_, recorder_, weather_, mix_, root_.split(),
                  [this](NodeId id, std::size_t size) {
                      if (world_.up(id)) submit(id, size);
                  }),
          traffic_rng_(root_.split()),
          safe_rng_(seed ^ 0x73616665) {
        if (safe_rng_.chance(800)) safe_ = static_cast<std::uint32_t>(safe_rng_.below(1001));
        recorder_.attach(world_, checker_);
        // A rolling upgrade: each process of a node may be of another release.
        world_.features = [seed](const Member& who) {
            return static_cast<std::uint32_t>(base::Rng(seed ^ who.incarnation.value).below(16)) | 16U;
        };
        recorder_.on_phase_change = [this] { faults_.phase_changed(); };
        if (base::Rng(seed ^ 0x627566666572).chance(600)) {
            world_.receive_buffer = [seed](NodeId node) {
                return draw_receive_buffer(base::Rng(seed ^ (0x627566666572 + node.value)));
            };
        }
        world_.copies = [this](NodeId /*from*/, NodeId to, base::ByteView bytes) {
            return (to == faults_.deaf() || to == deaf_) && bytes[1] == kDataType ? 0 : 1;
        };
    }

    Outcome operator()() {
        safety_phase();
        if (!is_over()) liveness_phase();
        const std::string wrong = checker_.finally(stuck_.empty() ? living() : std::vector<Member>{});
        Outcome out;
        out.trace_hash = recorder_.hash();
        tally_.deliveries = checker_.deliveries();
        tally_.transitional = checker_.transitional_deliveries();
        tally_.views = checker_.views();
        tally_.coverage = recorder_.coverage();
        tally_.faults = faults_.counts();
        out.tally = tally_;
        judge(out, world_, checker_.failed() ? checker_.violation() : wrong, stuck_);
        return out;
    }

  private:
    void safety_phase() {
        world_.weather = weather_;
        world_.fsync = milliseconds(between(faults_.rng, 0, 20));
        const Instant end = world_.now() + seconds(between(faults_.rng, 3, 12));
        for (const NodeId id : world_.roster()) {
            world_.at(world_.now() + milliseconds(between(faults_.rng, 0, 200)),
                      [this, id] { faults_.start(id); });
        }
        traffic_until_ = end;
        message_interval_ = microseconds(between(traffic_rng_, 200, 30'000));
        traffic();
        const Duration calm = milliseconds(between(faults_.rng, 20, 1500));
        while (world_.now() < end && !is_over()) {
            const auto wait = nanoseconds(between(faults_.rng, 0, 2 * calm.ns));
            static_cast<void>(until([] { return false; }, wait));
            if (is_over()) return;
            faults_.strike();
        }
    }

    void traffic() {
        if (world_.now() >= traffic_until_) return;
        const NodeId node = any();
        std::size_t size = 8 + traffic_rng_.below(traffic_rng_.chance(200) ? 20'000 : 300);
        if (traffic_rng_.chance(1)) {
            size = (1u << 20) + traffic_rng_.below(1u << 20);
            ++tally_.large;
        }
        const int burst = traffic_rng_.chance(20) ? static_cast<int>(between(traffic_rng_, 10, 100)) : 1;
        for (int i = 0; i < burst; ++i) {
            if (!world_.up(node)) break;
            submit(node, size);
            size = 8 + traffic_rng_.below(300);
        }
        world_.at(world_.now() + nanoseconds(between(traffic_rng_, 0, 2 * message_interval_.ns)),
                  [this] { traffic(); });
    }

    void submit(NodeId node, std::size_t size) {
        const bool safe = safe_rng_.chance(safe_);
        const auto guarantee = safe ? totem::Guarantee::safe : totem::Guarantee::agreed;
        if (world_.submit(node, make_payload(++last_id_, size), guarantee) != totem::Submit::accepted) return;
        ++tally_.submitted;
        tally_.safe += safe ? 1 : 0;
    }

    NodeId any() {
        return NodeId{1 + static_cast<std::uint32_t>(traffic_rng_.below(world_.roster().size()))};
    }
    // Faults end: whoever lives must find together, deliver everything, and then stay quiet.
    void liveness_phase() {
        faults_.end();
        world_.weather = Weather{};
        world_.weather.delay = weather_.delay;
        world_.weather.lifelines = weather_.lifelines;
        world_.weather.watched = weather_.watched;
        world_.weather.overhead = weather_.overhead;
        recorder_.tell("faults end");
        for (const NodeId id : world_.roster()) {
            if (faults_.rng.chance(800)) faults_.start(id);
        }
        if (world_.running().empty()) faults_.start(NodeId{1});
        // Pauses that still last, and traffic still under way, are part of what must end first.
        const Duration pauses{std::max<std::int64_t>(0, (world_.rests_until() - world_.now()).ns)};
        const Duration settle = pauses + config_.token_timeout * 3 + weather_.longest();
        // While that settles they need not hear each other.
        if (faults_.rng.chance(800)) faults_.partition();
        static_cast<void>(until([] { return false; }, settle));
        // Nodes that were lost again and again are held off for a while.
        static_cast<void>(until([] { return false; }, config_.token_timeout * kLongestHold));
        // E15: from here on nothing disturbs them.
        recorder_.tell("healed for good");
        world_.heal();
        const Duration unite = unites_within(config_);
        const Instant from = world_.now();
        if (!until([&] { return checker_.one_ring(living()); }, unite)) {
            stuck_ = checker_.apart(living(), unite, unite);
            return;
        }
        tally_.worst_unite_ms = static_cast<std::uint64_t>((world_.now() - from).ms());
        checker_.allow(0);
        const Instant united = world_.now();
        if (!until([&] { return all_sent() && checker_.undelivered(living()).empty(); }, kDeliversWithin)) {
            stuck_ = checker_.undelivered(living());
            return;
        }
        tally_.worst_deliver_ms = static_cast<std::uint64_t>((world_.now() - united).ms());
        world_.weather.rumour = 20;  // of whoever answers, rumours do nothing
        world_.weather.hushed = weather_.hushed;
        // A datagram lost now and then is no cause.
        world_.weather.loss = 20;
        static_cast<void>(until([] { return false; }, seconds(2)));
        world_.weather.loss = 0;
        checker_.allow(0, Checker::Disturbance::past);
        replay();
        static_cast<void>(until([] { return false; }, settle));
        checker_.allow_any();
        if (is_over() || world_.running().size() < 2) return;
        if (faults_.rng.chance(500)) return broken_links();
        if (faults_.rng.chance(150)) deaf_for_good();  // it takes long
    }

    // Data never reaches one node any more, all else does. The others must go on without it, again and again
    // since it comes back as soon as it is heard, but less and less often.
    void deaf_for_good() {
        ++tally_.deaf_for_good;
        const std::vector<NodeId> nodes = world_.running();
        deaf_ = nodes[faults_.rng.below(nodes.size())];
        recorder_.tell("node " + base::to_string(deaf_) + " receives no data any more");
        std::vector<Member> others;
        for (const Member& m : living()) {
            if (m.node != deaf_) others.push_back(m);
        }
        const Duration token = config_.token_timeout, leaves = leaves_within(config_);
        const Duration bound = leaves + token + unites_within(config_);
        safe_ = 1000;
        submit(others.front().node, 100);
        if (!all_delivered(others, bound)) return;
        const Duration warm_up = leaves * 9 + token * 3 * kLongestHold;
        chatter(others, world_.now() + warm_up + token * 20);
        static_cast<void>(until([] { return false; }, warm_up));
        // By now it is held off for as long as anybody is. Each time it comes and goes is two views.
        checker_.allow(2 * (1 + 20 / kLongestHold));
        static_cast<void>(until([] { return false; }, token * 20));
        checker_.allow_any();
        if (!all_delivered(others, bound)) return;
        recorder_.tell("node " + base::to_string(deaf_) + " receives again");
        deaf_ = {};
        const Duration limit = unites_within(config_) + token * (kLongestHold + 2);
        if (!until([&] { return checker_.one_ring(living()); }, limit))
            stuck_ = checker_.apart(living(), limit, limit);
    }

    // Looked at now and then: to look after each step would cost more than all else.
    bool all_delivered(const std::vector<Member>& among, Duration within) {
        const Instant end = world_.now() + within;
        do {
            stuck_ = checker_.undelivered(among);
            static_cast<void>(until([] { return false; }, milliseconds(10)));
        } while (!stuck_.empty() && !is_over() && world_.now() < end);
        return stuck_.empty();
    }

    // Somebody says something now and then.
    void chatter(const std::vector<Member>& who, Instant until) {
        if (world_.now() >= until) return;
        submit(who[faults_.rng.below(who.size())].node, 8 + faults_.rng.below(300));
        world_.at(world_.now() + nanoseconds(between(faults_.rng, 0, config_.token_timeout.ns / 2)),
                  [this, who, until] { chatter(who, until); });
    }

    // Some links die in one direction and stay dead while one node starts anew: all must settle on the sets
    // that follow from what is left, say no more, and find together when the links are whole.
    void broken_links() {
        ++tally_.partial_meshes;
        world_.weather.rumour = 0;  // they are true of whoever does not hear the answer
        const std::vector<NodeId> nodes = world_.running();
        std::set<std::pair<NodeId, NodeId>> cuts;
        for (std::uint64_t n = 1 + faults_.rng.below(3); n > 0; --n) {
            const NodeId from = nodes[faults_.rng.below(nodes.size())],
                         to = nodes[faults_.rng.below(nodes.size())];
            if (from == to) continue;
            cuts.insert({from, to});
            world_.cut(from, to, true);
            recorder_.tell("node " + base::to_string(to) + " does not hear node " + base::to_string(from) +
                           " any more");
        }
        const NodeId again = nodes[faults_.rng.below(nodes.size())];
        world_.crash(again);
        faults_.start(again);
        // The worst hold for repeated losses comes on top of what a reunion takes.
        const Duration limit = unites_within(config_) + config_.token_timeout * 10;
        const std::vector<base::NodeSet> expected = settled_sets(nodes, cuts);
        // A pair that somebody did not learn of at once may cost one more gathering (decision 0086).
        bool quiet = false;
        for (std::size_t hopes = 0; !quiet && hopes <= cuts.size(); ++hopes) {
            const Instant from = world_.now();
            if (!until([&] { return is_settled(expected); }, limit)) {
                stuck_ =
                    "not settled " + std::to_string(limit.ms()) + " ms after links died: " + who_is_where();
                return;
            }
            tally_.worst_settle_ms =
                std::max(tally_.worst_settle_ms, static_cast<std::uint64_t>((world_.now() - from).ms()));
            const std::uint64_t views = checker_.views();
            static_cast<void>(until([] { return false; }, config_.token_timeout * 5));
            quiet = views == checker_.views();
        }
        if (!quiet) {
            stuck_ = "views changed again and again while links stayed dead: " + who_is_where();
            return;
        }
        recorder_.tell("healed");
        world_.heal();
        if (!until([&] { return checker_.one_ring(living()); }, limit))
            stuck_ = checker_.apart(living(), limit, limit);
    }

    // The largest set of nodes that all hear each other, of several the one with the lowest ids; then the
    // same among the others.
    static std::vector<base::NodeSet> settled_sets(std::vector<NodeId> left,
                                                   const std::set<std::pair<NodeId, NodeId>>& cuts) {
        std::vector<base::NodeSet> sets;
        while (!left.empty()) {
            std::vector<NodeId> best;
            for (std::uint32_t subset = 1; subset < 1U << left.size(); ++subset) {
                std::vector<NodeId> chosen;
                bool whole = true;
                for (std::size_t i = 0; i < left.size() && whole; ++i) {
                    if ((subset >> i & 1) == 0) continue;
                    for (const NodeId other : chosen)
                        whole =
                            whole && cuts.count({other, left[i]}) == 0 && cuts.count({left[i], other}) == 0;
                    chosen.push_back(left[i]);
                }
                const bool better =
                    chosen.size() > best.size() || (chosen.size() == best.size() && chosen < best);
                if (whole && better) best = chosen;
            }
            sets.emplace_back();
            for (const NodeId node : best) {
                sets.back().insert(node);
                left.erase(std::find(left.begin(), left.end(), node));
            }
        }
        return sets;
    }

    // Each set is one ring.
    [[nodiscard]] bool is_settled(const std::vector<base::NodeSet>& sets) const {
        for (const base::NodeSet& set : sets) {
            const base::RingId ring = world_.status(set.front()).view.ring;
            for (const NodeId node : set) {
                const totem::RingStatus s = world_.status(node);
                if (s.phase != "operational" || s.view.nodes() != set || s.view.ring != ring) return false;
                for (const Member& m : s.view.members) {
                    if (m != world_.member(m.node)) return false;
                }
            }
        }
        return true;
    }

    // What the members, or former processes of their nodes, once sent arrives again, in any order. Frames of
    // a process that is gone and was not replaced are left out: nothing tells them from a sign of life.
    void replay() {
        recorder_.tell("a recording arrives");
        for (Recording::Frame& frame : recorder_.recording.frames()) {
            if (!world_.up(frame.from.node)) continue;
            ++tally_.replayed;
            const NodeId to =
                NodeId{1 + static_cast<std::uint32_t>(faults_.rng.below(world_.roster().size()))};
            world_.at(world_.now() + microseconds(between(faults_.rng, 0, 500'000)),
                      [this, to, frame = std::move(frame)] {
                          if (to != frame.from.node) world_.inject(frame.from, to, frame.bytes);
                      });
        }
    }

    [[nodiscard]] bool is_over() const { return checker_.failed() || world_.livelocked(); }

    bool until(const std::function<bool()>& condition, Duration limit) {
        const auto done = [&] { return checker_.failed() || condition(); };
        return world_.run_until(done, world_.now() + limit);
    }

    [[nodiscard]] std::vector<Member> living() const {
        std::vector<Member> members;
        for (const NodeId id : world_.running()) members.push_back(world_.member(id));
        return members;
    }

    [[nodiscard]] bool all_sent() const {
        for (const NodeId id : world_.running()) {
            if (world_.status(id).queued_bytes > 0) return false;
        }
        return true;
    }

    [[nodiscard]] std::string who_is_where() const {
        std::string text;
        for (const NodeId id : world_.running()) {
            const totem::RingStatus s = world_.status(id);
            text += " " + base::to_string(id) + ":" + s.phase + " " + base::to_string(s.view.ring) +
                    base::to_string(s.view.nodes());
        }
        return text;
    }

    static Duration nanoseconds(std::int64_t n) { return {n}; }

    base::Rng root_;
    totem::RingConfig config_;
    Mix mix_;
    Weather weather_;
    Recorder recorder_;
    World world_;
    Checker checker_;
    Faults faults_;
    base::Rng traffic_rng_, safe_rng_;
    std::uint32_t safe_{0};  // chance that a message is sent as safe
    Tally tally_;
    Instant traffic_until_;
    Duration message_interval_;
    NodeId deaf_;  // at the end, for good; 0: nobody
    std::uint64_t last_id_{0};
    std::string stuck_;
};

}  // namespace

void judge(Outcome& outcome, const World& world, const std::string& violation, const std::string& stuck) {
    outcome.tally.virtual_ms = static_cast<std::uint64_t>(world.now().ns / 1'000'000);
    outcome.tally.steps = world.steps;
    outcome.tally.most_steps_at_once = world.most_steps_at_once;
    outcome.tally.hits = world.hits;
    outcome.verdict = !violation.empty()   ? Verdict::safety
                      : world.livelocked() ? Verdict::livelock
                      : !stuck.empty()     ? Verdict::liveness
                                           : Verdict::ok;
    outcome.what = !violation.empty()   ? violation
                   : world.livelocked() ? "time stands still at " + std::to_string(world.now().ns) + " ns"
                                        : stuck;
}

Outcome run_seed(std::uint64_t seed, bool trace) {
    const auto run = [seed](bool traced) {
        return is_quiet(seed) ? run_quiet_seed(seed, traced) : Run(seed, traced)();
    };
    Outcome outcome = run(trace);
    if (outcome.verdict == Verdict::ok && seed % kTwiceEvery == 0 &&
        run(false).trace_hash != outcome.trace_hash) {
        outcome.verdict = Verdict::safety;
        outcome.what = "the same seed went another way the second time";
    }
    return outcome;
}

}  // namespace sim
