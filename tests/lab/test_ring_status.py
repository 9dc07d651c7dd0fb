"""`custos ring status`: what it says of a healthy ring, of a loss, and where there is no ring."""
import json
import time

from labkit import expect, test


def ring(node):
    return json.loads(node.custos("ring status --json").stdout)


@test("ring status: who was lost, why, when, and how long each phase took")
def loss(lab):
    n1, n2, n3 = lab.nodes
    formed = ring(n1)
    expect(formed["ring"]["members"] == [1, 2, 3] and formed["quorum"]["quorate"], f"not the ring of three: {formed}")
    expect(formed["token"]["passed"] > 0 and formed["messages"]["delivered"] > 0, f"nothing is counted: {formed}")
    paths = [(path["peer"], path["link"], path["local"], path["remote"], path["port"]) for path in formed["links"]]
    expect(paths == [(2, 0, n1.address, n2.address, 5405), (3, 0, n1.address, n3.address, 5405)], f"the links: {paths}")
    cut = time.time()
    lab.network.set_link(n3, False)
    lab.wait_ring([n1, n2])
    after = ring(n1)
    change = after["changes"][-1]
    expect(change["lost"] == [3] and change["joined"] == [] and change["members"] == [1, 2], f"the change: {change}")
    expect(change["ring"] == after["ring"]["id"] and change["before"] == formed["ring"]["id"], f"the rings: {change}")
    expect(cut <= change["at_ms"] / 1000 <= time.time(), f"cut at {cut}, changed at {change['at_ms']}")
    expect(change["gather_us"] > 0 and change["commit_us"] > 0 and change["attempts"] > 0, f"the phases: {change}")
    text = n1.custos("ring status").stdout
    for words in (": LOST n3", "NOT HERE: [ n3 ]", "Members: [ n1 n2 ]", change["findings"][0]["evidence"]):
        expect(words in text, f"the text does not say '{words}':\n{text}")
    lab.network.set_link(n3, True)
    lab.wait_ring()
    back = ring(n1)["changes"][-1]
    expect(back["joined"] == [3] and back["lost"] == [], f"n3 came back: {back}")


@test("ring status: a port that is blocked one way is named with peer, port and direction")
def one_way(lab):
    n1, n2, n3 = lab.nodes

    def paths(node):
        return {path["peer"]: path["state"] for path in ring(node)["links"]}
    lab.wait_until(lambda: set(paths(n1).values()) == set(paths(n3).values()) == {"up"}, "all paths are up", 10)
    path = ring(n1)["links"][0]
    expect(path["active"] and path["round_trip_us"] > 0 and path["mtu"] >= 1200, f"the path to n2: {path}")
    lab.network.cut_one_way(n1, n3)
    lab.wait_until(lambda: paths(n1)[3] == "blocked_out", "n1 is told that n3 does not hear it", 20)
    text = n1.custos("ring status").stdout
    said = f"nothing arrives from n1 ({n1.address}) at UDP port 5405 of n3 ({n3.address})"
    expect(said in text, f"n1 does not say '{said}':\n{text}")
    lab.network.heal()
    lab.wait_ring()
    lab.wait_until(lambda: paths(n1)[3] == "up", "the path is up again", 20)


@test("ring status: a node without its address says what it waits for", started=False)
def waiting(lab):
    n3 = lab.nodes[2]
    stopped = n3.custos("ring status", check=False)
    expect(stopped.returncode == 1 and "custosd is not running" in stopped.stdout, f"no daemon, and it says: {stopped}")
    n3.kill()
    n3.boot(address=False)
    n3.start()
    lab.wait_until(lambda: n3.custos("ring status", check=False).returncode == 0, "the daemon answers", 10)
    waits = ring(n3)
    expect(waits["waiting"] and waits["ring"]["members"] == [] and waits["changes"] == [], f"it says: {waits}")
    text = n3.custos("ring status").stdout
    expect("WAITING" in text and waits["waiting"] in text, f"the text does not say what it waits for:\n{text}")
    n3.give_address()
    lab.wait_until(lambda: ring(n3)["ring"]["members"] == [3], "it makes a ring", 10)
    expect(ring(n3)["waiting"] == "", "it still says that it waits")
