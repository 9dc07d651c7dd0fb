"""Forming the ring, on both transports, at each size, through loss, and with strangers on its port."""
import os

from labkit import expect, test
from labkit.network import address_of

SEND = ("import socket, sys; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);\n"
        "for line in sys.stdin: s.sendto(bytes.fromhex(line.strip()), (sys.argv[1], 5405))")


def forms_and_loses_one(lab):
    n1, n2, n3 = lab.nodes
    n3.power_off()
    lab.wait_ring([n1, n2])
    n3.boot()
    n3.start()
    lab.wait_ring()


@test("ring: three nodes by unicast, one dies and comes back", transport="udpu")
def unicast(lab):
    forms_and_loses_one(lab)


@test("ring: three nodes by multicast, one dies and comes back", transport="udp")
def multicast(lab):
    forms_and_loses_one(lab)


@test("ring: transport knet as Debian writes it is taken as unicast", transport="knet")
def knet(lab):
    expect(lab.nodes[0].status().quorate, "not quorate")


@test("ring: sixteen nodes", nodes=16, started=False)
def sixteen(lab):
    lab.start(timeout=60)


@test("ring: a node that starts before its address exists waits and joins when it comes", started=False)
def late_address(lab):
    n1, n2, n3 = lab.nodes
    n3.kill()
    n3.boot(address=False)
    for node in lab.nodes:
        node.start()
    lab.wait_ring([n1, n2], quorate=False)  # a cluster that never was complete has no quorum yet
    lab.wait_until(lambda: n3.address in n3.log_text(), f"n3 says that it waits for {n3.address}", 10)
    expect(n3.guard(), "custosd on n3 must wait for its address, and ended")
    n3.give_address()
    lab.wait_ring()


@test("ring: 5 % packet loss: the ring stays and changes go through")
def loss(lab):
    n1, n2, n3 = lab.nodes
    before = n1.status()
    lab.network.lose(5)
    for number in range(200):
        (n1, n2, n3)[number % 3].crm(f"configure property x-loss-test={number}")
        after = n1.status()
        if number >= 20 and after.retransmitted > before.retransmitted:
            break
    expect(after.members == ["n1", "n2", "n3"] and after.quorate, f"the ring broke: {after}")
    expect(after.views == before.views, f"{after.views - before.views} new views under 5 % loss")
    expect(after.retransmitted > before.retransmitted, "nothing was retransmitted: was anything lost?")
    lab.network.lose(0)


@test("ring: strangers on the port change nothing but a counter")
def strangers(lab):
    n1 = lab.nodes[0]
    before = n1.status()
    totem = "70c00300" + "00" + "02000000" + "ffffffff" + "22" * 60     # a message of corosync 3, transport udpu
    knet = "0100" + "0200" + "0100" + "11" * 90                        # one of its transport knet
    noise = [os.urandom(size).hex() for size in (1, 7, 31, 64, 200, 1472) * 20]
    frames = [totem, knet, "00", "ff" * 1400, *noise]
    lab.client.run("/usr/bin/python3", "-ESc", SEND, n1.address, text_in="\n".join(frames) + "\n")
    after = lab.wait(n1, lambda s: s.refused_frames >= before.refused_frames + len(frames), "all are counted")
    text = n1.status_text()
    expect("corosync" in text and lab.client_address in text, f"status does not name who speaks corosync:\n{text}")
    expect(after.views == before.views and after.members == before.members, "strangers changed the membership")


@test("ring: a wrong key keeps a node out and is named", started=False)
def wrong_key(lab):
    n1, n2, n3 = lab.nodes
    n3.run("rm", "/etc/custos/authkey")
    n3.custos("key generate")
    for node in lab.nodes:
        node.start()
    lab.wait_ring([n1, n2], quorate=False)
    lab.wait(n1, lambda s: s.refused_frames > 0, "n1 counts frames that its key does not open")
    lab.wait(n3, lambda s: s.members == ["n3"] and s.refused_frames > 0, "n3 makes a ring of its own, and counts too")
    for node in (n1, n2):
        expect(node.status().members == ["n1", "n2"], "n3 joined with another key")


@test("ring: one-way cut: no two rings at once claim a quorum")
def one_way(lab):
    n1, n2, n3 = lab.nodes
    lab.network.cut_one_way(n1, n2)
    lab.network.cut_one_way(n1, n3)

    def settled():
        status = [node.status() for node in lab.nodes]
        return all(status) and [s.quorate for s in status] == [False, True, True] and status[1].members == ["n2", "n3"]
    lab.wait_until(settled, "n1, which nobody hears, is alone and not quorate", 20)
    lab.network.heal()
    lab.wait_ring()


@test("ring: it answers on the address of the file and on no other")
def bound(lab):
    lines = lab.nodes[0].run("ss", "-Hlun").stdout.splitlines()
    local = {line.split()[3] for line in lines if line.split()[3].endswith(":5405")}
    expect(local == {f"{address_of(1)}:5405"}, f"UDP sockets: {local}")
