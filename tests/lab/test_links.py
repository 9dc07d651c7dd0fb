"""The ways between nodes: IPv6, groups and their loss, a second network, paths that swallow large packets, a port blocked one way."""
import json
import subprocess

from labkit import expect, test
from labkit.machine import run_in_network
from labkit.network import address_of

BROADCAST = address_of(255)


def configure(lab, change):
    """Each node's file, from its lines as the lab wrote them."""
    for node in lab.nodes:
        with open(node.path("/etc/custos/custos.conf"), "w") as file:
            file.write(change(lab.config))


def add_network(lab):
    """A second network, and ring1_addr in the file."""
    lab.network.add_second(lab.nodes)

    def change(config):
        for node in lab.nodes:
            line = f"        ring0_addr: {node.address}\n"
            config = config.replace(line, f"{line}        ring1_addr: {lab.network.second_address(node.number)}\n")
        return config
    configure(lab, change)


def only_ipv6(lab):
    """fd77::N on each node's eth0, and no IPv4 address."""
    for node in lab.nodes:
        subprocess.run(["nsenter", "-t", str(node.pid), "-n", "--", "sh", "-c",
                        "for d in all eth0; do echo 0 >/proc/sys/net/ipv6/conf/$d/disable_ipv6; done"], check=True)
        run_in_network(node, ["addr flush dev eth0 scope global", f"addr add fd77::{node.number}/64 dev eth0 nodad"])

    def change(config):
        for node in lab.nodes:
            config = config.replace(f"ring0_addr: {node.address}\n", f"ring0_addr: fd77::{node.number}\n")
        return config.replace("mcastaddr: 239.255.77.1", "mcastaddr: ff15::77:1")
    configure(lab, change)


def filter_at_switch(lab, *rules):
    lines = ["table bridge sizes", "delete table bridge sizes", "table bridge sizes {", "chain forward {",
             "type filter hook forward priority 1; policy accept;", *rules, "}", "}"]
    lab.network.switch.run("nft", "-f", "-", text_in="\n".join(lines) + "\n")


def ring(node):
    return json.loads(node.custos("ring status --json").stdout)


def path(node, peer, link=0):
    return next(p for p in ring(node)["links"] if p["peer"] == peer.number and p["link"] == link)


def all_up(lab, links):
    def up():
        return all(p["state"] == "up" and p["mtu"] > 0 for node in lab.nodes for p in ring(node)["links"])
    lab.wait_until(up, "all paths are up and their size is known", 20)
    expect(len(ring(lab.nodes[0])["links"]) == links * (len(lab.nodes) - 1), "a path is missing in ring status")


def changes_go_through(lab, count):
    for number in range(count):
        lab.nodes[number % len(lab.nodes)].crm(f"configure property x-link-test={number}")


@test("links: IPv6 alone, by unicast; a death is told by guard", started=False)
def ipv6(lab):
    only_ipv6(lab)
    lab.start()
    all_up(lab, 1)
    expect(path(lab.nodes[0], lab.nodes[1])["remote"] == "fd77::2", "not by IPv6")
    changes_go_through(lab, 5)
    n1, n2, n3 = lab.nodes
    n3.kill_daemon()
    lab.wait_ring([n1, n2])
    n3.start()
    lab.wait_ring()
    n3.core().send(9)
    lab.wait(n1, lambda s: s.members == ["n1", "n2", "n3"] and s.views > 3, "the core that guard restarted is back")
    causes = [change["cause"] for change in ring(n1)["changes"]]
    expect("died" in causes, f"no word of the core's guard came by IPv6: {causes}")


@test("links: IPv6 by multicast", transport="udp", started=False)
def ipv6_multicast(lab):
    only_ipv6(lab)
    lab.start()
    changes_go_through(lab, 5)


@test("links: broadcast", transport="udp", started=False)
def broadcast(lab):
    configure(lab, lambda config: config.replace("mcastaddr: 239.255.77.1", "broadcast: yes"))
    lab.start()
    changes_go_through(lab, 5)
    expect("broadcast" in lab.nodes[0].log_text(), "the log does not say that frames are broadcast")


def copies(node, peer):
    """Whether `node` gives `peer` copies, and `custos ring status` on both names the group that does not arrive."""
    lost = f"what is sent by {'' if path(node, peer)['group'] == 'broadcast' else 'multicast group '}{path(node, peer)['group']} does not arrive"
    there = f"link 0 to node {peer.number}: {lost}" in path(node, peer)["trouble"]
    here = f"link 0 from node {node.number}: {lost}" in path(peer, node)["trouble"]
    return path(node, peer)["copies"] and there and here


def whole(lab):
    return not any(p["copies"] or p["trouble"] for node in lab.nodes for p in ring(node)["links"])


def group_is_lost(lab, rule):
    """The switch drops what matches `rule`, to n3 and then to all; from the first moment on, changes go through."""
    n1, n2, n3 = lab.nodes
    lab.wait_until(lambda: whole(lab), "the group reaches everybody", 10)
    before = n1.status()
    for where in ('oifname "p3" ', ""):
        filter_at_switch(lab, f"{where}{rule} drop")
        changes_go_through(lab, 6)
        lab.wait_until(lambda: copies(n1, n3) and copies(n2, n3), "n3 gets copies, and status says why", 10)
        if where:
            expect(not any(path(a, b)["copies"] for a, b in ((n1, n2), (n2, n1), (n3, n1), (n3, n2))), "copies to whom the group reaches")
        else:
            lab.wait_until(lambda: all(copies(a, b) for a in lab.nodes for b in lab.nodes if a is not b), "all get copies", 10)
        changes_go_through(lab, 6)
        expect("does not arrive; copies go by unicast" in n1.custos("ring status").stdout, "the text does not name it")
    filter_at_switch(lab)
    lab.wait_until(lambda: whole(lab), "the group is used again", 10)
    changes_go_through(lab, 6)
    after = n1.status()
    expect(after.views == before.views and after.members == ["n1", "n2", "n3"],
           f"{after.views - before.views} new views: {[c['findings'] for c in ring(n1)['changes']]}")
    for node, peer, way in ((n1, n3, "to"), (n3, n1, "from")):
        text = node.log_text()
        for said in ("does not arrive; copies go by unicast. A switch or a filter", "arrives again"):
            expect(any(f"link 0 {way} node {peer.number}: what is sent by " in line and said in line for line in text.splitlines()),
                   f"the log of {node.name} does not say: {said}")


@test("links: a multicast group is lost to one node, then to all: no view changes, and it is named", transport="udp")
def lost_group(lab):
    group_is_lost(lab, "ip daddr 239.255.77.1")


@test("links: the same for broadcast", transport="udp", started=False)
def lost_broadcast(lab):
    configure(lab, lambda config: config.replace("mcastaddr: 239.255.77.1", "broadcast: yes"))
    lab.start()
    group_is_lost(lab, f"ip daddr {BROADCAST}")


@test("links: nodes whose multicast group never arrives form a ring", transport="udp", started=False)
def group_never_came(lab):
    filter_at_switch(lab, "ip daddr 239.255.77.1 drop")
    lab.start()
    changes_go_through(lab, 6)


@test("links: of two networks one fails: no view changes, and it is used again when it is back", started=False)
def two_networks(lab):
    add_network(lab)
    lab.start()
    all_up(lab, 2)
    n1, n2, n3 = lab.nodes
    before = n1.status()
    expect(path(n1, n2)["active"] and not path(n1, n2, 1)["active"], "link 0 should be in use")
    filter_at_switch(lab, 'iifname "p*" udp dport 5405 drop')  # without a sign of carrier
    lab.wait_until(lambda: path(n1, n2)["state"] == "down" and path(n1, n2, 1)["active"], "link 1 is in use", 10)
    changes_go_through(lab, 6)
    filter_at_switch(lab)
    lab.wait_until(lambda: all(path(a, b)["active"] for a in lab.nodes for b in lab.nodes if a is not b),
                   "link 0 is in use again", 10)
    n3.run("ip", "link", "set", "eth0", "down")  # with one
    changes_go_through(lab, 6)
    lab.wait_until(lambda: path(n1, n3, 1)["active"] and path(n3, n1, 1)["active"], "link 1 is in use for n3", 10)
    after = n1.status()
    expect(after.views == before.views and after.members == ["n1", "n2", "n3"],
           f"{after.views - before.views} new views: {[c['findings'] for c in ring(n1)['changes']]}")


@test("links: a node that is not in one of two networks at the start joins by the other", started=False)
def half_a_node(lab):
    add_network(lab)
    n3 = lab.nodes[2]
    run_in_network(n3, ["addr flush dev eth0 scope global"])
    lab.start()
    expect(path(n3, lab.nodes[0], 1)["active"], "n3 has no other way than link 1")


@test("links: packets above 1,200 bytes vanish one way: the ring stays, and link and size are named")
def large_ones_vanish(lab):
    n1, n2, _ = lab.nodes
    all_up(lab, 1)
    before = n1.status()
    filter_at_switch(lab, 'iifname "p1" oifname "p2" meta length > 1200 drop')
    text = "x" * 6000
    for number in range(6):
        lab.nodes[number % 3].crm(f"configure property x-link-test={number}{text}")
    lab.wait_until(lambda: path(n1, n2)["mtu"] < 1200, "n1 knows how much passes", 20)
    for number in range(6):
        lab.nodes[number % 3].crm(f"configure property x-link-test={number}{text}")
    after = n1.status()
    expect(after.views == before.views and after.quorate, f"{after.views - before.views} new views")
    lab.wait_until(lambda: "link 0 to node 2: datagrams of more than 1000 bytes get lost" in ring(n1)["trouble"],
                   "status names link and size", 10)
    expect("link 0 to node 2: datagrams of more than 1000 bytes" in n1.log_text(), "the log does not name link and size")
    expect(path(n2, n1)["mtu"] == 1500, "the other direction has shrunk too")


@test("links: packets above 1,200 bytes vanish one way from the start", started=False)
def large_ones_never_came(lab):
    filter_at_switch(lab, 'iifname "p1" oifname "p2" meta length > 1200 drop')
    lab.start()
    lab.wait_until(lambda: 0 < path(lab.nodes[0], lab.nodes[1])["mtu"] < 1200, "n1 knows how much passes", 20)
    changes_go_through(lab, 6)


@test("links: a port that is blocked one way is named with peer, port and direction", started=False)
def blocked_port(lab):
    add_network(lab)
    lab.start()
    all_up(lab, 2)
    n1, n2, _ = lab.nodes
    filter_at_switch(lab, 'iifname "q1" oifname "q2" udp dport 5406 drop')
    lab.wait_until(lambda: path(n1, n2, 1)["state"] == "blocked_out" and path(n2, n1, 1)["state"] == "blocked_in",
                   "both ends know the direction", 10)
    text = n2.custos("ring status").stdout
    second = lab.network.second_address
    expect(f"nothing arrives from n1 ({second(1)}) at UDP port 5406 of n2 ({second(2)})" in text, text)
    expect(lab.nodes[0].status().members == ["n1", "n2", "n3"], "the ring broke")
