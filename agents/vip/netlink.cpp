#include "agents/vip/netlink.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "totem/base/fd.hpp"

namespace agents {

namespace {

using base::Errc;
using base::Error;

// One message of ours; the largest carries six attributes.
using MessageBuffer = std::array<char, 512>;

void put_ip(nlmsghdr* message, std::uint16_t type, Ipv4 ip) {
    mnl_attr_put_u32(message, type, htonl(ip.value));
}

Ipv4 get_ip(const nlattr* attribute) {
    return mnl_attr_get_payload_len(attribute) == 4 ? Ipv4{ntohl(mnl_attr_get_u32(attribute))} : Ipv4{};
}

// libmnl stops at the first malformed attribute.
template <typename Each>
void for_each_attribute(const nlmsghdr* message, std::size_t header, Each each) {
    const auto callback = [](const nlattr* attribute, void* context) -> int {
        (*static_cast<Each*>(context))(attribute);
        return MNL_CB_OK;
    };
    mnl_attr_parse(message, static_cast<unsigned>(header), callback, &each);
}

Link parse_link(const nlmsghdr* message) {
    const auto* header = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(message));
    Link link;
    link.index = header->ifi_index;
    link.loopback = (header->ifi_flags & IFF_LOOPBACK) != 0;
    link.up = (header->ifi_flags & IFF_UP) != 0;
    link.carrier = (header->ifi_flags & IFF_LOWER_UP) != 0;
    for_each_attribute(message, sizeof(*header), [&](const nlattr* attribute) {
        const auto type = mnl_attr_get_type(attribute);
        if (type == IFLA_IFNAME) link.name = mnl_attr_get_str(attribute);
        if (type == IFLA_ADDRESS && mnl_attr_get_payload_len(attribute) == link.mac.octets.size()) {
            std::memcpy(link.mac.octets.data(), mnl_attr_get_payload(attribute), link.mac.octets.size());
            link.ethernet = header->ifi_type == ARPHRD_ETHER && (header->ifi_flags & IFF_NOARP) == 0;
        }
    });
    return link;
}

HostAddress parse_host_address(const nlmsghdr* message) {
    const auto* header = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(message));
    HostAddress address;
    address.link = static_cast<int>(header->ifa_index);
    address.prefix = header->ifa_prefixlen;
    std::uint32_t flags = header->ifa_flags;
    for_each_attribute(message, sizeof(*header), [&](const nlattr* attribute) {
        const auto type = mnl_attr_get_type(attribute);
        if (type == IFA_LOCAL) address.ip = get_ip(attribute);
        if (type == IFA_FLAGS) flags = mnl_attr_get_u32(attribute);
        if (type == IFA_PROTO) address.proto = mnl_attr_get_u8(attribute);
    });
    address.secondary = (flags & IFA_F_SECONDARY) != 0;
    return address;
}

// nullopt: not a plain unicast route of the main table without a gateway.
std::optional<OnLinkRoute> parse_route(const nlmsghdr* message) {
    const auto* header = static_cast<const rtmsg*>(mnl_nlmsg_get_payload(message));
    OnLinkRoute route;
    route.prefix = header->rtm_dst_len;
    std::uint32_t table = header->rtm_table;
    bool direct = header->rtm_type == RTN_UNICAST && (header->rtm_flags & RTM_F_CLONED) == 0;
    for_each_attribute(message, sizeof(*header), [&](const nlattr* attribute) {
        switch (mnl_attr_get_type(attribute)) {
            case RTA_DST:
                route.destination = get_ip(attribute);
                break;
            case RTA_OIF:
                route.link = static_cast<int>(mnl_attr_get_u32(attribute));
                break;
            case RTA_PRIORITY:
                route.metric = mnl_attr_get_u32(attribute);
                break;
            case RTA_TABLE:
                table = mnl_attr_get_u32(attribute);
                break;
            case RTA_GATEWAY:
            case RTA_VIA:
            case RTA_MULTIPATH:
                direct = false;
                break;
            default:
                break;
        }
    });
    if (!direct || table != RT_TABLE_MAIN || route.link == 0) return std::nullopt;
    return route;
}

// One address message: all that identifies it.
ifaddrmsg* put_address_header(nlmsghdr* message, std::uint16_t type, int link, std::uint8_t prefix) {
    message->nlmsg_type = type;
    message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    auto* header = static_cast<ifaddrmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(ifaddrmsg)));
    header->ifa_family = AF_INET;
    header->ifa_prefixlen = prefix;
    header->ifa_index = static_cast<std::uint32_t>(link);
    return header;
}

}  // namespace

void Netlink::Close::operator()(mnl_socket* socket) const {
    mnl_socket_close(socket);
}
void HostWatch::Close::operator()(mnl_socket* socket) const {
    mnl_socket_close(socket);
}

base::Result<Netlink> Netlink::open() {
    mnl_socket* socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    if (socket == nullptr) return base::system_error("cannot open a netlink socket");
    Netlink netlink(socket);
    if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
        return base::system_error("cannot bind a netlink socket");
    return netlink;
}

// Calls each(message) for every entry. A dump that changed under our hands is read again.
template <typename Each>
base::Status Netlink::dump(std::uint16_t type, unsigned char family, Each each) {
    MessageBuffer out{};
    nlmsghdr* ask = mnl_nlmsg_put_header(out.data());
    ask->nlmsg_type = type;
    ask->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    ask->nlmsg_seq = ++sequence_;
    auto* header = static_cast<rtgenmsg*>(mnl_nlmsg_put_extra_header(ask, sizeof(rtgenmsg)));
    header->rtgen_family = family;
    if (mnl_socket_sendto(socket_.get(), ask, ask->nlmsg_len) < 0) return base::system_error("netlink dump");
    const auto callback = [](const nlmsghdr* message, void* context) -> int {
        (*static_cast<Each*>(context))(message);
        return MNL_CB_OK;
    };
    std::array<char, 32768> in{};
    while (true) {
        const ssize_t n = mnl_socket_recvfrom(socket_.get(), in.data(), in.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return base::system_error("netlink dump");
        const int more = mnl_cb_run(in.data(), static_cast<std::size_t>(n), sequence_,
                                    mnl_socket_get_portid(socket_.get()), callback, &each);
        if (more == MNL_CB_STOP) return base::ok();
        if (more < 0 && errno == ESRCH) continue;  // the answer to an older, abandoned question
        if (more < 0 && errno == EINTR) return Error{Errc::unavailable, "netlink dump: it kept changing"};
        if (more < 0) return base::system_error("netlink dump");
    }
}

base::Result<HostView> Netlink::view(Routes routes) {
    constexpr int kTries = 5;
    for (int attempt = 1;; ++attempt) {
        HostView view;
        auto status = dump(RTM_GETLINK, AF_UNSPEC, [&](const nlmsghdr* m) {
            if (m->nlmsg_type == RTM_NEWLINK) view.links.push_back(parse_link(m));
        });
        if (status) {
            status = dump(RTM_GETADDR, AF_INET, [&](const nlmsghdr* m) {
                if (m->nlmsg_type == RTM_NEWADDR) view.addresses.push_back(parse_host_address(m));
            });
        }
        if (status && routes == Routes::with) {
            status = dump(RTM_GETROUTE, AF_INET, [&](const nlmsghdr* m) {
                if (m->nlmsg_type != RTM_NEWROUTE) return;
                if (const auto route = parse_route(m)) view.routes.push_back(*route);
            });
        }
        if (status) return view;
        if (status.error().code != Errc::unavailable || attempt == kTries) return status.error();
    }
}

// Sends the message and waits for its acknowledgement.
base::Status Netlink::request(void* message, const char* what, std::initializer_list<int> fine) {
    auto* ask = static_cast<nlmsghdr*>(message);
    ask->nlmsg_seq = ++sequence_;
    if (mnl_socket_sendto(socket_.get(), ask, ask->nlmsg_len) < 0) return base::system_error(what);
    std::array<char, 8192> in{};
    while (true) {
        const ssize_t n = mnl_socket_recvfrom(socket_.get(), in.data(), in.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return base::system_error(what);
        const int done = mnl_cb_run(in.data(), static_cast<std::size_t>(n), sequence_,
                                    mnl_socket_get_portid(socket_.get()), nullptr, nullptr);
        if (done >= 0 || std::find(fine.begin(), fine.end(), errno) != fine.end()) return base::ok();
        if (errno != ESRCH) return base::system_error(what);
    }
}

base::Status Netlink::add_address(const Site& site, const AddressRequest& wanted) {
    MessageBuffer out{};
    nlmsghdr* message = mnl_nlmsg_put_header(out.data());
    put_address_header(message, RTM_NEWADDR, site.link.index, site.prefix);
    message->nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
    put_ip(message, IFA_LOCAL, wanted.ip);
    put_ip(message, IFA_ADDRESS, wanted.ip);
    if (site.broadcast) put_ip(message, IFA_BROADCAST, *site.broadcast);
    if (!site.label.empty()) mnl_attr_put_strz(message, IFA_LABEL, site.label.c_str());
    if (!wanted.prefix_route) mnl_attr_put_u32(message, IFA_FLAGS, IFA_F_NOPREFIXROUTE);
    mnl_attr_put_u8(message, IFA_PROTO, kAddressProto);
    if (wanted.preferred_lft) {
        ifa_cacheinfo lifetime{};
        lifetime.ifa_prefered = *wanted.preferred_lft;
        lifetime.ifa_valid = 0xffffffffU;
        mnl_attr_put(message, IFA_CACHEINFO, sizeof(lifetime), &lifetime);
    }
    return request(message, "cannot add the address", {EEXIST});
}

base::Status Netlink::delete_address(const HostAddress& address) {
    MessageBuffer out{};
    nlmsghdr* message = mnl_nlmsg_put_header(out.data());
    put_address_header(message, RTM_DELADDR, address.link, address.prefix);
    put_ip(message, IFA_LOCAL, address.ip);
    put_ip(message, IFA_ADDRESS, address.ip);
    return request(message, "cannot remove the address", {EADDRNOTAVAIL, ENODEV});
}

base::Status Netlink::set_up(int link) {
    MessageBuffer out{};
    nlmsghdr* message = mnl_nlmsg_put_header(out.data());
    message->nlmsg_type = RTM_NEWLINK;
    message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    auto* header = static_cast<ifinfomsg*>(mnl_nlmsg_put_extra_header(message, sizeof(ifinfomsg)));
    header->ifi_family = AF_UNSPEC;
    header->ifi_index = link;
    header->ifi_flags = IFF_UP;
    header->ifi_change = IFF_UP;
    return request(message, "cannot set the interface up", {});
}

base::Result<HostWatch> HostWatch::open() {
    mnl_socket* socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (socket == nullptr) return base::system_error("cannot open a netlink socket");
    HostWatch watch(socket);
    if (mnl_socket_bind(socket, RTMGRP_LINK | RTMGRP_IPV4_IFADDR, MNL_SOCKET_AUTOPID) < 0) {
        return base::system_error("cannot watch the interfaces");
    }
    return watch;
}

int HostWatch::fd() const {
    return mnl_socket_get_fd(socket_.get());
}

HostWatch::Changes HostWatch::read() {
    Changes changes;
    std::array<char, 32768> in{};
    const auto callback = [](const nlmsghdr* message, void* context) -> int {
        auto* into = static_cast<Changes*>(context);
        if (message->nlmsg_type == RTM_NEWLINK) into->links.push_back(parse_link(message));
        if (message->nlmsg_type == RTM_DELADDR) into->removed.push_back(parse_host_address(message));
        return MNL_CB_OK;
    };
    while (true) {
        const ssize_t n = mnl_socket_recvfrom(socket_.get(), in.data(), in.size());
        if (n < 0 && errno == ENOBUFS) {
            changes.lost = true;
            continue;
        }
        if (n <= 0) return changes;
        if (mnl_cb_run(in.data(), static_cast<std::size_t>(n), 0, 0, callback, &changes) < 0)
            changes.lost = true;
    }
}

}  // namespace agents
