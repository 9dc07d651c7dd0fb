"""What an idle cluster costs: CPU time by the scheduler's own account, and memory."""
import os
import time


def cpu_seconds(pid):
    """Of all threads."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def resident_mib(pid):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:")) / 1024


def measure(system, seconds):
    """[(per cent of one core, MiB of all its daemon's processes, MiB of the largest)] of each node."""
    processes = {node.name: system.processes(node) for node in system.nodes}
    before = {name: sum(cpu_seconds(p.pid) for p in found) for name, found in processes.items()}
    start = time.monotonic()
    system.leave_alone(seconds)
    took = time.monotonic() - start
    rows = []
    for name, found in processes.items():
        busy = sum(cpu_seconds(p.pid) for p in found) - before[name]
        memory = [resident_mib(p.pid) for p in found]
        rows.append((100 * busy / took, sum(memory), system.largest(found, memory)))
    return rows


def compare(pair, options, table, say):
    """pair(): the systems in turn. Prints three rows; a sample is one node in one repetition."""
    rows = {"custos": [], "corosync": []}
    for _ in range(options.repeat):
        for system in pair():
            system.configure()
            try:
                if system.start(60) is None:
                    say(f"{system.name}: no ring")
                    continue
                system.leave_alone(2)  # what a start leaves to do is done
                rows[system.name] += measure(system, options.hold)
            finally:
                system.stop()
    for column, title in enumerate(("idle CPU of a node, 3 nodes, % of a core", "resident memory of a node, MiB",
                                    "the same, of the process with the ring")):
        table.row(title, *([row[column] for row in rows[name]] for name in rows))
