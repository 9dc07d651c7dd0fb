#include "tools/crm/statement.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "manager/model/options.hpp"

namespace tools {
namespace {

using Edits = std::vector<manager::Edit>;

base::Error invalid(std::string message) {
    return {base::Errc::invalid, std::move(message)};
}
base::Error not_yet(const std::string& what) {
    return {base::Errc::invalid, "not yet supported: " + what};
}

bool equals(std::string_view a, std::string_view b) {
    return equal_any_case(a, b);
}

// The words of one statement, read from left to right. `subject` opens each message: "primitive web".
class Cursor {
  public:
    Cursor(const Words& words, std::string usage)
        : words_(words),
          usage_(std::move(usage)),
          subject_(words.front()) {}

    [[nodiscard]] bool done() const { return at_ >= words_.size(); }
    [[nodiscard]] const std::string& peek() const { return words_[at_]; }
    const std::string& take() { return words_[at_++]; }
    // The next word that has to be there; `what` it is, for the message.
    base::Result<std::string> need(std::string_view what) {
        if (done()) return invalid(subject_ + ": " + std::string(what) + " is missing: " + usage_);
        return take();
    }
    // The id after the statement's name.
    base::Result<std::string> need_id() {
        TRY(std::string id, need("an id"));
        subject_ += " " + id;
        return id;
    }
    [[nodiscard]] base::Error error(const std::string& message) const {
        return invalid(subject_ + ": " + message);
    }
    [[nodiscard]] base::Error unsupported(const std::string& what) const {
        return not_yet(subject_ + ": " + what);
    }
    [[nodiscard]] base::Error left_over() const {
        return error("'" + peek() + "' was not expected: " + usage_);
    }

  private:
    const Words& words_;
    std::string usage_, subject_;
    std::size_t at_{1};
};

struct Pair {
    std::string name, value;
};

// "name=value" or "name"; the id of "$id:name=value" is dropped, since ids of pairs mean nothing here.
base::Result<Pair> parse_pair(const Cursor& cursor, const std::string& word) {
    if (word[0] == '@') return cursor.unsupported("reference " + word + " to a parameter of another object");
    std::string_view text = word;
    if (text[0] == '$') {
        const auto colon = text.find(':');
        if (colon == std::string_view::npos || colon > text.find('='))
            return cursor.error("'" + word + "' names no parameter");
        text.remove_prefix(colon + 1);
    }
    const auto equal = text.find('=');
    Pair pair{std::string(text.substr(0, equal)),
              equal == std::string_view::npos ? "" : std::string(text.substr(equal + 1))};
    if (pair.name.empty()) return cursor.error("'" + word + "' has no name before its value");
    if (pair.name.back() == ':')
        return cursor.unsupported("score '" + pair.name + "' of a set of attributes");
    return pair;
}

base::Status put_pair(const Cursor& cursor, manager::Attributes& into, const char* section,
                      const std::string& word) {
    TRY(const Pair pair, parse_pair(cursor, word));
    if (!into.emplace(pair.name, pair.value).second) {
        return cursor.error(std::string(section) + ": " + pair.name + " is given twice");
    }
    return base::ok();
}

bool is_section(std::string_view word) {
    constexpr std::array<std::string_view, 8> kSections = {
        "params", "meta", "utilization", "operations", "op", "attributes", "op_params", "op_meta"};
    return std::any_of(kSections.begin(), kSections.end(),
                       [word](std::string_view s) { return equals(word, s); });
}

// NAME=VALUE... up to the next section.
base::Status parse_set(Cursor& cursor, manager::Attributes& into, const char* section) {
    while (!cursor.done() && !is_section(cursor.peek())) {
        const std::string& word = cursor.peek();
        if (word.empty()) return cursor.error(std::string(section) + ": an empty word");
        if (equals(word, "rule")) return cursor.unsupported("rules");
        if (begins_with_any_case(word, "$id-ref="))
            return cursor.unsupported("references to the attributes of another object");
        if (begins_with_any_case(word, "description=")) return base::ok();
        if (!begins_with_any_case(word, "$id=")) TRY_OK(put_pair(cursor, into, section, word));
        cursor.take();
    }
    return base::ok();
}

// Attributes of the operation come first, then those for the agent; op_params opens the latter expressly.
base::Result<manager::OperationSpec> parse_operation(Cursor& cursor) {
    manager::OperationSpec operation;
    TRY(operation.name, cursor.need("the name of an operation (monitor, start, stop)"));
    bool for_agent = false;
    while (!cursor.done()) {
        const std::string& word = cursor.peek();
        if (equals(word, "op_meta")) return cursor.unsupported("op_meta");
        if (equals(word, "rule")) return cursor.unsupported("rules");
        if (equals(word, "op_params")) {
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
                if (!operation.interval_text.empty())
                    return cursor.error("op " + operation.name + ": interval is given twice");
                const auto interval = manager::parse_interval(pair.value);
                if (!interval)
                    return cursor.error("op " + operation.name + ": interval: " + interval.error().message);
                operation.interval = *interval;
                operation.interval_text = pair.value;
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
    if (equals(word, "params")) {
        cursor.take();
        return parse_set(cursor, primitive.params, "params");
    }
    if (equals(word, "meta")) {
        cursor.take();
        return parse_set(cursor, primitive.meta, "meta");
    }
    if (equals(word, "op")) {
        cursor.take();
        TRY(auto operation, parse_operation(cursor));
        primitive.operations.push_back(std::move(operation));
        return base::ok();
    }
    if (equals(word, "operations")) {
        cursor.take();
        if (cursor.done() || !begins_with_any_case(cursor.peek(), "$id=")) {
            return cursor.unsupported("references to the operations of another object");
        }
        cursor.take();  // an id of the list of operations means nothing here
        return base::ok();
    }
    if (equals(word, "utilization")) return cursor.unsupported("utilization");
    if (is_section(word)) return cursor.left_over();
    return parse_set(cursor, primitive.params, "params");
}

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

// "inf:" or "mandatory:" -> score; the word with its colon.
base::Result<manager::Score> score_word(const Cursor& cursor, std::string word) {
    if (word.size() < 2 || word.back() != ':') {
        return cursor.error("'" + word + "' should be a score with a colon, as in inf: or 200:");
    }
    word.pop_back();
    if (equals(word, "mandatory")) return manager::Score::infinity();
    if (equals(word, "advisory")) return manager::Score{};
    const auto score = manager::parse_score(word);
    if (!score) return cursor.error("score " + word + ": " + score.error().message);
    return *score;
}

// A resource of a constraint: RSC, or RSC:ROLE where `usual` is the role (or action) that changes nothing.
base::Result<std::string> constraint_member(Cursor& cursor, std::string_view usual) {
    TRY(std::string word, cursor.need("a resource"));
    if (word.empty() || word == "/" || word == "//") return cursor.error("the name of a resource is empty");
    if (word[0] == '/') return cursor.unsupported("resources by pattern (" + word + ")");
    if (word.find_first_of("{}()[]") != std::string::npos) return cursor.unsupported("resource sets");
    const auto colon = word.find(':');
    if (colon == std::string::npos) return word;
    if (!equals(std::string_view(word).substr(colon + 1), usual))
        return cursor.unsupported("role or action " + word);
    return word.substr(0, colon);
}

// The value of "name=value" when the word is one with that name.
std::optional<std::string> option_value(const std::string& word, std::string_view name) {
    if (word.size() <= name.size() || word[name.size()] != '=' || !begins_with_any_case(word, name))
        return {};
    return word.substr(name.size() + 1);
}

base::Result<Edits> parse_location(const Words& words, const StatementContext& context) {
    Cursor cursor(words, "location ID RESOURCE SCORE: NODE");
    manager::Location location;
    TRY(location.id, cursor.need_id());
    TRY(location.resource, constraint_member(cursor, "started"));
    while (!cursor.done() && cursor.peek().find('=') != std::string::npos) {
        const std::string& word = cursor.take();
        const auto role = option_value(word, "role");
        const auto discovery = option_value(word, "resource-discovery");
        const bool usual = (role && equals(*role, "started")) || (discovery && equals(*discovery, "always"));
        if (!usual) return cursor.unsupported(word);
    }
    if (!cursor.done() && equals(cursor.peek(), "rule")) return cursor.unsupported("rules");
    TRY(const std::string score, cursor.need("a score"));
    TRY(location.score, score_word(cursor, score));
    TRY(location.node, cursor.need("a node"));
    if (!cursor.done()) return cursor.left_over();
    return Edits{manager::PutLocation{std::move(location), context.replace}};
}

base::Result<Edits> parse_colocation(const Words& words, const StatementContext& context) {
    Cursor cursor(words, "colocation ID SCORE: RESOURCE WITH-RESOURCE");
    manager::Colocation colocation;
    TRY(colocation.id, cursor.need_id());
    TRY(const std::string score, cursor.need("a score"));
    TRY(colocation.score, score_word(cursor, score));
    TRY(colocation.resource, constraint_member(cursor, "started"));
    TRY(colocation.with, constraint_member(cursor, "started"));
    if (!cursor.done()) {
        if (option_value(cursor.peek(), "node-attribute")) return cursor.unsupported(cursor.peek());
        if (cursor.peek().find('=') != std::string::npos) return cursor.left_over();
        return cursor.unsupported("more than two resources");
    }
    return Edits{manager::PutColocation{std::move(colocation), context.replace}};
}

base::Result<manager::OrderKind> order_kind(const Cursor& cursor, std::string word) {
    word.pop_back();
    if (equals(word, "mandatory")) return manager::OrderKind::mandatory;
    if (equals(word, "optional")) return manager::OrderKind::optional;
    if (equals(word, "serialize")) return manager::OrderKind::serialize;
    const auto score = manager::parse_score(word);
    if (score && *score == manager::Score::infinity()) return manager::OrderKind::mandatory;
    if (score && *score == manager::Score{}) return manager::OrderKind::optional;
    return cursor.error("'" + word + "' is no kind of order: write Mandatory:, Optional: or Serialize:");
}

base::Result<Edits> parse_order(const Words& words, const StatementContext& context) {
    Cursor cursor(words, "order ID [Mandatory:|Optional:|Serialize:] FIRST THEN [symmetrical=true|false]");
    manager::Order order;
    TRY(order.id, cursor.need_id());
    if (!cursor.done() && cursor.peek().size() > 1 && cursor.peek().back() == ':') {
        TRY(order.kind, order_kind(cursor, cursor.take()));
    }
    TRY(order.first, constraint_member(cursor, "start"));
    TRY(order.then, constraint_member(cursor, "start"));
    while (!cursor.done()) {
        const auto symmetrical = option_value(cursor.peek(), "symmetrical");
        if (!symmetrical && cursor.peek().find('=') == std::string::npos)
            return cursor.unsupported("more than two resources");
        if (!symmetrical) return cursor.left_over();
        if (!manager::is_true(*symmetrical) && !manager::is_false(*symmetrical)) {
            return cursor.error("symmetrical=" + *symmetrical + " is neither true nor false");
        }
        order.symmetrical = manager::is_true(*symmetrical);
        cursor.take();
    }
    return Edits{manager::PutOrder{std::move(order), context.replace}};
}

struct SectionNames {
    manager::Section section;
    std::string_view usual_id;  // of Pacemaker's attribute set
    bool any_id;                // other ids mean the same
};

// property, rsc_defaults, op_defaults: several NAME=VALUE at once.
base::Result<Edits> parse_options(const Words& words, const SectionNames& names) {
    Cursor cursor(words, words[0] + " NAME=VALUE...");
    Edits edits;
    manager::Attributes seen;
    while (!cursor.done()) {
        std::string word = cursor.take();
        if (equals(word, "rule")) return cursor.unsupported("rules");
        std::optional<std::string> id = option_value(word, "$id");
        if (!id && word.size() > 1 && word.back() == ':' && word.find('=') == std::string::npos) {
            id = word.substr(0, word.size() - 1);
        }
        if (id) {
            if (!names.any_id && *id != names.usual_id)
                return cursor.unsupported("another set of properties (" + *id + ")");
            if (!seen.empty()) return cursor.error("'" + word + "' belongs before the values");
            continue;
        }
        if (word.find('=') == std::string::npos)
            return cursor.error("'" + word + "' has no value: " + words[0] + " NAME=VALUE");
        TRY_OK(put_pair(cursor, seen, words[0].c_str(), word));
        TRY(Pair pair, parse_pair(cursor, word));
        if (pair.value.empty()) {
            return cursor.error(pair.name + " has no value: to go back to its default, write `delete " +
                                pair.name + "`");
        }
        edits.push_back(manager::SetOption{names.section, std::move(pair.name), std::move(pair.value)});
    }
    if (edits.empty()) return cursor.error("NAME=VALUE is missing");
    return edits;
}

base::Result<Edits> parse_property(const Words& words, const StatementContext& /*context*/) {
    return parse_options(words, {manager::Section::properties, "cib-bootstrap-options", false});
}
base::Result<Edits> parse_rsc_defaults(const Words& words, const StatementContext& /*context*/) {
    return parse_options(words, {manager::Section::rsc_defaults, "rsc-options", true});
}
base::Result<Edits> parse_op_defaults(const Words& words, const StatementContext& /*context*/) {
    return parse_options(words, {manager::Section::op_defaults, "op-options", true});
}

base::Result<std::uint32_t> node_id(const Cursor& cursor, const std::string& text) {
    const bool digits =
        !text.empty() && text.size() <= 10 && text.find_first_not_of("0123456789") == std::string::npos;
    const unsigned long long value = digits ? std::stoull(text) : 0;
    if (value == 0 || value > 0x7fffffffULL)
        return cursor.error("'" + text + "' is no node id: 1 to 2147483647");
    return static_cast<std::uint32_t>(value);
}

// The name of a node, without the type that Pacemaker knows ("n1:member").
base::Status parse_node_name(Cursor& cursor, manager::NodeObject& node) {
    TRY(node.name, cursor.need("the name of a node"));
    const auto colon = node.name.find(':');
    if (colon == std::string::npos) return base::ok();
    const std::string type = node.name.substr(colon + 1);
    node.name.resize(colon);
    if (equals(type, "normal") || equals(type, "member")) return base::ok();
    return cursor.unsupported("nodes of type " + type);
}

base::Result<Edits> parse_node(const Words& words, const StatementContext& context) {
    Cursor cursor(words, "node [ID:] NAME [attributes NAME=VALUE...]");
    manager::NodeObject node;
    if (!cursor.done()) {
        const std::string& word = cursor.peek();
        std::optional<std::string> id = option_value(word, "$id");
        if (!id && word.size() > 1 && word.back() == ':') id = word.substr(0, word.size() - 1);
        if (id) {
            TRY(node.id, node_id(cursor, *id));
            cursor.take();
        }
    }
    TRY_OK(parse_node_name(cursor, node));
    const manager::NodeObject* known = context.current.node(node.name);
    if (known != nullptr && node.id != 0 && known->id != 0 && known->id != node.id) {
        return cursor.error(node.name + " has id " + std::to_string(known->id) + ", not " +
                            std::to_string(node.id));
    }
    if (node.id == 0 && known != nullptr) node.id = known->id;
    bool attributes = false;
    while (!cursor.done()) {
        if (equals(cursor.peek(), "utilization")) return cursor.unsupported("utilization");
        if (begins_with_any_case(cursor.peek(), "description="))
            return cursor.unsupported("descriptions of nodes");
        if (!equals(cursor.peek(), "attributes")) return cursor.left_over();
        cursor.take();
        attributes = true;
        TRY_OK(parse_set(cursor, node.attributes, "attributes"));
    }
    // Naming a node does not take away what is known of it.
    if (known != nullptr && !attributes) node.attributes = known->attributes;
    return Edits{manager::PutNode{std::move(node)}};
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
    operation.interval_text = times.substr(0, colon);
    if (colon != std::string::npos) operation.attributes["timeout"] = times.substr(colon + 1);
    const auto interval = manager::parse_interval(operation.interval_text);
    if (!interval) return cursor.error("interval: " + interval.error().message);
    operation.interval = *interval;
    primitive.operations.push_back(std::move(operation));
    return Edits{manager::PutPrimitive{std::move(primitive), true}};
}

void put_by_id(std::vector<manager::Primitive>& primitives, const manager::Primitive& value) {
    const auto at = std::find_if(primitives.begin(), primitives.end(),
                                 [&](const auto& each) { return each.id == value.id; });
    if (at == primitives.end()) {
        primitives.push_back(value);
    } else {
        *at = value;
    }
}

struct Statement {
    std::string_view name;
    base::Result<Edits> (*parse)(const Words&, const StatementContext&);
};
constexpr std::array<Statement, 9> kStatements = {{{"primitive", parse_primitive},
                                                   {"location", parse_location},
                                                   {"colocation", parse_colocation},
                                                   {"order", parse_order},
                                                   {"property", parse_property},
                                                   {"rsc_defaults", parse_rsc_defaults},
                                                   {"op_defaults", parse_op_defaults},
                                                   {"node", parse_node},
                                                   {"monitor", parse_monitor}}};

}  // namespace

const std::vector<std::string>& statement_names() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> all;
        for (const Statement& statement : kStatements) all.emplace_back(statement.name);
        return all;
    }();
    return names;
}

const std::vector<std::string>& unsupported_statement_names() {
    static const std::vector<std::string> names = {
        "group", "clone", "ms",   "master", "bundle",     "rsc_template", "rsc_ticket", "fencing_topology",
        "tag",   "alert", "role", "user",   "acl_target", "acl_group",    "xml"};
    return names;
}

bool is_operation_attribute(std::string_view name) {
    constexpr std::array<std::string_view, 4> kMore = {"interval", "interval-origin", "description",
                                                       "requires"};
    return std::find(kMore.begin(), kMore.end(), name) != kMore.end() ||
           manager::find_operation_attribute(name) != nullptr;
}

base::Result<Edits> parse_statement(const Words& words, const StatementContext& context) {
    if (words.empty()) return invalid("a statement is missing");
    for (const std::string& word : words) {
        if (word.find_first_of(std::string_view("\n\r\0", 3)) != std::string::npos) {
            return invalid(words[0] + ": a value holds a line end, which is not supported");
        }
    }
    for (const Statement& statement : kStatements) {
        if (equals(words[0], statement.name)) return statement.parse(words, context);
    }
    return invalid("'" + words[0] + "' is no statement of the configuration");
}

base::Result<Edits> parse_script(std::string_view text, const std::string& name,
                                 const StatementContext& context,
                                 const std::function<base::Status(const Edits&)>& check) {
    const auto lines = split_script(text);
    if (!lines) return lines.error().with(name);
    Edits all;
    // What earlier lines define, as far as later ones build on it.
    manager::Configuration current = context.current;
    const StatementContext here{current, context.resolve, context.replace};
    for (const Line& line : *lines) {
        const std::string where = name + ":" + std::to_string(line.number);
        const auto& later = unsupported_statement_names();
        if (std::find(later.begin(), later.end(), line.words[0]) != later.end())
            return not_yet(line.words[0]).with(where);
        auto edits = parse_statement(line.words, here);
        if (!edits) return edits.error().with(where);
        if (const auto checked = check(*edits); !checked) return checked.error().with(where);
        for (manager::Edit& edit : *edits) {
            if (const auto* put = std::get_if<manager::PutPrimitive>(&edit))
                put_by_id(current.primitives, put->value);
            all.push_back(std::move(edit));
        }
    }
    return all;
}

}  // namespace tools
