#include "tools/cli/cib_file.hpp"

#include <utility>

#include "manager/cib/import.hpp"
#include "totem/base/files.hpp"

namespace tools {

base::Result<CibWords> parse_cib_words(Shell& shell, const Words& words, const std::string& usage) {
    CibWords out;
    bool complete = true;
    for (std::size_t i = 1; i < words.size(); ++i) {
        const bool more = i + 1 < words.size();
        if (words[i] == "--json") {
            out.json = true;
        } else if (words[i] == "--cib" || words[i] == "--now") {
            std::string& value = words[i] == "--cib" ? out.file : out.now;
            complete = complete && more && value.empty() && !words[i + 1].empty();
            if (more) value = words[i + 1];
            ++i;
        } else {
            out.rest.push_back(words[i]);
        }
    }
    if (!complete || (out.file.empty() && !out.now.empty())) {
        return base::invalid("usage: " + shell.options().program + " " + words[0] + " " + usage +
                             "; FILE is what `cibadmin --query` prints, without it the running cluster is "
                             "asked; DATE is for FILE");
    }
    return out;
}

bool is_name(const std::string& word) {
    return !word.empty() && word.front() != '-';
}

base::Result<SavedCluster> load_cib(Shell& shell, const CibWords& words) {
    TRY(const std::string xml, base::read_file(words.file));
    auto document = manager::cib::import_cib(xml);
    if (!document) return base::Error{document.error().code, words.file + ": " + document.error().message};
    for (const std::string& element : document->unread) shell.warn(words.file + ": passed over: " + element);
    SavedCluster out{std::move(*document), 0};
    out.now = out.document.taken;
    if (!words.now.empty()) {
        TRY(out.now, manager::cib::parse_date(words.now));
    } else if (out.now == 0) {
        out.now = shell.streams().now().ms / 1000;
    }
    return out;
}

}  // namespace tools
