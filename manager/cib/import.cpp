#include "manager/cib/import.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <set>

#include "manager/cib/reader.hpp"

namespace manager::cib {
namespace {

constexpr std::size_t kMaxRuleParts =
    100'000;                   // of a document; 16 nodes with 1,000 resources make some 15,000
constexpr int kMaxDepth = 64;  // of the document and of rules: more is no CIB, and would exhaust the stack

std::string_view name_of(const pugi::xml_node& at) {
    return at.name();
}

Rule read_date(Reader& reader, const pugi::xml_node& at) {
    Rule out;
    out.kind = Rule::Kind::date;
    out.date.operation = text(at, "operation");
    if (out.date.operation.empty()) out.date.operation = "in_range";
    const auto date = [&](const char* name) -> std::optional<std::int64_t> {
        if (!at.attribute(name)) return std::nullopt;
        auto value = parse_date(text(at, name));
        if (value) return *value;
        reader.fail(at, value.error().message);
        return std::nullopt;
    };
    out.date.start = date("start");
    out.date.end = date("end");
    const auto parts = [&](const char* element) {
        DateParts found;
        for (const auto& field : reader.resolve(at.child(element)).attributes()) {
            if (std::string_view(field.name()) != "id") found[field.name()] = field.value();
        }
        return found;
    };
    out.date.duration = parts("duration");
    out.date.fields = parts("date_spec");
    return out;
}

Rule read_attribute(const pugi::xml_node& at) {
    Rule out;
    out.kind = Rule::Kind::attribute;
    out.attribute = {.attribute = text(at, "attribute"),
                     .operation = text(at, "operation"),
                     .value = text(at, "value"),
                     .type = text(at, "type"),
                     .source = text(at, "value-source")};
    return out;
}

Rule read_test(const pugi::xml_node& at) {
    Rule out;
    if (name_of(at) == "rsc_expression") {
        out.kind = Rule::Kind::resource;
        out.resource = {
            .standard = text(at, "class"), .provider = text(at, "provider"), .type = text(at, "type")};
    } else {
        out.kind = Rule::Kind::operation;
        out.operation = {.name = text(at, "name"), .interval = text(at, "interval")};
    }
    return out;
}

// Moves on to the next element, in the order of the text; null at the end of `top`.
pugi::xml_node following(Reader& reader, const pugi::xml_node& top, pugi::xml_node at, int& depth) {
    if (at.first_child()) {
        if (++depth > kMaxDepth) {
            reader.fail(at, "it is nested deeper than a CIB can be");
            return {};
        }
        return at.first_child();
    }
    while (at != top && !at.next_sibling()) {
        at = at.parent();
        --depth;
    }
    return at == top ? pugi::xml_node() : at.next_sibling();
}

// Whether the id of an element is its own, and no reference or name of something outside.
bool has_own_id(const pugi::xml_node& at) {
    constexpr std::string_view kOthers[] = {"node", "resource_ref", "obj_ref",
                                            "role", "acl_target",   "acl_group"};
    return std::find(std::begin(kOthers), std::end(kOthers), name_of(at)) == std::end(kOthers);
}

void read_nodes(Reader& reader, const pugi::xml_node& at, Document& document) {
    std::set<std::string> ids;
    std::set<std::string> names;
    for (const auto& node : at.children("node")) {
        NodeEntry entry;
        entry.id = text(node, "id");
        entry.name = text(node, "uname");
        if (entry.name.empty()) entry.name = entry.id;
        if (entry.id.empty()) reader.fail(node, "a node needs an id");
        if (!ids.insert(entry.id).second) reader.fail(node, "another node has this id");
        if (!names.insert(entry.name).second)
            reader.fail(node, "another node has its name, " + entry.name + ", too");
        entry.attributes = read_sets(reader, node, "instance_attributes");
        entry.utilization = read_sets(reader, node, "utilization");
        document.nodes.push_back(std::move(entry));
    }
}

void read_topology(const pugi::xml_node& at, Document& document) {
    for (const auto& level : at.children("fencing-level")) {
        std::string target = text(level, "target");
        std::string devices = text(level, "devices");
        auto& list = document.topology[target];
        while (!devices.empty()) {
            const std::size_t comma = devices.find(',');
            list.push_back(devices.substr(0, comma));
            devices = comma == std::string::npos ? "" : devices.substr(comma + 1);
        }
    }
}

}  // namespace

void index_ids(Reader& reader, const pugi::xml_node& configuration) {
    int depth = 0;
    for (pugi::xml_node at = configuration; at; at = following(reader, configuration, at, depth)) {
        const auto id = at.attribute("id");
        if (!id || !has_own_id(at)) continue;
        const auto [other, added] = reader.by_id.try_emplace(id.value(), at);
        if (!added) {
            reader.fail(at, "its id is that of a <" + std::string(other->second.name()) +
                                ">, too: an id stands once in a configuration");
        }
    }
}

void Reader::fail(const pugi::xml_node& at, std::string_view what) {
    if (!error) error = base::invalid(shown(at) + ": " + std::string(what));
}

pugi::xml_node Reader::resolve(const pugi::xml_node& at) {
    pugi::xml_node out = at;
    for (int hops = 0; out.attribute("id-ref") && !out.attribute("id"); ++hops) {
        const auto found = by_id.find(out.attribute("id-ref").value());
        if (found == by_id.end() || hops > 8) {
            fail(at, "its id-ref \"" + text(out, "id-ref") + "\" names no element");
            return {};
        }
        out = found->second;
        if (name_of(out) != name_of(at)) {
            fail(at, "its id-ref names another kind of element, " + shown(out));
            return {};
        }
    }
    return out;
}

Score Reader::score(const pugi::xml_node& at, std::string_view value) {
    if (value.empty()) return {};
    const auto parsed = parse_score(value);
    if (parsed) return *parsed;
    fail(at, parsed.error().message);
    return {};
}

std::int64_t Reader::large(const pugi::xml_node& at, const char* name, std::int64_t otherwise) {
    const std::string value = text(at, name);
    if (value.empty()) return otherwise;
    std::int64_t out = 0;
    const auto [end, wrong] = std::from_chars(value.data(), value.data() + value.size(), out);
    if (wrong != std::errc() || end != value.data() + value.size())
        fail(at, std::string(name) + "=\"" + value + "\" is not a whole number");
    return out;
}

int Reader::whole(const pugi::xml_node& at, const char* name, int otherwise) {
    const std::int64_t out = large(at, name, otherwise);
    if (out == static_cast<int>(out)) return static_cast<int>(out);
    fail(at, std::string(name) + "=\"" + text(at, name) + "\" is larger than it can be");
    return otherwise;
}

std::string text(const pugi::xml_node& at, const char* name) {
    return at.attribute(name).value();
}

std::string shown(const pugi::xml_node& at) {
    const char* name = at.attribute("id") ? "id" : "id-ref";
    const std::string id = text(at, name);
    return "<" + std::string(at.name()) + (id.empty() ? ">" : " " + std::string(name) + "=\"" + id + "\">");
}

bool flag(const pugi::xml_node& at, const char* name, bool otherwise) {
    const std::string value = text(at, name);
    return value.empty() ? otherwise : is_true(value);
}

std::optional<bool> truth(const pugi::xml_node& at, const char* name) {
    const std::string value = text(at, name);
    return is_true(value) ? std::optional(true) : is_false(value) ? std::optional(false) : std::nullopt;
}

// NOLINTNEXTLINE(misc-no-recursion): bounded by kMaxDepth, and kMaxRuleParts
Rule read_rule(Reader& reader, const pugi::xml_node& reference, int depth) {
    const pugi::xml_node at = reader.resolve(reference);
    Rule out;
    if (depth > kMaxDepth) {
        reader.fail(at, "rules are nested too deep here, or it contains itself by an id-ref");
        return out;
    }
    out.kind = text(at, "boolean-op") == "or" ? Rule::Kind::any : Rule::Kind::every;
    out.role = text(at, "role");
    out.score_attribute = text(at, "score-attribute");
    if (out.score_attribute.empty()) out.score_attribute = text(at, "score-attribute-mangled");
    out.score = reader.score(at, text(at, "score"));
    for (const auto& child : at.children()) {
        if (reader.error) return out;
        if (++reader.rule_parts > kMaxRuleParts) {
            reader.fail(at, "with it the document has more than " + std::to_string(kMaxRuleParts) +
                                " parts of rules: its id-refs repeat too much");
            return out;
        }
        const pugi::xml_node part = reader.resolve(child);
        const std::string_view name = name_of(part);
        if (name == "rule") out.parts.push_back(read_rule(reader, part, depth + 1));
        if (name == "expression") out.parts.push_back(read_attribute(part));
        if (name == "date_expression") out.parts.push_back(read_date(reader, part));
        if (name == "rsc_expression" || name == "op_expression") out.parts.push_back(read_test(part));
    }
    return out;
}

void append_sets(AttributeSets& sets, AttributeSets more) {
    for (AttributeSet& set : more) sets.push_back(std::move(set));
    std::stable_sort(sets.begin(), sets.end(),
                     [](const AttributeSet& a, const AttributeSet& b) { return a.score > b.score; });
}

namespace {

void read_pairs(Reader& reader, const pugi::xml_node& at, AttributeSet& out) {
    for (const auto& pair : at.children("nvpair")) {
        const pugi::xml_node target = reader.resolve(pair);
        const std::string name = pair.attribute("name") ? text(pair, "name") : text(target, "name");
        if (name.empty()) reader.fail(pair, "an nvpair needs a name");
        if (target.attribute("value")) out.pairs.emplace_back(name, text(target, "value"));
    }
}

}  // namespace

AttributeSets read_sets(Reader& reader, const pugi::xml_node& at, const char* element) {
    AttributeSets out;
    for (const auto& child : at.children(element)) {
        const pugi::xml_node set = reader.resolve(child);
        AttributeSet read;
        read.id = text(set, "id");
        read.score = reader.score(set, text(set, "score"));
        if (const auto rule = set.child("rule")) read.rule = read_rule(reader, rule);
        // Old documents have one more level.
        read_pairs(reader, set, read);
        read_pairs(reader, set.child("attributes"), read);
        out.push_back(std::move(read));
    }
    append_sets(out, {});
    return out;
}

base::Result<Document> import_cib(std::string_view xml) {
    if (xml.size() > kMaxDocument) return base::invalid("the document is larger than 64 MiB");
    pugi::xml_document tree;
    const auto parsed = tree.load_buffer(xml.data(), xml.size());
    if (!parsed) {
        return base::invalid("not XML: " + std::string(parsed.description()) + " at byte " +
                             std::to_string(parsed.offset));
    }
    const pugi::xml_node top = tree.child("cib");
    const pugi::xml_node configuration = top.child("configuration");
    if (!configuration)
        return base::invalid("no <cib> with a <configuration>: expected the output of `cibadmin --query`");
    Reader reader;
    int depth = 0;
    for (pugi::xml_node at = top; at;) at = following(reader, top, at, depth);
    index_ids(reader, configuration);
    if (reader.error) return *reader.error;
    Document out;
    out.have_quorum = flag(top, "have-quorum", false);
    out.lost_quorum = flag(top, "no-quorum-panic", false);
    out.coordinator = text(top, "dc-uuid");
    const std::string taken = text(top, "execution-date");
    (void)std::from_chars(taken.data(), taken.data() + taken.size(), out.taken);
    out.properties = read_sets(reader, configuration.child("crm_config"), "cluster_property_set");
    std::stable_sort(out.properties.begin(), out.properties.end(), [](const auto& a, const auto& b) {
        return a.id == "cib-bootstrap-options" && b.id != "cib-bootstrap-options";
    });
    out.resource_defaults = read_sets(reader, configuration.child("rsc_defaults"), "meta_attributes");
    out.operation_defaults = read_sets(reader, configuration.child("op_defaults"), "meta_attributes");
    read_nodes(reader, configuration.child("nodes"), out);
    read_resources(reader, configuration.child("resources"), out);
    read_constraints(reader, configuration.child("constraints"), out);
    read_topology(configuration.child("fencing-topology"), out);
    for (const auto& tag : configuration.child("tags").children("tag")) {
        auto& members = out.tags[text(tag, "id")];
        for (const auto& reference : tag.children("obj_ref")) members.push_back(text(reference, "id"));
    }
    note_unread(top, out);
    read_status(reader, top.child("status"), out);
    if (reader.error) return *reader.error;
    return out;
}

}  // namespace manager::cib
