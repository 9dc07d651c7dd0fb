#include <algorithm>

#include "manager/model/text.hpp"
#include "manager/planner/action.hpp"
#include "manager/planner/unpack.hpp"

namespace manager::planner {
namespace {

using cib::ResourceKind;

void set_flag(const Attributes& meta, const std::string& name, bool& flag) {
    const std::string value = get(meta, name);
    if (is_true(value)) flag = true;
    if (is_false(value)) flag = false;
}

Requires requires_of(const Cluster& cluster, const Resource& resource) {
    const std::string word = lower(get(resource.meta, "requires"));
    Requires out = cluster.options.fencing ? Requires::fencing : Requires::quorum;
    if (word == "nothing") out = Requires::nothing;
    if (word == "quorum") out = Requires::quorum;
    if (word == "fencing") out = Requires::fencing;
    if (word == "unfencing") out = Requires::unfencing;
    const bool fences = out == Requires::fencing || out == Requires::unfencing;
    if (fences && (resource.fence_device || !cluster.options.fencing)) out = Requires::quorum;
    return out;
}

MultipleActive multiple_active_of(const std::string& word) {
    if (word == "stop_only") return MultipleActive::stop_only;
    if (word == "block") return MultipleActive::block;
    return word == "stop_unexpected" ? MultipleActive::stop_unexpected : MultipleActive::stop_start;
}

std::int64_t seconds_of(const std::string& text) {
    const auto value = parse_interval(text);
    return value ? value->ns / 1'000'000'000 : 0;
}

// The own meta attributes, then those of what it is part of, then the defaults.
Attributes meta_of(const Cluster& cluster, const Resource& resource) {
    cib::Facts facts{.now = cluster.options.now};
    facts.standard = resource.object != nullptr ? resource.object->standard : "";
    facts.provider = resource.object != nullptr ? resource.object->provider : "";
    facts.type = resource.object != nullptr ? resource.object->type : "";
    Attributes out;
    if (resource.object != nullptr) out = values_of(resource.object->meta, facts);
    if (resource.parent != nullptr) {
        for (const auto& [name, value] : resource.parent->meta) out.try_emplace(name, value);
    }
    for (const auto& [name, value] : values_of(cluster.document->resource_defaults, facts))
        out.try_emplace(name, value);
    if (resource.clone()) out.try_emplace("resource-stickiness", "1");
    return out;
}

void read_clone(const Cluster& cluster, Resource& resource) {
    const Attributes& meta = resource.meta;
    const int nodes = static_cast<int>(cluster.document->nodes.size());
    const auto number = [&](const char* name, const char* old_name, int otherwise) {
        return whole(get(meta, name, get(meta, old_name)), otherwise);
    };
    resource.unique = is_true(get(meta, "globally-unique"));
    resource.promotable = resource.object->promotable || is_true(get(meta, "promotable"));
    resource.clone_max = std::max(0, number("clone-max", "clone-max", std::max(1, nodes)));
    resource.clone_node_max = resource.unique ? number("clone-node-max", "clone-node-max", 1) : 1;
    resource.clone_min = number("clone-min", "clone-min", 0);
    resource.promoted_max = number("promoted-max", "master-max", 1);
    resource.promoted_node_max = number("promoted-node-max", "master-node-max", 1);
    set_flag(meta, "interleave", resource.interleave);
    set_flag(meta, "ordered", resource.ordered);
}

void read_meta(Cluster& cluster, Resource& resource) {
    resource.meta = meta_of(cluster, resource);
    const Attributes& meta = resource.meta;
    resource.fence_device = resource.standard == "stonith";
    if (resource.fence_device) cluster.options.fence_device = true;
    if (resource.fence_device && cluster.options.fencing && lower(get(meta, "provides")) == "unfencing")
        cluster.options.unfencing = true;
    set_flag(meta, "is-managed", resource.managed);
    set_flag(meta, "critical", resource.critical);
    set_flag(meta, "allow-migrate", resource.migratable);
    set_flag(meta, "maintenance", resource.maintenance);
    if (cluster.options.maintenance) resource.maintenance = true;
    if (resource.maintenance) resource.managed = false;
    resource.required = requires_of(cluster, resource);
    resource.multiple_active = multiple_active_of(get(meta, "multiple-active"));
    resource.priority = whole(get(meta, "priority"), 0);
    resource.stickiness = {whole(get(meta, "resource-stickiness"), 0)};
    resource.migration_threshold = whole(get(meta, "migration-threshold"), Score::kInfinity);
    if (resource.migration_threshold < 0) resource.migration_threshold = Score::kInfinity;
    resource.failure_timeout = seconds_of(get(meta, "failure-timeout"));
    if (resource.clone()) read_clone(cluster, resource);
    if (resource.object != nullptr) {
        const cib::Facts facts{.now = cluster.options.now};
        for (const auto& [name, value] : values_of(resource.object->utilization, facts))
            resource.utilization[name] = whole(value, 0);
    }
}

Role target_role(const Resource& resource) {
    const Role role = parse_role(get(resource.meta, "target-role"));
    if (role == Role::stopped) return role;
    const bool promotable = resource.top()->clone() && resource.top()->promotable;
    return promotable && role == Role::unpromoted ? role : Role::unknown;
}

// Of all resources, instances counted. A clone-max beyond it is a slip: the rest could run nowhere.
constexpr std::size_t kMostParts = 10'000;

Resource& create(Cluster& cluster, const cib::ResourceObject* object, Resource* parent, int number) {
    cluster.store.push_back(std::make_unique<Resource>());
    Resource& out = *cluster.store.back();
    out.object = object;
    out.parent = parent;
    out.number = number;
    if (object == nullptr) return out;
    out.kind = object->kind;
    out.base = object->id;
    out.id = number < 0 ? object->id : object->id + ":" + std::to_string(number);
    cluster.enter(out);
    out.standard = object->standard;
    if (parent != nullptr) {
        const Resource* top = parent->top();
        out.unique = !top->clone() || top->unique;
        out.promotable = top->clone() && top->promotable;
    }
    return out;
}

// NOLINTNEXTLINE(misc-no-recursion): depth 3, by the importer
Resource& unpack_one(Cluster& cluster, const cib::ResourceObject& object, Resource* parent, int number) {
    Resource& out = create(cluster, &object, parent, number);
    read_meta(cluster, out);
    out.target = target_role(out);
    if (out.clone()) {
        for (int i = 0; i < out.clone_max && cluster.store.size() < kMostParts; ++i) {
            Resource& instance = unpack_one(cluster, object.children[0], &out, i);
            out.children.push_back(&instance);
        }
        if (out.children.empty()) add_instance(cluster, out);
    } else {
        for (const auto& member : object.children) {
            Resource& child = unpack_one(cluster, member, &out, number);
            out.children.push_back(&child);
        }
    }
    return out;
}

}  // namespace

Resource& add_instance(Cluster& cluster, Resource& clone) {
    Resource& out =
        unpack_one(cluster, clone.object->children[0], &clone, static_cast<int>(clone.children.size()));
    const bool orphan = out.number >= clone.clone_max;
    for_each_part(out, [&](Resource& part) {
        part.orphan = orphan;
        if (cluster.options.symmetric) {
            for (const auto& node : cluster.nodes) part.allowed[node->index];
        }
    });
    clone.children.push_back(&out);
    return out;
}

Resource& add_orphan(Cluster& cluster, const cib::ResourceHistory& report) {
    Resource& out = create(cluster, nullptr, nullptr, -1);
    out.id = report.id;
    out.base = report.id.substr(0, report.id.rfind(':'));
    out.standard = report.standard;
    cluster.enter(out);
    read_meta(cluster, out);
    out.target = target_role(out);
    out.orphan = true;
    for (const auto& node : cluster.nodes) {
        if (cluster.options.stop_orphans) {
            add_score(out, node->index, Score::minus_infinity(), "it is no longer configured");
        } else {
            out.allowed[node->index];
        }
    }
    if (!cluster.options.stop_orphans) out.managed = false;
    cluster.resources.push_back(&out);
    return out;
}

void unpack_resources(Cluster& cluster) {
    for (const auto& object : cluster.document->resources)
        cluster.resources.push_back(&unpack_one(cluster, object, nullptr, -1));
    std::stable_sort(cluster.resources.begin(), cluster.resources.end(),
                     [](const Resource* a, const Resource* b) { return a->priority > b->priority; });
}

}  // namespace manager::planner
