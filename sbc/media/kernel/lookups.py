"""The setting by which the kernel's programs find routes: made, kept while the engine runs, and set back."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.logger import Logger

from sbc.media.kernel.lease import Lease

_log = Logger()

FORWARDING = tuple(Path(f"/proc/sys/net/{family}/conf/lo/forwarding") for family in ("ipv4", "ipv6"))
"""The kernel finds routes for a program only in the name of an interface that forwards. The loopback interface stands
for the host itself, and nothing from outside comes by it: the host does not become a router."""


def cannot() -> str:
    """Why the setting cannot be had, in one sentence; empty where it can."""
    if not os.access(FORWARDING[0], os.R_OK):  # of IPv6, there may be none
        return f"{FORWARDING[0]} cannot be read (systemd's ProcSubset=pid hides it)"
    if any(_is_off(path) and not os.access(path, os.W_OK) for path in FORWARDING):
        return "net.ipv4.conf.lo.forwarding and net.ipv6.conf.lo.forwarding are 0 and cannot be set"
    return ""


class Lookups:
    """Makes the setting. Whoever sets back `net.ipv4.ip_forward`, or is another SBC that ends, takes it
    away: so it is made again. What was made is noted with the lease, which outlives a crash."""

    def __init__(self, lease: Lease) -> None:
        """@raises OSError where it cannot be made."""
        self._lease = lease
        self._told = False
        self._allow()

    def keep(self) -> bool:
        """See that it still is so; whether it was not, and is again."""
        mended = False
        try:
            mended = self._allow()
            if mended:
                _log.warn("lo.forwarding had been set to 0, without which the kernel finds no routes for media")
            self._told = False
        except OSError as error:
            if not self._told:
                self._told = True
                _log.error(
                    "lo.forwarding is 0: the kernel finds no routes for media, user space relays ({why})",
                    why=error.strerror,
                )
        return mended

    def _allow(self) -> bool:
        """Whether it was not so."""
        off = [number for number, path in enumerate(FORWARDING) if _is_off(path)]
        for number in off:
            FORWARDING[number].write_text("1")
            self._lease.routes |= 1 << number
        return bool(off)


def forbid(lease: Lease) -> None:
    """As it was before this process, or one that has crashed, had the lease."""
    for number, path in enumerate(FORWARDING):
        if lease.routes >> number & 1:
            try:
                path.write_text("0")
            except OSError as error:
                _log.error("{path} cannot be set back to 0: {why}", path=path, why=error.strerror)
    lease.routes = 0


def _is_off(path: Path) -> bool:
    return path.exists() and path.read_text().strip() == "0"
