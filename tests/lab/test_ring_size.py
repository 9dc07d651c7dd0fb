"""Large rings. One of sixteen is in test_ring.py."""
import time

from labkit import expect, test
from labkit.registry import SETTINGS

NODES = 32
MEMORY_MIB = 64  # of one core process


def resident_mib(process):
    with open(f"/proc/{process.pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:")) / 1024


@test("ring: thirty-two nodes form one ring and stay", nodes=NODES, started=False)
def thirty_two(lab):
    for node in lab.nodes:
        node.start()
    last = time.monotonic()
    lab.wait_ring(timeout=60)
    formed = time.monotonic() - last
    before = {node.name: node.status().views for node in lab.nodes}
    hold = SETTINGS["hold"]
    end = time.monotonic() + hold
    asked = 0
    while time.monotonic() < end:  # in use meanwhile: changes go round, from another node each time
        lab.nodes[asked % NODES].crm(f"configure property x-size-test={asked}")
        asked += 1
    for node in lab.nodes:
        status = node.status()
        expect(status.views == before[node.name], f"{node.name} saw {status.views - before[node.name]} new views in {hold:.0f} s")
        expect(len(status.members) == NODES and status.quorate, f"{node.name} sees {status.members}")
    memory = max(resident_mib(node.core()) for node in lab.nodes)
    expect(memory < MEMORY_MIB, f"a core takes {memory:.0f} MiB")
    return f"formed and told within {formed:.1f} s, {asked} changes in {hold:.0f} s, at most {memory:.0f} MiB a core"
