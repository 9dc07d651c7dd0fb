#include "tests/sim/cluster/cluster.hpp"

#include <algorithm>
#include <cstdio>

#include "manager/scheduler/scheduler.hpp"
#include "tests/sim/cluster/process.hpp"

namespace sim {

using base::milliseconds;

namespace {

totem::RingConfig ring_config() {
    totem::RingConfig config;
    config.token_timeout = milliseconds(1000);
    return config;
}

membership::ListedNode listed(NodeId node) {
    const std::string name = "n" + std::to_string(node.value);
    return {node, name, 1, {{0, name, "10.0.0." + std::to_string(node.value)}}};
}

}  // namespace

Cluster::Cluster(std::uint64_t seed, std::uint32_t nodes, std::uint32_t spare,
                 const membership::QuorumRules& rules, bool trace)
    : trace_(trace),
      rng_(seed ^ 0x5eed),
      rules_(rules) {
    for (std::uint32_t i = 1; i <= nodes + spare; ++i) {
        names_[NodeId{i}] = "n" + std::to_string(i);
        if (i <= nodes) first_.nodes.push_back(listed(NodeId{i}));
    }
    world_ = std::make_unique<World>(seed, nodes + spare, ring_config(), *this);
}

membership::NodeList Cluster::newest() const {
    membership::NodeList best = first_;
    const auto take = [&](const membership::NodeList& list) {
        if (list.version > best.version) best = list;
    };
    for (const auto& [node, list] : files_) take(list);
    for (const auto& [node, disk] : disks_) {
        const auto known = manager::decode_nodes(disk);
        if (known && *known) take(**known);
    }
    for (const auto& [node, process] : processes_) {
        if (process->node->state().nodes.counted) take(process->node->state().nodes);
    }
    return best;
}

void Cluster::change_nodes(NodeId at, NodeId node, bool vouched) {
    const manager::Node* const by = this->node(at);
    if (by == nullptr) return;
    manager::ChangeNodes change;
    change.before = change.after = by->state().nodes;
    change.vouched = vouched;
    auto& nodes = change.after.nodes;
    const bool gone = change.before.find(node) != nullptr;
    if (gone) {
        std::erase_if(nodes, [node](const membership::ListedNode& n) { return n.id == node; });
    } else {
        nodes.insert(std::find_if(nodes.begin(), nodes.end(),
                                  [node](const membership::ListedNode& n) { return n.id > node; }),
                     listed(node));
    }
    command(at, change, [this, gone](const manager::Answer& answer) {
        if (answer.status && !answer.under_way) ++(gone ? removed : added);
    });
}

Cluster::~Cluster() = default;

manager::Moment Cluster::moment() const {
    return {world_->now(), {1'700'000'000'000 + world_->now().ns / 1'000'000}};
}

Cluster::Process* Cluster::process(const Member& who) {
    const auto at = processes_.find(who.node);
    return at != processes_.end() && at->second->who == who ? at->second.get() : nullptr;
}

const manager::Node* Cluster::node(NodeId id) const {
    const auto at = processes_.find(id);
    return at == processes_.end() ? nullptr : at->second->node.get();
}

void Cluster::say(const Member& who, const std::string& text) const {
    if (!trace_) return;
    std::printf("%10.3f ms  %s  %s\n", static_cast<double>(world_->now().ns) / 1e6,
                names_.at(who.node).c_str(), text.c_str());
}

void Cluster::fail(const std::string& what) {
    if (!violation_.empty()) return;
    violation_ = "at " + std::to_string(world_->now().ns / 1000000) + " ms: " + what;
    if (trace_) std::printf("VIOLATION %s\n", violation_.c_str());
}

// --- processes

void Cluster::start(NodeId node) {
    const membership::NodeList file = files_.count(node) != 0 ? files_[node] : first_;
    if (file.find(node) == nullptr) {
        files_[node] = newest();
        files_[node].counted = false;
    }
    world_->start(node);
}

void Cluster::started(const Member& who, bool /*remembers*/) {
    auto made = std::make_unique<Process>();
    made->who = who;
    made->tracer = std::make_unique<NodeTracer>([this, who](base::Level level, const std::string& text) {
        if (level != base::Level::debug) ++log_lines;
        say(who, text);
    });
    manager::NodeOptions options;
    options.self = {who.node, who.incarnation};
    options.rules = rules_;
    options.nodes = files_.count(who.node) != 0 ? files_[who.node] : first_;
    if (const auto disk = disks_.find(who.node); disk != disks_.end()) {
        options.journal = disk->second;
        const auto known = manager::decode_nodes(disk->second);
        if (known) options.nodes = manager::starting_nodes(options.nodes, *known);
    }
    if (options.nodes.find(who.node) == nullptr) {  // it was removed, and knows it
        world_->at(world_->now(), [this, who] { world_->leave(who.node); });
        return;
    }
    for (const membership::ListedNode& node : options.nodes.nodes) options.roster[node.id] = node.name;
    options.lease_wait = membership::stretched(lease_term());
    auto node = manager::Node::create(std::move(options), *made->tracer);
    if (!node) {
        fail("a journal cannot be read: " + node.error().message);
        return;
    }
    made->node = *std::move(node);
    say(who, "started");
    Process& process = *made;
    processes_[who.node] = std::move(made);
    begin_lease(process);
}

void Cluster::ended(const Member& who) {
    if (process(who) == nullptr) return;
    say(who, "ended");
    processes_.erase(who.node);
}

void Cluster::kill(NodeId node, bool machine) {
    world_->crash(node);
    if (!machine) return;
    machines_.power_off(node);
    guards_.erase(node);
}

void Cluster::kill_heard(NodeId node) {
    kill(node, false);
    for (const auto& [id, process] : processes_) world_->hint(id, node, totem::Hint::port_closed);
}

bool Cluster::all_vote() const {
    return std::all_of(names_.begin(), names_.end(), [this](const auto& node) {
        const auto disk = disks_.find(node.first);
        if (disk == disks_.end()) return false;
        const auto memory = manager::decode_quorum(disk->second);
        return memory && memory->voter;
    });
}

void Cluster::shut_down(NodeId id) {
    const auto at = processes_.find(id);
    if (at == processes_.end()) return;
    at->second->node->shut_down(moment());
    pump(*at->second);
}

void Cluster::happened(const Member& who, const totem::Event& event) {
    Process* p = process(who);
    if (p == nullptr) return;
    if (const auto* regular = std::get_if<totem::Regular>(&event)) {
        membership::Promises promises = p->keeper->installed(regular->view.ring, regular->view.members);
        if (bug == ClusterBug::no_promises) {
            for (membership::Promises::One& one : promises.about) one.until = {};
        }
        p->node->promised(promises);
        tell_guard(who.node, [ring = regular->view.ring](Guard& guard) { guard.lease.entered(ring); });
    }
    p->node->ring_event(moment(), event);
    // Not at once: the ring is in the middle of its own step.
    later(who, {}, [this](Process& self) { pump(self); });
}

void Cluster::noted(const Member& who, base::Level level, const std::string& text) {
    if (level == base::Level::debug) return;
    ++log_lines;
    say(who, "ring: " + text);
}

void Cluster::later(const Member& who, Duration wait, std::function<void(Process&)> action) {
    world_->at(world_->now() + wait, [this, who, action = std::move(action)] {
        if (Process* p = process(who)) action(*p);
    });
}

// --- the node's outbox

void Cluster::pump(Process& p) {
    const Member who = p.who;
    manager::NodeOutbox out = p.node->drain();
    for (const manager::DiskWrite& write : out.writes) {
        // One after the other, as the journal's writer does.
        p.disk_free = std::max(p.disk_free, world_->now()) +
                      milliseconds(1 + static_cast<std::int64_t>(rng_.below(20)));
        later(who, p.disk_free - world_->now(), [this, write](Process& self) {
            disks_[self.who.node] = write.payload;
            self.node->persisted(moment(), write.token);
            pump(self);
        });
    }
    if (out.give_up) tell_guard(who.node, [](Guard& guard) { guard.lease.give_up(); });
    if (out.nodes_changed) follow_nodes(p);
    follow_lease(p);
    for (manager::RingMessage& message : out.messages) {
        mix(message.payload.size());
        if (world_->submit(who.node, std::move(message.payload), message.guarantee) !=
            totem::Submit::accepted)
            fail("the ring refused a message");
    }
    for (const manager::AgentOrder& order : out.agents) {
        if (const auto* cancel = std::get_if<manager::CancelRecurring>(&order)) {
            ++p.monitors[cancel->resource];
        } else {
            operate(p, std::get<manager::OperationRequest>(order));
        }
    }
    for (const manager::Answer& answer : out.answers) take_answer(p, answer);
    check_epoch(p);
    if (p.node->synchronised() && p.checked != p.node->view().ring) {
        p.checked = p.node->view().ring;
        check_acknowledged(p);
    }
    if (out.leave) {
        drop(who.node);  // and guard ends with it
        guards_.erase(who.node);
        world_->leave(who.node);
        return;
    }
    const Instant next = p.node->next_deadline();
    if (next != Instant::never() && (!p.armed || next < p.armed_for)) {
        p.armed = true;
        p.armed_for = next;
        world_->at(std::max(next, world_->now()), [this, who] {
            Process* self = process(who);
            if (self == nullptr) return;
            self->armed = false;
            self->node->advance(moment());
            pump(*self);
        });
    }
}

// --- agents

void Cluster::operate(Process& p, const manager::OperationRequest& request) {
    ++operations;
    if (request.interval.ns > 0) {
        watch(p, request, -1);
        return;
    }
    if (request.action == "start" && native(request.resource)) {
        start_native(p.who, request, p.node->view().ring, world_->now() + base::seconds(3));
        return;
    }
    if (request.action == "start") {
        ++moves;
        check_start(p, request.resource);
        machines_.activate(p.who.node, request.resource);
        check_doubles();
    }
    if (request.action == "stop") ++p.monitors[request.resource];
    const std::int64_t base_ms = rng_.chance(mood.slow) ? 3000 : 30;
    later(p.who, milliseconds(1 + static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(base_ms)))),
          [this, request](Process& self) { finish(self, request); });
}

void Cluster::finish(Process& p, const manager::OperationRequest& request) {
    manager::OperationResult result;
    result.id = request.id;
    result.code = manager::kOcfOk;
    const bool active = machines_.active(p.who.node, request.resource);
    if (request.action == "monitor") {
        result.code = active ? manager::kOcfOk : manager::kOcfNotRunning;
    } else if (request.action == "start" && rng_.chance(mood.start_fails)) {
        result.code = manager::kOcfGeneric;
    } else if (request.action == "stop" && rng_.chance(mood.stop_fails)) {
        result.code = manager::kOcfGeneric;
    } else if (request.action == "stop") {
        machines_.deactivate(p.who.node, request.resource);
    }
    mix(request.id * 31 + static_cast<std::uint64_t>(result.code));
    p.node->operation_finished(moment(), result);
    pump(p);
}

// A recurring monitor: a result at once, then whenever it changes.
void Cluster::watch(Process& p, const manager::OperationRequest& request, int last_code) {
    const std::uint64_t generation = p.monitors[request.resource];
    later(p.who, last_code < 0 ? milliseconds(5) : request.interval,
          [this, request, last_code, generation](Process& self) {
              if (self.monitors[request.resource] != generation) return;
              const int code = machines_.active(self.who.node, request.resource) ? manager::kOcfOk
                                                                                 : manager::kOcfNotRunning;
              watch(self, request, code);
              if (code == last_code) return;
              self.node->operation_finished(moment(), {request.id, code, "", {}});
              pump(self);
          });
}

void Cluster::break_resource(const std::string& resource) {
    const std::set<NodeId> nodes = machines_.where(resource);
    for (const NodeId n : nodes) machines_.deactivate(n, resource);
}

// --- clients

void Cluster::command(NodeId id, manager::Command command, std::function<void(const manager::Answer&)> done) {
    const auto at = processes_.find(id);
    if (at == processes_.end()) return;
    Process& p = *at->second;
    const std::uint64_t client = p.next_client++;
    p.clients[client] = std::move(done);
    if (std::holds_alternative<manager::ChangeConfiguration>(command)) p.changes.insert(client);
    p.node->submit(moment(), client, "sim", std::move(command));
    pump(p);
}

void Cluster::wait(NodeId id, std::uint64_t version, std::function<void(const manager::Answer&)> done) {
    const auto at = processes_.find(id);
    if (at == processes_.end()) return;
    Process& p = *at->second;
    const std::uint64_t client = p.next_client++;
    p.clients[client] = std::move(done);
    p.node->wait(moment(), client, version);
    pump(p);
}

void Cluster::take_answer(Process& p, const manager::Answer& answer) {
    if (answer.client == 0) return;  // the daemon's own shutdown
    const auto client = p.clients.find(answer.client);
    if (client == p.clients.end()) {
        fail(names_[p.who.node] + " answered a client twice, or one that never asked");
        return;
    }
    if (!answer.status) {
        ++refused;
    } else if (p.changes.count(answer.client) != 0 && answer.remark.empty()) {
        ++acknowledged;
        const auto known = p.node->state().history.find(answer.version);
        if (known == p.node->state().history.end()) {
            fail("version " + std::to_string(answer.version) + " was acknowledged and is not in the history");
        } else {
            acknowledged_.push_back({answer.version, known->second});
        }
    }
    say(p.who, "answer: " + (answer.status ? "version " + std::to_string(answer.version) + " " + answer.remark
                                           : answer.status.error().message));
    const auto done = std::move(client->second);
    p.clients.erase(client);
    if (done) done(answer);
}

// --- checks

void Cluster::check_doubles() {
    const std::string doubled = machines_.doubled();
    if (proof && !doubled.empty()) {
        std::string where;
        for (const NodeId n : machines_.where(doubled)) where += " " + names_[n];
        fail(doubled + " is active in two places:" + where);
    }
}

// What was acknowledged is part of every quorate configuration for ever.
void Cluster::check_acknowledged(const Process& p) {
    const manager::State& state = p.node->state();
    if (!p.node->quorum().majority) return;
    for (const Acknowledged& a : acknowledged_) {
        const auto at = state.history.find(a.version);
        if (at == state.history.end() || at->second != a.hash) {
            fail("version " + std::to_string(a.version) + " was acknowledged and is not what " +
                 names_[p.who.node] + " has");
            return;
        }
    }
}

// An epoch is adopted in one ring only.
void Cluster::check_epoch(const Process& p) {
    const std::uint64_t epoch = p.node->state().head.epoch;
    if (epoch == 0 || !p.node->synchronised() || !p.node->quorum().majority) return;
    const auto [at, fresh] = adoptions_.try_emplace(epoch, names_[p.who.node], p.node->view().ring);
    if (!fresh && at->second.second != p.node->view().ring) {
        fail("epoch " + std::to_string(epoch) + " was adopted in two rings, by " + at->second.first +
             " and " + names_[p.who.node]);
    }
}

bool Cluster::settled() const {
    std::optional<manager::Digest> common;
    if (processes_.empty()) return true;
    for (const auto& [id, p] : processes_) {
        const manager::State& state = p->node->state();
        if (!p->node->synchronised() || p->node->view().members.size() != processes_.size()) return false;
        if (state.next_nodes) return false;
        if (!state.status.actions.empty()) return false;
        const manager::Digest own = manager::digest(state);
        if (common && *common != own) return false;
        common = own;
        if (!manager::schedule(state.configuration, state.status).actions.empty()) return false;
    }
    return true;
}

std::string Cluster::describe() const {
    std::string text;
    for (const auto& [id, p] : processes_) {
        const manager::State& state = p->node->state();
        text += names_.at(id) + ": view " + to_string(p->node->view().ring) + " of " +
                to_string(p->node->view().nodes()) +
                (p->node->synchronised() ? ", synchronised" : ", not synchronised") + ", " +
                p->node->quorum().reason + ", epoch " + std::to_string(state.head.epoch) +
                ", configuration " + std::to_string(state.configuration.version) + ", actions " +
                std::to_string(state.status.actions.size()) + ", state " +
                manager::short_text(manager::digest(state)) + ", nodes " + to_string(state.nodes.ids()) +
                " of version " + std::to_string(state.nodes.version) +
                (state.next_nodes ? ", to be " + to_string(state.next_nodes->ids()) : "") + "\n";
        for (const manager::PlannedAction& a : state.status.actions) {
            text += "    " + a.operation + " " + a.resource + " on " + names_.at(a.node) +
                    (a.state == manager::ActionState::running ? " (running)" : " (pending)") + "\n";
        }
        for (const manager::ScheduledAction& a :
             manager::schedule(state.configuration, state.status).actions) {
            text += "    to do: " + a.operation + " " + a.resource + " on " + names_.at(a.node) + ": " +
                    a.why + "\n";
        }
    }
    return text;
}

}  // namespace sim
