// Statements on resources: primitive, monitor.
#include <array>

#include "tools/crm/grammar/cursor.hpp"

namespace tools::grammar {
namespace {

// interval=0 says no more than no interval, and is kept as such: equal definitions are equal values.
base::Status set_interval(const Cursor& cursor, manager::OperationSpec& operation, const std::string& text) {
    const auto interval = manager::parse_interval(text);
    if (!interval) return cursor.error("op " + operation.name + ": interval: " + interval.error().message);
    operation.interval = *interval;
    if (interval->ns != 0) operation.interval_text = text;
    return base::ok();
}

// Attributes of the operation come first, then those for the agent; op_params opens the latter expressly.
base::Result<manager::OperationSpec> parse_operation(Cursor& cursor) {
    manager::OperationSpec operation;
    TRY(operation.name, cursor.need("the name of an operation (monitor, start, stop)"));
    bool for_agent = false, has_interval = false;
    while (!cursor.done()) {
        const std::string& word = cursor.peek();
        if (equal_any_case(word, "op_meta")) return cursor.unsupported("op_meta");
        if (equal_any_case(word, "rule")) return cursor.unsupported("rules");
        if (equal_any_case(word, "op_params")) {
            for_agent = true;
        } else if (is_section(word)) {
            break;
        } else if (word.empty()) {
            return cursor.error("op " + operation.name + ": an empty word");
        } else {
            TRY(const Pair pair, parse_pair(cursor, word));
            if (!is_operation_attribute(pair.name)) {
                for_agent = true;
            } else if (for_agent) {
                return cursor.error("op " + operation.name + ": " + pair.name +
                                    " belongs before what is handed to the agent (op " + operation.name +
                                    " interval=... timeout=... NAME=VALUE)");
            }
            if (pair.name == "interval") {
                if (std::exchange(has_interval, true)) {
                    return cursor.error("op " + operation.name + ": interval is given twice");
                }
                TRY_OK(set_interval(cursor, operation, pair.value));
            } else if (!operation.attributes.emplace(pair.name, pair.value).second) {
                return cursor.error("op " + operation.name + ": " + pair.name + " is given twice");
            }
        }
        cursor.take();
    }
    return operation;
}

base::Status parse_primitive_section(Cursor& cursor, manager::Primitive& primitive) {
    const std::string& word = cursor.peek();
    if (begins_with_any_case(word, "description=")) {
        primitive.description = cursor.take().substr(std::string_view("description=").size());
        return base::ok();
    }
    if (equal_any_case(word, "params")) {
        cursor.take();
        return parse_set(cursor, primitive.params, "params");
    }
    if (equal_any_case(word, "meta")) {
        cursor.take();
        return parse_set(cursor, primitive.meta, "meta");
    }
    if (equal_any_case(word, "op")) {
        cursor.take();
        TRY(auto operation, parse_operation(cursor));
        primitive.operations.push_back(std::move(operation));
        return base::ok();
    }
    if (equal_any_case(word, "operations")) {
        cursor.take();
        if (cursor.done() || !begins_with_any_case(cursor.peek(), "$id=")) {
            return cursor.unsupported("references to the operations of another object");
        }
        cursor.take();  // an id of the list of operations means nothing here
        return base::ok();
    }
    if (equal_any_case(word, "utilization")) return cursor.unsupported("utilization");
    if (is_section(word)) return cursor.left_over();
    return parse_set(cursor, primitive.params, "params");
}

}  // namespace

base::Result<Edits> parse_primitive(const Words& words, const StatementContext& context) {
    Cursor cursor(words,
                  "primitive ID [CLASS:[PROVIDER:]]TYPE [params NAME=VALUE...] [meta NAME=VALUE...] "
                  "[op NAME [NAME=VALUE...]]...");
    manager::Primitive primitive;
    TRY(primitive.id, cursor.need_id());
    TRY(const std::string agent, cursor.need("the resource agent"));
    if (!agent.empty() && agent[0] == '@') return cursor.unsupported("templates (" + agent + ")");
    auto resolved = context.resolve(agent);
    if (!resolved) return resolved.error().with("primitive " + primitive.id);
    primitive.agent = *std::move(resolved);
    while (!cursor.done()) TRY_OK(parse_primitive_section(cursor, primitive));
    return Edits{manager::PutPrimitive{std::move(primitive), context.replace}};
}

// monitor RSC INTERVAL[:TIMEOUT]: one more operation of a resource.
base::Result<Edits> parse_monitor(const Words& words, const StatementContext& context) {
    Cursor cursor(words, "monitor RESOURCE INTERVAL[:TIMEOUT]");
    TRY(const std::string id, cursor.need_id());
    if (id.find(':') != std::string::npos) return cursor.unsupported("monitors of a role");
    TRY(const std::string times, cursor.need("an interval"));
    if (!cursor.done()) return cursor.left_over();
    const manager::Primitive* found = context.current.primitive(id);
    if (found == nullptr)
        return base::Error{base::Errc::not_found, "monitor " + id + ": there is no resource " + id};
    manager::Primitive primitive = *found;
    manager::OperationSpec operation;
    operation.name = "monitor";
    const auto colon = times.find(':');
    if (colon != std::string::npos) operation.attributes["timeout"] = times.substr(colon + 1);
    TRY_OK(set_interval(cursor, operation, times.substr(0, colon)));
    primitive.operations.push_back(std::move(operation));
    return Edits{manager::PutPrimitive{std::move(primitive), true}};
}

}  // namespace tools::grammar
