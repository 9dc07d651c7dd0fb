#include "manager/node/node.hpp"

#include <algorithm>

#include "manager/node/impl.hpp"

namespace manager {

Node::Node(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Node::~Node() = default;

base::Result<std::unique_ptr<Node>> Node::create(NodeOptions options, base::Tracer& tracer) {
    auto impl = std::make_unique<Impl>(std::move(options), tracer);
    impl->state = initial_state(impl->options.roster);
    if (impl->options.journal) {
        base::Result<State> durable = decode_state(*impl->options.journal);
        if (!durable) return durable.error().with("the journal's last record");
        const ClusterStatus status = impl->state.status;
        impl->state = *std::move(durable);
        impl->state.status = status;
        impl->last_written = impl->last_on_disk = impl->state.head;
        impl->voter = impl->state.head.epoch > 0;
    }
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
    impl_->settle();
}

NodeOutbox Node::drain() {
    return std::exchange(impl_->out, {});
}

base::Instant Node::next_deadline() const {
    base::Instant next = impl_->leave_at;
    if (impl_->phase != Impl::Phase::done) {
        for (const Impl::Pending& p : impl_->pending) {
            if (!p.sent) next = std::min(next, p.give_up);
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
    return impl_->vote(synchronised() ? impl_->voters : impl_->view.nodes());
}
std::optional<base::NodeId> Node::coordinator() const {
    if (!synchronised()) return std::nullopt;
    return coordinator_of(impl_->state.status);
}

std::vector<std::string> Node::warnings() const {
    std::vector<std::string> lines;
    if (!impl_->lost_state.empty()) lines.push_back(impl_->lost_state);
    if (impl_->phase == Impl::Phase::done && impl_->voters.size() < impl_->view.members.size()) {
        lines.push_back("some members have no configuration on disk yet and do not vote: " +
                        to_string(impl_->view.nodes().minus(impl_->voters)));
    }
    return lines;
}

}  // namespace manager
