"""Bandwidth that is held ahead, for calls to come: by whoever asks for leave for one, then by the leave, then by the
call, whose streams take of it before they take more.

Whoever asks for one may say how much it is to have, and change that while it lasts. It is held against the same limits
as streams are (sbc/policy/book.py), as what both directions of a call take with the headers of a usual packing.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from sbc.core.message import Flow, Refused
from sbc.policy.bandwidth import BELOW, BELOW_V6, RTP, demand
from sbc.policy.book import AMPLE, NOTHING, Book, Tallies, Ticket
from sbc.policy.demand import Bandwidth, Demand, Fit, less, more, turned

_PACKETS = 50  # a second: what headers and RTCP are reckoned by where only the media is known
_HEADERS = (RTP + BELOW) * 8, (RTP + BELOW_V6) * 8  # by IPv4, by IPv6
_RTCP = 1.05
LEAST = 4_000
"""Bit/s of media: what is less is of no use to anybody."""


@attrs.define(eq=False)
class _Change:
    """What a call would hold by a request that is open: `wanted`, in place of what it held `before`."""

    call: Ticket
    before: Demand
    wanted: Demand
    back: bool


class Ahead:
    """What is held, and by whom: requests, and the leave that they were given. Calls hold it by their own tickets."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._held: dict[object, Ticket] = {}
        self._changes: dict[object, _Change] = {}  # that nobody has answered, the oldest first
        self._count = 0

    def hold(self, owner: object, legs: tuple[Tallies, Tallies], wanted: Demand, fit: bool, urgent: bool) -> Demand:
        """Let `owner` hold as much; where there is too little, and it may be less (`fit`), what there is. Returns what
        it holds. @raises Refused where there is too little."""
        ticket = self._book.seated(legs, urgent)
        room = self._book.room(ticket, "") if fit else None
        if room is not None:
            wanted = _even(less(wanted, less(wanted, room)))
        try:
            self._set(ticket, wanted)
        except Refused:
            self._book.close(ticket)
            raise
        self._held[owner] = ticket
        return wanted

    def pass_on(self, owner: object, to: object, granted: Demand | None) -> None:
        """Another has it from now on, and no more than was `granted`, if that is said."""
        ticket = self._held.pop(owner, None)
        if ticket is None:
            return
        self.drop(to)
        self._held[to] = ticket
        if granted is not None:
            held = self._of(ticket)
            self._set(ticket, less(held, less(held, granted)), forced=True)

    def give(self, owner: object, call: Ticket, back: bool) -> None:
        """A call has it from now on; `back`: it was asked for from the other side."""
        ticket = self._held.get(owner)
        if ticket is None:
            return
        held = self._of(ticket)
        self.drop(owner)
        if call.counts:  # else it is over, or none that is counted
            self._set(call, less(turned(held) if back else held, call.total), forced=True)

    def change(self, owner: object, call: Ticket, wanted: Demand, back: bool) -> None:
        """A request would have a call hold as much, its streams included; what it held is remembered. While others of
        the call are open it holds what any of them may come to. @raises Refused where there is too little."""
        wanted = less(turned(wanted) if back else wanted, call.total)
        others = [each for each in self._changes.values() if each.call is call]
        before = others[0].before if others else self._of(call)
        self._set(call, _dearest([before, wanted, *(each.wanted for each in others)]) if others else wanted)
        self._changes[owner] = _Change(call, before, wanted, back)

    def changed(self, owner: object, granted: Demand | None) -> None:
        """That was answered: as `granted`, or else it is as it was before."""
        change = self._changes.pop(owner, None)
        if change is None or not change.call.counts:
            return
        call, now = change.call, change.before
        if granted is not None:
            now = less(turned(granted) if change.back else granted, call.total)
        others = [each for each in self._changes.values() if each.call is call]
        for each in others:
            each.before = now  # it is what they change
        self._set(call, _dearest([now, *(each.wanted for each in others)]), forced=True)

    def drop(self, owner: object) -> None:
        """It holds nothing any more; what it would have had changed, and nobody has answered, is as it was before."""
        self.changed(owner, None)
        ticket = self._held.pop(owner, None)
        if ticket is not None:
            self._book.close(ticket)

    def room(self, call: Ticket, v6: tuple[bool, bool]) -> int:
        """What a call might have, in bit/s of media each way; `v6`: whether each of its sides is of IPv6."""
        room = self._book.room(call, call.ahead)
        if room is None:
            return AMPLE
        return media_in(more(room, call.total), v6)

    def tickets(self) -> Iterator[Ticket]:
        """Those of who has no call yet."""
        yield from self._held.values()

    @staticmethod
    def _of(ticket: Ticket) -> Demand:
        return ticket.held.get(ticket.ahead, NOTHING) if ticket.ahead else NOTHING

    def _set(self, call: Ticket, wanted: Demand, forced: bool = False) -> None:
        if not call.ahead and wanted == NOTHING:
            return
        name = call.ahead or self._name()
        self._book.reserve(call, name, wanted, forced)
        call.ahead = name

    def _name(self) -> str:
        self._count += 1
        return f"ahead {self._count}"


def _dearest(demands: list[Demand]) -> Demand:
    """As much, each way, as the dearest of them takes there."""
    into = max(each.into[0] for each in demands), max(each.into[1] for each in demands)
    return Demand(into, (max(each.out[0] for each in demands), max(each.out[1] for each in demands)))


def _even(one: Demand) -> Demand:
    """What comes in on one side goes out on the other: no more is of use than the narrower takes."""
    there, back = min(one.into[0], one.out[1]), min(one.into[1], one.out[0])
    return Demand((there, back), (back, there))


def needed(flows: tuple[Flow, ...], v6: tuple[bool, bool], believed: tuple[Bandwidth, Bandwidth]) -> Demand | None:
    """What a call takes that is to have as much each way; None where nothing is said."""
    return demand((flows, flows), "rtp", v6, believed) if flows else None


def media_in(one: Demand, v6: tuple[bool, bool]) -> int:
    """How much media, in bit/s each way, there is in what a call takes: the inverse of `needed`."""
    sides = zip(one.into, one.out, v6, strict=True)
    return max(0, min(int(min(into, out) / _RTCP) - _PACKETS * _HEADERS[wide] for into, out, wide in sides))


def may_be_less(believed: tuple[Bandwidth, Bandwidth]) -> bool:
    """Whether who asks for more than there is may have what there is."""
    return any(each.fit is not Fit.REFUSE for each in believed)
