// The lease in the core: the keeper on the ring's thread, guard, and what the node says about both.
#include <algorithm>
#include <chrono>
#include <utility>

#include <boost/asio/post.hpp>

#include "agents/guard/page.hpp"
#include "tools/daemon/daemon.hpp"
#include "tools/daemon/lease_term.hpp"

namespace tools {

std::string Daemon::lease_page() const {
    return options_.socket_path.substr(0, options_.socket_path.rfind('/')) + "/lease";
}

base::Status Daemon::start_lease(base::NodeId self) {
    lease_timing_ = membership::lease_timing(config_.totem.token);
    const std::string file = options_.state_directory + "/lease-term";
    const std::optional<base::Duration> past = read_lease_term(file);
    if (!past) TRY_OK(write_lease_term(file, lease_timing_.term));
    membership::KeeperConfig config;
    config.roster = node_->state().nodes.ids();
    if (const auto& next = node_->state().next_nodes) config.roster.insert(next->ids());
    config.self = self;
    config.leasable = node_->leasable();
    config.timing = lease_timing_;
    config.known_past = past.value_or(lease_timing_.term);
    config.start = moment().now;
    renewals_ = std::make_unique<agents::RenewalLine>(options_.guard_fd);
    keeper_ = std::make_unique<membership::Keeper>(
        config, [line = renewals_.get()](const membership::Renewal& renewal) { line->send(renewal); });
    return base::ok();
}

void Daemon::follow_lease() {
    const manager::NodeLease lease = node_->lease();
    const std::optional<base::RingId> declared = lease.enforced ? lease.declared : std::nullopt;
    if (lease.enforced == enforced_ && declared == declared_) return;
    enforced_ = lease.enforced;
    declared_ = declared;
    lease_tick();
}

// Declarations and a right without end are said again and again: the first because they count for a while
// only, the second because a renewal of before may have overtaken it.
void Daemon::lease_tick() {
    if (!enforced_) {
        node_->guard_obeys(moment(), false);
        guard_->renew({node_->view().ring, moment().now, base::Instant::never()});
    } else if (const auto page = agents::read_lease_page(lease_page())) {
        node_->guard_obeys(moment(), page->until != base::Instant::never());
    }
    engine_->run([this, keeper = keeper_.get(), ring = declared_, said = moment().now](base::Instant now) {
        if (ring) {
            keeper->declare(said, *ring);
        } else {
            keeper->withdraw();
        }
        if (const auto term = keeper->take_persist(now))
            boost::asio::post(io_, [this, term = *term] { keep_term(term); });
    });
    lease_timer_.expires_after(std::chrono::nanoseconds(lease_timing_.patience.ns / 4));
    lease_timer_.async_wait([this](const boost::system::error_code& failed) {
        if (failed) return;
        lease_tick();
        pump();
    });
}

// What guard says counts, whatever the core thinks.
LocalLease Daemon::lease() const {
    const manager::NodeLease lease = node_->lease();
    LocalLease out{lease.policy.status, lease.enforced, lease.policy.proven, 0};
    const auto page = agents::read_lease_page(lease_page());
    if (!page || page->dropping || page->until == base::Instant::never()) return out;
    out.left_ms = std::max<std::int64_t>(0, (page->until - moment().now).ms());
    return out;
}

void Daemon::keep_term(base::Duration term) {
    const base::Status written = write_lease_term(options_.state_directory + "/lease-term", term);
    if (!written) {
        log_.line(base::Level::warning, written.error().message + "; the term of leases stays as it was");
        return;
    }
    engine_->run([keeper = keeper_.get(), term](base::Instant) { keeper->persisted(term); });
}

}  // namespace tools
