#include "tools/cli/group_level.hpp"

#include <cstdint>
#include <iostream>
#include <map>

#include <nlohmann/json.hpp>

#include "tools/libcustos/custos.hpp"
#include "tools/view/groups.hpp"

namespace tools {
namespace {

using Json = nlohmann::ordered_json;
using custos::Client;

base::Result<RingReply> ask_groups(Shell& shell) {
    TRY(Reply reply, shell.ask(GetRing{}));
    auto* ring = std::get_if<RingReply>(&reply);
    if (ring == nullptr) return base::invalid("the daemon answered something else: is it of this release?");
    return std::move(*ring);
}

// Whether the words end with --json, which is taken away.
base::Result<bool> take_json(Words& words, std::size_t others) {
    if (words.size() <= others) return false;
    if (words.back() != "--json" && words.back() != "json")
        return base::invalid("group " + words[0] + " does not know '" + words.back() + "': it takes --json");
    words.pop_back();
    return true;
}

base::Error no_group(const std::string& name) {
    return {base::Errc::not_found, "there is no process group '" + shown_name(name) +
                                       "': custos group list shows those that there are"};
}

// group list [--json]
base::Status group_list(Shell& shell, const Words& given) {
    Words words = given;
    TRY(const bool json, take_json(words, 1));
    TRY(const RingReply ring, ask_groups(shell));
    shell.out() << (json ? groups_json(ring, nullptr) : render_groups(ring));
    return base::ok();
}

// group members GROUP [--json]
base::Status group_members(Shell& shell, const Words& given) {
    Words words = given;
    TRY(const bool json, take_json(words, 2));
    TRY(const RingReply ring, ask_groups(shell));
    const RingGroup* group = find_group(ring, words[1]);
    if (group == nullptr) return no_group(words[1]);
    shell.out() << (json ? groups_json(ring, group) : render_group(ring, *group));
    return base::ok();
}

// The client's own words, as an error of this program.
base::Status checked(custos::Result result, const Client& client) {
    using custos::Result;
    if (result == Result::ok) return base::ok();
    const base::Errc code = result == Result::absent || result == Result::lost       ? base::Errc::unavailable
                            : result == Result::denied || result == Result::conflict ? base::Errc::conflict
                                                                                     : base::Errc::invalid;
    return base::Error{code, client.error()};
}

// Tells events, a line or more each.
class Teller {
  public:
    Teller(Shell& shell, const RingReply& ring, bool json) : out_(shell.out()), ring_(ring), json_(json) {}

    void tell(const custos::Event& event) {
        if (event.is_message()) message(event);
        if (event.is_view()) view(event);
        out_.flush();
    }
    [[nodiscard]] bool works() const { return out_.good(); }

  private:
    [[nodiscard]] std::string node(std::uint32_t id) const { return node_name(ring_, base::NodeId{id}); }
    [[nodiscard]] std::string name(const custos::Member& who) const {
        return node(who.node) + ", pid " + std::to_string(who.pid);
    }
    [[nodiscard]] Json json(const custos::Member& who) const {
        return {{"node", node(who.node)}, {"id", who.node}, {"pid", who.pid}};
    }
    [[nodiscard]] Json json(std::span<const custos::Change> changes) const {
        Json out = Json::array();
        for (const custos::Change& c : changes) {
            Json one = json(c.who);
            one["reason"] = custos_reason_text(c.reason);
            out.push_back(std::move(one));
        }
        return out;
    }
    void line(Json document, const custos::Event& event) {
        document["ring"] = event.place().ring;
        document["sequence"] = event.place().sequence;
        document["transitional"] = event.transitional();
        out_ << document.dump(-1, ' ', false, Json::error_handler_t::replace) << "\n";
    }

    void message(const custos::Event& event) {
        if (!json_) {
            out_ << name(event.sender()) << ": " << shown_text(event.payload()) << "\n";
            return;
        }
        line({{"event", "message"}, {"sender", json(event.sender())}, {"payload", event.payload()}}, event);
    }
    void view(const custos::Event& event) {
        if (!json_) {
            for (const custos::Change& c : event.left())
                out_ << "-- " << name(c.who) << " left: " << custos_reason_text(c.reason) << "\n";
            for (const custos::Change& c : event.joined())
                out_ << "-- " << name(c.who) << " came: " << custos_reason_text(c.reason) << "\n";
            out_ << "-- members: " << event.members().size() << "\n";
            return;
        }
        Json all = Json::array();
        for (const custos::Member& member : event.members()) all.push_back(json(member));
        line({{"event", "view"},
              {"members", all},
              {"left", json(event.left())},
              {"joined", json(event.joined())}},
             event);
    }

    std::ostream& out_;
    const RingReply& ring_;
    bool json_;
};

// group watch GROUP [--json]: as a member, until it is interrupted
base::Status group_watch(Shell& shell, const Words& given) {
    Words words = given;
    TRY(const bool json, take_json(words, 2));
    TRY(const RingReply ring, ask_groups(shell));
    Client client;
    TRY_OK(checked(client.connect(shell.options().group_socket), client));
    TRY_OK(checked(client.join(words[1]), client));
    Teller teller(shell, ring, json);
    while (teller.works()) {
        custos::Result result{};
        const auto event = client.next(-1, &result);
        if (!event) return checked(result, client);
        if (event->is_refused()) return base::Error{base::Errc::unavailable, event->text()};
        teller.tell(*event);
    }
    return base::ok();
}

base::Status send_one(Client& client, const std::string& group, const std::string& text) {
    for (;;) {
        const custos::Result sent = client.send(group, text);
        if (sent != custos::Result::no_credit) return checked(sent, client);
        custos::Result result{};
        if (!client.next(-1, &result)) TRY_OK(checked(result, client));
    }
}

// group send GROUP TEXT... | group send GROUP - : each line of standard input is a message
base::Status group_send(Shell& shell, const Words& words) {
    Client client;
    TRY_OK(checked(client.connect(shell.options().group_socket), client));
    if (words.size() > 3 || words[2] != "-")
        return send_one(client, words[1], joined({words.begin() + 2, words.end()}));
    for (std::string line; std::getline(std::cin, line);) TRY_OK(send_one(client, words[1], line));
    return base::ok();
}

}  // namespace

Level group_level() {
    return {"group",
            "",
            "process groups of other programs (docs/groups.md)",
            {{"list", "", "[--json]", "the groups, and how many members each has", 0, 1, group_list, true},
             {"members", "", "GROUP [--json]", "the members, in the order in which they joined", 1, 2,
              group_members, true},
             {"watch", "", "GROUP [--json]",
              "joins it, and prints what its members say and who comes and goes, until it is interrupted", 1,
              2, group_watch, true},
             {"send", "", "GROUP TEXT... | GROUP -",
              "a message to its members, without joining; -: each line of standard input is one", 2, kAny,
              group_send, true}},
            true};
}

}  // namespace tools
