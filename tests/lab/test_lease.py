"""The lease: who may hold, read from guard itself every 5 ms; and that an address moves by it, without a fence."""
import itertools
import signal
import struct
import threading
import time

from scenes import VIP_LINE, address_only, expect_one_holder, holders_now, milliseconds, place_of_address, wait_served_by_other

from labkit import expect, now, test

PAGE = "/run/custos/lease"
NEVER = 2**63 - 1


class Rights:
    """Reads each guard's lease page every 5 ms: who holds by right, and the ring that each core has entered; kept as
    (time, names, rings) whenever that changes."""

    def __init__(self, nodes):
        self.changes, self.looks, self.worst_gap = [], 0, 0.0
        self._files = {node.name: open(node.path(PAGE), "rb", buffering=0) for node in nodes}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join()
        for file in self._files.values():
            file.close()

    def holders(self):
        return self.changes[-1][1]

    def _run(self):
        last, before = None, time.clock_gettime(time.CLOCK_BOOTTIME)
        while not self._end.wait(0.005):
            begin = time.clock_gettime(time.CLOCK_BOOTTIME)
            self.worst_gap, before = max(self.worst_gap, begin - before), begin
            seen = {name: look(file) for name, file in self._files.items()}
            end = time.clock_gettime_ns(time.CLOCK_BOOTTIME)  # later than all reads: whoever holds then, held at all of them
            state = (frozenset(name for name, (until, _) in seen.items() if until > end),
                     {name: ring for name, (_, ring) in seen.items()})
            self.looks += 1
            if state != last:
                self.changes.append((begin, *state))
                last = state


def right(file):
    """When the right of this guard ends, in ns; 0: none."""
    return look(file)[0]


def look(file):
    """The same, and the sequence of the ring that its core has entered."""
    while True:
        file.seek(0)
        magic, layout, sequence, until, ring, _, dropping, _ = struct.unpack("<IIQqQIIQ", file.read(48))
        assert (magic, layout) == (0x534C5443, 1)
        if sequence % 2 == 0:
            return (0 if dropping else until), ring


def one_side_at_a_time(lab, cut, sides):
    """Cuts, and waits until the larger side has a view of its own. From the moment on at which the first of it has
    entered that view, in which it may take over, nobody of the other side holds by right."""
    losing, winning = sides
    with Rights(lab.nodes) as rights:
        everybody = {node.name for node in lab.nodes}
        lab.wait_until(lambda: rights.changes and rights.holders() == everybody, "all hold the lease")
        cut()
        may, not_any_more = {node.name for node in winning}, {node.name for node in losing}
        common = max(rights.changes[-1][2].values())
        lab.wait_until(lambda: rights.holders() == may, f"just {sorted(may)} hold the lease")
        lab.wait_ring(winning)
        lab.wait_until(lambda: all(rights.changes[-1][2][name] > common for name in may), "the winners' guards know their ring")
        taking_over = [(at, held) for at, held, rings in rights.changes if any(rings[name] > common for name in may)]
        expect(taking_over, "nobody was seen to take over")
        both = [(at, held) for at, held in taking_over if held & not_any_more]
        expect(not both, f"both sides of the cut held: {both}")
        return rights.looks, rights.worst_gap


def cuts(nodes):
    """Each way to cut off a side that is no majority, as (losing, winning); of halves neither wins."""
    for size in range(1, (len(nodes) + 1) // 2):
        for losing in itertools.combinations(nodes, size):
            yield list(losing), [node for node in nodes if node not in losing]


def each_cut(lab):
    looks = 0
    for losing, winning in cuts(lab.nodes):
        seen, gap = one_side_at_a_time(lab, lambda: lab.network.partition(losing, winning), (losing, winning))
        looks += seen
        lab.network.heal()
        lab.wait_ring()
    return f"{looks} looks"


@test("lease: three nodes: of each cut one side holds")
def three(lab):
    return each_cut(lab)


@test("lease: four nodes: of each cut one side holds, and of halves none", nodes=4)
def four(lab):
    remark = each_cut(lab)
    for pair in itertools.combinations(lab.nodes[1:], 1):
        half = [lab.nodes[0], *pair]
        rest = [node for node in lab.nodes if node not in half]
        with Rights(lab.nodes) as rights:
            lab.wait_until(lambda: rights.changes and len(rights.holders()) == 4, "all hold the lease")
            lab.network.partition(half, rest)
            lab.wait_until(lambda: not rights.holders(), "nobody holds the lease")
        lab.wait_ring(half, quorate=False)
        expect("Lease: NOT held" in half[0].status_text(), half[0].status_text())
        lab.network.heal()
        lab.wait_ring()
    return remark


@test("lease: an idle cluster keeps it, also where 5 % of all frames are lost")
def idle(lab):
    with Rights(lab.nodes) as rights:
        lab.wait_until(lambda: rights.changes and len(rights.holders()) == 3, "all hold the lease")
        lab.network.lose(5)
        begin = now()
        lab.wait_until(lambda: now() - begin > 10, "10 s pass", 20)
        expect(all(len(held) == 3 for at, held, _ in rights.changes if at > begin), f"a lease ran out: {rights.changes}")
        return f"{rights.looks} looks"


@test("lease: the core of the losing side stands still: its guard lets go all the same")
def stopped_core(lab):
    losing, winning = lab.nodes[:1], lab.nodes[1:]
    core = losing[0].core()

    def cut():
        core.send(signal.SIGSTOP)
        lab.network.partition(losing, winning)

    looks, _ = one_side_at_a_time(lab, cut, (losing, winning))
    core.send(signal.SIGCONT)
    lab.network.heal()
    lab.wait_ring()
    with Rights(lab.nodes) as rights:
        lab.wait_until(lambda: rights.changes and len(rights.holders()) == 3, "all hold the lease again")
    return f"{looks} looks"


def taken_over_by_lease(lab, cut):
    """The holder is cut off: its address is gone before another one has it, and clients are served again."""
    holder, prober, arp = address_only(lab, proof=True)
    others = lab.others(holder)
    since = now()
    cut(holder)
    taker = wait_served_by_other(lab, prober, holder, since)
    expect(not arp.doubles(since), f"double answers: {milliseconds(arp.doubles(since))} ms")
    log = holder.log_text()
    expect("no right to hold any more: removing" in log, f"guard dropped nothing:\n{log}")
    outage = prober.outage(since)
    expect(outage.ended and outage.milliseconds < 5000, f"outage of {outage.milliseconds:.0f} ms")
    text = taker.status_text()
    expect("Lease: held" in text and "not proven" not in text, text)
    expect(taker.status().raw["lease"]["proven"], "status --json says that it is not proven")
    return holder, prober, arp, others, f"outage {outage.milliseconds:.0f} ms"


def has_address(node):
    from labkit import VIP
    return VIP in node.addresses()


@test("lease: the holder is cut off: it lets go before the others serve, with stonith-enabled=true and no fence device")
def holder_cut(lab):
    holder, prober, arp, others, remark = taken_over_by_lease(lab, lambda node: lab.network.partition([node], lab.others(node)))
    expect(not has_address(holder), f"{holder.name} has the address still")
    lab.network.heal()
    lab.wait_ring()
    lab.wait(others[0], lambda s: s.idle, "nothing is left to do")
    expect_one_holder(lab, arp, place_of_address(lab, prober))
    return remark


@test("lease: the holder's core stands still: its guard lets go, the others serve, and it comes back without a double")
def holder_core_stopped(lab):
    stopped = []

    def stop(node):
        stopped.append(node.core())
        stopped[0].send(signal.SIGSTOP)

    holder, prober, arp, others, remark = taken_over_by_lease(lab, stop)
    since = now()
    stopped[0].send(signal.SIGCONT)
    lab.wait_ring()
    lab.wait(others[0], lambda s: s.idle, "nothing is left to do")
    expect_one_holder(lab, arp, place_of_address(lab, prober))
    expect(not arp.doubles(since), f"double answers: {milliseconds(arp.doubles(since))} ms")
    return remark


@test("lease: a node that was powered off: its address moves when its lease is out, without a word of anybody")
def holder_dead(lab):
    holder, prober, arp = address_only(lab, proof=True)
    since = holder.power_off()
    taker = wait_served_by_other(lab, prober, holder, since)
    expect_one_holder(lab, arp, taker)
    holder.boot()
    holder.start()
    lab.wait_ring()
    lab.wait(taker, lambda s: s.idle, "nothing is left to do")
    expect_one_holder(lab, arp, taker)
    return f"outage {prober.outage(since).milliseconds:.0f} ms"


@test("lease: what the lease does not cover stays until an administrator vouches")
def not_covered(lab):
    first = lab.nodes[0]
    first.crm("configure primitive dummy ocf:heartbeat:Dummy op monitor interval=10s")
    status = lab.wait(first, lambda s: s.place("dummy"), "dummy runs")
    holder = lab.node(status.place("dummy"))
    others = lab.others(holder)
    holder.power_off()
    lab.wait_ring(others)
    lab.wait_until(lambda: "only addresses start" in others[0].status_text(), "status says what waits", 20)
    text = others[0].status_text()
    expect(f"crm node clearstate {holder.name}" in text, text)
    expect(others[0].status().place("dummy") is None, "a service of a silent node was started elsewhere")
    others[0].crm(VIP_LINE)
    lab.wait(others[0], lambda s: s.place("failover-ip"), "an address may start")
    others[0].crm(f"-F -w node clearstate {holder.name}")
    lab.wait(others[0], lambda s: s.place("dummy"), "dummy runs again")


@test("lease: two nodes: both sides of a cut are quorate, neither is leased, and status says so", nodes=2, two_node=True)
def two_nodes(lab):
    n1, n2 = lab.nodes
    lab.network.partition([n1], [n2])
    for node in lab.nodes:
        lab.wait_ring([node])
        lease = node.status().raw["lease"]
        expect(not lease["enforced"] and not lease["held"], f"{node.name}: {lease}")
        expect("Lease: not enforced (no lease with two votes" in node.status_text(), node.status_text())
        with open(node.path(PAGE), "rb", buffering=0) as page:
            expect(right(page) == NEVER, "guard holds by a lease that ends")


@test("lease: a cluster that is switched to leases and back obeys what its nodes have said")
def switched(lab):
    first = lab.nodes[0]
    pages = [open(node.path(PAGE), "rb", buffering=0) for node in lab.nodes]

    def ends():
        return [right(page) for page in pages]

    lab.wait_until(lambda: all(0 < end < NEVER for end in ends()), "all hold by lease")
    first.crm("configure property no-quorum-policy=ignore")
    lab.wait_until(lambda: all(end == NEVER for end in ends()), "nobody's lease ends")
    expect("Lease: not enforced (not proven" in first.status_text(), first.status_text())
    first.crm("configure property no-quorum-policy=stop")
    lab.wait_until(lambda: all(0 < end < NEVER for end in ends()), "all hold by lease again")
    for page in pages:
        page.close()
