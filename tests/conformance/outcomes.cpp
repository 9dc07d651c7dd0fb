// outcomes: reads lines "NAME<tab>FILE<tab>NOW" (NOW: ISO 8601 or empty) and prints for each a line
// "NAME<tab>JSON", what `custos simulate --json` prints for that file, or "NAME<tab>error: TEXT". One process
// for all cases of a suite.
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>

#include "manager/cib/import.hpp"
#include "manager/planner/outcome.hpp"

namespace {

std::string outcome_of(const std::string& path, const std::string& when) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return "error: cannot read " + path;
    const std::string xml((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    const auto document = manager::cib::import_cib(xml);
    if (!document) return "error: " + document.error().message;
    std::int64_t now = document->taken;
    if (now == 0) {
        const auto date = manager::cib::parse_date(when);
        if (!date) return "error: " + date.error().message;
        now = *date;
    }
    return manager::planner::to_json(manager::planner::simulate(*document, now));
}

}  // namespace

int main() {
    std::string line;
    while (std::getline(std::cin, line)) {
        std::istringstream fields(line);
        std::string name;
        std::string path;
        std::string when;
        std::getline(fields, name, '\t');
        std::getline(fields, path, '\t');
        std::getline(fields, when);
        std::cout << name << "\t" << outcome_of(path, when) << std::endl;
    }
}
