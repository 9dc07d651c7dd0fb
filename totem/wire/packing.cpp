#include "totem/wire/packing.hpp"

#include <algorithm>
#include <utility>

#include "totem/base/check.hpp"

namespace totem::wire {

namespace {

constexpr std::uint8_t kFirst = 1;
constexpr std::uint8_t kLast = 2;
constexpr std::size_t kChunkHeader = 3;
constexpr std::size_t kTotalField = 4;
constexpr std::size_t kMinTail =
    64;  // a fragment smaller than this is not worth starting at the end of a payload

}  // namespace

Packer::Packer(std::size_t payload_size) {
    set_payload_size(payload_size);
}

void Packer::set_payload_size(std::size_t payload_size) {
    ASSERT(payload_size >= 16 && payload_size <= 65'535);
    payload_size_ = payload_size;
}

void Packer::push(base::Bytes message, Guarantee guarantee) {
    queued_bytes_ += message.size();
    queue_.push_back({std::move(message), guarantee});
}

std::size_t Packer::backlog() const {
    const std::size_t bytes = queued_bytes_ - offset_ + queue_.size() * kChunkHeader;
    return queue_.empty() ? 0 : (bytes + payload_size_ - 1) / payload_size_;
}

std::size_t Packer::next_size() const {
    ASSERT(!queue_.empty());
    const std::size_t all = queued_bytes_ - offset_ + queue_.size() * kChunkHeader + kTotalField;
    return std::min(all, payload_size_);
}

Packer::Packed Packer::next() {
    ASSERT(!queue_.empty());
    Packed packed;
    packed.guarantee = queue_.front().guarantee;
    base::Bytes& payload = packed.payload;
    payload.reserve(payload_size_);
    base::ByteWriter out(payload);
    while (!queue_.empty() && queue_.front().guarantee == packed.guarantee) {
        const base::Bytes& message = queue_.front().message;
        const std::size_t room = payload_size_ - payload.size();
        const std::size_t left = message.size() - offset_;
        const bool first = offset_ == 0;
        if (room >= kChunkHeader + left) {  // the rest, or the whole, fits
            out.u8(static_cast<std::uint8_t>((first ? kFirst : 0) | kLast));
            out.u16(static_cast<std::uint16_t>(left));
            out.raw(base::ByteView(message).subspan(offset_));
            queued_bytes_ -= message.size();
            queue_.pop_front();
            offset_ = 0;
            continue;
        }
        const std::size_t header = kChunkHeader + (first ? kTotalField : 0);
        if (!payload.empty() && room < header + kMinTail) break;
        const std::size_t part = room - header;
        out.u8(first ? kFirst : 0);
        out.u16(static_cast<std::uint16_t>(part));
        if (first) out.u32(static_cast<std::uint32_t>(message.size()));
        out.raw(base::ByteView(message).subspan(offset_, part));
        offset_ += part;
        break;
    }
    return packed;
}

struct Reassembler::Chunk {
    bool first{false}, last{false};
    std::size_t total{0};
    base::ByteView bytes;
};

bool Reassembler::take(const Chunk& chunk, std::size_t max_message) {
    if (chunk.first) {
        if (partial_ || chunk.total > max_message) return false;
        total_ = chunk.total;
        partial_.emplace();
        partial_->reserve(std::min<std::size_t>(total_, 1u << 16));  // grows as bytes really arrive
    }
    if (!partial_ || partial_->size() + chunk.bytes.size() > total_) return false;
    partial_->insert(partial_->end(), chunk.bytes.begin(), chunk.bytes.end());
    return !chunk.last || partial_->size() == total_;
}

bool Reassembler::add(base::ByteView payload, std::size_t max_message,
                      const std::function<void(std::size_t, base::Bytes)>& deliver) {
    base::ByteReader in(payload);
    std::size_t index = 0;
    while (in.left() > 0) {
        Chunk chunk;
        const std::uint8_t flags = in.u8();
        const std::size_t length = in.u16();
        chunk.first = (flags & kFirst) != 0;
        chunk.last = (flags & kLast) != 0;
        chunk.total = chunk.first && !chunk.last ? in.u32() : length;
        chunk.bytes = in.raw(length);
        if (!in.ok() || flags > (kFirst | kLast) || !take(chunk, max_message)) {
            partial_.reset();
            return false;
        }
        if (!chunk.last) continue;
        base::Bytes message = *std::exchange(partial_, std::nullopt);
        deliver(index++, std::move(message));
    }
    return in.ok();
}

}  // namespace totem::wire
