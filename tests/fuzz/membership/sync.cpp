// Any messages of peers, cut out of the input, between views: the decoder gives what encodes to the same
// bytes, and Sync keeps its invariants, whatever members say.
#include "membership/sync/sync.hpp"
#include "membership/sync/message.hpp"

namespace {

using membership::sync::Decoded;

base::Bytes again(const Decoded& message) {
    namespace sync = membership::sync;
    return std::visit(
        [&](const auto& body) {
            if constexpr (std::is_same_v<std::decay_t<decltype(body)>, sync::Hello>)
                return sync::encode(body);
            else
                return sync::encode(message.service, body);
        },
        message.body);
}

// Appends what it is told; whose state is longest counts.
class Text final : public membership::Service {
  public:
    [[nodiscard]] membership::Standing standing() const override { return {state_, digest()}; }
    [[nodiscard]] membership::Digest digest() const override { return membership::digest_of(state_); }
    [[nodiscard]] std::optional<totem::Member> authority(const membership::Standings& all) const override {
        auto best = all.begin();
        for (auto at = all.begin(); at != all.end(); ++at) {
            if (at->second.payload.size() > best->second.payload.size()) best = at;
        }
        return best->first;
    }
    [[nodiscard]] std::unique_ptr<membership::Snapshot> snapshot() const override {
        return std::make_unique<membership::BytesSnapshot>(state_);
    }
    [[nodiscard]] base::Status install(base::ByteView snapshot) override {
        state_.assign(snapshot.begin(), snapshot.end());
        return base::ok();
    }
    void synchronised(const membership::SyncedView& view) override {
        ASSERT(!view.standings.empty() && !view.together.empty());
    }
    void deliver(const membership::Ordered& message) override {
        if (state_.size() < 1000) state_.insert(state_.end(), message.payload.begin(), message.payload.end());
    }
    [[nodiscard]] std::optional<membership::Outgoing> next() override {
        if (to_say == 0) return std::nullopt;
        --to_say;
        return membership::Outgoing{{1, 2, 3}};
    }
    unsigned to_say{0};

  private:
    base::Bytes state_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    base::ByteReader in({data, size});
    const std::vector<totem::Member> members = {{{1}, {10}}, {{2}, {20}}, {{3}, {30}}};
    base::SilentTracer tracer;
    membership::SyncConfig config;
    config.self = members[0];
    config.chunk = 16;
    config.lead = 100;
    config.check_every = 3;
    membership::Sync sync(config, tracer);
    Text service;
    sync.add(1, service);
    totem::View view{{1, {1}, 7}, members};
    std::uint64_t seq = 0;
    bool transitional = false;
    const auto deliver = [&](const totem::Member& sender, base::ByteView payload) {
        sync.ring_event(
            totem::Delivered{view.ring, {++seq}, sender, {payload.begin(), payload.end()}, transitional});
    };
    sync.ring_event(totem::Regular{view, "first", 0});
    while (in.left() > 0) {
        const std::uint8_t what = in.u8();
        if (what < 8) {
            if (!transitional) sync.ring_event(totem::Transitional{{view.ring, {members[0]}}});
            transitional = false;
            ++view.ring.seq;
            sync.ring_event(totem::Regular{view, "again", 0});
        } else if (what < 12) {
            if (!transitional) sync.ring_event(totem::Transitional{{view.ring, {members[0], members[1]}}});
            transitional = true;
        } else if (what < 90) {
            service.to_say += what % 3;
            sync.pump();
            if (const auto own = sync.next()) {
                deliver(members[0], own->payload);
                if (what % 4 == 0 && own->payload[0] == 0) {  // the peers say the same hello
                    deliver(members[1], own->payload);
                    deliver(members[2], own->payload);
                }
            }
        } else {
            const base::ByteView bytes = in.raw(std::min<std::size_t>(in.u8(), in.left()));
            if (const auto message = membership::sync::decode(bytes)) {
                const base::Bytes same = again(*message);
                ASSERT(std::equal(same.begin(), same.end(), bytes.begin(), bytes.end()));
            }
            deliver(members[1 + what % 2], bytes);
        }
        sync.check_invariants();
        static_cast<void>(sync.drain());
    }
    return 0;
}
