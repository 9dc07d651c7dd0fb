"""The seal: wrong and old keys, foreign clusters and recordings change nothing but a counter; a key is changed without a view."""
import json
import os
import signal
import subprocess

from labkit import cluster, expect, sandbox, test

KEY = "/etc/custos/authkey"
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


def digits(node):
    with open(node.path(KEY)) as file:
        return file.read().split("\n")[1]


def set_keys(node, *lines):
    """As a careful administrator: beside its place, then renamed."""
    with open(node.path(KEY + ".new"), "w", opener=lambda p, f: os.open(p, f, 0o400)) as file:
        file.write("custos-key 2\n" + "".join(f"{line}\n" for line in lines))
    os.rename(node.path(KEY + ".new"), node.path(KEY))
    node.guard().send(signal.SIGHUP)


def fingerprints(node):
    return [(key["fingerprint"], key["sends"], key["senders"]) for key in json.loads(node.custos("ring status --json").stdout)["keys"]]


@test("seal: the key is changed while the ring runs, without a view; a node with the old key stays outside")
def rotation(lab):
    n1, n2, n3 = lab.nodes
    old = digits(n1)
    n1.custos("key generate /tmp/new-key")
    with open(n1.path("/tmp/new-key")) as file:
        new = file.read().split("\n")[1]
    n3.stop()
    lab.wait_ring([n1, n2])
    before = n1.status()
    first = fingerprints(n1)[0][0]
    steps = ((f"0 send {old}", f"1 accept {new}"), (f"1 send {new}", f"0 accept {old}"), (f"1 send {new}",))
    for number, lines in enumerate(steps):
        for node in (n1, n2):
            set_keys(node, *lines)
            lab.wait_until(lambda: len(fingerprints(node)) == len(lines) and
                           (fingerprints(node)[0][0] == first) == (number == 0), f"{node.name} has the keys of step {number}")
            if number == 1 and node is n1:  # in between, status says who still has to
                keys = lab.wait_until(lambda: fingerprints(n1)[1][2] == [2] and fingerprints(n1), "n1 names n2 at the old key")
                expect(keys[0][1] and keys[0][2] == [] and keys[1][0] == first, f"{keys}")
            (n2 if node is n1 else n1).crm(f"configure property x-seal-test={number}")
    after = n1.status()
    expect((after.members, after.views) == (before.members, before.views), f"changing the key changed the ring:\n{after}")
    expect(after.refused_frames == before.refused_frames, f"frames were lost: {reasons(n1)}")
    # n3 slept through it.
    n3.start()
    lab.wait(n3, lambda s: s.members == ["n3"], "n3, with the old key, is alone")
    lab.wait_until(lambda: reasons(n1)["wrong key"] > 0, "n1 counts its frames")
    expect(n1.status().views == before.views, "a node with the old key changed the ring")
    set_keys(n3, *steps[2])
    lab.wait_ring()
    # What is no key file changes nothing.
    with open(n3.path(KEY), "w") as file:
        file.write("custos-key 2\nnonsense\n")
    n3.guard().send(signal.SIGHUP)
    lab.wait_until(lambda: "the keys stay as they were" in n3.log_text(), "n3 says that the file is no key file")
    n1.crm("configure property x-seal-test=9")


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
