"""Carries out what the guard against floods decides: says it, closes connections, keeps bans, lets time pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from sbc.connections import Connections
from sbc.core.address import network_of
from sbc.core.binding import BindingState
from sbc.core.border import Border
from sbc.policy.bans import Ban, Key
from sbc.policy.load import DROPPED
from sbc.runner import Runner

PACE = 0.1
"""Seconds between two looks."""

Keep = Callable[[Key, Ban | None], None]
"""Who is told of a ban that is to outlive the process; None: it is gone."""


class GuardService(Service):
    """Ten times a second. `keep` is told of each change of the bans, where they are kept."""

    _log = Logger()

    def __init__(self, reactor: Any, border: Border, runner: Runner) -> None:
        self.setName("guard")
        self._seconds = reactor.seconds
        self._looks = LoopingCall(self.look)
        self._looks.clock = reactor
        self._border = border
        self._flood = border.registry.gate.flood
        self._runner = runner
        self._refused: dict[int, int] = {}  # of each port, what is counted already
        self.keep: Keep | None = None

    def startService(self) -> None:
        """Once the border listens, and what was kept is taken up."""
        now = self._seconds()
        if self._flood.bans.news is None:
            self._flood.bans.news = dict.fromkeys(ban.key for ban in self._flood.bans)
        for binding in self._border.registry.bindings.values():
            if binding.state is not BindingState.PENDING:
                self._flood.met(binding.realm.name, binding.seen, now)
        super().startService()
        self._looks.start(PACE, now=False)

    def stopService(self) -> Deferred[None] | None:
        """What has come since the last look is kept, too."""
        stopped: Deferred[None] | None = super().stopService()
        if self._looks.running:
            self._looks.stop()
        self.look()
        return stopped

    def look(self) -> None:
        """Let time pass. A fault of ours costs this turn, and is told."""
        try:
            self._look(self._seconds())
        except Exception:  # noqa: BLE001 - whatever it is, bans are to end
            self._runner.counted["internal-error"] += 1
            self._log.failure("a fault in guarding against floods")

    def _look(self, now: float) -> None:
        self._count(now)
        bans = self._flood.bans
        news = {key: bans.get(key) for key in self._flood.tick(now)}
        cut(self._runner.connections, [ban for ban in news.values() if ban is not None and not bans.is_soft(ban)])
        if self.keep is not None:
            for key, ban in news.items():
                self.keep(key, ban)
        for note in self._flood.drain():
            self._runner.noted(note)

    def _count(self, now: float) -> None:
        """What the sockets have dropped since the last look; it has cost its time, too."""
        there: dict[int, int] = {}
        for port in self._runner.listeners().values():
            refusals = getattr(port, "refusals", 0)
            there[id(port)] = refusals
            more = refusals - self._refused.get(id(port), 0)
            if more > 0:
                self._runner.counted["dropped-banned"] += more
                self._flood.load.use(more * DROPPED, now)
        self._refused = there


def cut(connections: Connections, bans: Sequence[Ban]) -> None:
    """End the connections that those have made who are banned now."""
    if not bans:
        return
    banned = {ban.key: ban.reason for ban in bans}
    for connection in connections.books().connections:
        realm, (host, port) = connection.listener.realm, connection.peer
        why = banned.get((realm, host, port)) or banned.get((realm, network_of(host), 0))
        if why is not None and not connection.opened:
            connection.abort("banned", why)
