"""wiretap record FILE | wiretap replay FILE: the daemons' frames at the switch, as they are on the wire.

record: from every port, until the end of standard input; says "ready" when it listens. replay: each frame goes out again at the
port of the machine that it was sent to, a broadcast or multicast at every port; says how many each address got, as JSON, less
those of the sealer itself (challenges and answers), which no receiver counts.
"""
import json
import select
import socket
import struct
import sys

ALL, OUTGOING, UDP, PORT = 3, 4, 17, 5405
FIRST_HANDSHAKE_STREAM = 2


def is_ours(frame):
    if len(frame) < 42 or frame[12:14] != b"\x08\x00" or frame[23] != UDP:
        return False
    at = 14 + 4 * (frame[14] & 15)
    return struct.unpack("!H", frame[at + 2:at + 4])[0] == PORT


def record(name):
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL))
    tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    print("ready", flush=True)
    with open(name, "wb") as file:
        while True:
            ready = select.select([tap, sys.stdin], [], [])[0]
            if tap in ready:
                frame, where = tap.recvfrom(65536)
                if where[0] != "br0" and where[2] != OUTGOING and is_ours(frame):
                    file.write(struct.pack("!I", len(frame)) + frame)
            elif sys.stdin in ready:
                return


def replay(name):
    ports = {}
    for _, port in socket.if_nameindex():
        if port.startswith("p"):
            ports[int(port[1:])] = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            ports[int(port[1:])].bind((port, 0))
    sent = {}
    with open(name, "rb") as file:
        while head := file.read(4):
            frame = file.read(struct.unpack("!I", head)[0])
            at = 14 + 4 * (frame[14] & 15) + 6
            counts = frame[at + 2 + 4] < FIRST_HANDSHAKE_STREAM
            frame = frame[:at] + b"\0\0" + frame[at + 2:]  # no UDP checksum: the recorded one was left to a card that is none
            targets = list(ports) if frame[0] & 1 else [frame[5]]
            for target in targets:
                if target in ports and target != frame[11]:
                    ports[target].send(frame)
                    sent[f"n{target}"] = sent.get(f"n{target}", 0) + counts
    print(json.dumps(sent), flush=True)


{"record": record, "replay": replay}[sys.argv[1]](sys.argv[2])
