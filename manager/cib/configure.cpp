#include "manager/cib/configure.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "manager/model/options.hpp"
#include "manager/model/text.hpp"

namespace manager::cib {
namespace {

class Converter {
  public:
    explicit Converter(const Document& document) : document_(document) {}
    base::Result<std::vector<Edit>> run();

  private:
    void refuse(const std::string& object, const std::string& what) {
        refused_ += (refused_.empty() ? "" : "\n") + object + ": " + what;
    }
    using FindOption = const Option* (*)(std::string_view);
    void check_spellings(const std::string& object, const Attributes& all, FindOption find);
    Attributes merged(const std::string& object, const AttributeSets& sets);
    void options(Section section, const std::string& object, const AttributeSets& sets);
    void node(const NodeEntry& entry);
    void resource(const ResourceObject& object);
    OperationSpec operation(const std::string& object, const Operation& from);
    void location(const LocationObject& object);
    void colocation(const ColocationObject& object);
    void order(const OrderObject& object);
    void rest();

    const Document& document_;
    std::vector<Edit> edits_;
    std::string refused_;
};

constexpr const char* kNotYet = " is not carried out by this version: take it out of the file";

bool holds_control(const std::string& value) {
    return std::any_of(value.begin(), value.end(), [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; });
}

// The first set that has a name gives its value.
Attributes Converter::merged(const std::string& object, const AttributeSets& sets) {
    Attributes out;
    for (const AttributeSet& set : sets) {
        if (set.rule) {
            refuse(object, "the rule of its set " + set.id + kNotYet);
            continue;
        }
        for (const auto& [name, value] : set.pairs) {
            if (holds_control(value)) {
                refuse(object, "the value of " + name +
                                   " has a line end or another control character, "
                                   "which no statement can hold: take it out");
            }
            out.try_emplace(name, value);
        }
    }
    return out;
}

// Two spellings of one option would be two values of it.
void Converter::check_spellings(const std::string& object, const Attributes& all, FindOption find) {
    for (const auto& [name, value] : all) {
        const Option* option = find(name);
        if (option == nullptr || name != option->name || option->alias.empty()) continue;
        const auto other = all.find(std::string(option->alias));
        if (other != all.end() && other->second != value) {
            refuse(object, name + "=" + value + " and " + other->first + "=" + other->second +
                               " are two values of one option: take one of them out");
        }
    }
}

void Converter::options(Section section, const std::string& object, const AttributeSets& sets) {
    const Attributes all = merged(object, sets);
    check_spellings(object, all, section == Section::properties ? find_property : find_meta);
    for (const auto& [name, value] : all) edits_.emplace_back(SetOption{section, name, value});
}

void Converter::node(const NodeEntry& entry) {
    const std::string object = "node " + entry.name;
    if (!entry.utilization.empty()) refuse(object, std::string("utilization") + kNotYet);
    for (const auto& [name, value] : merged(object, entry.attributes))
        edits_.emplace_back(SetNodeAttribute{entry.name, name, value});
}

OperationSpec Converter::operation(const std::string& object, const Operation& from) {
    OperationSpec to{from.name, {}, "", from.attributes};
    for (const AttributeSets& sets : {from.meta, from.params}) {
        for (const auto& [name, value] : merged(object, sets)) {
            const auto [at, added] = to.attributes.try_emplace(name, value);
            if (!added && at->second != value) {
                refuse(object, "operation " + from.name + ": " + name + " has two values, " + at->second +
                                   " and " + value + ": take one of them out");
            }
        }
    }
    const auto interval = to.attributes.find("interval");
    if (interval == to.attributes.end()) return to;
    to.interval_text = interval->second;
    to.attributes.erase(interval);
    const auto time = parse_interval(to.interval_text);
    if (time) {
        to.interval = *time;
    } else {
        refuse(object, "operation " + from.name + ": interval: " + time.error().message);
    }
    return to;
}

void Converter::resource(const ResourceObject& object) {
    if (object.kind != ResourceKind::primitive) {
        const std::string kind = object.kind == ResourceKind::group ? "a group"
                                 : object.promotable                ? "a promotable clone"
                                                                    : "a clone";
        return refuse("resource " + object.id, kind + kNotYet);
    }
    Primitive to;
    to.id = object.id;
    to.agent = {object.standard, object.provider, object.type};
    const std::string name = "primitive " + object.id;
    to.params = merged(name, object.params);
    to.meta = merged(name, object.meta);
    to.description = object.description;
    check_spellings(name, to.meta, find_meta);
    if (holds_control(to.description)) refuse(name, "its description has a line end: take it out");
    if (!object.utilization.empty()) refuse(name, std::string("utilization") + kNotYet);
    for (const Operation& one : object.operations) to.operations.push_back(operation(name, one));
    edits_.emplace_back(PutPrimitive{std::move(to), true});
}

// "#uname eq n1", which old shells wrote for a plain location.
bool is_plain(const Rule& rule) {
    if (rule.parts.size() != 1 || !rule.role.empty() || !rule.score_attribute.empty()) return false;
    const Rule& part = rule.parts.front();
    return part.kind == Rule::Kind::attribute && part.attribute.attribute == "#uname" &&
           part.attribute.operation == "eq" && part.attribute.source.empty();
}

void Converter::location(const LocationObject& object) {
    const std::string name = "location " + object.id;
    Location to{object.id, object.resource, object.node, object.score};
    if (object.rules.size() == 1 && is_plain(object.rules.front())) {
        to.node = object.rules.front().parts.front().attribute.value;
        to.score = object.rules.front().score;
    } else if (!object.rules.empty()) {
        refuse(name, std::string("a rule other than `#uname eq NODE`") + kNotYet);
    }
    if (!object.rules.empty() && (!object.node.empty() || object.score != Score{}))
        refuse(name, "a rule beside a node or a score: take one of them out");
    if (!object.pattern.empty() || !object.sets.empty())
        refuse(name, "a pattern or a set of resources" + std::string(kNotYet) + ", or write one for each");
    const std::string role = lower(object.role);
    if (!role.empty() && role != "started") refuse(name, "role=" + object.role + kNotYet);
    if (!object.discovery.empty() && object.discovery != "always")
        refuse(name, "resource-discovery=" + object.discovery + kNotYet);
    edits_.emplace_back(PutLocation{std::move(to), true});
}

void Converter::colocation(const ColocationObject& object) {
    const std::string name = "colocation " + object.id;
    if (!object.sets.empty())
        refuse(name, "a set of resources" + std::string(kNotYet) + ", or write one for each pair");
    for (const std::string& role : {object.resource_role, object.with_role}) {
        if (!role.empty() && lower(role) != "started") refuse(name, "role " + role + kNotYet);
    }
    if (!object.node_attribute.empty() && object.node_attribute != "#uname")
        refuse(name, "node-attribute=" + object.node_attribute + kNotYet);
    if (object.influence && !*object.influence) refuse(name, std::string("influence=false") + kNotYet);
    edits_.emplace_back(PutColocation{{object.id, object.resource, object.with, object.score}, true});
}

void Converter::order(const OrderObject& object) {
    const std::string name = "order " + object.id;
    if (!object.sets.empty())
        refuse(name, "a set of resources" + std::string(kNotYet) + ", or write one for each pair");
    for (const std::string& action : {object.first_action, object.then_action}) {
        if (!action.empty() && action != "start") refuse(name, "action " + action + kNotYet);
    }
    if (!object.require_all) refuse(name, std::string("require-all=false") + kNotYet);
    const bool symmetrical = object.symmetrical.value_or(object.kind != OrderKind::serialize);
    edits_.emplace_back(PutOrder{{object.id, object.first, object.then, object.kind, symmetrical}, true});
}

// What has no place at all.
void Converter::rest() {
    for (const TicketObject& ticket : document_.ticket_constraints)
        refuse("ticket constraint " + ticket.id, std::string("a ticket") + kNotYet);
    for (const auto& [target, devices] : document_.topology)
        refuse("fencing level of " + target, std::string("fencing") + kNotYet);
    for (const auto& [tag, members] : document_.tags) {
        if (!document_.templates.contains(tag)) refuse("tag " + tag, std::string("a tag") + kNotYet);
    }
    for (const std::string& element : document_.unread) refuse(element, std::string("it") + kNotYet);
}

base::Result<std::vector<Edit>> Converter::run() {
    options(Section::properties, "properties", document_.properties);
    options(Section::rsc_defaults, "rsc_defaults", document_.resource_defaults);
    options(Section::op_defaults, "op_defaults", document_.operation_defaults);
    for (const NodeEntry& entry : document_.nodes) node(entry);
    for (const ResourceObject& object : document_.resources) resource(object);
    for (const LocationObject& object : document_.locations) location(object);
    for (const ColocationObject& object : document_.colocations) colocation(object);
    for (const OrderObject& object : document_.orders) order(object);
    rest();
    if (!refused_.empty()) return base::invalid(refused_);
    return std::move(edits_);
}

}  // namespace

base::Result<std::vector<Edit>> edits_of(const Document& document) {
    return Converter(document).run();
}

}  // namespace manager::cib
