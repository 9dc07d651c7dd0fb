"""Two nodes and two_node: who may take over when the other is silent, with the proof and without."""
from scenes import address_only, expect_one_holder, holders_now, milliseconds, place_of_address, wait_served_by_other

from labkit import expect, now, test


@test("two nodes: the survivor of a node kill serves", nodes=2, two_node=True)
def node_kill(lab):
    holder, prober, arp = address_only(lab)
    killed = holder.power_off()
    taker = wait_served_by_other(lab, prober, holder, killed)
    expect(taker.status().quorate, "with two_node the survivor is quorate")
    expect_one_holder(lab, arp, taker)
    expect("not proven" in taker.status_text(), "status does not say that single location is not proven")


@test("two nodes: stonith-enabled=false and a cut: double answers are measured and end after the heal", nodes=2, two_node=True)
def cut_without_proof(lab):
    holder, prober, arp = address_only(lab)
    other = lab.others(holder)[0]
    cut = now()
    lab.network.partition([holder], [other])
    lab.wait(other, lambda s: s.place("failover-ip") == other.name, "the other side runs the address too")
    lab.wait_until(lambda: holders_now(arp) == {holder.mac, other.mac}, "both answer", 10)
    for node in lab.nodes:
        expect("not proven" in node.status_text(), f"status on {node.name} does not say 'not proven'")
    lab.network.heal()
    healed = now()
    lab.wait_ring()
    lab.wait(holder, lambda s: s.idle, "nothing is left to do")
    expect_one_holder(lab, arp, place_of_address(lab, prober))
    lengths = milliseconds(arp.doubles(cut))
    ended = max(end for _, end in arp.doubles(cut)) - healed
    return f"double answers: {lengths} ms; the last ended {ended * 1000:.0f} ms after the heal"


def stays_until_confirmed(lab):
    """The holder dies; nothing moves. Returns what a test goes on with."""
    holder, prober, arp = address_only(lab, proof=True)
    others = lab.others(holder)
    since = holder.power_off()
    lab.wait_ring(others)
    lab.wait(others[0], lambda s: s.idle, "the survivors have nothing left that they may do")
    expect(others[0].status().active("failover-ip") in ([], [holder.name]), "a silent peer's resource was started elsewhere")
    text = others[0].status_text()
    expect(holder.name in text and "clearstate" in text, f"status does not say why nothing moves and what helps:\n{text}")
    refused = others[0].crm(f"node delete {holder.name}", check=False)
    expect(refused.returncode != 0 and "clearstate" in refused.stdout, f"a silent node was deleted: {refused.stdout}")
    lab.wait_until(lambda: now() - since > 5, "5 s pass", 10)
    expect(not holders_now(arp) - {holder.mac}, "somebody took the silent peer's address")
    return holder, prober, arp, others


@test("two nodes: stonith-enabled=true: a dead peer's resources stay until an administrator vouches", nodes=2, two_node=True)
def proof_two(lab):
    holder, prober, arp, others = stays_until_confirmed(lab)
    others[0].crm(f"-F -w node clearstate {holder.name}")
    taker = wait_served_by_other(lab, prober, holder, 0)
    expect_one_holder(lab, arp, taker)


@test("two nodes: stonith-enabled=true: a dead peer that comes back releases its resources itself", nodes=2, two_node=True)
def proof_return(lab):
    holder, prober, arp, _ = stays_until_confirmed(lab)
    holder.boot()
    holder.start()
    lab.wait_ring()
    expect_one_holder(lab, arp, place_of_address(lab, prober))
