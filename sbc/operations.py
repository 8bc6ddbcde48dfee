"""What an operator does to a running SBC: reload its configuration, let its calls go, take calls again, end it."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import attrs
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from sbc.config.faults import ConfigError
from sbc.config.load import load_file
from sbc.config.values import Config
from sbc.core.border import Border
from sbc.core.call import Call, CallState
from sbc.core.drain import live_calls
from sbc.core.message import Ending
from sbc.core.snapshot import lasts
from sbc.reload import NotReloaded, Reloader
from sbc.runner import Runner

LOOK = 0.25
"""Seconds between two looks at how many calls are left."""
LAST_WORDS = 2.0
"""Seconds in which the last messages of a call may come again, and its end be told once more, before all is closed."""
PARTING = 0.2
"""Seconds for what is said last to go out where all is to end at once."""


@attrs.frozen
class Outcome:
    """What became of an operator's wish: `ok`, and what there is to say, one thing a line; if not `ok`, every fault."""

    ok: bool
    lines: list[str]

    def __str__(self) -> str:
        return "\n".join(self.lines)


class Operations:
    """The operator's hands on one running SBC. `config` is what runs now.

    `state` is "running"; "draining": nothing new is taken (see sbc/core/drain.py), until `undrain`; "stopping": the
    same, and it ends with its last call. `keeps` is to be set where a store keeps what is live for the next start:
    then a stop ends no call. `waited` are the calls that a drain still waits for. `watchers` are called with each state
    that begins, and with "reloading" before a reload.
    """

    _log = Logger()

    def __init__(self, reactor: Any, config: Config, border: Border, runner: Runner, reloader: Reloader) -> None:
        self.config = config
        self.watchers: list[Callable[[str], None]] = []
        self.state = "running"
        self.keeps = False
        self._reactor = reactor
        self._border = border
        self._runner = runner
        self._reloader = reloader
        self._file = os.path.abspath(config.source) if config.source else ""
        self._until: float | None = None
        self._waited = False  # whether there was a call to wait for
        self._told_at: float | None = None  # when the last calls were ended, or the last had gone
        self._looking = LoopingCall(self._look)
        self._looking.clock = reactor
        self._gone: list[Deferred[None]] = []

    @property
    def waited(self) -> int:
        """Calls that are live."""
        return live_calls(self._border.registry)

    # -- reload

    def prepared(self) -> Deferred[None]:
        """Fires when the files that a reload needs have been read, in a thread: very many prefixes take their time, and
        what is read is remembered until the reload. What is wrong with it, that will find."""
        if not self._file:
            return succeed(None)
        reading: Deferred[None] = deferToThreadPool(self._reactor, self._reactor.getThreadPool(), self._prepare)
        return reading.addErrback(lambda failure: self._log.failure("a fault in reading ahead", failure))

    def _prepare(self) -> None:
        with suppress(ConfigError):
            self._border.registry.gate.prepare(load_file(self._file).plan)

    def reload_soon(self) -> Deferred[Outcome]:
        """Reload as soon as all is read."""
        return self.prepared().addCallback(lambda _: self.reload())

    def reload(self) -> Outcome:
        """Read the configuration file again and let it count, or say all that is wrong with it and change nothing."""
        if not self._file:
            return self._refused("this SBC was not started from a file")
        if self.state == "stopping":
            return self._refused("the SBC is stopping")
        try:
            new = load_file(self._file)
        except ConfigError as error:
            return self._refused(*map(str, error.faults))
        self._tell("reloading")
        try:
            self.config, lines = self._reloader.apply(self.config, new)
        except NotReloaded as no:
            return self._refused(*no.faults)
        except Exception:  # noqa: BLE001 - calls go on, whatever it is
            self._log.failure("a fault in reloading: what is in force may be mixed")
            return Outcome(False, ["a fault of the SBC itself, see its log; what is in force may be mixed: restart it"])
        finally:
            self._tell(self.state)
            self._let_go()
        if self._border.registry.draining is not None:
            self._border.drain(self.config.drain.retry_after)
        for line in lines:
            self._log.info("reloaded: {line}", line=line)
        return Outcome(True, lines or ["nothing has changed"])

    def _let_go(self) -> None:
        """Have freed in a thread what counts no more, where that takes long."""
        gate = self._border.registry.gate
        if gate.outgrown:
            freeing: Deferred[None] = deferToThreadPool(self._reactor, self._reactor.getThreadPool(), _free, gate)
            freeing.addErrback(lambda failure: self._log.failure("a fault in freeing what counts no more", failure))

    def _refused(self, *faults: str) -> Outcome:
        for fault in faults:
            self._log.error("not reloaded: {fault}", fault=fault)
        return Outcome(False, list(faults))

    def _tell(self, word: str) -> None:
        for watch in self.watchers:
            watch(word)

    # -- drain

    def drain(self, limit: float | None = None) -> Outcome:
        """Take no new calls and registrations from now on. After `limit` seconds what is left is ended; None: never."""
        if self.state == "stopping":
            return Outcome(False, ["the SBC is stopping"])
        self.state = "draining"
        self._begin(limit)
        return Outcome(True, [f"draining: {_calls(self.waited)} to wait for{_until(limit)}"])

    def undrain(self) -> Outcome:
        """Take calls and registrations again."""
        if self.state != "draining":
            return Outcome(False, [f"the SBC is {self.state}"])
        self.state = "running"
        self._end_looking()
        self._border.drain(None)
        self._log.info("takes calls again")
        self._tell(self.state)
        return Outcome(True, ["running: calls are taken again"])

    def stop(self, at_once: bool = False) -> Deferred[None]:
        """Let the calls go, as long as the configuration says, and fire when the SBC may end.

        It may end `at_once` if that is asked for, by a second call, or where a store hands live calls over to the next
        start, and there are no others to wait for; both parties are told then too, unless a store keeps the calls.
        """
        at_once, self.state = at_once or self.state == "stopping", "stopping"
        at_once = at_once or (self._hands_over and not self._left)
        gone: Deferred[None] = Deferred()
        self._gone.append(gone)
        if at_once:
            self._tell(self.state)
            self._part()
        else:
            self._begin(self.config.drain.limit)
        return gone

    def _begin(self, limit: float | None) -> None:
        now = self._reactor.seconds()
        self._until = None if limit is None else now + limit
        self._told_at = None
        self._waited = self._left > 0
        self._border.drain(self.config.drain.retry_after)
        self._log.info(
            "{state}: {calls} to wait for{until}", state=self.state, calls=_calls(self._left), until=_until(limit)
        )
        self._tell(self.state)
        if not self._looking.running:
            self._looking.start(LOOK, now=False)
        self._look()

    def _look(self) -> None:
        """See whether the last call has gone, or the time is over."""
        now = self._reactor.seconds()
        if self._told_at is None and not self._left:
            self._log.info("drained: no call is left")
            self._told_at = now if self._waited else now - LAST_WORDS
        elif self._told_at is None and self._until is not None and now >= self._until:
            self._log.warn("the time is over: {calls} left", calls=_calls(self._left))
            self.end_calls()
            self._told_at = now
        if self.state == "stopping" and self._told_at is not None and now >= self._told_at + LAST_WORDS:
            self._leave()

    def end_calls(self) -> None:
        """End every call that is live, and tell both parties; at a stop none that a store keeps."""
        for call in self._ends():
            now = self._reactor.seconds()
            try:
                self._runner.carry_out(self._border.end_call(call.id, "the SBC was stopped", now, Ending.SHUTDOWN))
            except Exception:  # noqa: BLE001 - whatever it is, the others are to be told, and the SBC is to end
                self._log.failure("call {call} cannot be ended", call=call.id)

    def _ends(self) -> list[Call]:
        """The live calls that a stop, or the end of a drain, ends."""
        kept, calls = self.keeps and self.state == "stopping", self._border.registry.calls.values()
        return [call for call in calls if call.state is not CallState.CLOSED and not (kept and lasts(call))]

    @property
    def _hands_over(self) -> bool:
        """Whether the SBC goes, and those calls that a store keeps go on in the next."""
        return self.state == "stopping" and self.keeps and self.config.drain.hand_over

    @property
    def _left(self) -> int:
        """The calls that are to end before the SBC does."""
        return sum(not call.lifetime for call in self._ends()) if self._hands_over else self.waited

    def _part(self) -> None:
        """End what is live and go: what was written last is to be on its way."""
        words = bool(self._ends()) and self._told_at is None
        if words:
            self.end_calls()
        self._end_looking()
        self._reactor.callLater(PARTING if words else 0.0, self._leave)

    def _leave(self) -> None:
        self._end_looking()
        gone, self._gone = self._gone, []
        for each in gone:
            each.callback(None)

    def _end_looking(self) -> None:
        if self._looking.running:
            self._looking.stop()


def _free(gate: Any) -> None:
    """Free what has outgrown its use. This loop is Python, so that others run between its steps."""
    for _ in gate.let_go():
        pass


def _calls(count: int) -> str:
    return "1 call" if count == 1 else f"{count or 'no'} calls"


def _until(limit: float | None) -> str:
    return "" if limit is None else f", for {limit:g} s at most"
