#include "tools/groups/events.hpp"

namespace tools {

namespace {

static_assert(frames::kMaxName == membership::kMaxGroupName);
static_assert(frames::kMaxMessage == membership::kMaxGroupMessage);

frames::Place told(const membership::Place& place) {
    return {place.ring.seq, place.ring.representative.value, place.ring.members, place.seq.value};
}

std::vector<frames::Member> told(const std::vector<membership::GroupMember>& members) {
    std::vector<frames::Member> out;
    out.reserve(members.size());
    for (const membership::GroupMember& m : members) out.push_back(tools::told(m));
    return out;
}

std::vector<frames::Change> told(const std::vector<membership::GroupChange>& changes) {
    std::vector<frames::Change> out;
    out.reserve(changes.size());
    for (const membership::GroupChange& c : changes)
        out.push_back({tools::told(c.who), static_cast<std::uint8_t>(c.why)});
    return out;
}

}  // namespace

frames::Member told(const membership::GroupMember& member) {
    return {member.node.node.value, member.node.incarnation.value, member.client, member.pid};
}

base::Bytes head_of(const membership::GroupEvent& event) {
    if (const auto* m = std::get_if<membership::GroupMessage>(&event)) {
        return frames::encode_head(
            frames::Message{m->group, told(m->sender), told(m->place), m->transitional, {}},
            m->payload.size());
    }
    if (const auto* v = std::get_if<membership::GroupView>(&event)) {
        return frames::encode(frames::View{v->group, told(v->place), v->transitional, told(v->members),
                                           told(v->left), told(v->joined)});
    }
    const auto& ring = std::get<membership::RingView>(event);
    frames::Ring out;
    out.place = told(ring.place);
    for (const totem::Member& m : ring.view.members)
        out.members.push_back({m.node.value, m.incarnation.value});
    return frames::encode(out);
}

base::ByteView payload_of(const membership::GroupEvent& event) {
    const auto* message = std::get_if<membership::GroupMessage>(&event);
    return message == nullptr ? base::ByteView{} : base::ByteView(message->payload);
}

frames::Groups list_of(const membership::Groups& groups) {
    frames::Groups out;
    for (const std::string& name : groups.groups()) out.groups.push_back({name, told(groups.members(name))});
    return out;
}

}  // namespace tools
