#include "agents/vip/address.hpp"

#include <charconv>
#include <cstdio>
#include <variant>

namespace agents {

namespace {

using manager::Attributes;

// A parameter's text, nullptr when it is absent or empty (an empty value means "default" to IPaddr2).
const std::string* given(const Attributes& attributes, const std::string& name) {
    const auto at = attributes.find(name);
    return at == attributes.end() || at->second.empty() ? nullptr : &at->second;
}

std::optional<std::uint32_t> parse_number(std::string_view text, std::uint32_t max) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value > max) return std::nullopt;
    return value;
}

// ocf_is_true's words and their opposites.
std::optional<bool> parse_switch(std::string_view text) {
    for (const std::string_view yes :
         {"yes", "true", "1", "YES", "TRUE", "ja", "on", "ON", "True", "Yes", "On"}) {
        if (text == yes) return true;
    }
    for (const std::string_view no :
         {"no", "false", "0", "NO", "FALSE", "off", "OFF", "False", "No", "Off"}) {
        if (text == no) return false;
    }
    return std::nullopt;
}

AddressError wrong(const std::string& name, const std::string& found, const std::string& expected) {
    return {manager::kOcfArgs, "parameter " + name + ": expected " + expected + ", found '" + found + "'"};
}

AddressError needs_script(const std::string& name, const std::string& what) {
    return {manager::kOcfArgs, "parameter " + name + ": " + what +
                                   " is not done by the native address agent; set meta " + kAgentChoiceMeta +
                                   "=script to use the IPaddr2 script of resource-agents"};
}

// "24" or "255.255.255.0"
std::optional<std::uint8_t> parse_prefix(std::string_view text) {
    if (const auto bits = parse_number(text, 32)) return static_cast<std::uint8_t>(*bits);
    const auto mask = parse_ipv4(text);
    if (!mask) return std::nullopt;
    for (std::uint8_t bits = 0; bits <= 32; ++bits) {
        if (prefix_mask(bits) == mask->value) return bits;
    }
    return std::nullopt;
}

bool is_interface_name(std::string_view name) {
    return !name.empty() && name.size() < kInterfaceNameSize && name != "." && name != ".." &&
           name.find_first_of("/ \t\n:") == std::string_view::npos;
}

// Collects the first error, so that each parameter is one line below.
class Parser {
  public:
    Parser(const Attributes& params, const Attributes& meta) : params_(params), meta_(meta) {}

    std::variant<ParsedAddress, AddressError> run() {
        identity();
        netmask();
        announcing();
        flags();
        refuse();
        note_ignored();
        if (error_) return *error_;
        return std::move(out_);
    }

  private:
    void fail(AddressError error) {
        if (!error_) error_ = std::move(error);
    }

    void number(const std::string& name, std::uint32_t max, std::uint32_t& into) {
        const std::string* text = given(params_, name);
        if (text == nullptr) return;
        const auto value = parse_number(*text, max);
        if (!value) return fail(wrong(name, *text, "a number up to " + std::to_string(max)));
        into = *value;
    }

    void flag(const std::string& name, bool& into) {
        const std::string* text = given(params_, name);
        if (text == nullptr) return;
        const auto value = parse_switch(*text);
        if (!value) return fail(wrong(name, *text, "true or false"));
        into = *value;
    }

    void identity() {
        const std::string* ip = given(params_, "ip");
        if (ip == nullptr) {
            return fail({manager::kOcfNotConfigured, "parameter ip is missing: add params ip=ADDRESS"});
        }
        if (ip->find(':') != std::string::npos) {
            return fail({manager::kOcfNotConfigured,
                         "parameter ip: " + *ip +
                             " is an IPv6 address, which the native address agent does not "
                             "serve yet; set meta " +
                             kAgentChoiceMeta + "=script to use the IPaddr2 script"});
        }
        const auto parsed = parse_ipv4(*ip);
        if (!parsed) return fail(wrong("ip", *ip, "an IPv4 address such as 192.0.2.10"));
        const std::uint32_t first_octet = parsed->value >> 24U;
        if (first_octet == 0 || first_octet == 127 || first_octet >= 224) {
            return fail(
                wrong("ip", *ip, "an address that a host can own (not loopback, multicast or broadcast)"));
        }
        out_.request.ip = *parsed;
        nic();
    }

    // "eth0", or the old "eth0:label"
    void nic() {
        std::string label;
        if (const std::string* text = given(params_, "nic")) {
            const auto colon = text->find(':');
            out_.request.nic = text->substr(0, colon);
            if (colon != std::string::npos) label = text->substr(colon + 1);
            if (!is_interface_name(out_.request.nic)) return fail(wrong("nic", *text, "an interface name"));
        }
        if (const std::string* text = given(params_, "iflabel")) label = *text;
        if (label.empty()) return;
        // The kernel's label is "nic:label", cut at IFNAMSIZ; without nic the length is checked once it is
        // found.
        if (label.size() + out_.request.nic.size() + 1 >= kInterfaceNameSize) {
            return fail(
                wrong("iflabel", label, "a label that with the interface's name has at most 15 characters"));
        }
        out_.request.label = label;
    }

    void netmask() {
        if (const std::string* text = given(params_, "cidr_netmask")) {
            const auto prefix = parse_prefix(*text);
            if (!prefix || *prefix == 0)
                return fail(wrong("cidr_netmask", *text, "1 to 32, or 255.255.255.0"));
            out_.request.prefix = *prefix;
        }
        if (const std::string* text = given(params_, "broadcast")) {
            const auto broadcast = parse_ipv4(*text);
            if (!broadcast) return fail(wrong("broadcast", *text, "an IPv4 address"));
            out_.request.broadcast = *broadcast;
        }
        if (const std::string* text = given(params_, "preferred_lft");
            text != nullptr && *text != "forever") {
            const auto seconds = parse_number(*text, 0xfffffffeU);
            if (!seconds) return fail(wrong("preferred_lft", *text, "seconds, or forever"));
            out_.request.preferred_lft = *seconds;
        }
    }

    // Our own schedule unless one of the two is given; then IPaddr2's defaults fill the other.
    void announcing() {
        AnnounceOptions& announce = out_.request.announce;
        const bool own = given(params_, "arp_count") == nullptr && given(params_, "arp_interval") == nullptr;
        std::uint32_t count = 5;
        std::uint32_t interval_ms = 200;
        number("arp_count", 1000, count);
        number("arp_interval", 60'000, interval_ms);
        number("arp_count_refresh", 100, announce.refresh);
        if (own) return;
        if (count == 0)
            return fail(wrong("arp_count", "0", "at least 1: unannounced, clients keep the old neighbour"));
        announce.count = count;
        announce.interval = base::milliseconds(interval_ms);
    }

    void flags() {
        bool no_prefix_route = false;
        flag("noprefixroute", no_prefix_route);
        out_.request.prefix_route = !no_prefix_route;
        flag("check_link_status", out_.request.check_link);
        flag("persist_nonlocal_bind", out_.request.persist_nonlocal_bind);
        if (const std::string* text = given(meta_, kUnprovenMeta)) out_.request.unproven = *text == "true";
        if (const std::string* text = given(meta_, kAfterStopMeta)) out_.request.after_stop = *text == "true";
    }

    void refuse() {
        const std::pair<const char*, const char*> switches[] = {
            {"lvs_support", "moving the address from the loopback interface"},
            {"unique_clone_address", "an address of its own for each clone"},
            {"flush_routes", "flushing the routing table at stop"}};
        for (const auto& [name, what] : switches) {
            bool wanted = false;
            flag(name, wanted);
            if (wanted) fail(needs_script(name, what));
        }
        if (given(params_, "network_namespace") != nullptr) {
            fail(needs_script("network_namespace", "an address in another network namespace"));
        }
        if (given(params_, "mac") != nullptr)
            fail(needs_script("mac", "a shared hardware address (CLUSTERIP)"));
    }

    // Accepted from a ported configuration, without effect here; the reason is part of the line.
    void note_ignored() {
        const std::pair<const char*, const char*> ignored[] = {
            {"arp_bg", "announcements never delay the start"},
            {"arp_sender", "the agent sends ARP itself"},
            {"send_arp_opts", "the agent sends ARP itself, requests and replies"},
            {"run_arping", "a conflict probe is always sent"},
            {"nodad", "it is for IPv6"},
            {"lvs_ipv6_addrlabel", "it is for IPv6"},
            {"lvs_ipv6_addrlabel_value", "it is for IPv6"},
            {"clusterip_hash", "it is for clones with a shared address"},
            {"proto", "the agent marks its addresses itself"}};
        for (const auto& [name, why] : ignored) {
            if (given(params_, name) != nullptr) {
                out_.notes.push_back("parameter " + std::string(name) + " has no effect: " + why);
            }
        }
    }

    const Attributes& params_;
    const Attributes& meta_;
    ParsedAddress out_;
    std::optional<AddressError> error_;
};

}  // namespace

std::string to_string(Ipv4 address) {
    std::string text;
    for (int shift = 24; shift >= 0; shift -= 8) {
        if (!text.empty()) text += '.';
        text += std::to_string((address.value >> static_cast<unsigned>(shift)) & 0xffU);
    }
    return text;
}

std::optional<Ipv4> parse_ipv4(std::string_view text) {
    std::uint32_t value = 0;
    for (int octet = 0; octet < 4; ++octet) {
        const auto dot = octet < 3 ? text.find('.') : text.size();
        if (dot == std::string_view::npos) return std::nullopt;
        const std::string_view part = text.substr(0, dot);
        const auto number = parse_number(part, 255);
        if (!number || (part.size() > 1 && part[0] == '0')) return std::nullopt;
        value = value << 8U | *number;
        text.remove_prefix(octet < 3 ? dot + 1 : dot);
    }
    return Ipv4{value};
}

std::string to_string(const Mac& mac) {
    std::array<char, 18> text{};
    const auto& o = mac.octets;
    std::snprintf(text.data(), text.size(), "%02x:%02x:%02x:%02x:%02x:%02x", o[0], o[1], o[2], o[3], o[4],
                  o[5]);
    return text.data();
}

std::variant<ParsedAddress, AddressError> parse_address(const Attributes& params, const Attributes& meta) {
    return Parser(params, meta).run();
}

bool is_native_address(const manager::AgentName& agent, const Attributes& meta) {
    return manager::held_by_guard(agent, meta);
}

}  // namespace agents
