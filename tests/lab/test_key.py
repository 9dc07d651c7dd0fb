"""The key is changed while the ring runs: nothing is lost, no view; with a node down; a node with an old key stays outside."""
import json
import os
import signal
import stat
import threading

from labkit import expect, test

KEY = "/etc/custos/authkey"


def key(node):
    """`custos key status --json`; None while the daemon does not answer."""
    done = node.custos("key status --json", check=False)
    return json.loads(done.stdout) if done.returncode == 0 else None


def reasons(node):
    """Refused frames by reason."""
    return json.loads(node.custos("ring status --json").stdout)["rejected"]["reasons"]


def text(node, path=KEY):
    with open(node.path(path)) as file:
        return file.read()


def put(node, content):
    """As a careful administrator: beside its place, then renamed; then the daemon is told."""
    with open(node.path(KEY + ".new"), "w", opener=lambda p, f: os.open(p, f, 0o400)) as file:
        file.write(content)
    os.rename(node.path(KEY + ".new"), node.path(KEY))
    if node.guard():
        node.guard().send(signal.SIGHUP)


def changed_everywhere(lab, nodes, old):
    """Until all of them have one key, another than `old`, and nothing is under way. Returns its fingerprint."""
    def same():
        status = [key(node) for node in nodes]
        if not all(status) or any(s["change"] or len(s["keys"]) != 1 for s in status):
            return None
        prints = {s["keys"][0]["fingerprint"] for s in status}
        return prints.pop() if len(prints) == 1 and old not in prints else None
    return lab.wait_until(same, f"{[node.name for node in nodes]} have one new key")


class Writing:
    """with Writing(node) as w: changes of the configuration, one after the other, meanwhile."""

    def __init__(self, node):
        self._node, self._stop, self.done = node, threading.Event(), 0
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _run(self):
        while not self._stop.is_set():
            self._node.crm(f"configure property x-key-test={self.done + 1}")
            self.done += 1


@test("key: rotate under traffic loses nothing and changes no view, twice")
def rotate(lab):
    n1, n2, n3 = lab.nodes
    before = {node: node.status() for node in lab.nodes}
    first = key(n1)["keys"][0]["fingerprint"]
    former = text(n2)
    with Writing(n3) as writing:
        lab.wait_until(lambda: writing.done > 2, "changes are made")
        said = n1.custos("key rotate")
        expect("the old one is gone" in said.stdout, f"it does not say that it is done: {said}")
        second = changed_everywhere(lab, lab.nodes, first)
        at = writing.done
        lab.wait_until(lambda: writing.done > at + 2, "changes are made with the new key")
        n2.custos("key rotate")
        third = changed_everywhere(lab, lab.nodes, second)
    expect(len({first, second, third}) == 3, "a key came back")
    for node in lab.nodes:
        after = node.status()
        expect((after.members, after.views) == (before[node].members, before[node].views), f"the ring changed:\n{after}")
        expect(reasons(node).get("wrong key", 0) == 0, f"{node.name} could not open frames: {reasons(node)}")
        info = os.stat(node.path(KEY))
        expect((stat.S_IMODE(info.st_mode), info.st_uid) == (0o400, os.getuid()), f"{node.name}: {info}")
        expect(third in node.custos("key show").stdout, f"the file of {node.name} has another key")
        expect(stat.S_IMODE(os.stat(node.path(KEY + ".old")).st_mode) == 0o400, f"{node.name}: mode of the former file")
    expect(text(n2) not in (former, text(n2, KEY + ".old")), "the file did not change")
    # The files are what a new start, and a new core, takes.
    n2.core().send(signal.SIGKILL)
    lab.wait_ring()
    n3.stop()
    n3.start()
    lab.wait_ring()


@test("key: a node that is down is waited for; it gets the key when it comes, and the change ends by itself")
def node_down(lab):
    n1, n2, n3 = lab.nodes
    first = key(n1)["keys"][0]["fingerprint"]
    n3.stop()
    lab.wait_ring([n1, n2])
    said = n1.custos("key rotate")
    expect("waits for n3" in said.stdout, f"it does not say for whom it waits: {said}")
    lab.wait_until(lambda: all(len(key(node)["keys"]) == 2 for node in (n1, n2)), "both accept both keys")
    expect(key(n1)["keys"][0]["fingerprint"] == first, "the new key is used already")
    refused = n2.custos("key rotate", check=False)
    expect(refused.returncode == 1 and "under way" in refused.stdout, f"two changes at a time: {refused}")
    # All daemons end in the middle of it.
    for node in (n1, n2):
        node.kill_daemon()
    lab.start()
    changed_everywhere(lab, lab.nodes, first)


@test("key: --now goes on without a node; with its old key it stays outside, says why, and changes no view")
def now(lab):
    n1, n2, n3 = lab.nodes
    first = key(n1)["keys"][0]["fingerprint"]
    n3.stop()
    lab.wait_ring([n1, n2])
    n1.custos("key rotate")
    said = n2.custos("-F key rotate --now")
    expect("the old one is gone" in said.stdout, f"it does not say that it is done: {said}")
    changed_everywhere(lab, (n1, n2), first)
    before = {node: node.status() for node in (n1, n2)}
    n3.start()
    lab.wait(n3, lambda s: s.members == ["n3"] and not s.quorate, "n3, with the old key, is alone")
    lab.wait(n3, lambda s: any("the key was changed while this node was away" in w for w in s.raw["warnings"]), "n3 says why")
    lab.wait(n1, lambda s: any("that node has an old key" in w for w in s.raw["warnings"]), "n1 says why")
    at = reasons(n1)["wrong key"]
    lab.wait_until(lambda: reasons(n1)["wrong key"] > at + 10, "n1 goes on refusing its frames")
    for node in (n1, n2):
        expect(node.status().views == before[node].views, "a node with the old key changed the ring")
    # What is no key file changes nothing.
    put(n3, "custos-key 2\nnonsense\n")
    lab.wait_until(lambda: "the keys stay as they were" in n3.log_text(), "n3 says that the file is no key file")
    put(n3, text(n1))
    lab.wait_ring()
    n3.crm("configure property x-key-test=9")


@test("key: a full disk on a member is named everywhere, nobody is left out by it, and the change goes on when there is room")
def full_disk(lab):
    n1, n2, n3 = lab.nodes
    first = key(n1)["keys"][0]["fingerprint"]
    n2.small_disk("/etc/custos", "64k")
    make_room = n2.fill_disk("/etc/custos")
    said = n1.custos("key rotate")
    expect("still to do it: n2 (cannot write" in said.stdout and "goes on by itself" in said.stdout, f"it does not say for whom it waits: {said}")
    for node in lab.nodes:
        lab.wait(node, lambda s: any("the key is being changed" in w and "n2 (cannot write" in w for w in s.raw["warnings"]), "all name n2")
    lab.wait(n2, lambda s: any("could not be written" in w and "No space left" in w for w in s.raw["warnings"]), "n2 says what is wrong")
    refused = n1.custos("-F key rotate --now", check=False)
    expect(refused.returncode == 1 and "is present" in refused.stdout, f"a member is left out: {refused}")
    again = n3.custos("key rotate", check=False)
    expect(again.returncode == 1 and "under way" in again.stdout, f"two changes at a time: {again}")
    expect(key(n2)["trouble"], "the reason is gone")
    make_room()
    changed_everywhere(lab, lab.nodes, first)
    for node in lab.nodes:
        lab.wait(node, lambda s: not any("key" in w for w in s.raw["warnings"]), "nothing is wrong any more")
