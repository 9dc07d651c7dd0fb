"""The lab: a cluster of namespaces on one machine. Used by tests/lab, tests/bench and tools/quickstart."""
from .cluster import VIP, Failed, Lab, expect
from .observer import now
from .registry import test

__all__ = ["VIP", "Failed", "Lab", "expect", "now", "test"]
