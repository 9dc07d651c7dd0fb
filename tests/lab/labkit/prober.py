"""prober.py ADDRESS PORT: fetches a page every 5 ms and answers questions (JSON lines) about who served it when.

A page says "served by NAME". Each fetch has a connection of its own and does not wait for the ones before it, as many clients
would: a lost SYN delays only itself. Times are CLOCK_MONOTONIC in seconds.
"""
import json
import os
import re
import selectors
import socket
import struct
import sys
import time

PERIOD = 0.005
PATIENCE = 1.0   # a fetch that took longer is given up
REQUEST = b"GET / HTTP/1.0\r\nHost: lab\r\nConnection: close\r\n\r\n"
PAGE = re.compile(rb"served by ([\w.-]+)")


def now():
    return time.clock_gettime(time.CLOCK_MONOTONIC)


class Prober:
    def __init__(self, address, port):
        self.target = (address, port)
        self.selector = selectors.DefaultSelector()
        self.selector.register(0, selectors.EVENT_READ, None)
        self.started = now()
        self.answers = []   # (time, server)
        self.fetches = {}   # socket -> (start, bytes so far), oldest first
        self.waits = []
        self.input = b""

    def run(self):
        due = now()
        while True:
            for key, events in self.selector.select(max(0.0, due - now())):
                if key.data is None:
                    if not self.read_questions():
                        return
                elif key.fileobj in self.fetches:
                    self.advance(key.fileobj, events)
            if now() >= due:
                self.give_up_old()
                self.start_fetch()
                self.check_waits()
                due = max(due + PERIOD, now())

    def start_fetch(self):
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        # closing resets: 200 connections a second would otherwise use up the ports in TIME_WAIT
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.connect_ex(self.target)
        self.fetches[sock] = (now(), b"")
        self.selector.register(sock, selectors.EVENT_WRITE, sock)

    def advance(self, sock, events):
        start, text = self.fetches[sock]
        try:
            if events & selectors.EVENT_WRITE:
                if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                    self.drop(sock)
                    return
                sock.send(REQUEST)
                self.selector.modify(sock, selectors.EVENT_READ, sock)
                return
            chunk = sock.recv(65536)
        except OSError:
            self.drop(sock)
            return
        text += chunk
        found = PAGE.search(text)
        if found:
            self.answers.append((now(), found.group(1).decode()))
            self.check_waits()
        if found or not chunk:
            self.drop(sock)
        else:
            self.fetches[sock] = (start, text)

    def drop(self, sock):
        self.selector.unregister(sock)
        del self.fetches[sock]
        sock.close()

    def give_up_old(self):
        end = now() - PATIENCE
        for sock in [s for s, (start, _) in self.fetches.items() if start < end]:
            self.drop(sock)

    def read_questions(self):
        chunk = os.read(0, 65536)
        self.input += chunk
        while b"\n" in self.input:
            line, self.input = self.input.split(b"\n", 1)
            question = json.loads(line)
            if "report" in question:
                self.answer(self.report(question["report"]))
            else:
                self.waits.append((question["wait"], now() + question["wait"]["timeout"]))
        return bool(chunk)

    @staticmethod
    def answer(value):
        sys.stdout.write(json.dumps(value) + "\n")
        sys.stdout.flush()

    def check_waits(self):
        for entry in list(self.waits):
            wait, end = entry
            found = None
            for when, server in reversed(self.answers):
                if when <= wait["since"]:
                    break
                if wait["server"] in (None, server):
                    found = when
            if found is not None or now() > end:
                self.waits.remove(entry)
                self.answer({"time": found})

    def report(self, since):
        longest, before = (since, since, True), self.started
        runs = []
        for when, server in self.answers + [(now(), None)]:
            if when > since and when - before > longest[1] - longest[0]:
                longest = (before, when, server is not None)
            before = when
            if when <= since or server is None:
                continue
            if runs and runs[-1][0] == server:
                runs[-1][2] = when
            else:
                runs.append([server, when, when])
        return {"longest": longest, "runs": runs}


Prober(sys.argv[1], int(sys.argv[2])).run()
