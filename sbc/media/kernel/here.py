"""Whether the kernel engine can run here, and what it needs of the system."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path

from sbc.media.kernel import pins
from sbc.media.kernel.build import MODULE, lacks
from sbc.media.kernel.directory import InUse
from sbc.media.kernel.extension import loader
from sbc.media.kernel.interfaces import Interfaces
from sbc.media.kernel.lookups import cannot, forbid
from sbc.media.kernel.plane import Plane, Unavailable

_NET_ADMIN, _SYS_ADMIN, _PERFMON, _BPF = 12, 21, 38, 39  # capability.h

_UNKNOWN = "what is there is another's, or without CAP_SYS_ADMIN it cannot be known as ours"


def missing(directory: str) -> str:
    """Why the engine cannot run here, in one sentence; empty where it can."""
    if why := _no_loader():
        return why
    may = _capabilities()
    # CAP_PERFMON: without it the verifier refuses to measure a frame, which is to subtract a pointer from a pointer.
    if not may >> _NET_ADMIN & 1 or not (may >> _BPF & may >> _PERFMON | may >> _SYS_ADMIN) & 1:
        return "the process has not CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON"
    if why := cannot():
        return why
    try:
        Plane.probe(directory)
    except Unavailable as error:
        return str(error)
    return ""


def _no_loader() -> str:
    """Why the loader cannot be had. Only where there is none it matters what it is built with."""
    try:
        loader()
    except ModuleNotFoundError as error:
        if error.name == MODULE:
            return lacks() or "its loader was not built when the package was installed"
        return f"its loader cannot be loaded: {error}"
    except (ImportError, OSError) as error:
        return f"its loader cannot be loaded: {error}"
    return ""


def _capabilities() -> int:
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")), 16)


def clear(directory: str) -> str:
    """Take off and forget whatever an earlier process has left, unless another uses it now. What is left and why it
    cannot be taken off, in words; empty if nothing is."""
    found = _left(directory)
    if not found:
        return ""
    if why := missing(directory):
        return f"{found}: {why}"
    try:
        plane = Plane(directory, 1)
    except InUse:
        return ""
    except OSError as error:
        return f"{found}: {error}"
    try:
        Interfaces(plane).detach()
        forbid(plane.lease)
    except OSError as error:
        return f"{found}: {error}"
    finally:
        plane.close()
    left = _left(directory)
    return f"{left}: {_UNKNOWN}" if left else ""


def _left(directory: str) -> str:
    """What can be seen of a kernel engine that has used the directory. Any process may look at filters, few at pins."""
    with suppress(OSError):
        if pins.left(directory):
            return directory
    with suppress(ImportError, OSError):
        lib = loader().lib
        names = [name for index, name in socket.if_nameindex() if lib.relay_seen_tc(directory.encode(), index)]
        return ", ".join(names)
    return ""
