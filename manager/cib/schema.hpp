// What the importer reads of a configuration, so that nothing else is lost in silence. Private to
// manager/cib.
#pragma once

#include <string>
#include <vector>

#include <pugixml.hpp>

namespace manager::cib {

// Elements, attributes and words below <cib>'s <configuration> that the importer passes over or takes for
// something else, each in words that name the element. Bounded: the first hundred.
[[nodiscard]] std::vector<std::string> find_unread(const pugi::xml_node& cib);

}  // namespace manager::cib
