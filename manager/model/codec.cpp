#include "manager/model/codec.hpp"

#include "model.pb.h"

namespace manager {

namespace pb = custos::model;
using base::Errc;
using base::Error;
using base::Result;

namespace {

template <typename Message>
base::Bytes bytes_of(const Message& message) {
    base::Bytes out(message.ByteSizeLong());
    message.SerializeToArray(out.data(), static_cast<int>(out.size()));
    return out;
}

template <typename Message>
bool parse(Message& message, base::ByteView bytes) {
    return bytes.size() <= (64u << 20) &&
           message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

Error malformed(const char* what) {
    return {Errc::invalid, std::string("malformed ") + what};
}

template <typename Map>
void put_attributes(const Attributes& from, Map& to) {
    for (const auto& [name, value] : from) to[name] = value;
}

template <typename Map>
Attributes attributes_of(const Map& from) {
    return {from.begin(), from.end()};
}

// Unknown enumerators of a newer peer are an error, never misread as another.
template <typename Enum>
bool enum_of(std::uint32_t value, Enum last, Enum& out) {
    if (value > static_cast<std::uint32_t>(last)) return false;
    out = static_cast<Enum>(value);
    return true;
}

// --- configuration

void put(const Primitive& from, pb::Primitive& to) {
    to.set_id(from.id);
    to.mutable_agent()->set_standard(from.agent.standard);
    to.mutable_agent()->set_provider(from.agent.provider);
    to.mutable_agent()->set_type(from.agent.type);
    put_attributes(from.params, *to.mutable_params());
    put_attributes(from.meta, *to.mutable_meta());
    for (const OperationSpec& op : from.operations) {
        pb::Operation& o = *to.add_operations();
        o.set_name(op.name);
        o.set_interval_ns(op.interval.ns);
        o.set_interval_text(op.interval_text);
        put_attributes(op.attributes, *o.mutable_attributes());
    }
    to.set_description(from.description);
}

Primitive primitive_of(const pb::Primitive& from) {
    Primitive to;
    to.id = from.id();
    to.agent = {from.agent().standard(), from.agent().provider(), from.agent().type()};
    to.params = attributes_of(from.params());
    to.meta = attributes_of(from.meta());
    for (const pb::Operation& o : from.operations()) {
        to.operations.push_back(
            {o.name(), base::nanoseconds(o.interval_ns()), o.interval_text(), attributes_of(o.attributes())});
    }
    to.description = from.description();
    return to;
}

void put(const Location& from, pb::Location& to) {
    to.set_id(from.id);
    to.set_resource(from.resource);
    to.set_node(from.node);
    to.set_score(from.score.value);
}
Location location_of(const pb::Location& from) {
    return {from.id(), from.resource(), from.node(), {from.score()}};
}

void put(const Colocation& from, pb::Colocation& to) {
    to.set_id(from.id);
    to.set_resource(from.resource);
    to.set_with(from.with);
    to.set_score(from.score.value);
}
Colocation colocation_of(const pb::Colocation& from) {
    return {from.id(), from.resource(), from.with(), {from.score()}};
}

void put(const Order& from, pb::Order& to) {
    to.set_id(from.id);
    to.set_first(from.first);
    to.set_then(from.then);
    to.set_kind(static_cast<std::uint32_t>(from.kind));
    to.set_symmetrical(from.symmetrical);
}
Result<Order> order_of(const pb::Order& from) {
    Order to{from.id(), from.first(), from.then(), OrderKind::mandatory, from.symmetrical()};
    if (!enum_of(from.kind(), OrderKind::serialize, to.kind)) return malformed("order");
    return to;
}

void put(const NodeObject& from, pb::Node& to) {
    to.set_name(from.name);
    to.set_id(from.id);
    put_attributes(from.attributes, *to.mutable_attributes());
}
NodeObject node_of(const pb::Node& from) {
    return {from.name(), from.id(), attributes_of(from.attributes())};
}

// --- status

void put(const ResourceOnNode& from, pb::ResourceOnNode& to) {
    to.set_activity(static_cast<std::uint32_t>(from.activity));
    to.set_monitored(from.monitored);
    to.set_cannot_run(from.cannot_run);
    to.set_blocked(from.blocked);
    to.set_found_by_probe(from.found_by_probe);
    to.set_fail_count(from.fail_count);
    if (from.failure) {
        pb::Failure& failure = *to.mutable_failure();
        failure.set_operation(from.failure->operation);
        failure.set_interval_ns(from.failure->interval.ns);
        failure.set_code(from.failure->code);
        failure.set_reason(from.failure->reason);
        failure.set_when_ms(from.failure->when.ms);
    }
    to.set_started_params(from.started_params);
    to.set_revision(from.revision);
    to.set_monitored_digest(from.monitored_digest);
}

Result<ResourceOnNode> record_of(const pb::ResourceOnNode& from) {
    ResourceOnNode to;
    if (!enum_of(from.activity(), Activity::failed, to.activity)) return malformed("resource record");
    to.monitored = from.monitored();
    to.cannot_run = from.cannot_run();
    to.blocked = from.blocked();
    to.found_by_probe = from.found_by_probe();
    to.fail_count = from.fail_count();
    if (from.has_failure()) {
        const pb::Failure& f = from.failure();
        to.failure =
            Failure{f.operation(), base::nanoseconds(f.interval_ns()), f.code(), f.reason(), {f.when_ms()}};
    }
    to.started_params = from.started_params();
    to.revision = from.revision();
    to.monitored_digest = from.monitored_digest();
    return to;
}

void put(const NodeStatus& from, pb::NodeStatus& to) {
    to.set_name(from.name);
    to.set_clearance(static_cast<std::uint32_t>(from.clearance));
    to.set_incarnation(from.incarnation.value);
    to.set_why(from.why);
    to.set_member_since(from.member_since);
    to.set_leaving(from.leaving);
    to.set_left(from.left);
    to.set_reports(from.reports);
    to.set_lease_out(from.lease_out);
    to.set_obeys(from.obeys);
    for (const auto& [id, record] : from.resources) put(record, (*to.mutable_resources())[id]);
}

Result<NodeStatus> node_status_of(const pb::NodeStatus& from) {
    NodeStatus to;
    to.name = from.name();
    if (!enum_of(from.clearance(), Clearance::uncleared, to.clearance)) return malformed("node status");
    to.incarnation = {from.incarnation()};
    to.why = from.why();
    to.member_since = from.member_since();
    to.leaving = from.leaving();
    to.left = from.left();
    to.reports = from.reports();
    to.lease_out = from.lease_out();
    to.obeys = from.obeys();
    for (const auto& [id, record] : from.resources()) {
        TRY(ResourceOnNode value, record_of(record));
        to.resources.emplace(id, std::move(value));
    }
    return to;
}

void put(const PlannedAction& from, pb::PlannedAction& to) {
    to.set_id(from.id);
    to.set_node(from.node.value);
    to.set_resource(from.resource);
    to.set_operation(from.operation);
    for (const std::uint64_t id : from.after) to.add_after(id);
    to.set_base_revision(from.base_revision);
    to.set_state(static_cast<std::uint32_t>(from.state));
    to.set_why(from.why);
}

Result<PlannedAction> action_of(const pb::PlannedAction& from) {
    PlannedAction to;
    to.id = from.id();
    to.node = {from.node()};
    to.resource = from.resource();
    to.operation = from.operation();
    to.after.assign(from.after().begin(), from.after().end());
    to.base_revision = from.base_revision();
    if (!enum_of(from.state(), ActionState::running, to.state)) return malformed("action");
    to.why = from.why();
    return to;
}

// --- edits and commands

struct PutEdit {
    pb::Edit& to;
    void operator()(const PutPrimitive& e) const {
        put(e.value, *to.mutable_put()->mutable_primitive());
        to.mutable_put()->set_replace(e.replace);
    }
    void operator()(const PutLocation& e) const {
        put(e.value, *to.mutable_put()->mutable_location());
        to.mutable_put()->set_replace(e.replace);
    }
    void operator()(const PutColocation& e) const {
        put(e.value, *to.mutable_put()->mutable_colocation());
        to.mutable_put()->set_replace(e.replace);
    }
    void operator()(const PutOrder& e) const {
        put(e.value, *to.mutable_put()->mutable_order());
        to.mutable_put()->set_replace(e.replace);
    }
    void operator()(const PutNode& e) const { put(e.value, *to.mutable_put_node()); }
    void operator()(const Delete& e) const { to.set_delete_id(e.id); }
    void operator()(const SetOption& e) const {
        to.mutable_set_option()->set_section(static_cast<std::uint32_t>(e.section));
        to.mutable_set_option()->set_name(e.name);
        to.mutable_set_option()->set_value(e.value);
    }
    void operator()(const SetMeta& e) const {
        to.mutable_set_meta()->set_object(e.resource);
        to.mutable_set_meta()->set_name(e.name);
        to.mutable_set_meta()->set_value(e.value);
    }
    void operator()(const SetNodeAttribute& e) const {
        to.mutable_set_node_attribute()->set_object(e.node);
        to.mutable_set_node_attribute()->set_name(e.name);
        to.mutable_set_node_attribute()->set_value(e.value);
    }
    void operator()(const Erase& /*e*/) const { to.set_erase(true); }
};

Result<Edit> put_of(const pb::PutNamed& from) {
    switch (from.value_case()) {
        case pb::PutNamed::kPrimitive:
            return Edit{PutPrimitive{primitive_of(from.primitive()), from.replace()}};
        case pb::PutNamed::kLocation:
            return Edit{PutLocation{location_of(from.location()), from.replace()}};
        case pb::PutNamed::kColocation:
            return Edit{PutColocation{colocation_of(from.colocation()), from.replace()}};
        case pb::PutNamed::kOrder: {
            TRY(Order order, order_of(from.order()));
            return Edit{PutOrder{std::move(order), from.replace()}};
        }
        case pb::PutNamed::VALUE_NOT_SET:
            break;
    }
    return malformed("edit: an object of a kind that this version does not know");
}

Result<Edit> edit_of(const pb::Edit& from) {
    switch (from.edit_case()) {
        case pb::Edit::kPut:
            return put_of(from.put());
        case pb::Edit::kPutNode:
            return Edit{PutNode{node_of(from.put_node())}};
        case pb::Edit::kDeleteId:
            return Edit{Delete{from.delete_id()}};
        case pb::Edit::kSetOption: {
            SetOption e{Section::properties, from.set_option().name(), from.set_option().value()};
            if (!enum_of(from.set_option().section(), Section::op_defaults, e.section))
                return malformed("option");
            return Edit{std::move(e)};
        }
        case pb::Edit::kSetMeta:
            return Edit{SetMeta{from.set_meta().object(), from.set_meta().name(), from.set_meta().value()}};
        case pb::Edit::kSetNodeAttribute: {
            const pb::SetNamed& a = from.set_node_attribute();
            return Edit{SetNodeAttribute{a.object(), a.name(), a.value()}};
        }
        case pb::Edit::kErase:
            return Edit{Erase{}};
        case pb::Edit::EDIT_NOT_SET:
            break;
    }
    return malformed("edit: of a kind that this version does not know");
}

struct PutCommand {
    pb::Command& to;
    void operator()(const ChangeConfiguration& c) const {
        pb::ChangeConfiguration& change = *to.mutable_change();
        for (const Edit& e : c.edits) std::visit(PutEdit{*change.add_edits()}, e);
        if (c.base_version) change.set_base_version(*c.base_version);
    }
    void operator()(const Cleanup& c) const {
        to.mutable_cleanup()->set_resource(c.resource);
        to.mutable_cleanup()->set_node(c.node);
    }
    void operator()(const ConfirmNode& c) const { to.set_confirm_node(c.node); }
    void operator()(const ShutdownNode& c) const { to.set_shutdown_node(c.node); }
    void operator()(const ChangeNodes& c) const {
        const base::Bytes before = membership::encode(c.before), after = membership::encode(c.after);
        to.mutable_change_nodes()->set_before(before.data(), before.size());
        to.mutable_change_nodes()->set_after(after.data(), after.size());
        to.mutable_change_nodes()->set_vouched(c.vouched);
    }
};

}  // namespace

base::Bytes encode(const Configuration& config) {
    pb::Configuration to;
    to.set_version(config.version);
    for (const Primitive& p : config.primitives) put(p, *to.add_primitives());
    for (const Location& l : config.locations) put(l, *to.add_locations());
    for (const Colocation& c : config.colocations) put(c, *to.add_colocations());
    for (const Order& o : config.orders) put(o, *to.add_orders());
    for (const NodeObject& n : config.nodes) put(n, *to.add_nodes());
    put_attributes(config.properties, *to.mutable_properties());
    put_attributes(config.rsc_defaults, *to.mutable_rsc_defaults());
    put_attributes(config.op_defaults, *to.mutable_op_defaults());
    return bytes_of(to);
}

Result<Configuration> decode_configuration(base::ByteView bytes) {
    pb::Configuration from;
    if (!parse(from, bytes)) return malformed("configuration");
    Configuration to;
    to.version = from.version();
    for (const auto& p : from.primitives()) to.primitives.push_back(primitive_of(p));
    for (const auto& l : from.locations()) to.locations.push_back(location_of(l));
    for (const auto& c : from.colocations()) to.colocations.push_back(colocation_of(c));
    for (const auto& o : from.orders()) {
        TRY(Order order, order_of(o));
        to.orders.push_back(std::move(order));
    }
    for (const auto& n : from.nodes()) to.nodes.push_back(node_of(n));
    to.properties = attributes_of(from.properties());
    to.rsc_defaults = attributes_of(from.rsc_defaults());
    to.op_defaults = attributes_of(from.op_defaults());
    return to;
}

base::Bytes encode(const ClusterStatus& status) {
    pb::ClusterStatus to;
    for (const auto& [id, node] : status.nodes) put(node, (*to.mutable_nodes())[id.value]);
    for (const PlannedAction& action : status.actions) put(action, *to.add_actions());
    for (const auto& [id, primitive] : status.former) put(primitive, (*to.mutable_former())[id]);
    to.set_quorate(status.quorate);
    return bytes_of(to);
}

Result<ClusterStatus> decode_status(base::ByteView bytes) {
    pb::ClusterStatus from;
    if (!parse(from, bytes)) return malformed("cluster status");
    ClusterStatus to;
    for (const auto& [id, node] : from.nodes()) {
        TRY(NodeStatus value, node_status_of(node));
        to.nodes.emplace(base::NodeId{id}, std::move(value));
    }
    for (const auto& action : from.actions()) {
        TRY(PlannedAction value, action_of(action));
        to.actions.push_back(std::move(value));
    }
    for (const auto& [id, primitive] : from.former()) to.former.emplace(id, primitive_of(primitive));
    to.quorate = from.quorate();
    return to;
}

base::Bytes encode(const Command& command) {
    pb::Command to;
    std::visit(PutCommand{to}, command);
    return bytes_of(to);
}

Result<Command> decode_command(base::ByteView bytes) {
    pb::Command from;
    if (!parse(from, bytes)) return malformed("command");
    switch (from.command_case()) {
        case pb::Command::kChange: {
            ChangeConfiguration change;
            for (const auto& e : from.change().edits()) {
                TRY(Edit edit, edit_of(e));
                change.edits.push_back(std::move(edit));
            }
            if (from.change().has_base_version()) change.base_version = from.change().base_version();
            return Command{std::move(change)};
        }
        case pb::Command::kCleanup:
            return Command{Cleanup{from.cleanup().resource(), from.cleanup().node()}};
        case pb::Command::kConfirmNode:
            return Command{ConfirmNode{from.confirm_node()}};
        case pb::Command::kShutdownNode:
            return Command{ShutdownNode{from.shutdown_node()}};
        case pb::Command::kChangeNodes: {
            ChangeNodes change;
            TRY(change.before, membership::decode_node_list(base::as_bytes(from.change_nodes().before())));
            TRY(change.after, membership::decode_node_list(base::as_bytes(from.change_nodes().after())));
            change.vouched = from.change_nodes().vouched();
            return Command{std::move(change)};
        }
        case pb::Command::COMMAND_NOT_SET:
            break;
    }
    return malformed("command: of a kind that this version does not know");
}

}  // namespace manager
