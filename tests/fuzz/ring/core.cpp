// A live ring, node 1 of 3. The input is a script of what its two peers say and when: random messages, what
// node 1 said turned against it, and the proper answers, without which it would never leave gather. The ring
// must keep its invariants and its calm.
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "totem/base/check.hpp"
#include "totem/ring/ring.hpp"
#include "totem/wire/codec.hpp"

namespace {

using base::Incarnation;
using base::NodeId;
using base::Seq;
namespace wire = totem::wire;

class Script {
  public:
    explicit Script(base::ByteView bytes) : in_(bytes) {}
    [[nodiscard]] bool over() const { return in_.left() == 0; }
    std::uint64_t below(std::uint64_t n) { return in_.u8() % n; }
    // Mostly small, now and then anything.
    std::uint64_t number() { return below(8) == 0 ? in_.u64() : below(12); }
    base::ByteView bytes(std::size_t most) { return in_.raw(std::min<std::size_t>(most, in_.left())); }

  private:
    base::ByteReader in_;
};

class Play {
  public:
    explicit Play(base::ByteView bytes) : script_(bytes), ring_(config(), 0, base::Rng(1), tracer_, now_) {
        drain();
    }

    void run() {
        while (!script_.over()) {
            step();
            ring_.check_invariants();
            drain();
            seen().insert(ring_.status().phase);
        }
    }

    // The phases that were reached by any input; told at the end of a run.
    static std::set<std::string>& seen() {
        struct Phases {
            std::set<std::string> names;
            Phases() = default;
            Phases(const Phases&) = delete;
            Phases& operator=(const Phases&) = delete;
            ~Phases() {
                std::string text;
                for (const std::string& name : names) text += " " + name;
                std::fprintf(stderr, "phases reached:%s\n", text.c_str());
            }
        };
        static Phases phases;
        return phases.names;
    }

  private:
    static totem::RingConfig config() {
        totem::RingConfig c;
        c.self = {NodeId{1}, Incarnation{5}};
        c.roster = {NodeId{1}, NodeId{2}, NodeId{3}};
        c.window = 16'000;
        c.max_per_visit = 5000;
        c.max_payload = 4000;
        c.max_queued = 100'000;
        return c;
    }

    void step() {
        now_ = now_ + base::microseconds(static_cast<std::int64_t>(script_.below(50)) * 20);
        switch (script_.below(13)) {
            case 11:
                feel_buffers();
                break;
            case 0:
                now_ = now_ + base::milliseconds(static_cast<std::int64_t>(script_.below(256)) * 5);
                [[fallthrough]];
            case 1:
                ring_.advance(now_);
                break;
            case 2:
                ring_.epoch_persisted(script_.number());
                break;
            case 3:
                if (persist_) ring_.epoch_persisted(*persist_);
                break;
            case 4: {
                const std::size_t size = script_.below(256) * 20;
                const auto result =
                    ring_.submit(now_, base::Bytes(size, 7), static_cast<totem::Guarantee>(size / 20 % 2));
                static_cast<void>(result);
                break;
            }
            case 5:
                say(random_message());
                break;
            case 6:
                echo();
                break;
            case 7:
                ring_.peer_hint(now_, NodeId{static_cast<std::uint32_t>(script_.below(5))},
                                totem::Hint::port_closed);
                break;
            case 8:
                ring_.set_lifelines({NodeId{1 + static_cast<std::uint32_t>(script_.below(4))}});
                break;
            default:
                answer();
                break;
        }
    }

    void feel_buffers() {
        if (script_.below(2) == 0) {
            ring_.overflowed(now_, script_.below(3));
        } else {
            ring_.set_receive_buffer(script_.below(256) * 100);
        }
    }

    void drain() {
        totem::Outbox out = ring_.drain();
        if (out.persist_epoch) persist_ = out.persist_epoch;
        for (const totem::Datagram& d : out.datagrams) {
            const auto message = wire::decode(d.bytes);
            ASSERT(message.has_value());
            said_[message->index()] = *message;
            remember(*message);
        }
    }

    void remember(const wire::Message& message) {
        if (const auto* c = std::get_if<wire::CommitToken>(&message)) rings_.push_back(c->ring);
        if (const auto* b = std::get_if<wire::Beacon>(&message)) rings_.push_back(b->ring);
    }

    totem::Member peer() {
        const auto node = static_cast<std::uint32_t>(2 + script_.below(2));
        return {NodeId{node}, Incarnation{7 + (script_.below(16) == 0 ? 1U : 0U)}};
    }
    void say(const wire::Message& message) { say(peer(), message); }
    void say(const totem::Member& from, const wire::Message& message) {
        const base::Bytes bytes = wire::encode(message);
        ring_.receive(now_, {{from, bytes}});
    }

    base::RingId ring_id() {
        if (!rings_.empty() && script_.below(8) != 0)
            return rings_[rings_.size() - 1 - script_.below(std::min<std::size_t>(rings_.size(), 3))];
        return {script_.number(), NodeId{static_cast<std::uint32_t>(1 + script_.below(3))}, script_.number()};
    }

    wire::Message random_message() {
        const auto node = [&] { return NodeId{static_cast<std::uint32_t>(1 + script_.below(4))}; };
        switch (script_.below(9)) {
            case 0:
                return random_token();
            case 1: {
                wire::Data d{ring_id(), Seq{script_.number()}, node(), totem::Guarantee::agreed, std::nullopt,
                             {}};
                d.guarantee = static_cast<totem::Guarantee>(script_.below(2));
                if (script_.below(2) == 0)
                    d.recovered = wire::Origin{ring_id(), Seq{script_.number()}, node()};
                const base::ByteView payload = script_.bytes(script_.below(60));
                d.payload.assign(payload.begin(), payload.end());
                return d;
            }
            case 2: {
                wire::Join j{script_.number() + serial_,
                             script_.number(),
                             0,
                             wire::Reason::joined,
                             node(),
                             {},
                             {},
                             {}};
                if (script_.below(4) == 0) {
                    j.reason = wire::Reason::failed_to_receive;
                    j.lack = wire::Lack{Seq{script_.number()}, node(), 1000, 16};
                }
                for (std::uint32_t n = 1; n <= 3; ++n) {
                    if (script_.below(4) != 0)
                        j.nodes.push_back(
                            {NodeId{n}, {Incarnation{4 + script_.below(5)}, script_.below(4) == 0}});
                }
                for (std::uint8_t n = 0; n < j.nodes.size(); ++n) {
                    if (script_.below(2) == 0) continue;
                    const std::uint64_t all = (std::uint64_t{1} << j.nodes.size()) - 1;
                    const std::uint64_t heard = script_.below(8) & all;
                    j.rows.push_back({n, script_.number() + serial_, heard, script_.below(8) & all & ~heard});
                }
                return j;
            }
            case 3: {
                wire::CommitToken c{ring_id(),
                                    static_cast<std::uint16_t>(script_.below(8)),
                                    0,
                                    static_cast<std::uint32_t>(1 + script_.below(256) * 80),
                                    {}};
                for (std::uint32_t n = 1; n <= 3; ++n) {
                    if (script_.below(4) == 0) continue;
                    c.entries.push_back({{NodeId{n}, Incarnation{n == 1 ? 5U : 7U}},
                                         script_.below(2) == 0,
                                         ring_id(),
                                         Seq{script_.number()},
                                         Seq{script_.number()},
                                         Seq{script_.number()},
                                         script_.number(),
                                         {}});
                    for (Seq seq = c.entries.back().aru;
                         script_.below(3) != 0 && c.entries.back().held.size() < 8;)
                        c.entries.back().held.push_back({{seq.value + 2}, seq = {seq.value + 3}});
                }
                if (c.entries.empty())
                    c.entries.push_back({{NodeId{1}, Incarnation{5}}, false, {}, {}, {}, {}, 0, {}});
                std::vector<totem::Member> members;
                for (const wire::CommitEntry& entry : c.entries) members.push_back(entry.member);
                if (script_.below(8) != 0) c.ring = totem::ring_of(c.ring.seq, members);
                return c;
            }
            case 4:
                return random_beacon();
            case 5:
                return wire::Wake{ring_id()};
            case 6:
                return wire::TokenAck{ring_id(), script_.number()};
            case 7:
                return wire::Leave{++serial_, script_.below(2) == 0};
            default:
                return wire::Probe{static_cast<wire::ProbeKind>(script_.below(wire::kProbeKinds))};
        }
    }

    wire::Token random_token() {
        wire::Token t;
        t.ring = ring_id();
        t.token_seq = script_.number();
        t.seq = Seq{script_.number()};
        t.aru = Seq{script_.number()};
        t.aru_owner = NodeId{static_cast<std::uint32_t>(1 + script_.below(4))};
        t.lacked_of = NodeId{static_cast<std::uint32_t>(script_.below(4))};
        t.sequenced = script_.number();
        t.everywhere = script_.below(4) == 0 ? t.sequenced : script_.number();
        t.window = static_cast<std::uint32_t>(1 + script_.below(256) * 80);
        t.steady = static_cast<std::uint8_t>(script_.below(5));
        t.limited = script_.below(2) == 0;
        t.claimant = NodeId{static_cast<std::uint32_t>(script_.below(4))};
        t.claim = static_cast<std::uint32_t>(script_.below(256) * 80);
        t.fcc = static_cast<std::uint32_t>(script_.number());
        t.backlog = static_cast<std::uint32_t>(script_.number());
        t.unrecovered = static_cast<std::uint16_t>(script_.number());
        for (std::uint64_t n = script_.below(4), s = 0; n > 0; --n)
            t.retransmit.push_back(Seq{s += 1 + script_.below(4)});
        return t;
    }

    wire::Beacon random_beacon() {
        wire::Beacon b{++serial_, ring_id(), {}};
        for (std::uint32_t n = 1; n <= 3; ++n) {
            const std::uint64_t flags = script_.below(8);
            if (flags > 5) continue;
            const totem::Member who{NodeId{n}, Incarnation{n == 1 ? 5U : 7U}};
            b.nodes.push_back({who, flags % 3 == 1, flags % 3 == 2, flags < 3});
        }
        return b;
    }

    // Its own words, in another's mouth.
    void echo() {
        const auto at = said_.find(script_.below(8));
        if (at != said_.end()) say(at->second);
    }

    // What a proper peer would say to node 1's last join, commit token or token: only so does it get
    // anywhere.
    void answer() {
        switch (script_.below(3)) {
            case 0:
                return answer_join();
            case 1:
                return answer_commit();
            default:
                return answer_token();
        }
    }

    void answer_join() {
        const auto at = said_.find(2);
        wire::Join join = at == said_.end() ? wire::Join{} : std::get<wire::Join>(at->second);
        if (join.nodes.empty()) return;
        const std::uint64_t peers = 1 + script_.below(2);
        for (std::uint32_t n = 2; n < 2 + peers; ++n) {
            if (join.nodes.size() > peers) continue;
            join.nodes.push_back({NodeId{n}, {Incarnation{7}, false}});
        }
        for (std::uint32_t n = 2; n < 2 + peers; ++n) {
            join.serial = ++serial_;
            join.rows = full_rows(join);
            say({NodeId{n}, Incarnation{7}}, join);
        }
    }

    static std::vector<wire::JoinRow> full_rows(const wire::Join& join) {
        std::vector<wire::JoinRow> rows;
        const std::uint64_t all = (std::uint64_t{1} << join.nodes.size()) - 1;
        for (std::uint8_t n = 0; n < join.nodes.size(); ++n)
            rows.push_back({n, join.serial, all & ~(std::uint64_t{1} << n), 0});
        return rows;
    }

    void answer_commit() {
        const auto at = said_.find(3);
        if (at == said_.end()) return;
        auto token = std::get<wire::CommitToken>(at->second);
        const std::size_t n = token.entries.size();
        for (std::size_t i = 1; i < n && token.hop < n; ++i) {
            token.entries[i].filled = true;
            token.entries[i].old_ring = ring_id();
            token.entries[i].high = Seq{script_.below(6)};
            token.entries[i].aru =
                Seq{std::min<std::uint64_t>(token.entries[i].high.value, script_.below(6))};
            token.entries[i].stable =
                Seq{std::min<std::uint64_t>(token.entries[i].aru.value, script_.below(6))};
            token.entries[i].obliged = script_.below(8);
            token.entries[i].held.clear();
            if (token.entries[i].high.value > token.entries[i].aru.value + 1) {
                const Seq first{token.entries[i].aru.value + 2};
                token.entries[i].held.push_back({first, token.entries[i].high});
            } else {
                token.entries[i].high = token.entries[i].aru;
            }
        }
        token.hop = static_cast<std::uint16_t>((token.hop / n + 1) * n);
        say(token.entries.back().member, token);
    }

    void answer_token() {
        const auto at = said_.find(0);
        if (at == said_.end()) return;
        auto token = std::get<wire::Token>(at->second);
        token.token_seq += 1 + script_.below(3);
        for (std::uint64_t n = script_.below(4); n > 0; --n) {
            wire::Data d{token.ring,   Seq{++token.seq.value},
                         NodeId{2},    totem::Guarantee::agreed,
                         std::nullopt, {3, 1, 0, 9}};
            d.guarantee = static_cast<totem::Guarantee>(script_.below(2));
            if (script_.below(2) == 0)
                d.recovered = wire::Origin{ring_id(), Seq{1 + script_.below(6)},
                                           NodeId{static_cast<std::uint32_t>(1 + script_.below(3))}};
            if (script_.below(4) != 0) say({NodeId{2}, Incarnation{7}}, d);
        }
        token.retransmit.clear();
        if (token.aru_owner.value == 0 || script_.below(2) == 0) {
            token.aru = std::min(token.seq, Seq{token.aru.value + script_.below(3)});
            token.aru_owner = token.aru == token.seq ? NodeId{} : NodeId{3};
        }
        if (script_.below(2) == 0) token.unrecovered = 0;
        say({NodeId{static_cast<std::uint32_t>(2 + script_.below(2))}, Incarnation{7}}, token);
    }

    Script script_;
    base::SilentTracer tracer_;
    base::Instant now_;
    totem::Ring ring_;
    std::optional<std::uint64_t> persist_;
    std::map<std::size_t, wire::Message> said_;
    std::vector<base::RingId> rings_;
    std::uint64_t serial_{0};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Play(base::ByteView(data, size)).run();
    return 0;
}
