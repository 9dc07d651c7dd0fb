"""Quorum with real daemons: a node without a link, wait_for_all, last_man_standing down to the tie-breaker."""
import json

from labkit import expect, test


def set_quorum(lab, *lines):
    """Puts these into each node's quorum section."""
    provider = "    provider: corosync_votequorum\n"
    for node in lab.nodes:
        with open(node.path("/etc/custos/custos.conf"), "w") as file:
            file.write(lab.config.replace(provider, provider + "".join(f"    {line}\n" for line in lines)))


def quorum(node):
    return json.loads(node.custos("quorum status --json").stdout)


@test("two nodes: one whose link is dead has no quorum, nor has it any for a moment when the link is back", nodes=2, two_node=True)
def dead_link(lab):
    n1, n2 = lab.nodes
    lab.network.set_link(n1, False)
    lab.wait_ring([n1], quorate=False)
    lab.wait_ring([n2])
    expect("no link works" in n1.custos("quorum status").stdout, n1.custos("quorum status").stdout)
    lab.network.set_link(n1, True)
    lab.wait_ring()
    gained = [line for line in n1.log_text().splitlines() if "quorum gained" in line]
    expect(gained and "view {1,2}" in gained[-1], f"gained otherwise than by both being there: {gained}")
    expect(not any("a link works again" in line for line in gained), f"quorate alone: {gained}")


@test("wait_for_all: who starts waits, says for whom, and goes on at the word of an administrator", started=False)
def waits_for_all(lab):
    set_quorum(lab, "wait_for_all: 1")
    n1, n2, n3 = lab.nodes
    lab.start()  # a blank disk has no vote
    calm = n1.custos("quorum unblock").stdout  # asks nothing, as there is nothing to vouch for
    expect("nobody is waited for: 3 of 3 votes" in calm, calm)
    for node in lab.nodes:
        node.kill_daemon()
    for node in (n1, n2):
        node.start()
    lab.wait_ring([n1, n2], quorate=False)
    expect("not seen since the start: {3}" in n1.custos("quorum status").stdout, n1.custos("quorum status").stdout)
    refused = n1.custos("quorum unblock", check=False)
    expect(refused.returncode != 0 and "-F quorum unblock" in refused.stdout, f"not asked for a word: {refused.stdout}")
    expect(quorum(n1)["flags"] == ["WaitForAll"], f"flags: {quorum(n1)['flags']}")
    n1.custos("-F quorum unblock")
    lab.wait_ring([n1, n2])
    expect(quorum(n1)["flags"] == ["Quorate", "WaitForAll"], f"flags: {quorum(n1)['flags']}")
    n3.start()
    lab.wait_ring()
    n3.kill_daemon()
    lab.wait_ring([n1, n2])  # nobody is waited for once they were there
    again = n2.custos("-F quorum unblock").stdout
    expect("nobody is waited for" in again, again)


@test("last_man_standing: four nodes die one after the other, and the tie-breaker is quorate alone", nodes=4, started=False)
def last_man_standing(lab):
    set_quorum(lab, "last_man_standing: 1", "last_man_standing_window: 500", "auto_tie_breaker: 1")
    lab.start()
    alive = list(lab.nodes)
    while len(alive) > 1:
        votes = f"{len(alive)} of {len(alive)} votes"
        lab.wait_until(lambda: quorum(alive[0])["reason"].startswith(votes), f"the roster has been written: {votes}", 20)
        alive.pop().power_off()
        lab.wait_ring(alive)
    flags = quorum(alive[0])["flags"]
    expect(flags == ["Quorate", "LastManStanding", "AutoTieBreaker"], f"flags: {flags}")
    back = lab.nodes[1]
    back.boot()
    back.start()
    lab.wait_ring(lab.nodes[:2])


@test("quorum: one node file with other votes from the start on: nobody is quorate, and says why; corrected and restarted, all are", started=False)
def files_differ_from_the_start(lab):
    n1, n2, n3 = lab.nodes
    same = n1.file()
    n1.edit("name: n1\n", "name: n1\n        quorum_votes: 3\n")
    for node in lab.nodes:
        node.start()
    lab.wait_ring(quorate=False)
    for node in lab.nodes:
        expect("node files of the members differ" in quorum(node)["reason"], f"{node.name}: {quorum(node)['reason']}")
    n1.edit(n1.file(), same)
    n1.stop()
    n1.start()
    lab.wait_ring()


@test("quorum: a node that starts with other quorum options than the members go by ends and says why; the members go on, and it has no quorum alone")
def other_options(lab):
    n1, n2, n3 = lab.nodes
    same = n1.file()
    n1.stop()
    n1.edit("name: n1\n", "name: n1\n        quorum_votes: 3\n")
    n1.start()
    status = n1.wait_stopped(20)
    expect(status == 78, f"ended with {status}")
    expect("has other nodes, votes or quorum options than the members go by" in n1.log_text(), n1.log_text()[-2000:])
    lab.wait_ring([n2, n3])
    lab.network.partition([n1], [n2, n3])
    n1.start()
    lab.wait_ring([n1], quorate=False)
    lab.network.heal()
    status = n1.wait_stopped(20)
    expect(status == 78, f"ended with {status} when it met the members")
    n1.edit(n1.file(), same)
    n1.start()
    lab.wait_ring()
