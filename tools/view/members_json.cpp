#include <nlohmann/json.hpp>

#include "tools/view/lookup.hpp"
#include "tools/view/members.hpp"

namespace tools {
namespace {

using Json = nlohmann::ordered_json;

Json json_head(const RingReply& reply) {
    return {{"format", 1},
            {"cluster", reply.cluster_name},
            {"node", reply.node},
            {"id", reply.node_id.value},
            {"version", reply.version},
            {"waiting", reply.waiting},
            {"ring", {{"id", reply.ring_id}, {"phase", reply.phase}, {"synchronised", reply.synchronised}}}};
}

Json addresses_json(const RingNode& node) {
    Json out = Json::array();
    for (const RingAddress& address : node.addresses)
        out.push_back({{"link", address.link}, {"address", address.address}});
    return out;
}

// The operating system's words need not be UTF-8: they are replaced, so that any reply gives a document.
std::string document_text(const Json& document) {
    return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string members_json(const RingReply& reply) {
    Json out = json_head(reply);
    out["nodelist"] = {
        {"version", reply.nodes_version}, {"counted", reply.nodes_counted}, {"change", reply.nodes_change}};
    out["nodes"] = Json::array();
    for (const RingNode& node : reply.nodes) {
        out["nodes"].push_back({{"id", node.id.value},
                                {"name", node.name},
                                {"addresses", addresses_json(node)},
                                {"votes", node.votes},
                                {"member", is_member(reply, node.id)},
                                {"since_ms", node.since.ms},
                                {"cause", node.cause},
                                {"why", node.why},
                                {"joins", node.joins}});
    }
    return document_text(out);
}

std::string quorum_json(const RingReply& reply) {
    Json out = json_head(reply);
    out["quorate"] = reply.quorate;
    out["majority"] = reply.majority;
    out["reason"] = reply.quorum_reason;
    out["votes"] = reply.votes;
    out["needed"] = reply.needed;
    out["expected"] = reply.expected;
    out["flags"] = reply.flags;
    out["nodes"] = Json::array();
    for (const RingNode& node : reply.nodes) {
        out["nodes"].push_back({{"id", node.id.value},
                                {"name", node.name},
                                {"votes", node.votes},
                                {"member", is_member(reply, node.id)}});
    }
    return document_text(out);
}

}  // namespace tools
