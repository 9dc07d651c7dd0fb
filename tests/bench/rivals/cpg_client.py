"""A client of corosync's closed process groups: cpg_client.py COUNT INTERVAL_MS

Joins a group, sends COUNT messages of 64 bytes, one each INTERVAL_MS, and prints the microseconds from each send to its
own ordered delivery, one a line, when all have come. libcpg by ctypes: what Python adds is some ten microseconds.
"""
import ctypes
import select
import struct
import sys
import time

CPG_OK, TRY_AGAIN, AGREED, DISPATCH_ALL = 1, 6, 2, 2
cpg = ctypes.CDLL("libcpg.so.4")


class Name(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint32), ("value", ctypes.c_char * 128)]


class IoVec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


Deliver = ctypes.CFUNCTYPE(None, ctypes.c_uint64, ctypes.POINTER(Name), ctypes.c_uint32, ctypes.c_uint32, ctypes.c_void_p, ctypes.c_size_t)
Change = ctypes.CFUNCTYPE(None, ctypes.c_uint64, ctypes.POINTER(Name), ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t,
                          ctypes.c_void_p, ctypes.c_size_t)


class Callbacks(ctypes.Structure):
    _fields_ = [("deliver", Deliver), ("change", Change)]


def insist(function, *arguments):
    """Until corosync has room or is ready."""
    end = time.monotonic() + 10
    while True:
        result = function(*arguments)
        if result == CPG_OK:
            return
        if result != TRY_AGAIN or time.monotonic() > end:
            raise SystemExit(f"cpg: error {result}")
        select.select([], [], [], 0.001)


def main():
    count, interval = int(sys.argv[1]), float(sys.argv[2]) / 1000
    took, joined = [], []

    def deliver(_handle, _group, _node, _pid, message, _length):
        sent = struct.unpack("d", ctypes.string_at(message, 8))[0]
        took.append(time.monotonic() - sent)

    def change(*_arguments):
        joined.append(True)

    callbacks = Callbacks(Deliver(deliver), Change(change))
    handle = ctypes.c_uint64()
    insist(cpg.cpg_initialize, ctypes.byref(handle), ctypes.byref(callbacks))
    insist(cpg.cpg_join, handle, ctypes.byref(Name(5, b"bench")))
    fd = ctypes.c_int()
    insist(cpg.cpg_fd_get, handle, ctypes.byref(fd))

    def dispatch(until):
        if select.select([fd.value], [], [], max(0.0, until - time.monotonic()))[0]:
            insist(cpg.cpg_dispatch, handle, DISPATCH_ALL)

    while not joined:
        dispatch(time.monotonic() + 1)
    due = time.monotonic() + 0.2
    for _ in range(count):
        while time.monotonic() < due:
            dispatch(due)
        due += interval
        message = ctypes.create_string_buffer(struct.pack("d", time.monotonic()) + bytes(56), 64)
        part = IoVec(ctypes.cast(message, ctypes.c_void_p), 64)
        insist(cpg.cpg_mcast_joined, handle, AGREED, ctypes.byref(part), 1)
    end = time.monotonic() + 60
    while len(took) < count and time.monotonic() < end:
        dispatch(end)
    print("\n".join(f"{seconds * 1e6:.0f}" for seconds in took))


main()
