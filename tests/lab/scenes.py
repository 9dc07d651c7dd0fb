"""What several tests begin with, and what all of them may say about where the address is."""
from labkit import VIP, Failed, expect, now

VIP_LINE = f"configure primitive failover-ip ocf:heartbeat:IPaddr2 params ip={VIP} cidr_netmask=32 op monitor interval=10s"


def serve_everywhere(lab):
    """A web server on each node, bound to the address alone, whether it is here or not."""
    for node in lab.nodes:
        serve(node)


def serve(node):
    node.run("sysctl", "-qw", "net.ipv4.ip_nonlocal_bind=1")
    node.serve(VIP)


def address_only(lab, proof=False, sticky=100):
    """Servers everywhere, the address as the one resource. Returns (holder, prober, arp) once a page was fetched.

    proof: stonith-enabled as it is by default; else the administrator does without."""
    first = lab.nodes[0]
    serve_everywhere(lab)
    prober, arp = lab.probe(), lab.watch_arp()
    if not proof:
        first.crm("configure property stonith-enabled=false")
    first.crm(f"configure rsc_defaults resource-stickiness={sticky}")
    first.crm(VIP_LINE)
    return place_of_address(lab, prober), prober, arp


def place_of_address(lab, prober):
    """The node that serves, once pages come and status says the same."""
    if prober.wait_for(timeout=20) is None:
        raise Failed(f"no page from {VIP}\n{lab.nodes[0].status_text()}")
    status = lab.wait(running(lab)[0], lambda s: s.place("failover-ip"), "failover-ip runs somewhere")
    return lab.node(status.place("failover-ip"))


def running(lab):
    return [node for node in lab.nodes if node.running()]


def wait_served_by_other(lab, prober, holder, since, timeout=20):
    """Until a node other than `holder` serves; returns that node."""
    survivors = [node for node in running(lab) if node is not holder]
    status = lab.wait(survivors[0], lambda s: s.place("failover-ip") not in (None, holder.name),
                      f"failover-ip left {holder.name}", timeout)
    taker = lab.node(status.place("failover-ip"))
    expect(prober.wait_for(taker.name, since, timeout), f"no page from {taker.name} though status says it holds the address")
    return taker


def expect_one_holder(lab, arp, node):
    """By ARP and by each running node's addresses: `node` and nobody else has the address now."""
    lab.wait_until(lambda: holders_now(arp) == {node.mac}, f"only {node.name} answers for {VIP}", 10)
    have = [other.name for other in running(lab) if VIP in other.addresses()]
    expect(have == [node.name], f"{VIP} is on {have}, must be on {node.name} alone")


def holders_now(arp):
    """MACs that answered in the last 100 ms."""
    return {mac for mac, _, _ in arp.holders(now() - 0.1)}


def milliseconds(pairs):
    return [round((end - start) * 1000) for start, end in pairs]
