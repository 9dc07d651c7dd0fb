#include "manager/cib/reader.hpp"
#include "manager/model/text.hpp"

namespace manager::cib {
namespace {

std::vector<ResourceSet> read_resource_sets(Reader& reader, const pugi::xml_node& at) {
    std::vector<ResourceSet> out;
    for (const auto& child : at.children("resource_set")) {
        const pugi::xml_node set = reader.resolve(child);
        ResourceSet read;
        read.id = text(set, "id");
        read.role = text(set, "role");
        read.action = text(set, "action");
        read.sequential = flag(set, "sequential", true);
        read.require_all = flag(set, "require-all", true);
        if (set.attribute("score")) read.score = reader.score(set, text(set, "score"));
        for (const auto& reference : set.children("resource_ref")) {
            read.members.push_back(text(reference, reference.attribute("id") ? "id" : "id-ref"));
        }
        out.push_back(std::move(read));
    }
    return out;
}

LocationObject read_location(Reader& reader, const pugi::xml_node& at) {
    LocationObject out;
    out.id = text(at, "id");
    out.resource = text(at, "rsc");
    out.pattern = text(at, "rsc-pattern");
    out.sets = read_resource_sets(reader, at);
    out.node = text(at, "node");
    out.role = text(at, "role");
    out.discovery = text(at, "resource-discovery");
    out.score = reader.score(at, text(at, "score"));
    for (const auto& rule : at.children("rule")) out.rules.push_back(read_rule(reader, rule));
    return out;
}

ColocationObject read_colocation(Reader& reader, const pugi::xml_node& at) {
    ColocationObject out;
    out.id = text(at, "id");
    out.resource = text(at, "rsc");
    out.with = text(at, "with-rsc");
    out.resource_role = text(at, "rsc-role");
    out.with_role = text(at, "with-rsc-role");
    out.node_attribute = text(at, "node-attribute");
    out.influence = truth(at, "influence");
    out.score = reader.score(at, text(at, "score"));
    out.sets = read_resource_sets(reader, at);
    return out;
}

OrderKind kind_of(const pugi::xml_node& at) {
    const std::string kind = lower(text(at, "kind"));
    if (kind == "optional") return OrderKind::optional;
    if (kind == "serialize") return OrderKind::serialize;
    // The old form: a score of 0 is a wish, any other a must.
    if (kind.empty() && at.attribute("score")) {
        const auto score = parse_score(text(at, "score"));
        if (score && score->value == 0) return OrderKind::optional;
    }
    return OrderKind::mandatory;
}

OrderObject read_order(Reader& reader, const pugi::xml_node& at) {
    OrderObject out;
    out.id = text(at, "id");
    out.first = text(at, "first");
    out.then = text(at, "then");
    out.first_action = text(at, "first-action");
    out.then_action = text(at, "then-action");
    out.kind = kind_of(at);
    out.symmetrical = truth(at, "symmetrical");
    out.require_all = flag(at, "require-all", true);
    out.sets = read_resource_sets(reader, at);
    return out;
}

TicketObject read_ticket(Reader& reader, const pugi::xml_node& at) {
    TicketObject out;
    out.id = text(at, "id");
    out.resource = text(at, "rsc");
    out.role = text(at, "rsc-role");
    out.ticket = text(at, "ticket");
    out.loss_policy = text(at, "loss-policy");
    out.sets = read_resource_sets(reader, at);
    return out;
}

}  // namespace

void read_constraints(Reader& reader, const pugi::xml_node& at, Document& document) {
    for (const auto& child : at.children()) {
        const pugi::xml_node& constraint = child;
        const std::string_view name = constraint.name();
        if (text(constraint, "id").empty()) {
            // The peer passes it over; one that only names another would be that other once more.
            if (!name.empty()) document.unread.push_back(shown(constraint) + ": a constraint without an id");
        } else if (name == "rsc_location") {
            document.locations.push_back(read_location(reader, constraint));
        } else if (name == "rsc_colocation") {
            document.colocations.push_back(read_colocation(reader, constraint));
        } else if (name == "rsc_order") {
            document.orders.push_back(read_order(reader, constraint));
        } else if (name == "rsc_ticket") {
            document.ticket_constraints.push_back(read_ticket(reader, constraint));
        }
    }
}

}  // namespace manager::cib
