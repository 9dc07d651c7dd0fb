// Sync's inside, shared by its files: what is known of one service (Channel), and of all. sync.cpp: views and
// hellos; channel.cpp: what a service says and hears; transfer.cpp: snapshots; digests.cpp: comparing states.
#pragma once

#include <deque>
#include <map>

#include "membership/sync/message.hpp"
#include "membership/sync/sync.hpp"

namespace membership {

struct Channel {
    using Phase = ServiceStatus::Phase;

    ServiceId id{0};
    Service* service{nullptr};
    Phase phase{Phase::hellos};
    // At the end of the last ring whose hellos were complete.
    bool current_before{false}, diverged_before{false};

    // --- what it says
    struct Said {
        Outgoing message;
        bool sent{false};  // in this view
        [[nodiscard]] std::size_t cost() const;
    };
    std::deque<Said> said;      // and not yet delivered; those that were sent come first
    std::size_t said_bytes{0};  // of those that were sent
    void forget_own(base::ByteView payload);

    // --- the state that is on its way to somebody, as far as all members know it
    struct Transfer {
        totem::Member authority;
        std::vector<totem::Member> needy;
        std::optional<std::uint64_t> total;
        std::uint64_t received{0};
        std::uint64_t said{0};  // cost of messages ordered meanwhile
    };
    std::optional<Transfer> transfer;
    std::unique_ptr<Snapshot> snapshot;  // at the authority, until its last chunk was sent
    std::uint64_t offset{0};             // of the next chunk
    std::size_t chunks_in_flight{0};

    // --- at a needy member
    struct Kept {
        totem::Member sender;
        Place place;
        bool transitional{false};
        base::Bytes bytes;
    };
    base::Bytes collected;
    std::deque<Kept> kept;
    std::size_t kept_bytes{0};

    // --- of the view
    SyncedView synced;
    std::uint64_t since_mark{0};
    bool mark_sent{false};
    std::optional<base::Seq> mark;  // the last one
    std::map<totem::Member, std::optional<Digest>> reports;

    // Whatever belongs to a view, except what is still to be said.
    void end_view();
};

struct Sync::Impl {
    Impl(const SyncConfig& given, base::Tracer& trace) : config(given), tracer(trace) {}

    const SyncConfig config;
    base::Tracer& tracer;
    std::map<ServiceId, Channel> channels;
    std::deque<SyncMessage> out;
    std::vector<SyncEffect> effects;
    SyncStatus counters;

    totem::View view;  // no members before the first one
    std::string cause;
    std::uint32_t features{0};
    bool transitional{false};
    bool complete{false};  // all have said hello
    std::map<totem::Member, sync::Hello> hellos;
    sync::Lineage lineage;
    std::vector<totem::Member> companions;  // of the last transitional view

    // sync.cpp
    void push(base::Bytes bytes, totem::Guarantee guarantee = totem::Guarantee::agreed);
    void start_view(const totem::Regular& event);
    void delivered(const totem::Delivered& event);
    void take_hello(const totem::Delivered& event, sync::Hello hello);
    void synchronise(const Place& place);
    [[nodiscard]] std::vector<totem::Member> together() const;
    [[nodiscard]] bool is_member(const totem::Member& who) const;
    [[nodiscard]] bool is_self(const totem::Member& who) const { return who == config.self; }

    // channel.cpp
    void fill();
    void fill(Channel& channel);
    void say(Channel& channel, Channel::Said& said);
    void heard(Channel& channel, const totem::Delivered& event, const sync::Decoded& message);
    void apply(Channel& channel, const Ordered& from, const sync::Decoded& message);
    template <typename Body>
    void send(const Channel& channel, const Body& body) {
        push(sync::encode(channel.id, body));
    }

    // transfer.cpp
    void begin(Channel& channel, const Place& place);
    void send_chunks(Channel& channel);
    void take_chunk(Channel& channel, const totem::Member& sender, const sync::Chunk& chunk);
    void install(Channel& channel, const totem::Member& authority);
    void fail(Channel& channel, base::Error why);

    // digests.cpp
    [[nodiscard]] std::vector<totem::Member> odd_at_hello(const Channel& channel) const;
    void request_mark(Channel& channel);
    void take_mark(Channel& channel, const Ordered& from);
    void take_report(Channel& channel, const Ordered& from, const sync::Report& report);
    void diverged(Channel& channel, const Place& place, const std::vector<totem::Member>& who);

    void ignore(const totem::Member& sender, const std::string& what);
    void note(base::Level level, const std::string& text) { tracer.note(level, text); }
};

// Those whose digest is not that of most: of equally many, not that of the lowest node.
[[nodiscard]] std::vector<totem::Member> odd_ones(
    const std::vector<std::pair<totem::Member, Digest>>& digests);

}  // namespace membership
