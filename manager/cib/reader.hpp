// The parts of the importer. Private to manager/cib.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include <pugixml.hpp>

#include "manager/cib/document.hpp"
#include "totem/base/result.hpp"

namespace manager::cib {

// One document being read; the first thing that is wrong is kept.
struct Reader {
    std::map<std::string, pugi::xml_node, std::less<>> by_id;
    std::optional<base::Error> error;
    std::size_t rule_parts{0};  // read so far, each as often as an id-ref names it

    void fail(const pugi::xml_node& at, std::string_view what);
    // The element itself, or what its id-ref names: an element of the same name.
    [[nodiscard]] pugi::xml_node resolve(const pugi::xml_node& at);
    [[nodiscard]] Score score(const pugi::xml_node& at, std::string_view text);
    // A whole number in decimal digits; `large` for dates and intervals.
    [[nodiscard]] std::int64_t large(const pugi::xml_node& at, const char* name, std::int64_t otherwise);
    [[nodiscard]] int whole(const pugi::xml_node& at, const char* name, int otherwise);
};

[[nodiscard]] std::string text(const pugi::xml_node& at, const char* name);
// `<bundle id="b">`, `<rule id-ref="r">`
[[nodiscard]] std::string shown(const pugi::xml_node& at);
// true, on, yes, y, 1; `otherwise` when absent
[[nodiscard]] bool flag(const pugi::xml_node& at, const char* name, bool otherwise);
// The same; nothing where it is absent or no such word.
[[nodiscard]] std::optional<bool> truth(const pugi::xml_node& at, const char* name);

[[nodiscard]] Rule read_rule(Reader& reader, const pugi::xml_node& at, int depth = 0);
// The sets named `element` below `at`, highest score first.
[[nodiscard]] AttributeSets read_sets(Reader& reader, const pugi::xml_node& at, const char* element);
void append_sets(AttributeSets& sets, AttributeSets more);

// Fills reader.by_id. An id stands once in a configuration; nodes have ids of their own, as a remote node has
// that of its resource.
void index_ids(Reader& reader, const pugi::xml_node& configuration);
// Names all below <cib> that the importer does not understand, except in <status>.
void note_unread(const pugi::xml_node& cib, Document& document);
void read_resources(Reader& reader, const pugi::xml_node& at, Document& document);
void read_constraints(Reader& reader, const pugi::xml_node& at, Document& document);
void read_status(Reader& reader, const pugi::xml_node& at, Document& document);

}  // namespace manager::cib
