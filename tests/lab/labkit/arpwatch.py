"""arpwatch.py ADDRESS: asks every 10 ms by ARP who has ADDRESS and answers questions (JSON lines) about who said so when."""
import json
import os
import select
import socket
import struct
import sys
import time

PERIOD = 0.010
PAUSE = 0.1   # answers of one MAC further apart than this are two stretches
BROADCAST = b"\xff" * 6


def now():
    return time.clock_gettime(time.CLOCK_MONOTONIC)


def text_of(mac):
    return ":".join(f"{byte:02x}" for byte in mac)


def own_address():
    """Of eth0, by asking the kernel which source it would take."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((sys.argv[1], 9))
        return socket.inet_aton(sock.getsockname()[0])


class Watch:
    def __init__(self, address):
        self.address = socket.inet_aton(address)
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
        self.socket.bind(("eth0", 0x0806))
        mac = self.socket.getsockname()[4]
        self.question = (BROADCAST + mac + struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, 1) + mac + own_address() +
                         b"\0" * 6 + self.address)
        self.runs = []            # [mac, first, last]
        self.latest = {}          # mac -> its last run
        self.announcements = []   # (time, mac, kind)
        self.input = b""

    def run(self):
        due = now()
        while True:
            ready = select.select([0, self.socket], [], [], max(0.0, due - now()))[0]
            if self.socket in ready:
                self.take(self.socket.recv(2048))
            if 0 in ready and not self.read_questions():
                return
            if now() >= due:
                self.socket.send(self.question)
                due = max(due + PERIOD, now())

    def take(self, frame):
        kind, sender, source, _, target = struct.unpack("!H6s4s6s4s", frame[20:42])
        if source != self.address:
            return
        if target == self.address:
            self.announcements.append((now(), text_of(sender), "request" if kind == 1 else "reply"))
        elif kind == 2:
            self.note_holder(text_of(sender))

    def note_holder(self, mac):
        run = self.latest.get(mac)
        if run and now() - run[2] < PAUSE:
            run[2] = now()
        else:
            self.latest[mac] = [mac, now(), now()]
            self.runs.append(self.latest[mac])

    def read_questions(self):
        chunk = os.read(0, 65536)
        self.input += chunk
        while b"\n" in self.input:
            line, self.input = self.input.split(b"\n", 1)
            sys.stdout.write(json.dumps(self.report(json.loads(line)["report"])) + "\n")
            sys.stdout.flush()
        return bool(chunk)

    def report(self, since):
        runs = [[mac, max(first, since), last] for mac, first, last in self.runs if last > since]
        doubles = []
        for index, (mac, first, last) in enumerate(runs):
            for other, start, end in runs[index + 1:]:
                if other != mac and max(first, start) < min(last, end):
                    doubles.append([max(first, start), min(last, end)])
        return {"runs": runs, "doubles": sorted(doubles),
                "announcements": [one for one in self.announcements if one[0] > since]}


Watch(sys.argv[1]).run()
