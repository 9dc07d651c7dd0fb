// The list of nodes as a value: what can't be one, what differs between two, what follows for the votes, and
// its bytes.
#include <doctest/doctest.h>

#include "membership/roster/node_list.hpp"

using base::NodeId;
using membership::ListedNode;
using membership::NodeList;
using membership::QuorumRules;

namespace {

ListedNode node(std::uint32_t id, std::uint32_t votes = 1) {
    const std::string number = std::to_string(id);
    return {NodeId{id}, "n" + number, votes, {{0, "10.0.0." + number, "10.0.0." + number}}};
}

NodeList list(std::vector<ListedNode> nodes, std::uint64_t version = 1) {
    NodeList out;
    out.version = version;
    out.nodes = std::move(nodes);
    return out;
}

std::string refusal(const NodeList& of) {
    const base::Status checked = membership::check(of);
    return checked ? "" : checked.error().message;
}

}  // namespace

TEST_CASE("what can't be a cluster is refused in words") {
    CHECK(refusal(list({node(1), node(2)})).empty());
    CHECK(refusal(list({})) == "a cluster has 1 to 64 nodes, not 0");
    CHECK(refusal(list({node(2), node(1)})) == "nodeid 1 is there twice, or out of order");
    CHECK(refusal(list({node(1), node(1)})) == "nodeid 1 is there twice, or out of order");
    CHECK(refusal(list({node(0)})) == "a node of the list has no nodeid");
    CHECK(refusal(list({node(1, 0), node(2, 0)})) == "none of the nodes has a vote");
    NodeList twice = list({node(1), node(2)});
    twice.nodes[1].name = "n1";
    CHECK(refusal(twice) == "two nodes are called n1");
    twice = list({node(1), node(2)});
    twice.nodes[1].addresses[0].ip = "10.0.0.1";
    CHECK(refusal(twice) == "two nodes have the address 10.0.0.2");
    NodeList uneven = list({node(1), node(2)});
    uneven.nodes[1].addresses.push_back({1, "10.1.0.2", "10.1.0.2"});
    CHECK(refusal(uneven) ==
          "n2 needs an address in each network that n1 has one in, and no other: a link joins all nodes");
    NodeList many;
    for (std::uint32_t i = 1; i <= 65; ++i) many.nodes.push_back(node(i));
    CHECK(refusal(many) == "a cluster has 1 to 64 nodes, not 65");
}

TEST_CASE("the difference of two lists is said as an administrator thinks of it") {
    const NodeList before = list({node(1), node(2), node(3)});
    CHECK(membership::difference(before, before).empty());
    NodeList after = list({node(1), node(2, 2), node(4)});
    after.nodes[0].addresses[0] = {0, "10.0.0.11", "10.0.0.11"};
    CHECK(membership::difference(before, after) ==
          "added: n4 (10.0.0.4); n1: ring0_addr 10.0.0.1 -> 10.0.0.11; n2: quorum_votes 1 -> 2; removed: n3");
}

TEST_CASE("a name that was looked up on one side only is no difference") {
    const NodeList before = list({node(1), node(2)});
    NodeList after = before;
    after.nodes[1].addresses[0].ip.clear();
    CHECK(membership::difference(before, after).empty());
    CHECK(membership::difference(after, before).empty());
    after.nodes[1].addresses[0].ip = "10.0.0.12";  // the name stands for another address now
    CHECK(membership::difference(before, after) == "n2: ring0_addr 10.0.0.2 -> 10.0.0.2");
}

TEST_CASE("an id is given once: the highest one is remembered when its node goes") {
    NodeList before = list({node(1), node(2), node(4)});
    CHECK(before.next_id() == NodeId{5});
    NodeList after = list({node(1), node(2)}, 2);
    membership::keep_highest(after, before);
    CHECK(after.next_id() == NodeId{5});
    const auto back = membership::decode_node_list(membership::encode(after));
    REQUIRE(back);
    CHECK(*back == after);
    NodeList third = list({node(1)}, 3);
    membership::keep_highest(third, after);
    CHECK(third.next_id() == NodeId{5});
    NodeList last = list({node(1), node(5)}, 4);
    membership::keep_highest(last, third);
    CHECK(last.highest == NodeId{});  // its bytes are of the first form again
    CHECK(last.next_id() == NodeId{6});
}

TEST_CASE("no change gives a node the address of another one, or the node that was asked one that it lacks") {
    const NodeList before = list({node(1), node(2), node(3)});
    const std::vector<std::string> local{"127.0.0.1", "10.0.0.1", "10.0.0.11"};
    const auto refused = [&](const NodeList& after) {
        const base::Status checked = membership::check_addresses(before, after, {1}, local);
        return checked ? std::string() : checked.error().message;
    };
    const auto give = [](NodeList to, std::size_t index, const std::string& ip) {
        to.nodes[index].addresses[0] = {0, ip, ip};
        return to;
    };
    CHECK(refused(before).empty());
    CHECK(refused(give(before, 1, "10.0.0.12")).empty());  // another machine's own are not known here
    CHECK(refused(give(before, 0, "10.0.0.11")).empty());
    CHECK(refused(give(before, 0, "10.0.0.12")).find("is none of this machine's") != std::string::npos);
    const std::string swap = refused(give(give(before, 1, "10.0.0.3"), 2, "10.0.0.2"));
    CHECK(swap.find("10.0.0.3, the address of n2 on link 0, is that of n3 now") != std::string::npos);
    CHECK(swap.find("first give n3 an address that no node has") != std::string::npos);
    // Its machine may run still, as the node that goes.
    const std::string heir = refused(give(list({node(1), node(2), node(4)}), 2, "10.0.0.3"));
    CHECK(heir.find("first remove n3") != std::string::npos);
    // What is in force may be away for a moment.
    CHECK(membership::check_addresses(before, before, {1}, {}));
}

TEST_CASE("a mark names who and where the nodes are, not the version and not how an address is written") {
    const NodeList one = list({node(1), node(2)}, 1);
    NodeList other = list({node(1), node(2)}, 9);
    other.counted = true;
    other.nodes[0].addresses[0].written = "alpha";
    CHECK(membership::mark_of(one) == membership::mark_of(other));
    other.nodes[0].addresses[0].ip = "10.0.0.3";
    CHECK(membership::mark_of(one) != membership::mark_of(other));
    CHECK(membership::mark_of(one) != membership::mark_of(list({node(1), node(2, 2)})));
    CHECK(membership::mark_of(one) != membership::mark_of(list({node(1), node(2), node(3)})));
}

TEST_CASE("two_node ends with the third vote and stays ended; what it alone brought goes with it") {
    QuorumRules written;
    written.two_node = written.wait_for_all = written.wait_for_all_by_two_node = true;
    const QuorumRules pair = membership::rules_for(written, list({node(1), node(2)}));
    CHECK(pair.two_node);
    CHECK(pair.wait_for_all);
    CHECK(pair.votes.size() == 2);
    const QuorumRules three = membership::rules_for(written, list({node(1), node(2), node(3)}));
    CHECK_FALSE(three.two_node);
    CHECK_FALSE(three.wait_for_all);
    NodeList shrunk = list({node(1), node(2)});
    shrunk.two_node_ended = true;
    CHECK_FALSE(membership::rules_for(written, shrunk).two_node);
    written.wait_for_all_by_two_node = false;
    CHECK(membership::rules_for(written, list({node(1), node(2), node(3)})).wait_for_all);
}

TEST_CASE("nobody who has no vote breaks a tie") {
    QuorumRules written;
    written.tie_breaker = membership::TieBreaker::listed;
    written.tie_breaker_nodes = {NodeId{3}, NodeId{2}, NodeId{1}};
    const QuorumRules rules = membership::rules_for(written, list({node(1), node(2, 0)}));
    CHECK(rules.tie_breaker_nodes == std::vector<NodeId>{NodeId{1}});
}

TEST_CASE("bytes: a list comes back as it was; no prefix of it, and nothing else, is one") {
    NodeList whole = list({node(1), node(2, 3)}, 77);
    whole.counted = whole.two_node_ended = true;
    whole.nodes[1].name.clear();
    const base::Bytes bytes = membership::encode(whole);
    const auto back = membership::decode_node_list(bytes);
    REQUIRE(back);
    CHECK(*back == whole);
    for (std::size_t n = 0; n < bytes.size(); ++n)
        CHECK_FALSE(membership::decode_node_list(base::ByteView(bytes).first(n)));
    base::Bytes longer = bytes;
    longer.push_back(0);
    CHECK_FALSE(membership::decode_node_list(longer));
    base::Bytes flags = bytes;
    for (const unsigned bad : {4U, 8U}) {
        flags[8] = static_cast<std::uint8_t>(bad);
        CHECK_FALSE(membership::decode_node_list(flags));
    }
    CHECK_FALSE(membership::decode_node_list(membership::encode(list({node(2), node(1)}))));
}
