#include "tools/daemon/attendance.hpp"

#include <algorithm>
#include <string>

namespace tools {
namespace {

std::string name_of(const RingReply& reply, base::NodeId id) {
    for (const RingNode& node : reply.nodes) {
        if (node.id == id && !node.name.empty()) return node.name;
    }
    return "node " + to_string(id);
}

// What was seen of the node itself; of one that is gone, and of this node, else what began the change.
std::string evidence(const RingReply& reply, const RingChange& change, base::NodeId node, bool member) {
    const auto about = std::find_if(change.findings.begin(), change.findings.end(),
                                    [&](const RingFinding& finding) { return finding.subject == node; });
    const bool beginning = !change.findings.empty() && (!member || node == reply.node_id);
    if (about == change.findings.end() && !beginning) return "";
    const RingFinding& finding = about == change.findings.end() ? change.findings.front() : *about;
    if (finding.reporter.value == 0) return finding.evidence;
    return name_of(reply, finding.reporter) + " says: " + finding.evidence;
}

}  // namespace

void Attendance::regular(const totem::View& view, base::Instant now) {
    for (const totem::Member& member : view.members) {
        Record& record = records_[member.node];
        if (record.member && record.incarnation == member.incarnation) continue;
        record = {record.joins + 1, true, member.incarnation, now, view.ring};
    }
    for (auto& [node, record] : records_) {
        const bool here = std::any_of(view.members.begin(), view.members.end(),
                                      [id = node](const totem::Member& member) { return member.node == id; });
        if (record.member && !here) record = {record.joins, false, record.incarnation, now, view.ring};
    }
}

const Attendance::Record* Attendance::find(base::NodeId node) const {
    const auto found = records_.find(node);
    return found == records_.end() ? nullptr : &found->second;
}

void tell_attendance(RingReply& reply, const Attendance& attendance, base::Duration offset) {
    for (RingNode& node : reply.nodes) {
        const Attendance::Record* record = attendance.find(node.id);
        if (record == nullptr) continue;
        node.joins = record->joins;
        node.since = {(record->since.ns + offset.ns) / 1'000'000};
        const std::string ring = to_string(record->ring);
        for (const RingChange& change : reply.changes) {
            if (change.after != ring) continue;
            node.since = change.installed;
            node.cause = change.cause;
            node.why = evidence(reply, change, node.id, record->member);
        }
    }
}

}  // namespace tools
