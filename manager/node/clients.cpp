#include <algorithm>

#include "manager/node/impl.hpp"

namespace manager {

namespace {

using base::Errc;
using base::Error;

constexpr base::Duration kPatience = base::seconds(20);        // for a command while no view is synchronised
constexpr base::Duration kChangePatience = base::seconds(10);  // for a change of the nodes to count
constexpr base::Duration kLeavePatience =
    base::seconds(60);  // for handing over resources before a daemon's exit

// Of each resource on all nodes, but for those where it is banned already.
std::map<std::string, std::uint32_t> failures_by_resource(const ClusterStatus& status) {
    std::map<std::string, std::uint32_t> out;
    for (const auto& [id, node] : status.nodes) {
        for (const auto& [name, at] : node.resources) {
            if (at.fail_count < static_cast<std::uint32_t>(Score::kInfinity)) out[name] += at.fail_count;
        }
    }
    return out;
}

}  // namespace

bool Node::Impl::acting() const {
    return phase == Phase::done &&
           (state.status.quorate || property_value(state.configuration, "no-quorum-policy") == "ignore");
}

std::string Node::Impl::no_quorum_text() const {
    const membership::QuorumState present = quorum.state();
    const bool blank = quorum.voters().size() < view.members.size();
    if (blank && membership::evaluate(rules, view.nodes()).quorate) {
        return "nothing was changed: the nodes present have no configuration on disk that they can vote "
               "with; start all "
               "configured nodes once (first start, or lost disks)";
    }
    return "nothing was changed: this part of the cluster has no quorum (" + present.reason + ")";
}

void Node::Impl::answer_error(std::uint64_t client, std::string why) {
    out.answers.push_back({client, Error{Errc::unavailable, std::move(why)}, 0, "", {}});
}

void Node::Impl::send_pending() {
    if (phase != Phase::done) return;
    std::vector<Pending> kept;
    for (Pending& p : pending) {
        // After a merge another state may have won: what it contains was applied, the rest is sent again.
        const auto last = state.requests.find(options.self.node);
        const bool contained = last != state.requests.end() &&
                               last->second.incarnation == options.self.incarnation &&
                               last->second.number >= p.command.number;
        if (p.applied && !contained) p.applied = p.sent = false;
        const bool shutdown = std::holds_alternative<ShutdownNode>(p.command.command);
        if (!p.applied && !acting() && !shutdown) {
            answer_error(p.client, no_quorum_text());
            continue;
        }
        if (!p.sent) {
            p.sent = true;
            send(p.command);
        }
        kept.push_back(std::move(p));
    }
    pending = std::move(kept);
}

void Node::Impl::command_applied(const Sender& sender, const ClientCommand& command,
                                 const CommandOutcome& outcome) {
    if (sender.node != options.self.node || sender.incarnation != options.self.incarnation) return;
    const auto at_command = std::find_if(
        pending.begin(), pending.end(), [&](const Pending& p) { return p.command.number == command.number; });
    if (at_command == pending.end()) return;
    if (!outcome.result) {
        out.answers.push_back({at_command->client, outcome.result, 0, "", {}});
        pending.erase(at_command);
        return;
    }
    at_command->applied = true;
    at_command->version = state.configuration.version;
    if (std::holds_alternative<ChangeNodes>(command.command)) at_command->patience = at.now + kChangePatience;
    if (!outcome.durable && !outcome.repeated) {
        out.answers.push_back({at_command->client, base::ok(), state.configuration.version, "", {}});
        pending.erase(at_command);
    }
}

void Node::Impl::answer_durable() {
    if (pending.empty() || phase != Phase::done) return;
    const auto persisted = [&](std::uint64_t version) {
        base::NodeSet nodes;
        for (const auto& [node, head] : on_disk) {
            if (head.epoch == state.head.epoch && head.index >= version) nodes.insert(node);
        }
        return nodes;
    };
    std::erase_if(pending, [&](Pending& p) {
        if (!p.applied) return false;
        if (std::holds_alternative<ChangeNodes>(p.command.command)) {
            if (state.next_nodes) return false;  // it does not count yet
            p.version = std::max(p.version, state.configuration.version);
        }
        const base::NodeSet nodes = persisted(p.version);
        if (quorum.majority() && quorum.enough(nodes)) {
            out.answers.push_back({p.client, base::ok(), p.version, "", {}});
            return true;
        }
        if (quorum.majority() || !nodes.includes(view.nodes())) return false;
        const std::string where =
            nodes.size() == 1 ? "on this node only" : "on " + to_string(nodes) + " only";
        out.answers.push_back({p.client,
                               base::ok(),
                               p.version,
                               where + ": the change is lost if the others go on without it",
                               {}});
        return true;
    });
}

// A change of the nodes can wait for a person; who has asked for it is told so, and it goes on.
void Node::Impl::answer_impatient() {
    std::erase_if(pending, [&](const Pending& p) {
        if (!p.applied || at.now < p.patience) return false;
        std::string waits = state.next_nodes ? change_waits() : "";
        if (waits.empty()) waits = "is not on enough disks yet: the status of each node says what is wrong";
        Answer answer{p.client, base::ok(), 0, std::move(waits), {}};  // no version holds it yet
        answer.under_way = true;
        out.answers.push_back(std::move(answer));
        return true;
    });
}

void Node::Impl::answer_converged() {
    if (waiters.empty() || phase != Phase::done) return;
    give_up_on_loops();
    if (waiters.empty() || !state.status.actions.empty()) return;
    const Schedule planned = schedule(state.configuration, state.status);
    if (!planned.actions.empty()) return;
    const std::vector<std::string> open = problems(planned, state.configuration, state.status);
    std::erase_if(waiters, [&](const Waiter& w) {
        if (w.version > state.configuration.version) return false;
        out.answers.push_back({w.client, base::ok(), state.configuration.version, "", open, true});
        return true;
    });
}

// A resource that starts and fails again and again would keep the cluster busy, and the clients waiting, for
// ever.
void Node::Impl::give_up_on_loops() {
    constexpr std::uint32_t kLoop = 3;
    const auto now = failures_by_resource(state.status);
    std::erase_if(waiters, [&](const Waiter& w) {
        for (const auto& [resource, count] : now) {
            const auto before = w.failures.find(resource);
            const std::uint32_t since =
                count - std::min(count, before == w.failures.end() ? 0 : before->second);
            if (since < kLoop) continue;
            out.answers.push_back(
                {w.client,
                 base::ok(),
                 state.configuration.version,
                 "",
                 {"resource " + resource + " fails again and again (" + std::to_string(since) +
                  " times since this command began): not waited for any longer; see crm status"},
                 true});
            return true;
        }
        return false;
    });
}

void Node::Impl::continue_shutdown() {
    if (!shutting_down || leaving_sent) return;
    const auto self = state.status.nodes.find(options.self.node);
    if (self == state.status.nodes.end() || !self->second.leaving || executor.busy()) return;
    if (runs_nothing(state, options.self.node)) {
        leaving_sent = true;
        send(Leaving{});
        return;
    }
    if (!state.status.actions.empty() || !schedule(state.configuration, state.status).actions.empty()) return;
    // Nothing more will happen: what still runs is unmanaged, or could not be stopped. The others keep it in
    // mind.
    note(base::Level::warning,
         "leaving while something still runs here, or may run: the other nodes will not take it over by "
         "themselves");
    leaving_sent = true;
    out.leave = true;
}

void Node::Impl::expire() {
    if (at.now >= leave_at) {
        note(base::Level::warning, "leaving now: resources could not be handed over in time");
        leave_at = base::Instant::never();
        out.leave = true;
    }
    if (phase == Phase::done) return;
    std::erase_if(pending, [&](const Pending& p) {
        if (p.sent || at.now < p.give_up) return false;
        out.answers.push_back(
            {p.client,
             Error{Errc::timed_out, "nothing was changed: the ring has not settled for " +
                                        std::to_string(kPatience.ms() / 1000) + " s; see custos ring status"},
             0,
             "",
             {}});
        return true;
    });
}

void Node::submit(Moment at, std::uint64_t client, std::string user, Command command) {
    impl_->at = at;
    if (const auto* change = std::get_if<ChangeNodes>(&command)) {
        if (const base::Status checked = impl_->check_change(*change); !checked) {
            impl_->out.answers.push_back({client, checked, 0, "", {}});
            return;
        }
    }
    ClientCommand numbered{impl_->next_number++, std::move(user), at.wall, std::move(command)};
    impl_->pending.push_back({client, std::move(numbered), false, false, 0, at.now + kPatience});
    if (!impl_->transitional) impl_->send_pending();
    impl_->settle();
}

void Node::wait(Moment at, std::uint64_t client, std::uint64_t version) {
    impl_->at = at;
    impl_->waiters.push_back({client, version, failures_by_resource(impl_->state.status)});
    impl_->settle();
}

void Node::forget(std::uint64_t client) {
    std::erase_if(impl_->waiters, [client](const Impl::Waiter& w) { return w.client == client; });
    std::erase(impl_->cancelling, client);
    std::erase_if(impl_->key_clients, [client](const Impl::KeyClient& c) { return c.client == client; });
    // A command that was sent stays: it takes effect whether somebody listens or not.
    std::erase_if(impl_->pending, [client](const Impl::Pending& p) { return p.client == client && !p.sent; });
}

void Node::shut_down(Moment at) {
    impl_->at = at;
    if (impl_->shutting_down) return;
    impl_->shutting_down = true;
    impl_->leave_at = at.now + kLeavePatience;
    submit(at, 0, "the daemon's shutdown", ShutdownNode{impl_->options.roster[impl_->options.self.node]});
}

}  // namespace manager
