#include "manager/model/options.hpp"

#include <algorithm>
#include <array>

#include "manager/model/text.hpp"

namespace manager {
namespace {

using Kind = ValueKind;

// A choice that is stored but not carried out is refused where the cluster would then be less safe than was
// asked (docs/decisions/0040).
constexpr std::array kProperties{
    Option{"stonith-enabled", "fencing-enabled", "true", Kind::boolean},
    Option{"no-quorum-policy", "", "stop", Kind::choice, "stop ignore", "freeze demote suicide fence"},
    Option{"maintenance-mode", "", "false", Kind::boolean},
    Option{"stop-all-resources", "", "false", Kind::boolean},
    Option{"symmetric-cluster", "", "true", Kind::boolean},
    Option{"start-failure-is-fatal", "", "true", Kind::boolean},
    Option{"stonith-action", "fencing-action", "reboot", Kind::choice, "reboot off poweroff"},
    Option{"stonith-timeout", "fencing-timeout", "60s", Kind::duration},
    Option{"stonith-max-attempts", "fencing-max-attempts", "10", Kind::count},
    // A time, or a negative number that asks for a derived one.
    Option{"stonith-watchdog-timeout", "fencing-watchdog-timeout", "0", Kind::text},
    Option{"have-watchdog", "", "false", Kind::boolean},
    Option{"concurrent-fencing", "", "false", Kind::boolean},
    Option{"startup-fencing", "", "true", Kind::boolean},
    Option{"priority-fencing-delay", "", "0", Kind::duration},
    Option{"fence-reaction", "fencing-reaction", "stop", Kind::choice, "stop panic"},
    Option{"fence-remote-without-quorum", "", "false", Kind::boolean},
    Option{"node-pending-timeout", "", "0", Kind::duration},
    Option{"cluster-delay", "", "60s", Kind::duration},
    Option{"cluster-recheck-interval", "", "15min", Kind::duration},
    Option{"batch-limit", "", "0", Kind::number},
    Option{"migration-limit", "", "-1", Kind::number},
    Option{"load-threshold", "", "80%", Kind::text},
    Option{"node-action-limit", "", "0", Kind::number},
    Option{"enable-startup-probes", "", "true", Kind::boolean},
    Option{"shutdown-lock", "", "false", Kind::boolean},
    Option{"shutdown-lock-limit", "", "0", Kind::duration},
    Option{"stop-orphan-resources", "stop-removed-resources", "true", Kind::boolean},
    Option{"stop-orphan-actions", "cancel-removed-actions", "true", Kind::boolean},
    Option{"remove-after-stop", "", "false", Kind::boolean},
    Option{"placement-strategy", "", "default", Kind::choice, "default utilization minimal balanced"},
    Option{"node-health-strategy", "", "none", Kind::choice,
           "none migrate-on-red only-green progressive custom"},
    Option{"node-health-base", "", "0", Kind::score},
    Option{"node-health-green", "", "0", Kind::score},
    Option{"node-health-yellow", "", "0", Kind::score},
    Option{"node-health-red", "", "-INFINITY", Kind::score},
    Option{"pe-error-series-max", "", "-1", Kind::number},
    Option{"pe-warn-series-max", "", "5000", Kind::number},
    Option{"pe-input-series-max", "", "4000", Kind::number},
    Option{"dc-deadtime", "", "20s", Kind::duration},
    Option{"election-timeout", "", "2min", Kind::duration},
    Option{"shutdown-escalation", "", "20min", Kind::duration},
    Option{"join-integration-timeout", "", "3min", Kind::duration},
    Option{"join-finalization-timeout", "", "30min", Kind::duration},
    Option{"transition-delay", "", "0s", Kind::duration},
    Option{"enable-acl", "", "false", Kind::boolean},
    Option{"cluster-ipc-limit", "", "500", Kind::count},
    Option{"cluster-name", "", "", Kind::text},
    Option{"dc-version", "", "", Kind::text},
    Option{"cluster-infrastructure", "", "", Kind::text},
};

constexpr std::array kMeta{
    Option{"target-role", "", "Started", Kind::choice, "Started Stopped", "Unpromoted Promoted Slave Master"},
    Option{"resource-stickiness", "", "0", Kind::score},
    Option{"migration-threshold", "", "INFINITY", Kind::count},
    Option{"failure-timeout", "", "0", Kind::duration},
    Option{"is-managed", "", "true", Kind::boolean},
    Option{"priority", "", "0", Kind::score},
    Option{"maintenance", "", "false", Kind::boolean},
    Option{"multiple-active", "", "stop_start", Kind::choice, "stop_start stop_only block",
           "stop_unexpected"},
    Option{"requires", "", "", Kind::choice, "nothing quorum fencing", "unfencing"},
    Option{"allow-migrate", "", "false", Kind::boolean},
    Option{"critical", "", "true", Kind::boolean},
    Option{"allow-unhealthy-nodes", "", "false", Kind::boolean},
    Option{"custos-agent", "", "native", Kind::choice, "native script"},
};

constexpr std::array kOperationAttributes{
    Option{"timeout", "", "20s", Kind::period},
    Option{"interval", "", "0", Kind::duration},
    Option{"role", "", "Started", Kind::choice, "Started Stopped", "Unpromoted Promoted Slave Master"},
    Option{"enabled", "", "true", Kind::boolean},
    Option{"on-fail", "", "restart", Kind::choice, "restart ignore block stop", "demote fence standby"},
    Option{"start-delay", "", "0", Kind::duration},
    Option{"record-pending", "", "true", Kind::boolean},
};

constexpr std::array kNodeAttributes{
    Option{"standby", "", "off", Kind::boolean},
    Option{"maintenance", "", "off", Kind::boolean},
};

template <std::size_t N>
const Option* find(const std::array<Option, N>& table, std::string_view name) {
    for (const Option& option : table) {
        if (option.name == name || (!option.alias.empty() && option.alias == name)) return &option;
    }
    return nullptr;
}

bool has_word(std::string_view words, std::string_view wanted) {
    while (!words.empty()) {
        const std::string_view word = words.substr(0, words.find(' '));
        if (lower(word) == lower(wanted)) return true;
        words.remove_prefix(std::min(words.size(), word.size() + 1));
    }
    return false;
}

std::string listed(std::string_view words) {
    std::string text(words);
    for (std::size_t at = 0; (at = text.find(' ', at)) != std::string::npos; at += 2)
        text.replace(at, 1, ", ");
    return text;
}

bool is_whole_number(std::string_view value) {
    if (!value.empty() && (value.front() == '-' || value.front() == '+')) value.remove_prefix(1);
    if (value.empty() || value.size() > 9) return false;
    for (const char c : value) {
        if (!is_digit(c)) return false;
    }
    return true;
}

base::Error refuse(std::string_view object, std::string_view value, std::string_view expected) {
    return {base::Errc::invalid, std::string(object) + ": \"" + std::string(value) +
                                     "\" is not valid: expected " + std::string(expected)};
}

}  // namespace

const Option* find_property(std::string_view name) {
    return find(kProperties, name);
}
const Option* find_meta(std::string_view name) {
    return find(kMeta, name);
}
const Option* find_operation_attribute(std::string_view name) {
    return find(kOperationAttributes, name);
}
const Option* find_node_attribute(std::string_view name) {
    return find(kNodeAttributes, name);
}

base::Status check_value(const Option& option, std::string_view object, std::string_view value) {
    switch (option.kind) {
        case Kind::text:
            return base::ok();
        case Kind::boolean:
            if (is_true(value) || is_false(value)) return base::ok();
            return refuse(object, value, "true or false");
        case Kind::score: {
            const auto score = parse_score(value);
            return score ? base::ok() : base::Status(score.error().with(object));
        }
        case Kind::count: {
            const auto score = parse_score(value);
            if (score && score->value >= 0) return base::ok();
            return refuse(object, value, "a whole number of 0 or more, or INFINITY");
        }
        case Kind::number:
            return is_whole_number(value) ? base::ok()
                                          : base::Status(refuse(object, value, "a whole number"));
        case Kind::duration:
        case Kind::period: {
            const auto time = parse_interval(value);
            if (!time) return time.error().with(object);
            if (option.kind == Kind::period && time->ns == 0)
                return refuse(object, value, "a time of more than 0");
            return base::ok();
        }
        case Kind::choice:
            break;
    }
    if (has_word(option.allowed, value)) return base::ok();
    if (has_word(option.not_yet, value)) {
        return base::Error{base::Errc::invalid,
                           std::string(object) + ": \"" + std::string(value) +
                               "\" is not there yet, and storing it would promise what is not done: this "
                               "version knows " +
                               listed(option.allowed)};
    }
    return refuse(object, value, "one of " + listed(option.allowed));
}

}  // namespace manager
