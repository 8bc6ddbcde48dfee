"""Whether the kernel engine can run here, and what it needs of the system."""

from __future__ import annotations

import os
from pathlib import Path

from sbc.media.kernel.build import lacks
from sbc.media.kernel.interfaces import Interfaces
from sbc.media.kernel.plane import Plane, Unavailable, loader

_NET_ADMIN, _SYS_ADMIN, _PERFMON, _BPF = 12, 21, 38, 39  # capability.h
_FORWARDING = tuple(Path(f"/proc/sys/net/{family}/conf/lo/forwarding") for family in ("ipv4", "ipv6"))
"""The kernel finds routes for a program only in the name of an interface that forwards. The loopback interface stands
for the host itself, and nothing from outside comes by it: the host does not become a router."""


def missing(directory: str) -> str:
    """Why the engine cannot run here, in one sentence; empty where it can."""
    try:
        loader()
    except (ImportError, OSError) as error:
        return lacks() or f"its loader cannot be loaded: {error}"
    may = _capabilities()
    # CAP_PERFMON: without it the verifier refuses to measure a frame, which is to subtract a pointer from a pointer.
    if not may >> _NET_ADMIN & 1 or not (may >> _BPF & may >> _PERFMON | may >> _SYS_ADMIN) & 1:
        return "the process has not CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON"
    if not os.access(_FORWARDING[0], os.R_OK):
        return f"{_FORWARDING[0]} cannot be read (systemd's ProcSubset=pid hides it)"  # of IPv6, there is none
    if any(path.exists() and path.read_text().strip() == "0" and not os.access(path, os.W_OK) for path in _FORWARDING):
        return "net.ipv4.conf.lo.forwarding and net.ipv6.conf.lo.forwarding are 0 and cannot be set"
    try:
        Plane.probe(directory)
    except Unavailable as error:
        return str(error)
    return ""


def _capabilities() -> int:
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")), 16)


def allow_lookups() -> list[Path]:
    """Let the kernel's program find routes; what was changed for that. See _FORWARDING."""
    changed = []
    for path in _FORWARDING:
        if path.exists() and path.read_text().strip() == "0":
            path.write_text("1")
            changed.append(path)
    return changed


def forbid_lookups(changed: list[Path]) -> None:
    """As it was."""
    for path in changed:
        path.write_text("0")


def clear(directory: str) -> None:
    """Take off and forget whatever an earlier process has left, unless another uses it now."""
    try:
        if not os.listdir(directory):
            return
    except OSError:  # there is none, or it is not ours
        return
    try:
        plane = Plane(directory, 1)
    except Unavailable:
        return
    Interfaces(plane).detach()
    plane.close()
