#include "membership/sync/sync.hpp"

#include <algorithm>
#include <utility>

#include "membership/sync/channel.hpp"

namespace membership {

bool Sync::Impl::is_member(const totem::Member& who) const {
    return std::binary_search(view.members.begin(), view.members.end(), who);
}

void Sync::Impl::ignore(const totem::Member& sender, const std::string& what) {
    ++counters.ignored;
    note(base::Level::warning, "ignored " + what + " of node " + base::to_string(sender.node));
}

void Sync::Impl::push(base::Bytes bytes, totem::Guarantee guarantee) {
    out.push_back({std::move(bytes), guarantee, view.ring.seq});
}

void Sync::Impl::start_view(const totem::Regular& event) {
    if (complete) {
        // What was true at the end of the ring. Members without a transitional view come from nowhere.
        ASSERT(!companions.empty());
        lineage = {view.ring, companions.front().node};
        for (auto& [id, channel] : channels)
            channel.current_before = channel.phase == Channel::Phase::current;
    }
    for (auto& [id, channel] : channels) {
        channel.end_view();
        channel.service->desynchronised();
    }
    out.clear();
    hellos.clear();
    companions.clear();
    view = event.view;
    cause = event.cause;
    features = event.features;
    transitional = complete = false;
    sync::Hello hello;
    hello.ring_seq = view.ring.seq;
    hello.lineage = lineage;
    for (const auto& [id, channel] : channels) {
        hello.services.push_back(
            {id, channel.current_before, channel.diverged_before, channel.service->standing()});
    }
    base::Bytes bytes = sync::encode(hello);
    ASSERT(bytes.size() <=
           kMaxServiceMessage);  // or no ring would take it, and no view come to be synchronised
    push(std::move(bytes));
}

void Sync::Impl::delivered(const totem::Delivered& event) {
    std::optional<sync::Decoded> message = sync::decode(event.payload);
    if (!message) return ignore(event.sender, "a message that can't be read");
    if (auto* hello = std::get_if<sync::Hello>(&message->body)) return take_hello(event, std::move(*hello));
    counters.stale += complete ? 0 : 1;
    const auto channel = channels.find(message->service);
    if (channel != channels.end()) heard(channel->second, event, *message);
}

void Sync::Impl::take_hello(const totem::Delivered& event, sync::Hello hello) {
    if (hello.ring_seq != event.ring.seq) {
        ++counters.stale;
        return;
    }
    if (complete || !is_member(event.sender)) return ignore(event.sender, "a hello");
    if (!hellos.emplace(event.sender, std::move(hello)).second) return ignore(event.sender, "a second hello");
    if (hellos.size() < view.members.size()) return;
    complete = true;
    synchronise({event.ring, event.seq});
}

std::vector<totem::Member> Sync::Impl::together() const {
    std::vector<totem::Member> out_members;
    for (const auto& [member, hello] : hellos) {
        const bool same_past = hello.lineage == lineage && lineage.ring.seq != 0;
        if (same_past || is_self(member)) out_members.push_back(member);
    }
    return out_members;
}

// The hello of this member says what every one's says: where each service stood when the ring was installed,
// and nothing of a service was applied since. So all compute the same here.
void Sync::Impl::synchronise(const Place& place) {
    const std::vector<totem::Member> same_past = together();
    for (auto& [id, channel] : channels) {
        channel.synced = {view, cause, features, place, transitional, {}, same_past};
        for (const auto& [member, hello] : hellos) {
            for (const sync::Hello::Entry& entry : hello.services) {
                if (entry.service == id) channel.synced.standings.emplace(member, entry.standing);
            }
        }
        begin(channel, place);
    }
    hellos.clear();
}

Sync::Sync(const SyncConfig& config, base::Tracer& tracer) : impl_(std::make_unique<Impl>(config, tracer)) {
    ASSERT(config.window > 0 && config.chunk > 0 && config.chunks_in_flight > 0);
    ASSERT(config.chunk <= kMaxServiceMessage);
}

Sync::~Sync() = default;

void Sync::add(ServiceId id, Service& service) {
    ASSERT(id != 0 && impl_->view.members.empty() && impl_->channels.size() < sync::kMaxServices);
    const auto [at, added] = impl_->channels.try_emplace(id);
    ASSERT(added);
    at->second.id = id;
    at->second.service = &service;
}

void Sync::ring_event(const totem::Event& event) {
    if (const auto* regular = std::get_if<totem::Regular>(&event)) {
        impl_->start_view(*regular);
    } else if (const auto* transitional = std::get_if<totem::Transitional>(&event)) {
        impl_->transitional = true;
        impl_->companions = transitional->view.members;
    } else {
        const auto& delivered = std::get<totem::Delivered>(event);
        ASSERT(delivered.ring == impl_->view.ring);
        impl_->delivered(delivered);
        impl_->fill();
    }
}

void Sync::pump() {
    impl_->fill();
}

void Sync::check(ServiceId id) {
    const auto channel = impl_->channels.find(id);
    ASSERT(channel != impl_->channels.end());
    if (channel->second.phase == Channel::Phase::current && !impl_->transitional)
        impl_->request_mark(channel->second);
}

std::optional<SyncMessage> Sync::next() {
    if (impl_->out.empty()) return std::nullopt;
    SyncMessage message = std::move(impl_->out.front());
    impl_->out.pop_front();
    return message;
}

void Sync::put_back(SyncMessage message) {
    if (message.ring_seq == impl_->view.ring.seq) impl_->out.push_front(std::move(message));
}

std::vector<SyncEffect> Sync::drain() {
    return std::exchange(impl_->effects, {});
}

SyncStatus Sync::status() const {
    SyncStatus status = impl_->counters;
    status.synchronised = impl_->complete;
    for (const auto& [id, channel] : impl_->channels) {
        ServiceStatus s;
        s.service = id;
        s.phase = channel.phase;
        if (channel.transfer) {
            s.transfer = true;
            s.authority = channel.transfer->authority.node;
            s.needy = channel.transfer->needy;
            s.received = channel.transfer->received;
            s.total = channel.transfer->total.value_or(0);
        }
        s.kept_bytes = channel.collected.size() + channel.kept_bytes;
        s.in_flight = channel.said.size();
        s.in_flight_bytes = channel.said_bytes;
        status.services.push_back(std::move(s));
    }
    return status;
}

void Sync::check_invariants() const {
    for (const auto& [id, channel] : impl_->channels) {
        using Phase = Channel::Phase;
        ASSERT((channel.phase == Phase::hellos) == !impl_->complete);
        const bool needy = channel.phase == Phase::needy;
        ASSERT(!needy || channel.transfer);
        ASSERT(needy || (channel.collected.empty() && channel.kept.empty() && channel.kept_bytes == 0));
        ASSERT(!channel.snapshot || (channel.transfer && channel.phase == Phase::current));
        ASSERT(impl_->complete || !channel.transfer);
        ASSERT(channel.chunks_in_flight <= impl_->config.chunks_in_flight);
        std::size_t bytes = 0;
        bool sent = true;
        for (const Channel::Said& said : channel.said) {
            ASSERT(sent || !said.sent);
            sent = said.sent;
            bytes += said.sent ? said.cost() : 0;
        }
        ASSERT(bytes == channel.said_bytes);
    }
}

}  // namespace membership
