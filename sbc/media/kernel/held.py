"""Which interface holds which address, by rtnetlink: one question for all of them, and only after something changed."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

from sbc.media.kernel import rtnetlink

_NEWADDR, _GETADDR = 20, 22  # linux/rtnetlink.h
_ADDRESS = struct.Struct("=BBBBI")  # struct ifaddrmsg
_IFA_ADDRESS, _IFA_LOCAL = 1, 2  # of a link between two the former is the other end's


class Held:
    """Interfaces by the addresses that they hold, in the network where the first question is asked."""

    def __init__(self) -> None:
        self._notices: socket.socket | None = None
        self._by_address: dict[bytes, int] | None = None  # None: to be asked for

    def interface(self, host: str) -> int:
        """The interface that holds an address, 0 if none does. @raises OSError."""
        try:
            packed = socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
        except OSError:  # a scope, or no address
            return 0
        if self._notices is None:
            self._notices = rtnetlink.listen(rtnetlink.LINKS | rtnetlink.ADDRESSES)
        if self._by_address is None:
            self._by_address = dict(_dump())
        return self._by_address.get(packed, 0)

    def changed(self) -> bool:
        """Whether an interface or an address may have come, gone or changed since this was asked last."""
        changed = self._notices is not None and rtnetlink.heard(self._notices) != set()
        if changed:
            self._by_address = None
        return changed

    def close(self) -> None:
        """Let go."""
        if self._notices is not None:
            self._notices.close()


def _dump() -> Iterator[tuple[bytes, int]]:
    """Every address there is, with its interface. @raises OSError."""
    for kind, body in rtnetlink.dump(_GETADDR, _ADDRESS.pack(0, 0, 0, 0, 0)):
        found = rtnetlink.attributes(body[_ADDRESS.size :])
        address = found.get(_IFA_LOCAL) or found.get(_IFA_ADDRESS)
        if kind == _NEWADDR and address:
            yield address, _ADDRESS.unpack_from(body)[4]
