"""Nodes that are added, removed, replaced and re-addressed while the cluster runs, and those that missed it."""
import json
import os
import subprocess

from scenes import VIP_LINE, expect_one_holder, serve

from labkit import VIP, expect, now, test
from labkit.groups import GroupClient
from test_groups import expect_in_order, messages_of, wait_own

GROUP = "roster"


def versions(node):
    """Of the nodelist, in the node file."""
    return [line.split(":")[1].strip() for line in node.file().splitlines() if line.strip().startswith("config_version:")]


def views(node):
    return node.status().views


def add_address(node, address):
    """Beside the first one, and so that it stays when that goes."""
    node.run("sysctl", "-qw", "net.ipv4.conf.all.promote_secondaries=1")
    node.run("ip", "addr", "add", address, "dev", "eth0")


def give_other_address(lab, node, by, members):
    """The 10.77.0.3N for 10.77.0.N, by an edit of one file, while the machine has both."""
    other = f"10.77.0.{30 + node.number}"
    add_address(node, f"{other}/24")
    by.edit(f"ring0_addr: {node.address}\n", f"ring0_addr: {other}\n")
    done = by.custos("reload")
    expect(f"{node.address} -> {other}" in done.stdout, done.stdout)
    for each in members:
        lab.wait_until(lambda each=each: f"ring0_addr: {other}\n" in each.file(), f"the file of {each.name} has it")
    node.run("ip", "addr", "del", f"{node.address}/24", "dev", "eth0")


def let_it_turn(lab, node, rounds=40):
    """Two seconds or more of an idle ring: what it would be torn down by has come by then."""
    before = node.status().raw["ring"]["tokens"]
    lab.wait(node, lambda s: s.raw["ring"]["tokens"] >= before + rounds, f"{rounds} rounds of the token")


def expect_no_word(nodes, words):
    """Among the warnings of these."""
    for node in nodes:
        warnings = node.status().raw["warnings"]
        expect(not any(words in line for line in warnings), f"{node.name} warns: {warnings}")


def same_file_everywhere(lab, nodes):
    lab.wait_until(lambda: len({node.file() for node in nodes}) == 1, "the node files are the same")


@test("roster: grows from 2 to 5 nodes, one is replaced, one re-addressed, the key rotated, shrinks to 2: the address and a client's "
      "messages go on", nodes=6, configured=2, two_node=True)
def grow_and_shrink(lab):
    n1, n2, n3, n4, n5, n6 = lab.nodes
    prober, arp = lab.probe(), lab.watch_arp()
    for node in lab.nodes:
        serve(node)
    n1.crm("configure property stonith-enabled=false")
    n1.crm("configure rsc_defaults resource-stickiness=100")
    n1.crm(VIP_LINE)
    expect(prober.wait_for(timeout=20), "no page")
    holder = lab.node(lab.wait(n1, lambda s: s.place("failover-ip"), "the address is somewhere").place("failover-ip"))
    begin = now()
    client = GroupClient(holder, GROUP)
    client.go()
    lab.wait_until(lambda: client.state()["own"] > 20, "messages go round")
    n1.edit("totem {\n", "# our own cluster\ntotem {\n    # the version is below\n")
    same = n2.file()
    n2.edit(same, n1.file())

    members = [n1, n2]
    for node in (n3, n4, n5):
        before = {each: views(each) for each in members}
        lab.add_node(node, n1, members)
        grown = {each.name: views(each) - before[each] for each in members}
        expect(set(grown.values()) == {1}, f"views for one new node: {grown}")
        members.append(node)
        expect_no_word(members, "goes by another nodelist")
    same_file_everywhere(lab, members)
    expect(versions(n1) == ["3"], f"versions: {versions(n1)}")
    text = n1.file()
    expect("# our own cluster\ntotem {\n    # the version is below\n" in text, f"comments are gone:\n{text}")
    expect("# two_node: 1" in text and "\n    two_node" not in text, f"two_node:\n{text}")
    expect("config_version" not in n1.file("custos.conf.0") and "two_node: 1" in n1.file("custos.conf.0"), "the old file")
    quorum = json.loads(n1.custos("quorum status --json").stdout)
    expect((quorum["expected"], quorum["needed"]) == (5, 3), f"{quorum}")

    # n5 is replaced by n6
    refused = n1.custos("node remove n9", check=False)
    expect(refused.returncode == 1 and "there is no node" in refused.stdout, f"{refused}")
    lab.remove_node(n5, n1, [n1, n2, n3, n4])
    lab.wait(n5, lambda s: any("was removed from the cluster" in line for line in s.raw["warnings"]), "n5 says that it was removed")
    expect_no_word([n5], "was restarted")
    let_it_turn(lab, n1)
    expect_no_word([n1, n2, n3, n4], "not in the nodelist")
    lab.add_node(n6, n2, [n1, n2, n3, n4])
    members = [n1, n2, n3, n4, n6]
    calm = {each: views(each) for each in members}

    # who was removed stays silent, also when it starts again
    n5.stop()
    n5.start()
    lab.wait(n5, lambda s: any("was removed from the cluster" in line for line in s.raw["warnings"]), "n5 still says so")
    let_it_turn(lab, n1)
    expect({each: views(each) for each in members} == calm, "a removed node made the members form a new ring")
    n5.stop()

    # nor when it is given a member's file without having been added
    lab.copy_files(n1, n5)
    n5.start()
    lab.wait(n5, lambda s: any("was removed from the cluster: the nodelist of" in line for line in s.raw["warnings"]), "n5 says that the file has not got it")
    n5.stop()

    moved = next(each for each in (n3, n4) if each is not holder)
    give_other_address(lab, moved, n1, members)
    key = n1.custos("key show").stdout
    n1.custos("key rotate")
    expect(len({each.custos("key show").stdout for each in members}) == 1 and n1.custos("key show").stdout != key, "the key")
    let_it_turn(lab, n1)
    expect({each: views(each) for each in members} == calm, "another address and another key made a new ring")

    for node in [each for each in (n6, n4, n3, n2, n1) if each is not holder][:3]:
        by = next(each for each in members if each is not node)
        members.remove(node)
        lab.remove_node(node, by, members)
    same_file_everywhere(lab, members)
    expect(len(members) == 2 and holder in members, f"{members}")
    sent = client.stop()
    wait_own(lab, [client])
    report = client.report()
    expect_in_order(report)
    own = [event[3] for event in messages_of(report)]
    expect(own == list(range(1, sent + 1)), f"{sent} messages sent, {len(own)} came back, {own[:1]} to {own[-1:]}")
    client.close()
    expect(lab.wait(holder, lambda s: s.place("failover-ip"), "the address").place("failover-ip") == holder.name, "the address moved")
    expect_one_holder(lab, arp, holder)
    outage = prober.outage(begin).milliseconds
    expect(outage < 500, f"pages were missing for {outage:.0f} ms")
    return f"{len(own)} messages, versions up to {versions(holder)[0]}, longest time without a page {outage:.0f} ms"


@test("roster: a node that is away while nodes change learns of it before it is let in", nodes=5, configured=4)
def away(lab):
    n1, n2, n3, n4, n5 = lab.nodes
    n4.stop()
    n3.stop()
    lab.wait_ring([n1, n2], quorate=False)
    n3.start()
    lab.wait_ring([n1, n2, n3])
    lab.add_node(n5, n1, [n1, n2, n3])
    calm = {each: views(each) for each in (n1, n2, n3, n5)}
    n4.start()
    lab.wait_ring()
    grown = {each.name: views(each) - calm[each] for each in calm}
    expect(set(grown.values()) == {1}, f"views for a node that comes back: {grown}")
    lab.wait_file(n4, n5)
    expect("which this node has missed" in n4.log_text(), "its log does not say so")
    same_file_everywhere(lab, lab.nodes)


@test("roster: who runs something, or is silent, is not removed just so; what needs a restart is named")
def refusals(lab):
    n1, n2, n3 = lab.nodes
    n1.crm("configure property stonith-enabled=false")
    n1.crm(VIP_LINE)
    n1.crm("configure location there failover-ip inf: n3")
    lab.wait_place("failover-ip", n3)

    def refused(line, *words, node=n1):
        done = node.custos(line, check=False)
        text = done.stdout
        expect(done.returncode == 1 and all(word in text for word in words), f"{line}: {done.returncode}, {text}")

    refused("node remove n3", "n3 runs", "failover-ip", "node standby n3")
    refused("node remove n1", "is this node")
    refused("node add n2 10.77.0.9", "there is a node n2 already")
    refused("node add n4", "n4")  # no such name
    refused(f"node add n4 {n2.address}", n2.address)
    refused(f"node add n4 {VIP}", VIP, "failover-ip", "stays with the machine")
    refused("node add n4 10.77.0.255", "broadcast address")
    refused("node add n4 255.255.255.255", "no single machine can have")
    refused("node add n4 224.0.0.7", "no single machine can have")
    refused("node add n4 0.0.0.0", "no single machine can have")
    n1.edit(f"ring0_addr: {n3.address}", f"ring0_addr: {VIP}")
    refused("reload", VIP, "failover-ip")
    n1.edit(f"ring0_addr: {VIP}", f"ring0_addr: {n3.address}")
    n1.edit("token: 1000", "token: 2000")
    n1.edit("cluster_name: lab", "cluster_name: other")
    refused("reload", "totem.token: 1000 -> 2000", "totem.cluster_name: lab -> other", "nothing was changed")
    refused("node add n4 10.77.0.9", "totem.token: 1000 -> 2000", "nothing was changed")
    n1.edit("token: 2000", "token: 1000")
    n1.edit("cluster_name: other", "cluster_name: lab")
    n1.edit("name: n3", "name: other")
    refused("reload", "is called \"n3\"", "keeps that name")
    n1.edit("name: other", "name: n3")
    expect("nothing differs" in n1.custos("reload").stdout, "reload of a file that was not changed")
    n3.power_off()
    lab.wait_ring([n1, n2])
    n1.crm("configure property stonith-enabled=true")
    n1.crm("configure primitive web ocf:heartbeat:Dummy")  # which no lease covers
    refused("node remove n3", "n3 is silent", "custos node remove n3 --force", "custos -F node remove n3 --force")
    refused("node remove n3 --force", "nothing was changed", "custos -F node remove n3 --force")
    refused("quorum unblock", "this cluster waits for nobody: wait_for_all is not set")
    refused("-F quorum unblock", "this cluster waits for nobody: wait_for_all is not set")
    n1.custos("-F node remove n3 --force")
    lab.wait_file(n1, n3, there=False)
    lab.wait_file(n2, n3, there=False)
    expect_no_word([n1, n2], "not in the nodelist")
    n3.boot()
    n3.start()
    lab.wait(n1, lambda s: any("not in the nodelist" in line for line in s.raw["warnings"]), "n1 says that n3 is none of its nodes")
    n3.power_off()
    lab.wait(n1, lambda s: not any("not in the nodelist" in line for line in s.raw["warnings"]), "n1 does not say so for ever", 20)


@test("roster: above the highest nodeid there is none: node add says so, and an edit with a lower one is taken", nodes=3, configured=2, started=False)
def highest_id(lab):
    n1, n2, n3 = lab.nodes
    for node in (n1, n2):
        node.edit("nodeid: 2\n", "nodeid: 2147483647\n")
    lab.start()
    refused = n1.custos(f"node add n3 {n3.address}", check=False)
    expect(refused.returncode == 1 and "above 2147483647 there is none" in refused.stdout and "custos reload" in refused.stdout, f"{refused}")
    n1.edit("nodelist {\n", f"nodelist {{\n    node {{\n        nodeid: 5\n        name: n3\n        ring0_addr: {n3.address}\n    }}\n")
    n1.custos("reload")
    lab.wait_file(n2, n3)


@test("roster: a node gets another address by an edit of one file: with two links it stays a member", started=False)
def readdress(lab):
    n1, n2, n3 = lab.nodes
    lab.network.add_second(lab.nodes)
    for node in lab.nodes:
        for each in lab.nodes:
            node.edit(f"        ring0_addr: {each.address}\n",
                      f"        ring0_addr: {each.address}\n        ring1_addr: {lab.network.second_address(each.number)}\n")
    lab.start()
    for node in lab.nodes:
        lab.wait_until(lambda node=node: node.custos("ring status --json").stdout.count('"state": "up"') == 4,
                       f"both links of {node.name} to both others are up")
    calm = {each: views(each) for each in lab.nodes}
    give_other_address(lab, n3, n1, lab.nodes)
    let_it_turn(lab, n1, 60)
    both = n1.custos("ring status --json").stdout
    expect('"10.77.0.33"' in both and both.count('"state": "up"') == 4, "a link of n1 is not up: " + both)
    expect({each: views(each) for each in lab.nodes} == calm, "the change of an address made a new ring")
    lab.wait_ring()


@test("roster: with one link the ring goes on while a node has both its old and its new address")
def readdress_one_link(lab):
    n1, n2, n3 = lab.nodes
    client = GroupClient(n3, GROUP)
    client.go()
    calm = {each: views(each) for each in lab.nodes}
    give_other_address(lab, n3, n2, lab.nodes)
    let_it_turn(lab, n1, 60)
    expect({each: views(each) for each in lab.nodes} == calm, "the change of an address made a new ring")
    sent = client.stop()
    wait_own(lab, [client])
    report = client.report()
    expect_in_order(report)
    expect([event[3] for event in messages_of(report)] == list(range(1, sent + 1)), "messages were lost, doubled or out of order")
    client.close()
    # and it starts again from what its file and its journal say
    n3.stop()
    lab.wait_ring([n1, n2])
    n3.start()
    lab.wait_ring()
    return f"{sent} messages"


@test("roster: a nodelist that nobody took, another cluster's name and an old key: silent, and their status says why")
def strangers(lab):
    n1, n2, n3 = lab.nodes
    n1.edit(f"ring0_addr: {n2.address}\n", f"ring0_addr: {n2.address}\n        quorum_votes: 2\n")
    n1.custos("reload")  # now there is a list that counts
    lab.wait_until(lambda: versions(n3) == ["1"], "the file of n3 has version 1")
    n3.stop()
    lab.wait_ring([n1, n2])
    calm = {each: views(each) for each in (n1, n2)}
    good = n3.file()

    def silent(words, check=lambda: None):
        n3.start()
        lab.wait(n3, lambda s: any(words in line for line in s.raw["warnings"]), f"the status of n3 says: {words}")
        let_it_turn(lab, n1)
        check()
        expect({each: views(each) for each in calm} == calm, f"{words}: the members formed a new ring")
        n3.stop()

    n3.edit("config_version: 1", "config_version: 7")
    n3.edit("quorum_votes: 2", "quorum_votes: 3")
    silent("this node stays silent")
    # also where its own file makes it a majority: what counted still has its say
    n3.edit(f"ring0_addr: {n3.address}\n", f"ring0_addr: {n3.address}\n        quorum_votes: 9\n")
    silent("this node stays silent", check=lambda: expect(not n3.status().quorate, "quorate by a file of its own"))
    n3.edit(n3.file(), good)
    n3.edit("cluster_name: lab", "cluster_name: elsewhere")
    silent("frames of another cluster")
    n3.edit(n3.file(), good)
    n3.custos("key generate --force")
    silent("another key")
    lab.copy_files(n1, n3)
    n3.start()
    lab.wait_ring()


def says(node, words):
    return any(words in line for line in node.status().raw["warnings"])


@test("roster: a node file that an edit has broken does not end a node whose core dies: it goes on with the text it had, and says so")
def broken_file(lab):
    n3 = lab.nodes[2]
    good = n3.file()
    n3.edit("nodelist {", "nodelist ")
    line = good[:good.index("nodelist {")].count("\n") + 1
    before = n3.core()
    before.send(9)
    lab.wait_until(lambda: n3.core() and n3.core().pid != before.pid, "guard starts a new core", 10)
    lab.wait_ring()
    expect(says(n3, "goes on with the text of it that it last read or wrote"), f"{n3.status().raw['warnings']}")
    expect(f"custos.conf:{line}" in n3.log_text(), f"no line {line} in its log")
    refused = n3.custos("reload", check=False)
    expect(refused.returncode == 1 and f"custos.conf:{line}" in refused.stdout, f"{refused}")
    n3.edit("nodelist ", "nodelist {")
    n3.custos("reload")
    expect(not says(n3, "node file"), f"{n3.status().raw['warnings']}")
    n3.edit("nodelist {", "nodelist ")
    n3.stop()
    n3.start()
    status = n3.wait_stopped(20)
    expect(status == 78, f"a start with a broken file ended with {status}")


@test("roster: an edit that waits in a file is kept when a change overtakes it; the answer comes when the file is written, or says why not",
      nodes=4, configured=3)
def overtaken_edit(lab):
    n1, n2, n3, n4 = lab.nodes

    def give_votes(node, votes):
        node.edit(f"ring0_addr: {n3.address}\n", f"ring0_addr: {n3.address}\n        quorum_votes: {votes}\n")

    give_votes(n2, 2)
    done = n1.custos(f"node add {n4.name} {n4.address}")
    expect(f"name: {n4.name}\n" in n1.file(), "answered before the file was written")
    expect("custos.conf.edited" not in done.stdout, done.stdout)
    lab.wait_file(n2, n4)
    lab.wait_file(n3, n4)
    expect("quorum_votes: 2" in n2.file("custos.conf.edited"), "the edit is gone")
    expect("quorum_votes: 2" not in n2.file(), "the edit has taken force")
    expect(says(n2, "custos.conf.edited") and not says(n3, "custos.conf.edited"), f"{n2.status().raw['warnings']}")
    expect("the edit is kept as /etc/custos/custos.conf.edited" in n2.log_text(), "nothing in its log")
    # Of the node that is asked, the answer says it.
    give_votes(n1, 3)
    done = n1.custos(f"node remove {n4.name}")
    expect(f"name: {n4.name}\n" not in n1.file(), "answered before the file was written")
    expect("/etc/custos/custos.conf.edited" in done.stdout, done.stdout)
    expect("quorum_votes: 3" in n1.file("custos.conf.edited"), "the edit is gone")
    # A file that can't be written.
    place = n3.path("/etc/custos/custos.conf")
    lab.wait_file(n3, n4, there=False)
    os.rename(place, place + ".real")
    os.symlink("custos.conf.real", place)
    give_votes(n3, 4)
    done = n3.custos("reload")
    expect("still has its former nodelist" in done.stdout and "is no plain file" in done.stdout, done.stdout)


@test("roster: a node file that found no room is written when there is some, and by a reload at once", nodes=4, configured=3)
def full_disk(lab):
    n1, n2, n3, n4 = lab.nodes
    for node in (n2, n3):
        node.small_disk("/etc/custos", "64k")
    make_room = {node: node.fill_disk("/etc/custos") for node in (n2, n3)}
    n1.custos(f"node add {n4.name} {n4.address}")
    for node in (n2, n3):
        lab.wait_until(lambda node=node: says(node, "No space left"), f"{node.name} says why its file is old")
    make_room[n2]()
    done = n2.custos("reload")
    expect("older" not in done.stdout or "has it now" in done.stdout, done)
    expect(f"name: {n4.name}\n" in n2.file(), done)
    make_room[n3]()
    lab.wait_file(n3, n4)
    same_file_everywhere(lab, [n1, n2, n3])
    for node in (n2, n3):
        lab.wait_until(lambda node=node: not node.status().raw["warnings"], f"{node.name} is content")


@test("roster: a change that waits for a disk, or for a node that nobody cleared, is answered, and says everywhere for whom; ids are given once",
      nodes=5, configured=3)
def waits(lab):
    n1, n2, n3, n4, n5 = lab.nodes
    members = [n1, n2, n3]
    n1.custos(f"node add {n4.name} {n4.address}")
    n1.custos(f"node remove {n4.name}")
    for node in members:
        lab.wait_file(node, n4, there=False)
    # The disk of n2 takes no journal any more.
    n2.stop()
    n2.small_disk("/var/lib/custos", "400k")
    n2.start()
    lab.wait_ring(members)
    make_room = n2.fill_disk("/var/lib/custos")
    n1.crm(f"configure property x-long={'x' * 9000}")  # there may be room in the journal's last page
    lab.wait_until(lambda: says(n2, "acknowledges no change"), "the journal of n2 takes nothing")
    done = n1.custos(f"node add {n4.name} {n4.address}")
    expect("not in force yet: waits for the disk of n2" in done.stdout and "Once it is in force" in done.stdout, done)
    for node in members:
        lab.wait_until(lambda node=node: says(node, "waits for the disk of n2"), f"{node.name} says for whom")
        expect("waits for the disk of n2" in node.custos("quorum status").stdout, "quorum status does not")
    make_room()
    n2.stop()
    n2.start()
    for node in members:
        lab.wait_file(node, n4)
    expect(max(n["id"] for n in json.loads(n1.custos("members --json").stdout)["nodes"]) == 5, "the id of a removed node came back")
    # All end in the middle of a change, while n4 was never there.
    asked = n1.popen("custos", "node", "add", n5.name, n5.address, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    lab.wait_until(lambda: any("are being changed" in w for w in n2.status().raw["warnings"]), "it is under way")
    for node in members:
        node.kill_daemon()
    asked.wait()
    for node in members:
        node.start()
    lab.wait_ring(members)
    for node in members:
        lab.wait_until(lambda node=node: says(node, "crm node clearstate n4"), f"{node.name} says what to do")
    n3.crm("-F node clearstate n4")
    for node in members:
        lab.wait_file(node, n5)


@test("roster: nodes do not exchange addresses by an edit, and none gives itself one that its machine lacks; a list by which one node "
      "went alone is kept")
def exchange(lab):
    n1, n2, n3 = lab.nodes
    good = n1.file()
    n1.edit(good, good.replace(n2.address, "other").replace(n3.address, n2.address).replace("other", n3.address))
    refused = n1.custos("reload", check=False)
    expect(refused.returncode == 1 and "is that of n3 now" in refused.stdout, refused)
    n1.edit(n1.file(), good.replace(n1.address, "10.77.0.99"))
    refused = n1.custos("reload", check=False)
    expect(refused.returncode == 1 and "none of this machine's" in refused.stdout, refused)
    n1.edit(n1.file(), good.replace("    version: 2\n", "    version: 2\n    config_version: 5\n").replace("name: n3\n", "name: third\n"))
    n1.stop()
    n1.start()
    lab.wait_ring([n2, n3], members=lab.nodes)
    n2.edit(f"ring0_addr: {n3.address}\n", f"ring0_addr: {n3.address}\n        quorum_votes: 2\n")
    n2.custos("reload")
    lab.wait_until(lambda: says(n1, "custos.conf.edited"), "n1 says that an edit was kept")
    expect("name: third" in n1.file("custos.conf.edited") and "name: third" not in n1.file(), n1.file())
    expect("quorum_votes: 2" in n1.file(), n1.file())
