// The stories that a seed can tell (run.cpp draws which one; run.cpp and ambushes.cpp tell them).
#pragma once

#include <memory>
#include <vector>

#include "tests/sim/lease/run.hpp"

namespace sim {

using base::NodeId;

constexpr std::int64_t kSlewMost = 100'500;  // what a time daemon may set: 10 % and 500 ppm

class Story {
  public:
    Story(std::uint64_t seed, bool trace) : draw_(seed), seed_(seed), trace_(trace) {}
    Outcome tell();

  private:
    struct Kind {
        std::uint64_t upto;
        const char* name;
        void (Story::*tell)();
        std::uint64_t Counts::*count;
        unsigned nodes;
    };
    static const Kind kKinds[];

    Setup setup();
    void chaos();
    void ambush();
    void come_back();
    void stale();
    void shunned();
    void leaver();
    void always_urgent();
    void granters_asleep();
    void clean_loss();
    void calm();
    void beyond();
    void fault();
    void crash(NodeId node);
    void cut();
    void isolate(const base::NodeSet& nodes);
    void draw_clocks();
    void slow_down(NodeId holder);
    void isolate_for(NodeId node, Duration length);
    void grant(Machine& m, Duration term);
    [[nodiscard]] NodeId holder();
    void settle_and_judge(Duration patience);
    [[nodiscard]] bool all_run() const;
    [[nodiscard]] NodeId someone();
    Thread& some_thread(Machine& m);

    base::Rng draw_;
    std::uint64_t seed_;
    bool trace_;
    Outcome out_;
    const Kind* kind_{nullptr};
    std::unique_ptr<Cluster> c_;
    std::vector<unsigned> weights_;
};

}  // namespace sim
