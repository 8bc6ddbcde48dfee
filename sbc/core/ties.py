"""Calls that mean the connections they go by, and end with them: which goes by which."""

from __future__ import annotations

from collections.abc import Callable

from sbc.core.call import Call
from sbc.core.exchange import Hop
from sbc.core.orders import HangUp, Order


class Ties:
    """Live calls by the connections of their legs. Only calls that are bound to them get here. A connection that none
    goes by is closed, unless it `stays`."""

    def __init__(self, stays: Callable[[Hop], bool] = lambda hop: False) -> None:
        self._calls: dict[Hop, dict[Call, None]] = {}
        self._stays = stays

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
        return self.hang_up(old)

    def cut(self, call: Call) -> list[Order]:
        """A call is over: so are its connections, unless another call goes by them."""
        for hop in _hops(call):
            self._drop(call, hop)
        return [order for hop in _hops(call) for order in self.hang_up(hop)]

    def hang_up(self, hop: Hop | None) -> list[Order]:
        """Close a connection, if nobody needs it."""
        if hop is None or hop in self._calls or self._stays(hop):
            return []
        return [HangUp(hop.listener, hop.peer)]

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
