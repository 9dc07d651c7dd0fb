#include <algorithm>

#include "manager/model/text.hpp"
#include "manager/planner/action.hpp"
#include "manager/planner/unpack.hpp"

namespace manager::planner {
namespace {

std::int64_t milliseconds(const std::string& interval) {
    const auto value = parse_interval(interval);
    return value ? value->ns / 1'000'000 : 0;
}

const cib::Operation* find_operation(const Resource& resource, const std::string& name,
                                     std::int64_t interval_ms) {
    if (resource.object == nullptr) return nullptr;
    for (const auto& operation : resource.object->operations) {
        if (operation.name == name && milliseconds(get(operation.attributes, "interval")) == interval_ms &&
            !is_false(get(operation.attributes, "enabled")))
            return &operation;
    }
    return nullptr;
}

// "fail-count-web", "fail-count-web#monitor_10000": does the attribute count failures of `name`?
bool counts(std::string_view attribute, std::string_view prefix, const Resource& resource) {
    if (!attribute.starts_with(prefix)) return false;
    attribute.remove_prefix(prefix.size());
    const std::string& name = resource.unique ? resource.id : resource.base;
    if (!attribute.starts_with(name)) return false;
    attribute.remove_prefix(name.size());
    if (!resource.unique && attribute.starts_with(":")) {
        attribute.remove_prefix(1);
        while (!attribute.empty() && is_digit(attribute.front())) attribute.remove_prefix(1);
    }
    return attribute.empty() || attribute.front() == '#';
}

// Some failure of it asks for on-fail=block: such failures never expire.
bool blocks(const Cluster& cluster, const Resource& resource, const Node& node) {
    if (resource.object == nullptr) return false;
    for (const auto& [name, value] : node.attributes) {
        if (!counts(name, "fail-count-", resource)) continue;
        const std::size_t hash = name.find('#');
        if (hash == std::string::npos) continue;
        const std::size_t under = name.rfind('_');
        if (under == std::string::npos || under < hash) continue;
        const std::string operation = name.substr(hash + 1, under - hash - 1);
        if (on_fail(cluster, resource, operation, whole(name.substr(under + 1), 0)) == OnFail::block)
            return true;
    }
    for (const auto& operation : resource.object->operations) {
        if (lower(get(operation.attributes, "on-fail")) != "block") continue;
        for (const auto& history : resource.history) {
            if (history.node != node.index) continue;
            for (const auto* entry : history.entries) {
                if (entry->operation == operation.name && entry->rc != entry->expected &&
                    entry->interval_ms == milliseconds(get(operation.attributes, "interval")))
                    return true;
            }
        }
    }
    return false;
}

}  // namespace

std::string operation_value(const Cluster& cluster, const Resource& resource, const std::string& operation,
                            std::int64_t interval_ms, const std::string& name) {
    cib::Facts facts{.now = cluster.options.now};
    if (resource.object != nullptr) {
        facts.standard = resource.object->standard;
        facts.provider = resource.object->provider;
        facts.type = resource.object->type;
    }
    facts.operation = operation;
    facts.interval_ms = interval_ms;
    if (const cib::Operation* found = find_operation(resource, operation, interval_ms)) {
        const auto own = found->attributes.find(name);
        if (own != found->attributes.end()) return own->second;
        if (const auto value = value_of(found->meta, name, facts)) return *value;
    }
    return value_of(cluster.document->operation_defaults, name, facts).value_or("");
}

OnFail on_fail(const Cluster& cluster, const Resource& resource, const std::string& operation,
               std::int64_t interval_ms) {
    const std::string word = lower(operation_value(cluster, resource, operation, interval_ms, "on-fail"));
    const bool stop = operation == "stop";
    if (word == "block") return OnFail::block;
    if (word == "fence") return cluster.options.fencing ? OnFail::fence : OnFail::stop;
    if (word == "standby" && !stop) return OnFail::standby;
    if (word == "ignore" || word == "nothing") return OnFail::ignore;
    if (word == "migrate") return OnFail::ban;
    if (word == "stop" && !stop) return OnFail::stop;
    if (word == "restart") return OnFail::restart;
    const bool of_promoted =
        operation == "promote" ||
        (operation == "monitor" && interval_ms > 0 &&
         parse_role(operation_value(cluster, resource, operation, interval_ms, "role")) == Role::promoted);
    if (word == "demote" && of_promoted) return OnFail::demote;
    if (stop) return cluster.options.fencing ? OnFail::fence : OnFail::block;
    return OnFail::restart;
}

int fail_count(const Cluster& cluster, const Resource& resource, const Node& node, bool effective) {
    Score sum;
    std::int64_t last = 0;
    for (const auto& [name, value] : node.attributes) {
        if (counts(name, "fail-count-", resource)) sum = sum + Score{whole(value, 0)};
        if (counts(name, "last-failure-", resource))
            last = std::max<std::int64_t>(last, std::atoll(value.c_str()));
    }
    if (effective && sum.value > 0 && resource.failure_timeout > 0 && last > 0 &&
        cluster.options.now > last + resource.failure_timeout && !blocks(cluster, resource, node))
        return 0;
    return sum.value;
}

}  // namespace manager::planner
