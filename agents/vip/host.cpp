#include "agents/vip/host.hpp"

#include <algorithm>
#include <tuple>

namespace agents {

namespace {

using base::Errc;
using base::Error;

const OnLinkRoute* best_route(const HostView& view, const AddressRequest& request) {
    const OnLinkRoute* best = nullptr;
    for (const OnLinkRoute& route : view.routes) {
        const Link* link = view.link(route.link);
        if (link == nullptr || link->loopback || route.prefix == 0) continue;
        if (!request.nic.empty() && link->name != request.nic) continue;
        if (!in_subnet(request.ip, route.destination, route.prefix)) continue;
        const auto rank = [](const OnLinkRoute& r) {
            return std::make_tuple(-int{r.prefix}, r.metric, r.link);
        };
        if (best == nullptr || rank(route) < rank(*best)) best = &route;
    }
    return best;
}

Error no_route(const AddressRequest& request) {
    return {Errc::not_found,
            "no interface has a subnet that holds " + to_string(request.ip) +
                ": name one with the parameter nic, or check the node's addresses and links"};
}

}  // namespace

const Link* HostView::link(int index) const {
    for (const Link& l : links) {
        if (l.index == index) return &l;
    }
    return nullptr;
}

const Link* HostView::link(std::string_view name) const {
    for (const Link& l : links) {
        if (l.name == name) return &l;
    }
    return nullptr;
}

base::Result<Site> choose_site(const HostView& view, const AddressRequest& request) {
    const OnLinkRoute* route = best_route(view, request);
    const Link* link = request.nic.empty() ? nullptr : view.link(request.nic);
    if (!request.nic.empty() && link == nullptr) {
        return Error{Errc::not_found, "parameter nic: this node has no interface " + request.nic};
    }
    if (link != nullptr && link->loopback) {
        return Error{Errc::invalid, "parameter nic: " + request.nic +
                                        " is a loopback interface, where no client would find the address"};
    }
    if (link == nullptr && route == nullptr) return no_route(request);
    Site site;
    site.link = link != nullptr ? *link : *view.link(route->link);
    if (request.prefix) {
        site.prefix = *request.prefix;
    } else if (route != nullptr) {
        site.prefix = route->prefix;
    } else {
        return Error{Errc::not_found, "no route on " + request.nic + " says how long the netmask of " +
                                          to_string(request.ip) + " is: give cidr_netmask"};
    }
    site.broadcast = request.broadcast;
    if (!site.broadcast && site.prefix < 31)
        site.broadcast = Ipv4{request.ip.value | ~prefix_mask(site.prefix)};
    if (!request.label.empty()) {
        site.label = site.link.name + ":" + request.label;
        if (site.label.size() >= kInterfaceNameSize) {
            return Error{Errc::invalid, "parameter iflabel: " + site.label + " is longer than 15 characters"};
        }
    }
    return site;
}

Presence find_address(const HostView& view, const AddressRequest& request) {
    Presence found;
    for (const HostAddress& a : view.addresses) {
        const Link* link = view.link(a.link);
        if (a.ip != request.ip || link == nullptr || link->loopback) continue;
        const bool where_asked = request.nic.empty() || link->name == request.nic;
        const bool as_asked = !request.prefix || *request.prefix == a.prefix;
        if (where_asked && as_asked) {
            found.ours.push_back(a);
        } else {
            (a.proto == kAddressProto ? found.stale : found.foreign).push_back(a);
        }
    }
    return found;
}

bool has_secondaries(const HostView& view, const HostAddress& address) {
    if (address.secondary) return false;
    return std::any_of(view.addresses.begin(), view.addresses.end(), [&](const HostAddress& other) {
        return other.link == address.link && other.secondary && other.prefix == address.prefix &&
               in_subnet(other.ip, address.ip, address.prefix);
    });
}

std::string describe(const HostView& view, const HostAddress& address) {
    const Link* link = view.link(address.link);
    return to_string(address.ip) + "/" + std::to_string(address.prefix) + " on " +
           (link == nullptr ? "interface " + std::to_string(address.link) : link->name);
}

}  // namespace agents
