#include <charconv>
#include <set>

#include "manager/cib/reader.hpp"

namespace manager::cib {
namespace {

// The digits up to the next ':' or ';'; leaves what follows. Nothing where there are none.
std::optional<int> take(std::string_view& rest) {
    int value = 0;
    const auto [end, wrong] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    if (wrong != std::errc()) return std::nullopt;
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    if (!rest.empty()) rest.remove_prefix(1);
    return value;
}

// "action:transition:expected:planner", with "status:rc;" in front in a magic.
void read_key(HistoryEntry& out, std::string_view key, std::string_view magic) {
    if (key.empty()) {
        const std::size_t at = magic.find(';');
        key = at == std::string_view::npos ? "" : magic.substr(at + 1);
    }
    out.action = take(key).value_or(-1);
    out.transition = take(key).value_or(-1);
    out.expected = take(key).value_or(-1);
    out.planner = key;
}

HistoryEntry read_entry(Reader& reader, const pugi::xml_node& at) {
    HistoryEntry out;
    out.id = text(at, "id");
    out.operation = text(at, "operation");
    out.interval_ms = reader.large(at, "interval", 0);
    out.call_id = reader.whole(at, "call-id", 0);
    out.rc = reader.whole(at, "rc-code", 0);
    out.status = reader.whole(at, "op-status", 0);
    read_key(out, text(at, "transition-key"), text(at, "transition-magic"));
    out.digest = text(at, "op-digest");
    out.restart_digest = text(at, "op-restart-digest");
    out.force_restart = text(at, "op-force-restart");
    out.secure_digest = text(at, "op-secure-digest");
    out.secure_params = text(at, "op-secure-params");
    out.changed = reader.large(at, "last-rc-change", 0);
    out.migrate_source = text(at, "migrate_source");
    out.migrate_target = text(at, "migrate_target");
    return out;
}

// What `name` of `at` says stands once among `seen`; nothing may stand there as often as it likes.
bool once(Reader& reader, const pugi::xml_node& at, const char* name, std::set<std::string>& seen) {
    const std::string value = text(at, name);
    if (value.empty() || seen.insert(value).second) return true;
    reader.fail(
        at, "its " + std::string(name) + " \"" + value + "\" stands there twice in " + shown(at.parent()));
    return false;
}

NodeReport read_report(Reader& reader, const pugi::xml_node& at) {
    NodeReport out;
    out.id = text(at, "id");
    out.name = text(at, "uname");
    out.in_membership = text(at, "in_ccm");
    out.in_membership_told = static_cast<bool>(at.attribute("in_ccm"));
    out.process = text(at, "crmd");
    out.join = text(at, "join");
    out.expected = text(at, "expected");
    out.attributes = read_sets(reader, at.child("transient_attributes"), "instance_attributes");
    std::set<std::string> resources;
    for (const auto& resource : at.child("lrm").child("lrm_resources").children("lrm_resource")) {
        if (!once(reader, resource, "id", resources)) continue;
        ResourceHistory history;
        history.id = text(resource, "id");
        history.standard = text(resource, "class");
        history.provider = text(resource, "provider");
        history.type = text(resource, "type");
        history.locked = reader.large(resource, "shutdown-lock", 0);
        std::set<std::string> operations;
        for (const auto& entry : resource.children("lrm_rsc_op")) {
            if (once(reader, entry, "id", operations)) history.entries.push_back(read_entry(reader, entry));
        }
        out.history.push_back(std::move(history));
    }
    return out;
}

}  // namespace

void read_status(Reader& reader, const pugi::xml_node& at, Document& document) {
    std::set<std::string> ids;
    std::set<std::string> names;
    for (const auto& state : at.children("node_state")) {
        if (once(reader, state, "id", ids) && once(reader, state, "uname", names))
            document.reports.push_back(read_report(reader, state));
    }
    for (const auto& ticket : at.child("tickets").children("ticket_state")) {
        document.tickets[text(ticket, "id")] = {.granted = flag(ticket, "granted", false),
                                                .standby = flag(ticket, "standby", false)};
    }
}

}  // namespace manager::cib
