// Any bodies, cut out of the input: the decoder gives well-formed messages, the store puts pieces together
// within its bounds, and the monitor lives with whatever a peer says.
#include <variant>

#include "totem/base/check.hpp"
#include "totem/monitor/monitor.hpp"
#include "totem/monitor/pieces.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr base::NodeId kPeer{2};
    base::ByteReader in({data, size});
    totem::PieceStore store;
    base::Instant now{1'000'000'000};
    totem::MonitorConfig config;
    config.peers = {kPeer};
    config.links = {{0, 1}, {1, 1, "239.0.0.1"}};
    totem::Monitor monitor(config, now);
    for (std::size_t link = 0; link < 2; ++link) monitor.link_opened(now, link, 1472, 28);
    while (in.left() > 3) {
        // How long since the last one, by which link, of which process; then the body.
        now = now + base::microseconds(in.u8() * 1000);
        const std::uint8_t by = in.u8();
        const base::Incarnation incarnation{1 + std::uint64_t{by} / 200};
        const base::ByteView body = in.raw(std::min<std::size_t>(in.u8(), in.left()));
        const auto message = totem::decode_link_message(body);
        if (message && !std::holds_alternative<totem::Piece>(*message)) {
            const auto again = totem::decode_link_message(totem::encode(*message));
            ASSERT(again && again->index() == message->index());
            if (const auto* beat = std::get_if<totem::Heartbeat>(&*message))
                ASSERT(*beat == std::get<totem::Heartbeat>(*again));
        } else if (message) {
            const auto whole = store.add(now, kPeer, incarnation, std::get<totem::Piece>(*message));
            ASSERT(!whole || whole->size() <= size);
            ASSERT(store.held_bytes() <= totem::PieceStore::kMaxBytes);
        }
        static_cast<void>(monitor.receive(now, kPeer, incarnation, by % 2, body));
        if (monitor.next_deadline() <= now) monitor.advance(now);
        for (const totem::LinkFrame& frame : monitor.drain().frames)
            ASSERT(totem::decode_link_message(frame.body));
        ASSERT(monitor.next_deadline() > now);
    }
    return 0;
}
