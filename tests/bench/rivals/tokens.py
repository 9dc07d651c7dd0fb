"""The lowest `token` with which nobody is lost although nobody failed: idle, with CPU hogs, with the datagrams of others."""
import contextlib
import os
import subprocess

TOKENS = (1000, 700, 500, 400, 300, 200, 150, 100, 70, 50, 30)
HOG = ("/usr/bin/python3", "-ESc", "while True: pass")
BLASTER = ("import socket, sys; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect((sys.argv[1], 9)); d = bytes(1400)\n"
           "while True:\n"
           "    try: s.send(d)\n"
           "    except OSError: pass")


@contextlib.contextmanager
def idle(_system):
    yield


@contextlib.contextmanager
def hogs(_system):
    """Two busy processes of ordinary priority for each CPU."""
    running = [subprocess.Popen(HOG) for _ in range(2 * os.cpu_count())]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


@contextlib.contextmanager
def load(system):
    """On each node a process that sends datagrams to the next node, as fast as it can."""
    count = len(system.nodes)
    for number, node in enumerate(system.nodes):
        node.popen("/usr/bin/python3", "-ESc", BLASTER, system.nodes[(number + 1) % count].address)
    try:
        yield
    finally:
        for node in system.nodes:
            for process in node.processes():
                if any("socket.SOCK_DGRAM" in word for word in process.arguments):
                    process.send(9)


CONDITIONS = {"idle": idle, "CPU hogs": hogs, "datagrams of others": load}


def loses(system, condition, seconds):
    """Whether any node has another view although nothing failed."""
    before = {node.name: len(system.views(node)) for node in system.nodes}
    with CONDITIONS[condition](system):
        system.leave_alone(seconds)
    return any(len(system.views(node)) > before[node.name] for node in system.nodes)


def search(systems, seconds, say):
    """systems(token): both in turn. {name: {condition: lowest token that lost nobody, or None}}."""
    lowest = {}
    ended = set()  # (name, condition) that lost somebody, or a name that does not start any more
    for token in TOKENS:
        for system in systems(token):
            best = lowest.setdefault(system.name, {condition: None for condition in CONDITIONS})
            open_ = [condition for condition in CONDITIONS if (system.name, condition) not in ended]
            if not open_ or system.name in ended:
                continue
            system.configure()
            try:
                if system.start(30) is None:
                    say(f"{system.name} with token {token}: no ring within 30 s")
                    ended.add(system.name)
                    continue
                system.leave_alone(1)
                for condition in open_:
                    if loses(system, condition, seconds):
                        ended.add((system.name, condition))
                        say(f"{system.name} with token {token}, {condition}: lost somebody in {seconds:.0f} s")
                        system.whole(60)
                    else:
                        best[condition] = token
            finally:
                system.stop()
    return lowest
