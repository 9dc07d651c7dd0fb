// The node file as a list of keys with dots, as corosync's cmap has it.
#include <string>

#include "membership/config/detail/settings.hpp"

namespace membership::detail {

namespace {

using grammar::Entry;
using grammar::Section;

void add(std::vector<Setting>& out, const std::string& path, const Section& section) {
    for (const Entry& entry : section.entries) {
        // The last line of a key counts.
        if (section.find(entry.key) == &entry) out.push_back({path + entry.key, entry.value});
    }
}

void add_totem(std::vector<Setting>& out, const Section& totem) {
    for (const Entry& entry : totem.entries) {
        // Whoever wrote a key into this file, which all can read, wants it shown no further.
        if (entry.key != "key" && totem.find(entry.key) == &entry)
            out.push_back({"totem." + entry.key, entry.value});
    }
    for (const Section& interface : totem.sections) {
        if (interface.name != "interface") continue;
        const Entry* number = interface.find("linknumber");
        if (number == nullptr) number = interface.find("ringnumber");
        const std::string path = "totem.interface." + (number == nullptr ? "0" : number->value) + ".";
        for (const Entry& entry : interface.entries) {
            const bool names_it = entry.key == "linknumber" || entry.key == "ringnumber";
            if (!names_it && interface.find(entry.key) == &entry)
                out.push_back({path + entry.key, entry.value});
        }
    }
}

void add_nodelist(std::vector<Setting>& out, const Section& nodelist) {
    int position = 0;
    for (const Section& node : nodelist.sections) {
        if (node.name == "node") add(out, "nodelist.node." + std::to_string(position++) + ".", node);
    }
}

void add_logging(std::vector<Setting>& out, const Section& logging) {
    add(out, "logging.", logging);
    for (const Section& part : logging.sections) {
        const Entry* subsys = part.find("subsys");
        if (part.name == "logger_subsys" && subsys != nullptr)
            add(out, "logging.logger_subsys." + subsys->value + ".", part);
    }
}

void add_quorum(std::vector<Setting>& out, const std::string& path, const Section& section) {
    add(out, path, section);
    for (const Section& below : section.sections) add_quorum(out, path + below.name + ".", below);
}

}  // namespace

std::vector<Setting> list_settings(const Section& tree) {
    std::vector<Setting> out;
    for (const Section& section : tree.sections) {
        if (section.name == "totem") add_totem(out, section);
        if (section.name == "nodelist") add_nodelist(out, section);
        if (section.name == "quorum") add_quorum(out, "quorum.", section);
        if (section.name == "logging") add_logging(out, section);
        if (section.name == "resources") add(out, "resources.", section);
    }
    return out;
}

}  // namespace membership::detail
