"""What the standard library lacks: private mounts for this process and everything it starts.

All state of a lab lives on a tmpfs that only this process tree sees, and all namespaces are unnamed and held by processes
that end with this one. So nothing has to be cleaned up, whatever ends the lab: the kernel does it.
"""
import ctypes
import os

SCRATCH = "/run/custos-lab"  # a mount point; what is mounted there differs from lab to lab

CLONE_NEWNS = 0x20000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result, what):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source, target, kind=None, flags=0, data=None):
    arguments = [text.encode() if text is not None else None for text in (source, target, kind)]
    _checked(_libc.mount(*arguments, ctypes.c_ulong(flags), data.encode() if data else None), f"mount {kind or source} on {target}")


def make_private():
    """Mounts made from now on, here or elsewhere, no longer travel."""
    mount("none", "/", flags=MS_REC | MS_PRIVATE)


def enter():
    """Move this process into a mount namespace of its own with an empty SCRATCH; before any thread is started."""
    if os.geteuid() != 0:
        raise SystemExit("the lab makes namespaces and must run as root")
    os.makedirs(SCRATCH, exist_ok=True)
    _checked(_libc.unshare(CLONE_NEWNS), "unshare")
    make_private()
    mount("lab", SCRATCH, "tmpfs", data="mode=755")
