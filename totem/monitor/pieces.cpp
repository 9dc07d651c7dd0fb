#include "totem/monitor/pieces.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "totem/base/check.hpp"

namespace totem {

std::vector<base::Bytes> cut(base::ByteView body, std::uint32_t id, std::size_t size) {
    ASSERT(size > kPieceHeader);
    const std::size_t part = size - kPieceHeader;
    const std::size_t count = (body.size() + part - 1) / part;
    ASSERT(count >= 2 && count <= kMaxPieces);
    std::vector<base::Bytes> out;
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t at = i * part;
        Piece piece{id, static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(count), {}};
        piece.bytes = body.subspan(at, std::min(part, body.size() - at));
        out.push_back(encode(piece));
    }
    return out;
}

void PieceStore::drop_oldest(Sender& sender) {
    sender.bytes -= sender.open.front().bytes;
    sender.open.pop_front();
    ++given_up_;
}

std::optional<base::Bytes> PieceStore::add(base::Instant now, base::NodeId node,
                                           base::Incarnation incarnation, const Piece& piece) {
    Sender& sender = senders_[node];
    if (sender.incarnation != incarnation) sender = {incarnation, {}, 0};
    while (!sender.open.empty() && now - sender.open.front().since > kPatience) drop_oldest(sender);
    auto at = std::find_if(sender.open.begin(), sender.open.end(),
                           [&](const Open& open) { return open.id == piece.id; });
    if (at == sender.open.end()) {
        sender.open.push_back({piece.id, now, 0, piece.count, std::vector<base::Bytes>(piece.count)});
        at = std::prev(sender.open.end());
    }
    if (at->parts.size() != piece.count || !at->parts[piece.index].empty()) return std::nullopt;
    at->parts[piece.index].assign(piece.bytes.begin(), piece.bytes.end());
    at->bytes += piece.bytes.size();
    sender.bytes += piece.bytes.size();
    if (--at->missing == 0) {
        base::Bytes whole;
        whole.reserve(at->bytes);
        for (const base::Bytes& part : at->parts) whole.insert(whole.end(), part.begin(), part.end());
        sender.bytes -= at->bytes;
        sender.open.erase(at);
        return whole;
    }
    while (sender.open.size() > kMaxOpen || sender.bytes > kMaxBytes) drop_oldest(sender);
    return std::nullopt;
}

std::size_t PieceStore::held_bytes() const {
    return std::accumulate(senders_.begin(), senders_.end(), std::size_t{0},
                           [](std::size_t sum, const auto& item) { return sum + item.second.bytes; });
}

}  // namespace totem
