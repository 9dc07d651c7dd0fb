"""The administrator's lines, exactly as they are written in books and scripts; and wrong ones."""
from labkit import VIP, expect, test

IP_LINE = f"configure primitive failover-ip ocf:heartbeat:IPaddr2 params ip={VIP} cidr_netmask=32 op monitor interval=10s"
APACHE_LINE = ("configure primitive apache-ha ocf:heartbeat:apache params configfile=/etc/apache2/apache2.conf "
               "op monitor interval=1min")


def show(node):
    return node.crm("configure show").stdout


@test("crm: every line of the main job, as written")
def every_line(lab):
    n1, n2, n3 = lab.nodes
    text = n1.run("crm_mon", "--one-shot", "-V").stdout
    expect("n1" in text and "n3" in text, f"crm_mon shows no nodes:\n{text}")
    expect("n2" in n2.crm("status").stdout, "crm status shows no nodes")
    n1.crm("configure property stonith-enabled=false")
    n1.crm("configure property no-quorum-policy=ignore")
    n1.crm("configure property stop-all-resources=true")
    n1.crm(IP_LINE)
    n1.crm(APACHE_LINE)
    n1.crm("configure colocation apache-with-ip inf: apache-ha failover-ip")
    n1.crm("configure order apache-after-ip mandatory: failover-ip apache-ha")
    n2.crm("configure rsc_defaults resource-stickiness=100")
    n2.run("crm", "-w", "resource", "stop", "apache-ha")
    shown = show(n3)
    for words in ("primitive failover-ip IPaddr2", f"ip={VIP}", "cidr_netmask=32", "op monitor interval=10s",
                  "primitive apache-ha apache", "configfile=", "/etc/apache2/apache2.conf", "interval=1min",
                  "colocation apache-with-ip inf: apache-ha failover-ip",
                  "order apache-after-ip Mandatory: failover-ip apache-ha", "stonith-enabled=false",
                  "no-quorum-policy=ignore", "stop-all-resources=true", "resource-stickiness=100"):
        expect(words in shown, f"configure show lacks '{words}':\n{shown}")
    expect(lab.wait(n1, lambda s: s.idle, "idle").active("failover-ip") == [], "stop-all-resources did not stop the address")
    n1.crm("-w configure property stop-all-resources=false")
    expect(n1.status().place("failover-ip"), "after -w the address runs nowhere")
    n3.crm("-w resource start apache-ha", timeout=90)
    place = n3.status().place("apache-ha")
    expect(place and place == n3.status().place("failover-ip"), f"apache-ha on {place}, not with its address")
    n1.crm("resource cleanup apache-ha")
    n2.crm("node standby")
    lab.wait(n1, lambda s: s.standby("n2"), "node standby without a name is this node")
    n2.crm("node online")
    lab.wait(n1, lambda s: not s.standby("n2"), "node online without a name is this node")
    n1.crm("node standby n3")
    lab.wait(n1, lambda s: s.standby("n3"), "node standby n3")
    n1.crm("node online n3")
    lab.wait(n1, lambda s: not s.standby("n3"), "node online n3")
    n1.crm("-w resource stop apache-ha", timeout=90)
    n1.crm("configure delete apache-ha")
    shown = show(n2)
    expect("apache-ha" not in shown, f"configure delete left:\n{shown}")


@test("crm: erase leaves the nodes and nothing else")
def erase(lab):
    n1 = lab.nodes[0]
    n1.crm("configure property stop-all-resources=true")
    n1.crm("configure primitive d ocf:pacemaker:Dummy")
    n1.crm("configure erase")
    shown = show(n1)
    expect("primitive" not in shown and "node" in shown, f"after erase:\n{shown}")


@test("crm: ra classes and lists")
def agents(lab):
    n1 = lab.nodes[0]
    classes = n1.crm("ra classes").stdout
    expect("ocf" in classes and "heartbeat" in classes and "pacemaker" in classes, classes)
    pacemaker = n1.crm("ra list ocf pacemaker").stdout.split()
    expect("Dummy" in pacemaker and "Stateful" in pacemaker, f"ocf:pacemaker has {pacemaker}")
    heartbeat = n1.crm("ra list ocf heartbeat").stdout.split()
    expect({"Dummy", "apache", "nginx", "IPaddr2"} <= set(heartbeat), f"ocf:heartbeat has {heartbeat}")


@test("crm: node delete forgets a node that is away, refuses one that is here")
def delete_node(lab):
    n1, n2, n3 = lab.nodes
    refused = n1.crm("node delete n3", check=False)
    expect(refused.returncode != 0 and "n3" in refused.stdout, f"deleting a member: {refused.stdout}")
    n3.stop()
    lab.wait_ring([n1, n2])
    n1.crm("node delete n3")
    expect("n3" not in show(n1), f"n3 is still there:\n{show(n1)}")


WRONG = (
    "configure primitive x ocf:heartbeat:IPaddr2 params ip=10.77.0.2 cidr_netmask=24",  # a node's own address
    "configure load replace /", "configure load replace /dev/null", "configure load replace /dev/zero",
    "configure primitive", "configure primitive x", "configure primitive x ocf:heartbeat:NoSuchAgent",
    "configure primitive x ocf:heartbeat:IPaddr2 params ip=10.77.0.9 nonsense=1", "configure primitive x ocf:heartbeat:IPaddr2",
    "configure primitive d ocf:pacemaker:Dummy", "configure primitive 9x! ocf:pacemaker:Dummy",
    "configure primitive y ocf:pacemaker:Dummy op monitor interval=soon", "configure location l nosuch 100: n1",
    "configure location l d much: n1", "configure colocation c inf: d nosuch", "configure order o mandatory: d",
    "configure property no-quorum-policy=maybe", "configure property stonith-enabled=perhaps",
    "configure rsc_defaults resource-stickiness=much", "configure delete nosuch", "configure frobnicate", "frobnicate",
    "node standby nosuch", "node delete nosuch", "resource stop nosuch", "resource cleanup nosuch", "resource frobnicate d",
    "node clearstate nosuch", "node clearstate n2")


@test("crm: wrong input gives one clear line, a non-zero exit and changes nothing")
def wrong(lab):
    n1 = lab.nodes[0]
    n1.crm("-w configure primitive d ocf:pacemaker:Dummy")
    shown, version = show(n1), n1.status().version
    problems = []
    for line in WRONG:
        done = n1.crm(line, check=False)
        said = done.stdout.strip()
        if done.returncode == 0:
            problems.append(f"'crm {line}' ended with 0: {said}")
        elif not said or len(said.splitlines()) > 1:
            problems.append(f"'crm {line}' said {len(said.splitlines())} lines: {said}")
    expect(not problems, "\n".join(problems))
    expect(n1.status().version == version and show(n1) == shown, f"wrong input changed the configuration:\n{show(n1)}")


@test("crm: two administrators at once: every acknowledged change is there on every node")
def two_at_once(lab):
    jobs = [node.popen("sh", "-c", f"for i in 1 2 3 4 5 6 7 8; do crm configure primitive {node.name}-$i ocf:pacemaker:Dummy || exit 1; done")
            for node in lab.nodes]
    expect([job.wait() for job in jobs] == [0, 0, 0], "a change was refused")
    views = [show(node) for node in lab.nodes]
    expect(views[0] == views[1] == views[2], "the nodes show different configurations")
    missing = [f"{node.name}-{i}" for node in lab.nodes for i in range(1, 9) if f"primitive {node.name}-{i} " not in views[0]]
    expect(not missing, f"acknowledged and not there: {missing}")


@test("crm: without the daemon every command says so in one line", started=False)
def no_daemon(lab):
    n1 = lab.nodes[0]
    for command in (("crm", "status"), ("crm_mon", "-1"), ("custos", "status"), ("crm", "configure", "show")):
        done = n1.run(*command, check=False, timeout=20)
        expect(done.returncode != 0 and len(done.stdout.strip().splitlines()) == 1 and "custosd" in done.stdout,
               f"{' '.join(command)}: {done.returncode} {done.stdout}")


@test("config: what Debian's habits get wrong is refused with the line", started=False, keyed=False)
def config_check(lab):
    n1 = lab.nodes[0]
    good = n1.custos("config check /etc/custos/custos.conf", check=False)
    expect(good.returncode == 0, f"the lab's own file: {good.stdout}")
    text = lab.config
    for change, word in ((("token: 1000", "token: soon"), "token"), (("nodeid: 2", "nodeid: 1"), "nodeid"),
                         (("ring0_addr: 10.77.0.3", "ring0_addr: fd00::3"), "IP version"),
                         (("transport: udpu", "transport: pigeon"), "transport"), (("nodelist {", "nodelist"), "{")):
        with open(n1.path("/tmp/bad.conf"), "w") as file:
            file.write(text.replace(*change))
        bad = n1.custos("config check /tmp/bad.conf", check=False)
        expect(bad.returncode != 0 and "/tmp/bad.conf:" in bad.stdout and word in bad.stdout, f"{change}: {bad.stdout}")
