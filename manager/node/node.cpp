#include "manager/node/node.hpp"

#include <algorithm>

#include "manager/node/impl.hpp"

namespace manager {

Node::Node(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Node::~Node() = default;

namespace {

membership::NodeList plain_list(const NodeOptions& options) {
    membership::NodeList list;
    for (const auto& [id, name] : options.roster) {
        const auto votes = options.rules.votes.find(id);
        list.nodes.push_back(
            {id, name, votes == options.rules.votes.end() ? 0 : votes->second, {{0, name, ""}}});
    }
    return list;
}

}  // namespace

base::Result<std::unique_ptr<Node>> Node::create(NodeOptions options, base::Tracer& tracer) {
    membership::QuorumMemory memory;
    if (options.journal) {
        TRY(memory, decode_quorum(*options.journal));
    }
    if (options.nodes.nodes.empty()) options.nodes = plain_list(options);
    auto impl = std::make_unique<Impl>(std::move(options), tracer, memory);
    impl->state.nodes = impl->options.nodes;
    impl->use_nodes();
    impl->state.status = initial_state(impl->options.roster).status;
    if (impl->options.journal) {
        base::Result<State> durable = decode_state(*impl->options.journal);
        if (!durable) return durable.error().with("the journal's last record");
        const ClusterStatus status = impl->state.status;
        impl->state = *std::move(durable);
        impl->state.status = status;
        membership::NodeList& file = impl->options.nodes;
        if (impl->state.nodes.counted && file.version > impl->state.nodes.version)
            impl->counted_before = impl->state.nodes;
        if (impl->state.next_nodes && file.version >= impl->state.next_nodes->version)
            impl->state.next_nodes.reset();
        if (!impl->state.next_nodes) impl->state.nodes = file;
        impl->use_nodes();
        impl->last_on_disk = impl->state.head;
        impl->last_written = {impl->state.head, memory};
    }
    impl->out.nodes_changed = false;
    return std::unique_ptr<Node>(new Node(std::move(impl)));
}

void Node::ring_event(Moment at, const totem::Event& event) {
    impl_->at = at;
    if (const auto* delivered = std::get_if<totem::Delivered>(&event)) {
        impl_->deliver({delivered->sender.node, delivered->sender.incarnation}, delivered->payload);
    } else if (const auto* regular = std::get_if<totem::Regular>(&event)) {
        impl_->start_view(*regular);
    } else {
        impl_->transitional = true;
    }
    impl_->settle();
}

void Node::operation_finished(Moment at, const OperationResult& result) {
    impl_->at = at;
    if (const std::optional<Report> report = impl_->executor.finished(result, impl_->state, at.wall)) {
        impl_->send(*report);
    }
    impl_->settle();
}

void Node::persisted(Moment at, std::uint64_t token) {
    impl_->at = at;
    impl_->disk_done(token);
    impl_->settle();
}

void Node::advance(Moment at) {
    impl_->at = at;
    impl_->expire();
    impl_->quorum.advance(at.now);
    impl_->follow_quorum();
    impl_->advance_keys();
    impl_->settle();
}

void Node::links(Moment at, unsigned usable) {
    impl_->at = at;
    impl_->quorum.links(at.now, usable);
    impl_->follow_quorum();
    impl_->settle();
}

void Node::cancel_wait_for_all(Moment at, std::uint64_t client) {
    impl_->at = at;
    impl_->cancel_wait_for_all(client);
    impl_->settle();
}

NodeOutbox Node::drain() {
    return std::exchange(impl_->out, {});
}

base::Instant Node::next_deadline() const {
    base::Instant next = std::min(
        {impl_->leave_at, impl_->quorum.next_deadline(), impl_->change_deadline(), impl_->key_deadline()});
    if (impl_->phase == Impl::Phase::done && impl_->declared && impl_->clearing) {
        // Of those that were said to be out already the word is on its way.
        const base::Instant out = impl_->clearing->next_deadline();
        next = std::min(next, out > impl_->at.now ? out : impl_->at.now + base::milliseconds(100));
    }
    for (const Impl::Pending& p : impl_->pending) {
        if (impl_->phase == Impl::Phase::done) {
            if (p.applied && !impl_->transitional) next = std::min(next, p.patience);
        } else if (!p.sent) {
            next = std::min(next, p.give_up);
        }
    }
    return next;
}

const State& Node::state() const {
    return impl_->state;
}
bool Node::synchronised() const {
    return impl_->phase == Impl::Phase::done;
}
const totem::View& Node::view() const {
    return impl_->view;
}
membership::QuorumState Node::quorum() const {
    return impl_->quorum.state();
}
std::optional<base::NodeId> Node::coordinator() const {
    if (!synchronised()) return std::nullopt;
    return coordinator_of(impl_->state.status);
}

std::vector<std::string> Node::warnings() const {
    std::vector<std::string> lines;
    if (!impl_->lost_state.empty()) lines.push_back(impl_->lost_state);
    const base::NodeSet blank = impl_->view.nodes().minus(impl_->quorum.voters());
    if (impl_->phase == Impl::Phase::done && !blank.empty()) {
        lines.push_back("some members have no configuration on disk yet and do not vote: " +
                        to_string(blank));
    }
    return lines;
}

}  // namespace manager
