#include <nlohmann/json.hpp>

#include "tools/view/ring.hpp"

namespace tools {
namespace {

using Json = nlohmann::ordered_json;

Json ids(const std::vector<base::NodeId>& nodes) {
    Json out = Json::array();
    for (const base::NodeId id : nodes) out.push_back(id.value);
    return out;
}

Json change_json(const RingChange& change) {
    Json out = {{"cause", change.cause},          {"at_ms", change.installed.ms},
                {"before", change.before},        {"ring", change.after},
                {"members", ids(change.members)}, {"lost", ids(change.lost)},
                {"joined", ids(change.joined)},   {"gather_us", change.gather_us},
                {"commit_us", change.commit_us},  {"recovery_us", change.recovery_us},
                {"attempts", change.attempts},    {"findings", Json::array()}};
    for (const RingFinding& finding : change.findings) {
        out["findings"].push_back({{"subject", finding.subject.value},
                                   {"reporter", finding.reporter.value},
                                   {"after_us", finding.after_us},
                                   {"evidence", finding.evidence}});
    }
    return out;
}

Json link_json(const RingLink& link) {
    return {{"peer", link.peer.value},
            {"link", link.number},
            {"interface", link.interface},
            {"local", link.local},
            {"remote", link.remote},
            {"port", link.port},
            {"state", link.state},
            {"active", link.active},
            {"lifeline", link.lifeline},
            {"since_ms", link.since.ms},
            {"round_trip_us", link.srtt_us},
            {"variation_us", link.rttvar_us},
            {"mtu", link.mtu},
            {"loss", link.loss},
            {"heartbeats_sent", link.sent},
            {"heartbeats_lost", link.lost},
            {"went_down", link.went_down},
            {"group", link.group},
            {"copies", link.copies},
            {"trouble", link.trouble}};
}

Json rejected_json(const RingReply& reply) {
    Json reasons = Json::object();
    for (const RingRejected& each : reply.rejected) reasons[each.reason] = each.frames;
    return {{"reasons", reasons},
            {"last_stranger", reply.last_foreign_source},
            {"wrong_source", reply.wrong_source},
            {"last_wrong_source", reply.last_wrong_source}};
}

Json nodes_json(const RingReply& reply) {
    Json out = Json::array();
    for (const RingNode& node : reply.nodes)
        out.push_back({{"id", node.id.value}, {"name", node.name}, {"address", node.address}});
    return out;
}

}  // namespace

std::string ring_json(const RingReply& reply) {
    Json out = {
        {"format", 1},
        {"cluster", reply.cluster_name},
        {"node", reply.node},
        {"id", reply.node_id.value},
        {"version", reply.version},
        {"waiting", reply.waiting},
        {"trouble", reply.trouble},
        {"nodes", nodes_json(reply)},
        {"ring",
         {{"id", reply.ring_id},
          {"phase", reply.phase},
          {"members", ids(reply.members)},
          {"synchronised", reply.synchronised},
          {"features", reply.features},
          {"views", reply.views}}},
        {"quorum", {{"quorate", reply.quorate}, {"reason", reply.quorum_reason}}},
        {"token",
         {{"timeout_us", reply.token_us},
          {"consensus_us", reply.consensus_us},
          {"rotation_us", reply.rotation_us},
          {"passed", reply.tokens}}},
        {"messages", {{"delivered", reply.delivered}}},
        {"datagrams",
         {{"sent", reply.sent}, {"retransmitted", reply.retransmitted}, {"discarded", reply.discarded}}},
        {"window",
         {{"outstanding_bytes", reply.outstanding},
          {"bytes", reply.window},
          {"largest_bytes", reply.largest_window}}},
        {"queue", {{"bytes", reply.queued_bytes}, {"limit_bytes", reply.queue_limit}}},
        {"frames",
         {{"received", reply.frames_received},
          {"sent", reply.frames_sent},
          {"other_version", reply.other_version},
          {"send_failed", reply.send_failed},
          {"last_send_error", reply.last_send_error},
          {"overflowed", reply.overflowed},
          {"receive_buffer_bytes", reply.receive_buffer}}},
        {"rejected", rejected_json(reply)},
        {"pauses", {{"count", reply.pauses}, {"longest_us", reply.longest_pause_us}}},
        {"realtime", reply.realtime},
        {"memory_locked", reply.memory_locked},
        {"keys", Json::array()},
        {"links", Json::array()},
        {"changes", Json::array()}};
    for (const RingKey& key : reply.keys) {
        out["keys"].push_back({{"id", key.id},
                               {"fingerprint", key.fingerprint},
                               {"sends", key == reply.keys.front()},
                               {"senders", ids(key.senders)}});
    }
    for (const RingLink& link : reply.links) out["links"].push_back(link_json(link));
    for (const RingChange& change : reply.changes) out["changes"].push_back(change_json(change));
    // The operating system's words need not be UTF-8: they are replaced, so that any reply gives a document.
    return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace tools
