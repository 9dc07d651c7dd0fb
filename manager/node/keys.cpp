#include <algorithm>
#include <utility>

#include "manager/node/impl.hpp"

namespace manager {

namespace {

constexpr base::Duration kKeyPatience = base::seconds(10);  // of who has asked for a change of the key

// Whether there are nodes, and none of them could write its file.
bool all_in_trouble(const membership::KeyState& state, const base::NodeSet& nodes) {
    return !nodes.empty() && std::all_of(nodes.begin(), nodes.end(), [&](base::NodeId node) {
        const auto word = state.words.find(node);
        return word != state.words.end() && !word->second.trouble.empty();
    });
}

}  // namespace

void Node::Impl::key_view() {
    if (!keys) return;
    keys->view_installed(view.nodes(), quorum.majority());
    follow_keys();
}

void Node::Impl::take_key(const Sender& sender, const Message& message) {
    // In a view that is breaking up nothing is begun; in the next one all say again what they have.
    if (!keys || transitional || !is_member(sender)) return;
    if (const auto* fact = std::get_if<KeyFact>(&message)) keys->said(sender.node, fact->word);
    if (const auto* offer = std::get_if<KeyOffer>(&message)) {
        if (!keys->offered(offer->key) && sender.node == options.self.node) {
            for (const KeyClient& c : std::exchange(key_clients, {}))
                answer_error(c.client, "the key was not changed: another change was under way");
        }
    }
    follow_keys();
}

void Node::Impl::follow_keys() {
    membership::KeyOutbox wants = keys->drain();
    if (wants.say) send(KeyFact{*wants.say});
    if (wants.offer) send(KeyOffer{*wants.offer});
    if (wants.write) out.keys = std::move(wants.write);
    answer_key_clients();
}

// Who waits for a node that can't do its part now, or for an absent one, is told so and does not wait on.
void Node::Impl::answer_key_clients() {
    if (key_clients.empty()) return;
    const membership::KeyState now = keys->state();
    std::erase_if(key_clients, [&](const KeyClient& c) {
        if (!now.known) return false;
        const bool wait_no_longer =
            at.now >= c.patience || all_in_trouble(now, now.newest == c.key ? now.behind : view.nodes());
        if (now.newest != c.key) {
            if (!wait_no_longer) return false;
            answer_error(c.client,
                         "the new key is on no node's disk yet: " + key_trouble() +
                             ". It is tried again every few seconds while the members stay the same");
            return true;
        }
        std::string text = to_text(now, options.roster);
        const bool for_absent = c.wait && !now.absent.empty();
        if (now.step != membership::KeyStep::none && !for_absent && !wait_no_longer) return false;
        if (!text.empty()) {
            text += for_absent
                        ? "; it goes on by itself when they come, or without them: custos key rotate --now"
                        : "; it goes on by itself once that is done (custos key status shows how far it is)";
        }
        out.answers.push_back({c.client, base::ok(), state.configuration.version, std::move(text), {}});
        return true;
    });
}

// What members could not write.
std::string Node::Impl::key_trouble() const {
    std::string text;
    for (const auto& [node, word] : keys->state().words) {
        if (word.trouble.empty() || !view.nodes().contains(node)) continue;
        const auto name = options.roster.find(node);
        text += (text.empty() ? "" : "; ") + (name == options.roster.end() ? to_string(node) : name->second) +
                ": " + word.trouble;
    }
    return text.empty() ? "none of them has said that it wrote it" : text;
}

base::Instant Node::Impl::key_deadline() const {
    base::Instant next = keys ? keys->next_deadline() : base::Instant::never();
    for (const KeyClient& c : key_clients) next = std::min(next, c.patience);
    return next;
}

void Node::Impl::advance_keys() {
    if (!keys) return;
    keys->advance(at.now);
    follow_keys();
    // Until the members have settled nobody can say more; then it is asked again.
    for (KeyClient& c : key_clients) {
        if (at.now >= c.patience) c.patience = at.now + kKeyPatience;
    }
}

void Node::Impl::break_off_key_clients() {
    for (const KeyClient& c : std::exchange(key_clients, {}))
        answer_error(c.client, "the members changed meanwhile; custos key status says how far the change is");
}

void Node::rotate_key(Moment at, std::uint64_t client, const totem::MasterKey& fresh, bool wait) {
    impl_->at = at;
    if (!impl_->keys || impl_->phase != Impl::Phase::done || impl_->transitional) {
        impl_->answer_error(client, "the members have not settled yet; nothing was changed, ask again");
        return;
    }
    const base::Result<membership::KeyName> key = impl_->keys->rotate(fresh, wait);
    if (!key) {
        impl_->answer_error(client, key.error().message);
        return;
    }
    impl_->key_clients.push_back({client, *key, wait, at.now + kKeyPatience});
    impl_->follow_keys();
}

void Node::keys_written(Moment at, const base::Status& status) {
    impl_->at = at;
    impl_->keys->written(at.now, status);
    impl_->follow_keys();
}

void Node::keys_replaced(Moment at, const totem::MasterKeys& keys) {
    impl_->at = at;
    if (!impl_->keys) return;
    impl_->keys->replaced(keys);
    impl_->follow_keys();
}

std::optional<membership::KeyState> Node::key_state() const {
    if (!impl_->keys) return std::nullopt;
    return impl_->keys->state();
}

}  // namespace manager
