// One running daemon of the simulated cluster: what cluster.cpp and leases.cpp share.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "tests/sim/cluster/cluster.hpp"

namespace sim {

class NodeTracer final : public base::Tracer {
  public:
    using Sink = std::function<void(base::Level, const std::string&)>;
    explicit NodeTracer(Sink sink) : sink_(std::move(sink)) {}
    void note(base::Level level, const std::string& text) override { sink_(level, text); }

  private:
    Sink sink_;
};

struct Cluster::Process {
    Member who;
    std::unique_ptr<NodeTracer> tracer;
    std::unique_ptr<manager::Node> node;
    std::map<std::uint64_t, std::function<void(const manager::Answer&)>> clients;
    std::uint64_t next_client{1};
    std::set<std::uint64_t> changes;                // clients that asked for a change of the configuration
    std::map<std::string, std::uint64_t> monitors;  // generation of a resource's recurring monitors
    Instant disk_free{0};                           // when the writes so far are durable
    base::RingId checked;  // the view whose configuration was compared with what was acknowledged
    bool armed{false};
    Instant armed_for{0};
    // The lease.
    struct Heard {
        Member from;
        Instant sent, at;
    };
    std::unique_ptr<membership::Keeper> keeper;
    std::map<NodeId, Heard> heard;
    bool enforced{true};                   // as guard was told last
    std::optional<base::RingId> declared;  // as the keeper was told last
    std::uint64_t keeper_timer{0}, tick_timer{0};
};

}  // namespace sim
