"""The daemon's own processes die; all nodes die at once; what was acknowledged is still there."""
import signal
import subprocess

from scenes import VIP_LINE, address_only, expect_one_holder, milliseconds, place_of_address

from labkit import expect, now, test


@test("daemon: core killed: the guard restarts it and what runs is adopted without interruption")
def core_killed(lab):
    holder, prober, arp = address_only(lab)
    holder.crm("configure primitive marker ocf:pacemaker:Dummy op monitor interval=10s")
    holder.crm(f"-w configure location marker-here marker inf: {holder.name}")
    lab.wait_place("marker", holder)
    before = holder.core()
    killed = now()
    before.send(9)
    lab.wait_until(lambda: holder.core() and holder.core().pid != before.pid, "the guard starts a new core", 10)
    lab.wait_ring()
    status = lab.wait(holder, lambda s: s.idle and s.place("marker") and s.place("failover-ip"), "all is adopted")
    expect(status.place("marker") == holder.name and status.place("failover-ip") == holder.name, "something moved")
    expect(prober.outage(killed).milliseconds < 500, f"outage of {prober.outage(killed).milliseconds:.0f} ms")
    expect_one_holder(lab, arp, holder)


@test("daemon: guard killed: its children end with it, a new start takes over what runs")
def guard_killed(lab):
    holder, prober, arp = address_only(lab)
    killed = now()
    holder.guard().send(9)
    holder.wait_stopped(10)
    lab.wait_until(lambda: not holder.daemon_processes(), "core and runner end when the guard is gone", 10)
    lab.wait_ring(lab.others(holder))
    holder.start()
    lab.wait_ring()
    lab.wait(holder, lambda s: s.idle, "nothing is left to do")
    expect_one_holder(lab, arp, place_of_address(lab, prober))
    return f"double answers: {milliseconds(arp.doubles(killed))} ms"


@test("daemon: all nodes killed at once right after an acknowledged change: the change is there")
def full_restart(lab):
    n1, n2, n3 = lab.nodes
    n1.crm("configure property stonith-enabled=false")
    n2.crm(VIP_LINE)
    for number in range(5):
        n3.crm(f"configure primitive p{number} ocf:pacemaker:Dummy op monitor interval=10s")
    n1.crm("configure location last p4 50: n2")
    for node in lab.nodes:
        node.power_off()
    for node in lab.nodes:
        node.boot()
        node.start()
    lab.wait_ring()
    for node in lab.nodes:
        shown = node.crm("configure show").stdout
        for word in ("failover-ip", "p0", "p4", "location last p4 50: n2", "stonith-enabled=false"):
            expect(word in shown, f"{node.name} lost '{word}':\n{shown}")
    lab.wait(n1, lambda s: s.idle and s.place("failover-ip") and s.place("p4") == "n2", "everything runs again")


@test("daemon: a node that missed changes learns them when it returns")
def learns(lab):
    n1, n2, n3 = lab.nodes
    n3.kill_daemon()
    lab.wait_ring([n1, n2])
    n1.crm("configure primitive later ocf:pacemaker:Dummy")
    n3.start()
    lab.wait_ring()
    expect("primitive later" in n3.crm("configure show").stdout, "n3 does not have what was changed without it")


@test("daemon: one node's disk is lost: it learns everything again")
def lost_disk(lab):
    n1, n2, n3 = lab.nodes
    n1.crm("configure primitive kept ocf:pacemaker:Dummy")
    n3.kill_daemon()
    n3.run("sh", "-c", "rm -rf /var/lib/custos/*")
    n3.start()
    lab.wait_ring()
    expect("primitive kept" in n3.crm("configure show").stdout, "n3 did not learn the configuration")


@test("daemon: a second custosd on the same node is refused")
def second_daemon(lab):
    n1 = lab.nodes[0]
    done = n1.run("custosd", "--foreground", check=False, timeout=10)
    expect(done.returncode != 0 and done.stdout.strip(), f"a second daemon: {done.returncode} {done.stdout}")
    lab.wait_ring()


@test("daemon: the core runs unprivileged, the runner as root")
def privileges(lab):
    n1 = lab.nodes[0]
    users = {p.pid: n1.run("stat", "-c", "%U", f"/proc/{inner_pid(p)}").stdout.strip() for p in n1.daemon_processes()}
    expect(users[n1.core().pid] == "custos", f"the core runs as {users[n1.core().pid]}")
    expect(users[n1.guard().pid] == "root", f"the guard runs as {users[n1.guard().pid]}")


def inner_pid(process):
    """The pid inside the node's namespace."""
    with open(f"/proc/{process.pid}/status") as status:
        return next(line.split()[-1] for line in status if line.startswith("NSpid:"))


@test("daemon: the core stands still: each question ends after 10 s and says so")
def core_stands_still(lab):
    node = lab.nodes[0]
    words = [["custos", *line.split()] for line in ("members", "quorum status", "status", "group list", "key status", "group send g hello")]
    for name, option in (("quorumtool", "-s"), ("cfgtool", "-s"), ("cpgtool", "-n"), ("cmapctl", "-b")):
        program = f"/tmp/corosync-{name}"
        node.run("ln", "-s", "/usr/local/bin/custos", program)
        words.append([program, option])
    core = node.core()
    core.send(signal.SIGSTOP)
    begin = now()
    asked = [node.popen(*line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for line in words]
    for line, process in zip(words, asked):
        said = process.communicate(timeout=60)[0]
        expect(process.returncode == 1 and "does not answer within 10 s: its core hangs" in said, f"{line}: {process.returncode}, {said}")
    took = now() - begin
    expect(took < 15, f"{took:.1f} s passed")
    core.send(signal.SIGCONT)
    lab.wait_ring()
    return f"{took:.1f} s"


@test("daemon: the log file is opened again on SIGHUP", started=False)
def rotated(lab):
    n1, n2, _ = lab.nodes
    log = "/var/log/custos/custos.log"
    to_file = f"to_syslog: no\n    to_logfile: yes\n    logfile: {log}"
    n1.run("cp", "/dev/stdin", "/etc/custos/custos.conf", text_in=lab.config.replace("to_syslog: no", to_file))
    lab.start()
    n1.run("mv", log, f"{log}.1")
    n1.guard().send(1)
    lab.wait_until(lambda: n1.run("test", "-e", log, check=False).returncode == 0, "the log file is made anew", 10)
    kept = n1.run("cat", f"{log}.1").stdout
    n2.kill_daemon()
    lab.wait(n1, lambda s: s.members == ["n1", "n3"], "n2 is missed")
    expect("n1" in kept and n1.run("cat", f"{log}.1").stdout == kept, "the old file is written on")
    expect("without {2}" in n1.run("cat", log).stdout, "the new file does not tell that n2 is lost")
