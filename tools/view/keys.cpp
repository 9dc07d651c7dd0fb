#include "tools/view/keys.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "tools/view/lookup.hpp"

namespace tools {
namespace {

using Json = nlohmann::ordered_json;

std::string line(const std::string& text) {
    return "  * " + text + "\n";
}

const RingKeyHolder* holder_of(const RingReply& reply, base::NodeId node) {
    const auto at = std::find_if(reply.key_holders.begin(), reply.key_holders.end(),
                                 [&](const RingKeyHolder& h) { return h.node == node; });
    return at == reply.key_holders.end() ? nullptr : &*at;
}

std::string words_of(const RingReply& reply, const RingNode& node) {
    const RingKeyHolder* holder = holder_of(reply, node.id);
    const bool here = is_member(reply, node.id);
    if (holder == nullptr) return here ? "has not said yet" : "absent; nothing is known of its key";
    return std::string(here ? "" : "absent; when last here it ") + "seals with " + holder->sends +
           (holder->accepts.empty() ? "" : ", accepts " + holder->accepts + " as well");
}

}  // namespace

std::string render_keys(const RingReply& reply) {
    std::string out = "Key:\n";
    if (!reply.waiting.empty()) out += line("WAITING: " + reply.waiting);
    for (std::size_t i = 0; i < reply.keys.size(); ++i) {
        out += line(std::to_string(reply.keys[i].id) + ", " + reply.keys[i].fingerprint +
                    (i == 0 ? ": this node seals with it" : ": accepted as well"));
    }
    out += line("Change: " + (reply.key_change.empty() ? "none under way" : reply.key_change));
    if (!reply.key_trouble.empty()) out += line("NOT DONE HERE: " + reply.key_trouble);
    for (const RingRejected& refused : reply.rejected) {
        if (refused.reason == "wrong key" && refused.frames > 0) {
            out += line("REFUSED: " + counted(refused.frames, "frame") +
                        " sealed with another key; last refused from " + reply.last_foreign_source);
        }
    }
    out += "\nNodes:\n";
    for (const RingNode& node : reply.nodes) {
        const std::string name = node.name.empty() ? "node " + to_string(node.id) : node.name;
        out += line(name + ": " + words_of(reply, node));
    }
    return out;
}

std::string keys_json(const RingReply& reply) {
    Json out = {{"format", 1}, {"cluster", reply.cluster_name}, {"node", reply.node}};
    out["keys"] = Json::array();
    for (std::size_t i = 0; i < reply.keys.size(); ++i) {
        out["keys"].push_back(
            {{"id", reply.keys[i].id}, {"fingerprint", reply.keys[i].fingerprint}, {"sends", i == 0}});
    }
    out["change"] = reply.key_change;
    out["trouble"] = reply.key_trouble;
    out["nodes"] = Json::array();
    for (const RingNode& node : reply.nodes) {
        const RingKeyHolder* holder = holder_of(reply, node.id);
        out["nodes"].push_back({{"id", node.id.value},
                                {"name", node.name},
                                {"member", is_member(reply, node.id)},
                                {"sends", holder == nullptr ? "" : holder->sends},
                                {"accepts", holder == nullptr ? "" : holder->accepts}});
    }
    return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace tools
