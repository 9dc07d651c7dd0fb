// Messages <-> payloads. The first byte says how: even, the rest is payloads as an evil sender would make
// them, which the reassembler must take as a second, simple implementation takes them; odd, it is the sizes
// of messages that are packed, begun again now and then, and must come out whole, in order and once.
#include <deque>
#include <optional>
#include <vector>

#include "totem/base/check.hpp"
#include "totem/wire/packing.hpp"

namespace {

constexpr std::size_t kMax = 1000;
using Messages = std::vector<base::Bytes>;

// Written from the layout in packing.hpp alone.
class Simple {
  public:
    bool add(base::ByteView p, Messages& out) {
        std::size_t at = 0;
        while (at < p.size()) {
            if (p.size() - at < 3) return broken();
            const unsigned flags = p[at];
            const std::size_t length = p[at + 1] + 256U * p[at + 2];
            at += 3;
            std::size_t total = length;
            if (flags == 1) {
                if (p.size() - at < 4) return broken();
                total = p[at] + (std::size_t{p[at + 1]} << 8U) + (std::size_t{p[at + 2]} << 16U) +
                        (std::size_t{p[at + 3]} << 24U);
                at += 4;
            }
            if (flags > 3 || p.size() - at < length) return broken();
            const bool first = flags % 2 == 1;
            if (first ? (message_.has_value() || total > kMax) : !message_.has_value()) return broken();
            if (first) {
                message_ = base::Bytes{};
                total_ = total;
            }
            for (const std::size_t end = at + length; at < end; ++at) message_->push_back(p[at]);
            if (message_->size() > total_) return broken();
            if (flags < 2) continue;
            if (message_->size() != total_) return broken();
            out.push_back(*message_);
            message_.reset();
        }
        return true;
    }
    [[nodiscard]] std::size_t held() const { return message_ ? message_->size() : 0; }

  private:
    bool broken() {
        message_.reset();
        return false;
    }
    std::optional<base::Bytes> message_;
    std::size_t total_{0};
};

void compare(base::ByteView in) {
    totem::wire::Reassembler reassembler;
    Simple simple;
    while (!in.empty()) {
        const std::size_t size = std::min<std::size_t>(in[0], in.size() - 1);
        const base::ByteView payload = in.subspan(1, size);
        in = in.subspan(1 + size);
        Messages expected;
        Messages got;
        const bool good = simple.add(payload, expected);
        ASSERT(good == reassembler.add(payload, kMax, [&](std::size_t index, base::Bytes message) {
            ASSERT(index == got.size());
            got.push_back(std::move(message));
        }));
        ASSERT(got == expected);
        ASSERT(reassembler.held_bytes() == simple.held() && reassembler.held_bytes() <= kMax);
    }
}

void round_trip(base::ByteView in) {
    if (in.empty()) return;
    struct Queued {
        base::Bytes message;
        totem::Guarantee guarantee;
    };
    std::size_t payload_size = 16U + in[0];
    totem::wire::Packer packer(payload_size);
    totem::wire::Reassembler reassembler;
    std::deque<Queued> queued;
    std::size_t bytes = 0;
    std::uint8_t fill = 0;
    const auto send = [&] {
        const auto packed = packer.next();
        ASSERT(!packed.payload.empty() && packed.payload.size() <= payload_size);
        ASSERT(reassembler.add(packed.payload, kMax, [&](std::size_t, const base::Bytes& message) {
            ASSERT(!queued.empty() && queued.front().message == message);
            ASSERT(queued.front().guarantee == packed.guarantee);
            bytes -= message.size();
            queued.pop_front();
        }));
    };
    for (const std::uint8_t step : in.subspan(1)) {
        if (step == 255) {  // the ring has changed: both sides forget the part
            packer.restart_partial();
            reassembler = {};
        } else if (step >= 250) {  // other paths: the parts of a message are of different sizes
            payload_size = 16U + 40U * (step - 250U);
            packer.set_payload_size(payload_size);
        } else if (step >= 200) {
            if (!packer.empty()) send();
        } else {
            const auto guarantee = step % 2 == 0 ? totem::Guarantee::agreed : totem::Guarantee::safe;
            queued.push_back({base::Bytes(std::size_t{5} * step, ++fill), guarantee});
            bytes += queued.back().message.size();
            packer.push(queued.back().message, guarantee);
        }
        ASSERT(packer.queued_bytes() == bytes);
    }
    while (!packer.empty()) send();
    ASSERT(queued.empty() && reassembler.held_bytes() == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const base::ByteView rest(data + 1, size - 1);
    if (data[0] % 2 == 0) {
        compare(rest);
    } else {
        round_trip(rest);
    }
    return 0;
}
