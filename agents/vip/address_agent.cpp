#include "agents/vip/address_agent.hpp"

#include <algorithm>

#include "agents/vip/sysctl.hpp"

namespace agents {

namespace {

using base::Instant;
using manager::kOcfArgs;
using manager::kOcfGeneric;
using manager::kOcfNotRunning;
using manager::kOcfOk;

std::vector<Mac> own_macs(const HostView& view) {
    std::vector<Mac> macs;
    for (const Link& l : view.links) {
        if (l.ethernet) macs.push_back(l.mac);
    }
    return macs;
}

std::string not_ours(const HostView& view, const HostAddress& address) {
    return describe(view, address) +
           " was not put there for this resource: remove it, or correct the parameters ip, nic and "
           "cidr_netmask";
}

std::string no_carrier(const Link& link) {
    return "interface " + link.name + (link.up ? " has no carrier" : " is down") +
           ": nobody can reach the address (parameter check_link_status)";
}

HostAddress as_added(const Site& site, Ipv4 ip) {
    return {site.link.index, ip, site.prefix, kAddressProto, false};
}

std::string site_text(const Site& site, Ipv4 ip) {
    return to_string(ip) + "/" + std::to_string(site.prefix) + " on " + site.link.name;
}

bool is_added(const Claim& claim) {
    return claim.phase() == Claim::Phase::announcing || claim.phase() == Claim::Phase::owned;
}

}  // namespace

base::Result<AddressAgent> AddressAgent::open() {
    TRY(Netlink netlink, Netlink::open());
    TRY(HostWatch watch, HostWatch::open());
    TRY(ArpSocket sender, ArpSocket::open_sender());
    return AddressAgent(std::move(netlink), std::move(watch), std::move(sender));
}

void AddressAgent::finish(std::uint64_t id, int code, std::string reason) {
    outcomes_.push_back({id, code, std::move(reason)});
}

void AddressAgent::submit(Instant now, const AddressCommand& command) {
    if (!settings_done_) {
        // Also for a monitor: the nodes that do not hold the address are those whose services need the
        // setting.
        settings_done_ = true;
        if (const auto set = set_nonlocal_bind(); !set) {
            notes_.push_back(set.error().message +
                             ": services cannot bind to an address that this node does not hold");
        }
    }
    switch (command.action) {
        case AddressAction::start:
            return start(now, command);
        case AddressAction::stop:
            return stop(command);
        case AddressAction::monitor:
            return monitor(now, command);
    }
}

void AddressAgent::start(Instant now, const AddressCommand& command) {
    const Ipv4 ip = command.request.ip;
    if (const auto at = holdings_.find(ip); at != holdings_.end()) {
        if (held_for_another(command)) {
            return finish(command.id, kOcfArgs,
                          to_string(ip) + " is held for the resource " + at->second.resource + " already");
        }
        if (at->second.pending != 0) finish(at->second.pending, kOcfGeneric, "superseded by a later start");
        holdings_.erase(at);
    }
    const bool located = !command.request.nic.empty() && command.request.prefix;
    const auto view = netlink_.view(located ? Netlink::Routes::without : Netlink::Routes::with);
    if (!view) return finish(command.id, kOcfGeneric, view.error().message);
    const Presence presence = find_address(*view, command.request);
    if (!presence.ours.empty()) {
        adopt(now, command, *view, presence.ours.front());
        return finish(command.id, kOcfOk);
    }
    if (!presence.foreign.empty())
        return finish(command.id, kOcfGeneric, not_ours(*view, presence.foreign.front()));
    if (const auto removed = remove(*view, presence.stale); !removed) {
        return finish(command.id, kOcfGeneric, removed.error().message);
    }
    auto site = choose_site(*view, command.request);
    if (!site) {
        const bool invalid = site.error().code == base::Errc::invalid;
        return finish(command.id, invalid ? kOcfArgs : kOcfGeneric, site.error().message);
    }
    if (bring_up(command, site->link)) probe(now, command, *view, *site);
}

// The interface must be up, as IPaddr2 sees to it, and have a carrier. Finishes the command when it cannot
// be.
bool AddressAgent::bring_up(const AddressCommand& command, Link& link) {
    if (!link.up) {
        const auto up = netlink_.set_up(link.index);
        const auto view = up ? netlink_.view(Netlink::Routes::without) : base::Result<HostView>(up.error());
        if (!view) {
            finish(command.id, kOcfGeneric, view.error().message);
            return false;
        }
        if (const Link* fresh = view->link(link.index)) link = *fresh;
    }
    if (link.carrier || !command.request.check_link) return true;
    finish(command.id, kOcfGeneric, no_carrier(link));
    return false;
}

void AddressAgent::adopt(Instant now, const AddressCommand& command, const HostView& view,
                         const HostAddress& address) {
    const Link* link = view.link(address.link);
    Claim claim(address.ip, link->mac, {}, command.request.announce, Claim::Probe::none, now);
    claim.added(now);
    notes_.push_back(command.resource + ": adopted " + describe(view, address));
    Site site{*link, address.prefix, std::nullopt, {}};
    auto& holding = holdings_
                        .insert_or_assign(address.ip, Holding{command.resource, command.request, site,
                                                              std::move(claim), 0, nullptr, false})
                        .first->second;
    pump(now, holding);
}

void AddressAgent::probe(Instant now, const AddressCommand& command, const HostView& view, const Site& site) {
    auto mode = command.request.after_stop ? Claim::Probe::brief : Claim::Probe::full;
    // The administrator has switched the proof off: a silent node's kernel may answer, and that must stop
    // nobody.
    if (command.request.unproven) mode = Claim::Probe::none;
    std::unique_ptr<ArpSocket> listener;
    if (site.link.ethernet && site.link.carrier) {
        auto socket = ArpSocket::open_listener(site.link.index);
        if (!socket) return finish(command.id, kOcfGeneric, socket.error().message);
        listener = std::make_unique<ArpSocket>(*std::move(socket));
    } else {
        mode = Claim::Probe::none;  // no neighbours to ask
    }
    Claim claim(command.request.ip, site.link.mac, own_macs(view), command.request.announce, mode, now);
    auto& holding = holdings_
                        .insert_or_assign(command.request.ip,
                                          Holding{command.resource, command.request, site, std::move(claim),
                                                  command.id, std::move(listener), false})
                        .first->second;
    pump(now, holding);
}

// Runs one holding until it waits for time or for a frame.
void AddressAgent::pump(Instant now, Holding& holding) {
    Claim& claim = holding.claim;
    while (holding.listener) {
        const auto seen = holding.listener->receive();
        if (!seen) break;
        claim.heard(*seen);
    }
    claim.advance(now);
    if (claim.phase() == Claim::Phase::adding) add(now, holding);
    if (const auto holder = claim.conflict(); holder && holding.pending != 0) {
        holding.listener.reset();
        finish(std::exchange(holding.pending, 0), kOcfGeneric,
               to_string(holding.request.ip) + " is in use by " + to_string(*holder) + " on " +
                   holding.site.link.name +
                   ": another host answers for it; free it there, then clean up this resource");
    }
    const bool announcing = is_added(claim);
    bool failed = false;
    for (const ArpFrame& frame : claim.take_frames()) {
        if (!holding.site.link.ethernet) continue;
        const auto sent = sender_.send(holding.site.link.index, frame);
        if (!sent && announcing && !failed) {
            failed = true;
            claim.send_failed(now);
            if (!holding.sends_failed) {
                notes_.push_back(holding.resource + ": " + sent.error().message + " on " +
                                 holding.site.link.name + "; trying again");
            }
        }
    }
    holding.sends_failed = failed;
}

void AddressAgent::add(Instant now, Holding& holding) {
    holding.listener.reset();
    const auto added = netlink_.add_address(holding.site, holding.request);
    const std::uint64_t id = std::exchange(holding.pending, 0);
    if (!added) {
        finish(id, kOcfGeneric,
               added.error().message + " (" + site_text(holding.site, holding.request.ip) + ")");
        return;  // advance() forgets a holding that neither waits nor holds
    }
    holding.claim.added(now);
    holding.claim.advance(now);
    finish(id, kOcfOk);
}

// Two resources with one address: the second does not run here, whatever the kernel shows.
bool AddressAgent::held_for_another(const AddressCommand& command) const {
    const auto at = holdings_.find(command.request.ip);
    return at != holdings_.end() && at->second.resource != command.resource;
}

base::Status AddressAgent::remove(const HostView& view, const std::vector<HostAddress>& addresses) {
    for (const HostAddress& address : addresses) {
        if (has_secondaries(view, address)) TRY_OK(set_promote_secondaries(view.link(address.link)->name));
        const auto deleted = netlink_.delete_address(address);
        if (!deleted) return deleted.error().with(describe(view, address));
    }
    return base::ok();
}

void AddressAgent::stop(const AddressCommand& command) {
    if (held_for_another(command)) return finish(command.id, kOcfOk);
    if (const auto at = holdings_.find(command.request.ip); at != holdings_.end()) {
        if (at->second.pending != 0) finish(at->second.pending, kOcfGeneric, "stopped before it was up");
        holdings_.erase(at);
    }
    const auto view = netlink_.view(Netlink::Routes::without);
    if (!view) return finish(command.id, kOcfGeneric, view.error().message);
    const Presence presence = find_address(*view, command.request);
    for (const auto* list : {&presence.ours, &presence.stale}) {
        if (const auto removed = remove(*view, *list); !removed) {
            return finish(command.id, kOcfGeneric, removed.error().message);
        }
    }
    if (!presence.foreign.empty())
        return finish(command.id, kOcfGeneric, not_ours(*view, presence.foreign.front()));
    finish(command.id, kOcfOk);
}

void AddressAgent::monitor(Instant now, const AddressCommand& command) {
    if (held_for_another(command)) return finish(command.id, kOcfNotRunning);
    const auto view = netlink_.view(Netlink::Routes::without);
    if (!view) return finish(command.id, kOcfGeneric, view.error().message);
    const Presence presence = find_address(*view, command.request);
    if (presence.ours.empty()) {
        if (!presence.stale.empty()) {
            return finish(
                command.id, kOcfGeneric,
                describe(*view, presence.stale.front()) + " is of a former definition of this resource");
        }
        if (presence.foreign.empty()) return finish(command.id, kOcfNotRunning);
        return finish(command.id, kOcfGeneric, not_ours(*view, presence.foreign.front()));
    }
    const HostAddress& address = presence.ours.front();
    const Link& link = *view->link(address.link);
    if (command.request.check_link && !(link.up && link.carrier)) {
        return finish(command.id, kOcfGeneric, no_carrier(link));
    }
    const auto at = holdings_.find(command.request.ip);
    if (at == holdings_.end()) {
        adopt(now, command, *view, address);
    } else if (command.request.announce.refresh > 0) {
        at->second.claim.refresh(now, command.request.announce.refresh);
        pump(now, at->second);
    }
    finish(command.id, kOcfOk);
}

void AddressAgent::announce_all(Instant now) {
    for (auto& [ip, holding] : holdings_) {
        holding.claim.announce_again(now);
        pump(now, holding);
    }
}

std::vector<std::string> AddressAgent::drop_all() {
    std::vector<std::string> left;
    for (auto at = holdings_.begin(); at != holdings_.end();) {
        auto& [ip, holding] = *at;
        if (holding.pending != 0)
            finish(std::exchange(holding.pending, 0), kOcfGeneric, "dropped before it was up");
        const auto deleted =
            is_added(holding.claim) ? netlink_.delete_address(as_added(holding.site, ip)) : base::ok();
        if (!deleted) left.push_back(site_text(holding.site, ip) + ": " + deleted.error().message);
        at = deleted ? holdings_.erase(at) : std::next(at);
    }
    return left;
}

void AddressAgent::advance(Instant now) {
    follow_host(now);
    for (auto at = holdings_.begin(); at != holdings_.end();) {
        Holding& holding = at->second;
        pump(now, holding);
        const bool over = holding.pending == 0 && !is_added(holding.claim);
        at = over ? holdings_.erase(at) : std::next(at);
    }
}

void AddressAgent::follow_host(Instant now) {
    const HostWatch::Changes changes = watch_.read();
    for (const Link& link : changes.links) follow_link(now, link);
    if (changes.lost) {
        if (const auto view = netlink_.view(Netlink::Routes::without)) {
            for (const Link& link : view->links) follow_link(now, link);
        }
    }
    if (!changes.removed.empty() || changes.lost) forget_removed(changes.removed);
}

// A carrier that is back, or another hardware address (a bond that changed over): the neighbours must hear of
// it.
void AddressAgent::follow_link(Instant now, const Link& link) {
    for (auto& [ip, holding] : holdings_) {
        if (holding.site.link.index != link.index) continue;
        const bool usable = link.up && link.carrier;
        const bool was_usable = holding.site.link.up && holding.site.link.carrier;
        const bool moved = link.mac != holding.site.link.mac;
        holding.site.link = link;
        if (!is_added(holding.claim) || !usable || (was_usable && !moved)) continue;
        holding.claim = Claim(ip, link.mac, {}, holding.request.announce, Claim::Probe::none, now);
        holding.claim.added(now);
    }
}

// Never announce an address that somebody removed. A removal of ours may be reported after a new start: look
// again.
void AddressAgent::forget_removed(const std::vector<HostAddress>& removed) {
    const auto view = netlink_.view(Netlink::Routes::without);
    if (!view) return;
    for (auto at = holdings_.begin(); at != holdings_.end();) {
        const Holding& holding = at->second;
        const bool there = !find_address(*view, holding.request).ours.empty();
        const bool named = std::any_of(removed.begin(), removed.end(),
                                       [&](const HostAddress& a) { return a.ip == at->first; });
        if (there || !is_added(holding.claim) || (!named && !removed.empty())) {
            ++at;
            continue;
        }
        notes_.push_back(holding.resource + ": " + site_text(holding.site, at->first) +
                         " was removed by somebody else");
        at = holdings_.erase(at);
    }
}

Instant AddressAgent::next_deadline() const {
    Instant next = Instant::never();
    for (const auto& [ip, holding] : holdings_) next = std::min(next, holding.claim.next_deadline());
    return next;
}

std::vector<int> AddressAgent::fds() const {
    std::vector<int> fds{watch_.fd()};
    for (const auto& [ip, holding] : holdings_) {
        if (holding.listener) fds.push_back(holding.listener->fd());
    }
    return fds;
}

std::vector<AddressOutcome> AddressAgent::take_outcomes() {
    return std::exchange(outcomes_, {});
}

std::vector<std::string> AddressAgent::take_notes() {
    return std::exchange(notes_, {});
}

std::vector<AddressAgent::Held> AddressAgent::held() const {
    std::vector<Held> list;
    for (const auto& [ip, holding] : holdings_) {
        list.push_back({holding.resource, site_text(holding.site, ip), is_added(holding.claim)});
    }
    return list;
}

}  // namespace agents
