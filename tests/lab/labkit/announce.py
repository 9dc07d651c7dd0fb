"""announce.py ADDRESS: one gratuitous ARP request for ADDRESS on eth0."""
import socket
import struct
import sys

with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
    sock.bind(("eth0", 0x0806))
    mac, address = sock.getsockname()[4], socket.inet_aton(sys.argv[1])
    sock.send(b"\xff" * 6 + mac + struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, 1) + mac + address + b"\0" * 6 + address)
