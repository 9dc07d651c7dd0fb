"""`custos members`, `custos quorum status`, and the words of corosync that monitoring parses."""
import json
import os
import re
import sys

from labkit import expect, test
from labkit.cluster import TOP

sys.path.insert(0, os.path.join(TOP, "tests", "bench"))
from rivals.systems import Corosync, missing  # noqa: E402

WORDS = "/tmp/words"  # on each node: our program under corosync's names

# --- readers, each after what a program that is in use looks for


def quorum_metrics(text):
    """What ha_cluster_exporter makes of `corosync-quorumtool -p`: it wants each of these."""
    def number(label):
        return int(re.search(rf"^{label}:\s+(\d+)", text, re.M)[1])
    table = re.search(r"^Membership information\n-+\n\s+Nodeid\s+Votes\s+Qdevice\s+Name\n((?:.+\n)+)", text, re.M)
    row = re.compile(r"^\s*(\w+)\s+(\d+)\s+([\w,]+)\s+(\S+)( \(local\))?$")
    return {"node": re.search(r"^Node ID:\s+(\w+)$", text, re.M)[1], "ring": re.search(r"^Ring ID:\s+([0-9a-f]+\.[0-9a-f]+)$", text, re.M)[1],
            "quorate": re.search(r"^Quorate:\s+(Yes|No)$", text, re.M)[1] == "Yes",
            "votes": re.search(r"Expected votes:\s+\d+\s+Highest expected:\s+\d+\s+Total votes:\s+\d+\s+Quorum:\s+\d+", text) is not None
            and [number(label) for label in ("Expected votes", "Highest expected", "Total votes", "Quorum")],
            "members": [row.match(line).groups() for line in table[1].splitlines()]}


def votes_without_local(text):
    """What pcs makes of it before it stops a node: (quorate, votes needed, votes of the others)."""
    found = {"others": 0}
    head, _, table = text.partition("Membership information")
    for line in head.splitlines():
        label, colon, value = line.partition(":")
        if colon and label.strip() == "Quorate":
            found["quorate"] = value.strip().lower() == "yes"
        elif colon and label.strip() == "Quorum":
            found["needed"] = int(value.split()[0])
    for words in filter(None, map(str.split, table.splitlines())):
        if words[0].isdigit() and words[-1] != "(local)":
            found["others"] += int(words[1]) * bool(words[3])
    return found["quorate"], found["needed"], found["others"]


def link_states(text):
    """What crmsh makes of `corosync-cfgtool -s`: {link: {node id: state}}."""
    links = {}
    for line in text.splitlines():
        link = re.match(r"LINK ID (\d+)(?: \w+)?$", line)
        node = re.match(r"\s+nodeid:\s+(\d+):\s+(\w+)$", line)
        if link:
            links[int(link[1])] = {}
        elif node:
            links[max(links)][int(node[1])] = node[2]
    return links


def settings(text):
    """What trento's agent makes of `corosync-cmapctl -b`."""
    return {match[1]: match[3] for match in re.finditer(r"^(\S+) \((\w+)\) = (.*)$", text, re.M)}


def install(lab):
    for node in lab.nodes:
        os.makedirs(node.path(WORDS))
        node.custos(f"links install {WORDS} --corosync --force")


def word(node, line, code=0):
    """Our own corosync-LINE; its standard error comes with the output."""
    done = node.run(*f"{WORDS}/corosync-{line}".split(), check=False)
    expect(done.returncode == code, f"corosync-{line} ends with {done.returncode} in place of {code}: {done.stdout}")
    return done.stdout


def view(node, line):
    return json.loads(node.custos(f"{line} --json").stdout)


@test("members and quorum status: who is absent, since when and why")
def members(lab):
    n1, n2, n3 = lab.nodes
    formed, quorum = view(n1, "members"), view(n1, "quorum status")
    expect([node["member"] for node in formed["nodes"]] == [True] * 3, f"not all are members: {formed}")
    expect((quorum["quorate"], quorum["majority"], quorum["votes"], quorum["needed"], quorum["expected"]) == (True, True, 3, 2, 3),
           f"the votes: {quorum}")
    expect(quorum["flags"] == ["Quorate"], f"the flags: {quorum}")
    lab.network.set_link(n3, False)
    lab.wait_ring([n1, n2])
    absent = view(n1, "members")["nodes"][2]
    expect(not absent["member"] and absent["cause"] == "token_lost" and absent["joins"] == 1, f"n3 is: {absent}")
    expect(absent["since_ms"] > formed["nodes"][2]["since_ms"] and "node 3" in absent["why"], f"n3 is: {absent}")
    text = n1.custos("members").stdout
    expect("NOT HERE:\n  * n3 (id 3)" in text and "LOST, since" in text and absent["why"] in text, text)
    quorum = view(n1, "quorum status")
    expect((quorum["quorate"], quorum["votes"]) == (True, 2), f"the votes: {quorum}")
    n2.stop()
    lab.wait(n1, lambda s: s.members == ["n1"] and not s.quorate, "n1 is alone")
    text = n1.custos("quorum status").stdout
    expect("Quorate: NO (1 of 3 votes, 2 needed)" in text and "n2 (id 2): 1 vote, left in order, since" in text, text)
    n2.start()
    lab.wait_ring([n1, n2])
    expect(view(n1, "members")["nodes"][1]["joins"] == 2, "n2's second join is not counted")


@test("corosync's words: what monitoring reads of a whole cluster, of a loss, of no quorum, and where no daemon is", started=False)
def words(lab):
    lab.network.add_second(lab.nodes)
    for node in lab.nodes:
        with open(node.path("/etc/custos/custos.conf"), "w") as file:
            text = lab.config
            for other in lab.nodes:
                line = f"        ring0_addr: {other.address}\n"
                text = text.replace(line, f"{line}        ring1_addr: {lab.network.second_address(other.number)}\n")
            file.write(text)
    install(lab)
    n1, n2, n3 = lab.nodes
    expect(word(n1, "quorumtool -p", 1) == "Cannot initialize CMAP service\n", "pcs compares this line")
    expect(word(n1, "cfgtool -s", 1) == "Could not initialize corosync configuration API error 2\n", "no daemon: cfgtool")
    expect(word(n1, "cmapctl", 1) == "Failed to initialize the cmap API. Error CS_ERR_LIBRARY\n", "no daemon: cmapctl")
    expect(word(n1, "cpgtool", 1) == "Could not initialize corosync cpg API error 2\n", "no daemon: cpgtool")
    lab.start()
    states = {0: {1: "localhost", 2: "connected", 3: "connected"}, 1: {1: "localhost", 2: "connected", 3: "connected"}}
    lab.wait_until(lambda: link_states(word(n1, "cfgtool -s")) == states, "both links reach both nodes", 20)
    text = word(n1, "quorumtool -p")
    metrics = quorum_metrics(text)
    rows = [("1", "1", "NR", "n1", " (local)"), ("2", "1", "NR", "n2", None), ("3", "1", "NR", "n3", None)]
    expect(metrics["quorate"] and metrics["votes"] == [3, 3, 3, 2] and metrics["members"] == rows, f"the metrics: {metrics}")
    sequence, representative = json.loads(n1.custos("ring status --json").stdout)["ring"]["id"].split(".")
    expect(metrics["ring"] == f"{int(representative):x}.{int(sequence):x}", f"the ring: {metrics}")
    expect(votes_without_local(text) == (True, 2, 2), f"pcs reads {votes_without_local(text)}")
    expect(re.findall(r"^\tstatus\t= (\w+)$", word(n1, "cfgtool -sb"), re.M) == ["n33", "n33"], "the brief status")
    reached = re.findall(r"LINK: (\d) udp \((\S+)->(\S+)\) enabled connected mtu: (\d+)", word(n1, "cfgtool -n"))
    expect([path[:3] for path in reached] == [("0", n1.address, n2.address), ("1", "10.78.0.1", "10.78.0.2"),
                                              ("0", n1.address, n3.address), ("1", "10.78.0.1", "10.78.0.3")], f"reached: {reached}")
    expect(word(n1, "cfgtool -a 3") == f"{n3.address} 10.78.0.3\n", "the addresses of n3")
    keys = settings(word(n1, "cmapctl -b"))
    for key, value in {"totem.cluster_name": "lab", "nodelist.node.2.name": "n3", "runtime.config.totem.token": "1000",
                       "runtime.members.3.status": "joined", "runtime.members.2.ip": f"r(0) ip({n2.address}) r(1) ip(10.78.0.2) ",
                       "quorum.provider": "corosync_votequorum", "nodelist.local_node_pos": "0"}.items():
        expect(keys.get(key) == value, f"{key} is {keys.get(key)}")
    expect(word(n1, "cmapctl -g runtime.members.3.status") == "runtime.members.3.status (str) = joined\n", "one key")
    figures = settings(word(n1, "cmapctl -m stats"))
    expect(int(figures["stats.srp.orf_token_rx"]) > 0 and figures["stats.knet.node2.link1.connected"] == "1", f"figures: {figures}")
    expect(word(n1, "cpgtool -d ,") == "GRP_NAME,PID,NODEID\n", "there are no groups")

    lab.network.set_second_link(n3, False)
    states[1][3] = "disconnected"
    lab.wait_until(lambda: link_states(word(n1, "cfgtool -s")) == states, "link 1 to n3 is down, and only that", 20)
    n3.kill_daemon()
    lab.wait_ring([n1, n2])
    expect(votes_without_local(word(n1, "quorumtool -p -s")) == (True, 2, 1), "pcs would let n1 stop")
    expect(settings(word(n1, "cmapctl runtime.members"))["runtime.members.3.status"] == "left", "n3 is not shown as left")
    n2.kill_daemon()
    lab.wait(n1, lambda s: s.members == ["n1"] and not s.quorate, "n1 is alone")
    metrics = quorum_metrics(word(n1, "quorumtool -p", 2))
    expect(not metrics["quorate"] and metrics["votes"] == [3, 3, 1, 2] and len(metrics["members"]) == 1, f"alone: {metrics}")
    word(n1, "quorumtool -l")
    expect("custos config check" in word(n1, "cmapctl -s totem.token u32 5000", 1), "a set key is refused with the way to do it")


SHAPED = ("quorumtool -s", "quorumtool -l", "quorumtool -p", "quorumtool -li", "quorumtool -lH", "cfgtool -s", "cfgtool -sb", "cfgtool -n",
          "cfgtool -a 2", "cmapctl nodelist.", "cmapctl -g runtime.members.2.status", "cmapctl runtime.members.2.ip", "cpgtool", "cpgtool -n",
          "cpgtool -d ,", "cmapctl -g no.such", "cmapctl no.such", "cfgtool -a 9", "quorumtool -Z", "cmapctl -m none")


def shape(text):
    """What is the same for all clusters of these nodes: without dates, the ring's sequence, MTUs and the program's own folder."""
    text = re.sub(r"^(Date: +).*$", r"\1DATE", text, flags=re.M)
    text = re.sub(r"^(Ring ID: +\w+\.)\w+$", r"\1SEQUENCE", text, flags=re.M)
    text = re.sub(r"^\S*/(corosync-\w+: )", r"\1", text, flags=re.M)
    return re.sub(r"mtu: \d+", "mtu: MTU", text)


@test("corosync's words beside corosync's own, line by line (needs the package corosync)", started=False)
def shapes(lab):
    if missing():
        return "SKIPPED: corosync is not installed (sudo tools/setup --bench)"
    install(lab)
    theirs = Corosync(lab, lab.nodes, token=1000)
    theirs.configure()
    node = lab.nodes[0]

    def run(program):
        # quorumtool's own help follows its error and is not the same
        return {line: (done.returncode, shape(done.stdout.split("usage:")[0]))
                for line in SHAPED for done in [node.run(*f"{program}-{line}".split(), check=False)]}
    expect(theirs.start() is not None, "corosync formed no ring")
    lab.wait_until(lambda: node.run("/usr/sbin/corosync-cfgtool", "-n").stdout.count("connected mtu: 1") == 2, "corosync's links", 30)
    wanted = run("/usr/sbin/corosync")
    theirs.stop()
    lab.start()
    lab.wait_until(lambda: word(node, "cfgtool -n").count("connected mtu: 1") == 2, "our links", 20)
    ours = run(f"{WORDS}/corosync")
    for line in SHAPED:
        (code, text), (our_code, our_text) = wanted[line], ours[line]
        expect((our_code, our_text) == (code, text), f"corosync-{line} gives {our_code}:\n{our_text}\nin place of {code}:\n{text}")
    return f"{len(SHAPED)} command lines alike"
