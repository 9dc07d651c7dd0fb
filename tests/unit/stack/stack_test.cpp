// The stack's own part: what joins seal, monitor, pieces and ring. tests/sim/stack shows it under faults.
#include "totem/stack/stack.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace {

using base::Instant;
using base::NodeId;
using totem::Stack;

totem::MasterKey key(std::uint8_t fill) {
    std::array<std::uint8_t, totem::MasterKey::kSize> bytes{};
    bytes.fill(fill);
    return totem::MasterKey(bytes);
}

base::IpAddress address(std::uint32_t node, std::size_t link) {
    return *base::parse_ip("10." + std::to_string(link) + ".0." + std::to_string(node));
}

struct Notes final : base::Tracer {
    std::vector<std::string> all;
    void note(base::Level /*level*/, const std::string& text) override { all.push_back(text); }
};

// Node N of two, at 10.LINK.0.N.
struct Node {
    Node(std::uint32_t self, std::size_t links, bool by_group, Instant now)
        : stack(
              config(self, links, by_group), key(7), 0, base::Rng(self),
              [rng = base::Rng(self + 10)](std::span<std::uint8_t> out) mutable {
                  for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(rng.next());
              },
              notes, now) {}
    static totem::StackConfig config(std::uint32_t self, std::size_t links, bool by_group) {
        totem::StackConfig out;
        out.cluster_name = "unit";
        out.ring.self = {NodeId{self}, base::Incarnation{100}};
        out.ring.roster = {NodeId{1}, NodeId{2}};
        out.ring.datagram_size = 8000;
        for (unsigned i = 0; i < links; ++i)
            out.links.push_back(
                {i, 1, by_group ? "239.0.0.1" : "", {{NodeId{3 - self}, address(3 - self, i)}}});
        return out;
    }
    Notes notes;
    Stack stack;
    std::vector<std::string> delivered;
    std::vector<totem::WantedLifeline> wanted;
    std::vector<std::string> offered;  // lists
    unsigned peers_changed{0};
    void change_nodes(Instant now, std::uint32_t self, const base::NodeSet& roster,
                      const totem::RosterMark& mark, const std::string& list = "") {
        totem::StackNodes nodes;
        nodes.roster = roster;
        nodes.peers.emplace_back();
        for (const NodeId node : roster) {
            if (node.value != self) nodes.peers[0].push_back({node, address(node.value, 0)});
        }
        nodes.mark = mark;
        nodes.offer.assign(list.begin(), list.end());
        stack.change_nodes(now, std::move(nodes));
    }
};

// Two nodes, and a network that takes a millisecond. `mtu` is that of the path, which swallows what is
// larger.
struct Pair {
    explicit Pair(std::size_t link_count = 1, bool by_group = false, std::size_t path_mtu = 9000)
        : links(link_count),
          mtu(path_mtu),
          nodes{Node{1, links, by_group, now}, Node{2, links, by_group, now}} {}
    // `with_image`: a twin of node 1 is fed the same; what it says goes nowhere.
    void open(bool with_image = false) {
        for (Node& node : nodes) {
            for (std::size_t i = 0; i < links; ++i) node.stack.link_opened(now, i, 9000, 28);
            node.stack.start(now);
        }
        if (with_image) {
            image = std::make_unique<Node>(1, links, false, now);
            for (std::size_t i = 0; i < links; ++i) image->stack.link_opened(now, i, 9000, 28);
            image->stack.start(now);
            static_cast<void>(image->stack.drain());
        }
        pump();
    }
    // Sends what was found to be sent; a millisecond later it is there.
    void pump() {
        for (std::size_t n = 0; n < 2; ++n) {
            const totem::StackOutbox out = nodes[n].stack.drain();
            if (out.offered) nodes[n].offered.emplace_back(base::as_text(*out.offered));
            if (out.peers_changed) ++nodes[n].peers_changed;
            nodes[n].wanted.insert(nodes[n].wanted.end(), out.lifelines.begin(), out.lifelines.end());
            for (const totem::Event& event : out.events) {
                if (const auto* d = std::get_if<totem::Delivered>(&event))
                    nodes[n].delivered.emplace_back(base::as_text(d->payload));
            }
            for (std::size_t i = 0; i < links; ++i) {
                for (const base::Outgoing& frame : nodes[n].stack.outgoing(i)) {
                    largest = std::max(largest, frame.frame.size());
                    if (!frame.to) ++to_all;
                    if (!frame.to && group_cut) continue;
                    if (frame.frame.size() + 28 > mtu) continue;
                    wire.push_back({1 - n, i, {frame.frame.begin(), frame.frame.end()}});
                }
            }
        }
    }
    void step() {
        now = now + base::milliseconds(1);
        for (const Flight& f : std::exchange(wire, {})) {
            const base::Received one{address(static_cast<std::uint32_t>(2 - f.to), f.link), f.bytes};
            nodes[f.to].stack.receive(now, f.link, {&one, 1});
            if (image && f.to == 0) image->stack.receive(now, f.link, {&one, 1});
        }
        if (image) {
            if (image->stack.next_deadline() <= now) image->stack.advance(now);
            static_cast<void>(image->stack.drain());
        }
        for (Node& node : nodes) {
            if (node.stack.next_deadline() <= now) node.stack.advance(now);
            node.stack.check_invariants();
        }
        pump();
    }
    [[nodiscard]] bool until(const std::function<bool()>& condition, int ms = 5000) {
        for (int i = 0; i < ms && !condition(); ++i) step();
        return condition();
    }
    [[nodiscard]] bool united() {
        return std::all_of(nodes.begin(), nodes.end(), [](const Node& node) {
            const totem::RingStatus s = node.stack.ring_status();
            return s.phase == "operational" && s.view.members.size() == 2;
        });
    }
    struct Flight {
        std::size_t to, link;
        base::Bytes bytes;
    };
    std::size_t links, mtu;
    Instant now = Instant{} + base::seconds(1);
    std::array<Node, 2> nodes;
    std::unique_ptr<Node> image;
    std::vector<Flight> wire;
    [[nodiscard]] std::size_t frames_in(int ms) {
        std::size_t count = 0;
        for (int i = 0; i < ms; ++i) {
            step();
            count += wire.size();
        }
        return count;
    }
    std::size_t largest{0}, to_all{0};
    bool group_cut{false};
};

std::uint32_t epoch_of(base::ByteView frame) {
    return base::ByteReader(frame.subspan(20)).u32();
}

}  // namespace

TEST_CASE("what is submitted before the own address is there is delivered when the ring has come") {
    Pair pair;
    CHECK(pair.nodes[0].stack.ring_status().phase == "waiting");
    CHECK(pair.nodes[0].stack.submit(pair.now, {'e', 'a', 'r', 'l', 'y'}) == totem::Submit::accepted);
    CHECK(pair.nodes[0].stack.queued_bytes() == 5);
    pair.open();
    CHECK(pair.nodes[1].stack.submit(pair.now, {'l', 'a', 't', 'e'}) == totem::Submit::accepted);
    CHECK(pair.until([&] { return pair.nodes[0].delivered.size() == 2; }));
    CHECK(pair.nodes[0].delivered == std::vector<std::string>{"early", "late"});
    CHECK(pair.united());
}

TEST_CASE("frames of a peer from another address than its own change nothing but a counter") {
    Pair pair;
    pair.open();
    REQUIRE(pair.until([&] { return pair.united(); }));
    Stack& stack = pair.nodes[0].stack;
    REQUIRE(pair.until([&] { return !pair.wire.empty() && pair.wire[0].to == 0; }));
    const base::Received moved{address(9, 0), pair.wire[0].bytes};
    const auto rejected = stack.status().rejected;
    stack.receive(pair.now, 0, {&moved, 1});
    CHECK(stack.status().wrong_source == 1);
    CHECK(stack.status().last_wrong_source == "node 2 from 10.0.0.9");
    CHECK(stack.status().rejected == rejected);
    const base::Received own{address(2, 0), pair.wire[0].bytes};  // it was not even opened: it still opens
    stack.receive(pair.now, 0, {&own, 1});
    CHECK(stack.status().rejected == rejected);
    stack.receive(pair.now, 0, {&own, 1});
    CHECK(stack.status().rejected != rejected);
}

TEST_CASE("what goes to all goes once by a group") {
    Pair alone;
    alone.open();
    REQUIRE(alone.until([&] { return alone.united(); }));
    CHECK(alone.to_all > 0);  // so that the link may choose: the only peer is all
    Pair pair(2, true);
    pair.open();
    REQUIRE(pair.until([&] { return pair.united(); }));
    CHECK(pair.to_all > 0);
}

TEST_CASE("a jump of the clocks begins a new epoch with the next frame") {
    Pair pair;
    pair.open();
    REQUIRE(pair.until([&] { return pair.united(); }));
    REQUIRE(pair.until([&] { return !pair.nodes[0].stack.outgoing(0).empty(); }));
    const std::uint32_t before = epoch_of(pair.nodes[0].stack.outgoing(0).front().frame);
    pair.nodes[0].stack.clock_jumped();
    pair.step();
    REQUIRE(pair.until([&] { return !pair.nodes[0].stack.outgoing(0).empty(); }));
    CHECK(epoch_of(pair.nodes[0].stack.outgoing(0).front().frame) == before + 1);
    CHECK(pair.united());
}

TEST_CASE(
    "a process that was put back is told so by who heard it since, says nothing more, and lets it be known") {
    Pair pair;
    pair.open(true);
    REQUIRE(pair.until([&] { return pair.united(); }));
    const std::unique_ptr<Node> image = std::move(pair.image);
    CHECK(pair.nodes[0].stack.submit(pair.now, base::Bytes(10, 'x')) == totem::Submit::accepted);
    REQUIRE(pair.until([&] { return !pair.nodes[1].delivered.empty(); }));
    Stack& two = pair.nodes[1].stack;

    // Node 1 is off for three seconds; then its image goes on, and each hears the other.
    const Instant back = pair.now + base::seconds(3);
    pair.wire.clear();
    std::vector<base::Bytes> said;
    int told = 0;
    for (; pair.now < back + base::seconds(1); pair.now = pair.now + base::milliseconds(1)) {
        if (two.next_deadline() <= pair.now) two.advance(pair.now);
        for (const base::Bytes& bytes : std::exchange(said, {})) {
            const base::Received one{address(1, 0), bytes};
            two.receive(pair.now, 0, {&one, 1});
        }
        static_cast<void>(two.drain());
        if (pair.now < back) continue;
        for (const base::Outgoing& frame : two.outgoing(0)) {
            const base::Received one{address(2, 0), {frame.frame.begin(), frame.frame.end()}};
            image->stack.receive(pair.now, 0, {&one, 1});
        }
        if (image->stack.next_deadline() <= pair.now) image->stack.advance(pair.now);
        const totem::StackOutbox out = image->stack.drain();
        if (out.from_the_past) ++told;
        for (const base::Outgoing& frame : image->stack.outgoing(0))
            said.emplace_back(frame.frame.begin(), frame.frame.end());
        if (told > 0) CHECK((said.empty() && out.events.empty()));
    }
    CHECK(told == 1);
    CHECK(two.ring_status().view.members.size() == 1);
}

TEST_CASE("a path that swallows large packets gets them in pieces, and then datagrams that fit") {
    Pair pair;
    pair.open();
    REQUIRE(pair.until([&] { return pair.united() && pair.nodes[0].stack.status().frame_size > 8000; }));
    pair.mtu = 1500;
    CHECK(pair.nodes[0].stack.submit(pair.now, base::Bytes(100'000, 'x')) == totem::Submit::accepted);
    CHECK(pair.until([&] { return !pair.nodes[1].delivered.empty(); }, 20'000));
    CHECK(pair.nodes[1].delivered == std::vector<std::string>{std::string(100'000, 'x')});
    CHECK(pair.nodes[0].stack.status().in_pieces > 0);
    CHECK(pair.until([&] { return pair.nodes[0].stack.status().frame_size == 1500 - 28; }));
}

TEST_CASE("an own pause is noticed and told") {
    Pair pair;
    pair.open();
    REQUIRE(pair.until([&] { return pair.united(); }));
    pair.now = pair.now + base::milliseconds(700);
    pair.step();
    const totem::StackStatus status = pair.nodes[0].stack.status();
    CHECK(status.pauses == 1);
    CHECK(status.longest_pause >= base::milliseconds(700));
}

TEST_CASE(
    "a lifeline is wanted by each link that is up, to this start of the peer, and none by one that is not") {
    using Wanted = std::vector<totem::WantedLifeline>;
    Pair pair(2);
    Node& one = pair.nodes[0];
    pair.open();
    REQUIRE(pair.until([&] { return pair.united() && one.wanted.size() == 2; }));
    for (const totem::WantedLifeline& w : one.wanted)
        CHECK(w == totem::WantedLifeline{w.link, NodeId{2}, base::Incarnation{100}});
    CHECK(one.wanted[0].link + one.wanted[1].link == 1);
    one.wanted.clear();
    one.stack.lifelines(pair.now, 1, {NodeId{2}});
    CHECK(one.stack.status().links[1].lifeline);
    one.stack.link_closed(pair.now, 1);
    CHECK_FALSE(one.stack.status().links[1].lifeline);
    pair.pump();
    CHECK(one.wanted == Wanted{{1, NodeId{2}, {}}});
}

TEST_CASE("an idle node looks at a peer to whom it has no lifeline by the link that carries the frames") {
    Pair pair(2);
    pair.open();
    REQUIRE(pair.until([&] { return pair.united(); }));
    static_cast<void>(pair.frames_in(1000));  // the ring falls idle
    const auto frames_with = [&](std::size_t link) {
        for (Node& node : pair.nodes) {
            const NodeId peer{&node == &pair.nodes[0] ? 2U : 1U};
            for (std::size_t i = 0; i < 2; ++i)
                node.stack.lifelines(pair.now, i, i == link ? base::NodeSet{peer} : base::NodeSet{});
        }
        return pair.frames_in(1000);
    };
    const std::size_t with_one = frames_with(0), with_wrong_one = frames_with(1), with_none = frames_with(2);
    // Each 20 ms (look_interval) each looks, less where it passes the token.
    CHECK(with_one + 20 < with_wrong_one);
    CHECK(with_wrong_one <= with_none + 5);
    CHECK(with_none <= with_wrong_one + 5);
    CHECK(pair.nodes[0].stack.ring_status().views == 1);
}

TEST_CASE("a group that is dead costs no view: what goes to all goes by unicast, until it is heard again") {
    Pair pair(1, true);
    pair.open();
    REQUIRE(pair.until([&] { return pair.united(); }));
    static_cast<void>(pair.frames_in(2000));
    CHECK_FALSE(pair.nodes[0].stack.status().links[0].copies);
    CHECK(pair.nodes[0].stack.status().links[0].group == "239.0.0.1");
    const auto deliver = [&] {
        for (int i = 0; i < 20; ++i) {
            Node& node = pair.nodes[static_cast<std::size_t>(i % 2)];
            CHECK(node.stack.submit(pair.now, base::Bytes(2000, 'x')) == totem::Submit::accepted);
            static_cast<void>(pair.frames_in(10));
        }
        for (Node& node : pair.nodes) {
            CHECK(pair.until([&] { return node.delivered.size() == 20; }));
            node.delivered.clear();
        }
    };
    pair.group_cut = true;
    deliver();
    static_cast<void>(pair.frames_in(2000));
    CHECK(pair.nodes[0].stack.status().links[0].copies);
    // Only the group beats go by it now.
    pair.to_all = 0;
    deliver();
    CHECK(pair.to_all <= 4);
    pair.group_cut = false;
    static_cast<void>(pair.frames_in(2000));
    CHECK_FALSE(pair.nodes[0].stack.status().links[0].copies);
    deliver();
    CHECK(pair.nodes[0].stack.ring_status().views == 1);
}

TEST_CASE("nodes find together without the group that they are configured to use") {
    Pair pair(1, true);
    pair.group_cut = true;
    pair.open();
    CHECK(pair.until([&] { return pair.united(); }));
}

TEST_CASE(
    "nodes whose lists disagree form no ring; who is behind is shown the list that counts, and then let in") {
    Pair pair;
    const base::NodeSet both{NodeId{1}, NodeId{2}};
    pair.nodes[0].change_nodes(pair.now, 1, both, {3, 77}, "the list");
    pair.open();
    for (int i = 0; i < 3000; ++i) pair.step();
    for (const Node& node : pair.nodes) {
        const totem::RingStatus ring = node.stack.ring_status();
        CHECK(ring.view.members.size() == 1);
        CHECK(ring.views == 1);  // of itself, and never again
        CHECK(node.stack.status().other_roster > 0);
    }
    CHECK(pair.nodes[0].offered.empty());
    REQUIRE_FALSE(pair.nodes[1].offered.empty());
    CHECK(pair.nodes[1].offered.size() <= 4);  // not more often than once a second
    CHECK(pair.nodes[1].offered.front() == "the list");
    CHECK(pair.nodes[0].stack.status().last_other_roster == NodeId{2});
    CHECK(pair.nodes[1].stack.status().last_other_mark == totem::RosterMark{3, 77});
    pair.nodes[1].change_nodes(pair.now, 2, both, {3, 77}, "the list");
    pair.pump();
    CHECK(pair.until([&] { return pair.united(); }));
    CHECK(pair.nodes[0].stack.ring_status().views == 2);
}

TEST_CASE("a file with the same list is as good as the list that counts; two files disagree in vain") {
    const base::NodeSet both{NodeId{1}, NodeId{2}};
    for (const bool counted : {false, true}) {
        Pair pair;
        pair.nodes[0].change_nodes(pair.now, 1, both, {counted ? 3u : 0u, 77});
        pair.nodes[1].change_nodes(pair.now, 2, both, {0, counted ? 77u : 5u});
        pair.open();
        CHECK(pair.until([&] { return pair.united(); }));
    }
}

TEST_CASE("members stay members while one has the new list and the other has not") {
    Pair pair;
    pair.open();
    REQUIRE(pair.until([&] { return pair.united(); }));
    const base::NodeSet both{NodeId{1}, NodeId{2}};
    pair.nodes[0].change_nodes(pair.now, 1, both, {1, 9}, "x");
    for (int i = 0; i < 3000; ++i) pair.step();
    CHECK(pair.united());
    pair.nodes[1].change_nodes(pair.now, 2, both, {1, 9}, "x");
    for (int i = 0; i < 1000; ++i) pair.step();
    CHECK(pair.united());
    CHECK(pair.nodes[0].stack.ring_status().views == 1);
    CHECK(pair.nodes[1].stack.status().other_roster == 0);
}

TEST_CASE(
    "a closed port of a node that gets another address says nothing, until a token timeout after that") {
    Pair pair;
    pair.open();
    REQUIRE(pair.until([&] { return pair.united(); }));
    totem::StackNodes nodes{{NodeId{1}, NodeId{2}}, {{{NodeId{2}, address(2, 0)}}}, {}, {}, {NodeId{2}}};
    const auto closed = [&] {
        pair.nodes[0].stack.refused(pair.now, NodeId{2});
        for (int i = 0; i < 40; ++i) {  // nobody answers
            static_cast<void>(pair.nodes[0].stack.drain());
            pair.now = pair.now + base::milliseconds(1);
            pair.nodes[0].stack.advance(pair.now);
        }
        return pair.nodes[0].stack.ring_status().view.members.size() == 1;
    };
    pair.nodes[0].stack.change_nodes(pair.now, nodes);
    CHECK_FALSE(closed());
    for (int i = 0; i < 3000; ++i) pair.step();
    CHECK_FALSE(closed());
    nodes.moving = {};
    pair.nodes[0].stack.change_nodes(pair.now, nodes);
    for (int i = 0; i < 900; ++i) pair.step();
    CHECK_FALSE(closed());
    for (int i = 0; i < 200; ++i) pair.step();
    CHECK(closed());
}

TEST_CASE("who is removed is heard until it has left the ring; a node that is added is looked for at once") {
    Pair pair;
    pair.open();
    REQUIRE(pair.until([&] { return pair.united(); }));
    pair.nodes[0].change_nodes(pair.now, 1, {NodeId{1}, NodeId{3}}, {1, 9});
    pair.pump();
    CHECK(pair.nodes[0].stack.peers(0).size() == 2);
    for (int i = 0; i < 500; ++i) pair.step();
    CHECK(pair.united());
    pair.nodes[1].stack.leave(pair.now);
    pair.pump();
    REQUIRE(pair.until([&] { return pair.nodes[0].stack.peers(0).size() == 1; }));
    CHECK(pair.nodes[0].stack.peers(0)[0].node == NodeId{3});
    CHECK(pair.nodes[0].stack.ring_status().view.members.size() == 1);
    CHECK(pair.nodes[0].peers_changed == 2);
    CHECK(pair.nodes[0].stack.status().links.size() == 1);
    CHECK(pair.nodes[0].stack.status().links[0].peer == NodeId{3});
    pair.nodes[0].stack.check_invariants();
}

TEST_CASE("of a node that is not listed it is kept when and from where its last frame came") {
    Pair pair;
    pair.open();
    pair.nodes[0].change_nodes(pair.now, 1, {NodeId{1}, NodeId{3}}, {1, 9});
    pair.pump();
    const auto refused = [&] {
        return pair.nodes[0].stack.status().rejected[static_cast<std::size_t>(totem::Rejected::node)];
    };
    CHECK(pair.nodes[0].stack.status().unlisted_at == Instant{});
    REQUIRE(pair.until([&] { return refused() > 0; }));
    CHECK(pair.nodes[0].stack.status().last_unlisted_source == "10.0.0.2");
    CHECK(pair.nodes[0].stack.status().unlisted_at == pair.now);
}
