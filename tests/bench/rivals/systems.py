"""Custos and Corosync on the machines of one lab, behind one face. A view is read from the daemon's own log: both stamp
their lines with milliseconds of the one clock of this machine, at the moment when the ring has the new membership.
"""
import datetime
import os
import re
import signal
import time

from labkit import Failed, now
from labkit.cluster import cluster_config

COROSYNC = "/usr/sbin/corosync"


class View:
    """A membership that a node announced: when (seconds since 1970), and of which node numbers."""

    def __init__(self, at, members):
        self.at, self.members = at, members


class LogReader:
    """Follows a log from where it ends now."""

    def __init__(self, path, parse):
        self._path, self._parse = path, parse
        self._offset = os.path.getsize(path) if os.path.exists(path) else 0
        self._rest = b""
        self.views = []

    def read(self):
        if not os.path.exists(self._path):
            return self.views
        with open(self._path, "rb") as log:
            log.seek(self._offset)
            new = log.read()
        self._offset += len(new)
        *lines, self._rest = (self._rest + new).split(b"\n")
        for line in lines:
            view = self._parse(line.decode(errors="replace"))
            if view:
                self.views.append(view)
        return self.views


class System:
    """A cluster of one kind on the lab's nodes, one at a time. `nodes` may be fewer than the lab has."""

    def __init__(self, lab, nodes, token):
        self.lab, self.nodes, self.token = lab, nodes, token
        self._readers = {}
        self._started = {}  # node name -> when

    # --- to be said by each kind: configure(), processes(node), largest(processes, values), resume(node) after a pause, gone(node)
    # after a kill, log(node), _spawn(node), _parser()

    def configured_token(self):
        """Milliseconds until this cluster holds a silent node's token for lost."""
        return self.token

    def start_node(self, node):
        if node.name not in self._readers:
            self._readers[node.name] = LogReader(self.log(node), self._parser())
        self._started[node.name] = time.time()
        self._spawn(node)

    def start(self, timeout=60):
        """Cold start of all; milliseconds from the last daemon's start until the last node has the view of all."""
        for node in self.nodes:
            self.start_node(node)
        last = max(self._started[node.name] for node in self.nodes)
        return self.wait_view(self.nodes, self.nodes, last, timeout)

    def kill_node(self, node):
        """SIGKILL to all of its daemon's processes. When the first was sent."""
        victims = self.processes(node)
        when = time.time()
        for process in victims:
            process.send(signal.SIGKILL)
        return when

    def stop(self):
        """The end of all daemons, at once and without ceremony."""
        for node in self.nodes:
            self.kill_node(node)
        for node in self.nodes:
            self.gone(node)

    def pause(self, node):
        """SIGSTOP to all of its daemon's processes. When the first was sent."""
        when = time.time()
        for process in reversed(self.processes(node)):  # guard last: it must not see its children hang
            process.send(signal.SIGSTOP)
        return when

    def views(self, node, since=0.0):
        return [view for view in self._readers[node.name].read() if view.at >= since - 0.001]

    def wait_view(self, nodes, members, since, timeout):
        """Milliseconds from `since` until the last of `nodes` announced a view of just `members`; None when one did not in time."""
        wanted = sorted(node.number for node in members)

        def moments():
            first = [next((v.at for v in self.views(node, since) if v.members == wanted), None) for node in nodes]
            return all(first) and first
        try:
            return (max(self.lab.wait_until(moments, f"{self.name}: the view {wanted}", timeout)) - since) * 1000
        except Failed:
            return None

    def whole(self, timeout=120):
        """Waits until the last view of each node is the one of all."""
        wanted = sorted(node.number for node in self.nodes)

        def seen():
            return [view.members for node in self.nodes for view in self.views(node)[-1:]]
        self.lab.wait_until(lambda: seen() == [wanted] * len(self.nodes), f"{self.name}: whole again", timeout)

    def leave_alone(self, seconds):
        """Returns when so much time has passed, which is what is to happen."""
        start = now()
        self.lab.wait_until(lambda: now() - start >= seconds, "time passes", seconds + 60)


class Custos(System):
    name = "custos"

    def configure(self, extra=""):
        text = cluster_config(self.nodes, token=self.token, extra=extra)
        for node in self.nodes:
            with open(node.path("/etc/custos/custos.conf"), "w") as file:
                file.write(text)

    def log(self, node):
        return node.log

    def _spawn(self, node):
        node.start()

    def processes(self, node):
        return node.daemon_processes()

    def resume(self, node):
        node.resume_daemon()

    def gone(self, node):
        node.wait_stopped(10)

    @staticmethod
    def largest(processes, values):
        """Of the values, one for each process, that of the process with the ring."""
        return next(value for process, value in zip(processes, values) if "--role=core" in process.arguments)

    @staticmethod
    def _parser():
        pattern = re.compile(r"^(\S+ \S+) .*operational: ring \S+ of \{([0-9,]+)\}")

        def parse(line):
            found = pattern.match(line)
            return found and View(datetime.datetime.fromisoformat(found[1]).timestamp(),
                                  sorted(map(int, found[2].split(","))))
        return parse


class Corosync(System):
    """Debian's package, with the keys that its manual asks for. The moment of a view is that of Totem's line ("A new membership
    was formed"), which comes first; who is in it, of quorum's line, which follows."""
    name = "corosync"

    def __init__(self, lab, nodes, token, transport="knet", coefficient=None):
        super().__init__(lab, nodes, token)
        self.transport, self.coefficient = transport, coefficient
        self._running = {}

    def configured_token(self):
        coefficient = 650 if self.coefficient is None else self.coefficient
        return self.token + max(0, len(self.nodes) - 2) * coefficient

    def configure(self):
        text = self._text()
        key = os.urandom(256)
        for node in self.nodes:
            os.makedirs(node.path("/etc/corosync"), exist_ok=True)
            os.makedirs(node.path("/var/log/corosync"), exist_ok=True)
            os.makedirs(node.path("/var/lib/corosync"), exist_ok=True)
            with open(node.path("/etc/corosync/corosync.conf"), "w") as file:
                file.write(text)
            with open(node.path("/etc/corosync/authkey"), "wb", opener=lambda p, f: os.open(p, f, 0o400)) as file:
                file.write(key)

    def _text(self):
        lines = ["totem {", "version: 2", "cluster_name: lab", f"token: {self.token}"]
        if self.coefficient is not None:
            lines.append(f"token_coefficient: {self.coefficient}")
        if self.transport == "knet":
            lines += ["transport: knet", "crypto_cipher: aes256", "crypto_hash: sha256"]
        elif self.transport == "knet-plain":
            lines += ["transport: knet", "crypto_cipher: none", "crypto_hash: none"]
        else:
            lines.append(f"transport: {self.transport}")
        if self.transport == "udp":
            lines += ["interface {", "ringnumber: 0", "bindnetaddr: 10.77.0.0", "mcastaddr: 239.255.77.1", "mcastport: 5405", "}"]
        lines += ["}", "nodelist {"]
        for node in self.nodes:
            lines += ["node {", f"ring0_addr: {node.address}", f"name: {node.name}", f"nodeid: {node.number}", "}"]
        lines += ["}", "quorum {", "provider: corosync_votequorum", "}", "logging {", "to_stderr: no", "to_syslog: no",
                  "to_logfile: yes", "logfile: /var/log/corosync/corosync.log", "timestamp: hires", "}"]
        return "\n".join(lines) + "\n"

    def log(self, node):
        return f"{node.state}/var/log/corosync/corosync.log"

    def _spawn(self, node):
        errors = open(node.path("/var/log/corosync/stderr"), "a")
        self._running[node.name] = node.popen(COROSYNC, "-f", stdin=open(os.devnull), stdout=errors, stderr=errors)

    def processes(self, node):
        return [process for process in node.processes() if process.program == "corosync"]

    def resume(self, node):
        for process in self.processes(node):
            process.send(signal.SIGCONT)
        self._running[node.name].send_signal(signal.SIGCONT)  # nsenter stopped with the daemon

    @staticmethod
    def largest(_processes, values):
        return max(values)

    def gone(self, node):
        self._running.pop(node.name).wait(10)

    @staticmethod
    def _parser():
        stamp = re.compile(r"^(\w+ +\d+ \d\d:\d\d:\d\d\.\d+) ")
        members = re.compile(r"\[QUORUM\] Members\[\d+\]: ([\d ]+)")
        year = datetime.datetime.now().year
        formed = [None]

        def parse(line):
            when = stamp.match(line)
            if not when:
                return None
            at = datetime.datetime.strptime(f"{year} {when[1]}", "%Y %b %d %H:%M:%S.%f").timestamp()
            if "A new membership" in line:
                formed[0] = at
            found = members.search(line)
            return found and formed[0] and View(formed[0], sorted(map(int, found[1].split())))
        return parse


def missing():
    """What Debian packages this benchmark lacks."""
    return [] if os.path.exists(COROSYNC) else ["corosync"]
