#include "tools/view/ring.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

#include "tools/view/lookup.hpp"

namespace tools {
namespace {

using TimeText = std::function<std::string(base::WallTime)>;

std::string listed(const std::vector<std::string>& words) {
    std::string out = "[ ";
    for (const std::string& word : words) out += word + " ";
    return out + "]";
}

// "0.18 ms", "1301 ms"
std::string milliseconds(std::int64_t us) {
    char text[32];
    const int digits = us < 10'000 ? 2 : us < 100'000 ? 1 : 0;
    std::snprintf(text, sizeof text, "%.*f ms", digits, static_cast<double>(us) / 1000);
    return text;
}

// The first column of a change's lines.
std::string since(std::int64_t us) {
    const std::string text = milliseconds(us);
    return std::string(text.size() < 14 ? 14 - text.size() : 0, ' ') + text + "  ";
}

// The milliseconds behind the seconds: "Sun Nov 22 08:09:44.127 2026", so that lines of logs are found.
std::string precise(std::string text, base::WallTime when) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos || colon + 3 > text.size()) return text;
    char fraction[8];
    std::snprintf(fraction, sizeof fraction, ".%03d", static_cast<int>(when.ms % 1000));
    return text.insert(colon + 3, fraction);
}

class RingRenderer {
  public:
    RingRenderer(const RingReply& reply, const TimeText& time_text) : reply_(reply), time_text_(time_text) {}

    std::string run() {
        ring();
        if (reply_.node_id.value != 0) {
            token();
            links();
            traffic();
        }
        changes();
        return std::move(out_);
    }

  private:
    void title(const std::string& text) { out_ += (out_.empty() ? "" : "\n") + text + ":\n"; }
    void line(const std::string& name, const std::string& value) {
        out_ += "  * " + name + ": " + value + "\n";
    }

    [[nodiscard]] std::string name_of(base::NodeId id) const {
        for (const RingNode& node : reply_.nodes) {
            if (node.id == id && !node.name.empty()) return node.name;
        }
        return "node " + to_string(id);
    }
    [[nodiscard]] std::string names(const std::vector<base::NodeId>& nodes) const {
        std::vector<std::string> words;
        words.reserve(nodes.size());
        for (const base::NodeId id : nodes) words.push_back(name_of(id));
        return listed(words);
    }

    void ring() {
        title("Ring");
        line("Cluster", reply_.cluster_name);
        line("This node",
             reply_.node + (reply_.node_id.value == 0 ? " (not yet known which one of the node file it is)"
                                                      : " (id " + to_string(reply_.node_id) + ")"));
        if (!reply_.waiting.empty()) line("WAITING", reply_.waiting);
        if (!reply_.trouble.empty() && reply_.trouble != reply_.waiting) line("TROUBLE", reply_.trouble);
        line("Ring", (reply_.ring_id.empty() ? "none yet" : reply_.ring_id) + ", " + reply_.phase +
                         (reply_.synchronised ? ", synchronised" : ", not synchronised"));
        line("Members", names(reply_.members));
        std::vector<base::NodeId> absent;
        for (const RingNode& node : reply_.nodes) {
            const auto& here = reply_.members;
            if (std::find(here.begin(), here.end(), node.id) == here.end()) absent.push_back(node.id);
        }
        if (!absent.empty()) line("NOT HERE", names(absent));
        line("Quorum", std::string(reply_.quorate ? "yes" : "NO") +
                           (reply_.quorum_reason.empty() ? "" : " (" + reply_.quorum_reason + ")"));
    }

    void token() {
        title("Token");
        line("Rotation", reply_.rotation_us == 0 ? "not measured yet"
                                                 : milliseconds(reply_.rotation_us) +
                                                       " (while nobody sends, it is held for a while on "
                                                       "purpose)");
        line("Timeouts", "lost after " + milliseconds(reply_.token_us) +
                             ", then silent nodes are waited for another " +
                             milliseconds(reply_.consensus_us));
        line("Passed here", std::to_string(reply_.tokens));
    }

    void links() {
        title("Links");
        for (const RingLink& link : reply_.links) one_link(link);
        if (reply_.links.empty()) out_ += "  * none: this node has no peers\n";
    }

    // A port that is blocked one way is named with peer, port and direction: that is what a firewall's owner
    // asks.
    [[nodiscard]] std::string state_of(const RingLink& link) const {
        const auto blocked = [&](const std::string& from, const std::string& from_address,
                                 const std::string& to, const std::string& to_address) {
            return "BLOCKED ONE WAY: nothing arrives from " + from + " (" + from_address + ") at UDP port " +
                   std::to_string(link.port) + " of " + to + " (" + to_address + "); the other way is open";
        };
        if (link.state == "blocked_out")
            return blocked(reply_.node, link.local, name_of(link.peer), link.remote);
        if (link.state == "blocked_in")
            return blocked(name_of(link.peer), link.remote, reply_.node, link.local);
        if (link.state == "down") return "DOWN";
        return link.state == "unknown" ? "state not known yet" : link.state;
    }

    void one_link(const RingLink& link) {
        out_ += "  * " + name_of(link.peer) + " link " + std::to_string(link.number) + ": " + state_of(link);
        if (link.since.ms != 0) out_ += ", since " + time_text_(link.since);
        out_ += link.active ? "; in use" : "; not in use";
        out_ += "\n      " + link.local + (link.interface.empty() ? "" : " (" + link.interface + ")") +
                " to " + link.remote + ", UDP port " + std::to_string(link.port);
        if (link.srtt_us != 0) {
            out_ +=
                "; round trip " + milliseconds(link.srtt_us) + ", varying by " + milliseconds(link.rttvar_us);
        }
        if (link.mtu != 0) out_ += "; MTU " + std::to_string(link.mtu);
        if (link.sent != 0) {
            char percent[16];
            std::snprintf(percent, sizeof percent, "%.1f %%", link.loss * 100);
            out_ += std::string("; losing ") + percent + " (" + std::to_string(link.lost) + " of " +
                    std::to_string(link.sent) + " heartbeats since the start)";
        }
        if (link.state == "up" && !link.lifeline)
            out_ += "; no lifeline (TCP port " + std::to_string(link.port) + ")";
        if (link.went_down != 0) out_ += "; went down " + counted(link.went_down, "time");
        out_ += "\n";
        if (!link.trouble.empty()) out_ += "      TROUBLE: " + link.trouble + "\n";
    }

    void traffic() {
        title("Traffic since this daemon started");
        line("Messages", std::to_string(reply_.delivered) + " delivered");
        line("Datagrams", std::to_string(reply_.sent) + " first sent here, " +
                              std::to_string(reply_.retransmitted) + " sent again for others, " +
                              std::to_string(reply_.discarded) + " late or doubled and dropped");
        line("Waiting to be sent",
             std::to_string(reply_.queued_bytes) + " of " + counted(reply_.queue_limit, "byte"));
        line("Window", window());
        if (reply_.other_version > 0)
            line("OTHER VERSION", counted(reply_.other_version, "frame") + " of another protocol version");
        line("Frames", std::to_string(reply_.frames_received) + " received, " +
                           std::to_string(reply_.frames_sent) + " sent" +
                           (reply_.send_failed == 0 ? ""
                                                    : ", " + std::to_string(reply_.send_failed) +
                                                          " NOT sent: " + reply_.last_send_error));
        if (reply_.overflowed > 0) {
            line("LOST HERE", counted(reply_.overflowed, "frame") + ", fetched too late from a buffer of " +
                                  counted(reply_.receive_buffer, "byte"));
        }
        for (const RingKey& key : reply_.keys) line("Key " + key.fingerprint, use_of(key));
        line("Refused frames", refused());
        line("Pauses", reply_.pauses == 0 ? "none"
                                          : std::to_string(reply_.pauses) + ", the longest of " +
                                                milliseconds(reply_.longest_pause_us) +
                                                " (this machine did not let the daemon run)");
        line("Real-time priority", std::string(reply_.realtime ? "yes" : "REFUSED") +
                                       "; memory locked: " + (reply_.memory_locked ? "yes" : "REFUSED"));
    }

    [[nodiscard]] std::string window() const {
        if (reply_.largest_window == 0) return "not agreed yet";
        std::string text = std::to_string(reply_.outstanding) + " of " + counted(reply_.window, "byte") +
                           " not known to be with all members";
        if (reply_.window < reply_.largest_window) {
            text += "; LOWERED from " + std::to_string(reply_.largest_window) +
                    ", since a member's receive buffer overflowed or has become smaller";
        }
        return text;
    }

    // Which key a cluster is in the middle of leaving, and who still has to.
    [[nodiscard]] std::string use_of(const RingKey& key) const {
        const bool ours = key == reply_.keys.front();
        std::string text = ours ? "this node seals with it" : "accepted as well";
        if (reply_.keys.size() == 1) return text;
        return text + (key.senders.empty() ? "; no peer does" : "; so does " + names(key.senders));
    }

    [[nodiscard]] std::string refused() const {
        std::string text;
        for (const RingRejected& each : reply_.rejected) {
            if (each.frames > 0)
                text += (text.empty() ? "" : ", ") + std::to_string(each.frames) + " " + each.reason;
        }
        if (text.empty()) text = "none";
        if (!reply_.last_foreign_source.empty())
            text += "; the last stranger was " + reply_.last_foreign_source;
        if (reply_.wrong_source > 0) {
            text += "; " + std::to_string(reply_.wrong_source) +
                    " from another address than the node's, last " + reply_.last_wrong_source;
        }
        return text;
    }

    void changes() {
        title("Membership changes, the newest first");
        for (auto change = reply_.changes.rbegin(); change != reply_.changes.rend(); ++change)
            one_change(*change);
        if (reply_.changes.empty()) out_ += "  * none yet\n";
    }

    // "lost n2; joined n4"; a node in both lists is another process start.
    [[nodiscard]] std::string what_changed(const RingChange& change) const {
        if (change.before.empty()) return "first ring of this daemon";
        std::vector<base::NodeId> lost, joined, restarted;
        for (const base::NodeId id : change.lost) {
            const bool back =
                std::find(change.joined.begin(), change.joined.end(), id) != change.joined.end();
            (back ? restarted : lost).push_back(id);
        }
        for (const base::NodeId id : change.joined) {
            if (std::find(restarted.begin(), restarted.end(), id) == restarted.end()) joined.push_back(id);
        }
        std::string text;
        const auto add = [&](const char* what, const std::vector<base::NodeId>& nodes) {
            if (nodes.empty()) return;
            text += text.empty() ? what : std::string("; ") + what;
            for (const base::NodeId id : nodes) text += " " + name_of(id);
        };
        add(change.cause == "left" ? "left in order:" : "LOST", lost);
        add("joined", joined);
        add("restarted", restarted);
        return text.empty() ? "the same members again" : text;
    }

    void one_change(const RingChange& change) {
        out_ += "  * " + precise(time_text_(change.installed), change.installed) + ": " +
                what_changed(change) + "\n";
        for (const RingFinding& finding : change.findings) {
            out_ += since(finding.after_us) +
                    (finding.reporter.value == 0 ? "this node" : name_of(finding.reporter)) +
                    (finding.subject.value == 0 ? "" : " about " + name_of(finding.subject)) + ": " +
                    finding.evidence + "\n";
        }
        const std::int64_t all = change.gather_us + change.commit_us + change.recovery_us;
        out_ += since(all) + "ring " + change.after + " of " + names(change.members) +
                (change.before.empty() ? "" : " in place of " + change.before) + ": gather " +
                milliseconds(change.gather_us) + ", commit " + milliseconds(change.commit_us) +
                ", recovery " + milliseconds(change.recovery_us);
        if (change.attempts > 1) out_ += "; " + std::to_string(change.attempts) + " attempts";
        out_ += "\n";
    }

    const RingReply& reply_;
    const TimeText& time_text_;
    std::string out_;
};

}  // namespace

std::string render_ring(const RingReply& reply, const TimeText& time_text) {
    return RingRenderer(reply, time_text).run();
}

}  // namespace tools
