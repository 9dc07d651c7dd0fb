// A saved cluster on the command line: [--cib FILE [--now DATE]], which several commands take.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "manager/cib/document.hpp"
#include "tools/crm/shell.hpp"

namespace tools {

struct SavedCluster {
    manager::cib::Document document;
    std::int64_t now{0};  // seconds since 1970 at which dates and expiries are judged
};

// The options among the words of a command, and what is left of the words. No file: the running cluster is
// meant (live.hpp).
struct CibWords {
    std::string file, now;
    bool json{false};
    Words rest;
};
// Errc::invalid, with `usage` (of the arguments): an option without its value or given twice, or --now
// without
// --cib.
[[nodiscard]] base::Result<CibWords> parse_cib_words(Shell& shell, const Words& words,
                                                     const std::string& usage);
// Whether a word can be the name of a resource or node: it is not empty, and no option.
[[nodiscard]] bool is_name(const std::string& word);
// Without --now the document's own execution-date, else the present. Warns of each thing that was passed
// over.
[[nodiscard]] base::Result<SavedCluster> load_cib(Shell& shell, const CibWords& words);

}  // namespace tools
