"""group_client.py GROUP PACE SIZE [brief]: a member of GROUP by libcustos that multicasts a numbered message of SIZE bytes every PACE
milliseconds (0: whenever there is credit; negative: never) once it is told so, and answers questions (JSON lines).

Questions: "go", "stop", "report". The report has all that it got, in order: ["m", place, sender, number] (a message) and ["v", place, members, left, joined] (a view); how many it sent, how many came back, and what ended it; "brief" leaves the messages out. Delays are those since the last report.
"""
import ctypes
import glob
import json
import os
import select
import struct
import sys
import time

HEAD = struct.Struct("<Qd")  # number, when
OK, NONE, NO_CREDIT, SYSTEM = 0, 1, 2, 9


class Member(ctypes.Structure):
    _fields_ = [("incarnation", ctypes.c_uint64), ("client", ctypes.c_uint64), ("node", ctypes.c_uint32), ("pid", ctypes.c_uint32)]

    def name(self):
        return f"{self.node}/{self.incarnation}/{self.client}"


class Change(ctypes.Structure):
    _fields_ = [("who", Member), ("reason", ctypes.c_uint32), ("reserved", ctypes.c_uint32)]


class Place(ctypes.Structure):
    _fields_ = [("ring", ctypes.c_uint64), ("digest", ctypes.c_uint64), ("sequence", ctypes.c_uint64),
                ("representative", ctypes.c_uint32), ("reserved", ctypes.c_uint32)]


class Event(ctypes.Structure):
    _fields_ = [("kind", ctypes.c_uint32), ("transitional", ctypes.c_uint32), ("place", Place),
                ("group", ctypes.c_void_p), ("group_size", ctypes.c_size_t), ("sender", Member),
                ("payload", ctypes.c_void_p), ("payload_size", ctypes.c_size_t),
                ("members", ctypes.POINTER(Member)), ("member_count", ctypes.c_size_t),
                ("left", ctypes.POINTER(Change)), ("left_count", ctypes.c_size_t),
                ("joined", ctypes.POINTER(Change)), ("joined_count", ctypes.c_size_t),
                ("nodes", ctypes.POINTER(Member)), ("node_count", ctypes.c_size_t), ("text", ctypes.c_char_p)]


def library():
    lib = ctypes.CDLL(glob.glob("/usr/local/lib/**/libcustos.so.1", recursive=True)[0])
    lib.custos_error.restype = lib.custos_reason_text.restype = ctypes.c_char_p
    lib.custos_self.restype = Member
    for name in ("custos_connect", "custos_close", "custos_fd", "custos_self", "custos_join", "custos_send", "custos_next", "custos_error"):
        getattr(lib, name).argtypes = {
            "custos_connect": [ctypes.c_char_p, ctypes.c_uint, ctypes.POINTER(ctypes.c_void_p)],
            "custos_join": [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t],
            "custos_send": [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int],
            "custos_next": [ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(ctypes.POINTER(Event))],
        }.get(name, [ctypes.c_void_p])
    return lib


class Client:
    def __init__(self, group, pace, size, brief):
        self.lib, self.group, self.pace, self.brief = library(), group.encode(), pace / 1000, brief
        self.padding = b"x" * max(0, size - HEAD.size)
        self.got, self.delays, self.members = [], [], []
        self.sent = self.own = self.messages = 0
        self.going, self.ended, self.due, self.has_credit = False, "", 0.0, True
        self.handle = ctypes.c_void_p()
        self.check(self.lib.custos_connect(None, 0, ctypes.byref(self.handle)))
        self.name = self.lib.custos_self(self.handle).name()
        self.check(self.lib.custos_join(self.handle, self.group, len(self.group)))
        self.input = b""

    def check(self, result):
        if result != OK:
            self.ended = self.lib.custos_error(self.handle).decode()

    def run(self):
        while True:
            sends = self.going and not self.ended and self.has_credit and self.pace >= 0
            wait = None if not sends else max(0.0, self.due - time.monotonic())
            watched = [0] if self.ended else [0, self.lib.custos_fd(self.handle)]
            ready = select.select(watched, [], [], wait)[0]
            if 0 in ready and not self.read_questions():
                return
            if len(watched) > 1 and watched[1] in ready:
                self.take_events()
            if sends and self.going and time.monotonic() >= self.due:
                self.send()

    def send(self):
        payload = HEAD.pack(self.sent + 1, time.monotonic()) + self.padding
        result = self.lib.custos_send(self.handle, self.group, len(self.group), payload, len(payload), 0)
        if result == OK:
            self.sent += 1
            self.due = max(self.due + self.pace, time.monotonic() - 0.05)
        elif result == NO_CREDIT:
            self.has_credit = False
        else:
            self.check(result)

    def take_events(self):
        """Some, so that sending has its turn."""
        event = ctypes.POINTER(Event)()
        for _ in range(50):
            result = self.lib.custos_next(self.handle, 0, ctypes.byref(event))
            if result != OK:
                if result not in (NONE, SYSTEM):
                    self.check(result)
                return
            self.take(event.contents)

    def take(self, event):
        place = [event.place.ring, event.place.representative, event.place.sequence]
        if event.kind == 1:
            number, when = HEAD.unpack(ctypes.string_at(event.payload, HEAD.size))
            sender = event.sender.name()
            delay = (time.monotonic() - when) * 1000 if sender == self.name else None
            self.messages += 1
            if delay is not None:
                self.own += 1
                self.delays.append(delay)
            if not self.brief:
                self.got.append(["m", place, sender, number])
        elif event.kind == 2:
            changes = [[[c[i].who.name(), self.lib.custos_reason_text(c[i].reason).decode()] for i in range(count)]
                       for c, count in ((event.left, event.left_count), (event.joined, event.joined_count))]
            self.members = [event.members[i].name() for i in range(event.member_count)]
            self.got.append(["v", place, self.members, *changes])
        elif event.kind == 4:
            self.has_credit = True

    def read_questions(self):
        chunk = os.read(0, 65536)
        self.input += chunk
        while b"\n" in self.input:
            line, self.input = self.input.split(b"\n", 1)
            question = json.loads(line)
            if question in ("go", "stop"):
                self.going, self.due = question == "go", time.monotonic()
            answer = {"name": self.name, "members": self.members, "sent": self.sent, "own": self.own, "messages": self.messages, "ended": self.ended}
            if question == "report":
                answer.update(got=self.got, delays=self.delays)
                self.delays = []
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
        return bool(chunk)


def main():
    group, pace, size = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    client = Client(group, pace, size, "brief" in sys.argv[4:])
    client.run()
    client.lib.custos_close(client.handle)


main()
