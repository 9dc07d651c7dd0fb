"""Latency of one message on an idle ring of three: from submit to the sender's own ordered delivery, without loss and with.

Ours is taken at the engine (there is no client library yet), Corosync's at a client of libcpg: the way through its socket is
some ten microseconds of it. Both sealed (corosync: --transport knet).
"""
import os
import statistics
import subprocess

from labkit.cluster import TOP

INTERVAL_MS = 10
HERE = os.path.dirname(os.path.abspath(__file__))


def program():
    return os.path.join(os.environ.get("CUSTOS_BUILD", os.path.join(TOP, "build")), "tests", "bench", "bench_engine_latency")


def percentile(values, per_cent):
    return statistics.quantiles(values, n=100, method="inclusive")[per_cent - 1] if len(values) > 1 else None


def ours(nodes, count):
    """Microseconds of each message, sent by the first node."""
    addresses = [node.address for node in nodes]
    others = []
    try:
        for node in nodes[1:]:
            others.append(node.popen(program(), str(node.number), "/etc/custos", "0", "0", *addresses, stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True))
        first = nodes[0].popen(program(), "1", "/etc/custos", str(count), str(INTERVAL_MS), *addresses, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return [int(line) for line in first.communicate(timeout=count * INTERVAL_MS / 1000 + 120)[0].splitlines() if line.isdigit()]
    finally:
        for other in others:
            other.communicate()


def theirs(system, count):
    system.configure()
    try:
        if system.start(60) is None:
            return []
        client = system.nodes[0].run("/usr/bin/python3", "-ES", f"{HERE}/cpg_client.py", str(count), str(INTERVAL_MS),
                                     timeout=count * INTERVAL_MS / 1000 + 120)
        return [int(line) for line in client.stdout.splitlines() if line.isdigit()]
    finally:
        system.stop()


def compare(lab, rival, options, table, say):
    """rival(): Corosync, or None."""
    if not os.path.exists(program()):
        say("latency left out: configure the build with -Dbenchmarks=true")
        return
    count = int(options.hold * 1000 / INTERVAL_MS)
    for loss in (0, 1):
        rows = {50: ([], []), 90: ([], []), 99: ([], [])}
        for _ in range(options.repeat):
            lab.network.lose(loss)  # forming is part of it: Corosync's knet needs seconds for that anyway
            for side, values in enumerate((ours(lab.nodes, count), theirs(rival(), count) if rival else [])):
                if len(values) < count and (side == 0 or rival):
                    say(f"{('custos', 'corosync')[side]} with {loss} % loss: {count - len(values)} of {count} never came")
                for per_cent, sides in rows.items():
                    if len(values) > 1:
                        sides[side].append(percentile(values, per_cent) / 1000)
        lab.network.heal()
        for per_cent, sides in rows.items():
            table.row(f"latency at {loss} % loss, 3 nodes, p{per_cent}, ms", *sides)
