// One seed: nodes with a store and groups on a real ring, a mix of faults, and what came of it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "tests/sim/groups/judge.hpp"
#include "tests/sim/groups/site.hpp"
#include "tests/sim/ring/run.hpp"  // Outcome, Verdict
#include "tests/sim/ring/world.hpp"

namespace sim::groups {

// Counts, for the summary. Plain data.
struct Counts {
    std::uint64_t virtual_ms{0}, steps{0}, rings{0}, syncs{0}, installed{0}, aborted{0}, applied{0},
        transitional{0};
    std::uint64_t handouts{0}, views{0}, cut_offs{0}, stale{0}, crashes{0}, goodbyes{0}, partitions{0},
        pauses{0}, storms{0}, ambushes{0}, corrupted{0}, clients{0}, client_deaths{0}, large{0},
        large_bytes{0};
    std::uint64_t worst_settle_ms{0}, worst_large_ms{0}, worst_latency_us{0}, worst_calm_latency_us{0},
        worst_rotation_us{0};
    Counts& operator+=(const Counts& o);
};

// The processes of a world, and the way between their services and their rings.
class Sites final : public Observer {
  public:
    Sites(std::uint64_t seed, std::uint32_t nodes, const totem::RingConfig& config,
          const SiteOptions& options, bool trace);
    Sites(const Sites&) = delete;
    Sites& operator=(const Sites&) = delete;
    ~Sites() override = default;

    [[nodiscard]] World& world() { return *world_; }
    [[nodiscard]] Judge& judge() { return judge_; }
    [[nodiscard]] Site* site(NodeId node);
    [[nodiscard]] std::vector<Member> living() const;
    // After a client or a store was told something.
    void pump_soon(NodeId node, Duration wait = {});
    // All are one ring, all services are synchronised, and nothing is under way.
    [[nodiscard]] bool at_rest();
    // Until then, and a while beyond. Empty if it came about, else what is left.
    [[nodiscard]] std::string come_to_rest();
    [[nodiscard]] std::string what_is_left();
    bool until(const std::function<bool()>& condition, Duration limit);
    [[nodiscard]] bool is_over() const { return !judge_.violation().empty() || world_->livelocked(); }
    void tell(const std::string& text);
    // What happened, as a number: two runs of a seed have the same.
    [[nodiscard]] std::uint64_t hash() const { return hash_; }
    Counts counts;
    // A state begins to be transferred to this node.
    std::function<void(NodeId needy)> on_transfer;
    std::function<void(Site&)> on_start;

    // Observer.
    void started(const Member& who, bool remembers) override;
    void ended(const Member& who) override;
    void happened(const Member& who, const totem::Event& event) override;
    void noted(const Member& who, base::Level level, const std::string& text) override;
    void looked(const Member& who, const totem::RingStatus& status) override;

    std::uint64_t worst_rotation_us{0};

  private:
    void mix(std::uint64_t v) { hash_ = (hash_ ^ v) * 0x100000001b3ULL; }
    void line(const Member& who, const std::string& text);
    void count(const Site& site);

    bool trace_;
    bool told_{false};
    SiteOptions options_;
    Judge judge_;
    std::unique_ptr<World> world_;
    std::map<NodeId, std::unique_ptr<Site>> sites_;
    std::map<NodeId, Instant> pump_at_;
    std::uint64_t hash_{0xcbf29ce484222325ULL};
};

struct Result {
    Outcome outcome;
    Counts counts;
};

// Each draws what it does from the seed. A mix of faults; a state that goes wrong; 50 MB.
[[nodiscard]] Result run_mixed(std::uint64_t seed, bool trace);
[[nodiscard]] Result run_corrupted(std::uint64_t seed, bool trace);
[[nodiscard]] Result run_large(std::uint64_t seed, bool trace);
// Runs a seed as what it is; one in ten twice, to prove that nothing but the seed decides.
[[nodiscard]] Result run(std::uint64_t seed, bool trace);

[[nodiscard]] Result finish(Sites& sites, const std::string& stuck);

}  // namespace sim::groups
