// Colocations and tickets tied to resources.
#include <algorithm>

#include "manager/model/text.hpp"
#include "manager/planner/action.hpp"
#include "manager/planner/criteria.hpp"

namespace manager::planner {
namespace {

Role role_of(const std::string& text) {
    const Role role = parse_role(text);
    return role == Role::started ? Role::unknown : role;
}

void tie(Cluster& cluster, const cib::ColocationObject& object, Resource* dependent, Role dependent_role,
         Resource* primary, Role primary_role, Score score) {
    if (dependent == nullptr || primary == nullptr || dependent == primary || score.value == 0) return;
    const std::string attribute = object.node_attribute.empty() ? "#uname" : object.node_attribute;
    add_colocation(cluster, {.id = object.id,
                             .dependent = dependent,
                             .primary = primary,
                             .dependent_role = dependent_role,
                             .primary_role = primary_role,
                             .attribute = attribute,
                             .score = score,
                             .influence = object.influence.value_or(dependent->critical)});
}

// In a sequential set each member goes with the one before it or, for a negative score, away from all before
// it.
void tie_set(Cluster& cluster, const cib::ColocationObject& object, const cib::ResourceSet& set) {
    const Score score = set.score.value_or(object.score);
    const Role role = role_of(set.role);
    const std::vector<Resource*> members = members_of(cluster, set);
    if (!set.sequential) return;
    for (std::size_t i = 1; i < members.size(); ++i) {
        if (score.value >= 0) {
            tie(cluster, object, members[i], role, members[i - 1], role, score);
            continue;
        }
        for (std::size_t j = 0; j < i; ++j) tie(cluster, object, members[i], role, members[j], role, score);
    }
}

// The members of `dependent` go with those of `primary`: all, or the ends of sequences.
void tie_sets(Cluster& cluster, const cib::ColocationObject& object, const cib::ResourceSet& dependent,
              const cib::ResourceSet& primary) {
    const Score score = dependent.score.value_or(object.score);
    std::vector<Resource*> from = members_of(cluster, dependent);
    std::vector<Resource*> to = members_of(cluster, primary);
    if (from.empty() || to.empty()) return;
    if (dependent.sequential) from.resize(1);
    if (primary.sequential) to = {to.back()};
    for (Resource* a : from) {
        for (Resource* b : to)
            tie(cluster, object, a, role_of(dependent.role), b, role_of(primary.role), score);
    }
}

bool has_ticket(const Cluster& cluster, const std::string& name) {
    const auto found = cluster.tickets.find(name);
    return found != cluster.tickets.end() && found->second.granted;
}

bool ticket_standby(const Cluster& cluster, const std::string& name) {
    const auto found = cluster.tickets.find(name);
    return found != cluster.tickets.end() && found->second.standby;
}

void ban_promotion(const Cluster& cluster, Resource& resource, const std::string& cause) {
    Location location{.id = cause, .role = Role::promoted, .discovery = Discovery::always, .scores = {}};
    for (const auto& node : cluster.nodes) location.scores[node->index] = Score::minus_infinity();
    resource.locations.push_back(std::move(location));
}

// What is active stays as it is; what is not stays so.
void freeze(const Cluster& cluster, Resource& resource, bool promoted, const std::string& cause) {
    for_each_part(resource, [&](Resource& part) {
        if (!part.running_on.empty()) {
            part.managed = false;
            part.blocked = true;
        } else if (!promoted) {
            ban_everywhere(cluster, part, cause);
        }
    });
}

void fence_places(Cluster& cluster, Resource& resource, bool promoted, const std::string& cause) {
    for_each_part(resource, [&](Resource& part) {
        if (!part.primitive() || (promoted && part.role != Role::promoted)) return;
        const std::vector<Node*> nodes = part.running_on;
        for (Node* node : nodes) want_fence(cluster, *node, "it lost " + cause);
    });
}

// Without its ticket, or with one that is being taken away in an orderly manner (standby): what the
// constraint's loss-policy says.
void tie_ticket(Cluster& cluster, const cib::TicketObject& object, Resource& resource, Role role) {
    const bool granted = has_ticket(cluster, object.ticket);
    if (granted && !ticket_standby(cluster, object.ticket)) return;
    const std::string cause = "ticket " + object.ticket;
    const bool promoted = role == Role::promoted;
    std::string policy = lower(object.loss_policy);
    if (policy.empty()) policy = promoted ? "demote" : "stop";
    if (policy == "fence" && !cluster.options.fencing) policy = "stop";  // the nearest to what was asked for
    const Role highest = state_of(resource, true);
    const bool holds = promoted ? highest == Role::promoted : highest > Role::stopped;
    if (!granted && policy == "freeze" && holds) return freeze(cluster, resource, promoted, cause);
    if (!granted && policy == "fence") fence_places(cluster, resource, promoted, cause);
    if (promoted && policy != "stop") {
        ban_promotion(cluster, resource, cause);
    } else {
        ban_everywhere(cluster, resource, cause);
    }
}

}  // namespace

void tie_colocations(Cluster& cluster) {
    for (const auto& object : cluster.document->colocations) {
        for (const auto& set : object.sets) tie_set(cluster, object, set);
        for (std::size_t i = 1; i < object.sets.size(); ++i)
            tie_sets(cluster, object, object.sets[i - 1], object.sets[i]);
        for (Resource* dependent : named(cluster, object.resource)) {
            for (Resource* primary : named(cluster, object.with)) {
                tie(cluster, object, dependent, role_of(object.resource_role), primary,
                    role_of(object.with_role), object.score);
            }
        }
    }
}

void tie_tickets(Cluster& cluster) {
    for (const auto& object : cluster.document->ticket_constraints) {
        for (Resource* resource : named(cluster, object.resource))
            tie_ticket(cluster, object, *resource, parse_role(object.role));
        for (const auto& set : object.sets) {
            for (Resource* resource : members_of(cluster, set))
                tie_ticket(cluster, object, *resource, parse_role(set.role.empty() ? object.role : set.role));
        }
    }
}

}  // namespace manager::planner
