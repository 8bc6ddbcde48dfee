"""Calls that mean the connections they go by, and end with them: which goes by which."""

from __future__ import annotations

from sbc.core.call import Call
from sbc.core.exchange import Hop
from sbc.core.orders import HangUp, Order


class Ties:
    """Live calls by the connections of their legs. Only calls that are bound to them get here."""

    def __init__(self) -> None:
        self._calls: dict[Hop, dict[Call, None]] = {}

    def tie(self, call: Call) -> None:
        """A call lives."""
        for hop in _hops(call):
            self._calls.setdefault(hop, {})[call] = None

    def move(self, call: Call, old: Hop, new: Hop) -> list[Order]:
        """A leg of a live call is reached otherwise: the connection it has left is closed, unless another call goes by
        it."""
        if call not in self._calls.get(old, {}):
            return []
        self._drop(call, old)
        self._calls.setdefault(new, {})[call] = None
        return [] if old in self._calls else [HangUp(old.listener, old.peer)]

    def cut(self, call: Call) -> list[Order]:
        """A call is over: so are its connections, unless another call goes by them."""
        for hop in _hops(call):
            self._drop(call, hop)
        return [HangUp(hop.listener, hop.peer) for hop in _hops(call) if hop not in self._calls]

    def at(self, hop: Hop) -> list[Call]:
        """The calls that end with that connection."""
        return list(self._calls.get(hop, ()))

    def all(self) -> dict[Hop, set[Call]]:
        """All there are; for the auditor."""
        return {hop: set(calls) for hop, calls in self._calls.items()}

    def _drop(self, call: Call, hop: Hop) -> None:
        there = self._calls.get(hop, {})
        there.pop(call, None)
        if not there:
            self._calls.pop(hop, None)


def _hops(call: Call) -> list[Hop]:
    return [Hop(leg.listener, leg.seen) for leg in call.legs if call.bound and leg.listener.reliable]
