// The C API. Nothing but memory can throw in here, and nothing leaves.
#include "custos.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <map>
#include <new>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tools/groups/frames.hpp"
#include "tools/libcustos/connection.hpp"

namespace frames = tools::frames;
using libcustos::Clock;
using libcustos::Connection;

namespace {

constexpr std::chrono::seconds kAnswer{10};

custos_member member_of(const frames::Member& m) {
    return {m.incarnation, m.client, m.node, m.pid};
}

std::vector<custos_member> members_of(const std::vector<frames::Member>& members) {
    std::vector<custos_member> out;
    out.reserve(members.size());
    for (const frames::Member& m : members) out.push_back(member_of(m));
    return out;
}

std::vector<custos_change> changes_of(const std::vector<frames::Change>& changes) {
    std::vector<custos_change> out;
    out.reserve(changes.size());
    for (const frames::Change& c : changes) out.push_back({member_of(c.who), c.why, 0});
    return out;
}

custos_place place_of(const frames::Place& p) {
    return {p.ring, p.digest, p.seq, p.representative, 0};
}

bool is_same(const custos_member& a, const custos_member& b) {
    return a.node == b.node && a.incarnation == b.incarnation && a.client == b.client;
}

// Runs `body`; what it throws is a want of memory.
template <typename Body>
int guarded(Body&& body) {
    try {
        return body();
    } catch (...) {
        return CUSTOS_NO_MEMORY;
    }
}

}  // namespace

struct custos_client {
    Connection connection;
    std::string error;
    custos_member self{};
    std::uint32_t max_groups{0};
    std::int64_t bytes{0}, messages{0};  // of credit
    bool wants_credit{false};
    std::set<std::string> wanted;  // groups that it joined or is about to
    std::map<std::string, std::vector<custos_member>> groups;

    // The last event and what it points to.
    custos_event event{};
    std::string group, text;
    std::vector<custos_member> members, nodes;
    std::vector<custos_change> left, joined;

    int fail(custos_result result, const std::string& why) {
        error = why;
        return result;
    }
    int failed(custos_result result) { return fail(result, connection.error()); }
    [[nodiscard]] bool has_credit() const { return bytes > 0 && messages > 0; }

    int request(const char* name, std::size_t size, std::string& out);
    int send(base::ByteView head, base::ByteView payload);
    // What a frame means: whether it is an event.
    bool take(const frames::Reply& reply);
    void take_view(const frames::View& view);
    void begin(custos_event_kind kind, const std::string& name);
};

struct custos_list {
    std::string error;
    std::vector<std::string> names;
    std::vector<std::vector<custos_member>> members;
};

// What each request has to have: a name, a connection, and credit.
int custos_client::request(const char* name, std::size_t size, std::string& out) {
    if (name == nullptr || size == 0 || size > CUSTOS_MAX_NAME)
        return fail(CUSTOS_INVALID, "a group's name has 1 to " + std::to_string(CUSTOS_MAX_NAME) + " bytes");
    out.assign(name, size);
    if (!connection.is_usable()) {  // credit will never come
        const std::string& why = connection.error();
        return fail(CUSTOS_LOST, why.empty() ? "there is no connection" : why);
    }
    if (has_credit()) return CUSTOS_OK;
    wants_credit = true;
    return fail(CUSTOS_NO_CREDIT, "what was sent before is still on its way: wait for CUSTOS_EVENT_CREDIT");
}

int custos_client::send(base::ByteView head, base::ByteView payload) {
    const custos_result sent = connection.send(head, payload);
    if (sent != CUSTOS_OK) return failed(sent);
    bytes -= static_cast<std::int64_t>(frames::charge(payload.size()));
    --messages;
    return CUSTOS_OK;
}

void custos_client::begin(custos_event_kind kind, const std::string& name) {
    event = {};
    event.kind = kind;
    group = name;
    event.group = group.empty() ? nullptr : group.data();
    event.group_size = group.size();
}

void custos_client::take_view(const frames::View& view) {
    begin(CUSTOS_EVENT_VIEW, view.group);
    event.transitional = view.transitional ? 1 : 0;
    event.place = place_of(view.place);
    members = members_of(view.members);
    left = changes_of(view.left);
    joined = changes_of(view.joined);
    event.members = members.data();
    event.member_count = members.size();
    event.left = left.data();
    event.left_count = left.size();
    event.joined = joined.data();
    event.joined_count = joined.size();
    const bool in = std::any_of(members.begin(), members.end(),
                                [this](const custos_member& m) { return is_same(m, self); });
    if (in) {
        groups[view.group] = members;
    } else {
        groups.erase(view.group);
    }
}

bool custos_client::take(const frames::Reply& reply) {
    if (const auto* message = std::get_if<frames::Message>(&reply)) {
        begin(CUSTOS_EVENT_MESSAGE, message->group);
        event.transitional = message->transitional ? 1 : 0;
        event.place = place_of(message->place);
        event.sender = member_of(message->sender);
        event.payload = message->payload.data();
        event.payload_size = message->payload.size();
    } else if (const auto* view = std::get_if<frames::View>(&reply)) {
        take_view(*view);
    } else if (const auto* ring = std::get_if<frames::Ring>(&reply)) {
        begin(CUSTOS_EVENT_RING, "");
        event.place = place_of(ring->place);
        nodes.clear();
        for (const frames::Ring::Node& node : ring->members)
            nodes.push_back({node.incarnation, 0, node.node, 0});
        event.nodes = nodes.data();
        event.node_count = nodes.size();
    } else if (const auto* refused = std::get_if<frames::Refused>(&reply)) {
        begin(CUSTOS_EVENT_REFUSED, refused->group);
        wanted.erase(refused->group);
        text = refused->why;
        event.text = text.c_str();
    } else if (const auto* credits = std::get_if<frames::Credits>(&reply)) {
        bytes += static_cast<std::int64_t>(credits->bytes);
        messages += credits->messages;
        if (!wants_credit || !has_credit()) return false;
        wants_credit = false;
        begin(CUSTOS_EVENT_CREDIT, "");
    } else {
        return false;
    }
    return true;
}

namespace {

// The first answer of the daemon, to hello or list.
int first_answer(Connection& connection, std::optional<frames::Reply>& reply, std::string& error) {
    custos_result got = CUSTOS_OK;
    const auto until = Clock::now() + kAnswer;
    do {
        got = connection.receive(until);
    } while (got == CUSTOS_SYSTEM && errno == EINTR);
    if (got == CUSTOS_NONE) {
        error = "custosd does not answer within " + std::to_string(kAnswer.count()) +
                " s: its core hangs or is overloaded, see journalctl -u custosd";
        return CUSTOS_ABSENT;
    }
    if (got != CUSTOS_OK) {
        error = connection.error();
        return got;
    }
    reply = frames::decode_reply(connection.body());
    if (const auto* end = reply ? std::get_if<frames::End>(&*reply) : nullptr) {
        error = end->why;
        return CUSTOS_LOST;
    }
    return CUSTOS_OK;
}

int turned_away(custos_client& client, int why) {
    client.connection.lose(client.error);
    return why;
}

int connect(custos_client& client, const char* socket, unsigned flags) {
    if ((flags & ~CUSTOS_RING_VIEWS) != 0) return client.fail(CUSTOS_INVALID, "a flag that is none");
    if (const custos_result opened = client.connection.open(socket); opened != CUSTOS_OK)
        return client.failed(opened);
    const base::Bytes hello =
        frames::encode(frames::Request{frames::Hello{frames::kVersion, (flags & CUSTOS_RING_VIEWS) != 0}});
    // One that turns us away does so before it reads: what it said is still there.
    if (const custos_result sent = client.connection.send(hello, {});
        sent != CUSTOS_OK && sent != CUSTOS_LOST)
        return client.failed(sent);
    std::optional<frames::Reply> reply;
    const int answered = first_answer(client.connection, reply, client.error);
    if (answered != CUSTOS_OK) return turned_away(client, answered);
    const auto* welcome = reply ? std::get_if<frames::Welcome>(&*reply) : nullptr;
    if (welcome == nullptr)
        return client.failed(client.connection.lose("custosd is of another release: it did not say welcome"));
    client.self = member_of(welcome->self);
    client.max_groups = welcome->max_groups;
    // Then the first credits come.
    if (const int given = first_answer(client.connection, reply, client.error); given != CUSTOS_OK)
        return turned_away(client, given);
    if (reply) static_cast<void>(client.take(*reply));
    return CUSTOS_OK;
}

int list_groups(custos_list& list, const char* socket) {
    Connection connection;
    custos_result done = connection.open(socket);
    if (done == CUSTOS_OK) done = connection.send(frames::encode(frames::Request{frames::List{}}), {});
    if (done != CUSTOS_OK && done != CUSTOS_LOST) {
        list.error = connection.error();
        return done;
    }
    std::optional<frames::Reply> reply;
    const int answered = first_answer(connection, reply, list.error);
    if (answered != CUSTOS_OK) return answered;
    const auto* groups = reply ? std::get_if<frames::Groups>(&*reply) : nullptr;
    if (groups == nullptr) {
        list.error = "custosd is of another release: it did not list its groups";
        return CUSTOS_LOST;
    }
    for (const frames::Groups::Group& group : groups->groups) {
        list.names.push_back(group.name);
        list.members.push_back(members_of(group.members));
    }
    return CUSTOS_OK;
}

int next(custos_client& client, int timeout_ms) {
    std::optional<Clock::time_point> until;
    if (timeout_ms >= 0) until = Clock::now() + std::chrono::milliseconds(timeout_ms);
    for (;;) {
        if (const custos_result got = client.connection.receive(until); got != CUSTOS_OK)
            return client.failed(got);
        const std::optional<frames::Reply> reply = frames::decode_reply(client.connection.body());
        if (!reply) {
            return client.failed(
                client.connection.lose("custosd said something that is not understood: is it newer?"));
        }
        if (const auto* end = std::get_if<frames::End>(&*reply))
            return client.failed(client.connection.lose(end->why));
        if (client.take(*reply)) return CUSTOS_OK;
    }
}

}  // namespace

extern "C" {

int custos_connect(const char* socket, unsigned flags, custos_client** client) {
    if (client == nullptr) return CUSTOS_INVALID;
    *client = new (std::nothrow) custos_client;
    if (*client == nullptr) return CUSTOS_NO_MEMORY;
    return guarded([&] { return connect(**client, socket, flags); });
}

void custos_close(custos_client* client) {
    if (client == nullptr) return;
    static_cast<void>(guarded([&] {
        // A child after fork() has a copy of the descriptor: the parent is still a member.
        if (client->connection.is_own() && client->connection.is_usable()) {
            static_cast<void>(
                client->connection.send(frames::encode(frames::Request{frames::Goodbye{}}), {}));
        }
        return CUSTOS_OK;
    }));
    delete client;
}

int custos_fd(const custos_client* client) {
    return client == nullptr ? -1 : client->connection.fd();
}

custos_member custos_self(const custos_client* client) {
    return client == nullptr ? custos_member{} : client->self;
}

int custos_join(custos_client* client, const char* group, std::size_t group_size) {
    if (client == nullptr) return CUSTOS_INVALID;
    return guarded([&]() -> int {
        std::string name;
        if (const int may = client->request(group, group_size, name); may != CUSTOS_OK) return may;
        if (client->wanted.count(name) != 0)
            return client->fail(CUSTOS_CONFLICT, "is a member of '" + name + "' already");
        if (client->wanted.size() >= client->max_groups) {
            return client->fail(CUSTOS_CONFLICT,
                                "is a member of " + std::to_string(client->max_groups) + " groups already");
        }
        const int sent = client->send(frames::encode(frames::Request{frames::Join{name}}), {});
        if (sent == CUSTOS_OK) client->wanted.insert(name);
        return sent;
    });
}

int custos_leave(custos_client* client, const char* group, std::size_t group_size) {
    if (client == nullptr) return CUSTOS_INVALID;
    return guarded([&]() -> int {
        std::string name;
        if (const int may = client->request(group, group_size, name); may != CUSTOS_OK) return may;
        if (client->wanted.count(name) == 0)
            return client->fail(CUSTOS_CONFLICT, "is no member of '" + name + "'");
        const int sent = client->send(frames::encode(frames::Request{frames::Leave{name}}), {});
        if (sent == CUSTOS_OK) client->wanted.erase(name);
        return sent;
    });
}

int custos_send(custos_client* client, const char* group, std::size_t group_size, const void* payload,
                std::size_t size, enum custos_guarantee guarantee) {
    if (client == nullptr) return CUSTOS_INVALID;
    return guarded([&]() -> int {
        std::string name;
        if (const int may = client->request(group, group_size, name); may != CUSTOS_OK) return may;
        if (size > CUSTOS_MAX_MESSAGE || (payload == nullptr && size > 0)) {
            return client->fail(CUSTOS_INVALID, "a message has at most " +
                                                    std::to_string(CUSTOS_MAX_MESSAGE) + " bytes, not " +
                                                    std::to_string(size));
        }
        const base::ByteView bytes(static_cast<const std::uint8_t*>(payload), size);
        return client->send(frames::encode_head(frames::Send{guarantee == CUSTOS_SAFE, name, {}}, size),
                            bytes);
    });
}

void custos_credit(const custos_client* client, std::size_t* messages, std::size_t* bytes) {
    const auto positive = [](std::int64_t n) {
        return static_cast<std::size_t>(std::max<std::int64_t>(n, 0));
    };
    if (messages != nullptr) *messages = client == nullptr ? 0 : positive(client->messages);
    if (bytes != nullptr) *bytes = client == nullptr ? 0 : positive(client->bytes);
}

int custos_next(custos_client* client, int timeout_ms, const custos_event** event) {
    if (client == nullptr || event == nullptr) return CUSTOS_INVALID;
    *event = nullptr;
    const int got = guarded([&] { return next(*client, timeout_ms); });
    if (got == CUSTOS_OK) *event = &client->event;
    return got;
}

int custos_members(custos_client* client, const char* group, std::size_t group_size,
                   const custos_member** members, std::size_t* count) {
    if (client == nullptr || group == nullptr || members == nullptr || count == nullptr)
        return CUSTOS_INVALID;
    return guarded([&]() -> int {
        const auto found = client->groups.find(std::string(group, group_size));
        if (found == client->groups.end()) return client->fail(CUSTOS_CONFLICT, "is no member of that group");
        *members = found->second.data();
        *count = found->second.size();
        return CUSTOS_OK;
    });
}

const char* custos_error(const custos_client* client) {
    return client == nullptr ? "there is no client" : client->error.c_str();
}

const char* custos_reason_text(std::uint32_t reason) {
    constexpr const char* kTexts[] = {"join", "leave", "process died", "cut off", "node down", "node up"};
    return reason < std::size(kTexts) ? kTexts[reason] : "unknown";
}

int custos_list_groups(const char* socket, custos_list** list) {
    if (list == nullptr) return CUSTOS_INVALID;
    *list = new (std::nothrow) custos_list;
    if (*list == nullptr) return CUSTOS_NO_MEMORY;
    return guarded([&] { return list_groups(**list, socket); });
}

std::size_t custos_list_size(const custos_list* list) {
    return list == nullptr ? 0 : list->names.size();
}

const char* custos_list_name(const custos_list* list, std::size_t number, std::size_t* size) {
    if (number >= custos_list_size(list)) return nullptr;
    if (size != nullptr) *size = list->names[number].size();
    return list->names[number].c_str();
}

const custos_member* custos_list_members(const custos_list* list, std::size_t number, std::size_t* count) {
    if (number >= custos_list_size(list)) return nullptr;
    if (count != nullptr) *count = list->members[number].size();
    return list->members[number].data();
}

const char* custos_list_error(const custos_list* list) {
    return list == nullptr ? "there is no list" : list->error.c_str();
}

void custos_list_free(custos_list* list) {
    delete list;
}

}  // extern "C"
