"""Programs that watch the cluster from outside, asked by JSON lines: the page prober and the ARP watcher."""
import json
import os
import select
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def now():
    """Seconds on the clock that lab and observers share."""
    return time.clock_gettime(time.CLOCK_MONOTONIC)


class Observer:
    def __init__(self, machine, program, *arguments):
        self.name = program
        self._process = machine.popen("/usr/bin/python3", "-ES", f"{HERE}/{program}.py", *arguments,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._buffer = b""

    def ask(self, request, timeout=10):
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        end = now() + timeout
        while b"\n" not in self._buffer:
            if not select.select([self._process.stdout], [], [], max(0.0, end - now()))[0]:
                raise RuntimeError(f"{self.name} does not answer")
            chunk = os.read(self._process.stdout.fileno(), 65536)
            if not chunk:
                raise RuntimeError(f"{self.name} ended")
            self._buffer += chunk
        line, self._buffer = self._buffer.split(b"\n", 1)
        return json.loads(line)

    def close(self):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


class Outage:
    """The longest time without an answer."""

    def __init__(self, start, end, ended):
        self.start, self.end, self.ended = start, end, ended

    @property
    def milliseconds(self):
        return (self.end - self.start) * 1000


class Prober(Observer):
    """Fetches a page every 5 ms, each time on a new connection; knows who served it when."""

    def __init__(self, client, address, port=80):
        super().__init__(client, "prober", address, str(port))

    def wait_for(self, server=None, since=0.0, timeout=30.0):
        """The time of the first page after `since` (of that server, if one is named); None when none came in time."""
        return self.ask({"wait": {"server": server, "since": since, "timeout": timeout}}, timeout + 5)["time"]

    def outage(self, since):
        """The longest time without a page, among those that ended after `since`."""
        report = self.ask({"report": since})
        return Outage(*report["longest"])

    def servers(self, since):
        """Who served: a list of (server, first, last) without the answers before `since`, changes in order."""
        return [tuple(run) for run in self.ask({"report": since})["runs"]]


class ArpWatch(Observer):
    """Asks the segment every 10 ms who has an address, from a machine of its own: the client's ARP table is not touched."""

    def __init__(self, watcher, address):
        super().__init__(watcher, "arpwatch", address)

    def holders(self, since):
        """(mac, first, last) for each stretch of time in which that MAC answered."""
        return [tuple(run) for run in self.ask({"report": since})["runs"]]

    def doubles(self, since):
        """(start, end) of each stretch of time in which two MACs answered."""
        return [tuple(pair) for pair in self.ask({"report": since})["doubles"]]

    def announcements(self, since):
        """(time, mac, "request" or "reply") of each gratuitous ARP for the address."""
        return [tuple(one) for one in self.ask({"report": since})["announcements"]]
