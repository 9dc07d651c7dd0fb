"""The seal: foreign clusters and recordings change nothing but a counter."""
import json
import os
import signal
import subprocess

from labkit import cluster, expect, sandbox, test

EPOCH = "/var/lib/custos/ring-sequence"
WIRETAP = os.path.join(cluster.HERE, "wiretap.py")


def reasons(node):
    """Refused frames by reason."""
    return json.loads(node.custos("ring status --json").stdout)["rejected"]["reasons"]


class Recording:
    """with Recording(lab, name): what goes over the switch meanwhile."""

    def __init__(self, lab, name):
        self._lab, self.file = lab, f"{sandbox.SCRATCH}/{name}.frames"

    def __enter__(self):
        self._tap = self._run("record", stdin=subprocess.PIPE)
        expect(self._tap.stdout.readline() == "ready\n", "the recorder did not start")
        return self

    def __exit__(self, *_):
        self._tap.stdin.close()
        self._tap.wait()
        self._tap.stdout.close()

    def replay(self):
        """Returns how many frames each node got."""
        with self._run("replay", stdin=subprocess.DEVNULL) as player:
            return json.loads(player.stdout.read())

    def _run(self, verb, **options):
        return subprocess.Popen(["nsenter", "-t", str(self._lab.network.switch.pid), "-n", "--", "/usr/bin/python3", "-ES", WIRETAP,
                                 verb, self.file], stdout=subprocess.PIPE, text=True, **options)


def live_a_little(lab):
    """A start's whole life: joins, tokens, data, a core that dies, a goodbye."""
    n1, n2, n3 = lab.nodes
    lab.start()
    n1.crm("configure property x-seal-test=1")
    n2.core().send(signal.SIGKILL)
    lab.wait_until(lambda: n2.core(), "guard has restarted the core of n2")
    lab.wait_ring()
    for node in (n3, n2, n1):
        node.stop()


def counted(lab, node, before, sent):
    return lab.wait(node, lambda s: s.refused_frames - before.refused_frames >= sent[node.name],
                    f"{node.name} counts the {sent[node.name]} recorded frames")


def replayed_into(lab, transport_name):
    n1, n2, n3 = lab.nodes
    with Recording(lab, "former-" + transport_name) as former:
        live_a_little(lab)
    # n1 alone, as fresh as can be: recordings of n2 and n3 do not make them members.
    n1.start()
    lab.wait_ring([n1], quorate=False)
    before = n1.status()
    sent = former.replay()
    expect(sent["n1"] > 100, f"recorded too little: {sent}")
    after = counted(lab, n1, before, sent)
    expect((after.members, after.views) == (["n1"], before.views), f"recordings changed the ring:\n{after}")
    expect(reasons(n1).get("unproven start of the node", 0) > 0, f"the counter has no name: {reasons(n1)}")
    # The others come, and the same again.
    n2.start()
    n3.start()
    lab.wait_ring()
    before = {node: node.status() for node in lab.nodes}
    sent = former.replay()
    for node in lab.nodes:
        after = counted(lab, node, before[node], sent)
        expect((after.members, after.views) == (before[node].members, before[node].views), f"recordings changed the ring:\n{after}")
        expect(reasons(node).get("older start of the node", 0) > 0, f"the counter has no name: {reasons(node)}")
    n2.crm("configure property x-seal-test=2")


@test("seal: recordings of former starts change nothing but a counter", started=False)
def recordings(lab):
    replayed_into(lab, "udpu")


@test("seal: the same by multicast", transport="udp", started=False)
def recordings_multicast(lab):
    replayed_into(lab, "udp")


@test("seal: recordings of the starts that are alive change nothing but a counter", started=False)
def recordings_of_now(lab):
    n1 = lab.nodes[0]
    with Recording(lab, "now") as recording:
        lab.start()
        n1.crm("configure property x-seal-test=1")
    before = {node: node.status() for node in lab.nodes}
    recording.replay()  # some come through: what a node was sent before its port was open
    sent = recording.replay()
    for node in lab.nodes:
        after = counted(lab, node, before[node], sent)
        expect((after.members, after.views) == (before[node].members, before[node].views), f"recordings changed the ring:\n{after}")
    n1.crm("configure property x-seal-test=2")


@test("seal: a foreign cluster on the same port, with the same key, stays apart", started=False)
def foreign_cluster(lab):
    n1, n2, n3 = lab.nodes
    n3.kill()
    n3.write("/etc/custos/custos.conf", lab.config.replace("cluster_name: lab", "cluster_name: other"))
    n3.boot()
    for node in lab.nodes:
        node.start()
    lab.wait_ring([n1, n2], quorate=False)
    lab.wait_ring([n3], quorate=False)
    for node in (n1, n3):
        lab.wait_until(lambda: reasons(node).get("another cluster", 0) > 0, f"{node.name} counts the other cluster's frames")
    expect(n1.status().members == ["n1", "n2"] and n3.status().members == ["n3"], "two clusters became one")


@test("seal: a clock that was set back, and a disk that was lost, cost one restart", started=False)
def clock_set_back(lab):
    n1, n2, n3 = lab.nodes
    n3.run("mkdir", "-p", os.path.dirname(EPOCH))
    future = 9 * 10**18  # nanoseconds: in the year 2255
    with open(n3.path(EPOCH), "w") as file:
        file.write(f"custos-epoch 2\n0 0\n{future} {future}\n")
    lab.start()
    n3.stop()
    lab.wait_ring([n1, n2])
    n3.start()  # the number is on its disk
    lab.wait_ring()
    n3.stop()
    lab.wait_ring([n1, n2])
    os.unlink(n3.path(EPOCH))
    n3.start()
    lab.wait_ring()
    expect("the clock was set back" in n3.log_text(), f"n3 does not say what happened:\n{n3.log_text()}")
    with open(n3.path(EPOCH)) as file:
        expect(int(file.read().split()[4]) > future, "the number did not grow")
