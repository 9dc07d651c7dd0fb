// What the daemon will do with a live cluster, and what it would do if something were otherwise: its own
// scheduler, asked again and again while everything that it plans succeeds.
#pragma once

#include "manager/model/configuration.hpp"
#include "manager/model/status.hpp"
#include "manager/planner/hypothesis.hpp"
#include "manager/planner/outcome.hpp"

namespace manager::live {

// All that the daemon's scheduler decides from.
struct Live {
    Configuration config;
    ClusterStatus status;
};

// The same cluster with a change. A node that is `Down` is lost without a farewell: it is not cleared, and
// its lease is out if it obeys one.
[[nodiscard]] Live with(Live live, const planner::Hypothesis& hypothesis);

struct Forecast {
    Live rest;  // when nothing is left to do
    // As of a document (docs/decisions/0143). Places have one flag more, "uncleared": it may run there still,
    // for all that is proven.
    // `notes` are the scheduler's at rest.
    planner::Outcome outcome;
};
// What runs succeeds, what is planned succeeds, and probes find nothing.
[[nodiscard]] Forecast forecast(Live live);

}  // namespace manager::live
