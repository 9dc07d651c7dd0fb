#include "membership/keys/rotation.hpp"

#include <algorithm>
#include <utility>

#include "totem/base/check.hpp"

namespace membership {

namespace {

using totem::MasterKeys;

// A disk that is full or read-only is mended by a person.
constexpr base::Duration kRetry = base::seconds(5);

KeyName name_of(const MasterKeys::Live& live) {
    return {live.id, live.key.fingerprint()};
}

bool holds(const KeyWord& word, const KeyName& key) {
    return word.sending == key || word.other == key;
}

// The rest aside: who is left out is taken over from other members, and said with the next word.
bool same_keys(const KeyWord& a, const KeyWord& b) {
    return a.sending == b.sending && a.other == b.other;
}

// `words`: with what is wrong there.
std::string names_of(const base::NodeSet& nodes, const std::map<base::NodeId, std::string>& names,
                     const std::map<base::NodeId, KeyWord>& words) {
    std::string out;
    for (const base::NodeId node : nodes) {
        const auto name = names.find(node);
        out += (out.empty() ? "" : ", ") + (name == names.end() ? base::to_string(node) : name->second);
        const auto word = words.find(node);
        if (word != words.end() && !word->second.trouble.empty()) out += " (" + word->second.trouble + ")";
    }
    return out;
}

}  // namespace

bool newer(const KeyName& a, const KeyName& b) {
    const auto ahead = static_cast<std::int8_t>(static_cast<std::uint8_t>(a.id - b.id));
    return ahead > 0 || (ahead == 0 && a.fingerprint > b.fingerprint);
}

KeyRotation::KeyRotation(base::NodeId self, const MasterKeys& keys, const base::NodeSet& roster)
    : self_(self),
      keys_(keys),
      roster_(roster) {}

KeyWord KeyRotation::word() const {
    KeyWord word{name_of(keys_.sending()), std::nullopt, without_absent_, left_out_, trouble_};
    if (keys_.other()) word.other = name_of(*keys_.other());
    return word;
}

bool KeyRotation::all_said() const {
    return !members_.empty() && heard_.includes(members_);
}

// Of all that members have.
KeyName KeyRotation::newest() const {
    KeyName best = words_.at(self_).sending;
    for (const base::NodeId member : members_) {
        const KeyWord& word = words_.at(member);
        if (newer(word.sending, best)) best = word.sending;
        if (word.other && newer(*word.other, best)) best = *word.other;
    }
    return best;
}

// By what the members say: the words of all are the same to all.
base::NodeSet KeyRotation::left_out(const KeyName& key) const {
    base::NodeSet out;
    for (const base::NodeId member : members_) {
        const KeyWord& word = words_.at(member);
        if (word.without_absent == key.fingerprint) out.insert(word.left_out);
    }
    return out;
}

void KeyRotation::leave_out_absent(const KeyName& key) {
    if (without_absent_ != key.fingerprint) left_out_ = {};
    without_absent_ = key.fingerprint;
    left_out_.insert(roster_.minus(members_));
    out_.say = word();
}

KeyState KeyRotation::state() const {
    KeyState state;
    state.majority = majority_;
    state.trouble = trouble_;
    state.words = words_;
    state.known = all_said();
    if (!state.known) return state;
    state.newest = newest();
    // Whose last word does not say `done`; absent nodes of which nobody knows anything are among them.
    const auto without = [&](const base::NodeSet& nodes, auto done) {
        base::NodeSet out;
        for (const base::NodeId node : nodes) {
            const auto word = words_.find(node);
            if (word == words_.end() || !done(word->second)) out.insert(node);
        }
        return out;
    };
    const auto has = [&](const KeyWord& word) { return holds(word, state.newest); };
    const auto sends = [&](const KeyWord& word) { return word.sending == state.newest; };
    const auto alone = [&](const KeyWord& word) { return sends(word) && !word.other; };
    const base::NodeSet away = roster_.minus(members_).minus(left_out(state.newest));
    const base::NodeSet senders_behind = without(members_, sends);
    const base::NodeSet holders = without(members_, alone);
    state.step = KeyStep::accept;
    state.behind = without(members_, has);
    if (!state.behind.empty()) return state;
    if (holders.empty()) {
        state.step = KeyStep::none;
        return state;
    }
    // Where one member has gone on, the others follow.
    if (senders_behind == members_) state.absent = without(away, has);
    if (!state.absent.empty()) return state;
    state.step = KeyStep::send;
    state.behind = senders_behind;
    if (!state.behind.empty()) return state;
    state.absent = without(away, sends);
    if (!state.absent.empty()) return state;
    state.step = KeyStep::drop;
    state.behind = holders;
    return state;
}

void KeyRotation::view_installed(const base::NodeSet& members, bool majority) {
    members_ = members;
    majority_ = majority;
    heard_ = {};
    offered_to_ = {};
    wanted_.reset();
    taken_.reset();
    trouble_.clear();
    retry_at_ = base::Instant::never();
    left_out_ = left_out_.minus(members);  // who has come takes part, and is waited for when it goes
    // Others may go on meanwhile: what is remembered of absent nodes may then be true no more.
    if (!majority) std::erase_if(words_, [&](const auto& known) { return !members.contains(known.first); });
    out_.say = word();
}

void KeyRotation::majority(bool is) {
    majority_ = is;
    step();
}

void KeyRotation::configured(const base::NodeSet& roster) {
    roster_ = roster;
    std::erase_if(words_, [&](const auto& known) {
        return !roster.contains(known.first) && !members_.contains(known.first);
    });
}

void KeyRotation::said(base::NodeId member, const KeyWord& word) {
    words_[member] = word;
    heard_.insert(member);
    offered_to_.erase(member);
    if (!word.without_absent.empty()) {
        if (word.without_absent != without_absent_) left_out_ = {};
        without_absent_ = word.without_absent;
        left_out_.insert(word.left_out.minus(members_));
    }
    step();
}

bool KeyRotation::offered(const MasterKeys::Live& key) {
    const KeyName offer = name_of(key);
    const KeyWord own = word();
    if (holds(own, offer)) return true;
    // Whoever said that it has a key keeps it, for others count on that. So of two fresh ones the first is
    // taken, by all alike. (Two that came from parts of the cluster that had lost each other do meet: then no
    // key is with all nodes, nobody seals with either, and the newer one takes the place of the other.)
    const auto any_member = [&](auto has) {
        return std::any_of(heard_.begin(), heard_.end(), [&](base::NodeId m) { return has(words_.at(m)); });
    };
    const bool fresh = !any_member([&](const KeyWord& w) { return holds(w, offer); });
    if (fresh && (any_member([](const KeyWord& w) { return w.other.has_value(); }) || writing_)) return false;
    const bool taken_is_new = taken_ && !any_member([&](const KeyWord& w) { return w.sending == *taken_; });
    if (fresh && taken_is_new && *taken_ != offer) return false;
    // The old key may still be in use: until it is dropped there is no room for another one.
    const bool dropping = own.other && newer(own.sending, *own.other);
    if (dropping || offer.id == own.sending.id || !newer(offer, own.sending)) return false;
    if (own.other && !newer(offer, *own.other)) return false;
    if (wanted_ && !newer(offer, name_of(*wanted_))) return name_of(*wanted_) == offer;
    taken_ = offer;
    wanted_ = key;
    step();
    return true;
}

// What was wanted stays so: to the others it is as if this disk was slow, and they hear why.
void KeyRotation::written(base::Instant now, const base::Status& status) {
    ASSERT(writing_);
    if (!status) {
        writing_.reset();
        retry_at_ = now + kRetry;
        if (std::exchange(trouble_, status.error().message) != trouble_) out_.say = word();
        return;
    }
    keys_ = *std::exchange(writing_, std::nullopt);
    trouble_.clear();
    if (wanted_ && holds(word(), name_of(*wanted_))) wanted_.reset();
    out_.say = word();
    step();
}

void KeyRotation::advance(base::Instant now) {
    if (now < retry_at_) return;
    retry_at_ = base::Instant::never();
    step();
}

void KeyRotation::replaced(const MasterKeys& keys) {
    if (keys == keys_) return;
    keys_ = keys;
    wanted_.reset();
    trouble_.clear();
    retry_at_ = base::Instant::never();
    out_.say = word();
}

base::Result<KeyName> KeyRotation::rotate(const totem::MasterKey& fresh, bool wait) {
    const KeyState now = state();
    if (!now.known) {
        return base::Error{base::Errc::unavailable,
                           "the members have not settled yet; nothing was changed, ask again"};
    }
    if (!majority_) {
        return base::Error{base::Errc::unavailable,
                           "the key was not changed: this part of the cluster has no majority, and the "
                           "other part would be shut out"};
    }
    if (now.step != KeyStep::none) {
        if (wait) {
            return base::Error{base::Errc::conflict,
                               "a change to the key " + now.newest.fingerprint +
                                   " is under way and goes on by itself: see custos key status"};
        }
        if (!now.behind.empty()) {
            return base::Error{
                base::Errc::conflict,
                "nothing was changed: --now leaves out nodes that are absent, and the change to "
                "the key " +
                    now.newest.fingerprint +
                    " waits for a node that is present; it goes on by itself, and custos key "
                    "status says for whom it waits and why. To go on without that node: "
                    "`systemctl stop custos` there first"};
        }
        leave_out_absent(now.newest);
        return now.newest;
    }
    const MasterKeys::Live next{static_cast<std::uint8_t>(now.newest.id + 1), fresh};
    if (!wait) leave_out_absent(name_of(next));
    out_.offer = next;
    return name_of(next);
}

// Takes the next step of this node as soon as all members are through the one before.
void KeyRotation::step() {
    if (!majority_ || writing_ || out_.say || retry_at_ != base::Instant::never()) return;
    if (wanted_) return take_wanted();
    if (!all_said() || !same_keys(words_.at(self_), word())) return;
    const KeyState now = state();
    if (now.step == KeyStep::accept) return offer(now);
    if (!now.behind.contains(self_)) return;
    const MasterKeys::Live* newest =
        name_of(keys_.sending()) == now.newest ? &keys_.sending() : &*keys_.other();
    if (now.step == KeyStep::send) write(MasterKeys(*newest, keys_.sending()));
    if (now.step == KeyStep::drop) write(MasterKeys(*newest));
}

void KeyRotation::take_wanted() {
    if (!holds(word(), name_of(*wanted_))) return write(MasterKeys(keys_.sending(), *wanted_));
    wanted_.reset();
    step();
}

// By the lowest member that has it.
void KeyRotation::offer(const KeyState& state) {
    const auto holder = std::find_if(members_.begin(), members_.end(), [&](base::NodeId member) {
        return holds(words_.at(member), state.newest);
    });
    const base::NodeSet lacking = state.behind.minus(offered_to_);
    if (*holder != self_ || lacking.empty()) return;
    for (const base::NodeId node : lacking) offered_to_.insert(node);
    const bool sending = name_of(keys_.sending()) == state.newest;
    out_.offer = sending ? keys_.sending() : *keys_.other();
}

void KeyRotation::write(const MasterKeys& keys) {
    writing_ = keys;
    out_.write = keys;
}

KeyOutbox KeyRotation::drain() {
    return std::exchange(out_, {});
}

std::string to_text(const KeyState& state, const std::map<base::NodeId, std::string>& names) {
    if (!state.known || state.step == KeyStep::none) return "";
    std::string text;
    switch (state.step) {
        case KeyStep::none:
        case KeyStep::accept:
            text = "step 1 of 3: all accept the new key";
            break;
        case KeyStep::send:
            text = "step 2 of 3: all seal with the new key";
            break;
        case KeyStep::drop:
            text = "step 3 of 3: the old key is dropped";
            break;
    }
    text += " (" + state.newest.fingerprint + ")";
    if (!state.behind.empty()) text += "; still to do it: " + names_of(state.behind, names, state.words);
    if (!state.absent.empty()) text += "; waits for " + names_of(state.absent, names, {}) + ", not present";
    if (!state.majority) text += "; waits for a majority";
    return text;
}

}  // namespace membership
