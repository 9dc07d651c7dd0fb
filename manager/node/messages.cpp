#include <algorithm>

#include "manager/node/impl.hpp"

namespace manager {

void Node::Impl::send(const Message& message, totem::Guarantee guarantee) {
    out.messages.push_back({encode(message), guarantee});
}

void Node::Impl::deliver(const Sender& sender, const base::Bytes& payload) {
    base::Result<Message> message = decode_message(payload);
    if (!message) {
        note(base::Level::warning,
             "a message of node " + to_string(sender.node) + " is ignored: " + message.error().message);
        return;
    }
    if (const auto* hello = std::get_if<Hello>(&*message)) {
        take_hello(sender, *hello);
    } else if (const auto* snapshot = std::get_if<Snapshot>(&*message)) {
        take_snapshot(sender, *snapshot);
    } else if (phase == Phase::done) {
        apply(sender, *message);
    } else {
        waiting.push_back({sender, *std::move(message)});
    }
}

void Node::Impl::apply(const Sender& sender, const Message& message) {
    if (const auto* command = std::get_if<ClientCommand>(&message)) {
        const CommandOutcome outcome = apply_command(state, sender, *command);
        dirty = true;
        if (outcome.durable && std::holds_alternative<ChangeNodes>(command->command)) {
            use_nodes();
            follow_quorum();
        }
        if (outcome.durable) write_journal();
        command_applied(sender, *command, outcome);
    } else if (const auto* plan = std::get_if<Plan>(&message)) {
        if (sender.node == options.self.node) plan_sent = false;
        if (transitional || plan->ring != view.ring) return;
        if (!apply_plan(state, *plan)) dirty = true;
    } else if (const auto* report = std::get_if<Report>(&message)) {
        const ReportOutcome outcome = apply_report(state, sender, *report);
        if (outcome == ReportOutcome::surprise || state.status.actions.empty() ||
            (outcome == ReportOutcome::expected && planned_around_running)) {
            dirty = true;
        }
        const auto node = options.roster.find(sender.node);
        if (report->code != kOcfOk && report->code != kOcfNotRunning && outcome != ReportOutcome::ignored) {
            note(base::Level::warning, report->resource + ": " + report->operation + " on " +
                                           (node == options.roster.end() ? "?" : node->second) +
                                           " returned '" + ocf_code_text(report->code) + "' (" +
                                           report->reason + ")");
        }
    } else if (const auto* persisted = std::get_if<Persisted>(&message)) {
        take_persisted(sender, persisted->head);
    } else if (const auto* fact = std::get_if<QuorumFact>(&message)) {
        take_fact(sender, *fact);
    } else if (const auto* lease = std::get_if<LeaseFact>(&message)) {
        take_lease_fact(sender, *lease);
    } else if (std::holds_alternative<KeyFact>(message) || std::holds_alternative<KeyOffer>(message)) {
        take_key(sender, message);
    } else if (const auto* nodes = std::get_if<NodesFact>(&message)) {
        take_nodes_fact(sender, *nodes);
    } else if (std::holds_alternative<Leaving>(message)) {
        apply_leaving(state, sender);
        if (sender.node == options.self.node && sender.incarnation == options.self.incarnation)
            out.leave = true;
    }
    executor.delivered(state);
}

void Node::Impl::take_orders(Executor::Orders orders) {
    if (orders.cancel) out.agents.emplace_back(CancelRecurring{*orders.cancel});
    for (OperationRequest& request : orders.start) out.agents.emplace_back(std::move(request));
    for (const Report& report : orders.reports) send(report);
}

void Node::Impl::run(const std::vector<PlannedAction>& started) {
    for (const PlannedAction& action : started) {
        const auto name = options.roster.find(action.node);
        note(base::Level::info, action.operation + " " + action.resource + " on " +
                                    (name == options.roster.end() ? "?" : name->second) + ": " + action.why);
        if (action.node == options.self.node) take_orders(executor.begin(action, state, at.wall));
    }
}

void Node::Impl::maybe_plan() {
    if (!dirty || plan_sent || coordinator_of(state.status) != options.self.node) return;
    dirty = false;
    const Schedule planned = schedule(state.configuration, state.status);
    planned_around_running =
        std::any_of(state.status.actions.begin(), state.status.actions.end(),
                    [](const PlannedAction& a) { return a.state == ActionState::running; });
    if (already_planned(planned, state.status)) return;
    plan_sent = true;
    // A start is safe only when no member has left this view when it was decided (decision 0109).
    const Plan plan = make_plan(planned, state, view.ring);
    const bool starts = std::any_of(plan.actions.begin(), plan.actions.end(),
                                    [](const PlannedAction& a) { return a.operation == "start"; });
    send(plan, starts ? totem::Guarantee::safe : totem::Guarantee::agreed);
}

void Node::Impl::settle() {
    if (phase != Phase::done || transitional) return;
    follow_leases();
    follow_nodes();
    run(promote_ready(state));
    maybe_plan();
    answer_durable();
    answer_impatient();
    answer_converged();
    continue_shutdown();
}

}  // namespace manager
