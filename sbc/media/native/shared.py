"""Ports that the streams of the `native` engine share: opened with the first stream of a pair, closed with its last."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import Any

from sbc.core.orders import SideSpec
from sbc.media.interfaces import PortUnavailable
from sbc.media.sockets import MediaSockets, Place, place_of
from sbc.media.udp import borrowed


class _Open:
    """A pair that is open: its sockets, its struct in C, the side that has joined last, and the numbers in use."""

    __slots__ = ("fds", "gate", "numbers", "side")

    def __init__(self, fds: tuple[int, int], gate: Any, side: SideSpec) -> None:
        self.fds, self.gate, self.side = fds, gate, side
        self.numbers: set[int] = set()


class SharedPorts:
    """Those that are open in one engine in C; `module` is the extension module `_native`."""

    def __init__(self, module: Any, sockets: MediaSockets) -> None:
        self._ffi, self._lib = module.ffi, module.lib
        self._sockets = sockets
        self._open: dict[Place, _Open] = {}
        self._closed_strays = 0

    def join(self, engine: Any, side: SideSpec) -> Any:
        """The struct of the ports that a side shares; opened, if they are not. NULL where it has none.
        @raises PortUnavailable (see `MediaSockets.join_shared`); ValueError for a number that another stream has."""
        shared, at = side.shared, place_of(side)
        if shared is None or at is None:
            return self._ffi.NULL
        found = self._open.get(at)
        if found is None:
            with ExitStack() as opened:
                pair = self._sockets.open_shared(shared.local, side, opened)
                gate = self._lib.engine_share(engine, [sock.fileno() for sock in pair])
                if gate == self._ffi.NULL:
                    raise PortUnavailable(shared.local.rtp, os.strerror(self._ffi.errno))
                opened.pop_all()
            found = self._open[at] = _Open((pair[0].detach(), pair[1].detach()), gate, side)
        if shared.number in found.numbers:
            raise ValueError(f"number {shared.number} at {shared.local.rtp} is another stream's")
        with ExitStack() as lent:
            socks = [lent.enter_context(borrowed(fd)) for fd in found.fds]
            self._sockets.join_shared(shared.local, socks, found.side, side)
        found.side = side
        found.numbers.add(shared.number)
        return found.gate

    def leave(self, engine: Any, side: SideSpec) -> None:
        """What comes by the number of that side is for nobody any more, since its stream is closed."""
        at = place_of(side)
        found = None if at is None else self._open.get(at)
        if side.shared is None or at is None or found is None:
            return
        found.numbers.discard(side.shared.number)
        if found.numbers:
            return
        del self._open[at]
        self._closed_strays += self._lib.engine_unshare(engine, found.gate)
        for fd in found.fds:
            os.close(fd)

    def fds(self, side: SideSpec) -> tuple[int, ...]:
        """The sockets that a side shares."""
        at = place_of(side)
        return () if at is None else self._open[at].fds

    @property
    def sockets(self) -> int:
        """How many are open."""
        return sum(len(each.fds) for each in self._open.values())

    @property
    def strays(self) -> int:
        """Packets so far that had no number of a stream."""
        return self._closed_strays + sum(int(self._lib.engine_strays(each.gate)) for each in self._open.values())
