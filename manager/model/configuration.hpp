// What the administrator wants: the replicated configuration as plain values. Text forms (crm) live in
// tools/crm, bytes in manager/model/codec.hpp.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "totem/base/result.hpp"
#include "totem/base/time.hpp"

namespace manager {

// A placement score. +-1,000,000 is infinity; minus infinity wins over plus infinity; sums saturate.
struct Score {
    static constexpr std::int32_t kInfinity = 1'000'000;
    std::int32_t value{0};
    auto operator<=>(const Score&) const = default;
    static constexpr Score infinity() { return {kInfinity}; }
    static constexpr Score minus_infinity() { return {-kInfinity}; }
};
[[nodiscard]] Score operator+(Score a, Score b);
// "inf", "-INFINITY", "200", "+5" (any case); numbers beyond infinity are infinity. The crm words "mandatory"
// and "advisory" are not scores.
[[nodiscard]] base::Result<Score> parse_score(std::string_view text);
// "INFINITY", "-INFINITY", "200"
[[nodiscard]] std::string to_string(Score score);

using Attributes = std::map<std::string, std::string>;

// ocf:heartbeat:apache, systemd:nginx, stonith:fence_dummy, lsb:foo
struct AgentName {
    std::string standard, provider, type;  // provider empty unless standard is "ocf"
    bool operator==(const AgentName&) const = default;
};
// "ocf:heartbeat:apache", "systemd:nginx"
[[nodiscard]] std::string to_string(const AgentName& agent);

struct OperationSpec {
    std::string name;           // monitor, start, stop ...
    base::Duration interval;    // 0: as needed
    std::string interval_text;  // as written ("1min"), for show
    Attributes attributes;      // timeout, on-fail, role, enabled, OCF_CHECK_LEVEL ... as written
    bool operator==(const OperationSpec&) const = default;
};

struct Primitive {
    std::string id;
    AgentName agent;
    Attributes params, meta;
    std::vector<OperationSpec> operations;
    std::string description;
    bool operator==(const Primitive&) const = default;
};

struct Location {
    std::string id, resource, node;
    Score score;
    bool operator==(const Location&) const = default;
};

struct Colocation {
    std::string id, resource, with;  // `resource` goes where `with` is
    Score score;
    bool operator==(const Colocation&) const = default;
};

enum class OrderKind { mandatory, optional, serialize };

struct Order {
    std::string id, first, then;
    OrderKind kind{OrderKind::mandatory};
    bool symmetrical{true};
    bool operator==(const Order&) const = default;
};

// Attributes of a node that last: standby=on|off, maintenance=on|off, free ones.
struct NodeObject {
    std::string name;
    std::uint32_t id{0};
    Attributes attributes;
    bool operator==(const NodeObject&) const = default;
};

struct Configuration {
    // Grows by one with each accepted change. Two configurations of one cluster with equal version and epoch
    // are equal.
    std::uint64_t version{0};
    // Insertion order matters: equal priorities are placed in this order.
    std::vector<Primitive> primitives;
    std::vector<Location> locations;
    std::vector<Colocation> colocations;
    std::vector<Order> orders;
    std::vector<NodeObject> nodes;
    Attributes properties, rsc_defaults, op_defaults;
    bool operator==(const Configuration&) const = default;

    [[nodiscard]] const Primitive* primitive(std::string_view id) const;
    [[nodiscard]] const NodeObject* node(std::string_view name) const;
    // Any object with that id: "primitive", "location", "colocation", "order", "node", or empty.
    [[nodiscard]] std::string kind_of(std::string_view id) const;
};

// The effective value of a meta attribute: the resource's own, else rsc_defaults, else `otherwise`.
[[nodiscard]] std::string meta_value(const Configuration& config, const Primitive& primitive,
                                     const std::string& name, std::string_view otherwise);
// The same with the default that Pacemaker documents ("target-role" -> "Started", "migration-threshold" ->
// "INFINITY");
// "" for names without one.
[[nodiscard]] std::string meta_value(const Configuration& config, const Primitive& primitive,
                                     const std::string& name);
// A cluster property with Pacemaker's default when unset ("stonith-enabled" -> "true"; unknown and unset ->
// ""). Either spelling of a renamed property finds the value under both.
[[nodiscard]] std::string property_value(const Configuration& config, const std::string& name);
// on/true/yes/1/y -> true (any case)
[[nodiscard]] bool is_true(std::string_view value);
// off/false/no/0/n -> true (any case); words that are neither true nor false are refused at the border
[[nodiscard]] bool is_false(std::string_view value);
// True unless the administrator gave up the proof (stonith-enabled=false, no-quorum-policy=ignore): a node
// outside the view must be cleared before anything that it may run starts elsewhere.
[[nodiscard]] bool demands_proof(const Configuration& config);
// Whether this is an address that guard itself holds: IPaddr2, unless meta custos-agent=script asks for the
// script. `meta`: with the rsc_defaults.
[[nodiscard]] bool held_by_guard(const AgentName& agent, const Attributes& meta);
// Whether guard can take the resource away when the lease of its node is out: native addresses. Of anything
// else (mounts, services of the system, processes that an agent started) only a fence or a confirmation
// proves that it is gone.
[[nodiscard]] bool lease_covers(const Configuration& config, const Primitive& primitive);
// "10s", "1min", "500ms", "20" (seconds), "PT1M30S" -> duration. One number and one unit (ms msec us usec s
// sec m min h hr, any case), or an ISO 8601 duration of weeks, days, hours, minutes and seconds. Refused:
// signs, fractions, sums such as "1m30s", anything above 100 years.
[[nodiscard]] base::Result<base::Duration> parse_interval(std::string_view text);
// The timeout of an operation on a resource: the op's own, else op_defaults, else 20 s. `interval` 0 with
// "monitor" is a probe: without an op of its own it takes the timeout of the monitor with the shortest
// interval, as Pacemaker does.
[[nodiscard]] base::Duration operation_timeout(const Configuration& config, const Primitive& primitive,
                                               std::string_view operation, base::Duration interval);
// An attribute of an operation ("on-fail", "timeout"): the op's own, else op_defaults, else "". Name and
// interval select the op; an interval of 0 also finds an op that is written without one.
[[nodiscard]] std::string operation_attribute(const Configuration& config, const Primitive& primitive,
                                              std::string_view operation, base::Duration interval,
                                              const std::string& name);
// The monitors that repeat while the resource runs: interval above 0, enabled, for role Started (or none). By
// interval.
[[nodiscard]] std::vector<const OperationSpec*> recurring_monitors(const Configuration& config,
                                                                   const Primitive& primitive);

// Digests are 16 hex digits of a hash (FNV-1a, 64 bits) over canonical bytes: equal definitions give equal
// digests on every node and build; they tell changes apart and prove nothing against an attacker.
//
// What an instance was started with: agent and params. When it differs from the configured one, the instance
// is restarted.
[[nodiscard]] std::string params_digest(const Primitive& primitive);
// What watches an instance: the recurring monitors with their effective timeouts and attributes. "" when
// there are none.
[[nodiscard]] std::string monitors_digest(const Configuration& config, const Primitive& primitive);

}  // namespace manager
