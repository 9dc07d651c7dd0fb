#include "totem/seal/detail/header.hpp"

#include <array>

namespace totem::detail {
namespace {

constexpr std::array<std::uint8_t, 3> kMagic{'C', 'S', 'T'};

bool starts_with_magic(base::ByteView frame) {
    return frame[0] == kMagic[0] && frame[1] == kMagic[1] && frame[2] == kMagic[2] &&
           frame[3] == Header::kVersion;
}

// corosync 3, transports udp and udpu: 16-bit magic 0xC070 in the sender's byte order, version 3, then a
// message type of 0 to 5; the header has 13 bytes.
bool is_totem(base::ByteView f) {
    const bool magic = f.size() >= 13 && ((f[0] == 0x70 && f[1] == 0xC0) || (f[0] == 0xC0 && f[1] == 0x70));
    return magic && f[2] == 0x03 && f[3] <= 5;
}

// corosync 3, transport knet without encryption: version 1, packet type, node id, highest known version, a
// zero byte. With encryption knet's frames cannot be told from noise.
bool is_knet(base::ByteView f) {
    if (f.size() < 8 || f[0] != 0x01 || f[5] != 0) return false;
    return f[1] <= 0x01 || (f[1] >= 0x81 && f[1] <= 0x84);
}

}  // namespace

void write_header(const Header& header, base::Bytes& out) {
    base::ByteWriter w(out);
    w.raw(kMagic);
    w.u8(Header::kVersion);
    w.u8(header.stream);
    w.u8(header.key_id);
    w.u16(header.length);
    w.u64(header.cluster);
    w.u32(header.sender);
    w.u32(header.epoch);
    w.u64(header.incarnation);
    w.u64(header.salt);
    w.u64(header.counter);
}

std::variant<Header, Rejected> read_header(base::ByteView frame) {
    if (is_totem(frame) || is_knet(frame)) return Rejected::corosync;
    if (frame.size() < Sealer::kOverhead || !starts_with_magic(frame)) return Rejected::not_ours;
    base::ByteReader r(frame.subspan(kMagic.size() + 1));
    Header header;
    header.stream = r.u8();
    header.key_id = r.u8();
    header.length = r.u16();
    header.cluster = r.u64();
    header.sender = r.u32();
    header.epoch = r.u32();
    header.incarnation = r.u64();
    header.salt = r.u64();
    header.counter = r.u64();
    // A stream that we do not know comes from a newer version.
    if (header.stream > Header::kLastStream) return Rejected::not_ours;
    if (frame.size() != header.length + Sealer::kOverhead) return Rejected::tag;
    return header;
}

}  // namespace totem::detail
