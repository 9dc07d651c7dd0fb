"""The lab itself: what it says it measured is what was done, by hand and with no daemon running."""
import subprocess

from labkit import VIP, expect, now, test


def move_by_hand(node):
    node.run("ip", "addr", "add", f"{VIP}/32", "dev", "eth0")
    node.announce(VIP)


def serve_everywhere(lab):
    for node in lab.nodes:
        node.run("sysctl", "-qw", "net.ipv4.ip_nonlocal_bind=1")
        node.serve(VIP)


@test("lab: prober and ARP watch see a move of known length", started=False, nodes=2, keyed=False)
def measures_a_move(lab):
    n1, n2 = lab.nodes
    serve_everywhere(lab)
    prober, arp = lab.probe(), lab.watch_arp()
    move_by_hand(n1)
    expect(prober.wait_for("n1", timeout=5), "no page from n1")
    begin = now()
    n1.run("ip", "addr", "del", f"{VIP}/32", "dev", "eth0")
    gone = now()
    expect(not arp.doubles(begin), "a double answer with one holder")
    lab.wait_until(lambda: now() - gone > 0.4, "0.4 s pass")
    back = now()
    move_by_hand(n2)
    moved = now()
    expect(prober.wait_for("n2", since=back, timeout=5), "no page from n2")
    outage = prober.outage(begin).milliseconds
    least, most = (back - gone) * 1000, (moved - begin) * 1000 + 50
    expect(least <= outage <= most, f"outage {outage:.0f} ms is not between {least:.0f} and {most:.0f} ms")
    expect([run[0] for run in prober.servers(begin)] in (["n1", "n2"], ["n2"]), f"served by {prober.servers(begin)}")
    expect([m for _, m, _ in arp.announcements(begin)] == [n2.mac], f"announcements {arp.announcements(begin)}")


@test("lab: ARP watch measures a double answer", started=False, nodes=2, keyed=False)
def measures_a_double(lab):
    n1, n2 = lab.nodes
    arp = lab.watch_arp()
    move_by_hand(n1)
    lab.wait_until(lambda: arp.holders(0), "n1 answers")
    start = now()
    move_by_hand(n2)
    lab.wait_until(lambda: now() - start > 0.4, "0.4 s pass")
    n2.run("ip", "addr", "del", f"{VIP}/32", "dev", "eth0")
    longest = now() - start
    doubles = arp.doubles(0)
    expect(len(doubles) == 1, f"doubles: {doubles}")
    length = doubles[0][1] - doubles[0][0]
    expect(0.3 < length <= longest, f"measured {length:.3f} s, true at most {longest:.3f} s")


def reaches(source, target):
    """Whether a datagram from one machine arrives at the other."""
    listen = ("import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('', 7)); s.settimeout(0.5); "
              "print('up', flush=True); s.recv(10)")
    receiver = target.popen("/usr/bin/python3", "-ESc", listen, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    receiver.stdout.readline()
    send = f"import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('{target.address}', 7))"
    source.run("/usr/bin/python3", "-ESc", send, check=False)
    arrived = receiver.wait() == 0
    receiver.stdout.close()
    return arrived


@test("lab: cuts, one-way cuts, links and power do what they say", started=False, nodes=3, keyed=False)
def faults(lab):
    n1, n2, n3 = lab.nodes
    expect(reaches(n1, n2), "n1 -> n2 before any fault")
    lab.network.partition([n1], [n2, n3])
    expect(not reaches(n1, n2) and not reaches(n2, n1) and reaches(n2, n3), "partition 1|2,3")
    lab.network.heal()
    lab.network.cut_one_way(n1, n2)
    expect(not reaches(n1, n2) and reaches(n2, n3), "one-way cut n1 -> n2")
    lab.network.heal()
    lab.network.set_link(n1, False)
    expect(not reaches(n2, n1), "link of n1 down")
    lab.network.set_link(n1, True)
    expect(reaches(n2, n1), "link of n1 up again")
    n1.run("touch", "/var/lib/kept", "/run/lost")
    n1.power_off()
    n1.boot()
    files = n1.run("ls", "/var/lib/kept", "/run/lost", check=False).stdout.splitlines()
    expect("/var/lib/kept" in files and "/run/lost" not in files, f"after a power failure: {files}")
    expect(reaches(n2, n1), "n1 booted again")
