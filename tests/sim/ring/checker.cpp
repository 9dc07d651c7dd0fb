#include "tests/sim/ring/checker.hpp"

#include <algorithm>

namespace sim {

namespace {

std::uint64_t hash_of(base::ByteView bytes) {
    std::uint64_t h = 0xcbf29ce484222325ULL;  // FNV-1a, by words for speed
    std::size_t i = 0;
    for (; i + 8 <= bytes.size(); i += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes.data() + i, 8);
        h = (h ^ word) * 0x100000001b3ULL;
    }
    for (; i < bytes.size(); ++i) h = (h ^ bytes[i]) * 0x100000001b3ULL;
    return h ^ bytes.size();
}

std::uint64_t id_of(base::ByteView payload) {
    base::ByteReader in(payload);
    return in.u64();
}

bool contains(const std::vector<Member>& members, const Member& m) {
    return std::find(members.begin(), members.end(), m) != members.end();
}

std::string text(const Member& m) {
    return base::to_string(m.node) + "/" + std::to_string(m.incarnation.value);
}
std::string text(const base::RingId& r) {
    return base::to_string(r) + "/" + std::to_string(r.incarnation.value);
}
std::string text(const std::vector<Member>& members) {
    std::string out = "{";
    for (const Member& m : members) out += (out.size() > 1 ? "," : "") + text(m);
    return out + "}";
}

}  // namespace

base::Bytes make_payload(std::uint64_t id, std::size_t size) {
    base::Bytes bytes;
    bytes.reserve(size + 8);
    base::ByteWriter out(bytes);
    out.u64(id);
    base::Rng filler(id);
    while (bytes.size() < size) out.u64(filler.next());
    bytes.resize(std::max<std::size_t>(size, 8));
    return bytes;
}

void Checker::violate(const Member& who, const std::string& what) {
    if (violation_.empty()) violation_ = "process " + text(who) + " " + what;
}

void Checker::started(const Member& who, bool with_disk) {
    if (!with_disk) {
        lost_disk_.insert(who.node);
        ring_seqs_.erase(who.node);
    }
    processes_[who];
}

void Checker::submitted(const Member& who, base::ByteView payload) {
    const std::uint64_t id = id_of(payload);
    messages_[id] = {who, ++submitted_[who], hash_of(payload)};
    processes_[who].own.push_back(id);
}

void Checker::happened(const Member& who, const totem::Event& event) {
    Process& p = processes_.at(who);
    if (const auto* d = std::get_if<totem::Delivered>(&event)) delivered(who, p, *d);
    if (const auto* t = std::get_if<totem::Transitional>(&event)) transitional(who, p, t->view);
    if (const auto* r = std::get_if<totem::Regular>(&event)) regular(who, p, r->view);
}

// Integrity: a message is delivered at most once, as it was sent, by members to members, in its sender's
// order.
void Checker::delivered(const Member& who, Process& p, const totem::Delivered& d) {
    ++deliveries_;
    const std::uint64_t id = id_of(d.payload);
    const std::string what = "delivered message " + std::to_string(id) + " ";
    const auto at = messages_.find(id);
    if (at == messages_.end()) return violate(who, what + "that nobody sent");
    const Message& m = at->second;
    if (m.hash != hash_of(d.payload)) return violate(who, what + "changed");
    if (m.sender != d.sender)
        return violate(who, what + "of " + text(m.sender) + " as sent by " + text(d.sender));
    if (!p.regular) return violate(who, what + "before its first view");
    if (!contains(p.regular->members, d.sender)) return violate(who, what + "of a process outside its view");
    if (!p.delivered.insert(id).second) return violate(who, what + "twice");
    std::uint64_t& last = p.last_index[m.sender];
    if (m.index <= last) return violate(who, what + "after a later one of its sender");
    last = m.index;
    order(who, p, d, id);
}

// Agreed order: the same (ring, seq) is the same message everywhere, seq grows, and in a regular view nothing
// is left out.
void Checker::order(const Member& who, Process& p, const totem::Delivered& d, std::uint64_t id) {
    const std::string what = "delivered message " + std::to_string(id) + " as " +
                             std::to_string(d.seq.value) + " of ring " + text(d.ring);
    if (d.ring != p.regular->ring) return violate(who, what + " while in ring " + text(p.regular->ring));
    if (d.seq.value <= p.seq) return violate(who, what + " after " + std::to_string(p.seq));
    p.seq = d.seq.value;
    const auto [placed, is_new] = placed_.try_emplace({d.ring, d.seq.value}, id);
    if (placed->second != id)
        return violate(who, what + ", which elsewhere is message " + std::to_string(placed->second));
    if (d.transitional != p.transitional.has_value())
        return violate(who, what + " with the wrong transitional mark");
    if (d.transitional) {
        // The obligation: what a departed process sent after a gap may depend on what is missing.
        if (!contains(p.transitional->members, d.sender))
            return violate(who, what + " of a process that did not come along");
        ++transitional_deliveries_;
        p.in_transitional.push_back(id);
        return;
    }
    p.in_regular.push_back(id);
    std::vector<std::uint64_t>& ring_order = orders_[d.ring];
    if (p.position < ring_order.size() && ring_order[p.position] != id) {
        return violate(who,
                       what + " where others delivered message " + std::to_string(ring_order[p.position]));
    }
    if (p.position == ring_order.size()) ring_order.push_back(id);
    ++p.position;
}

void Checker::transitional(const Member& who, Process& p, const totem::View& view) {
    const std::string what =
        "saw transitional view " + text(view.members) + " of ring " + text(view.ring) + " ";
    if (!p.regular) return violate(who, what + "before its first regular view");
    if (p.transitional) return violate(who, what + "twice");
    if (view.ring != p.regular->ring) return violate(who, what + "while in ring " + text(p.regular->ring));
    if (!contains(view.members, who)) return violate(who, what + "without itself");
    for (const Member& m : view.members) {
        if (!contains(p.regular->members, m)) return violate(who, what + "with " + text(m) + " of elsewhere");
    }
    p.transitional = view;
}

void Checker::regular(const Member& who, Process& p, const totem::View& view) {
    ++views_;
    const std::string what = "installed ring " + text(view.ring) + " of " + text(view.members) + " ";
    if (!contains(view.members, who)) return violate(who, what + "without itself");
    if (!std::is_sorted(view.members.begin(), view.members.end())) return violate(who, what + "unsorted");
    for (const Member& m : view.members) {
        if (!roster_.contains(m.node)) return violate(who, what + "with a stranger");
    }
    const auto [known, is_new] = rings_.try_emplace(view.ring, view.members);
    if (known->second != view.members)
        return violate(who, what + "that elsewhere is of " + text(known->second));
    std::uint64_t& last = ring_seqs_[who.node];
    if (view.ring.seq <= last) return violate(who, what + "after one with sequence " + std::to_string(last));
    last = view.ring.seq;
    if (p.regular && !p.transitional) return violate(who, what + "without a transitional view");
    if (p.regular) passage(who, p, view);
    primary(who, view);
    p.regular = view;
    p.transitional.reset();
    p.seq = 0;
    p.position = 0;
    p.in_regular.clear();
    p.in_transitional.clear();
}

// Virtual synchrony: who goes from one ring to the same next one saw the same transitional view and delivered
// the same before.
void Checker::passage(const Member& who, const Process& p, const totem::View& next) {
    const std::string what = "went from ring " + text(p.regular->ring) + " to " + text(next.ring) + " ";
    for (const Member& m : p.transitional->members) {
        if (!contains(next.members, m))
            return violate(who, what + "without " + text(m) + " of its transitional view");
    }
    const auto [at, is_new] = passages_.try_emplace(
        {p.regular->ring, next.ring}, Passage{who, p.transitional->members, p.in_regular, p.in_transitional});
    const Passage& other = at->second;
    const std::string unlike = ", unlike " + text(other.first);
    if (other.transitional != p.transitional->members) {
        return violate(who, what + "through " + text(p.transitional->members) + unlike + " through " +
                                text(other.transitional));
    }
    if (other.in_regular != p.in_regular) {
        return violate(who, what + "having delivered " + std::to_string(p.in_regular.size()) +
                                " messages in the regular view" + unlike + " with " +
                                std::to_string(other.in_regular.size()));
    }
    if (other.in_transitional != p.in_transitional) {
        return violate(who, what + "having delivered " + std::to_string(p.in_transitional.size()) +
                                " messages in the transitional view" + unlike + " with " +
                                std::to_string(other.in_transitional.size()));
    }
}

// At most one primary component: two rings of majorities share a node, so they must be ordered by their
// sequences. A node that lost its disk may have forgotten the earlier one.
void Checker::primary(const Member& who, const totem::View& view) {
    if (view.members.size() * 2 <= roster_.size()) return;
    const auto [at, is_new] = primaries_.try_emplace(view.ring.seq, view.ring);
    if (at->second != view.ring && lost_disk_.empty()) {
        violate(who, "is in primary component " + text(view.ring) + " besides " + text(at->second));
    }
}

std::string Checker::undelivered(const std::vector<Member>& living) const {
    for (const Member& sender : living) {
        for (const std::uint64_t id : processes_.at(sender).own) {
            if (processes_.at(sender).delivered.count(id) == 0) {
                return "process " + text(sender) + " did not deliver its own message " + std::to_string(id);
            }
        }
    }
    // All are in one ring: what one delivered in it, all did.
    for (const Member& who : living) {
        const Process& p = processes_.at(who);
        const auto ring_order = orders_.find(p.regular->ring);
        if (ring_order != orders_.end() && p.position < ring_order->second.size()) {
            return "process " + text(who) + " did not deliver message " +
                   std::to_string(ring_order->second[p.position]) + " of ring " + text(p.regular->ring);
        }
    }
    return "";
}

}  // namespace sim
