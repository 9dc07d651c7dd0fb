#include "tests/sim/stack/core.hpp"

#include <algorithm>
#include <utility>

#include "tests/sim/stack/header.hpp"

namespace stack_sim {
namespace {

totem::Sealer::Random source(const std::shared_ptr<base::Rng>& rng) {
    return [rng](std::span<std::uint8_t> out) {
        for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(rng->next() >> 32);
    };
}

bool same(const totem::Event& a, const totem::Event& b) {
    if (a.index() != b.index()) return false;
    if (const auto* one = std::get_if<totem::Delivered>(&a)) {
        const auto& other = *std::get_if<totem::Delivered>(&b);
        return one->ring == other.ring && one->seq == other.seq && one->sender == other.sender &&
               one->payload == other.payload && one->transitional == other.transitional;
    }
    if (const auto* one = std::get_if<totem::Transitional>(&a))
        return one->view == std::get_if<totem::Transitional>(&b)->view;
    return std::get_if<totem::Regular>(&a)->view == std::get_if<totem::Regular>(&b)->view;
}

std::vector<const Sent*> of_the_ring(const Output& output) {
    std::vector<const Sent*> out;
    for (const Sent& sent : output.frames) {
        if (Header(*sent.bytes).stream == 0) out.push_back(&sent);
    }
    return out;
}

bool same(const Sent& a, const Sent& b) {
    const Header one(*a.bytes), other(*b.bytes);
    return a.link == b.link && a.to == b.to && a.whole == b.whole && a.bytes->size() == b.bytes->size() &&
           one.epoch == other.epoch && one.counter == other.counter;
}

}  // namespace

Core::Core(const Birth& birth, base::Tracer& tracer)
    : random_(std::make_shared<base::Rng>(birth.seed)),
      links_(birth.config.links.size()),
      stack_(birth.config, birth.keys, birth.ring_seq, base::Rng(birth.seed ^ 0x72696e67), source(random_),
             tracer, birth.now) {}

Output Core::apply(const Input& input, bool with_junk) {
    Output out;
    switch (input.kind) {
        case Input::Kind::start:
            stack_.start(input.now);
            break;
        case Input::Kind::opened:
            stack_.link_opened(input.now, input.link, input.mtu, kHeaders);
            break;
        case Input::Kind::closed:
            stack_.link_closed(input.now, input.link);
            break;
        case Input::Kind::receive: {
            std::vector<base::Received> batch;
            for (const Arrival& arrival : input.batch) {
                if (with_junk || !arrival.junk) batch.push_back({arrival.source, *arrival.bytes});
            }
            stack_.receive(input.now, input.link, batch);
            break;
        }
        case Input::Kind::refused:
            stack_.refused(input.now, input.peer);
            break;
        case Input::Kind::advance:
            stack_.advance(input.now);
            break;
        case Input::Kind::submit:
            out.submitted = stack_.submit(input.now, input.payload, input.guarantee);
            break;
        case Input::Kind::persisted:
            stack_.epoch_persisted(input.now, input.ring_seq);
            break;
        case Input::Kind::jumped:
            stack_.clock_jumped();
            stack_.advance(input.now);
            break;
        case Input::Kind::keys:
            stack_.change_keys(*input.keys);
            break;
        case Input::Kind::leave:
            stack_.leave(input.now);
            break;
        case Input::Kind::reseed:
            reseed(input.seed);
            break;
    }
    out.out = stack_.drain();
    const std::uint8_t* last = nullptr;  // copies of one frame follow each other
    Frame bytes;
    for (std::size_t link = 0; link < links_; ++link) {
        for (const base::Outgoing& frame : stack_.outgoing(link)) {
            if (frame.frame.data() != last)
                bytes = std::make_shared<base::Bytes>(frame.frame.begin(), frame.frame.end());
            last = frame.frame.data();
            out.frames.push_back({link, frame.to, bytes, frame.whole});
        }
    }
    out.deadline = stack_.next_deadline();
    return out;
}

std::string difference(const Output& one, const Output& other) {
    const auto differ = [](const auto& a, const auto& b) {
        return !std::equal(a.begin(), a.end(), b.begin(), b.end(),
                           [](const auto& x, const auto& y) { return same(x, y); });
    };
    if (differ(one.out.events, other.out.events)) return "events";
    if (one.out.persist_ring_seq != other.out.persist_ring_seq) return "reserved ring sequences";
    if (one.out.persist_incarnation != other.out.persist_incarnation) return "what it knows of its own start";
    if (one.out.from_the_past != other.out.from_the_past) return "what it knows of its own memory";
    const auto mine = of_the_ring(one), its = of_the_ring(other);
    if (!std::equal(mine.begin(), mine.end(), its.begin(), its.end(),
                    [](const Sent* x, const Sent* y) { return same(*x, *y); })) {
        return "what it sends: " + std::to_string(mine.size()) + " and " + std::to_string(its.size()) +
               " frames";
    }
    if (one.deadline != other.deadline) return "when it wants to be called";
    return {};
}

}  // namespace stack_sim
