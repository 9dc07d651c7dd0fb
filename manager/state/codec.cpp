#include <algorithm>
#include <array>

#include "manager/model/codec.hpp"
#include "manager/state/message.hpp"
#include "manager/state/state.hpp"
#include "state.pb.h"

namespace manager {

namespace pb = custos::state;
using base::Errc;
using base::Error;
using base::Result;

namespace {

template <typename Message>
base::Bytes bytes_of(const Message& message) {
    base::Bytes out(message.ByteSizeLong());
    message.SerializeToArray(out.data(), static_cast<int>(out.size()));
    return out;
}

std::string blob(const base::Bytes& bytes) {
    return std::string(base::as_text(bytes));
}
std::string blob(const Digest& digest) {
    return std::string(base::as_text(digest));
}

Error malformed(const char* what) {
    return {Errc::invalid, std::string("malformed ") + what};
}

Result<Digest> digest_of(const std::string& bytes) {
    Digest out{};
    if (bytes.size() != out.size()) return malformed("digest");
    std::copy(bytes.begin(), bytes.end(), out.begin());
    return out;
}

void put(const base::RingId& from, pb::Ring& to) {
    to.set_seq(from.seq);
    to.set_representative(from.representative.value);
    to.set_members(from.members);
}
base::RingId ring_of(const pb::Ring& from) {
    return {from.seq(), {from.representative()}, from.members()};
}

void put(const Head& from, pb::Head& to) {
    to.set_epoch(from.epoch);
    to.set_index(from.index);
    to.set_hash(blob(from.hash));
}
Result<Head> head_of(const pb::Head& from) {
    TRY(const Digest hash, digest_of(from.hash()));
    return Head{from.epoch(), from.index(), hash};
}

void put(const membership::Roster& from, pb::Roster& to) {
    to.set_epoch(from.epoch);
    for (const base::NodeId node : from.nodes) to.add_nodes(node.value);
}
membership::Roster roster_of(const pb::Roster& from) {
    membership::Roster roster;
    roster.epoch = from.epoch();
    for (const std::uint32_t node : from.nodes()) roster.nodes.insert({node});
    return roster;
}

void put(const membership::QuorumMemory& from, pb::QuorumMemory& to) {
    to.set_voter(from.voter);
    put(from.roster, *to.mutable_roster());
    if (from.before) put(*from.before, *to.mutable_before());
}
membership::QuorumMemory memory_of(const pb::QuorumMemory& from) {
    membership::QuorumMemory memory{from.voter(), roster_of(from.roster()), {}};
    if (from.has_before()) memory.before = roster_of(from.before());
    return memory;
}

void put(const membership::QuorumStamp& from, pb::QuorumStamp& to) {
    to.set_voter(from.voter);
    to.set_epoch(from.epoch);
}
membership::QuorumStamp stamp_of(const pb::QuorumStamp& from) {
    return {from.voter(), from.epoch()};
}

void put(const membership::KeyName& from, pb::KeyName& to) {
    to.set_id(from.id);
    to.set_fingerprint(from.fingerprint);
}
membership::KeyName key_name_of(const pb::KeyName& from) {
    return {static_cast<std::uint8_t>(from.id()), from.fingerprint()};
}

struct PutMessage {
    pb::Message& to;
    void operator()(const Hello& m) const {
        pb::Hello& hello = *to.mutable_hello();
        put(m.ring, *hello.mutable_ring());
        hello.set_name(m.name);
        put(m.head, *hello.mutable_head());
        hello.set_live(m.live);
        put(m.quorum.memory, *hello.mutable_quorum()->mutable_memory());
        put(m.quorum.durable, *hello.mutable_quorum()->mutable_durable());
        hello.mutable_quorum()->set_satisfied(m.quorum.satisfied);
        hello.mutable_quorum()->set_quorate(m.quorum.quorate);
        hello.mutable_quorum()->set_rules(m.quorum.rules);
        hello.mutable_quorum()->set_list(m.quorum.list);
        hello.set_member_since(m.member_since);
        hello.set_state(blob(m.state));
        hello.set_reports(m.reports);
        ClusterStatus own;
        own.nodes[base::NodeId{1}].resources = m.records;
        own.actions = m.running;
        own.former = m.definitions;
        hello.set_own(blob(encode(own)));
        for (const membership::Promise& promise : m.promises) {
            pb::Promise& out = *hello.add_promises();
            out.set_node(promise.node.value);
            out.set_left_ns(promise.left.ns);
            out.set_last_ring(promise.last_ring);
        }
        hello.set_obeys(m.obeys);
        for (const base::NodeId node : m.took) hello.add_took(node.value);
    }
    void operator()(const Snapshot& m) const {
        put(m.ring, *to.mutable_snapshot()->mutable_ring());
        to.mutable_snapshot()->set_state(blob(m.state));
    }
    void operator()(const Persisted& m) const { put(m.head, *to.mutable_persisted()); }
    void operator()(const ClientCommand& m) const {
        pb::ClientCommand& command = *to.mutable_command();
        command.set_number(m.number);
        command.set_user(m.user);
        command.set_when_ms(m.when.ms);
        command.set_command(blob(encode(m.command)));
    }
    void operator()(const Plan& m) const {
        put(m.ring, *to.mutable_plan()->mutable_ring());
        to.mutable_plan()->set_configuration(m.configuration);
        ClusterStatus actions;
        actions.actions = m.actions;
        to.mutable_plan()->set_actions(blob(encode(actions)));
    }
    void operator()(const Report& m) const {
        pb::Report& report = *to.mutable_report();
        report.set_number(m.number);
        report.set_action(m.action);
        report.set_resource(m.resource);
        report.set_operation(m.operation);
        report.set_interval_ns(m.interval.ns);
        report.set_code(m.code);
        report.set_reason(m.reason);
        report.set_params(m.params);
        report.set_monitors(m.monitors);
        report.set_when_ms(m.when.ms);
    }
    void operator()(const QuorumFact& m) const {
        pb::QuorumFact& fact = *to.mutable_quorum();
        put(m.ring, *fact.mutable_ring());
        switch (m.kind) {
            case QuorumFact::Kind::roster_proposed:
                fact.set_roster_proposed(true);
                break;
            case QuorumFact::Kind::persisted:
                put(m.stamp, *fact.mutable_persisted());
                break;
            case QuorumFact::Kind::wait_for_all_cancelled:
                fact.set_wait_for_all_cancelled(true);
                break;
        }
    }
    void operator()(const LeaseFact& m) const {
        pb::LeaseFact& fact = *to.mutable_lease();
        put(m.ring, *fact.mutable_ring());
        if (m.out) {
            fact.set_out(m.out->value);
        } else {
            fact.set_obeys(m.obeys);
        }
    }
    void operator()(const KeyFact& m) const {
        put(m.word.sending, *to.mutable_key()->mutable_sending());
        if (m.word.other) put(*m.word.other, *to.mutable_key()->mutable_other());
        to.mutable_key()->set_without_absent(m.word.without_absent);
        for (const base::NodeId node : m.word.left_out) to.mutable_key()->add_left_out(node.value);
        to.mutable_key()->set_trouble(m.word.trouble);
    }
    void operator()(const KeyOffer& m) const {
        to.mutable_key_offer()->set_id(m.key.id);
        to.mutable_key_offer()->set_key(std::string(base::as_text(m.key.key.bytes())));
    }
    void operator()(const NodesFact& m) const {
        put(m.ring, *to.mutable_nodes()->mutable_ring());
        to.mutable_nodes()->set_version(m.version);
    }
    void operator()(const Leaving& /*m*/) const { to.set_leaving(true); }
};

Result<Message> hello_of(const pb::Hello& from) {
    Hello hello;
    hello.ring = ring_of(from.ring());
    hello.name = from.name();
    TRY(hello.head, head_of(from.head()));
    hello.live = from.live();
    hello.quorum = {memory_of(from.quorum().memory()),
                    stamp_of(from.quorum().durable()),
                    from.quorum().satisfied(),
                    from.quorum().quorate(),
                    from.quorum().rules(),
                    from.quorum().list()};
    hello.member_since = from.member_since();
    TRY(hello.state, digest_of(from.state()));
    hello.reports = from.reports();
    TRY(ClusterStatus own, decode_status(base::as_bytes(from.own())));
    if (own.nodes.size() != 1) return malformed("hello");
    hello.records = std::move(own.nodes.begin()->second.resources);
    hello.running = std::move(own.actions);
    hello.definitions = std::move(own.former);
    for (const pb::Promise& promise : from.promises()) {
        if (promise.left_ns() < 0) return malformed("hello");
        hello.promises.push_back(
            {{promise.node()}, base::nanoseconds(promise.left_ns()), promise.last_ring()});
    }
    hello.obeys = from.obeys();
    for (const std::uint32_t node : from.took()) hello.took.insert({node});
    return Message{std::move(hello)};
}

Result<Message> fact_of(const pb::QuorumFact& from) {
    QuorumFact fact;
    fact.ring = ring_of(from.ring());
    switch (from.fact_case()) {
        case pb::QuorumFact::kRosterProposed:
            fact.kind = QuorumFact::Kind::roster_proposed;
            return Message{fact};
        case pb::QuorumFact::kPersisted:
            fact.kind = QuorumFact::Kind::persisted;
            fact.stamp = stamp_of(from.persisted());
            return Message{fact};
        case pb::QuorumFact::kWaitForAllCancelled:
            fact.kind = QuorumFact::Kind::wait_for_all_cancelled;
            return Message{fact};
        case pb::QuorumFact::FACT_NOT_SET:
            break;
    }
    return malformed("fact about quorum");
}

Result<Message> fact_of(const pb::LeaseFact& from) {
    LeaseFact fact;
    fact.ring = ring_of(from.ring());
    switch (from.fact_case()) {
        case pb::LeaseFact::kOut:
            fact.out = base::NodeId{from.out()};
            return Message{fact};
        case pb::LeaseFact::kObeys:
            fact.obeys = from.obeys();
            return Message{fact};
        case pb::LeaseFact::FACT_NOT_SET:
            break;
    }
    return malformed("fact about a lease");
}

Result<Message> key_fact_of(const pb::KeyFact& from) {
    KeyFact fact;
    fact.word = {key_name_of(from.sending()), {}, from.without_absent(), {}, from.trouble()};
    for (const std::uint32_t node : from.left_out()) fact.word.left_out.insert({node});
    if (from.has_other()) fact.word.other = key_name_of(from.other());
    if (from.sending().id() > 255 || from.other().id() > 255) return malformed("word about keys");
    return Message{std::move(fact)};
}

Result<Message> key_offer_of(const pb::KeyOffer& from) {
    std::array<std::uint8_t, totem::MasterKey::kSize> bytes{};
    if (from.id() > 255 || from.key().size() != bytes.size()) return malformed("offer of a key");
    std::copy(from.key().begin(), from.key().end(), bytes.begin());
    return Message{KeyOffer{{static_cast<std::uint8_t>(from.id()), totem::MasterKey(bytes)}}};
}

Report report_of(const pb::Report& from) {
    Report report;
    report.number = from.number();
    report.action = from.action();
    report.resource = from.resource();
    report.operation = from.operation();
    report.interval = base::nanoseconds(from.interval_ns());
    report.code = from.code();
    report.reason = from.reason();
    report.params = from.params();
    report.monitors = from.monitors();
    report.when = {from.when_ms()};
    return report;
}

void put_durable(const State& from, pb::State& to) {
    put(from.head, *to.mutable_head());
    to.set_configuration(blob(encode(from.configuration)));
    to.set_last_user(from.last_user);
    to.set_last_change_ms(from.last_change.ms);
    for (const auto& [node, last] : from.requests) {
        pb::LastRequest& request = (*to.mutable_requests())[node.value];
        request.set_incarnation(last.incarnation.value);
        request.set_number(last.number);
    }
    for (const auto& [name, version] : from.changed) (*to.mutable_changed())[name] = version;
    for (const auto& [index, hash] : from.history) (*to.mutable_history())[index] = blob(hash);
    if (from.nodes.counted || from.next_nodes) to.set_nodes(blob(membership::encode(from.nodes)));
    if (from.next_nodes) to.set_next_nodes(blob(membership::encode(*from.next_nodes)));
}

Result<std::optional<membership::NodeList>> list_of(const std::string& bytes) {
    if (bytes.empty()) return std::optional<membership::NodeList>{};
    TRY(membership::NodeList list, membership::decode_node_list(base::as_bytes(bytes)));
    return std::optional{std::move(list)};
}

}  // namespace

base::Bytes encode(const Message& message) {
    pb::Message to;
    std::visit(PutMessage{to}, message);
    return bytes_of(to);
}

Result<Message> decode_message(base::ByteView bytes) {
    pb::Message from;
    if (!from.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return malformed("message");
    switch (from.message_case()) {
        case pb::Message::kHello:
            return hello_of(from.hello());
        case pb::Message::kSnapshot:
            return Message{
                Snapshot{ring_of(from.snapshot().ring()),
                         base::Bytes(from.snapshot().state().begin(), from.snapshot().state().end())}};
        case pb::Message::kPersisted: {
            TRY(const Head head, head_of(from.persisted()));
            return Message{Persisted{head}};
        }
        case pb::Message::kCommand: {
            TRY(Command command, decode_command(base::as_bytes(from.command().command())));
            return Message{ClientCommand{from.command().number(),
                                         from.command().user(),
                                         {from.command().when_ms()},
                                         std::move(command)}};
        }
        case pb::Message::kPlan: {
            TRY(ClusterStatus actions, decode_status(base::as_bytes(from.plan().actions())));
            return Message{
                Plan{ring_of(from.plan().ring()), from.plan().configuration(), std::move(actions.actions)}};
        }
        case pb::Message::kReport:
            return Message{report_of(from.report())};
        case pb::Message::kQuorum:
            return fact_of(from.quorum());
        case pb::Message::kLease:
            return fact_of(from.lease());
        case pb::Message::kKey:
            return key_fact_of(from.key());
        case pb::Message::kKeyOffer:
            return key_offer_of(from.key_offer());
        case pb::Message::kNodes:
            return Message{NodesFact{ring_of(from.nodes().ring()), from.nodes().version()}};
        case pb::Message::kLeaving:
            return Message{Leaving{}};
        case pb::Message::MESSAGE_NOT_SET:
            break;
    }
    return malformed("message: of a kind that this version does not know");
}

base::Bytes encode_durable(const State& state) {
    pb::State to;
    put_durable(state, to);
    return bytes_of(to);
}

base::Bytes encode_journal(const State& state, const membership::QuorumMemory& quorum) {
    pb::State to;
    put_durable(state, to);
    put(quorum, *to.mutable_quorum());
    return bytes_of(to);
}

Result<membership::QuorumMemory> decode_quorum(base::ByteView journal) {
    pb::State from;
    if (!from.ParseFromArray(journal.data(), static_cast<int>(journal.size()))) return malformed("state");
    return memory_of(from.quorum());
}

Result<std::optional<membership::NodeList>> decode_nodes(base::ByteView journal) {
    pb::State from;
    if (!from.ParseFromArray(journal.data(), static_cast<int>(journal.size()))) return malformed("state");
    TRY(std::optional<membership::NodeList> list, list_of(from.nodes()));
    // As long as its first change does not count, the file has the nodes.
    if (list && !list->counted) list.reset();
    return list;
}

base::Bytes encode(const State& state) {
    pb::State to;
    put_durable(state, to);
    to.set_status(blob(encode(state.status)));
    to.set_next_action(state.next_action);
    return bytes_of(to);
}

Result<State> decode_state(base::ByteView bytes) {
    pb::State from;
    if (!from.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return malformed("state");
    State to;
    TRY(to.head, head_of(from.head()));
    TRY(to.configuration, decode_configuration(base::as_bytes(from.configuration())));
    TRY(to.status, decode_status(base::as_bytes(from.status())));
    if (from.next_action() != 0) to.next_action = from.next_action();
    to.last_user = from.last_user();
    to.last_change = {from.last_change_ms()};
    for (const auto& [node, last] : from.requests()) {
        to.requests[base::NodeId{node}] = {{last.incarnation()}, last.number()};
    }
    for (const auto& [name, version] : from.changed()) to.changed[name] = version;
    for (const auto& [index, hash] : from.history()) {
        TRY(const Digest value, digest_of(hash));
        to.history[index] = value;
    }
    TRY(std::optional<membership::NodeList> nodes, list_of(from.nodes()));
    if (nodes) to.nodes = *std::move(nodes);
    TRY(to.next_nodes, list_of(from.next_nodes()));
    return to;
}

}  // namespace manager
