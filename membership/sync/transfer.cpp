// A state on its way from the member whose state counts to those that have another one.
#include <algorithm>
#include <utility>

#include "membership/sync/channel.hpp"

namespace membership {

namespace {

// Bytes that are set aside for a state because it was announced; beyond, room is made as it comes.
constexpr std::size_t kReserve = 4u << 20;

bool contains(const std::vector<totem::Member>& members, const totem::Member& who) {
    return std::find(members.begin(), members.end(), who) != members.end();
}

std::string names(const std::vector<totem::Member>& members) {
    base::NodeSet nodes;
    for (const totem::Member& m : members) nodes.insert(m.node);
    return base::to_string(nodes);
}

}  // namespace

// At the place of the last hello.
void Sync::Impl::begin(Channel& channel, const Place& place) {
    const std::vector<totem::Member> odd = odd_at_hello(channel);
    std::vector<totem::Member> excluded = odd;
    for (const auto& [member, hello] : hellos) {
        for (const sync::Hello::Entry& entry : hello.services) {
            if (entry.service == channel.id && entry.diverged) excluded.push_back(member);
        }
    }
    Standings candidates = channel.synced.standings;
    std::erase_if(candidates, [&](const auto& s) { return contains(excluded, s.first); });
    if (candidates.empty()) {  // nobody is left to say who is right
        candidates = channel.synced.standings;
        excluded.clear();
    }
    const std::optional<totem::Member> authority = channel.service->authority(candidates);
    std::vector<totem::Member> needy;
    if (authority) {
        ASSERT(candidates.count(*authority) != 0);
        const Digest& right = candidates.at(*authority).digest;
        for (const auto& [member, standing] : channel.synced.standings) {
            if (standing.digest != right || contains(excluded, member)) needy.push_back(member);
        }
    }
    const bool is_excluded = contains(excluded, config.self);
    channel.diverged_before = is_excluded;
    channel.phase = !authority && is_excluded      ? Channel::Phase::diverged
                    : contains(needy, config.self) ? Channel::Phase::needy
                                                   : Channel::Phase::current;
    if (!odd.empty()) diverged(channel, place, odd);
    if (!needy.empty()) {
        note(base::Level::info, "state of service " + std::to_string(channel.id) + ": node " +
                                    base::to_string(authority->node) + " sends it to " + names(needy));
        if (is_self(*authority)) channel.snapshot = channel.service->snapshot();
        channel.transfer = Channel::Transfer{*authority, std::move(needy), {}};
    }
    if (channel.phase == Channel::Phase::current) channel.service->synchronised(channel.synced);
}

void Sync::Impl::send_chunks(Channel& channel) {
    while (channel.snapshot && channel.chunks_in_flight < config.chunks_in_flight) {
        const std::size_t total = channel.snapshot->size();
        // Too large: that is said, too, so that nobody waits.
        const std::size_t end =
            total > kMaxSnapshot ? 0 : std::min<std::size_t>(total, channel.offset + config.chunk);
        const base::Bytes bytes = channel.snapshot->read(channel.offset, end - channel.offset);
        send(channel, sync::Chunk{total, channel.offset, bytes});
        channel.offset = end;
        ++channel.chunks_in_flight;
        if (end == total || total > kMaxSnapshot) channel.snapshot.reset();
    }
}

void Sync::Impl::take_chunk(Channel& channel, const totem::Member& sender, const sync::Chunk& chunk) {
    const bool expected = channel.transfer && sender == channel.transfer->authority &&
                          chunk.offset == channel.transfer->received &&
                          channel.transfer->total.value_or(chunk.total) == chunk.total;
    if (!expected) return ignore(sender, "a piece of a state");
    Channel::Transfer& transfer = *channel.transfer;
    if (is_self(sender)) --channel.chunks_in_flight;
    transfer.total = chunk.total;
    transfer.received += chunk.bytes.size();
    const bool needy = channel.phase == Channel::Phase::needy;
    if (chunk.total > kMaxSnapshot) {
        if (needy) {
            fail(channel,
                 {base::Errc::invalid, "a state of " + std::to_string(chunk.total) + " bytes is too large"});
        }
    } else if (needy) {
        if (channel.collected.empty())
            channel.collected.reserve(std::min<std::size_t>(chunk.total, kReserve));
        channel.collected.insert(channel.collected.end(), chunk.bytes.begin(), chunk.bytes.end());
    }
    if (transfer.received < chunk.total && chunk.total <= kMaxSnapshot) return;
    // The newcomers have one state with the others from here on; nobody needs an answer.
    const totem::Member authority = transfer.authority;
    channel.transfer.reset();
    if (channel.phase == Channel::Phase::needy) install(channel, authority);
}

void Sync::Impl::install(Channel& channel, const totem::Member& authority) {
    const base::Bytes state = std::exchange(channel.collected, {});
    if (base::Status installed = channel.service->install(state); !installed)
        return fail(channel, installed.error());
    if (channel.service->digest() != channel.synced.standings.at(authority).digest)
        return fail(channel, {base::Errc::internal, "the state is not the one that was sent"});
    channel.phase = Channel::Phase::current;
    channel.diverged_before = false;
    note(base::Level::info, "state of service " + std::to_string(channel.id) +
                                " installed: " + std::to_string(state.size()) + " bytes, then " +
                                std::to_string(channel.kept.size()) + " messages");
    channel.service->synchronised(channel.synced);
    const std::deque<Channel::Kept> kept = std::exchange(channel.kept, {});
    channel.kept_bytes = 0;
    for (const Channel::Kept& k : kept) {
        const std::optional<sync::Decoded> message = sync::decode(k.bytes);
        ASSERT(message);
        if (channel.phase == Channel::Phase::current)
            apply(channel, {k.sender, k.place, k.transitional, {}}, *message);
    }
}

void Sync::Impl::fail(Channel& channel, base::Error why) {
    note(base::Level::warning,
         "the state of service " + std::to_string(channel.id) + " can't be taken over: " + why.message);
    channel.phase = Channel::Phase::failed;
    channel.collected = {};
    channel.kept.clear();
    channel.kept_bytes = 0;
    effects.emplace_back(NotInstalled{channel.id, std::move(why)});
}

}  // namespace membership
