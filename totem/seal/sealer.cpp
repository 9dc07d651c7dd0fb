#include <openssl/crypto.h>

#include <algorithm>
#include <utility>

#include "totem/base/check.hpp"
#include "totem/seal/detail/crypto.hpp"
#include "totem/seal/detail/header.hpp"
#include "totem/seal/detail/replay.hpp"
#include "totem/seal/seal.hpp"

namespace totem {
namespace {

using detail::Aead;
using detail::Header;
using detail::Nonce;

constexpr std::uint64_t kFramesPerEpoch = std::uint64_t{1} << 32;

// What a sending key is derived for, besides the cluster.
struct KeyName {
    std::uint8_t stream{Header::kRingStream};
    base::NodeId node;
    base::Incarnation incarnation;
    std::uint32_t epoch{0};
    std::uint64_t salt{0};
    bool operator==(const KeyName&) const = default;
};

KeyName key_name(const Header& h) {
    return {h.stream, base::NodeId{h.sender}, base::Incarnation{h.incarnation}, h.epoch, h.salt};
}

Nonce nonce_of(const Header& h) {
    Nonce nonce{};
    for (std::size_t i = 0; i < 4; ++i) nonce[i] = static_cast<std::uint8_t>(h.epoch >> (8 * i));
    for (std::size_t i = 0; i < 8; ++i) nonce[4 + i] = static_cast<std::uint8_t>(h.counter >> (8 * i));
    return nonce;
}

// One key of a peer, with the counters seen under it.
struct PeerKey {
    explicit PeerKey(const EVP_CIPHER* cipher) : aead(cipher, Aead::Direction::open) {}
    KeyName name;
    bool set{false};
    Aead aead;
    detail::ReplayWindow window;
};

// What is known of a peer. Three keys change roles, so that nothing is allocated: the one in use, the one
// before it (frames of it may still be under way) and the one that was last derived for a frame whose tag has
// yet to be checked.
struct Peer {
    Peer(base::NodeId id, const EVP_CIPHER* cipher)
        : node(id),
          current(std::make_unique<PeerKey>(cipher)),
          previous(std::make_unique<PeerKey>(cipher)),
          candidate(std::make_unique<PeerKey>(cipher)) {}
    base::NodeId node;
    std::unique_ptr<PeerKey> current, previous, candidate;

    // The candidate's tag matched: it is in use from now on. A former start's keys are forgotten.
    void promote() {
        std::swap(current, previous);
        std::swap(current, candidate);
        candidate->set = false;
        if (previous->name.incarnation != current->name.incarnation) previous->set = false;
    }
};

std::uint64_t fresh_salt() {
    std::array<std::uint8_t, 8> salt{};
    detail::random_bytes(salt.data(), salt.size());
    return base::ByteReader(salt).u64();
}

std::uint64_t cluster_hash(const std::string& name) {
    const auto digest = detail::sha256(base::as_bytes("custos cluster\n" + name));
    return base::ByteReader(digest).u64();
}

}  // namespace

struct Sealer::Impl {
    Impl(const MasterKey& key, std::string cluster, base::NodeId id, base::Incarnation start,
         const base::NodeSet& roster)
        : master(key),
          cluster_name(std::move(cluster)),
          cipher(detail::fetch_aes_256_gcm()),
          kdf(detail::fetch_hkdf()),
          sender(cipher.get(), Aead::Direction::seal),
          scratch(kMaxBody) {
        header.cluster = cluster_hash(cluster_name);
        header.sender = id.value;
        header.incarnation = start.value;
        for (const base::NodeId node : roster) {
            if (node != id) peers.emplace_back(node, cipher.get());
        }
    }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl() { OPENSSL_cleanse(scratch.data(), scratch.size()); }

    // key = HKDF-SHA256(master, salt: cluster name, info: label and all that the key is for)
    void derive(const KeyName& name, Aead& into) {
        constexpr std::string_view kLabel = "custos frame 1";
        info.assign(kLabel.begin(), kLabel.end());
        base::ByteWriter w(info);
        w.u8(name.stream);
        w.u8(Header::kKeyId);
        w.u32(name.node.value);
        w.u64(name.incarnation.value);
        w.u32(name.epoch);
        w.u64(name.salt);
        detail::SecretKey key;
        detail::hkdf(kdf.get(), master.bytes(), base::as_bytes(cluster_name), info, key);
        into.set_key(key);
    }

    Peer* find(base::NodeId node) {
        const auto at =
            std::find_if(peers.begin(), peers.end(), [node](const Peer& p) { return p.node == node; });
        return at == peers.end() ? nullptr : &*at;
    }

    // The key to try on a frame, or why none is tried.
    std::variant<PeerKey*, Rejected> key_for(Peer& peer, const KeyName& name) {
        PeerKey& current = *peer.current;
        if (current.set && current.name == name) return &current;
        if (peer.previous->set && peer.previous->name == name) return peer.previous.get();
        if (current.set) {
            if (name.incarnation < current.name.incarnation) return Rejected::incarnation;
            // Within a start, epochs only grow: else a recording of an epoch that is over would open again.
            if (name.incarnation == current.name.incarnation && name.epoch <= current.name.epoch)
                return Rejected::replay;
        }
        PeerKey& candidate = *peer.candidate;
        if (!candidate.set || candidate.name != name) {
            derive(name, candidate.aead);
            candidate.name = name;
            candidate.set = true;
            candidate.window = {};
        }
        return &candidate;
    }

    std::optional<Rejected> open(base::ByteView frame, OpenedFrame& into) {
        const auto parsed = detail::read_header(frame);
        if (const auto* why = std::get_if<Rejected>(&parsed)) return *why;
        const auto& h = *std::get_if<Header>(&parsed);
        if (h.cluster != header.cluster) return Rejected::cluster;
        if (h.sender == header.sender)
            return h.incarnation == header.incarnation ? Rejected::own : Rejected::node;
        Peer* const peer = find(base::NodeId{h.sender});
        if (peer == nullptr) return Rejected::node;
        if (h.length > kMaxBody) return Rejected::tag;

        if (h.stream == Header::kLastWordsStream) return open_last_words(*peer, h, frame, into);
        const auto found = key_for(*peer, key_name(h));
        if (const auto* why = std::get_if<Rejected>(&found)) return *why;
        PeerKey* const key = *std::get_if<PeerKey*>(&found);
        if (key->window.seen(h.counter))
            return Rejected::replay;  // cheap; also keeps recordings from costing us a decryption
        if (!key->aead.open(nonce_of(h), frame.first(Header::kSize), frame.subspan(Header::kSize),
                            scratch.data())) {
            return Rejected::tag;
        }
        key->window.mark(h.counter);
        if (key == peer->candidate.get()) peer->promote();
        hand_over(h, into);
        return std::nullopt;
    }

    // A process has one such frame, and it stays true: nothing is remembered of it. The candidate's place is
    // used for the key.
    std::optional<Rejected> open_last_words(Peer& peer, const Header& h, base::ByteView frame,
                                            OpenedFrame& into) {
        const KeyName name = key_name(h);
        if (peer.current->set && name.incarnation < peer.current->name.incarnation)
            return Rejected::incarnation;
        PeerKey& candidate = *peer.candidate;
        if (!candidate.set || candidate.name != name) {
            derive(name, candidate.aead);
            candidate.name = name;
            candidate.set = true;
        }
        if (!candidate.aead.open(nonce_of(h), frame.first(Header::kSize), frame.subspan(Header::kSize),
                                 scratch.data())) {
            return Rejected::tag;
        }
        hand_over(h, into);
        return std::nullopt;
    }

    void hand_over(const Header& h, OpenedFrame& into) const {
        into.sender = base::NodeId{h.sender};
        into.incarnation = base::Incarnation{h.incarnation};
        into.body.assign(scratch.begin(), scratch.begin() + h.length);
    }

    MasterKey master;
    std::string cluster_name;
    detail::Cipher cipher;
    detail::Kdf kdf;
    Header header;  // of our frames; counter: the last one used
    Aead sender;
    std::vector<Peer> peers;
    base::Bytes info;
    base::Bytes scratch;  // a body whose tag is being checked
};

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
    }
    return "?";
}

Sealer::Sealer(const MasterKey& key, std::string cluster_name, base::NodeId self,
               base::Incarnation incarnation, const base::NodeSet& roster)
    : impl_(std::make_unique<Impl>(key, std::move(cluster_name), self, incarnation, roster)) {
    renew();
}

Sealer::~Sealer() = default;

void Sealer::renew() {
    Header& h = impl_->header;
    ++h.epoch;
    h.counter = 0;
    h.salt = fresh_salt();
    impl_->derive(key_name(h), impl_->sender);
}

void Sealer::seal(base::ByteView body, base::Bytes& frame) {
    ASSERT(body.size() <= kMaxBody);
    Header& h = impl_->header;
    if (h.counter == kFramesPerEpoch) renew();
    ++h.counter;
    h.length = static_cast<std::uint16_t>(body.size());
    frame.clear();
    detail::write_header(h, frame);
    frame.resize(body.size() + kOverhead);
    impl_->sender.seal(nonce_of(h), base::ByteView(frame).first(Header::kSize), body,
                       frame.data() + Header::kSize);
}

base::Bytes Sealer::seal_last_words(base::ByteView body) {
    ASSERT(body.size() <= kMaxBody);
    Header h = impl_->header;
    h.stream = Header::kLastWordsStream;
    h.epoch = 1;
    h.counter = 1;
    h.length = static_cast<std::uint16_t>(body.size());
    h.salt = fresh_salt();
    Aead aead(impl_->cipher.get(), Aead::Direction::seal);
    impl_->derive(key_name(h), aead);
    base::Bytes frame;
    detail::write_header(h, frame);
    frame.resize(body.size() + kOverhead);
    aead.seal(nonce_of(h), base::ByteView(frame).first(Header::kSize), body, frame.data() + Header::kSize);
    return frame;
}

std::optional<base::NodeId> Sealer::claimed_sender(base::ByteView frame) {
    const auto parsed = detail::read_header(frame);
    const auto* header = std::get_if<Header>(&parsed);
    if (header == nullptr) return std::nullopt;
    return base::NodeId{header->sender};
}

base::Bytes Sealer::seal(base::ByteView body) {
    base::Bytes frame;
    seal(body, frame);
    return frame;
}

std::optional<Rejected> Sealer::open(base::ByteView frame, OpenedFrame& into) {
    const auto why = impl_->open(frame, into);
    if (why) ++rejected_[static_cast<std::size_t>(*why)];
    return why;
}

std::variant<OpenedFrame, Rejected> Sealer::open(base::ByteView frame) {
    OpenedFrame opened;
    if (const auto why = open(frame, opened)) return *why;
    return opened;
}

}  // namespace totem
