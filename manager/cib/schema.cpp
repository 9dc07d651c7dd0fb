#include "manager/cib/schema.hpp"

#include <algorithm>
#include <array>
#include <sstream>
#include <string_view>

#include "manager/cib/reader.hpp"
#include "manager/model/text.hpp"

namespace manager::cib {
namespace {

constexpr std::size_t kMostTold = 100;

struct Element {
    std::string_view name, attributes, children;  // separated by blanks
};
constexpr std::string_view kSet = "nvpair rule attributes";
constexpr std::string_view kParts = "rule expression date_expression rsc_expression op_expression";
constexpr std::string_view kDate =
    "id hours monthdays weekdays yearsdays yeardays months weeks years weekyears moon "
    "seconds minutes days";
constexpr std::array kElements{
    Element{"cib", "*", "configuration status"},
    Element{"configuration", "",
            "crm_config rsc_defaults op_defaults nodes resources constraints fencing-topology tags"},
    Element{"crm_config", "", "cluster_property_set"},
    Element{"rsc_defaults", "", "meta_attributes"},
    Element{"op_defaults", "", "meta_attributes"},
    Element{"cluster_property_set", "id id-ref score", kSet},
    Element{"meta_attributes", "id id-ref score", kSet},
    Element{"instance_attributes", "id id-ref score", kSet},
    Element{"utilization", "id id-ref score", kSet},
    Element{"attributes", "", "nvpair"},
    Element{"nvpair", "id id-ref name value", ""},
    Element{"nodes", "", "node"},
    Element{"node", "id uname type", "instance_attributes utilization"},
    Element{"resources", "", "primitive group clone master template"},
    Element{"primitive", "id class provider type template description",
            "instance_attributes meta_attributes utilization operations"},
    Element{"template", "id class provider type",
            "instance_attributes meta_attributes utilization operations"},
    Element{"group", "id", "primitive instance_attributes meta_attributes"},
    Element{"clone", "id", "primitive group instance_attributes meta_attributes"},
    Element{"master", "id", "primitive group instance_attributes meta_attributes"},
    Element{"operations", "id id-ref", "op"},
    Element{"op",
            "id id-ref name interval timeout on-fail role enabled start-delay interval-origin record-pending "
            "requires",
            "meta_attributes instance_attributes"},
    Element{"constraints", "", "rsc_location rsc_colocation rsc_order rsc_ticket"},
    Element{"rsc_location", "id rsc rsc-pattern node score role resource-discovery", "rule resource_set"},
    Element{"rsc_colocation", "id rsc with-rsc score rsc-role with-rsc-role node-attribute influence",
            "resource_set"},
    Element{"rsc_order", "id first then first-action then-action kind symmetrical score require-all",
            "resource_set"},
    Element{"rsc_ticket", "id rsc ticket loss-policy rsc-role", "resource_set"},
    Element{"resource_set", "id id-ref role action sequential require-all score", "resource_ref"},
    Element{"resource_ref", "id id-ref", ""},
    Element{"rule", "id id-ref boolean-op score score-attribute score-attribute-mangled role", kParts},
    Element{"expression", "id id-ref attribute operation value type value-source", ""},
    Element{"date_expression", "id id-ref operation start end", "duration date_spec"},
    Element{"duration", kDate, ""},
    Element{"date_spec", kDate, ""},
    Element{"rsc_expression", "id id-ref class provider type", ""},
    Element{"op_expression", "id id-ref name interval", ""},
    Element{"fencing-topology", "", "fencing-level"},
    Element{"fencing-level", "id target index devices", ""},
    Element{"tags", "", "tag"},
    Element{"tag", "id", "obj_ref"},
    Element{"obj_ref", "id", ""},
};

struct Choice {
    std::string_view attribute, words;  // in lower case; empty: true or false
};
constexpr std::array kChoices{
    Choice{"symmetrical", ""}, Choice{"influence", ""},        Choice{"require-all", ""},
    Choice{"sequential", ""},  Choice{"boolean-op", "and or"}, Choice{"kind", "mandatory optional serialize"},
};

bool has_word(std::string_view words, std::string_view wanted) {
    std::istringstream in{std::string(words)};
    for (std::string word; in >> word;) {
        if (word == wanted) return true;
    }
    return false;
}

// The lower case of a valid word; "": it is none.
bool valid(const pugi::xml_attribute& attribute) {
    const std::string value = attribute.value();
    for (const Choice& choice : kChoices) {
        if (choice.attribute != attribute.name()) continue;
        return choice.words.empty() ? is_true(value) || is_false(value)
                                    : has_word(choice.words, lower(value));
    }
    return true;
}

class Walk {
  public:
    std::vector<std::string> out;

    void element(const pugi::xml_node& at) {
        const auto known = std::find_if(kElements.begin(), kElements.end(),
                                        [&](const Element& element) { return element.name == at.name(); });
        if (known == kElements.end()) return;
        for (const auto& attribute : at.attributes()) {
            if (known->attributes != "*" && !has_word(known->attributes, attribute.name())) {
                tell(shown(at) + ": its attribute " + attribute.name());
            } else if (!valid(attribute)) {
                tell(shown(at) + ": its " + attribute.name() + "=\"" + attribute.value() +
                     "\", which is no word for that,");
            }
        }
        for (const auto& child : at.children()) {
            if (child.type() == pugi::node_pcdata || child.type() == pugi::node_cdata)
                tell(shown(at) + ": its text");
            if (child.type() != pugi::node_element || has_word(known->children, child.name())) continue;
            if (child.first_child() || child.first_attribute()) tell(shown(child) + " in " + shown(at));
        }
        values(at);
    }

  private:
    void tell(std::string what) {
        if (out.size() < kMostTold) out.push_back(std::move(what));
    }
    // What is more than a word of a list.
    void values(const pugi::xml_node& at) {
        const std::string_view name = at.name();
        const std::string type = text(at, "type");
        if (name == "node" && !type.empty() && type != "member" && type != "normal")
            tell(shown(at) + ": its type=\"" + type + "\"");
        if (name == "rsc_order" && at.attribute("score")) {
            const auto score = parse_score(text(at, "score"));
            if (!score || score->value < 0) tell(shown(at) + ": its score=\"" + text(at, "score") + "\"");
        }
        // Sections are read once.
        if (name == "configuration" || name == "cib") {
            for (const auto& child : at.children()) {
                if (child.previous_sibling(child.name()))
                    tell("a second <" + std::string(child.name()) + ">");
            }
        }
    }
};

}  // namespace

std::vector<std::string> find_unread(const pugi::xml_node& cib) {
    Walk walk;
    walk.element(cib);
    const pugi::xml_node top = cib.child("configuration");
    for (pugi::xml_node at = top; at;) {
        walk.element(at);
        if (at.first_child()) {
            at = at.first_child();
            continue;
        }
        while (at != top && !at.next_sibling()) at = at.parent();
        if (at == top) break;
        at = at.next_sibling();
    }
    return walk.out;
}

}  // namespace manager::cib
