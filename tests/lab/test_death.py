"""A daemon dies while its machine lives: the others hear of it, and don't wait for a timeout."""
import datetime
import json
import re
import signal

from labkit import expect, test

VIEW = r"(?m)^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) .*operational: ring \S+ of \S+ \((node %d's daemon .*|.*; without \{%d\}.*)\)$"


def missed(lab, dead, survivors, killed):
    """Waits until each survivor has a view that came of the death; returns (ms since `killed` by the survivors' logs, causes)."""
    pattern = VIEW % (dead.number, dead.number)

    def found():
        views = [re.search(pattern, node.log_text()) for node in survivors]
        return all(views) and views

    views = lab.wait_until(found, f"{dead.name} is missed", 20)
    last = max(datetime.datetime.fromisoformat(view[1]) for view in views)
    return 1000 * (last - killed).total_seconds(), [view[2] for view in views]


def everything_killed(lab):
    lab.wait_ring()
    n1, n2, n3 = lab.nodes
    killed = datetime.datetime.now()
    for process in n2.daemon_processes():
        process.send(signal.SIGKILL)
    after, causes = missed(lab, n2, [n1, n3], killed)
    n2.wait_stopped(10)
    for cause in causes:
        expect(cause.startswith("node 2's daemon"), f"it was missed by something else: {cause}")
    return f"{after:.0f} ms ({causes[0].split(';')[0]})"


@test("ring: a killed daemon is missed within moments")
def daemon_killed(lab):
    return everything_killed(lab)


@test("ring: a killed daemon is missed within moments, by multicast too", transport="udp")
def daemon_killed_multicast(lab):
    return everything_killed(lab)


def drop_at_switch(lab, what):
    lines = ("table bridge deaf {", "chain forward {", "type filter hook forward priority 1; policy accept;",
             f"{what} drop", "}", "}")
    lab.network.switch.run("nft", "-f", "-", text_in="\n".join(lines) + "\n")


def lifelines(node):
    """How many others' deaths this node would be told of."""
    return sum(path["lifeline"] for path in json.loads(node.custos("ring status --json").stdout)["links"])


@test("ring: a killed daemon is missed within moments where ICMP is filtered: by the lifelines")
def daemon_killed_without_icmp(lab):
    drop_at_switch(lab, "ip protocol icmp")
    lab.wait_until(lambda: all(lifelines(node) == 2 for node in lab.nodes), "each node has a lifeline to each other", 10)
    return everything_killed(lab)


@test("ring: a killed daemon is missed within moments where TCP is filtered: the nodes look at each other", started=False)
def daemon_killed_without_tcp(lab):
    drop_at_switch(lab, "ip protocol tcp")
    for node in lab.nodes:  # six at once and then one a second is what a machine sends by itself: a start uses them up
        node.run("sh", "-c", "echo 0 >/proc/sys/net/ipv4/icmp_ratelimit")
    lab.start()
    remark = everything_killed(lab)
    expect(lifelines(lab.nodes[0]) == 0, "there are lifelines, though TCP is filtered")
    return remark


@test("ring: a killed core is missed within moments: its guard says so")
def core_killed(lab):
    lab.wait_ring()
    n1, n2, n3 = lab.nodes
    killed = datetime.datetime.now()
    n2.core().send(signal.SIGKILL)
    after, causes = missed(lab, n2, [n1, n3], killed)
    for cause in causes:
        expect(cause.startswith("node 2's daemon died"), f"nobody heard it of its guard: {cause}")
    lab.wait_ring()
    return f"{after:.0f} ms"
