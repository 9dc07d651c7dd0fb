"""Agents of Debian on real services: apache, nginx, Dummy, the IPaddr2 script; and what they meet."""
from labkit import VIP, expect, now, test
from labkit.cluster import CLIENT
from labkit.network import mac_of

APACHE_LINE = ("configure primitive apache-ha ocf:heartbeat:apache params configfile=/etc/apache2/apache2.conf "
               "op monitor interval=1min")
IP_LINE = f"configure primitive failover-ip ocf:heartbeat:IPaddr2 params ip={VIP} cidr_netmask=32 op monitor interval=10s"


def apache_with_ip(lab):
    n1 = lab.nodes[0]
    for line in ("configure property stonith-enabled=false", IP_LINE, APACHE_LINE,
                 "configure colocation apache-with-ip inf: apache-ha failover-ip",
                 "-w configure order apache-after-ip mandatory: failover-ip apache-ha"):
        n1.crm(line, timeout=90)
    status = lab.wait(n1, lambda s: s.place("apache-ha"), "apache-ha runs", 60)
    expect(status.place("apache-ha") == status.place("failover-ip"), f"apart: {status}")
    return lab.node(status.place("apache-ha"))


def pids_of(node, name):
    return {process.pid for process in node.processes() if process.name == name}


@test("services: apache and its address run together, move together, one after the other")
def apache(lab):
    prober = lab.probe()
    holder = apache_with_ip(lab)
    expect(prober.wait_for(holder.name, timeout=20), f"no page from {holder.name}")
    begin = now()
    holder.crm("-w node standby", timeout=90)
    taker = lab.others(holder)[0]
    place = lab.wait(taker, lambda s: s.place("apache-ha") not in (None, holder.name), "apache-ha moved", 60).place("apache-ha")
    expect(prober.wait_for(place, begin, 20), f"no page from {place}")
    expect(not pids_of(holder, "apache2"), f"apache still runs on {holder.name}")


@test("services: a killed apache is found by its monitor and recovered")
def monitor_failure(lab):
    n1 = lab.nodes[0]
    n1.crm("configure property stonith-enabled=false")
    n1.crm("-w configure primitive web ocf:heartbeat:apache params configfile=/etc/apache2/apache2.conf op monitor interval=1s",
           timeout=90)
    place = lab.node(lab.wait(n1, lambda s: s.place("web"), "web runs", 60).place("web"))
    before = pids_of(place, "apache2")
    for process in place.processes():
        if process.name == "apache2":
            process.send(9)
    status = lab.wait(n1, lambda s: s.failures("web") and s.place("web") and s.idle, "the failure is seen and web recovered", 60)
    again = lab.node(status.place("web"))
    expect(pids_of(again, "apache2") and not pids_of(again, "apache2") & before, "the same apache processes")
    expect("web_monitor" in n1.status_text() or "monitor" in n1.status_text(), "status does not show the failed monitor")
    n1.crm("-w resource cleanup web", timeout=90)
    lab.wait(n1, lambda s: not s.failures("web"), "cleanup forgets the failure")


@test("services: an apache that runs on all nodes ends on one, and status names the unit to disable", started=False)
def enabled_everywhere(lab):
    for node in lab.nodes:
        node.run("apachectl", "start")
    lab.start()
    n1 = lab.nodes[0]
    holder = apache_with_ip(lab)
    lab.wait_until(lambda: [node.name for node in lab.nodes if pids_of(node, "apache2")] == [holder.name],
                   f"apache runs on {holder.name} alone", 60)
    text = n1.status_text()
    expect("apache2.service" in text or "systemctl disable" in text, f"status does not name the unit to disable:\n{text}")


@test("services: nginx by Debian's agent")
def nginx(lab):
    n1 = lab.nodes[0]
    n1.crm("configure property stonith-enabled=false")
    n1.crm("-w configure primitive web ocf:heartbeat:nginx params configfile=/etc/nginx/nginx.conf op monitor interval=10s",
           timeout=90)
    holder = lab.node(lab.wait(n1, lambda s: s.place("web"), "web runs", 60).place("web"))
    expect([n.name for n in lab.nodes if pids_of(n, "nginx")] == [holder.name], "nginx does not run where status says")
    n1.crm("-w resource stop web", timeout=90)
    expect(not pids_of(holder, "nginx"), "nginx runs after resource stop")


@test("services: Dummy of both providers starts, stops and moves")
def dummies(lab):
    n1, n2, _ = lab.nodes
    n1.crm("configure property stonith-enabled=false")
    for provider in ("heartbeat", "pacemaker"):
        name = f"d-{provider}"
        n1.crm(f"-w configure primitive {name} ocf:{provider}:Dummy op monitor interval=10s")
        expect(lab.wait(n1, lambda s, r=name: s.place(r), f"{name} runs"), "runs")
        n1.crm(f"-w configure location {name}-on-n2 {name} inf: n2")
        expect(n1.status().place(name) == "n2", f"-w returned before {name} had moved to n2: {n1.status().place(name)}")
        n2.crm(f"-w resource stop {name}")
        expect(n1.status().active(name) == [], f"-w returned before {name} had stopped")
        n2.crm(f"-w resource start {name}")
        expect(n1.status().place(name) == "n2", f"-w returned before {name} had started")


@test("services: the address is refused while a stranger answers for it")
def stranger_has_address(lab):
    n1 = lab.nodes[0]
    lab.client.run("ip", "addr", "add", f"{VIP}/32", "dev", "eth0")
    n1.crm("configure property stonith-enabled=false")
    done = n1.crm(f"-w {IP_LINE}", check=False, timeout=90)
    status = lab.wait(n1, lambda s: s.failures("failover-ip"), "the start fails", 60)
    expect(status.place("failover-ip") is None, "the address was taken from a stranger")
    expect(done.returncode != 0, "-w reports success though the address runs nowhere")
    expect(mac_of(CLIENT) in n1.status_text(), f"status does not name who has it:\n{n1.status_text()}")
    lab.client.run("ip", "addr", "del", f"{VIP}/32", "dev", "eth0")
    n1.crm("-w resource cleanup failover-ip")
    lab.wait(n1, lambda s: s.place("failover-ip"), "after cleanup the address runs", 30)


@test("services: a server can be bound to the address before it is here")
def nonlocal_bind(lab):
    n1 = lab.nodes[0]
    n1.crm("configure property stonith-enabled=false")
    n1.crm(f"-w {IP_LINE}")
    for node in lab.nodes:
        lab.wait_until(lambda n=node: n.run("sysctl", "-n", "net.ipv4.ip_nonlocal_bind").stdout.strip() == "1",
                       f"net.ipv4.ip_nonlocal_bind is 1 on {node.name}", 10)


@test("services: the address removed by hand is found by the monitor and put back")
def address_removed(lab):
    n1 = lab.nodes[0]
    n1.crm("configure property stonith-enabled=false")
    n1.crm(f"-w configure primitive failover-ip ocf:heartbeat:IPaddr2 params ip={VIP} cidr_netmask=32 op monitor interval=1s")
    holder = lab.node(n1.status().place("failover-ip"))
    holder.run("ip", "addr", "del", f"{VIP}/32", "dev", "eth0")
    status = lab.wait(n1, lambda s: s.failures("failover-ip") and s.place("failover-ip") and s.idle, "found and recovered", 30)
    expect(VIP in lab.node(status.place("failover-ip")).addresses(), "status says running, the address is not there")


@test("services: a hanging start is ended at its timeout and tried elsewhere")
def slow_start(lab):
    n1 = lab.nodes[0]
    n1.crm("configure property stonith-enabled=false")
    n1.crm("-w configure primitive slow ocf:heartbeat:Delay params startdelay=30 stopdelay=0 mondelay=0 "
           "op start interval=0 timeout=1s", check=False, timeout=120)
    status = lab.wait(n1, lambda s: s.failures("slow"), "the start fails at its timeout", 60)
    expect(status.place("slow") is None, "a start that timed out counts as running")


@test("services: a resource that fails again and again does not hold -w for ever")
def flapping(lab):
    n1 = lab.nodes[0]
    # Its start succeeds, and each monitor finds no regular file.
    done = n1.crm("-w configure primitive flap ocf:heartbeat:Dummy params state=/dev/full op monitor interval=1s",
                  check=False, timeout=60)
    expect(done.returncode != 0 and "flap fails again and again" in done.stdout, f"-w said: {done.stdout}")
    n1.crm("-w resource stop flap", timeout=60)
