#include "tests/sim/ring/run.hpp"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <utility>

#include "tests/sim/ring/checker.hpp"

namespace sim {

Tally& Tally::operator+=(const Tally& o) {
    virtual_ms += o.virtual_ms, steps += o.steps, deliveries += o.deliveries, transitional += o.transitional,
        views += o.views;
    submitted += o.submitted, large += o.large, crashes += o.crashes, massacres += o.massacres,
        restarts += o.restarts;
    diskless += o.diskless, pauses += o.pauses, goodbyes += o.goodbyes, partitions += o.partitions,
        torn_crashes += o.torn_crashes, ambushes += o.ambushes;
    one_way_cuts += o.one_way_cuts, replayed += o.replayed, heals += o.heals, storms += o.storms;
    hits += o.hits;
    coverage += o.coverage;
    worst_unite_ms = std::max(worst_unite_ms, o.worst_unite_ms);
    worst_deliver_ms = std::max(worst_deliver_ms, o.worst_deliver_ms);
    return *this;
}

namespace {

using base::microseconds;
using base::milliseconds;
using base::seconds;

// Feeds the checker, hashes everything that was seen, and prints it if wanted.
// Datagrams of the past that may arrive once more, some of each type.
class Recording {
  public:
    struct Frame {
        Member from;
        base::Bytes bytes;
    };
    explicit Recording(base::Rng rng) : rng_(rng) {}
    // Each one has the same chance to be kept (reservoir sampling).
    void add(const Member& from, const base::Bytes& bytes) {
        Type& type = types_[bytes[1]];
        const std::uint64_t at = rng_.below(++type.seen);
        if (type.frames.size() < kEach) {
            type.frames.push_back({from, bytes});
        } else if (at < kEach) {
            type.frames[at] = {from, bytes};
        }
    }
    [[nodiscard]] std::vector<Frame> frames() const {
        std::vector<Frame> all;
        for (const auto& [number, type] : types_)
            all.insert(all.end(), type.frames.begin(), type.frames.end());
        return all;
    }

  private:
    static constexpr std::size_t kEach = 16;
    struct Type {
        std::uint64_t seen{0};
        std::vector<Frame> frames;
    };
    base::Rng rng_;
    std::map<std::uint8_t, Type> types_;
};

class Recorder final : public Observer {
  public:
    Recorder(bool trace, base::Rng rng) : recording(rng), trace_(trace) {}
    void attach(const World& world, Checker& checker) {
        world_ = &world;
        checker_ = &checker;
    }
    [[nodiscard]] std::uint64_t hash() const { return hash_; }
    [[nodiscard]] const Coverage& coverage() const { return coverage_; }
    Recording recording;
    bool with_disk{true};                   // of the next start
    std::function<void()> on_phase_change;  // of any node; may be empty

    void started(const Member& who) override {
        checker_->started(who, with_disk);
        line(who, with_disk ? "STARTED" : "STARTED WITHOUT ITS DISK");
    }
    void ended(const Member& who) override { line(who, "ENDED"); }
    void sent(const Member& who, const totem::Datagram& datagram) override {
        recording.add(who, datagram.bytes);
    }
    void fed(const Member& /*who*/, const std::string& phase,
             const std::vector<totem::Opened>& batch) override {
        coverage_.fed(phase, batch);
    }
    void submitted(const Member& who, base::ByteView payload) override { checker_->submitted(who, payload); }
    void noted(const Member& who, base::Level /*level*/, const std::string& text) override {
        line(who, text);
        // The only thing that is read out of a note: when it is a bad moment for a fault.
        if (on_phase_change && text.find(" -> ") != std::string::npos) on_phase_change();
    }
    void happened(const Member& who, const totem::Event& event) override {
        checker_->happened(who, event);
        if (const auto* d = std::get_if<totem::Delivered>(&event)) {
            base::ByteReader in(d->payload);
            line(who, "delivered " + std::to_string(in.u64()) + " at " + base::to_string(d->ring) + ":" +
                          std::to_string(d->seq.value >> 16) + "." + std::to_string(d->seq.value & 0xffff) +
                          (d->transitional ? " transitional" : ""));
        } else if (const auto* t = std::get_if<totem::Transitional>(&event)) {
            line(who, "transitional " + base::to_string(t->view.nodes()) + " of ring " +
                          base::to_string(t->view.ring));
        }
        if (checker_->failed() && trace_ && !std::exchange(told_, true))
            line(who, "VIOLATION: " + checker_->violation());
    }

    void tell(const std::string& text) { line({}, text); }

  private:
    void line(const Member& who, const std::string& text) {
        mix(static_cast<std::uint64_t>(world_->now().ns));
        mix(who.node.value);
        for (const char c : text) mix(static_cast<std::uint8_t>(c));
        if (!trace_) return;
        std::printf("%10.3f ms  %s  %s\n", static_cast<double>(world_->now().ns) / 1e6,
                    who.node.value == 0
                        ? "   *  "
                        : (base::to_string(who.node) + "/" + std::to_string(who.incarnation.value)).c_str(),
                    text.c_str());
    }
    void mix(std::uint64_t v) { hash_ = (hash_ ^ v) * 0x100000001b3ULL; }

    bool trace_;
    bool told_{false};
    const World* world_{nullptr};
    Checker* checker_{nullptr};
    Coverage coverage_;
    std::uint64_t hash_{0xcbf29ce484222325ULL};
};

std::int64_t between(base::Rng& rng, std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(high - low + 1)));
}

totem::RingConfig draw_config(base::Rng rng) {
    totem::RingConfig config;
    if (rng.chance(600)) config.token_timeout = milliseconds(between(rng, 100, 1000));
    config.consensus_timeout = milliseconds(between(rng, 50, 300));
    config.hop_retry = milliseconds(between(rng, 5, 20));
    config.join_interval = milliseconds(between(rng, 20, 50));
    if (rng.chance(500)) {
        config.window = static_cast<std::size_t>(between(rng, 4, 256));
        config.max_per_visit = static_cast<std::size_t>(between(rng, 1, 64));
    }
    if (rng.chance(400)) config.datagram_size = static_cast<std::size_t>(between(rng, 512, 9000));
    return config;
}

Weather draw_weather(base::Rng rng) {
    Weather w;
    if (rng.chance(700))
        w.loss = static_cast<std::uint32_t>(rng.chance(200) ? rng.below(300) : rng.below(60));
    if (rng.chance(600)) w.duplicate = static_cast<std::uint32_t>(rng.below(150));
    if (rng.chance(600)) w.slow = static_cast<std::uint32_t>(rng.below(200));
    if (rng.chance(500)) w.lazy = static_cast<std::uint32_t>(rng.below(1000));
    w.lazy_by = microseconds(between(rng, 50, 3000));
    w.delay = microseconds(between(rng, 20, 500));
    w.jitter = microseconds(between(rng, 0, 300));
    if (rng.chance(700)) w.refused = static_cast<std::uint32_t>(rng.below(1001));
    if (rng.chance(400)) w.rumour = static_cast<std::uint32_t>(rng.below(20));
    w.guarded = static_cast<std::uint32_t>(rng.below(1001));
    w.slow_by = milliseconds(rng.chance(200) ? between(rng, 50, 2000) : between(rng, 1, 30));
    return w;
}

std::uint32_t draw_nodes(base::Rng rng) {
    return static_cast<std::uint32_t>(rng.chance(100) ? between(rng, 9, 16) : between(rng, 2, 8));
}

// How likely each fault is in this seed: most seeds know only some (swarm testing: Groce and others, ISSTA
// 2012).
struct Mix {
    enum Kind : std::size_t {
        torn,
        crash,
        massacre,
        restart,
        pause,
        goodbye,
        partition,
        one_way,
        heal,
        storm,
        kinds
    };
    std::uint64_t weight[kinds] = {};
    std::uint32_t ambush{
        0};  // chance that a fault is followed by another amid the view change that it causes
    explicit Mix(base::Rng rng) {
        for (std::uint64_t& w : weight) w = rng.chance(500) ? 1 + rng.below(10) : 0;
        weight[restart] += 5;
        weight[heal] += 4;
        ambush = rng.chance(700) ? static_cast<std::uint32_t>(rng.below(900)) : 0;
    }
    [[nodiscard]] Kind draw(base::Rng& rng) const {
        std::uint64_t total = 0;
        for (const std::uint64_t w : weight) total += w;
        std::uint64_t at = rng.below(total);
        std::size_t kind = 0;
        while (at >= weight[kind]) at -= weight[kind++];
        return static_cast<Kind>(kind);
    }
};

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
          fault_rng_(root_.split()),
          traffic_rng_(root_.split()) {
        recorder_.attach(world_, checker_);
        recorder_.on_phase_change = [this] { phase_changed(); };
    }

    Outcome operator()() {
        safety_phase();
        if (!checker_.failed()) liveness_phase();
        Outcome out;
        out.trace_hash = recorder_.hash();
        tally_.virtual_ms = static_cast<std::uint64_t>(world_.now().ns / 1'000'000);
        tally_.steps = world_.steps;
        tally_.deliveries = checker_.deliveries();
        tally_.transitional = checker_.transitional_deliveries();
        tally_.views = checker_.views();
        tally_.hits = world_.hits;
        tally_.coverage = recorder_.coverage();
        out.tally = tally_;
        out.verdict = checker_.failed() ? Verdict::safety : stuck_.empty() ? Verdict::ok : Verdict::liveness;
        out.what = checker_.failed() ? checker_.violation() : stuck_;
        return out;
    }

  private:
    void safety_phase() {
        world_.weather = weather_;
        world_.fsync = milliseconds(between(fault_rng_, 0, 20));
        const Instant end = world_.now() + seconds(between(fault_rng_, 3, 12));
        for (const NodeId id : world_.roster()) {
            world_.at(world_.now() + milliseconds(between(fault_rng_, 0, 200)),
                      [this, id] { start(id, true); });
        }
        traffic_until_ = end;
        message_interval_ = microseconds(between(traffic_rng_, 200, 30'000));
        traffic();
        const Duration calm = milliseconds(between(fault_rng_, 20, 1500));
        while (world_.now() < end && !checker_.failed()) {
            const auto wait = nanoseconds(between(fault_rng_, 0, 2 * calm.ns));
            static_cast<void>(until([] { return false; }, wait));
            if (checker_.failed()) return;
            if (fault_rng_.chance(mix_.ambush)) ambush_in_ = 1 + fault_rng_.below(8 * world_.roster().size());
            fault();
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
            if (world_.submit(node, make_payload(++last_id_, size)) == totem::Submit::accepted)
                ++tally_.submitted;
            size = 8 + traffic_rng_.below(300);
        }
        world_.at(world_.now() + nanoseconds(between(traffic_rng_, 0, 2 * message_interval_.ns)),
                  [this] { traffic(); });
    }

    void start(NodeId id, bool with_disk) {
        if (world_.up(id)) return;
        recorder_.with_disk = with_disk;
        world_.start(id, with_disk);
    }

    NodeId any() {
        return NodeId{1 + static_cast<std::uint32_t>(traffic_rng_.below(world_.roster().size()))};
    }
    NodeId any_for_fault() {
        return NodeId{1 + static_cast<std::uint32_t>(fault_rng_.below(world_.roster().size()))};
    }

    void fault() {
        const NodeId id = any_for_fault();
        switch (mix_.draw(fault_rng_)) {
            case Mix::crash:
                crash(id);
                break;
            case Mix::torn:
                tear(id);
                break;
            case Mix::massacre:
                ++tally_.massacres;
                for (std::uint64_t n = 1 + fault_rng_.below(world_.roster().size()); n > 0; --n)
                    crash(any_for_fault());
                break;
            case Mix::restart:
                restart(id);
                break;
            case Mix::pause:
                pause(id);
                break;
            case Mix::goodbye:
                goodbye(id);
                break;
            case Mix::partition:
                partition();
                break;
            case Mix::one_way:
                ++tally_.one_way_cuts;
                recorder_.tell("one-way cut from " + base::to_string(id));
                world_.cut(id, any_for_fault(), true);
                heal_soon();
                break;
            case Mix::heal:
                ++tally_.heals;
                recorder_.tell("healed");
                world_.heal();
                break;
            case Mix::storm:
                storm();
                break;
            case Mix::kinds:
                break;
        }
    }

    void phase_changed() {
        if (calm_ || ambush_in_ == 0 || --ambush_in_ > 0) return;
        ++tally_.ambushes;
        if (fault_rng_.chance(mix_.ambush / 2))
            ambush_in_ = 1 + fault_rng_.below(4 * world_.roster().size());  // and again
        world_.at(world_.now() + microseconds(between(fault_rng_, 0, 1500)), [this] {
            if (!calm_) fault();
        });
    }

    void tear(NodeId id) {
        if (!world_.up(id)) return;
        ++tally_.torn_crashes;
        recorder_.tell("node " + base::to_string(id) + " will crash while it sends");
        world_.crash_while_sending(id);
        // Something to send, so that it does.
        for (int i = 0; i < 20; ++i) {
            if (world_.submit(id, make_payload(++last_id_, 2000)) == totem::Submit::accepted)
                ++tally_.submitted;
        }
        for (const NodeId other : world_.roster()) {
            if (other == id || !world_.up(other)) continue;
            if (world_.submit(other, make_payload(++last_id_, 8 + fault_rng_.below(3000))) ==
                totem::Submit::accepted)
                ++tally_.submitted;
        }
    }

    void crash(NodeId id) {
        if (!world_.up(id)) return;
        ++tally_.crashes;
        world_.crash(id);
    }

    void restart(NodeId id) {
        if (world_.up(id)) crash(id);
        ++tally_.restarts;
        const bool with_disk = !fault_rng_.chance(60);
        tally_.diskless += with_disk ? 0 : 1;
        start(id, with_disk);
    }

    void pause(NodeId id) {
        if (!world_.up(id)) return;
        ++tally_.pauses;
        const Duration how_long{between(fault_rng_, milliseconds(1).ns,
                                        config_.token_timeout.ns * (fault_rng_.chance(300) ? 3 : 1))};
        recorder_.tell("node " + base::to_string(id) + " pauses for " + std::to_string(how_long.ms()) +
                       " ms");
        world_.pause(id, how_long);
    }

    void goodbye(NodeId id) {
        if (!world_.up(id)) return;
        ++tally_.goodbyes;
        world_.leave(id);
        if (fault_rng_.chance(500)) start(id, true);  // and back at once
    }

    void partition() {
        ++tally_.partitions;
        std::vector<base::NodeSet> groups(2 + fault_rng_.below(2));
        for (const NodeId n : world_.roster()) groups[fault_rng_.below(groups.size())].insert(n);
        std::string text = "partition";
        for (const base::NodeSet& group : groups) text += " " + base::to_string(group);
        recorder_.tell(text);
        world_.partition(groups);
        heal_soon();
    }

    // Half of all cuts are short: some end before anybody noticed, some amid the view change.
    void heal_soon() {
        if (fault_rng_.chance(500)) return;
        const auto after =
            nanoseconds(between(fault_rng_, 0, 2 * (config_.token_timeout + config_.consensus_timeout).ns));
        world_.at(world_.now() + after, [this] {
            if (calm_) return;
            ++tally_.heals;
            recorder_.tell("healed");
            world_.heal();
        });
    }

    void storm() {
        ++tally_.storms;
        recorder_.tell("storm");
        world_.weather.loss = 500;
        world_.at(world_.now() + milliseconds(between(fault_rng_, 20, 600)), [this] {
            if (!calm_) world_.weather = weather_;
        });
    }

    // Faults end: whoever lives must find together, deliver everything, and then stay quiet.
    void liveness_phase() {
        calm_ = true;
        world_.heal();
        for (const NodeId id : world_.roster()) world_.crash_while_sending(id, false);
        world_.weather = Weather{};
        world_.weather.delay = weather_.delay;
        recorder_.tell("faults end");
        for (const NodeId id : world_.roster()) {
            if (fault_rng_.chance(800)) start(id, true);
        }
        if (world_.running().empty()) start(NodeId{1}, true);
        // Pauses that still last, and traffic still under way, are part of what must end first.
        const Duration settle = config_.token_timeout * 3 + weather_.slow_by;
        const Duration unite =
            config_.token_timeout * 2 + config_.consensus_timeout * 4 + config_.merge_interval * 3;
        const Instant from = world_.now();
        if (!until([&] { return world_.united(); }, settle + unite)) {
            stuck_ = "no single ring " + std::to_string((settle + unite).ms()) +
                     " ms after faults ended: " + who_is_where();
            return;
        }
        tally_.worst_unite_ms = static_cast<std::uint64_t>((world_.now() - from).ms());
        const Instant united = world_.now();
        if (!until([&] { return all_sent() && checker_.undelivered(living()).empty(); }, seconds(60))) {
            stuck_ = "after 60 s " + checker_.undelivered(living()) + ": " + who_is_where();
            return;
        }
        tally_.worst_deliver_ms = static_cast<std::uint64_t>((world_.now() - united).ms());
        static_cast<void>(until([] { return false; }, settle));  // late frames of the fault phase
        if (checker_.failed()) return;
        if (!until([&] { return world_.united(); }, unite)) {
            stuck_ = "the ring did not last: " + who_is_where();
            return;
        }
        const std::uint64_t views = checker_.views();
        world_.weather.rumour = 20;  // of whoever answers, rumours do nothing
        // A datagram lost now and then is no cause.
        world_.weather.loss = 20;
        static_cast<void>(until([] { return false; }, seconds(2)));
        world_.weather.loss = 0;
        if (views != checker_.views()) stuck_ = "views changed without a cause: " + who_is_where();
        replay();
        static_cast<void>(until([] { return false; }, settle));
        if (views != checker_.views() && stuck_.empty())
            stuck_ = "a recording of the past changed views: " + who_is_where();
    }

    // What the members, or former processes of their nodes, once sent arrives again, in any order. Frames of
    // a process that is gone and was not replaced are left out: nothing tells them from a sign of life.
    void replay() {
        recorder_.tell("a recording arrives");
        for (Recording::Frame& frame : recorder_.recording.frames()) {
            if (!world_.up(frame.from.node)) continue;
            ++tally_.replayed;
            const NodeId to = any_for_fault();
            world_.at(world_.now() + microseconds(between(fault_rng_, 0, 500'000)),
                      [this, to, frame = std::move(frame)] {
                          if (to != frame.from.node) world_.inject(frame.from, to, frame.bytes);
                      });
        }
    }

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
    base::Rng fault_rng_, traffic_rng_;
    Tally tally_;
    bool calm_{false};
    std::uint64_t ambush_in_{0};  // phase changes until then; 0: none
    Instant traffic_until_;
    Duration message_interval_;
    std::uint64_t last_id_{0};
    std::string stuck_;
};

}  // namespace

Outcome run_seed(std::uint64_t seed, bool trace) {
    return Run(seed, trace)();
}

}  // namespace sim
