// A cluster as a Pacemaker CIB describes it: what the administrator wants and what the nodes reported, as
// typed values with every name and reference resolved as far as one document can. The values say what is
// written; what follows from it (what runs where, what failed) is manager/planner's business.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "manager/cib/rule.hpp"
#include "manager/model/configuration.hpp"

namespace manager::cib {

// One set of name-value pairs; the sets of an object are tried by score, highest first, and the first that
// has a name gives its value. A set whose rule does not hold is passed over.
struct AttributeSet {
    std::string id;
    Score score;
    std::optional<Rule> rule;
    std::vector<std::pair<std::string, std::string>> pairs;
};
using AttributeSets = std::vector<AttributeSet>;

struct Operation {
    std::string id, name;
    Attributes attributes;  // as written on the element: interval, timeout, role, enabled, on-fail ...
    AttributeSets meta, params;
};

enum class ResourceKind { primitive, group, clone };

struct ResourceObject {
    ResourceKind kind{ResourceKind::primitive};
    std::string id;
    std::string standard, provider, type;  // primitives only
    std::string description;               // primitives only
    bool promotable{false};                // written as <master>
    AttributeSets params, meta, utilization;
    std::vector<Operation> operations;
    std::vector<ResourceObject> children;  // members of a group, or the one that a clone copies
};

// One set of a constraint; `role` and `action` empty: none given.
struct ResourceSet {
    std::string id;
    std::vector<std::string> members;
    std::string role, action;
    std::optional<Score> score;
    bool sequential{true}, require_all{true};
};

struct LocationObject {
    std::string id, resource, pattern;  // a pattern is a POSIX ERE; a leading "!" turns it around
    std::vector<ResourceSet> sets;
    std::string node, role, discovery;
    Score score;
    std::vector<Rule> rules;
};

struct ColocationObject {
    std::string id, resource, with, resource_role, with_role, node_attribute;
    std::optional<bool> influence;
    Score score;
    std::vector<ResourceSet> sets;
};

struct OrderObject {
    std::string id, first, then, first_action, then_action;
    OrderKind kind{OrderKind::mandatory};
    std::optional<bool> symmetrical;
    bool require_all{true};
    std::vector<ResourceSet> sets;
};

struct TicketObject {
    std::string id, resource, role, ticket, loss_policy;
    std::vector<ResourceSet> sets;
};

struct NodeEntry {
    std::string id, name;
    AttributeSets attributes, utilization;
};

// One reported operation.
struct HistoryEntry {
    std::string id, operation;
    std::int64_t interval_ms{0};
    int call_id{0}, rc{0}, status{0};  // status: 0 done, -1 pending, 1 cancelled, 2 timed out, 4 error ...
    int expected{-1};                  // the code that was waited for; -1: not told
    int transition{-1}, action{-1};    // which transition of which planner asked for it
    std::string planner;
    std::string digest, restart_digest, force_restart, secure_digest, secure_params;
    std::int64_t changed{0};  // seconds since 1970 when the code last changed; 0: not told
    std::string migrate_source, migrate_target;
};

struct ResourceHistory {
    std::string id, standard, provider, type;
    std::int64_t locked{0};  // since when its node, shut down, keeps it; seconds since 1970, 0: it does not
    std::vector<HistoryEntry> entries;  // in the order of the document
};

struct NodeReport {
    std::string id, name;
    std::string in_membership, process, join, expected;  // in_ccm, crmd, join, expected as written
    bool in_membership_told{false};
    AttributeSets attributes;  // until reboot
    std::vector<ResourceHistory> history;
};

struct TicketReport {
    bool granted{false}, standby{false};
};

struct Document {
    bool have_quorum{false};
    bool lost_quorum{false};  // it had one and lost it (no-quorum-panic)
    std::string coordinator;  // the id of the node that planned (dc-uuid)
    std::int64_t taken{0};    // seconds since 1970 that the document is of (execution-date); 0: not told
    AttributeSets properties, resource_defaults, operation_defaults;
    std::vector<NodeEntry> nodes;
    std::vector<ResourceObject> resources;
    std::vector<LocationObject> locations;
    std::vector<ColocationObject> colocations;
    std::vector<OrderObject> orders;
    std::vector<TicketObject> ticket_constraints;
    std::map<std::string, std::vector<std::string>> tags;      // also templates: the resources that use them
    std::set<std::string> templates;                           // the tags that are templates
    std::map<std::string, std::vector<std::string>> topology;  // node name or "" -> devices
    std::vector<NodeReport> reports;
    std::map<std::string, TicketReport> tickets;
    // Of the configuration, what the importer passes over, or reads as if it were not written:
    // `<acls>`, `<rsc_location id="l">: its attribute "lifetime"`.
    std::vector<std::string> unread;
};

}  // namespace manager::cib
