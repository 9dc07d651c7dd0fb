"""PID 1 of a lab machine, inside fresh network, mount, UTS, IPC and PID namespaces.

usage: machine_init.py NAME STATE INSTALLED
(STATE: the machine's disk, kept from boot to boot; INSTALLED: files that it has beside the real system's; both empty: no disk)

Says "ready PID" (PID as the lab sees it), reaps what is orphaned, and ends when its standard input does: the kernel then ends
everything else in the machine. The lab holds the other end of that pipe, so a machine cannot outlive its lab.
"""
import os
import signal
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import sandbox


def mount_disk(state, installed):
    """Own view of the machine's files: what is written stays in STATE, everything else is the real system's or INSTALLED."""
    for top in ("etc", "var", "tmp"):
        upper, work = f"{state}/{top}", f"{state}/.{top}"
        for path in (upper, work):
            os.makedirs(path, exist_ok=True)
        sandbox.mount("overlay", f"/{top}", "overlay", data=f"lowerdir=/{top},upperdir={upper},workdir={work}")
    sandbox.mount("overlay", "/usr", "overlay", data=f"lowerdir={installed}/usr:/usr")


def mount_memory():
    sandbox.mount("dev", "/dev/shm", "tmpfs")
    sandbox.mount("proc", "/proc", "proc")
    sandbox.mount("sysfs", "/sys", "sysfs")
    sandbox.mount("run", "/run", "tmpfs", data="mode=755")
    # what systemd-tmpfiles makes at boot for the packages that the lab runs
    for path in ("/run/lock", "/run/apache2", "/run/resource-agents"):
        os.makedirs(path)


def reap(_signal, _frame):
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def main():
    name, state, installed = sys.argv[1:]
    with open("/proc/self/stat") as stat:  # still the lab's /proc
        pid = stat.read().split()[0]
    sandbox.make_private()
    if state:
        mount_disk(state, installed)
    mount_memory()
    socket.sethostname(name)
    os.chdir("/")
    for family in ("all", "default"):
        with open(f"/proc/sys/net/ipv6/conf/{family}/disable_ipv6", "w") as sysctl:
            sysctl.write("1")
    signal.signal(signal.SIGCHLD, reap)
    print("ready", pid, flush=True)
    while os.read(0, 4096):
        pass


main()
