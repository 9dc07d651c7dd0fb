#include "manager/planner/cluster.hpp"

#include <algorithm>
#include <charconv>

#include "manager/model/text.hpp"
#include "manager/planner/action.hpp"

namespace manager::planner {

Cluster::Cluster() = default;
Cluster::Cluster(Cluster&&) noexcept = default;
Cluster& Cluster::operator=(Cluster&&) noexcept = default;
Cluster::~Cluster() = default;

Role parse_role(std::string_view text) {
    const std::string word = lower(text);
    if (word == "stopped") return Role::stopped;
    if (word == "started") return Role::started;
    if (word == "slave" || word == "unpromoted") return Role::unpromoted;
    if (word == "master" || word == "promoted") return Role::promoted;
    return Role::unknown;
}

Resource* Resource::top() {
    Resource* out = this;
    while (out->parent != nullptr) out = out->parent;
    return out;
}

Node* Cluster::node(std::string_view id_or_name) {
    for (const auto& node : nodes) {
        if (node->id == id_or_name) return node.get();
    }
    for (const auto& node : nodes) {
        if (node->name == id_or_name) return node.get();
    }
    return nullptr;
}

Resource* Cluster::find(std::string_view id) {
    for (const auto& resource : store) {
        if (resource->id == id) return resource.get();
    }
    for (const auto& resource : store) {
        if (resource->base == id && !resource->orphan) return resource.get();
    }
    return nullptr;
}

bool Cluster::can_fence(const Node* node) const {
    if (!options.fencing || !options.fence_device) return false;
    if (options.have_quorum || options.no_quorum == QuorumPolicy::ignore) return true;
    return node != nullptr && node->online;
}

namespace {
constexpr std::string_view kUnset = "#default";  // an old way to say that there is no value
}

std::optional<std::string> value_of(const cib::AttributeSets& sets, const std::string& name,
                                    const cib::Facts& facts) {
    for (const auto& set : sets) {
        for (const auto& [key, value] : set.pairs) {
            if (key == name && value != kUnset && (!set.rule || cib::holds(*set.rule, facts))) return value;
        }
    }
    return std::nullopt;
}

Attributes values_of(const cib::AttributeSets& sets, const cib::Facts& facts) {
    Attributes out;
    for (const auto& set : sets) {
        if (set.rule && !cib::holds(*set.rule, facts)) continue;
        for (const auto& [key, value] : set.pairs) {
            if (value != kUnset) out.try_emplace(key, value);
        }
    }
    return out;
}

std::string get(const Attributes& attributes, const std::string& name, std::string_view otherwise) {
    const auto found = attributes.find(name);
    return found == attributes.end() ? std::string(otherwise) : found->second;
}

int whole(std::string_view text, int otherwise) {
    const auto score = parse_score(text);
    return score ? score->value : otherwise;
}

// NOLINTNEXTLINE(misc-no-recursion): depth 3
std::vector<Node*> places(const Resource& resource, bool planned) {
    if (resource.primitive()) {
        if (!planned) return resource.running_on;
        return resource.assigned == nullptr ? std::vector<Node*>{} : std::vector<Node*>{resource.assigned};
    }
    std::vector<Node*> out;
    for (const Resource* child : resource.children) {
        for (Node* node : places(*child, planned)) {
            if (std::find(out.begin(), out.end(), node) == out.end()) out.push_back(node);
        }
    }
    return out;
}

// NOLINTNEXTLINE(misc-no-recursion): depth 3
Role state_of(const Resource& resource, bool current) {
    if (resource.primitive()) return current ? resource.role : resource.next_role;
    Role out = Role::unknown;
    for (const Resource* child : resource.children) out = std::max(out, state_of(*child, current));
    return out;
}

namespace {

void add_own(Resource& resource, std::size_t node, Score amount, const std::string& cause) {
    Standing& standing = resource.allowed[node];
    standing.score = standing.score + amount;
    resource.contributions.push_back({cause, node, amount});
}

}  // namespace

bool scattered(const Resource& group) {
    return is_false(get(group.meta, "collocated")) || is_false(get(group.meta, "colocated"));
}

// A group's scores go to its first member: the others follow it, unless each goes its own way.
// NOLINTNEXTLINE(misc-no-recursion): depth 3
void add_score(Resource& resource, std::size_t node, Score amount, const std::string& cause) {
    add_own(resource, node, amount, cause);
    const bool all = !resource.group() || scattered(resource);
    for (Resource* child : resource.children) {
        const bool first = child == resource.children.front();
        add_score(*child, node, first || all ? amount : Score{}, cause);
    }
}

void ban_everywhere(const Cluster& cluster, Resource& resource, const std::string& cause) {
    for (const auto& node : cluster.nodes) add_score(resource, node->index, Score::minus_infinity(), cause);
}

void want_fence(Cluster& cluster, Node& node, const std::string& reason) {
    if (!node.unclean) {
        node.unclean = true;
        node.fence_reason = reason;
    }
    node.fence_wanted = cluster.can_fence(&node);
}

}  // namespace manager::planner
