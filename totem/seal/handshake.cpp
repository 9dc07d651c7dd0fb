// Which start of a peer is alive: frames of a start count only when it has answered a challenge of ours, so
// that a recording of a former start changes nothing. docs/protocol.md, "Which start is alive".
#include <algorithm>
#include <utility>

#include "totem/seal/detail/impl.hpp"

namespace totem {
namespace {

using detail::Challenge;
using detail::Claim;
using detail::Header;
using detail::Peer;
using detail::PeerKey;

constexpr base::Duration kAskAgain = base::milliseconds(20);
constexpr base::Duration kAskOlderAgain = base::seconds(1);
constexpr base::Duration kChallengeLife = base::seconds(1);
constexpr std::size_t kMostCredit = 4096;
constexpr std::size_t kMostKept = 8;
constexpr std::size_t kMostKeptBody = 4096;

// Whom it asks, the challenge, and what was heard of it.
constexpr std::size_t kChallengeBody = 4 + sizeof(Challenge) + base::Heard::kSize;
constexpr std::size_t kAnswerBody = sizeof(Challenge) + base::Heard::kSize;
constexpr std::size_t kOutdatedBody = 4 + 8;  // whom it tells, the later start

// What the key of an answer is bound to: the challenge, and who asked.
using AnswerContext = std::array<std::uint8_t, sizeof(Challenge) + 4 + 8>;
AnswerContext answer_context(base::ByteView challenge, std::uint32_t asker, std::uint64_t incarnation) {
    AnswerContext out{};
    std::copy(challenge.begin(), challenge.end(), out.begin());
    std::size_t at = sizeof(Challenge);
    for (std::size_t i = 0; i < 4; ++i) out[at++] = static_cast<std::uint8_t>(asker >> (8 * i));
    for (std::size_t i = 0; i < 8; ++i) out[at++] = static_cast<std::uint8_t>(incarnation >> (8 * i));
    return out;
}

base::Bytes answer_body(const Challenge& own, const base::Heard& heard) {
    base::Bytes body;
    base::ByteWriter w(body);
    w.raw(own);
    heard.write(w);
    return body;
}

bool is_open(const detail::Question& question, base::Instant now) {
    return question.drawn && now - *question.drawn <= kChallengeLife;
}

}  // namespace

Rejected Sealer::Impl::open_stranger(Peer& peer, const Header& h, base::ByteView frame) {
    const bool older = h.incarnation < peer.proven.value;
    const Rejected verdict = older ? Rejected::incarnation : Rejected::unproven;
    // Late frames and recordings of a former start cost nothing, but for one now and then.
    if (older && !may_ask(peer, older)) return verdict;

    const detail::KeyName name = detail::key_name(h);
    PeerKey& stranger = *peer.stranger;
    PeerKey* const key = stranger.set && stranger.name == name
                             ? &stranger
                             : candidate_for(peer, name, older ? Claim::older : Claim::start);
    if (key == nullptr) return Rejected::claims;
    const bool is_another = !stranger.set || stranger.name.incarnation != name.incarnation;
    if (!is_another && peer.strangers.seen(h.counter)) return Rejected::replay;
    if (!decrypt(*key, h, frame)) return Rejected::tag;
    if (is_another) {
        peer.kept.clear();
        peer.strangers = {};
    }
    peer.strangers.add(h.counter, detail::mark_of(frame));
    key->highest = std::max(key->highest, h.counter);
    if (key == peer.candidate.get()) {
        std::swap(peer.stranger, peer.candidate);
        peer.candidate->set = false;
    }
    static_cast<void>(ask_first(peer, h, frame));
    return verdict;
}

bool Sealer::Impl::was_silent(const Peer& peer) const {
    return now - peer.newest_at > horizon;
}

// What has yet to be proven counts later, if at all.
Rejected Sealer::Impl::ask_first(Peer& peer, const Header& h, base::ByteView frame) {
    const bool older = h.incarnation < peer.proven.value;
    peer.question.credit = std::min(peer.question.credit + frame.size(), kMostCredit);
    ask(peer, older);
    if (!older && peer.kept.size() < kMostKept && h.length <= kMostKeptBody)
        peer.kept.push_back({h.counter, opened(h)});
    return Rejected::unproven;
}

// Counters that we have not come to, or another frame in a place that we remember.
bool Sealer::Impl::told(const base::Heard& heard) {
    if (heard.incarnation.value != header.incarnation || heard.counter == 0) return true;
    const bool is_recent = header.counter - heard.counter < kMarks;
    const bool agrees =
        heard.counter <= header.counter && (!is_recent || marks[heard.counter % kMarks] == heard.mark);
    from_the_past |= !agrees;
    return agrees;
}

bool Sealer::Impl::may_ask(const Peer& peer, bool older) const {
    const auto& sent = peer.question.sent;
    return !sent || now - *sent >= (older ? kAskOlderAgain : kAskAgain);
}

// The challenge that is open, or a new one. What was kept for an old one is too old.
const Challenge& Sealer::Impl::draw(Peer& peer) {
    if (!is_open(peer.question, now)) {
        random(peer.question.challenge);
        peer.question.drawn = now;
        peer.kept.clear();
    }
    peer.question.sent = now;
    return peer.question.challenge;
}

// Never sends more than came.
void Sealer::Impl::ask(Peer& peer, bool older) {
    constexpr std::size_t kSize = kChallengeBody + kOverhead;
    if (!may_ask(peer, older) || peer.question.credit < kSize) return;
    peer.question.credit -= kSize;
    base::Bytes body;
    base::ByteWriter w(body);
    w.u32(peer.node.value);
    w.raw(draw(peer));
    peer.believed.write(w);
    replies.push_back({peer.node, seal_once(Header::kChallengeStream, header.counter, {}, body)});
}

Rejected Sealer::Impl::open_handshake(Peer& peer, const Header& h, base::ByteView frame) {
    if (h.stream == Header::kChallengeStream) return on_challenge(peer, h, frame);
    if (h.stream == Header::kAnswerStream) return on_answer(peer, h, frame);
    const auto why = open_once(peer, h, Claim::outdated, {}, frame);
    return why ? *why : on_outdated(h);
}

std::optional<Rejected> Sealer::Impl::open_once(Peer& peer, const Header& h, Claim claim,
                                                base::ByteView context, base::ByteView frame) {
    if (!may_derive(peer, claim)) return Rejected::claims;
    PeerKey& key = *peer.candidate;
    key.name = detail::key_name(h);
    key.set = false;  // a key for one frame
    derive(key.name, context, key.aead);
    if (decrypt(key, h, frame)) return std::nullopt;
    return Rejected::tag;
}

// Whoever asks gets an answer, and is asked in the same frame if we don't know its start either: so both know
// each other after one round trip.
Rejected Sealer::Impl::on_challenge(Peer& peer, const Header& h, base::ByteView frame) {
    if (h.length != kChallengeBody) return Rejected::tag;
    if (const auto why = open_once(peer, h, Claim::challenge, {}, frame)) return *why;
    base::ByteReader r(base::ByteView(scratch).first(kChallengeBody));
    if (r.u32() != header.sender || !peer.answers.take(now)) return Rejected::replay;
    const AnswerContext context = answer_context(r.raw(sizeof(Challenge)), h.sender, h.incarnation);
    // A memory from the past is nobody that answers for this start.
    if (!told(base::Heard::read(r))) return Rejected::handshake;

    const bool older = h.incarnation < peer.proven.value;
    const bool unsure = h.incarnation != peer.proven.value || peer.returning || was_silent(peer);
    const Challenge own = unsure && may_ask(peer, older) ? draw(peer) : Challenge{};
    replies.push_back(
        {peer.node, seal_once(Header::kAnswerStream, floor, context, answer_body(own, peer.believed))});
    return Rejected::handshake;
}

Rejected Sealer::Impl::on_answer(Peer& peer, const Header& h, base::ByteView frame) {
    if (h.length != kAnswerBody) return Rejected::tag;
    // An answer to nothing, or to a question of before: a recording, or late.
    if (!is_open(peer.question, now)) return Rejected::replay;
    const AnswerContext context = answer_context(peer.question.challenge, header.sender, header.incarnation);
    if (const auto why = open_once(peer, h, Claim::answer, context, frame))
        return *why == Rejected::tag ? Rejected::replay : *why;
    peer.question.drawn.reset();

    const base::Incarnation start{h.incarnation};
    base::ByteReader r(base::ByteView(scratch).first(kAnswerBody));
    const base::ByteView asked = r.raw(sizeof(Challenge));
    if (!told(base::Heard::read(r))) return Rejected::handshake;
    const bool asks = std::any_of(asked.begin(), asked.end(), [](std::uint8_t b) { return b != 0; });
    const AnswerContext back = answer_context(asked, h.sender, h.incarnation);
    if (start < peer.proven) {
        // It is alive, but its number is that of a former start: only a higher one can be let in.
        base::Bytes body;
        base::ByteWriter w(body);
        w.u32(peer.node.value);
        w.u64(peer.proven.value);
        replies.push_back({peer.node, seal_once(Header::kOutdatedStream, header.counter, {}, body)});
        return Rejected::handshake;
    }
    if (start > peer.proven) {
        prove(peer, h);
    } else if (peer.returning || was_silent(peer)) {
        // Where both were silent, this may be the first that comes of it.
        if (!peer.returning) peer.ask_again();
        peer.floor = std::max(peer.floor, h.counter);
        release(peer);
    }
    if (asks && peer.answers.take(now))
        replies.push_back({peer.node, seal_once(Header::kAnswerStream, floor, back, answer_body({}, {}))});
    return Rejected::handshake;
}

void Sealer::Impl::prove(Peer& peer, const Header& answer) {
    peer.prove({answer.incarnation}, answer.counter);
    release(peer);
}

// The proven start has answered: what was kept of it counts.
void Sealer::Impl::release(Peer& peer) {
    peer.believe(now);
    for (detail::Kept& kept : peer.kept) {
        if (kept.frame.incarnation == peer.proven && kept.counter > peer.floor) {
            released.push_back(std::move(kept.frame));
            ++accepted_late;
        }
    }
    peer.kept.clear();
    peer.question.credit = 0;
}

// A peer knew a later start of this node: the clock was set back, and what was on disk is lost. That it is
// true does not depend on when it was said.
Rejected Sealer::Impl::on_outdated(const Header& h) {
    base::ByteReader r(base::ByteView(scratch).first(h.length));
    const std::uint32_t to = r.u32();
    const base::Incarnation later{r.u64()};
    if (!r.done() || to != header.sender || later.value <= header.incarnation) return Rejected::replay;
    if (!outdated_by || *outdated_by < later) outdated_by = later;
    return Rejected::handshake;
}

}  // namespace totem
