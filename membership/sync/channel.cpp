// What a service says, and what it hears.
#include "membership/sync/channel.hpp"

#include <algorithm>

namespace membership {

namespace {

constexpr std::size_t kLeastCost = 64;  // of a message, however short

std::size_t cost_of(std::size_t payload) {
    return std::max(payload, kLeastCost);
}

}  // namespace

std::size_t Channel::Said::cost() const {
    return cost_of(message.payload.size());
}

void Channel::end_view() {
    std::erase_if(said, [](const Said& s) { return s.message.this_view_only; });
    for (Said& s : said) s.sent = false;
    said_bytes = 0;
    phase = Phase::hellos;
    transfer.reset();
    snapshot.reset();
    offset = 0;
    chunks_in_flight = 0;
    collected = {};
    kept.clear();
    kept_bytes = 0;
    synced = {};
    since_mark = 0;
    mark_sent = false;
    mark.reset();
    reports.clear();
}

// Ours come back in the order in which they were sent.
void Channel::forget_own(base::ByteView payload) {
    ASSERT(!said.empty() && said.front().sent && said.front().message.payload.size() == payload.size());
    said_bytes -= said.front().cost();
    said.pop_front();
}

void Sync::Impl::fill() {
    if (!complete || transitional) return;
    for (auto& [id, channel] : channels) fill(channel);
}

void Sync::Impl::fill(Channel& channel) {
    if (channel.phase != Channel::Phase::current) return;
    send_chunks(channel);
    const auto has_room = [&] {
        if (channel.said_bytes >= config.window) return false;
        return !channel.transfer ||
               channel.transfer->said + channel.said_bytes < config.lead + channel.transfer->received;
    };
    // What the former view did not order comes first.
    for (Channel::Said& said : channel.said) {
        if (said.sent) continue;
        if (!has_room()) return;
        say(channel, said);
    }
    while (has_room()) {
        std::optional<Outgoing> next = channel.service->next();
        if (!next) return;
        ASSERT(next->payload.size() <= kMaxServiceMessage);
        channel.said.push_back({*std::move(next)});
        say(channel, channel.said.back());
    }
}

void Sync::Impl::say(Channel& channel, Channel::Said& said) {
    said.sent = true;
    channel.said_bytes += said.cost();
    push(sync::encode(channel.id, sync::Data{said.message.payload}), said.message.guarantee);
}

void Sync::Impl::heard(Channel& channel, const totem::Delivered& event, const sync::Decoded& message) {
    if (channel.phase == Channel::Phase::hellos) return;  // of a former view
    const auto* data = std::get_if<sync::Data>(&message.body);
    if (data != nullptr && is_self(event.sender)) channel.forget_own(data->payload);
    if (data != nullptr && channel.transfer) channel.transfer->said += cost_of(data->payload.size());
    if (const auto* chunk = std::get_if<sync::Chunk>(&message.body))
        return take_chunk(channel, event.sender, *chunk);
    const Ordered from{event.sender, {event.ring, event.seq}, event.transitional, {}};
    switch (channel.phase) {
        case Channel::Phase::current:
            return apply(channel, from, message);
        case Channel::Phase::needy:
            channel.kept_bytes += event.payload.size();
            channel.kept.push_back({from.sender, from.place, from.transitional, event.payload});
            return;
        case Channel::Phase::failed:
        case Channel::Phase::diverged:
            // Others wait for our word.
            if (std::holds_alternative<sync::Mark>(message.body))
                send(channel, sync::Report{event.seq, std::nullopt});
            return;
        case Channel::Phase::hellos:
            return;
    }
}

void Sync::Impl::apply(Channel& channel, const Ordered& from, const sync::Decoded& message) {
    if (const auto* data = std::get_if<sync::Data>(&message.body)) {
        channel.service->deliver({from.sender, from.place, from.transitional, data->payload});
        ++channel.since_mark;
        const bool responsible = is_self(channel.synced.standings.begin()->first);
        if (responsible && config.check_every > 0 && channel.since_mark >= config.check_every &&
            !channel.transfer)
            request_mark(channel);
    } else if (std::holds_alternative<sync::Mark>(message.body)) {
        take_mark(channel, from);
    } else if (const auto* report = std::get_if<sync::Report>(&message.body)) {
        take_report(channel, from, *report);
    }
}

}  // namespace membership
