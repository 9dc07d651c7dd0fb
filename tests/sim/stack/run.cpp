#include "tests/sim/stack/run.hpp"

#include <algorithm>
#include <utility>

#include "tests/sim/ring/bounds.hpp"

namespace stack_sim {

Tally& Tally::operator+=(const Tally& o) {
    virtual_ms += o.virtual_ms, steps += o.steps, submitted += o.submitted, deliveries += o.deliveries;
    views += o.views, sealed += o.sealed, key_changes += o.key_changes, in_pieces += o.in_pieces;
    pieces_given_up += o.pieces_given_up, distrusted += o.distrusted, wrong_source += o.wrong_source;
    for (std::size_t i = 0; i < std::size(rejected); ++i) rejected[i] += o.rejected[i];
    for (std::size_t i = 0; i < std::size(trials); ++i) trials[i] += o.trials[i];
    for (std::size_t i = 0; i < std::size(junk); ++i) junk[i] += o.junk[i];
    faults += o.faults;
    hits += o.hits;
    worst_unite_ms = std::max(worst_unite_ms, o.worst_unite_ms);
    worst_paths_ms = std::max(worst_paths_ms, o.worst_paths_ms);
    worst_deliver_ms = std::max(worst_deliver_ms, o.worst_deliver_ms);
    most_steps_at_once = std::max(most_steps_at_once, o.most_steps_at_once);
    return *this;
}

namespace {

using base::microseconds;
using base::milliseconds;
using base::seconds;

constexpr std::uint64_t kTwiceEvery = 10;

class Run {
  public:
    Run(std::uint64_t seed, bool trace)
        : rng_(seed),
          world_(rng_.next(), draw_setup(rng_.split()), trace),
          weather_(draw_weather(rng_.split())),
          faults_(world_, weather_, Mix(rng_.split()), rng_.split(), tally_.faults),
          traffic_rng_(rng_.split()),
          config_(world_.setup().ring) {
        draw_paths(world_.network, rng_.split());
        world_.subject = any();
    }

    Outcome operator()() {
        safety_phase();
        if (!is_over()) liveness_phase();
        if (!is_over() && stuck_.empty()) trials();
        std::string wrong = world_.witness.violation();
        if (wrong.empty() && world_.witness.trusted())
            wrong =
                world_.witness.checker().finally(stuck_.empty() ? world_.living() : std::vector<Member>{});
        return judged(wrong);
    }

  private:
    [[nodiscard]] Outcome judged(const std::string& wrong) {
        Outcome out;
        for (const NodeId node : world_.running()) count(world_.machine(node).stack().status());
        tally_.virtual_ms = static_cast<std::uint64_t>(world_.now().ns / 1'000'000);
        tally_.steps = world_.timeline.steps;
        tally_.most_steps_at_once = world_.timeline.most_steps_at_once;
        tally_.deliveries = world_.witness.deliveries();
        tally_.views = world_.witness.views();
        tally_.sealed = world_.witness.audit.frames();
        tally_.key_changes = faults_.keys.done();
        tally_.hits = world_.hits;
        std::copy(std::begin(world_.junk), std::end(world_.junk), std::begin(tally_.junk));
        out.trace_hash = world_.witness.hash();
        out.tally = tally_;
        const bool stands_still = world_.timeline.livelocked();
        out.verdict = !wrong.empty()    ? sim::Verdict::safety
                      : stands_still    ? sim::Verdict::livelock
                      : !stuck_.empty() ? sim::Verdict::liveness
                                        : sim::Verdict::ok;
        out.what = !wrong.empty() ? wrong
                   : stands_still ? "time stands still at " + std::to_string(world_.now().ns) + " ns"
                                  : stuck_;
        return out;
    }

    void count(const totem::StackStatus& status) {
        tally_.in_pieces += status.in_pieces;
        tally_.pieces_given_up += status.pieces_given_up;
        tally_.wrong_source += status.wrong_source;
        for (std::size_t i = 0; i < totem::kRejectedKinds; ++i) tally_.rejected[i] += status.rejected[i];
    }

    void safety_phase() {
        world_.weather = weather_;
        world_.fsync = milliseconds(between(rng_, 0, 20));
        const Instant end = world_.now() + milliseconds(between(rng_, 500, 3000));
        for (const NodeId node : world_.roster()) {
            world_.timeline.at(world_.now() + milliseconds(between(rng_, 0, 100)),
                               [this, node] { world_.machine(node).start(); });
        }
        traffic_until_ = end;
        interval_ = microseconds(between(traffic_rng_, 2000, 40'000));
        traffic();
        const Duration calm = milliseconds(between(rng_, 20, 400));
        while (world_.now() < end && !is_over()) {
            rest(Duration{between(rng_, 0, 2 * calm.ns)});
            if (!is_over()) faults_.strike();
        }
    }

    void traffic() {
        if (world_.now() >= traffic_until_) return;
        const int burst = traffic_rng_.chance(30) ? static_cast<int>(between(traffic_rng_, 5, 40)) : 1;
        const NodeId node = any_of(traffic_rng_);
        for (int i = 0; i < burst; ++i)
            submit(node, 8 + traffic_rng_.below(traffic_rng_.chance(200) ? 20'000 : 1000));
        world_.timeline.at(world_.now() + Duration{between(traffic_rng_, 0, 2 * interval_.ns)},
                           [this] { traffic(); });
    }

    void submit(NodeId node, std::size_t size) {
        const auto guarantee = traffic_rng_.chance(200) ? totem::Guarantee::safe : totem::Guarantee::agreed;
        if (world_.machine(node).submit(sim::make_payload(++last_id_, size), guarantee) ==
            totem::Submit::accepted)
            ++tally_.submitted;
    }

    NodeId any_of(base::Rng& rng) {
        return NodeId{1 + static_cast<std::uint32_t>(rng.below(world_.roster().size()))};
    }
    NodeId any() { return any_of(rng_); }

    // Faults end: whoever lives must find together and deliver everything.
    void liveness_phase() {
        faults_.end();
        world_.witness.tell("faults end");
        world_.remove_copies();
        if (!world_.witness.trusted()) {
            ++tally_.distrusted;
            for (const NodeId node : world_.roster()) world_.machine(node).crash();
            rest(seconds(1));
            world_.witness.forget();
        }
        for (const NodeId node : world_.roster()) {
            if (rng_.chance(850) || node == world_.subject) world_.machine(node).start();
        }
        // Pauses that still last, and nodes that were lost again and again are held off for up to 8 x token
        // (docs/protocol.md).
        if (rng_.chance(700)) part();
        rest(config_.token_timeout * 11 + weather_.slow_by);
        world_.witness.tell("healed for good");
        faults_.heal();
        forget_the_past();
        if (is_over() || !stuck_.empty()) return;
        if (rng_.chance(250))
            world_.witness.tell(lose_group(world_.network, world_.roster(), world_.links(), rng_));
        const Duration unite = sim::unites_within(config_);
        const Instant from = world_.now();
        if (!until([&] { return checker().one_ring(world_.living()); }, unite)) {
            if (!is_over()) stuck_ = checker().apart(world_.living(), unite, unite);
            return;
        }
        tally_.worst_unite_ms = static_cast<std::uint64_t>((world_.now() - from).ms());
        checker().allow(0);
        wait_for_paths();
        wait_for_deliveries();
    }

    // Whose memory is from the past is told so, by whoever knows, and ends.
    void forget_the_past() {
        const Duration bound = config_.token_timeout * 2;
        if (until([this] { return world_.from_the_past() == NodeId{}; }, bound) || is_over()) return;
        stuck_ = "node " + base::to_string(world_.from_the_past()) + " was put back, and goes on " +
                 std::to_string(bound.ms()) + " ms after faults ended, though others have heard more of it";
    }

    // While all that settles, they need not hear each other.
    void part() {
        const std::uint64_t side = rng_.next();
        world_.network.for_each([&](std::size_t /*link*/, NodeId from, NodeId to, Path& path) {
            path.cut = (side >> from.value & 1) != (side >> to.value & 1);
        });
    }

    // Nothing is in the way of any path.
    void wait_for_paths() {
        const Instant from = world_.now();
        const auto all_up = [this] {
            for (const NodeId node : world_.running()) {
                for (const totem::LinkStatus& path : world_.machine(node).stack().status().links) {
                    if (world_.machine(path.peer).up() && path.state != totem::LinkState::up) return false;
                }
            }
            return true;
        };
        const Duration bound = config_.token_timeout * 4;
        bool up = all_up();
        while (!up && !is_over() && world_.now() < from + bound) {
            rest(milliseconds(10));
            up = all_up();
        }
        if (!up && !is_over())
            stuck_ = "paths are not up " + std::to_string(bound.ms()) + " ms after faults ended";
        tally_.worst_paths_ms =
            std::max(tally_.worst_paths_ms, static_cast<std::uint64_t>((world_.now() - from).ms()));
    }

    void wait_for_deliveries() {
        if (is_over() || !stuck_.empty()) return;
        const Instant from = world_.now();
        const auto done = [this] {
            for (const NodeId node : world_.running()) {
                if (world_.machine(node).stack().queued_bytes() > 0) return false;
            }
            return checker().undelivered(world_.living()).empty();
        };
        bool all = done();
        while (!all && !is_over() && world_.now() < from + seconds(20)) {
            rest(milliseconds(20));
            all = done();
        }
        if (!all && !is_over()) stuck_ = "20 s were not enough: " + checker().undelivered(world_.living());
        tally_.worst_deliver_ms =
            std::max(tally_.worst_deliver_ms, static_cast<std::uint64_t>((world_.now() - from).ms()));
    }

    // A quiet cluster bears these; each ends with all messages delivered, and none changes a view.
    void trials() {
        if (world_.running().size() < 2) return;
        for (std::uint64_t n = 1 + rng_.below(2); n > 0 && !is_over() && stuck_.empty(); --n) {
            const auto trial = static_cast<Trial>(rng_.below(kTrialNames.size()));
            if (trial == Trial::lost_link && world_.links() < 2) continue;
            if (trial == Trial::lost_group && !any_group()) continue;
            ++tally_.trials[static_cast<std::size_t>(trial)];
            world_.witness.tell("trial:" + std::string(kTrialNames[static_cast<std::size_t>(trial)]));
            // Who was put back could learn that from a recording, and rightly.
            const bool naive = world_.machine(world_.subject).was_put_back();
            if (trial == Trial::junk && (rng_.chance(500) || naive)) restart_subject();
            if (is_over() || !stuck_.empty()) return;
            traffic_until_ = world_.now() + seconds(10);
            interval_ = microseconds(between(traffic_rng_, 5000, 50'000));
            traffic();
            run_trial(trial);
            traffic_until_ = world_.now();
            wait_for_deliveries();
        }
    }

    void run_trial(Trial trial) {
        switch (trial) {
            case Trial::junk:
                return bear_junk();
            case Trial::lost_link:
                return lose_link();
            case Trial::lost_group:
                return lose_a_group();
            case Trial::smaller_paths:
                return shrink_paths();
            case Trial::key_change:
                faults_.keys.begin(milliseconds(between(rng_, 0, 100)));
                until([this] { return !faults_.keys.under_way(); }, seconds(2));
                return rest(milliseconds(200));
            case Trial::jump:
                for (std::uint64_t n = 1 + rng_.below(4); n > 0; --n) {
                    world_.machine(any()).jump();
                    rest(milliseconds(between(rng_, 0, 100)));
                }
                return rest(milliseconds(200));
            case Trial::put_back:
                return put_back_subject();
            case Trial::kinds:
                return;
        }
    }

    // E13: strangers, damage and recordings, beside a twin of the subject that gets none of it.
    void bear_junk() {
        // What came before its sender was proven may count when it comes again.
        world_.past.watch(world_.machine(world_.subject).member());
        world_.machine(world_.subject).begin_twin();
        world_.weather.damaged = static_cast<std::uint32_t>(rng_.below(200));
        checker().allow(0, sim::Checker::Disturbance::past);
        for (std::uint64_t n = 50 + rng_.below(100); n > 0 && !is_over(); --n) {
            const auto kind = static_cast<Junk>(rng_.below(static_cast<std::size_t>(Junk::kinds)));
            if (rng_.chance(50)) world_.throw_recording(world_.subject, milliseconds(300));
            world_.throw_junk(rng_.chance(700) ? world_.subject : any(), kind);
            rest(microseconds(between(rng_, 0, 8000)));
        }
        world_.weather.damaged = 0;
        rest(milliseconds(400));
        world_.machine(world_.subject).end_twin();
    }

    // So that it knows nobody's past; and perhaps some other node has gone before, whose recordings come.
    void restart_subject() {
        checker().allow_any();
        std::vector<NodeId> nodes = world_.running();
        std::erase(nodes, world_.subject);
        if (nodes.size() > 1 && rng_.chance(600)) {
            world_.machine(nodes[rng_.below(nodes.size())]).crash();
        }
        rest(milliseconds(3500));
        world_.machine(world_.subject).crash();
        world_.machine(world_.subject).start();
        // What is thrown at a process that is about to meet its peers must not lead it astray.
        for (std::uint64_t n = rng_.below(4); n > 0; --n)
            world_.throw_recording(world_.subject, milliseconds(100));
        await_one_ring();
    }

    void await_one_ring() {
        if (is_over() || !stuck_.empty()) return;
        const Duration bound = config_.token_timeout * 12 + sim::unites_within(config_);
        if (!until([&] { return checker().one_ring(world_.living()); }, bound) && !is_over())
            stuck_ = checker().apart(world_.living(), bound, bound);
        rest(seconds(1));
        checker().allow(0);
        if (!is_over() && stuck_.empty()) wait_for_paths();
    }

    // All else is well: whoever heard its machine since then tells it.
    void put_back_subject() {
        checker().allow_any();
        rest(milliseconds(between(rng_, 0, 8000)));
        // By a few frames, often: what it says next soon has numbers that nobody has heard.
        const Duration ago = rng_.chance(500) ? microseconds(between(rng_, 0, 20'000))
                                              : milliseconds(between(rng_, 0, 12'000));
        const Snapshot was = world_.machine(world_.subject).snapshot(ago);
        world_.machine(world_.subject).lose_power();
        rest(config_.token_timeout * 3 + milliseconds(between(rng_, 0, 3000)));
        if (is_over()) return;
        world_.put_back(was, rng_.chance(500), rng_.chance(500));
        forget_the_past();
        await_one_ring();
    }

    void lose_link() {
        const std::size_t link = rng_.below(world_.links());
        const NodeId node = any(), other = other_than(node);
        const std::uint64_t how = rng_.below(5);
        world_.witness.tell("link " + std::to_string(link) + " lost, way " + std::to_string(how) + ": node " +
                            base::to_string(node) + ", " + base::to_string(other));
        if (how == 0) world_.machine(node).set_port(link, false, world_.setup().mtu);
        world_.network.for_each([&](std::size_t of, NodeId from, NodeId to, Path& path) {
            if (of != link) return;
            path.cut = how == 1 || (how == 2 && (from == node || to == node)) || (how == 3 && from == node) ||
                       (how == 4 && from == node && to == other);
        });
        rest(config_.token_timeout * 3);
        if (how == 0) world_.machine(node).set_port(link, true, world_.setup().mtu);
        faults_.heal();
        rest(config_.token_timeout * 2);
        if (!is_over()) wait_for_paths();
    }

    [[nodiscard]] bool any_group() const {
        const std::vector<bool>& by_group = world_.setup().by_group;
        return std::find(by_group.begin(), by_group.end(), true) != by_group.end();
    }

    // Everything is delivered while a group is dead, at the first try; copies go to those that it does not
    // reach and to nobody else, and to nobody at all when it is whole again.
    void lose_a_group() {
        faults_.heal();
        expect_copies();
        world_.witness.tell(lose_group(world_.network, world_.roster(), world_.links(), rng_));
        expect_copies();
        traffic_until_ = world_.now();
        wait_for_deliveries();
        const std::uint64_t first = sum(&totem::RingStatus::sent);
        const std::uint64_t again = sum(&totem::RingStatus::retransmitted);
        for (int i = 0; i < 50; ++i) {
            submit(any(), 8 + rng_.below(1000));
            rest(milliseconds(2));
        }
        wait_for_deliveries();
        if (is_over() || !stuck_.empty()) return;
        const std::uint64_t repeated = sum(&totem::RingStatus::retransmitted) - again;
        const std::uint64_t all = sum(&totem::RingStatus::sent) - first;
        if (repeated * 4 > all) {
            world_.witness.violate("groups: of " + std::to_string(all) + " datagrams " +
                                   std::to_string(repeated) + " were sent again");
        }
        faults_.heal();
        expect_copies();
    }

    [[nodiscard]] std::uint64_t sum(std::uint64_t totem::RingStatus::*of) {
        std::uint64_t out = 0;
        for (const NodeId node : world_.running()) out += world_.machine(node).stack().ring_status().*of;
        return out;
    }

    void expect_copies() {
        rest(config_.token_timeout * 2);
        for (const NodeId node : world_.running()) {
            if (is_over()) return;
            for (const totem::LinkStatus& way : world_.machine(node).stack().status().links) {
                if (!world_.machine(way.peer).up() || !world_.setup().by_group[way.number]) continue;
                if (way.copies == world_.network.path(way.number, node, way.peer).group_cut) continue;
                world_.witness.violate("groups: node " + base::to_string(node) + " gives node " +
                                       base::to_string(way.peer) + (way.copies ? "" : " no") +
                                       " copies by link " + std::to_string(way.number));
            }
        }
    }

    NodeId other_than(NodeId node) {
        const auto nodes = static_cast<std::uint32_t>(world_.roster().size());
        return NodeId{(node.value + static_cast<std::uint32_t>(rng_.below(nodes - 1))) % nodes + 1};
    }

    // Large packets vanish on some path; the ring stays, and soon nothing too large is sent any more.
    void shrink_paths() {
        constexpr std::array<std::size_t, 5> kSizes = {700, 1028, 1280, 1400, 1500};
        const std::size_t size = kSizes[rng_.below(kSizes.size())];
        // A token that asks for much is larger than 700 bytes, and may be lost until the path is known.
        if (size < 1000) checker().allow_any();
        const bool all = rng_.chance(300), fragments = rng_.chance(300);
        const NodeId node = any(), other = other_than(node);
        const std::size_t link = rng_.below(world_.links());
        world_.network.for_each([&](std::size_t of, NodeId from, NodeId to, Path& path) {
            if (!all && (of != link || from != node || to != other)) return;
            path.mtu = std::min(path.mtu, size);
            path.fragments = fragments;
        });
        world_.witness.tell("paths carry " + std::to_string(size) + " bytes" +
                            (fragments ? " and cut what is larger" : ""));
        for (int i = 0; i < 10; ++i) submit(any(), 5000);
        rest(config_.token_timeout * 6 + seconds(2));
        world_.too_large.clear();
        rest(milliseconds(500));
        if (!is_over() && !world_.too_large.empty())
            world_.witness.violate("sizes: still " + world_.too_large);
    }

    void rest(Duration how_long) {
        static_cast<void>(until([] { return false; }, how_long));
    }
    bool until(const std::function<bool()>& condition, Duration limit) {
        const auto done = [&] { return world_.witness.failed() || condition(); };
        return world_.timeline.run_until(done, world_.now() + limit);
    }
    [[nodiscard]] bool is_over() const { return world_.witness.failed() || world_.timeline.livelocked(); }
    [[nodiscard]] sim::Checker& checker() { return world_.witness.checker(); }

    Tally tally_;
    base::Rng rng_;
    World world_;
    Weather weather_;
    Faults faults_;
    base::Rng traffic_rng_;
    totem::RingConfig config_;
    Instant traffic_until_;
    Duration interval_;
    std::uint64_t last_id_{0};
    std::string stuck_;
};

}  // namespace

Outcome run_seed(std::uint64_t seed, bool trace) {
    Outcome outcome = Run(seed, trace)();
    if (outcome.verdict == sim::Verdict::ok && seed % kTwiceEvery == 0 &&
        Run(seed, false)().trace_hash != outcome.trace_hash) {
        outcome.verdict = sim::Verdict::safety;
        outcome.what = "the same seed went another way the second time";
    }
    return outcome;
}

}  // namespace stack_sim
