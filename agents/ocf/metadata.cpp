#include "agents/ocf/metadata.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <pugixml.hpp>

#include "agents/ocf/process.hpp"
#include "agents/vip/address.hpp"

namespace agents {

namespace {

using base::Errc;
using base::Error;

constexpr base::Duration kTimeLimit = base::seconds(10);

// The text with runs of white space as one blank: descriptions are indented in the agents' sources.
std::string plain(const char* text) {
    std::string out;
    for (const char* c = text; *c != '\0'; ++c) {
        const bool blank = *c == ' ' || *c == '\n' || *c == '\t' || *c == '\r';
        if (!blank) {
            out += *c;
        } else if (!out.empty() && out.back() != ' ') {
            out += ' ';
        }
    }
    if (!out.empty() && out.back() == ' ') out.pop_back();
    return out;
}

bool yes(const pugi::xml_attribute& attribute) {
    const std::string_view value = attribute.as_string();
    return value == "1" || value == "true" || value == "yes";
}

ParameterInfo parse_parameter(const pugi::xml_node& node) {
    ParameterInfo info;
    info.name = node.attribute("name").as_string();
    info.required = yes(node.attribute("required"));
    info.unique = yes(node.attribute("unique")) || node.attribute("unique-group");
    info.deprecated = yes(node.attribute("deprecated")) || node.child("deprecated");
    info.short_text = plain(node.child_value("shortdesc"));
    info.long_text = plain(node.child_value("longdesc"));
    const pugi::xml_node content = node.child("content");
    info.type = content.attribute("type").as_string("string");
    if (const auto value = content.attribute("default")) info.default_value = value.as_string();
    for (const auto& option : content.children("option"))
        info.choices.push_back(option.attribute("value").as_string());
    return info;
}

ActionInfo parse_action(const pugi::xml_node& node) {
    return {node.attribute("name").as_string(), node.attribute("timeout").as_string(),
            node.attribute("interval").as_string(), node.attribute("role").as_string(),
            node.attribute("depth").as_string()};
}

// Changes when the file does; empty: there is no such file.
std::string stamp_of(const std::filesystem::path& path) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return {};
    return path.string() + " " + std::to_string(info.st_mtim.tv_sec) + "." +
           std::to_string(info.st_mtim.tv_nsec) + " " + std::to_string(info.st_size);
}

ParameterInfo native(const char* name, const char* type, const char* text,
                     std::optional<std::string> otherwise = {}, bool required = false) {
    ParameterInfo info;
    info.name = name;
    info.type = type;
    info.short_text = info.long_text = text;
    info.default_value = std::move(otherwise);
    info.required = info.unique = required;
    return info;
}

Metadata without_parameters(const std::string& type) {
    Metadata metadata;
    metadata.name = type;
    metadata.actions = {
        {"start", "100s", "", "", ""}, {"stop", "100s", "", "", ""}, {"monitor", "100s", "60s", "", ""}};
    return metadata;
}

}  // namespace

const ParameterInfo* Metadata::parameter(std::string_view wanted) const {
    const auto at =
        std::find_if(parameters.begin(), parameters.end(), [&](const auto& p) { return p.name == wanted; });
    return at == parameters.end() ? nullptr : &*at;
}

const ActionInfo* Metadata::action(std::string_view wanted) const {
    const auto at =
        std::find_if(actions.begin(), actions.end(), [&](const auto& a) { return a.name == wanted; });
    return at == actions.end() ? nullptr : &*at;
}

base::Result<Metadata> parse_metadata(std::string_view text) {
    const auto declaration = text.find("<?xml");
    const auto begin = std::min(declaration, text.find("<resource-agent"));
    if (begin == std::string_view::npos) {
        return Error{Errc::invalid, "the agent's meta-data has no <resource-agent> element"};
    }
    text.remove_prefix(begin);
    pugi::xml_document document;
    // A parser that stops in the middle keeps what it has read: better half a description than none.
    const auto parsed = document.load_buffer(text.data(), text.size());
    const pugi::xml_node root = document.child("resource-agent");
    if (!root) {
        return Error{Errc::invalid,
                     std::string("the agent's meta-data is not readable: ") + parsed.description()};
    }
    Metadata metadata;
    metadata.name = root.attribute("name").as_string();
    metadata.version = plain(root.child_value("version"));
    if (metadata.version.empty()) metadata.version = root.attribute("version").as_string();
    metadata.short_text = plain(root.child_value("shortdesc"));
    metadata.long_text = plain(root.child_value("longdesc"));
    for (const auto& node : root.child("parameters").children("parameter")) {
        if (node.attribute("name")) metadata.parameters.push_back(parse_parameter(node));
    }
    for (const auto& node : root.child("actions").children("action")) {
        if (node.attribute("name")) metadata.actions.push_back(parse_action(node));
    }
    return metadata;
}

Metadata native_address_metadata() {
    Metadata metadata;
    metadata.name = "IPaddr2";
    metadata.version = "1.0";
    metadata.short_text = "Virtual IPv4 address, held by custos itself";
    metadata.long_text =
        "Adds the address by netlink, asks the network before whether somebody else has it, and tells the "
        "neighbours by "
        "gratuitous ARP. The parameters are those of the IPaddr2 script; meta custos-agent=script selects "
        "the script.";
    metadata.parameters = {
        native("ip", "string", "the IPv4 address", {}, true),
        native("nic", "string", "the interface; default: that of the longest route that matches"),
        native("cidr_netmask", "string", "prefix length or netmask; default: that of the route"),
        native("broadcast", "string", "broadcast address; default: the highest of the subnet"),
        native("iflabel", "string", "label of the address; with the interface's name at most 15 characters"),
        native("arp_interval", "integer",
               "milliseconds between announcements; default: 0, 50, 200 ms, 1, 2, 5 s"),
        native("arp_count", "integer", "number of announcements (a request and a reply each)"),
        native("arp_count_refresh", "integer", "announcements at each monitor", "0"),
        native("noprefixroute", "boolean", "add no route for the subnet", "false"),
        native("preferred_lft", "string", "seconds for which the kernel prefers the address as source",
               "forever"),
        native("check_link_status", "boolean", "an interface without carrier is a failure", "true"),
        native("persist_nonlocal_bind", "boolean", "also write net.ipv4.ip_nonlocal_bind=1 to /etc/sysctl.d",
               "false")};
    for (const char* name : {"arp_bg", "arp_sender", "send_arp_opts", "run_arping", "nodad",
                             "lvs_ipv6_addrlabel", "lvs_ipv6_addrlabel_value", "clusterip_hash", "proto"}) {
        metadata.parameters.push_back(
            native(name, "string", "accepted for the script's sake, without effect"));
    }
    for (const char* name :
         {"lvs_support", "unique_clone_address", "flush_routes", "network_namespace", "mac"}) {
        metadata.parameters.push_back(
            native(name, "string", "of the script only: needs meta custos-agent=script"));
    }
    metadata.actions = {
        {"start", "20s", "", "", ""}, {"stop", "20s", "", "", ""}, {"monitor", "20s", "10s", "", ""}};
    return metadata;
}

base::Result<Metadata> MetadataReader::read(const manager::AgentName& agent,
                                            const manager::Attributes& meta) {
    if (is_native_address(agent, meta)) return native_address_metadata();
    TRY(const AgentProgram program, find_agent(directories_, agent));
    if (program.standard == "systemd" || program.standard == "lsb") return without_parameters(agent.type);
    const std::string stamp = stamp_of(program.path);
    const auto known = cache_.find(program.path);
    if (known != cache_.end() && known->second.stamp == stamp) return known->second.metadata;
    TRY(const Captured captured, run_captured(make_metadata_invocation(program, agent), kTimeLimit));
    auto metadata = parse_metadata(captured.out);
    if (!metadata) return metadata.error().with(program.path.string());
    cache_.insert_or_assign(program.path, Entry{stamp, *metadata});
    return metadata;
}

}  // namespace agents
