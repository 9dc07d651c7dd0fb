// The executor: this node's own part of the plan. It turns planned actions into agent operations, keeps the
// node's own account of what it runs (the inventory that a new view asks for), and turns results into
// numbered reports.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "manager/model/operation.hpp"
#include "manager/state/state.hpp"

namespace manager {

class Executor {
  public:
    Executor(base::NodeId self, std::string name) : self_(self), name_(std::move(name)) {}

    struct Orders {
        std::optional<std::string> cancel;  // first: end the recurring operations of this resource
        std::vector<OperationRequest> start;
        std::vector<Report> reports;  // actions that needed no agent
    };
    // Begins an action of this node (it was just marked as running in `state`).
    [[nodiscard]] Orders begin(const PlannedAction& action, const State& state, base::WallTime wall);

    // An agent's result. Nothing to report: of a cancelled monitor, or one of several that an action waits
    // for.
    [[nodiscard]] std::optional<Report> finished(const OperationResult& result, const State& state,
                                                 base::WallTime wall);

    // guard has dropped what the lease covers: as if that had been stopped. Operations under way have their
    // own results.
    [[nodiscard]] std::vector<Orders> dropped(const State& state, base::WallTime wall);

    // The node's records as delivered replace the own account, once every report of ours is among them.
    void delivered(const State& state);

    // Fills the inventory fields of a hello.
    void inventory(Hello& hello) const;

    // True while an agent is at work on a planned action.
    [[nodiscard]] bool busy() const { return !jobs_.empty(); }

  private:
    struct Job {  // a planned action under way
        PlannedAction action;
        Primitive definition;
        std::string monitors;             // digest of the monitors being armed
        std::set<std::uint64_t> waiting;  // operations whose first result is awaited
        Report worst;                     // the result to report: the first that is not ok
    };
    struct Recurring {
        std::string resource;
        base::Duration interval;
        std::string monitors;
    };

    OperationRequest request(const State& state, const Primitive& definition, const std::string& action,
                             base::Duration interval);
    void arm(const State& state, Job& job, Orders& orders);
    void cancel_recurring(const std::string& resource, Orders& orders);
    [[nodiscard]] Report report(const Job& job, int code, const std::string& reason,
                                base::WallTime wall) const;
    Report numbered(Report report, const State& state);

    base::NodeId self_;
    std::string name_;
    std::uint64_t next_operation_{1};
    std::uint64_t last_report_{0};
    std::map<std::uint64_t, Job> jobs_;             // by action id
    std::map<std::uint64_t, std::uint64_t> owner_;  // operation id -> action id
    std::map<std::uint64_t, Recurring> recurring_;  // by operation id
    std::map<std::string, ResourceOnNode> records_;
    std::map<std::string, Primitive> definitions_;  // of what was started here, as it was started
};

}  // namespace manager
