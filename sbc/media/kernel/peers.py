"""Which interfaces are an end of a veth whose other end may be handed packets: `bpf_redirect_peer`, bpf-helpers(7)."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable

from sbc.media.kernel import rtnetlink

_GETLINK, _GETFILTER = 18, 46  # linux/rtnetlink.h
_LINK, _FILTER = struct.Struct("=BxHiII"), struct.Struct("=BxHiIII")  # struct ifinfomsg, struct tcmsg
_IFLA_QDISC, _IFLA_LINKINFO, _IFLA_LINK_NETNSID = 6, 18, 37  # linux/if_link.h
_INFO_KIND = 1
_EGRESS = 0xFFFFFFF3  # where clsact has what leaves: TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS), linux/pkt_sched.h

FRAMES, PEER = 1, 2
"""What the kernel's programs may do at an interface: RELAY_FRAMES, RELAY_PEER of relay_maps.h."""


class Peers:
    """What is known of interfaces in the network where the first question is asked: each is asked about once, and again
    after there was a notice of it."""

    def __init__(self, programs: Callable[[int], int]) -> None:
        """`programs` says how many programs look at what leaves by an interface besides filters: of these there are no
        notices."""
        self._programs = programs
        self._notices: socket.socket | None = None
        self._known: dict[int, bool] = {}

    def is_at_hand(self, index: int) -> bool:
        """Whether an interface is a veth with its other end in another network namespace (no other is handed packets),
        and nothing of anybody's stands in the way out that would not see them: a queueing discipline, a filter of
        clsact, or a program. Not where the system does not say."""
        try:
            return self._is_clear(index) and self._programs(index) == 0
        except OSError:
            return False

    def _is_clear(self, index: int) -> bool:
        if self._notices is None:
            self.hear()
        if index not in self._known:
            self._known[index] = _leads_elsewhere(index) and not _is_filtered(index)
        return self._known[index]

    def hear(self) -> set[int] | None:
        """The interfaces that there were notices of since this was asked last; None: it may have been any of them.

        @raises OSError."""
        if self._notices is None:
            self._notices = rtnetlink.listen(rtnetlink.LINKS | rtnetlink.CONTROL)
            return None
        spoken_of = rtnetlink.heard(self._notices)
        for index in list(self._known) if spoken_of is None else spoken_of:
            self._known.pop(index, None)
        return spoken_of

    def close(self) -> None:
        """Let go."""
        if self._notices is not None:
            self._notices.close()


def _leads_elsewhere(index: int) -> bool:
    """And that without a queue."""
    found = rtnetlink.attributes(rtnetlink.ask(_GETLINK, _LINK.pack(socket.AF_UNSPEC, 0, index, 0, 0))[_LINK.size :])
    about = rtnetlink.attributes(found.get(_IFLA_LINKINFO, b""))
    if _IFLA_LINK_NETNSID not in found:
        return False
    return (_word(about, _INFO_KIND), _word(found, _IFLA_QDISC)) == (b"veth", b"noqueue")


def _word(found: dict[int, bytes], number: int) -> bytes:
    return found.get(number, b"").rstrip(b"\0")


def _is_filtered(index: int) -> bool:
    return any(rtnetlink.dump(_GETFILTER, _FILTER.pack(socket.AF_UNSPEC, 0, index, 0, _EGRESS, 0)))
