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
    int rule_parts{0};  // read so far

    void fail(const pugi::xml_node& at, std::string_view what);
    // The element itself, or what its id-ref names.
    [[nodiscard]] pugi::xml_node resolve(const pugi::xml_node& at);
    [[nodiscard]] Score score(const pugi::xml_node& at, std::string_view text);
    [[nodiscard]] int whole(const pugi::xml_node& at, const char* name, int otherwise);
    // Seconds since 1970; 0 when absent.
    [[nodiscard]] std::int64_t seconds(const pugi::xml_node& at, const char* name);

  private:
    template <typename Number>
    Number number(const pugi::xml_node& at, const char* name, Number otherwise);
};

[[nodiscard]] std::string text(const pugi::xml_node& at, const char* name);
// `<bundle id="b">`
[[nodiscard]] std::string shown(const pugi::xml_node& at);
// true, on, yes, y, 1; `otherwise` when absent
[[nodiscard]] bool flag(const pugi::xml_node& at, const char* name, bool otherwise);

[[nodiscard]] Rule read_rule(Reader& reader, const pugi::xml_node& at, int depth = 0);
// The sets named `element` below `at`, highest score first.
[[nodiscard]] AttributeSets read_sets(Reader& reader, const pugi::xml_node& at, const char* element);
void append_sets(AttributeSets& sets, AttributeSets more);

void read_resources(Reader& reader, const pugi::xml_node& at, Document& document);
void read_constraints(Reader& reader, const pugi::xml_node& at, Document& document);
void read_status(Reader& reader, const pugi::xml_node& at, Document& document);

}  // namespace manager::cib
