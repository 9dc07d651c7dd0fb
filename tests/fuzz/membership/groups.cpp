// Any messages and tables of peers, cut out of the input, between requests of clients: the decoders give what
// encodes to the same bytes, and Groups keeps its invariants, whatever members say.
#include "membership/groups/groups.hpp"
#include "membership/groups/message.hpp"

namespace {

void check_codecs(base::ByteView bytes, const totem::Member& peer) {
    namespace groups = membership::groups;
    const auto is_same = [&](const base::Bytes& again) {
        return std::equal(again.begin(), again.end(), bytes.begin(), bytes.end());
    };
    if (const auto message = groups::decode(bytes)) ASSERT(is_same(groups::encode(*message)));
    if (const auto table = groups::decode_table(bytes, peer))
        ASSERT(is_same(groups::encode_table(*table, peer)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    base::ByteReader in({data, size});
    const totem::Member self{{1}, {10}}, peer{{2}, {20}};
    base::SilentTracer tracer;
    membership::GroupsConfig config;
    config.self = self;
    config.keep_messages = 30;
    membership::Groups groups(config, tracer);
    membership::SyncedView view;
    view.view.members = {self, peer};
    std::uint64_t seq = 0;
    const auto place = [&] { return membership::Place{{view.view.ring.seq, {1}, 7}, {++seq}}; };
    membership::ClientId last = 0;
    while (in.left() > 0) {
        const std::uint8_t what = in.u8();
        const membership::ClientId client = 1 + in.u8() % 4;
        const std::string group(1, static_cast<char>('a' + what % 3));
        base::ByteView bytes;
        if (what >= 128) bytes = in.raw(std::min<std::size_t>(in.u8(), in.left()));
        if (what < 20 && last < 4) {
            ASSERT(groups.connect(++last, 1, 0, what % 2 == 0));
        } else if (what < 40) {
            static_cast<void>(groups.join(client, group));
        } else if (what < 50) {
            static_cast<void>(groups.leave(client, group));
        } else if (what < 70) {
            static_cast<void>(groups.multicast(client, group, base::ByteView(data, size)));
        } else if (what < 80) {
            groups.disconnect(client, what % 2 == 0);
        } else if (what < 128) {
            if (const auto own = groups.next()) groups.deliver({self, place(), what % 2 == 0, own->payload});
        } else if (what < 200) {
            check_codecs(bytes, peer);
            groups.deliver({peer, place(), false, bytes});
        } else {
            check_codecs(bytes, peer);
            ++view.view.ring.seq;
            view.place = place();
            view.standings = {{self, groups.standing()}, {peer, {{bytes.begin(), bytes.end()}, {}}}};
            view.together = {self};
            if (what % 2 == 0) view.together.push_back(peer);
            groups.synchronised(view);
        }
        groups.check_invariants();
        static_cast<void>(groups.drain());
    }
    return 0;
}
