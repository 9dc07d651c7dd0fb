#include <utility>

#include "manager/node/impl.hpp"

namespace manager {

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

void Node::Impl::answer_key_clients() {
    if (key_clients.empty()) return;
    const membership::KeyState now = keys->state();
    std::erase_if(key_clients, [&](const KeyClient& c) {
        if (!now.trouble.empty()) {
            answer_error(c.client, "this node could not take part: " + now.trouble);
            return true;
        }
        if (!now.known || now.newest != c.key) return false;
        if (now.step != membership::KeyStep::none && (now.absent.empty() || !c.wait)) return false;
        out.answers.push_back(
            {c.client, base::ok(), state.configuration.version, to_text(now, options.roster), {}});
        return true;
    });
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
    impl_->key_clients.push_back({client, *key, wait});
    impl_->follow_keys();
}

void Node::keys_written(Moment at, const base::Status& status) {
    impl_->at = at;
    impl_->keys->written(status);
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
