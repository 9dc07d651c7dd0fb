#include <openssl/crypto.h>

#include <algorithm>
#include <utility>

#include "totem/base/check.hpp"
#include "totem/seal/detail/impl.hpp"

namespace totem {
namespace {

using detail::Aead;
using detail::Claim;
using detail::Header;
using detail::KeyName;
using detail::Peer;
using detail::PeerKey;

constexpr std::uint64_t kFramesPerEpoch = std::uint64_t{1} << 32;
constexpr base::Duration kLongAgo = base::seconds(1);

std::uint64_t cluster_hash(const std::string& name) {
    const auto digest = detail::sha256(base::as_bytes("custos cluster\n" + name));
    return base::ByteReader(digest).u64();
}

}  // namespace

namespace detail {

KeyName key_name(const Header& h) {
    return {h.stream, h.key_id, base::NodeId{h.sender}, base::Incarnation{h.incarnation}, h.epoch, h.salt};
}

Nonce nonce_of(const Header& h) {
    Nonce nonce{};
    for (std::size_t i = 0; i < 4; ++i) nonce[i] = static_cast<std::uint8_t>(h.epoch >> (8 * i));
    for (std::size_t i = 0; i < 8; ++i) nonce[4 + i] = static_cast<std::uint8_t>(h.counter >> (8 * i));
    return nonce;
}

std::uint64_t mark_of(base::ByteView frame) {
    return base::ByteReader(frame.last(kTagSize)).u64();
}

}  // namespace detail

Sealer::Impl::Impl(const MasterKeys& live, std::string cluster, base::NodeId id, base::Incarnation start,
                   const base::NodeSet& roster, Random source)
    : keys(live),
      cluster_name(std::move(cluster)),
      random(std::move(source)),
      cipher(detail::fetch_aes_256_gcm()),
      kdf(detail::fetch_hkdf()),
      sender(cipher.get(), Aead::Direction::seal),
      scratch(kMaxBody) {
    header.cluster = cluster_hash(cluster_name);
    header.sender = id.value;
    header.key_id = keys.sending().id;
    header.incarnation = start.value;
    set_roster(roster);
}

void Sealer::Impl::set_roster(const base::NodeSet& roster) {
    std::erase_if(peers, [&](const Peer& peer) { return !roster.contains(peer.node); });
    for (const base::NodeId node : roster) {
        if (node.value != header.sender && find(node) == nullptr) peers.emplace_back(node, cipher.get());
    }
}

Sealer::Impl::~Impl() {
    OPENSSL_cleanse(scratch.data(), scratch.size());
}

// key = HKDF-SHA256(master, salt: cluster name, info: label and all that the key is for)
void Sealer::Impl::derive(const KeyName& name, base::ByteView context, Aead& into) {
    constexpr std::string_view kLabel = "custos frame 1";
    ++derivations;
    info.assign(kLabel.begin(), kLabel.end());
    base::ByteWriter w(info);
    w.u8(name.stream);
    w.u8(name.key_id);
    w.u32(name.node.value);
    w.u64(name.incarnation.value);
    w.u32(name.epoch);
    w.u64(name.salt);
    w.raw(context);
    const MasterKey* const master = keys.find(name.key_id);
    ASSERT(master != nullptr);
    detail::SecretKey key;
    detail::hkdf(kdf.get(), master->bytes(), base::as_bytes(cluster_name), info, key);
    into.set_key(key);
}

std::uint64_t Sealer::Impl::fresh_salt() const {
    std::array<std::uint8_t, 8> salt{};
    random(salt);
    return base::ByteReader(salt).u64();
}

// Counters go on: a receiver knows a start's frames by them, whatever its keys.
void Sealer::Impl::renew() {
    ++header.epoch;
    epoch_began = header.counter;
    header.salt = fresh_salt();
    derive(detail::key_name(header), {}, sender);
}

void Sealer::Impl::change_keys(const MasterKeys& live) {
    const auto gone = [&](std::uint8_t id) {
        const MasterKey* const before = keys.find(id);
        const MasterKey* const after = live.find(id);
        return before == nullptr || after == nullptr || *before != *after;
    };
    for (Peer& peer : peers) peer.forget(gone);
    const bool other_key = !(keys.sending() == live.sending());
    keys = live;
    header.key_id = keys.sending().id;
    if (other_key) renew();
}

void Sealer::Impl::seal(base::ByteView body, base::Bytes& frame) {
    if (header.counter - epoch_began == kFramesPerEpoch) renew();
    ++header.counter;
    header.length = static_cast<std::uint16_t>(body.size());
    frame.clear();
    detail::write_header(header, frame);
    frame.resize(body.size() + kOverhead);
    sender.seal(detail::nonce_of(header), base::ByteView(frame).first(Header::kSize), body,
                frame.data() + Header::kSize);
    marks[header.counter % kMarks] = detail::mark_of(frame);
}

base::Bytes Sealer::Impl::seal_once(std::uint8_t stream, std::uint64_t counter, base::ByteView context,
                                    base::ByteView body) {
    Header h = header;
    h.stream = stream;
    h.counter = counter;
    h.length = static_cast<std::uint16_t>(body.size());
    h.salt = fresh_salt();
    Aead aead(cipher.get(), Aead::Direction::seal);
    derive(detail::key_name(h), context, aead);
    base::Bytes frame;
    detail::write_header(h, frame);
    frame.resize(body.size() + kOverhead);
    aead.seal(detail::nonce_of(h), base::ByteView(frame).first(Header::kSize), body,
              frame.data() + Header::kSize);
    return frame;
}

void Sealer::Impl::set_time(base::Instant t) {
    if (t <= now) return;
    // Whoever was away itself has no right to call others silent.
    if (t - now > horizon / 2) {
        for (Peer& peer : peers) peer.newest_at = peer.newest_at + (t - now);
    }
    if (t - now >= kLongAgo) {  // nothing was sealed since `now`
        floor = mark = header.counter;
        marked = t;
    } else if (t - marked >= kLongAgo) {
        floor = mark;
        mark = header.counter;
        marked = t;
    }
    now = t;
}

Peer* Sealer::Impl::find(base::NodeId node) {
    const auto at =
        std::find_if(peers.begin(), peers.end(), [node](const Peer& p) { return p.node == node; });
    return at == peers.end() ? nullptr : &*at;
}

bool Sealer::Impl::may_derive(Peer& peer, Claim claim) {
    return peer.claims.take(claim, now) && claims.take(now);
}

PeerKey* Sealer::Impl::candidate_for(Peer& peer, const KeyName& name, Claim claim) {
    PeerKey& candidate = *peer.candidate;
    if (!candidate.set || candidate.name != name) {
        if (!may_derive(peer, claim)) return nullptr;
        derive(name, {}, candidate.aead);
        candidate.name = name;
        candidate.set = true;
        candidate.highest = 0;
    }
    return &candidate;
}

// The key to try on a frame of the proven start, or why none is tried.
std::variant<PeerKey*, Rejected> Sealer::Impl::key_for(Peer& peer, const KeyName& name) {
    PeerKey& current = *peer.current;
    if (current.set && current.name == name) return &current;
    if (peer.previous->set && peer.previous->name == name) return peer.previous.get();
    // Within a start, epochs only grow: else a recording of an epoch that is over would open again.
    if (current.set && name.epoch <= current.name.epoch) return Rejected::replay;
    PeerKey* const candidate = candidate_for(peer, name, Claim::epoch);
    if (candidate == nullptr) return Rejected::claims;
    return candidate;
}

std::optional<Rejected> Sealer::Impl::open(base::ByteView frame, OpenedFrame& into) {
    const auto parsed = detail::read_header(frame);
    if (const auto* why = std::get_if<Rejected>(&parsed)) return *why;
    const auto& h = *std::get_if<Header>(&parsed);
    if (h.cluster != header.cluster) return Rejected::cluster;
    if (h.sender == header.sender)
        return h.incarnation == header.incarnation ? Rejected::own : Rejected::node;
    Peer* const peer = find(base::NodeId{h.sender});
    if (peer == nullptr) return Rejected::node;
    if (h.length > kMaxBody || keys.find(h.key_id) == nullptr) return Rejected::tag;

    if (h.stream == Header::kLastWordsStream) return open_last_words(*peer, h, frame, into);
    if (h.stream != Header::kRingStream) return open_handshake(*peer, h, frame);
    if (h.incarnation != peer->proven.value) return open_stranger(*peer, h, frame);
    return open_ring(*peer, h, frame, into);
}

std::optional<Rejected> Sealer::Impl::open_ring(Peer& peer, const Header& h, base::ByteView frame,
                                                OpenedFrame& into) {
    const bool returns = peer.returning || was_silent(peer);
    if (h.counter <= peer.floor || (returns && h.counter <= peer.believed.counter)) return Rejected::replay;
    if (peer.track.seen(h.counter))
        return Rejected::replay;  // cheap; also keeps recordings from costing us a decryption
    const auto found = key_for(peer, detail::key_name(h));
    if (const auto* why = std::get_if<Rejected>(&found)) return *why;
    PeerKey* const key = *std::get_if<PeerKey*>(&found);
    if (!decrypt(*key, h, frame)) return Rejected::tag;
    if (returns && !peer.returning) peer.ask_again();
    const bool is_newest = peer.track.add(h.counter, detail::mark_of(frame));
    key->highest = std::max(key->highest, h.counter);
    if (key == peer.candidate.get()) peer.promote();
    if (peer.returning) return ask_first(peer, h, frame);
    if (is_newest) peer.believe(now);
    hand_over(h, into);
    return std::nullopt;
}

// A process has one such frame, and it stays true: nothing is remembered of it. Nobody is left who could
// answer a challenge, so that it counts only of a start that did. The candidate's place is used for the key.
std::optional<Rejected> Sealer::Impl::open_last_words(Peer& peer, const Header& h, base::ByteView frame,
                                                      OpenedFrame& into) {
    if (h.incarnation < peer.proven.value) return Rejected::incarnation;
    PeerKey* const key = candidate_for(peer, detail::key_name(h), Claim::words);
    if (key == nullptr) return Rejected::claims;
    if (!decrypt(*key, h, frame)) return Rejected::tag;
    if (h.incarnation != peer.proven.value) return Rejected::unproven;
    hand_over(h, into);
    return std::nullopt;
}

bool Sealer::Impl::decrypt(PeerKey& key, const Header& h, base::ByteView frame) {
    return key.aead.open(detail::nonce_of(h), frame.first(Header::kSize), frame.subspan(Header::kSize),
                         scratch.data());
}

OpenedFrame Sealer::Impl::opened(const Header& h) const {
    OpenedFrame out;
    hand_over(h, out);
    return out;
}

void Sealer::Impl::hand_over(const Header& h, OpenedFrame& into) const {
    into.sender = base::NodeId{h.sender};
    into.incarnation = base::Incarnation{h.incarnation};
    into.body.assign(scratch.begin(), scratch.begin() + h.length);
}

const char* to_string(Rejected why) {
    switch (why) {
        case Rejected::not_ours:
            return "foreign traffic";
        case Rejected::corosync:
            return "corosync";
        case Rejected::cluster:
            return "another cluster";
        case Rejected::node:
            return "unknown node";
        case Rejected::tag:
            return "wrong key";
        case Rejected::replay:
            return "replay";
        case Rejected::incarnation:
            return "older start of the node";
        case Rejected::own:
            return "own frame";
        case Rejected::unproven:
            return "unproven start of the node";
        case Rejected::claims:
            return "too many claims";
        case Rejected::handshake:
            return "handshake";
    }
    return "?";
}

Sealer::Random Sealer::system_random() {
    return [](std::span<std::uint8_t> out) { detail::random_bytes(out.data(), out.size()); };
}

Sealer::Sealer(const MasterKeys& keys, std::string cluster_name, base::NodeId self,
               base::Incarnation incarnation, const base::NodeSet& roster, Random random)
    : impl_(std::make_unique<Impl>(keys, std::move(cluster_name), self, incarnation, roster,
                                   std::move(random))) {
    renew();
}

Sealer::~Sealer() = default;

void Sealer::renew() {
    impl_->renew();
}

void Sealer::set_roster(const base::NodeSet& roster) {
    impl_->set_roster(roster);
}

void Sealer::change_keys(const MasterKeys& keys) {
    impl_->change_keys(keys);
}

base::NodeSet Sealer::senders(std::uint8_t id) const {
    base::NodeSet out;
    for (const Peer& peer : impl_->peers) {
        if (peer.current->set && peer.current->name.key_id == id) out.insert(peer.node);
    }
    return out;
}

void Sealer::set_time(base::Instant now) {
    impl_->set_time(now);
}

void Sealer::set_horizon(base::Duration horizon) {
    impl_->horizon = horizon;
}

base::Heard Sealer::heard(base::NodeId peer) const {
    const Peer* const known = impl_->find(peer);
    return known == nullptr ? base::Heard{} : known->believed;
}

void Sealer::told(const base::Heard& heard) {
    static_cast<void>(impl_->told(heard));
}

bool Sealer::from_the_past() const {
    return impl_->from_the_past;
}

void Sealer::seal(base::ByteView body, base::Bytes& frame) {
    ASSERT(body.size() <= kMaxBody);
    impl_->seal(body, frame);
}

base::Bytes Sealer::seal_last_words(base::ByteView body) {
    ASSERT(body.size() <= kMaxBody);
    return impl_->seal_once(Header::kLastWordsStream, 1, {}, body);
}

std::optional<base::NodeId> Sealer::claimed_sender(base::ByteView frame) {
    const auto parsed = detail::read_header(frame);
    const auto* header = std::get_if<Header>(&parsed);
    if (header == nullptr) return std::nullopt;
    return base::NodeId{header->sender};
}

std::optional<std::uint8_t> Sealer::claimed_key(base::ByteView frame) {
    const auto header = detail::read_header(frame);
    const auto* known = std::get_if<detail::Header>(&header);
    if (known == nullptr) return std::nullopt;
    return known->key_id;
}

base::Bytes Sealer::seal(base::ByteView body) {
    base::Bytes frame;
    seal(body, frame);
    return frame;
}

std::optional<Rejected> Sealer::open(base::ByteView frame, OpenedFrame& into) {
    const auto why = impl_->open(frame, into);
    if (why && why != Rejected::handshake) ++rejected_[static_cast<std::size_t>(*why)];
    // What was kept and is handed out after all was not refused.
    rejected_[static_cast<std::size_t>(Rejected::unproven)] -= std::exchange(impl_->accepted_late, 0);
    return why;
}

std::variant<OpenedFrame, Rejected> Sealer::open(base::ByteView frame) {
    OpenedFrame opened;
    if (const auto why = open(frame, opened)) return *why;
    return opened;
}

std::vector<SealReply> Sealer::take_replies() {
    return std::exchange(impl_->replies, {});
}

std::vector<OpenedFrame> Sealer::take_proven() {
    return std::exchange(impl_->released, {});
}

std::uint64_t Sealer::derivations() const {
    return impl_->derivations;
}

std::optional<base::Incarnation> Sealer::outdated_by() const {
    return impl_->outdated_by;
}

}  // namespace totem
