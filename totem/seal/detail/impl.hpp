// The sealer's insides: sealer.cpp seals and opens, handshake.cpp finds out which start of a peer is alive.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "totem/seal/detail/crypto.hpp"
#include "totem/seal/detail/header.hpp"
#include "totem/seal/detail/peer.hpp"
#include "totem/seal/seal.hpp"

namespace totem {

struct Sealer::Impl {
    Impl(const MasterKeys& live, std::string cluster, base::NodeId id, base::Incarnation start,
         const base::NodeSet& roster, Random source);
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl();

    // --- keys and sending (sealer.cpp)
    // `context`: what else the key is bound to.
    void derive(const detail::KeyName& name, base::ByteView context, detail::Aead& into);
    void renew();
    void change_keys(const MasterKeys& live);
    void set_roster(const base::NodeSet& roster);
    void seal(base::ByteView body, base::Bytes& frame);
    // One frame under a key of its own.
    [[nodiscard]] base::Bytes seal_once(std::uint8_t stream, std::uint64_t counter, base::ByteView context,
                                        base::ByteView body);
    [[nodiscard]] std::uint64_t fresh_salt() const;
    void set_time(base::Instant t);

    // --- opening (sealer.cpp)
    [[nodiscard]] detail::Peer* find(base::NodeId node);
    std::optional<Rejected> open(base::ByteView frame, OpenedFrame& into);
    std::optional<Rejected> open_ring(detail::Peer& peer, const detail::Header& h, base::ByteView frame,
                                      OpenedFrame& into);
    std::optional<Rejected> open_last_words(detail::Peer& peer, const detail::Header& h, base::ByteView frame,
                                            OpenedFrame& into);
    [[nodiscard]] std::variant<detail::PeerKey*, Rejected> key_for(detail::Peer& peer,
                                                                   const detail::KeyName& name);
    // Derives the key unless it is there; null: too many were derived lately.
    [[nodiscard]] detail::PeerKey* candidate_for(detail::Peer& peer, const detail::KeyName& name,
                                                 detail::Claim claim);
    [[nodiscard]] bool may_derive(detail::Peer& peer, detail::Claim claim);
    // Whether the tag is right; the body is in scratch then.
    [[nodiscard]] bool decrypt(detail::PeerKey& key, const detail::Header& h, base::ByteView frame);
    [[nodiscard]] OpenedFrame opened(const detail::Header& h) const;
    void hand_over(const detail::Header& h, OpenedFrame& into) const;

    // --- which start is alive, and whether its memory is whole (handshake.cpp)
    [[nodiscard]] bool was_silent(const detail::Peer& peer) const;
    Rejected ask_first(detail::Peer& peer, const detail::Header& h, base::ByteView frame);
    void release(detail::Peer& peer);
    // What somebody heard of us; whether that agrees with what we know.
    bool told(const base::Heard& heard);
    Rejected open_stranger(detail::Peer& peer, const detail::Header& h, base::ByteView frame);
    Rejected open_handshake(detail::Peer& peer, const detail::Header& h, base::ByteView frame);
    Rejected on_challenge(detail::Peer& peer, const detail::Header& h, base::ByteView frame);
    Rejected on_answer(detail::Peer& peer, const detail::Header& h, base::ByteView frame);
    Rejected on_outdated(const detail::Header& h);
    // Opens a frame that has a key of its own; empty: opened.
    [[nodiscard]] std::optional<Rejected> open_once(detail::Peer& peer, const detail::Header& h,
                                                    detail::Claim claim, base::ByteView context,
                                                    base::ByteView frame);
    [[nodiscard]] bool may_ask(const detail::Peer& peer, bool older) const;
    const detail::Challenge& draw(detail::Peer& peer);
    void ask(detail::Peer& peer, bool older);
    void prove(detail::Peer& peer, const detail::Header& answer);

    MasterKeys keys;
    std::string cluster_name;
    Random random;
    detail::Cipher cipher;
    detail::Kdf kdf;
    detail::Header header;  // of our frames; counter: the last one used
    detail::Aead sender;
    std::vector<detail::Peer> peers;
    // Of all peers together: some 8 % of a processor.
    detail::Budget claims{256, base::microseconds(100)};
    std::uint64_t derivations{0};
    base::Bytes info;
    base::Bytes scratch;  // a body whose tag is being checked

    base::Instant now;
    std::uint64_t floor{0}, mark{0};  // our counter at least a second ago, and at `marked`
    base::Instant marked;
    std::vector<SealReply> replies;
    std::vector<OpenedFrame> released;
    std::uint64_t accepted_late{0};  // of those, since the last open()
    std::optional<base::Incarnation> outdated_by;
    base::Duration horizon{base::seconds(1)};
    std::uint64_t epoch_began{0};  // our counter before its first frame
    static constexpr std::size_t kMarks = 4096;
    std::array<std::uint64_t, kMarks> marks{};  // of our last frames, by counter
    bool from_the_past{false};
};

namespace detail {

[[nodiscard]] KeyName key_name(const Header& h);
[[nodiscard]] Nonce nonce_of(const Header& h);
// What names a frame among those with its counter.
[[nodiscard]] std::uint64_t mark_of(base::ByteView frame);

}  // namespace detail

}  // namespace totem
