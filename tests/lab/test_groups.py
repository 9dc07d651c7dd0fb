"""Process groups: programs on all nodes, by libcustos as it is installed, and the words that show groups."""
import json

from labkit import expect, test
from labkit.groups import GroupClient

GROUP = "lab"


def messages_of(report):
    return [event for event in report["got"] if event[0] == "m"]


def expect_in_order(report):
    """Places grow; of each sender, while it is a member, no number is left out or comes twice."""
    last_place, last = [0, 0, 0], {}
    for event in report["got"]:
        expect(event[1] >= last_place and (event[0] == "v" or event[1] > last_place), f"{report['name']}: {event} after {last_place}")
        last_place = event[1]
        if event[0] == "v":
            for who, _ in event[3] + event[4]:
                last.pop(who, None)
            continue
        sender, number = event[2:4]
        expect(sender not in last or number == last[sender] + 1, f"{report['name']}: {number} of {sender} after {last.get(sender)}")
        last[sender] = number


def joined_at(report, who):
    return next(event[1] for event in report["got"] if event[0] == "v" and who in [w for w, _ in event[4]])


def since(report, place):
    return [event for event in report["got"] if event[1] >= place]


def wait_members(lab, clients):
    """Until each of them sees them all."""
    names = sorted(client.id for client in clients)
    for client in clients:
        lab.wait_until(lambda client=client: sorted(client.state()["members"]) == names, f"{client.id} sees {names}")


def wait_own(lab, clients):
    """Until each got all that it sent."""
    for client in clients:
        lab.wait_until(lambda client=client: client.state()["own"] == client.state()["sent"], f"{client.id} gets all that it sent")


@test("groups: clients multicast on all nodes while one dies and comes back: nothing lost, doubled or out of order")
def a_node_dies(lab):
    clients = [GroupClient(node, GROUP) for node in lab.nodes]
    wait_members(lab, clients)
    for client in clients:
        client.go()
    first, second, third = clients
    lab.wait_until(lambda: third.state()["messages"] > 600, "messages go round")
    lab.nodes[2].power_off()
    lost = third.id
    third.abandon()
    for client in (first, second):
        lab.wait_until(lambda client=client: lost not in client.state()["members"], f"{client.id} sees {lost} go")
    lab.wait_until(lambda: first.state()["sent"] > 1000, "the others go on")
    lab.nodes[2].boot()
    lab.nodes[2].start()
    lab.wait_ring()
    third = GroupClient(lab.nodes[2], GROUP)
    third.go()
    clients = [first, second, third]
    wait_members(lab, clients)
    lab.wait_until(lambda: third.state()["own"] > 200, "the newcomer takes part")
    # then custosd alone dies, and is started again by its guard: its clients are told that it is gone
    gone = third.id
    lab.nodes[2].core().send(9)
    lab.wait_until(lambda: third.state()["ended"], "the client of a core that died is told")
    ended = third.state()["ended"]
    expect("connection" in ended, f"what it was told: {ended}")
    third.close()
    lab.wait_ring()
    third = GroupClient(lab.nodes[2], GROUP)
    third.go()
    clients = [first, second, third]
    wait_members(lab, clients)
    lab.wait_until(lambda: third.state()["own"] > 100, "the newcomer takes part")
    sent = {client.id: client.stop() for client in clients}
    wait_own(lab, clients)
    reports = [client.report() for client in clients]
    for report in reports:
        expect_in_order(report)
        own = [event[3] for event in messages_of(report) if event[2] == report["name"]]
        expect(own == list(range(1, sent[report["name"]] + 1)), f"{report['name']} sent {sent[report['name']]} messages and got {len(own)} of its own, {own[:1]} to {own[-1:]}")
    one, two, three = reports
    place = max(joined_at(one, one["name"]), joined_at(two, two["name"]))
    expect(since(one, place) == since(two, place), "two members that were always together got different things")
    place = joined_at(three, three["name"])
    expect(messages_of({"got": since(one, place)}) == messages_of(three), "a newcomer got something else than the others")
    reasons = {who: why for event in one["got"] if event[0] == "v" for who, why in event[3]}
    expect(reasons == {lost: "node down", gone: "node down"}, f"who left and why: {reasons}")
    for client in clients:
        client.close()
    return f"{len(messages_of(one))} messages at a member"


@test("groups: a client that is stopped is cut off with a reason; it costs the others nothing, and learns why")
def a_client_stops(lab):
    # Three senders at full speed would be too much for a reader of this kind, too: it would be cut off like the stopped one.
    quick = [GroupClient(node, GROUP, pace=2, size=8000) for node in lab.nodes]
    slow = GroupClient(lab.nodes[0], GROUP, pace=-1)
    wait_members(lab, [*quick, slow])
    slow.pause()
    for client in quick:
        client.go()
    for client in quick:
        lab.wait_until(lambda client=client: slow.id not in client.state()["members"], f"{client.id} sees the stopped client go", 60)
    before = [client.state()["own"] for client in quick]
    for client, own in zip(quick, before):
        lab.wait_until(lambda client=client, own=own: client.state()["own"] > own + 100, f"{client.id} goes on")
        client.stop()
    wait_own(lab, quick)
    for client in quick:
        report = client.report()
        expect_in_order(report)
        left = [change for event in report["got"] if event[0] == "v" for change in event[3]]
        expect(left == [[slow.id, "cut off"]], f"{client.id} was told {left}")
        expect(not report["ended"], f"{client.id} was ended: {report['ended']}")
    expect("cut off: " in lab.nodes[0].log_text(), "the log of its node does not say so")
    slow.resume()
    lab.wait_until(lambda: slow.state()["ended"], "the stopped client learns of it", 30)
    why = slow.state()["ended"]
    expect(why.startswith("cut off: ") and "were not taken" in why, f"it was told: {why}")
    for client in [*quick, slow]:
        client.close()
    return why


@test("groups: custos group and corosync-cpgtool show them, watch and send take part")
def words(lab):
    n1, n2 = lab.nodes[:2]
    expect(n1.custos("group list").stdout == "There are no process groups.\n", "groups where there are none")
    client = GroupClient(n2, GROUP)
    lab.wait_until(lambda: n1.custos("group list").stdout == "lab: 1 member\n", "the group is listed")
    pid = int(n1.custos("group members lab").stdout.split()[-1])
    shown = json.loads(n1.custos("group members lab --json").stdout)
    expect(shown["groups"] == [{"name": "lab", "members": [{"node": "n2", "id": 2, "pid": pid}]}], f"{shown}")
    refused = n1.custos("group members other", check=False)
    expect(refused.returncode == 1 and "there is no process group 'other'" in refused.stdout, refused.stdout)
    watch = n1.popen("custos", "group", "watch", "lab", "--json", stdout=-1, text=True)
    came = json.loads(watch.stdout.readline())
    expect(came["event"] == "view" and [m["node"] for m in came["members"]] == ["n2", "n1"], f"{came}")
    expect(came["joined"][0]["reason"] == "join", f"{came}")
    n2.custos("group send lab hello there")
    n2.run("custos", "group", "send", "lab", "-", text_in="one\ntwo\n")
    said = [json.loads(watch.stdout.readline()) for _ in range(3)]
    expect([(event["sender"]["node"], event["payload"]) for event in said] ==
           [("n2", "hello there"), ("n2", "one"), ("n2", "two")], f"{said}")
    expect([event["sequence"] for event in said] == sorted(event["sequence"] for event in said), f"{said}")
    n1.run("ln", "-s", "/usr/local/bin/custos", "/tmp/corosync-cpgtool")
    table = n1.run("/tmp/corosync-cpgtool").stdout
    expect(table.splitlines()[1] == "lab" and f"{pid:10}\t         2 ({n2.address})" in table, table)
    client.close()
    left = json.loads(watch.stdout.readline())
    expect(left["event"] == "view" and left["left"][0]["reason"] == "leave", f"{left}")
    watch.stdout.close()
    n2.custos("group send lab bye")  # its next line has nowhere to go
    watch.wait(20)
    # As text; nobody can forge a line, or speak to the terminal.
    watch = n1.popen("custos", "group", "watch", "text", stdout=-1, encoding="utf-8")
    expect(watch.stdout.readline().endswith(" came: join\n") and watch.stdout.readline() == "-- members: 1\n", "no view as text")
    n2.run("custos", "group", "send", "text", "gr\u00fc\u00df\u001b[2J\nn1, pid 1: forged")
    line = watch.stdout.readline()
    expect(line.startswith("n2, pid ") and line.endswith(": gr\u00fc\u00df\\x1b[2J\\x0an1, pid 1: forged\n"), f"{line!r}")
    watch.stdout.close()
    n2.custos("group send text bye")
    watch.wait(20)
    lab.wait_until(lambda: n2.custos("group list").stdout == "There are no process groups.\n", "nobody is left")
