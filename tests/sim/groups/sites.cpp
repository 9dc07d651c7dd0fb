#include <algorithm>
#include <cstdio>

#include "tests/sim/groups/run.hpp"

namespace sim::groups {

Counts& Counts::operator+=(const Counts& o) {
    virtual_ms += o.virtual_ms, steps += o.steps, rings += o.rings, syncs += o.syncs,
        installed += o.installed;
    aborted += o.aborted, applied += o.applied, transitional += o.transitional, handouts += o.handouts;
    views += o.views, cut_offs += o.cut_offs, stale += o.stale, crashes += o.crashes, goodbyes += o.goodbyes;
    partitions += o.partitions, pauses += o.pauses, storms += o.storms, ambushes += o.ambushes;
    corrupted += o.corrupted, clients += o.clients, client_deaths += o.client_deaths, large += o.large;
    large_bytes += o.large_bytes;
    worst_settle_ms = std::max(worst_settle_ms, o.worst_settle_ms);
    worst_large_ms = std::max(worst_large_ms, o.worst_large_ms);
    worst_latency_us = std::max(worst_latency_us, o.worst_latency_us);
    worst_calm_latency_us = std::max(worst_calm_latency_us, o.worst_calm_latency_us);
    worst_rotation_us = std::max(worst_rotation_us, o.worst_rotation_us);
    return *this;
}

Sites::Sites(std::uint64_t seed, std::uint32_t nodes, const totem::RingConfig& config,
             const SiteOptions& options, bool trace)
    : trace_(trace),
      options_(options),
      world_(std::make_unique<World>(seed, nodes, config, *this)) {}

Site* Sites::site(NodeId node) {
    const auto at = sites_.find(node);
    return at == sites_.end() ? nullptr : at->second.get();
}

std::vector<Member> Sites::living() const {
    std::vector<Member> members;
    for (const NodeId id : world_->running()) members.push_back(world_->member(id));
    return members;
}

void Sites::line(const Member& who, const std::string& text) {
    mix(static_cast<std::uint64_t>(world_->now().ns));
    for (const char c : text) mix(static_cast<std::uint8_t>(c));
    if (trace_)
        std::printf("%10.3f ms  %s  %s\n", static_cast<double>(world_->now().ns) / 1e6,
                    who.node.value == 0 ? "*" : base::to_string(who.node).c_str(), text.c_str());
}

void Sites::tell(const std::string& text) {
    line({}, text);
}

void Sites::started(const Member& who, bool /*remembers*/) {
    judge_.started(who);
    sites_[who.node] = std::make_unique<Site>(*world_, judge_, who, options_);
    line(who, "STARTED");
    if (on_start) on_start(*sites_[who.node]);
}

void Sites::ended(const Member& who) {
    judge_.ended(who);
    line(who, "ENDED");
    count(*sites_.at(who.node));
    sites_.erase(who.node);
}

void Sites::happened(const Member& who, const totem::Event& event) {
    Site* const here = site(who.node);
    if (here == nullptr || here->who() != who) return;
    using Phase = membership::ServiceStatus::Phase;
    const Phase before = here->phase(kStoreId);
    here->ring_event(event);
    const Phase after = here->phase(kStoreId);
    if (const auto* regular = std::get_if<totem::Regular>(&event)) {
        ++counts.rings;
        line(who, "regular view " + base::to_string(regular->view.ring) + " " +
                      base::to_string(regular->view.nodes()));
    } else if (const auto* t = std::get_if<totem::Transitional>(&event)) {
        line(who, "transitional view " + base::to_string(t->view.nodes()));
    }
    if (before != after) {
        constexpr const char* kNames[] = {"hellos", "needy", "current", "failed", "diverged"};
        line(who, std::string("store: ") + kNames[static_cast<int>(after)] + ", hash " +
                      std::to_string(here->store().hash()));
        if (after == Phase::needy && on_transfer) on_transfer(who.node);
    }
    mix(here->store().hash());
    if (!judge_.violation().empty() && trace_ && !std::exchange(told_, true))
        line(who, "VIOLATION: " + judge_.violation());
    pump_soon(who.node);
}

void Sites::noted(const Member& who, base::Level level, const std::string& text) {
    if (level != base::Level::debug) line(who, text);
}

void Sites::looked(const Member& /*who*/, const totem::RingStatus& status) {
    worst_rotation_us = std::max(worst_rotation_us, static_cast<std::uint64_t>(status.rotation.ns / 1000));
}

// Not at once: the ring is in the middle of its own step.
void Sites::pump_soon(NodeId node, Duration wait) {
    const Instant when = world_->now() + wait;
    const auto planned = pump_at_.find(node);
    if (planned != pump_at_.end() && planned->second <= when) return;
    pump_at_[node] = when;
    world_->at(when, [this, node, when] {
        const auto at = pump_at_.find(node);
        if (at == pump_at_.end() || at->second != when) return;
        pump_at_.erase(at);
        if (Site* const here = site(node); here != nullptr && here->pump())
            pump_soon(node, base::milliseconds(1));
    });
}

bool Sites::at_rest() {
    // Who pauses may have more before it than it knows of.
    if (!world_->united() || world_->now() < world_->rests_until()) return false;
    return std::all_of(sites_.begin(), sites_.end(), [](const auto& s) { return s.second->at_rest(); });
}

std::string Sites::come_to_rest() {
    const Instant from = world_->now();
    while (world_->now() < from + base::seconds(120) && !is_over()) {
        const bool rests = until([this] { return at_rest(); }, base::seconds(120));
        counts.worst_settle_ms = static_cast<std::uint64_t>((world_->now() - from).ms());
        static_cast<void>(until([] { return false; }, base::milliseconds(500)));
        if (rests && at_rest()) return {};
    }
    return "no rest: " + what_is_left();
}

std::string Sites::what_is_left() {
    std::string text = world_->united() ? "one ring" : "several rings";
    for (const auto& [node, here] : sites_) {
        text += "; node " + base::to_string(node) + ":";
        for (const membership::ServiceStatus& s : here->sync().status().services) {
            text += " service " + std::to_string(s.service) + " phase " +
                    std::to_string(static_cast<int>(s.phase)) + " in flight " + std::to_string(s.in_flight) +
                    (s.transfer ? " transfer" : "");
        }
        for (const membership::ClientStatus& c : here->groups().clients()) {
            if (c.sent > 0 || !c.open)
                text += " client " + std::to_string(c.client) + " has sent " + std::to_string(c.sent);
        }
    }
    return text;
}

bool Sites::until(const std::function<bool()>& condition, Duration limit) {
    return world_->run_until([&] { return is_over() || condition(); }, world_->now() + limit);
}

void Sites::count(const Site& here) {
    counts.cut_offs += here.cut_offs;
    counts.installed += here.installed;
    counts.aborted += here.aborted;
}

Result finish(Sites& sites, const std::string& stuck) {
    if (stuck.empty() && !sites.is_over()) sites.judge().finally(sites.living());
    Result result;
    judge(result.outcome, sites.world(), sites.judge().violation(), stuck);
    for (const NodeId id : sites.world().running()) {
        Site& here = *sites.site(id);
        sites.counts.stale += here.sync().status().stale;
        sites.counts.cut_offs += here.cut_offs;
        sites.counts.installed += here.installed;
        sites.counts.aborted += here.aborted;
    }
    sites.counts.virtual_ms = static_cast<std::uint64_t>(sites.world().now().ns / 1'000'000);
    sites.counts.steps = sites.world().steps;
    sites.counts.applied = sites.judge().applied;
    sites.counts.transitional = sites.judge().transitional;
    sites.counts.handouts = sites.judge().handouts;
    sites.counts.views = sites.judge().views;
    sites.counts.syncs = sites.judge().syncs;
    result.counts = sites.counts;
    result.outcome.trace_hash = sites.hash();
    return result;
}

}  // namespace sim::groups
