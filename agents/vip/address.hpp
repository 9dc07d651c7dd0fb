// The virtual address as a value: what a resource's parameters ask for, checked. Pure: no socket, no file.
// The parameter names are those of ocf:heartbeat:IPaddr2, so that a configuration ports over as it is.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "manager/model/operation.hpp"
#include "totem/base/result.hpp"
#include "totem/base/time.hpp"

namespace agents {

// An IPv4 address, most significant octet first in `value`: 192.0.2.10 is 0xc000020a.
struct Ipv4 {
    std::uint32_t value{0};
    constexpr auto operator<=>(const Ipv4&) const = default;
};
[[nodiscard]] std::string to_string(Ipv4 address);
// Dotted quad only ("192.0.2.10"); no leading zeros, no short forms.
[[nodiscard]] std::optional<Ipv4> parse_ipv4(std::string_view text);
// The mask of a prefix length, 0 to 32.
[[nodiscard]] constexpr std::uint32_t prefix_mask(std::uint8_t bits) {
    return bits == 0 ? 0U : ~std::uint32_t{0} << (32U - bits);
}
[[nodiscard]] constexpr bool in_subnet(Ipv4 address, Ipv4 subnet, std::uint8_t bits) {
    return ((address.value ^ subnet.value) & prefix_mask(bits)) == 0;
}

struct Mac {
    std::array<std::uint8_t, 6> octets{};
    constexpr auto operator<=>(const Mac&) const = default;
};
// "02:00:00:00:00:01"
[[nodiscard]] std::string to_string(const Mac& mac);

// How a new owner tells the neighbours: `count` pairs (request and reply), `interval` apart; count 0: our own
// schedule.
struct AnnounceOptions {
    std::uint32_t count{0};
    base::Duration interval;
    std::uint32_t refresh{0};  // pairs at each successful monitor
    bool operator==(const AnnounceOptions&) const = default;
};

// Interface names and labels are shorter than this (IFNAMSIZ, with the final zero).
inline constexpr std::size_t kInterfaceNameSize = 16;

struct AddressRequest {
    Ipv4 ip;
    std::optional<std::uint8_t> prefix;  // none: that of the route which finds the interface
    std::string nic;                     // empty: found from the routes
    std::optional<Ipv4> broadcast;
    std::string label;  // of the address (IFA_LABEL), "eth0:web"; empty: none
    bool prefix_route{true};
    std::optional<std::uint32_t> preferred_lft;  // seconds; none: forever
    bool check_link{true};
    bool unproven{false};    // taken over from a silent node that may still answer: not asked who has it
    bool after_stop{false};  // the previous holder's stop is proven: the shorter conflict probe is enough
    bool persist_nonlocal_bind{false};
    AnnounceOptions announce;
    bool operator==(const AddressRequest&) const = default;
};

struct ParsedAddress {
    AddressRequest request;
    std::vector<std::string> notes;  // parameters that have no meaning here, one line each
};

// Why parameters cannot be honoured, with the OCF code that says it best.
struct AddressError {
    int code{manager::kOcfArgs};
    std::string message;  // names the parameter
};

// Parameters and meta attributes of an operation -> the request. A parameter that is understood but cannot be
// honoured by the native agent (lvs_support, clusterip, network_namespace ...) is an error that names the way
// out: the script.
[[nodiscard]] std::variant<ParsedAddress, AddressError> parse_address(const manager::Attributes& params,
                                                                      const manager::Attributes& meta);

// Whether the native agent serves this resource: ocf:heartbeat:IPaddr2 unless its meta attribute custos-agent
// is "script".
[[nodiscard]] bool is_native_address(const manager::AgentName& agent, const manager::Attributes& meta);

inline constexpr const char* kAgentChoiceMeta = "custos-agent";
inline constexpr const char* kAfterStopMeta = "custos-after-stop";
inline constexpr const char* kUnprovenMeta = "custos-unproven";

}  // namespace agents
