"""The address moves: node kill, link cut, partition, pause, standby; and what the client saw."""
from scenes import address_only, expect_one_holder, holders_now, milliseconds, place_of_address, running, wait_served_by_other

from labkit import expect, now, test


@test("failover: node kill: another node serves, and stickiness keeps it there")
def node_kill(lab):
    holder, prober, arp = address_only(lab)
    killed = holder.power_off()
    taker = wait_served_by_other(lab, prober, holder, killed)
    outage = prober.outage(killed)
    expect(outage.ended and outage.milliseconds < 10_000, f"outage of {outage.milliseconds:.0f} ms")
    expect_one_holder(lab, arp, taker)
    expect(not arp.doubles(killed), f"double answers: {milliseconds(arp.doubles(killed))} ms")
    kinds = {kind for _, mac, kind in arp.announcements(killed) if mac == taker.mac}
    expect(kinds == {"request", "reply"}, f"announced by {kinds}, must be by request and reply")
    lab.wait_until(lambda: len(arp.announcements(killed)) >= 6, "announcements are repeated", 10)
    holder.boot()
    holder.start()
    lab.wait_ring()
    back = now()
    status = lab.wait(holder, lambda s: s.idle, "nothing is left to do")
    expect(status.place("failover-ip") == taker.name, "the address moved back though stickiness is 100")
    expect(prober.outage(back).milliseconds < 500, "the return of a node cost the client an outage")


@test("failover: node kill moves just the address: the servers run on")
def address_alone(lab):
    holder, prober, _ = address_only(lab)
    servers = {node.name: [p.pid for p in node.processes() if "webserver.py" in " ".join(p.arguments)] for node in lab.nodes}
    killed = holder.power_off()
    taker = wait_served_by_other(lab, prober, holder, killed)
    after = [p.pid for p in taker.processes() if "webserver.py" in " ".join(p.arguments)]
    expect(len(after) == 1 and after == servers[taker.name], f"servers on {taker.name}: {servers[taker.name]} -> {after}")


@test("failover: multicast transport", transport="udp")
def multicast(lab):
    holder, prober, arp = address_only(lab)
    taker = wait_served_by_other(lab, prober, holder, holder.power_off())
    expect_one_holder(lab, arp, taker)


@test("failover: standby and online: a graceful move without a double answer")
def standby(lab):
    holder, prober, arp = address_only(lab)
    begin = now()
    holder.crm("-w node standby")
    taker = wait_served_by_other(lab, prober, holder, begin)
    expect_one_holder(lab, arp, taker)
    expect(not arp.doubles(begin), f"double answers: {milliseconds(arp.doubles(begin))} ms")
    expect(prober.outage(begin).milliseconds < 2000, f"outage of {prober.outage(begin).milliseconds:.0f} ms")
    taker.crm(f"-w node online {holder.name}")
    status = lab.wait(taker, lambda s: not s.standby(holder.name) and s.idle, f"{holder.name} is online")
    expect(status.place("failover-ip") == taker.name, "online moved the address back though stickiness is 100")
    taker.crm(f"-w configure location bring-home failover-ip 200: {holder.name}")
    expect(place_of_address(lab, prober) is holder, "a location of 200 does not outweigh a stickiness of 100")
    expect_one_holder(lab, arp, holder)


@test("failover: a node that leaves in order hands over first, also with stonith-enabled=true")
def orderly_leave(lab):
    holder, prober, arp = address_only(lab, proof=True)
    begin = now()
    expect(holder.stop() == 0, "custosd did not end with status 0")
    taker = wait_served_by_other(lab, prober, holder, begin)
    expect_one_holder(lab, arp, taker)
    expect(not arp.doubles(begin), f"double answers: {milliseconds(arp.doubles(begin))} ms")
    expect(prober.outage(begin).milliseconds < 2000, f"outage of {prober.outage(begin).milliseconds:.0f} ms")


@test("failover: link cut: the others serve, the cut node lets go, one holder after the link is back")
def link_cut(lab):
    holder, prober, arp = address_only(lab)
    cut = now()
    lab.network.set_link(holder, False)
    taker = wait_served_by_other(lab, prober, holder, cut)
    lab.wait_until(lambda: taker.mac in holders_now(arp), "the new holder answers", 10)
    lab.wait(holder, lambda s: not s.quorate, "the cut node knows that it has no quorum")
    lab.wait_until(lambda: not lab_has_address(holder), f"{holder.name} without quorum drops the address", 20)
    lab.network.set_link(holder, True)
    lab.wait_ring()
    lab.wait(taker, lambda s: s.idle, "nothing is left to do")
    expect_one_holder(lab, arp, place_of_address(lab, prober))


def lab_has_address(node):
    from labkit import VIP
    return VIP in node.addresses()


@test("failover: partition 2|1 and heal: the side with quorum serves, double answers end")
def partition(lab):
    holder, prober, arp = address_only(lab)
    others = lab.others(holder)
    cut = now()
    lab.network.partition([holder], others)
    taker = wait_served_by_other(lab, prober, holder, cut)
    lab.wait(others[0], lambda s: s.quorate and holder.name not in s.members, "two of three are quorate")
    lab.wait(holder, lambda s: not s.quorate and s.members == [holder.name], "one of three is not")
    expect_one_holder(lab, arp, taker)
    expect("not proven" in others[0].status_text(), "status does not say that single location is not proven")
    lab.network.heal()
    lab.wait_ring()
    lab.wait(taker, lambda s: s.idle, "nothing is left to do")
    expect_one_holder(lab, arp, taker)
    return f"double answers: {milliseconds(arp.doubles(cut))} ms"


@test("failover: partition 2|1 with the holder in the majority: nothing moves")
def partition_of_bystander(lab):
    holder, prober, arp = address_only(lab)
    bystander = lab.others(holder)[0]
    cut = now()
    lab.network.partition([bystander], lab.others(bystander))
    lab.wait(bystander, lambda s: not s.quorate, f"{bystander.name} has no quorum")
    lab.wait_ring(lab.others(bystander))
    lab.network.heal()
    lab.wait_ring()
    expect(place_of_address(lab, prober) is holder, "the address moved")
    expect(prober.outage(cut).milliseconds < 1000, f"outage of {prober.outage(cut).milliseconds:.0f} ms")
    expect(not arp.doubles(cut), f"double answers: {milliseconds(arp.doubles(cut))} ms")


@test("failover: daemon paused longer than the token: the others serve, one holder after it goes on")
def pause(lab):
    holder, prober, arp = address_only(lab)
    paused = now()
    holder.pause_daemon()
    taker = wait_served_by_other(lab, prober, holder, paused)
    holder.resume_daemon()
    lab.wait_ring()
    lab.wait(taker, lambda s: s.idle, "nothing is left to do")
    expect_one_holder(lab, arp, place_of_address(lab, prober))
    expect(arp.doubles(paused), "a guard that stands still keeps the address, so that it must have answered beside the new one: did it?")
    return f"double answers: {milliseconds(arp.doubles(paused))} ms"


@test("failover: no-quorum-policy=ignore: the last node of three goes on")
def ignore_quorum(lab):
    holder, prober, arp = address_only(lab)
    holder.crm("configure property no-quorum-policy=ignore")
    for node in lab.others(holder):
        node.power_off()
    lab.wait_ring([holder], quorate=False)
    since = now()
    expect(prober.wait_for(holder.name, since + 0.5, 10), "the last node does not serve")
    expect_one_holder(lab, arp, holder)
    expect("not proven" in holder.status_text(), "status does not say that single location is not proven")


@test("failover: no-quorum-policy=stop: the last node of three stops everything and says why")
def stop_without_quorum(lab):
    holder, _, arp = address_only(lab)
    for node in lab.others(holder):
        node.power_off()
    lab.wait_place("failover-ip", None, asked=holder)
    lab.wait_until(lambda: not holders_now(arp), "nobody answers", 10)
    expect("quorum" in holder.status_text(), "status does not name the lost quorum")
    for node in [n for n in lab.nodes if n not in running(lab)]:
        node.boot()
        node.start()
    lab.wait_ring()
    lab.wait(holder, lambda s: s.place("failover-ip"), "failover-ip runs again")
