"""The lab as a whole: nodes n1..nN with custosd, a client, a watcher, and what tests do with them."""
import os
import shlex
import signal
import subprocess
import time

from . import sandbox
from .machine import Machine
from .network import Network, address_of, mac_of
from .observer import ArpWatch, Prober, now
from .status import Status

VIP = address_of(100)
CLIENT, WATCHER = 250, 251
LOG = "/var/log/custosd.log"  # what custosd says on stderr
HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.realpath(os.path.join(HERE, "..", "..", ".."))


class Failed(Exception):
    """What a test found to be otherwise than it must be."""


def expect(condition, text):
    if not condition:
        raise Failed(text)


def install():
    """What `ninja install` would put on a machine, from the build in build/ (or $CUSTOS_BUILD); made once a process."""
    target = f"{sandbox.SCRATCH}/installed"
    if not os.path.exists(target):
        build = os.environ.get("CUSTOS_BUILD", os.path.join(TOP, "build"))
        done = subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--destdir", target], text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            raise SystemExit(f"lab: nothing to install from {build}, build first:\n{done.stdout}")
        for name in ("crm", "crm_mon"):  # as `custos links install` does on a machine
            os.symlink("custos", f"{target}/usr/local/bin/{name}")
    return target


class Node(Machine):
    def __init__(self, lab, number):
        super().__init__(f"n{number}", lab.installed)
        self.lab, self.number = lab, number
        self.address, self.mac = address_of(number), mac_of(number)
        self.log = f"{self.state}{LOG}"
        self._daemon = None

    def write(self, inside, text, mode=0o644):
        """A file on the node's disk; only while the node is off."""
        assert not self.running()
        path = self.state + inside
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, mode)

    def boot(self, address=True):
        super().boot()
        self.lab.network.plug(self, self.number)
        if address:
            self.lab.network.give_address(self, self.number)

    def give_address(self):
        self.lab.network.give_address(self, self.number)

    def power_off(self):
        """Pulls the cable, then everything in the node dies at once. Returns the time of the first."""
        when = now()
        self.lab.network.set_link(self, False)
        self.kill()
        return when

    def kill(self):
        super().kill()
        self.lab.network.unplug(self)

    def reap(self):
        if self._daemon:
            self._daemon.wait()
            self._daemon = None

    # --- the daemon
    def start(self):
        """Starts custosd; it need not be a member yet when this returns."""
        assert self._daemon is None, f"custosd runs already on {self.name}"
        with open(self.path(LOG), "a") as log:
            self._daemon = self.popen("custosd", "--foreground", stdout=log, stderr=log, stdin=open(os.devnull))

    def daemon_processes(self):
        return [process for process in self.processes() if process.program == "custosd"]

    def guard(self):
        """The daemon's main process: the one whose parent is none of the daemon's."""
        daemon = self.daemon_processes()
        pids = {process.pid for process in daemon}
        return next((process for process in daemon if process.parent not in pids), None)

    def core(self):
        return next((process for process in self.daemon_processes() if "--role=core" in process.arguments), None)

    def stop(self, timeout=30):
        """Orderly leave. Returns the exit status."""
        self.guard().send(signal.SIGTERM)
        return self.wait_stopped(timeout)

    def kill_daemon(self):
        """SIGKILL to all of the daemon's processes, services stay. Returns when they are gone."""
        for process in self.daemon_processes():
            process.send(signal.SIGKILL)
        self.wait_stopped(10)

    def wait_stopped(self, timeout):
        status = self._daemon.wait(timeout)
        self._daemon = None
        return status

    def pause_daemon(self):
        """SIGSTOP, guard last, so that it sees none of its children run on without it."""
        for process in reversed(self.daemon_processes()):
            process.send(signal.SIGSTOP)

    def resume_daemon(self):
        for process in self.daemon_processes():
            process.send(signal.SIGCONT)
        self._daemon.send_signal(signal.SIGCONT)

    # --- services
    def serve(self, address):
        """A web server that is bound to this address alone, here or not. Returns when it listens."""
        server = self.popen("/usr/bin/python3", "-ES", os.path.join(HERE, "webserver.py"), address, "80", self.name,
                            stdout=subprocess.PIPE, text=True)
        with server.stdout as said:
            if said.readline() != "listening\n":
                raise RuntimeError(f"{self.name}: the web server did not start")
        return server

    def announce(self, address):
        """One gratuitous ARP request, as an administrator who moves an address by hand sends it."""
        self.run("/usr/bin/python3", "-ES", os.path.join(HERE, "announce.py"), address)

    # --- commands
    def custos(self, line, **options):
        return self.run("custos", *line.split(), **options)

    def crm(self, line, **options):
        """A crm line as an administrator types it; words in double quotes are one word."""
        return self.run("crm", *shlex.split(line), **options)

    def status(self):
        """None while the daemon does not answer."""
        try:
            done = self.run("custos", "status", "--json", check=False, timeout=5)
        except subprocess.TimeoutExpired:
            return None
        return Status(done.stdout) if done.returncode == 0 else None

    def status_text(self):
        try:
            return self.run("crm", "status", check=False, timeout=5).stdout
        except subprocess.TimeoutExpired:
            return f"custosd on {self.name} does not answer"

    def file(self, name="custos.conf"):
        """A file of /etc/custos."""
        with open(self.path(f"/etc/custos/{name}")) as file:
            return file.read()

    def edit(self, before, after):
        """Changes the node file as an editor does."""
        text = self.file()
        assert before in text, f"{before!r} is not in the node file of {self.name}"
        with open(self.path("/etc/custos/custos.conf"), "w") as file:
            file.write(text.replace(before, after))

    def small_disk(self, folder, size):
        """Puts `folder` on a disk of its own. What is open there stays where it was."""
        self.run("/bin/sh", "-c", f"mkdir -p /tmp/disk && mount -t tmpfs -o size={size} disk /tmp/disk && cp -a {folder}/. /tmp/disk/ && "
                 f"chown --reference={folder} /tmp/disk && chmod --reference={folder} /tmp/disk && mount --bind /tmp/disk {folder}")

    def fill_disk(self, folder):
        """No room is left on the disk of `folder`, a small one. Returns what makes room again."""
        self.run("dd", "if=/dev/zero", f"of={folder}/fill", "bs=1k", check=False)
        return lambda: os.remove(self.path(f"{folder}/fill"))

    def log_text(self):
        with open(self.log) as log:
            return log.read()

    def addresses(self):
        """IPv4 addresses on eth0."""
        words = self.run("ip", "-4", "-o", "addr", "show", "dev", "eth0").stdout.split()
        return [after.split("/")[0] for word, after in zip(words, words[1:]) if word == "inet"]


class Lab:
    """with Lab(nodes=3) as lab: machines are booted, daemons configured and not started."""

    def __init__(self, nodes=3, transport="udpu", token=1000, two_node=False, extra="", keyed=True, configured=None):
        """keyed: the nodes share a key file; without, no daemon can start. configured: only so many of the nodes are in
        the node file at first, and have it and the key; the others wait for add_node()."""
        self.keyed = keyed
        self.configured = nodes if configured is None else configured
        self.installed = install()
        self.network = Network()
        self.client, self.watcher = Machine("client"), Machine("watcher")
        self.client_address = address_of(CLIENT)
        self.nodes = [Node(self, number) for number in range(1, nodes + 1)]
        self.config = cluster_config(self.nodes[:self.configured], transport, token, two_node, extra)
        self._observers = []

    def __enter__(self):
        try:
            self.network.boot()
            for machine, host in ((self.client, CLIENT), (self.watcher, WATCHER)):
                machine.boot()
                self.network.plug(machine, host)
                self.network.give_address(machine, host)
            self._write_disks()
            for node in self.nodes:
                node.boot()
            if self.keyed:
                self._share_key()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for machine in [*self.nodes, self.client, self.watcher, self.network.switch]:
            machine.kill()

    def _write_disks(self):
        hosts = "127.0.0.1 localhost\n" + "".join(f"{node.address} {node.name}\n" for node in self.nodes)
        for node in self.nodes:
            node.write("/etc/hosts", hosts)
            node.write("/etc/hostname", f"{node.name}\n")
            if node in self.nodes[:self.configured]:
                node.write("/etc/custos/custos.conf", self.config)
            node.write("/var/www/html/index.html", f"<html><body>served by {node.name}</body></html>\n")

    def _share_key(self):
        """Made on one node and carried to the others, as an administrator does."""
        first = self.nodes[0]
        first.custos("key generate")
        with open(first.path("/etc/custos/authkey"), "rb") as file:
            key = file.read()
        for node in self.nodes[1:self.configured]:
            with open(node.path("/etc/custos/authkey"), "wb", opener=lambda p, f: os.open(p, f, 0o400)) as file:
                file.write(key)

    # --- the nodes of the cluster, while it runs
    def copy_files(self, source, target):
        """The node file and the key of a member to another node, as an administrator carries them."""
        os.makedirs(target.path("/etc/custos"), exist_ok=True)
        for name, mode in (("custos.conf", 0o644), ("authkey", 0o400)):
            with open(source.path(f"/etc/custos/{name}"), "rb") as file:
                content = file.read()
            place = target.path(f"/etc/custos/{name}")
            if os.path.exists(place):
                os.unlink(place)
            with open(place, "wb", opener=lambda p, f, mode=mode: os.open(p, f, mode)) as file:
                file.write(content)

    def add_node(self, node, by, members):
        """`custos node add` on the member `by`, files to the new node, its daemon; returns when `members` and it are one
        ring."""
        by.custos(f"node add {node.name} {node.address}")
        self.wait_file(by, node)
        self.copy_files(by, node)
        node.start()
        self.wait_ring([*members, node])

    def remove_node(self, node, by, members, options=""):
        """`custos node remove` on `by`; returns when `members` are a ring without it."""
        done = by.custos(f"node remove {node.name} {options}")
        self.wait_ring(members)
        return done

    def wait_file(self, of, node, there=True):
        """Until the node file of `of` lists `node`, or does not any more."""
        self.wait_until(lambda: (f"name: {node.name}\n" in of.file()) == there,
                        f"the node file of {of.name} {'has' if there else 'does not have'} {node.name}")

    # --- daemons
    def start(self, timeout=30):
        """All daemons of configured nodes; returns when each sees all the others and the ring is quorate."""
        nodes = self.nodes[:self.configured]
        for node in nodes:
            node.start()
        self.wait_ring(nodes, timeout=timeout)

    def wait_ring(self, nodes=None, members=None, quorate=True, timeout=30):
        """Until each of `nodes` (all) sees just `members` (the same)."""
        nodes = nodes or self.nodes
        names = sorted(node.name for node in members or nodes)
        for node in nodes:
            self.wait(node, lambda s: s.members == names and s.quorate == quorate and s.synchronised,
                      f"{node.name} sees the ring {names}, quorate: {quorate}", timeout)

    def wait(self, node, condition, what, timeout=30):
        """Asks the node until condition(status) holds; Failed with the last status when it does not in time."""
        end = time.monotonic() + timeout
        status = None
        while time.monotonic() < end:
            status = node.status()
            if status and condition(status):
                return status
            time.sleep(0.03)
        raise Failed(f"after {timeout} s not true: {what}\n{status or 'no answer from custosd on ' + node.name}")

    def wait_until(self, condition, what, timeout=30):
        """The same for a condition that is not about a node's status. Returns what the condition returned."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            value = condition()
            if value:
                return value
            time.sleep(0.02)
        raise Failed(f"after {timeout} s not true: {what}")

    def wait_place(self, resource, node, asked=None, timeout=30):
        """Until `resource` runs on `node` (None: nowhere), as `asked` sees it."""
        name = node.name if node else None
        return self.wait(asked or node or self.nodes[0], lambda s: s.place(resource) == name,
                         f"{resource} runs on {name or 'no node'}", timeout)

    def node(self, name):
        return next(node for node in self.nodes if node.name == name)

    def others(self, *without):
        return [node for node in self.nodes if node not in without]

    # --- observers
    def probe(self, address=VIP):
        return self._observe(Prober(self.client, address))

    def watch_arp(self, address=VIP):
        return self._observe(ArpWatch(self.watcher, address))

    def _observe(self, observer):
        self._observers.append(observer)
        return observer

    def name_of_mac(self, mac):
        return next((node.name for node in self.nodes if node.mac == mac), mac)

    def evidence(self, directory):
        """What a failed test leaves to read: every daemon's log, status and addresses, and what the observers saw."""
        os.makedirs(directory, exist_ok=True)
        for node in self.nodes:
            with open(os.path.join(directory, f"{node.name}.txt"), "w") as file:
                if node.running():
                    file.write(node.status_text() + "\n")
                    file.write(node.run("ip", "addr", check=False).stdout + "\n")
                    file.write("\n".join(map(repr, node.processes())) + "\n\n")
                else:
                    file.write("(powered off)\n\n")
                if os.path.exists(node.log):
                    file.write(node.log_text())
        for observer in self._observers:
            with open(os.path.join(directory, f"{observer.name}.txt"), "w") as file:
                file.write(str(observer.ask({"report": 0.0})) + "\n")


def cluster_config(nodes, transport="udpu", token=1000, two_node=False, extra=""):
    """custos.conf for these nodes, in corosync.conf's grammar."""
    lines = ["totem {", "    version: 2", "    cluster_name: lab", f"    transport: {transport}", f"    token: {token}"]
    if transport == "udp":
        lines += ["    interface {", "        ringnumber: 0", f"        bindnetaddr: {address_of(0)}",
                  "        mcastaddr: 239.255.77.1", "        mcastport: 5405", "    }"]
    lines += ["}", "nodelist {"]
    for node in nodes:
        lines += ["    node {", f"        ring0_addr: {node.address}", f"        name: {node.name}",
                  f"        nodeid: {node.number}", "    }"]
    lines += ["}", "quorum {", "    provider: corosync_votequorum"]
    if two_node:
        lines += ["    two_node: 1", "    wait_for_all: 0"]
    lines += ["}", "logging {", "    to_stderr: yes", "    to_syslog: no", "    timestamp: on", "}", extra]
    return "\n".join(line for line in lines if line) + "\n"
