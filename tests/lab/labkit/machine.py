"""A machine of the lab: a PID 1 in namespaces of its own, commands run in it, power that can be pulled."""
import os
import shutil
import signal
import subprocess

from . import sandbox

HERE = os.path.dirname(os.path.abspath(__file__))
COMMAND_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT = {"PATH": COMMAND_PATH, "HOME": "/root", "LANG": "C.UTF-8", "TERM": os.environ.get("TERM", "dumb")}


class Process:
    """A process in a machine, as /proc shows it to the lab (pids are the lab's)."""

    def __init__(self, pid, parent, name, program, arguments):
        self.pid, self.parent, self.name, self.program, self.arguments = pid, parent, name, program, arguments

    def __repr__(self):
        return f"{self.pid} {' '.join(self.arguments) or self.name}"

    def send(self, number):
        """Nothing happens when it has ended meanwhile."""
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            pass


class Machine:
    def __init__(self, name, installed=""):
        """installed: a tree of files that this machine has beside the real system's, and with it a disk of its own."""
        self.name = name
        self.installed = installed
        self.state = f"{sandbox.SCRATCH}/{name}" if installed else ""
        self.pid = None
        self._holder = None
        self._entered = []  # what was started from outside
        shutil.rmtree(self.state, ignore_errors=True)

    def boot(self):
        """Returns when PID 1 has made its mounts. The network card is plugged in by the network."""
        assert self._holder is None, f"{self.name} runs already"
        errors = f"{sandbox.SCRATCH}/{self.name}.boot"
        with open(errors, "w") as stderr:
            self._holder = subprocess.Popen(
                ["unshare", "--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "--",
                 "/usr/bin/python3", "-ES", f"{HERE}/machine_init.py", self.name, self.state, self.installed],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True, start_new_session=True,
                env=ENVIRONMENT)
        answer = self._holder.stdout.readline().split()
        if answer[:1] != ["ready"]:
            with open(errors) as stderr:
                raise RuntimeError(f"{self.name} did not boot: {stderr.read().strip()}")
        self.pid = int(answer[1])

    def running(self):
        return self._holder is not None

    def kill(self):
        """Everything in the machine at once, as when its power is pulled. Returns when it is gone."""
        if self._holder is None:
            return
        os.kill(self.pid, signal.SIGKILL)
        for process in self._entered:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)  # nsenter stops with what is stopped in it, and would never reap it
        self._entered.clear()
        self.reap()
        self._holder.stdin.close()
        self._holder.wait()
        self._holder.stdout.close()
        self._holder, self.pid = None, None

    def reap(self):
        """Waits for what was started from outside, and has just been killed: the machine is not gone before."""

    def popen(self, *command, **options):
        process = subprocess.Popen(enter_command(self.pid) + list(command), env=ENVIRONMENT, **options)
        self._entered.append(process)
        return process

    def run(self, *command, check=True, timeout=60, text_in=None):
        """Runs a command to its end; its output (both streams) and exit status come back as a CompletedProcess."""
        done = subprocess.run(enter_command(self.pid) + list(command), env=ENVIRONMENT, input=text_in or "", text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout)
        if check and done.returncode != 0:
            raise RuntimeError(f"{self.name}: '{' '.join(command)}' ended with {done.returncode}: {done.stdout.strip()}")
        return done

    def path(self, inside):
        """A file of the running machine, as the lab can open it."""
        return f"/proc/{self.pid}/root{inside}"

    def processes(self):
        """All processes of the machine but its PID 1."""
        here = os.readlink(f"/proc/{self.pid}/ns/pid")
        found = []
        for entry in os.listdir("/proc"):
            if not entry.isdigit() or int(entry) == self.pid:
                continue
            try:
                if os.readlink(f"/proc/{entry}/ns/pid") != here:
                    continue
                with open(f"/proc/{entry}/stat") as stat, open(f"/proc/{entry}/cmdline") as line:
                    head, tail = stat.read().rsplit(")", 1)
                    arguments = line.read().split("\0")[:-1]
                    program = os.path.basename(os.readlink(f"/proc/{entry}/exe"))
            except OSError:  # ended meanwhile
                continue
            state, parent = tail.split()[:2]
            if state != "Z":
                found.append(Process(int(entry), int(parent), head.split("(", 1)[1], program, arguments))
        return found


def enter_command(pid):
    """The words before a command that make it run in the machine whose PID 1 that is."""
    return ["nsenter", "-t", str(pid), "-m", "-u", "-i", "-n", "-p", "-r", "-w", "--"]


def run_in_network(machine, batch):
    """`ip -batch` in the machine's network namespace alone, so that it still sees the lab's pids."""
    done = subprocess.run(["nsenter", "-t", str(machine.pid), "-n", "--", "ip", "-batch", "-"], input="\n".join(batch) + "\n",
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise RuntimeError(f"{machine.name}: ip: {done.stdout.strip()} in: {'; '.join(batch)}")
