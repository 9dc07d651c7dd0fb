#include "tests/sim/ring/checker.hpp"

#include <algorithm>

namespace sim {

namespace {

// What can be broken, as in docs/protocol.md ("Guarantees").
constexpr const char* kValidity = "E1, validity";
constexpr const char* kNoDuplicates = "E2, no duplicates";
constexpr const char* kSelfInclusion = "E3, self-inclusion";
constexpr const char* kIds = "E4, one membership for a ring, growing sequences";
constexpr const char* kTransitional = "E5, transitional views";
constexpr const char* kFifo = "E6, the sender's order";
constexpr const char* kCausal = "E7, causal order";
constexpr const char* kOrder = "E8, agreed order";
constexpr const char* kGaps = "E9, no gaps";
constexpr const char* kSafe = "E10, safe delivery";
constexpr const char* kSelfDelivery = "E11, self-delivery";
constexpr const char* kSameSet = "E12, virtual synchrony";
constexpr const char* kPast = "E13, isolation of the past";
constexpr const char* kBounded = "E14, bounds";
constexpr const char* kUnited = "E15, who hear each other are one ring";
constexpr const char* kDelivered = "E16, delivery";
constexpr const char* kQuiet = "E17, quietness";
constexpr const char* kPrimary = "one primary component";
constexpr const char* kFeatures = "features";

constexpr std::size_t kDatagramCost = 1024;  // docs/protocol.md, "Flow control"

std::string words(const char* guarantee, const std::string& what) {
    return std::string(guarantee) + ": " + what;
}

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
    return base::to_string(r) + "/" + std::to_string(r.members % 1000);
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

void Checker::violate(const char* guarantee, const Member& who, const std::string& what) {
    if (violation_.empty()) violation_ = words(guarantee, "process " + text(who) + " " + what);
}

void Checker::started(const Member& who, bool with_disk) {
    if (!with_disk) {
        lost_disk_.insert(who.node);
        ring_seqs_.erase(who.node);
    }
    processes_[who].number = numbers_++;
}

void Checker::put_back(const Member& who, const Memory& memory) {
    const std::uint64_t submissions = processes_.at(who).submissions;
    Process& p = processes_[who] = {};
    p.number = numbers_++;
    p.submissions = submissions;
    p.own = memory.submitted;
    p.put_back = p.in_the_past = true;
    for (const totem::Event& event : memory.events) remember(who, p, event);
    // What it promised since, and where it was, nobody can ask of it.
    for (auto& [ring, owed] : owed_) {
        for (Owed& one : owed) std::erase(one.to, who);
    }
    for (Rest& rest : rests_) {
        if (rest.who == who) rest.deliveries.clear();
    }
    ring_seqs_.erase(who.node);  // its disk may be of any time
    lost_disk_.insert(who.node);
}

// As happened() would note it, without a judgement.
void Checker::remember(const Member& who, Process& p, const totem::Event& event) {
    if (const auto* d = std::get_if<totem::Delivered>(&event)) {
        const std::uint64_t id = id_of(d->payload);
        p.delivered.insert(id);
        p.seq = d->seq.value;
        (p.transitional ? p.in_transitional : p.in_regular).push_back(id);
        const auto message = messages_.find(id);
        if (message != messages_.end()) p.last_index[message->second.sender] = message->second.index;
    } else if (const auto* t = std::get_if<totem::Transitional>(&event)) {
        p.transitional = t->view;
        p.rest = rests_.size();
        rests_.push_back({who, t->view.ring, p.seq, {}});
    } else if (const auto* r = std::get_if<totem::Regular>(&event)) {
        p.regular = r->view;
        p.transitional.reset();
        p.seq = 0;
        p.position = 0;
        p.in_regular.clear();
        p.in_transitional.clear();
    }
}

void Checker::submitted(const Member& who, base::ByteView payload, totem::Guarantee guarantee) {
    const std::uint64_t id = id_of(payload);
    Process& p = processes_.at(who);
    p.own.push_back(id);
    const std::uint64_t index = ++p.submissions;
    Past past = p.seen;
    past.resize(std::max(past.size(), p.number + 1));
    past[p.number] = index;
    messages_[id] = {who, index, hash_of(payload), guarantee, std::move(past)};
}

void Checker::happened(const Member& who, const totem::Event& event) {
    Process& p = processes_.at(who);
    if (p.in_the_past) {
        const auto* next = std::get_if<totem::Regular>(&event);
        if (next == nullptr || next->view.members == std::vector{who}) return remember(who, p, event);
        ring_seqs_[who.node] = p.regular ? p.regular->ring.seq : 0;
        p.in_the_past = false;
        p.regular.reset();
        p.transitional.reset();
    }
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
    if (at == messages_.end()) return violate(kValidity, who, what + "that nobody sent");
    const Message& m = at->second;
    if (m.hash != hash_of(d.payload)) return violate(kValidity, who, what + "changed");
    if (m.sender != d.sender)
        return violate(kValidity, who, what + "of " + text(m.sender) + " as sent by " + text(d.sender));
    if (!p.regular) return violate(kValidity, who, what + "before its first view");
    if (!contains(p.regular->members, d.sender))
        return violate(kValidity, who, what + "of a process outside its view");
    if (!p.delivered.insert(id).second) return violate(kNoDuplicates, who, what + "twice");
    std::uint64_t& last = p.last_index[m.sender];
    if (m.index <= last) return violate(kFifo, who, what + "after a later one of its sender");
    last = m.index;
    if (said_again(who, p, d.ring, id, m)) {
        places_.erase(id);
    } else {
        causal(who, p, id, m);
    }
    order(who, p, d, id);
    if (!failed()) owe(who, p, id);
}

// A process that was put back says something again, and of those who are with it now nobody has heard it: so
// nobody can know. It is another message, but for its number.
bool Checker::said_again(const Member& who, const Process& p, const base::RingId& ring, std::uint64_t id,
                         const Message& m) {
    if (!processes_.at(m.sender).put_back) return false;
    const auto [at, is_new] = said_again_.try_emplace({ring, id}, false);
    if (!is_new) return at->second;
    const auto placed = places_.find(id);
    if (placed == places_.end() || placed->second.first == ring) return false;
    for (const Member& member : p.regular->members) {
        const Process& other = processes_.at(member);
        if (member != who && !other.put_back && other.delivered.count(id) != 0) return false;
    }
    return at->second = true;
}

// E7: what happened before a message is never delivered after it. (The sender's order is a part of that, told
// apart for the sake of words.)
void Checker::causal(const Member& who, Process& p, std::uint64_t id, const Message& m) {
    const std::size_t sender = processes_.at(m.sender).number;
    if (sender < p.seen.size() && m.index <= p.seen[sender])
        return violate(kCausal, who,
                       "delivered message " + std::to_string(id) + " after one that it happened before");
    p.seen.resize(std::max(p.seen.size(), m.past.size()));
    for (std::size_t i = 0; i < m.past.size(); ++i) p.seen[i] = std::max(p.seen[i], m.past[i]);
}

// E10: a safe message that one delivered in a regular view, all of that view deliver in it or in the
// transitional view after it, unless they end; one that was delivered in a transitional view, all of that
// view deliver. The latter is asked of agreed messages, too: who has gone through a recovery to its end has
// promised the same for both.
void Checker::owe(const Member& who, const Process& p, std::uint64_t id) {
    const bool safe = messages_.at(id).guarantee == totem::Guarantee::safe;
    if (!p.transitional && !safe) return;
    const Owed owed{id, (p.transitional ? *p.transitional : *p.regular).members, who};
    for (const Member& m : owed.to) {
        const auto other = processes_.find(m);
        if (other == processes_.end() || other->second.put_back) continue;
        if (!other->second.is_past(p.regular->ring)) continue;
        if (other->second.delivered.count(id) == 0) {
            return violate(kSafe, who,
                           "delivered message " + std::to_string(id) + " of ring " + text(p.regular->ring) +
                               ", which " + text(m) + " left without it");
        }
    }
    owed_[p.regular->ring].push_back(owed);
}

// It leaves its ring: has it delivered what it owes? Also of rings that it was to enter, but did not.
void Checker::pay(const Member& who, const Process& p, const base::RingId& next) {
    auto at = p.regular ? owed_.lower_bound(p.regular->ring) : owed_.begin();
    for (; at != owed_.end() && at->first.seq < next.seq; ++at) {
        for (const Owed& owed : at->second) {
            if (!contains(owed.to, who) || p.delivered.count(owed.id) != 0) continue;
            return violate(kSafe, who,
                           "has done with ring " + text(at->first) + " without message " +
                               std::to_string(owed.id) + ", which " + text(owed.by) +
                               " delivered on its promise");
        }
    }
}

// E9: what a member of the transitional view has delivered when it ends could be had from it.
void Checker::recovered(const Member& who, const Process& p) {
    for (const Member& m : p.transitional->members) {
        const Process& other = processes_.at(m);
        if (other.in_the_past || !other.regular || other.regular->ring != p.regular->ring) continue;
        for (std::size_t i = p.in_regular.size(); i < other.in_regular.size(); ++i) {
            if (p.delivered.count(other.in_regular[i]) != 0) continue;
            return violate(kGaps, who,
                           "left ring " + text(p.regular->ring) + " together with " + text(m) +
                               ", but without message " + std::to_string(other.in_regular[i]) +
                               ", which that one had delivered");
        }
    }
}

// Agreed order: the same (ring, seq) is the same message everywhere, seq grows, and in a regular view nothing
// is left out.
void Checker::order(const Member& who, Process& p, const totem::Delivered& d, std::uint64_t id) {
    const std::string what = "delivered message " + std::to_string(id) + " as " +
                             std::to_string(d.seq.value) + " of ring " + text(d.ring);
    if (d.ring != p.regular->ring)
        return violate(kValidity, who, what + " while in ring " + text(p.regular->ring));
    // E8: (ring's sequence, ring, place) is one order for all, since a place has one message, a message one
    // place, and each process goes through that order upwards (its rings' sequences are checked, too).
    if (d.seq.value <= p.seq) return violate(kOrder, who, what + " after " + std::to_string(p.seq));
    p.seq = d.seq.value;
    const auto [placed, is_new] = placed_.try_emplace({d.ring, d.seq.value}, id);
    if (placed->second != id)
        return violate(kOrder, who, what + ", which elsewhere is message " + std::to_string(placed->second));
    const std::pair<base::RingId, std::uint64_t> here{d.ring, d.seq.value};
    if (places_.try_emplace(id, here).first->second != here)
        return violate(kOrder, who, what + ", which elsewhere has another place");
    if (d.transitional != p.transitional.has_value())
        return violate(kValidity, who, what + " with the wrong transitional mark");
    if (d.transitional) {
        ++transitional_deliveries_;
        p.in_transitional.push_back(id);
        rests_[p.rest].deliveries.emplace_back(d.seq.value, id);
        return;
    }
    p.in_regular.push_back(id);
    std::vector<std::uint64_t>& ring_order = orders_[d.ring];
    if (p.position < ring_order.size() && ring_order[p.position] != id) {
        return violate(kGaps, who,
                       what + " where others delivered message " + std::to_string(ring_order[p.position]));
    }
    if (p.position == ring_order.size()) ring_order.push_back(id);
    ++p.position;
}

void Checker::transitional(const Member& who, Process& p, const totem::View& view) {
    const std::string what =
        "saw transitional view " + text(view.members) + " of ring " + text(view.ring) + " ";
    if (!p.regular) return violate(kTransitional, who, what + "before its first regular view");
    if (p.transitional) return violate(kTransitional, who, what + "twice");
    if (view.ring != p.regular->ring)
        return violate(kTransitional, who, what + "while in ring " + text(p.regular->ring));
    if (!contains(view.members, who)) return violate(kSelfInclusion, who, what + "without itself");
    for (const Member& m : view.members) {
        if (!contains(p.regular->members, m))
            return violate(kTransitional, who, what + "with " + text(m) + " of elsewhere");
    }
    p.transitional = view;
    p.rest = rests_.size();
    rests_.push_back({who, view.ring, p.seq, {}});
}

void Checker::regular(const Member& who, Process& p, const totem::View& view) {
    ++views_;
    const std::string what = "installed ring " + text(view.ring) + " of " + text(view.members) + " ";
    if (!contains(view.members, who)) return violate(kSelfInclusion, who, what + "without itself");
    if (!std::is_sorted(view.members.begin(), view.members.end()))
        return violate(kIds, who, what + "unsorted");
    for (const Member& m : view.members) {
        if (!roster_.contains(m.node)) return violate(kIds, who, what + "with a stranger");
    }
    const auto [known, is_new] = rings_.try_emplace(view.ring, view.members);
    if (known->second != view.members)
        return violate(kIds, who, what + "that elsewhere is of " + text(known->second));
    std::uint64_t& last = ring_seqs_[who.node];
    if (view.ring.seq <= last)
        return violate(kIds, who, what + "after one with sequence " + std::to_string(last));
    last = view.ring.seq;
    if (p.regular && !p.transitional)
        return violate(kTransitional, who, what + "without a transitional view");
    if (p.regular) {
        passage(who, p, view);
        recovered(who, p);
    }
    pay(who, p, view.ring);
    primary(who, view);
    if (++p.views > allowed_) {
        violate(is_past_ ? kPast : kQuiet, who,
                what + "as view number " + std::to_string(p.views) + " where " + std::to_string(allowed_) +
                    " are allowed");
    }
    p.regular = view;
    p.transitional.reset();
    p.seq = 0;
    p.position = 0;
    p.in_regular.clear();
    p.in_transitional.clear();
}

void Checker::common(const Member& who, const totem::Regular& regular,
                     const std::function<std::uint32_t(const Member&)>& able) {
    std::uint32_t bits = ~0U;
    for (const Member& m : regular.view.members) bits &= able(m);
    if (bits != regular.features) {
        violate(kFeatures, who,
                "installed ring " + text(regular.view.ring) + " with features " +
                    std::to_string(regular.features) + " where all have " + std::to_string(bits));
    }
}

// Virtual synchrony: who goes from one ring to the same next one saw the same transitional view and delivered
// the same before.
void Checker::passage(const Member& who, const Process& p, const totem::View& next) {
    const std::string what = "went from ring " + text(p.regular->ring) + " to " + text(next.ring) + " ";
    for (const Member& m : p.transitional->members) {
        if (!contains(next.members, m))
            return violate(kTransitional, who, what + "without " + text(m) + " of its transitional view");
    }
    const auto [at, is_new] = passages_.try_emplace(
        {p.regular->ring, next.ring}, Passage{who, p.transitional->members, p.in_regular, p.in_transitional});
    const Passage& other = at->second;
    const std::string unlike = ", unlike " + text(other.first);
    if (other.transitional != p.transitional->members) {
        return violate(kTransitional, who,
                       what + "through " + text(p.transitional->members) + unlike + " through " +
                           text(other.transitional));
    }
    if (other.in_regular != p.in_regular) {
        return violate(kSameSet, who,
                       what + "having delivered " + std::to_string(p.in_regular.size()) +
                           " messages in the regular view" + unlike + " with " +
                           std::to_string(other.in_regular.size()));
    }
    if (other.in_transitional != p.in_transitional) {
        return violate(kSameSet, who,
                       what + "having delivered " + std::to_string(p.in_transitional.size()) +
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
        violate(kPrimary, who, "is in primary component " + text(view.ring) + " besides " + text(at->second));
    }
}

void Checker::looked(const Member& who, const totem::RingStatus& status, const totem::RingConfig& config) {
    processes_.at(who).operational = status.phase == "operational";
    const auto within = [&](const char* what, std::size_t value, std::size_t bound) {
        if (value > bound) {
            violate(kBounded, who,
                    std::string("keeps ") + what + ": " + std::to_string(value) + ", more than " +
                        std::to_string(bound));
        }
    };
    within("bytes to send", status.queued_bytes, config.max_queued);
    // docs/protocol.md, "Bounds": three windows a log; there are two while the old ring is recovered.
    const std::size_t logs = status.phase == "recovery" ? 2 : 1;
    within("datagrams", status.logged, logs * 3 * (config.window / kDatagramCost + 1));
    within("bytes of window", status.window, status.largest_window);
    within("bytes of window at most", status.largest_window,
           config.receive_buffer == 0 ? config.window : std::min(config.window, config.receive_buffer));
    within("bytes on their way", status.outstanding,
           std::max(status.largest_window, config.datagram_size + kDatagramCost));
    within("bytes of parts of messages", status.partial_bytes, 2 * roster_.size() * config.max_payload);
}

void Checker::overflowed(const Member& who) {
    if (allowed_ == 0) violate(kBounded, who, "lost a datagram for want of room, and nothing disturbed it");
}

void Checker::sent(const Member& who, base::ByteView bytes, const totem::RingConfig& config) {
    constexpr std::uint8_t kToken = 1, kData = 2;
    if (bytes[1] != kToken && bytes[1] != kData) return;
    base::ByteReader in(bytes.subspan(2));
    const base::RingId ring{in.u64(), NodeId{in.u32()}, in.u64()};
    Visit& visit = visits_[ring][who];
    if (bytes[1] == kToken) {
        const std::uint64_t token = in.u64();
        if (token == visit.token) return;  // sent again
        if (visit.over) visit.bytes = 0;   // this visit had nothing to send
        visit.token = token;
        visit.over = true;
        return;
    }
    if (visit.over) visit = {0, false, visit.token};
    visit.bytes += bytes.size() + kDatagramCost;
    std::size_t rotation = 0;
    for (const auto& [member, v] : visits_[ring]) rotation += v.bytes;
    const std::size_t bound = std::max(config.window / 4, config.datagram_size + kDatagramCost);
    if (rotation > bound) {
        violate(kBounded, who,
                "sends more than a quarter of the window in one rotation: " + std::to_string(rotation) +
                    " bytes, more than " + std::to_string(bound));
    }
}

// E7 and E9 in transitional views, where messages may be left out: none that happened before one that was
// delivered, and was sequenced in the same ring. Of one sender these are numbered without a gap.
std::string Checker::in_causal_order(const Rest& rest) const {
    std::map<Member, std::vector<std::uint64_t>> missing;  // numbers, growing
    const std::set<std::uint64_t>& delivered = processes_.at(rest.who).delivered;
    auto place = placed_.upper_bound({rest.ring, rest.after});
    for (const auto& [at, id] : rest.deliveries) {
        for (; place != placed_.end() && place->first < std::pair{rest.ring, at}; ++place) {
            if (delivered.count(place->second) != 0) continue;
            const Message& m = messages_.at(place->second);
            missing[m.sender].push_back(m.index);
        }
        const Message& m = messages_.at(id);
        for (const auto& [sender, numbers] : missing) {
            const std::size_t number = processes_.at(sender).number;
            if (number >= m.past.size() || m.past[number] < numbers.front()) continue;
            return words(kCausal, "process " + text(rest.who) + " delivered message " + std::to_string(id) +
                                      " in the transitional view after ring " + text(rest.ring) +
                                      " without message " + std::to_string(numbers.front()) + " of " +
                                      text(sender) + ", which happened before it");
        }
    }
    return "";
}

void Checker::allow(std::uint64_t views, Disturbance cause) {
    allowed_ = views;
    is_past_ = cause == Disturbance::past;
    for (auto& [who, p] : processes_) p.views = 0;
}

bool Checker::one_ring(const std::vector<Member>& set) const {
    for (const Member& who : set) {
        const Process& p = processes_.at(who);
        if (!p.operational || p.transitional || !p.regular || p.regular->members != set) return false;
        if (p.regular->ring != processes_.at(set.front()).regular->ring) return false;
    }
    return true;
}

std::string Checker::apart(const std::vector<Member>& set, Duration so_long, Duration bound) const {
    if (so_long < bound || one_ring(set)) return "";
    std::string who_is_where;
    for (const Member& who : set) {
        const Process& p = processes_.at(who);
        who_is_where +=
            ", " + text(who) + (p.operational ? " in " : " gathers after ") +
            (p.regular ? "ring " + text(p.regular->ring) + " of " + text(p.regular->members) : "no ring");
    }
    return words(kUnited, std::to_string(so_long.ms()) + " ms after faults ended " + text(set) +
                              " are not one ring" + who_is_where);
}

std::string Checker::finally(const std::vector<Member>& living) const {
    for (const Rest& rest : rests_) {
        std::string wrong = in_causal_order(rest);
        if (!wrong.empty()) return wrong;
    }
    for (const Member& who : living) {
        const Process& p = processes_.at(who);
        const auto owed = owed_.find(p.regular->ring);
        if (owed == owed_.end()) continue;
        for (const Owed& o : owed->second) {
            if (contains(o.to, who) && p.delivered.count(o.id) == 0)
                return words(
                    kSafe, "process " + text(who) + " did not deliver safe message " + std::to_string(o.id));
        }
    }
    return "";
}

std::string Checker::undelivered(const std::vector<Member>& living) const {
    for (const Member& sender : living) {
        for (const std::uint64_t id : processes_.at(sender).own) {
            if (processes_.at(sender).delivered.count(id) == 0) {
                return words(kSelfDelivery, "process " + text(sender) + " did not deliver its own message " +
                                                std::to_string(id));
            }
        }
    }
    // All are in one ring: what one delivered in it, all did.
    for (const Member& who : living) {
        const Process& p = processes_.at(who);
        // On the ring that it remembers it is alone, with what it delivered there since then and has
        // forgotten.
        if (p.in_the_past) continue;
        const auto ring_order = orders_.find(p.regular->ring);
        if (ring_order != orders_.end() && p.position < ring_order->second.size()) {
            return words(kDelivered, "process " + text(who) + " did not deliver message " +
                                         std::to_string(ring_order->second[p.position]) + " of ring " +
                                         text(p.regular->ring));
        }
    }
    return "";
}

}  // namespace sim
