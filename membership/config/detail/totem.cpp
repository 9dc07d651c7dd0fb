#include "membership/config/detail/totem.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>

#include "totem/base/ip.hpp"

namespace membership::detail {

namespace {

using grammar::error_at;
using grammar::flag_of;
using grammar::line_of;
using grammar::Notices;
using grammar::number_of;
using grammar::quoted;
using grammar::Section;
using grammar::text_of;

base::Duration ms(std::int64_t n) {
    return base::milliseconds(n);
}

// The interface section of each link of the nodelist: the one with its number; without a number it is link 0.
base::Status find_sections(const Section& totem, std::string_view file, Notices& notices,
                           std::vector<LinkOptions>& links, std::map<unsigned, const Section*>& sections) {
    for (const Section& interface : totem.sections) {
        if (interface.name != "interface") continue;
        const auto given = number_of(&interface, "linknumber");
        const auto number =
            static_cast<unsigned>(given ? *given : number_of(&interface, "ringnumber").value_or(0));
        const auto link = std::find_if(links.begin(), links.end(),
                                       [&](const LinkOptions& l) { return l.number == number; });
        if (link == links.end()) {
            notices.add(interface.line, "totem.interface { } of link " + std::to_string(number),
                        "is ignored: no node has a ring" + std::to_string(number) + "_addr");
            continue;
        }
        const auto [first, inserted] = sections.emplace(number, &interface);
        if (!inserted) {
            return error_at(file, interface.line,
                            "totem.interface: expected one section for link " + std::to_string(number) +
                                ", found a second one (the first is in line " +
                                std::to_string(first->second->line) +
                                "): give it \"linknumber: N\" of a ringN_addr, or remove it");
        }
        link->line = interface.line;
    }
    return base::ok();
}

base::Status read_group(const Section& interface, const char* why_not, std::string_view file,
                        Notices& notices, LinkOptions& out) {
    const auto group = text_of(&interface, "mcastaddr");
    const auto ip = base::parse_ip(group.value_or(""));
    if (group && (!ip || !ip->is_multicast())) {
        return error_at(file, line_of(&interface, "mcastaddr"),
                        "totem.interface.mcastaddr: expected a multicast address (224.0.0.0 to "
                        "239.255.255.255, or of ff00::/8), found " +
                            quoted(*group));
    }
    const bool multicast = out.transport == Transport::multicast;
    if (group && multicast) out.multicast_group = to_string(*ip);
    if (group && !multicast)
        notices.add(line_of(&interface, "mcastaddr"), "totem.interface.mcastaddr", why_not);
    const auto ttl = number_of(&interface, "ttl");
    if (ttl) out.ttl = static_cast<int>(*ttl);
    if (ttl && !multicast) {
        notices.add(line_of(&interface, "ttl"), "totem.interface.ttl",
                    "is ignored: only multicast has a limited range");
    }
    return base::ok();
}

base::Status read_interface(const Section& interface, bool knows_transport, std::string_view file,
                            Notices& notices, LinkOptions& out) {
    if (text_of(&interface, "bindnetaddr")) {
        notices.add(line_of(&interface, "bindnetaddr"), "totem.interface.bindnetaddr",
                    "is ignored: a node uses its own ring" + std::to_string(out.number) + "_addr");
    }
    const bool asked = flag_of(&interface, "broadcast") == true;
    if (asked && (out.transport == Transport::multicast || !knows_transport)) {
        out.transport = Transport::broadcast;
    } else if (asked) {
        notices.add(line_of(&interface, "broadcast"), "totem.interface.broadcast",
                    "is ignored: only \"transport: udp\" has it; frames go to each node by unicast");
    }
    if (const auto port = number_of(&interface, "mcastport")) out.port = static_cast<std::uint16_t>(*port);
    if (const auto priority = number_of(&interface, "knet_link_priority"))
        out.priority = static_cast<unsigned>(*priority);
    const char* const why_not =
        out.transport == Transport::broadcast ? "is ignored beside broadcast"
        : knows_transport                     ? "is ignored: only \"transport: udp\" uses multicast"
                          : "is ignored: without a transport line, frames go to each node by unicast; write "
                            "\"transport: udp\" in totem { } for multicast";
    return read_group(interface, why_not, file, notices, out);
}

// The modes of several links: one at a time is what there is.
void note_modes(const Section* totem, bool several, Notices& notices) {
    for (const char* key : {"link_mode", "rrp_mode"}) {
        const auto mode = text_of(totem, key);
        if (!mode || *mode == "passive" || (!several && *mode == "none")) continue;
        notices.add(line_of(totem, key), std::string("totem.") + key + ": " + *mode,
                    several ? "is taken as passive: the working link with the highest priority carries all "
                              "frames; using several at once is not there yet"
                            : "is ignored: there is one link");
    }
}

base::Status read_links(const Section* totem, const std::vector<NodeEntry>& nodes, Transport transport,
                        bool knows_transport, std::string_view file, Notices& notices, TotemOptions& out) {
    for (const NodeAddress& address : nodes.front().addresses) {
        LinkOptions link;
        link.number = address.link;
        link.transport = transport;
        link.port = static_cast<std::uint16_t>(5405 + address.link);
        out.links.push_back(link);
    }
    if (totem == nullptr) return base::ok();
    std::map<unsigned, const Section*> sections;
    TRY_OK(find_sections(*totem, file, notices, out.links, sections));
    for (LinkOptions& link : out.links) {
        const auto section = sections.find(link.number);
        if (section == sections.end()) continue;
        TRY_OK(read_interface(*section->second, knows_transport, file, notices, link));
    }
    note_modes(totem, out.links.size() > 1, notices);
    return base::ok();
}

void read_mtu(const Section* totem, bool knet, Notices& notices, TotemOptions& out) {
    const auto netmtu = number_of(totem, "netmtu");
    const auto knet_mtu = number_of(totem, "knet_mtu").value_or(0);
    if (knet) {
        if (netmtu) {
            notices.add(
                line_of(totem, "netmtu"), "totem.netmtu",
                "is ignored: under knet it is not the network's MTU, knet_mtu is; without it what the "
                "path to a node takes is found out");
        }
        if (knet_mtu > 0) out.netmtu = static_cast<std::uint32_t>(std::max<std::int64_t>(knet_mtu, 576));
        return;
    }
    if (netmtu) out.netmtu = static_cast<std::uint32_t>(*netmtu);
    if (knet_mtu > 0) {
        notices.add(line_of(totem, "knet_mtu"), "totem.knet_mtu",
                    "is ignored: only \"transport: knet\" has it");
    }
}

void note_sealing(const Section* totem, Notices& notices) {
    for (const char* key : {"crypto_cipher", "crypto_hash", "secauth"}) {
        const auto value = text_of(totem, key);
        if (!value) continue;
        if (*value == "none" || grammar::parse_flag(*value) == false) {
            notices.add(line_of(totem, key), std::string("totem.") + key + ": " + *value,
                        "is ignored: every frame is sealed with AES-256-GCM, which can't be switched off");
        }
    }
}

IpVersion ip_version(const Section* totem) {
    const auto version = text_of(totem, "ip_version").value_or("ipv4-6");
    if (version == "ipv4") return IpVersion::v4;
    if (version == "ipv6") return IpVersion::v6;
    return version == "ipv6-4" ? IpVersion::v6_first : IpVersion::v4_first;
}

base::Status read_timing(const Section* totem, std::size_t nodes, std::string_view file, TotemOptions& out) {
    if (const auto token = number_of(totem, "token")) out.token = ms(*token);
    if (const auto coefficient = number_of(totem, "token_coefficient"); coefficient && nodes > 2) {
        out.token = out.token + ms(*coefficient * static_cast<std::int64_t>(nodes - 2));
    }
    if (const auto join = number_of(totem, "join")) out.join = ms(*join);
    if (const auto consensus = number_of(totem, "consensus")) out.consensus = ms(*consensus);
    if (out.consensus && *out.consensus < out.join) {
        return error_at(file, line_of(totem, "consensus"),
                        "totem.consensus: expected at least the join interval of " +
                            std::to_string(out.join.ms()) + " ms, found " +
                            std::to_string(out.consensus->ms()) +
                            ": gather would give up before a node can answer");
    }
    return base::ok();
}

}  // namespace

base::Status read_totem(const Section* totem, const std::vector<NodeEntry>& nodes, std::string_view file,
                        Notices& notices, TotemOptions& out) {
    if (totem == nullptr) return read_links(nullptr, nodes, Transport::unicast, false, file, notices, out);
    if (const auto name = text_of(totem, "cluster_name")) {
        constexpr std::size_t kLongestName = 255;
        if (name->size() > kLongestName) {
            return error_at(
                file, line_of(totem, "cluster_name"),
                "totem.cluster_name: expected at most 255 characters, found " + std::to_string(name->size()));
        }
        out.cluster_name = *name;
    }
    out.config_version = static_cast<std::uint64_t>(number_of(totem, "config_version").value_or(0));
    const auto transport = text_of(totem, "transport");
    const bool knet = !transport || *transport == "knet";  // corosync's default too
    if (transport == "knet") {
        notices.add(line_of(totem, "transport"), "totem.transport: knet",
                    "is taken as udpu: plain UDP to each node");
    }
    if (const auto key = text_of(totem, "keyfile")) out.key_file = *key;
    note_sealing(totem, notices);
    read_mtu(totem, knet, notices, out);
    out.ip_version = ip_version(totem);
    TRY_OK(read_timing(totem, nodes.size(), file, out));
    const Transport kind = transport == "udp" ? Transport::multicast : Transport::unicast;
    return read_links(totem, nodes, kind, transport.has_value(), file, notices, out);
}

}  // namespace membership::detail
