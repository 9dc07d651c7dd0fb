#include "tools/cli/simulate.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "manager/cib/import.hpp"
#include "manager/planner/outcome.hpp"

namespace tools {
namespace {

struct Wanted {
    std::string file, now;
    bool json{false};
};

base::Result<Wanted> parse(Shell& shell, const Words& words) {
    Wanted out;
    for (std::size_t i = 1; i < words.size(); ++i) {
        const bool more = i + 1 < words.size();
        if (words[i] == "--json") {
            out.json = true;
        } else if (words[i] == "--cib" && more) {
            out.file = words[++i];
        } else if (words[i] == "--now" && more) {
            out.now = words[++i];
        } else {
            out.file.clear();
            break;
        }
    }
    if (out.file.empty()) {
        return base::invalid(
            "usage: " + shell.options().program +
            " simulate --cib FILE [--now DATE] [--json]; FILE is what `cibadmin --query` prints");
    }
    return out;
}

base::Result<std::string> read_file(const std::string& name) {
    std::ifstream file(name, std::ios::binary);
    if (!file) return base::Error{base::Errc::io, "cannot read " + name + ": " + std::strerror(errno)};
    return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

std::string text_of(const manager::planner::Outcome& outcome) {
    std::string out = "Actions:\n";
    for (const auto& [what, count] : outcome.actions) {
        const auto& [task, resource, node] = what;
        out += "  * " + task + (resource.empty() ? "" : " " + resource) + " on " + node;
        out += count > 1 ? " (" + std::to_string(count) + " instances)\n" : "\n";
    }
    if (outcome.actions.empty()) out += "  (none)\n";
    out += "\nNodes afterwards:\n";
    for (const auto& [name, state] : outcome.nodes) out += "  * " + name + ": " + state + "\n";
    out += "\nResources afterwards:\n";
    for (const auto& [name, places] : outcome.resources) {
        for (const auto& place : places) {
            out += "  * " + name + ": " + place.role + " " + place.node;
            for (const auto& flag : place.flags) out += " " + flag;
            out += "\n";
        }
    }
    if (outcome.resources.empty()) out += "  (none is active)\n";
    return out;
}

}  // namespace

base::Status simulate(Shell& shell, const Words& words) {
    TRY(const Wanted wanted, parse(shell, words));
    TRY(const std::string xml, read_file(wanted.file));
    auto document = manager::cib::import_cib(xml);
    if (!document) return base::Error{document.error().code, wanted.file + ": " + document.error().message};
    std::int64_t now = document->taken;
    if (!wanted.now.empty()) {
        TRY(now, manager::cib::parse_date(wanted.now));
    } else if (now == 0) {
        now = shell.streams().now().ms / 1000;
    }
    const auto outcome = manager::planner::simulate(*document, now);
    shell.out() << (wanted.json ? manager::planner::to_json(outcome) + "\n" : text_of(outcome));
    return base::ok();
}

}  // namespace tools
