// What the importer understands of a configuration. What stands in no line here is named in Document::unread.
#include <algorithm>
#include <iterator>

#include "manager/cib/reader.hpp"
#include "manager/model/text.hpp"

namespace manager::cib {
namespace {

constexpr std::string_view kAny = "*";

// `attributes`: words, or "name:kind" with a kind of kKinds; `children`: words, with a "*" behind those that
// may stand there more than once.
struct Element {
    std::string_view name, attributes, children;
};

constexpr std::string_view kDateFields =
    "id seconds minutes hours days monthdays weekdays yeardays weeks weekyears months years moon";
constexpr std::string_view kContent =
    "instance_attributes* meta_attributes* utilization* operations*";  // of a primitive or a template
constexpr std::string_view kSet = "id score";
constexpr std::string_view kPairs = "rule nvpair* attributes";
constexpr std::string_view kNodeSets = "instance_attributes* utilization*";
constexpr std::string_view kMembers = "instance_attributes* meta_attributes* primitive*";
constexpr std::string_view kCopied = "instance_attributes* meta_attributes* primitive* group*";

constexpr Element kElements[] = {
    {"cib", kAny, "configuration status"},
    {"configuration", kAny,
     "crm_config rsc_defaults op_defaults nodes resources constraints fencing-topology tags acls alerts"},
    {"status", kAny, ""},  // not looked into
    {"crm_config", "", "cluster_property_set*"},
    {"rsc_defaults", "", "meta_attributes*"},
    {"op_defaults", "", "meta_attributes*"},
    {"nodes", "", "node*"},
    {"resources", "", "primitive* template* group* clone* master*"},
    {"constraints", "", "rsc_location* rsc_colocation* rsc_order* rsc_ticket*"},
    {"fencing-topology", "", "fencing-level*"},
    {"tags", "", "tag*"},
    {"cluster_property_set", kSet, kPairs},
    {"instance_attributes", kSet, kPairs},
    {"meta_attributes", kSet, kPairs},
    {"utilization", kSet, kPairs},
    {"attributes", "", "nvpair*"},
    {"nvpair", "id name value", ""},
    {"node", "id uname type:member", kNodeSets},
    {"primitive", "id class provider type template description", kContent},
    {"template", "id class provider type", kContent},
    {"group", "id description", kMembers},
    {"clone", "id description", kCopied},
    {"master", "id description", kCopied},
    {"operations", "id", "op*"},
    {"op", kAny, "instance_attributes* meta_attributes*"},
    {"rsc_location", "id rsc rsc-pattern node score role:role resource-discovery:discovery",
     "rule* resource_set*"},
    {"rsc_colocation",
     "id rsc with-rsc rsc-role:role with-rsc-role:role node-attribute influence:boolean score",
     "resource_set*"},
    {"rsc_order",
     "id first then first-action:action then-action:action kind:order symmetrical:boolean "
     "require-all:boolean score:old-score",
     "resource_set*"},
    {"rsc_ticket", "id rsc rsc-role:role ticket loss-policy:loss", "resource_set*"},
    {"resource_set", "id sequential:boolean require-all:boolean role:role action:action score",
     "resource_ref*"},
    {"resource_ref", "id id-ref", ""},
    {"rule", "id score score-attribute score-attribute-mangled boolean-op:join role:role",
     "rule* expression* date_expression* rsc_expression* op_expression*"},
    {"expression", "id attribute operation:compare value type:type value-source:source", ""},
    {"date_expression", "id operation:date start end", "duration date_spec"},
    {"duration", kDateFields, ""},
    {"date_spec", kDateFields, ""},
    {"rsc_expression", "id class provider type", ""},
    {"op_expression", "id name interval", ""},
    {"fencing-level", "id index target devices", ""},
    {"tag", "id description", "obj_ref*"},
    {"obj_ref", "id", ""},
};

// Which words an attribute takes, in any case.
struct Words {
    std::string_view kind, allowed;
};
constexpr Words kKinds[] = {
    {"boolean", "true on yes y 1 false off no n 0"},
    {"member", "member normal"},
    {"role", "Started Stopped Promoted Unpromoted Master Slave"},
    {"discovery", "always never exclusive"},
    {"action", "start stop promote demote"},
    {"order", "Mandatory Optional Serialize"},
    {"loss", "stop demote fence freeze"},
    {"join", "and or"},
    {"compare", "lt gt lte gte eq ne defined not_defined"},
    {"type", "string integer number version"},
    {"source", "literal param meta"},
    {"date", "lt gt in_range date_spec"},
};

// The next word of `rest`, which loses it; empty: there is none.
std::string_view next(std::string_view& rest) {
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    const std::string_view out = rest.substr(0, rest.find(' '));
    rest.remove_prefix(out.size());
    return out;
}

// The word of `list` that is `name`, or `name` and more behind `mark`.
std::optional<std::string_view> word_of(std::string_view list, std::string_view name, char mark) {
    for (std::string_view word = next(list); !word.empty(); word = next(list)) {
        if (word.substr(0, word.find(mark)) == name) return word;
    }
    return std::nullopt;
}

const Element* element(std::string_view name) {
    const auto* const found = std::find_if(std::begin(kElements), std::end(kElements),
                                           [&](const Element& one) { return one.name == name; });
    return found == std::end(kElements) ? nullptr : found;
}

// Empty: the value is one that `kind` takes. Otherwise what it may be.
std::string expected(std::string_view kind, std::string_view value) {
    if (kind == "old-score") {
        const auto score = parse_score(value);
        return score && score->value >= 0 ? "" : "a score of 0 or more";
    }
    for (const Words& words : kKinds) {
        if (words.kind != kind) continue;
        std::string_view rest = words.allowed;
        for (std::string_view word = next(rest); !word.empty(); word = next(rest)) {
            if (lower(word) == lower(value)) return "";
        }
        return "one of " + std::string(words.allowed);
    }
    return "";
}

class Walk {
  public:
    explicit Walk(std::vector<std::string>& unread) : unread_(unread) {}
    // Tells what is odd at `at` itself; whether its children are to be looked at.
    bool enter(const pugi::xml_node& at);

  private:
    void note(const pugi::xml_node& at, const std::string& what) {
        unread_.push_back(shown(at) + ": " + what);
    }
    void reference(const pugi::xml_node& at);
    void attributes(const pugi::xml_node& at, const Element& known);
    void children(const pugi::xml_node& at, const Element& known);

    std::vector<std::string>& unread_;
};

// Of an element that only names another, the rest counts for nothing.
void Walk::reference(const pugi::xml_node& at) {
    const bool pair = std::string_view(at.name()) == "nvpair";
    for (const auto& attribute : at.attributes()) {
        const std::string name = attribute.name();
        if (name != "id-ref" && !(pair && name == "name"))
            note(at, "its attribute \"" + name + "\" beside id-ref");
    }
    if (at.first_child()) note(at, "what it contains beside id-ref");
}

void Walk::attributes(const pugi::xml_node& at, const Element& known) {
    if (known.attributes == kAny) return;
    for (const auto& attribute : at.attributes()) {
        const std::string name = attribute.name();
        const auto word = word_of(known.attributes, name, ':');
        if (!word) {
            note(at, "its attribute \"" + name + "\"");
            continue;
        }
        const std::size_t colon = word->find(':');
        if (colon == std::string_view::npos) continue;
        const std::string wanted = expected(word->substr(colon + 1), attribute.value());
        if (!wanted.empty())
            note(at, "its attribute " + name + "=\"" + attribute.value() + "\" (expected " + wanted + ")");
    }
}

void Walk::children(const pugi::xml_node& at, const Element& known) {
    for (const auto& child : at.children()) {
        const std::string_view name = child.name();
        if (name.empty()) continue;  // text
        const auto word = word_of(known.children, name, '*');
        if (!word) {
            note(at, "what it contains: " + shown(child));
        } else if (word->back() != '*' && at.child(child.name()) != child) {
            note(at, "its second " + shown(child));
        } else if (element(name) == nullptr && child.first_child()) {
            unread_.push_back(shown(child));  // known by name only: <acls>
        }
    }
}

bool Walk::enter(const pugi::xml_node& at) {
    const Element* known = element(at.name());
    if (known == nullptr) return false;
    if (at.attribute("id-ref") && !at.attribute("id")) {
        if (known->name != "resource_ref") reference(at);
        return false;
    }
    attributes(at, *known);
    children(at, *known);
    return true;
}

bool is_known_child(const pugi::xml_node& at) {
    const Element* parent = element(at.parent().name());
    return parent != nullptr && word_of(parent->children, at.name(), '*').has_value();
}

}  // namespace

void note_unread(const pugi::xml_node& cib, Document& document) {
    Walk walk(document.unread);
    pugi::xml_node at = cib;
    while (at) {
        const bool status = at.parent() == cib && std::string_view(at.name()) == "status";
        const bool inside = !status && (at == cib || is_known_child(at)) && walk.enter(at);
        if (inside && at.first_child()) {
            at = at.first_child();
            continue;
        }
        while (at != cib && !at.next_sibling()) at = at.parent();
        if (at == cib) return;
        at = at.next_sibling();
    }
}

}  // namespace manager::cib
