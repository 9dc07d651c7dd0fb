// What watches a run: the checker of the ring's guarantees, the audit of the seal, and the trace.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "tests/sim/ring/checker.hpp"
#include "tests/sim/ring/timeline.hpp"
#include "tests/sim/stack/audit.hpp"
#include "tests/sim/stack/core.hpp"

namespace stack_sim {

class Witness {
  public:
    Witness(const sim::Timeline& timeline, const base::NodeSet& roster, bool trace)
        : timeline_(timeline),
          roster_(roster),
          trace_(trace) {
        forget();
    }
    Witness(const Witness&) = delete;
    Witness& operator=(const Witness&) = delete;

    Audit audit;
    std::function<void()> on_phase_change;  // of any process; may be empty
    // One identity is in two hands from now on: what the ring promises does not hold, until forget().
    void distrust() { trusted_ = false; }
    [[nodiscard]] bool trusted() const { return trusted_; }
    // A new checker, for processes that start from now on.
    void forget();
    [[nodiscard]] sim::Checker& checker() { return *checker_; }
    [[nodiscard]] const sim::Checker& checker() const { return *checker_; }

    void started(const Member& who, bool with_disk);
    void put_back(const Member& who, const sim::Checker::Memory& memory);
    void ended(const Member& who) { line(who, "ENDED"); }
    void submitted(const Member& who, base::ByteView payload, totem::Guarantee guarantee);
    void happened(const Member& who, const totem::Event& event);
    void looked(const Member& who, const totem::RingStatus& status, const totem::RingConfig& config);
    void noted(const Member& who, const std::string& text);
    // `repeats`: nonces that it has used before, unknowingly. Returns whether this is such a one, for another
    // frame.
    bool sent(const Member& who, const totem::MasterKeys& keys, const Sent& sent, bool repeats);
    void tell(const std::string& text) { line({}, text); }
    void violate(const std::string& what);

    // Empty while everything is right.
    [[nodiscard]] std::string violation() const;
    [[nodiscard]] bool failed() const;
    [[nodiscard]] std::uint64_t hash() const { return hash_; }
    [[nodiscard]] std::uint64_t deliveries() const { return deliveries_ + checker_->deliveries(); }
    [[nodiscard]] std::uint64_t views() const { return views_ + checker_->views(); }

  private:
    void line(const Member& who, const std::string& text);
    void mix(std::uint64_t v) { hash_ = (hash_ ^ v) * 0x100000001b3ULL; }

    const sim::Timeline& timeline_;
    base::NodeSet roster_;
    bool trace_, trusted_{true}, told_{false};
    std::unique_ptr<sim::Checker> checker_;
    std::string violation_;
    std::uint64_t deliveries_{0}, views_{0};
    std::uint64_t hash_{0xcbf29ce484222325ULL};
};

}  // namespace stack_sim
