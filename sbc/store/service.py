"""Keeps what the store holds up to date with calls and bindings, and takes them up again at the start.

What has changed is gathered for a moment, made plain values on the reactor's thread, and written by another thread.
"""

from __future__ import annotations

import json
from collections import Counter
from os import urandom
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from sbc.core import account
from sbc.core.banned import id_of, of_ban
from sbc.core.binding import Binding
from sbc.core.border import Border
from sbc.core.call import Call, Stream
from sbc.core.exchange import Exchange
from sbc.core.keyed import find, forces, has_moved, rolled
from sbc.core.plain import Frame, Unfit
from sbc.core.promises import Promise
from sbc.core.resume import NO_PORTS
from sbc.core.snapshot import lasts, pack, plain_of
from sbc.ledger.service import LedgerService
from sbc.ledger.teller import teller
from sbc.ledger.writer import Entry, Writer
from sbc.policy.bans import Ban, Key
from sbc.runner import Runner
from sbc.store.era import Era, Machine, sign, take_up

PACE = 0.02
"""Seconds for which changes are gathered."""
BULK = 200
"""Values made in one go, so that calls are heard in between."""
ALIVE = 5.0
"""Seconds between two signs of life, by which the next process knows for how long nobody was there."""
MOST_WAITING = 1_000_000
PATIENCE = 10.0
"""Seconds an orderly stop waits for a disk that fails."""

_SECRET_OCTETS = 32
_RUN = ("run", "")  # what the process itself is kept as


class StoreService(Service):
    """Calls and bindings of `border` in `store` (ICallStore).

    `counted` gets ``store-written``, ``store-waiting``, ``store-failures``, ``store-unfit``, ``resumed-calls``,
    ``resumed-bindings``, ``resumed-promises``, ``resumed-answers`` and ``resumed-bans``. `ledger` is told of the calls
    that go on, where there are records. A resumed call in which nobody speaks for `silence` seconds (0: for ever) is
    ended, unless it is on hold: it may have ended in the moment of the crash, and nobody is to be charged for it for
    hours. Calls whose media has keys are kept where the store is `sealed`, and else not at all.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        store: Any,
        border: Border,
        runner: Runner,
        ledger: LedgerService | None,
        silence: float = 60.0,
        sealed: bool = False,
        machine: Machine | None = None,
    ) -> None:
        self.setName("store")
        self._machine = machine or Machine(reactor.seconds)
        self._era = Era(0.0)
        self._reactor = reactor
        self._store = store
        self._border = border
        self._runner = runner
        self._ledger = ledger
        self._silence = silence
        self._sealed = sealed
        self._keyed: set[str] = set()  # calls that are kept with keys of their media
        self._withheld = False
        self._run = 0
        self._is_told = True
        self._counted: Counter[str] = runner.counted
        self._writer = Writer(store, MOST_WAITING, teller(reactor, f"the store {store.name}", "values"))
        self._loaded: dict[str, dict[str, bytes]] = {}
        self._stored: set[tuple[str, str]] = set()
        self._due: Any = None
        self._hearing: Any = None
        self._lived = 0.0  # when what is resumed was last known to live, by our clock
        self._before: dict[str, int] = {}  # packets received of resumed streams: the kernel goes on counting
        self._used: set[str] = set()  # streams whose keys are used for an SSRC more
        self._rolling: Any = None
        self._alive = LoopingCall(self._live)
        self._alive.clock = reactor

    def startService(self) -> None:
        """@raises OSError where the store cannot be used, by which twistd ends: calls are not to be lost unnoticed."""
        super().startService()
        self._store.open()
        if getattr(self._store, "moved", ""):
            self._log.critical("the store was damaged: it is now {moved}, calls and bindings are lost",
                               moved=self._store.moved)  # fmt: skip
        for kind, id, value in self._store.load():
            self._loaded.setdefault(kind, {})[id] = value
            self._stored.add((kind, id))
        self._begin_run(self._loaded.pop("run", {}).get("", b""))
        self._border.registry.changed = {}
        self._runner.afterwards = self.stir
        if self._sealed:
            self._runner.used = self._keep_used
        self._writer.start()
        self._alive.start(ALIVE)

    def calls(self) -> frozenset[str]:
        """The ids of the calls that it has found."""
        return frozenset(self._loaded.get("call", ()))

    def resume(self) -> None:
        """Take up what was kept; call it once, when all listeners are open."""
        began = self._reactor.seconds()
        self._lived = began - (0.0 if self._era.doubt else self._era.away)  # in doubt it goes on from there
        if self._era.doubt:
            self._counted["clock-doubted"] += 1
            self._log.warn("how long nobody was there is not known ({why}): what was kept is taken up as it was then",
                           why=self._era.doubt)  # fmt: skip
        for id, data in sorted(self._loaded.get("binding", {}).items()):
            self._resume("binding", id, data)
        for kind in ("promise", "answer", "ban"):
            for id, data in sorted(self._loaded.get(kind, {}).items()):
                self._resume(kind, id, data)
        for id, data in self._loaded.get("call", {}).items():
            if self._ledger is not None and id in self._ledger.over:
                self._drop("call", id)
            else:
                self._resume("call", id, data)
        if self._loaded:
            self._log.info(
                "after {away:.1f} s: {calls} calls and {bindings} bindings resumed, {unfit} not, in {took:.2f} s",
                away=self._era.away, calls=self._counted["resumed-calls"], bindings=self._counted["resumed-bindings"],
                unfit=self._counted["store-unfit"], took=self._reactor.seconds() - began,
            )  # fmt: skip
        resumed = list(self._loaded.pop("call", ()))
        self._loaded.clear()
        if resumed and self._silence:
            self._hearing = self._reactor.callLater(self._silence, self._end_unheard, resumed)

    def stir(self) -> None:
        """Something may have changed: write that soon."""
        if self._due is None and self._border.registry.changed:
            self._due = self._reactor.callLater(PACE, self._flush)

    def stopService(self) -> Deferred[None]:
        """Fires when all is written. Calls that are left are there at the next start."""
        super().stopService()
        self._roll()
        if self._alive.running:
            self._alive.stop()
        self._runner.used = lambda stream: None
        for timer in (self._due, self._hearing, self._rolling):
            if timer is not None and timer.active():
                timer.cancel()
        self._runner.afterwards = None
        while self._border.registry.changed:
            self._write_some()
        self._live()
        stopped: Deferred[None] = Deferred()
        self._writer.stop(PATIENCE, lambda _: self._reactor.callFromThread(stopped.callback, None))
        return stopped

    # -- at the start

    def _begin_run(self, data: bytes) -> None:
        """The secret stays, and the run is another: no token of an earlier one is given again. Its number is written
        before anything is taken up: by that it passes over counters of keys (see sbc.core.keyed.beyond), and a run that
        is killed before it has kept anything must have had another number than the next."""
        try:
            before = json.loads(data) if data else {}
            secret, run = bytes.fromhex(before["secret"]), int(before.get("run", 0))
        except (ValueError, KeyError, TypeError):
            before, secret, run = {}, urandom(_SECRET_OCTETS), 0
        self._secret, self._run = secret.hex(), run + 1
        self._era = take_up(self._machine, before)
        self._border.registry.mint.assume(secret, urandom(8))
        try:
            self._store.write([Entry(_RUN, self._sign(before if "alive" in before else None), False)])
        except OSError as error:
            self._is_told = False
            self._log.critical("the store {name} cannot be written, calls with keys are not resumed: {error}",
                               name=self._store.name, error=error)  # fmt: skip

    def _sign(self, life: dict[str, Any] | None = None) -> bytes:
        """A sign of life: an earlier one, or one of now."""
        found = sign(self._machine, self._era) if life is None else life
        return json.dumps({**found, "secret": self._secret, "run": self._run}).encode()

    def _resume(self, kind: str, id: str, data: bytes) -> None:
        now = self._reactor.seconds()
        try:
            if kind == "call":
                self._resume_call(id, data, now)
            else:
                self._runner.carry_out(self._border.resume(kind, data, now, self._era.shift))
        except Unfit as unfit:
            if kind in ("answer", "ban"):  # mostly it is too old
                self._drop(kind, id)
            else:
                self._unfit(kind, id, str(unfit))
        except Exception:  # noqa: BLE001 - whatever it is, the others are to go on
            self._log.failure("a fault in resuming {kind} {id}", kind=kind, id=id)
            self._unfit(kind, id, "a fault of the SBC")
        else:
            self._counted[f"resumed-{kind}s"] += 1

    def _resume_call(self, id: str, data: bytes, now: float) -> None:
        run = self._run if self._is_told else 0
        call, orders = self._border.resume_call(data, now, self._era.shift, self._era.away, run)
        if self._ledger is not None:
            answered = None if call.answered_at is None else account.answered(call)
            since = 0.0 if call.answered_at is None else now - call.answered_at
            record = self._ledger.left.pop(id, None)
            self._ledger.meter.resume(account.opened(call), answered, now - call.opened_at, since, record)
        wanted = len(call.streams)
        if next(forces(call), None) is not None:
            self._keyed.add(id)
        self._runner.carry_out(orders)
        if not self._border.registry.has_call(id):
            return
        if len(call.streams) < wanted:
            self._end(call, NO_PORTS)
        elif self._silence:
            engine = self._runner.engine
            self._before.update((stream.id, engine.received(stream.id)) for stream in call.streams.values())

    def _unfit(self, kind: str, id: str, why: str) -> None:
        self._counted["store-unfit"] += 1
        self._log.warn("{kind} {id} is not resumed: {why}", kind=kind, id=id, why=why)
        self._drop(kind, id)
        if self._ledger is not None and kind == "call":
            self._ledger.drop(id, f"not resumed: {why}")

    def _end_unheard(self, calls: list[str]) -> None:
        for id in calls:
            try:
                self._end_if_unheard(id)
            except Exception:  # noqa: BLE001 - whatever it is, the others are to be looked at
                self._log.failure("a fault in looking whether call {id} is heard", id=id)
        self._before.clear()

    def _end_if_unheard(self, id: str) -> None:
        call = self._border.registry.calls.get(id)
        if call is None or call.answered_at is None or not call.streams or not self._border.registry.has_call(id):
            return
        if any(any(stream.held) or self._heard(stream.id) for stream in call.streams.values()):
            return
        why = f"nobody has spoken within {self._silence:.0f} s of the restart"
        self._end(call, why)

    def _end(self, call: Call, why: str) -> None:
        """End a call that was resumed in vain. Whoever is charged for it is charged up to when it was known to live."""
        now = self._reactor.seconds()
        if self._ledger is not None:
            begun = call.opened_at if call.answered_at is None else call.answered_at
            self._ledger.meter.unheard(call.id, now - max(self._lived, begun))
        self._runner.carry_out(self._border.end_call(call.id, why, now))

    def _heard(self, stream: str) -> bool:
        received: int = self._runner.engine.received(stream)
        return received != self._before.get(stream, 0)

    # -- while it runs

    def _flush(self) -> None:
        self._due = None
        self._write_some()
        if self._border.registry.changed:
            self._due = self._reactor.callLater(0.0, self._flush)

    def _write_some(self) -> None:
        changed = self._border.registry.changed
        frame = Frame(self._border.plan, self._era.shift, self._run)
        for _ in range(min(BULK, len(changed or ()))):
            assert changed is not None
            owner = next(iter(changed))
            del changed[owner]
            try:
                self._write(owner, frame)
            except Exception:  # noqa: BLE001 - whatever it is, the others are to be written
                self._log.failure("{owner} cannot be written", owner=owner)

    def _write(self, owner: Call | Binding | Promise | Exchange, frame: Frame) -> None:
        registry = self._border.registry
        if isinstance(owner, Call):
            kind, id, there = "call", owner.id, registry.calls.get(owner.id) is owner
        elif isinstance(owner, Promise):
            kind, id, there = "promise", owner.id, registry.promises.has(owner)
        elif isinstance(owner, Exchange):
            kind, id, there = "answer", owner.kept, owner in registry.live_exchanges
        else:
            kind, id, there = "binding", owner.id, registry.bindings.get(owner.id) is owner
        if not there or not lasts(owner) or self._may_not_be_kept(owner):
            self._drop(kind, id)
            return
        self._stored.add((kind, id))
        self._writer.put((kind, id), pack(kind, plain_of(owner, self._border.dialects, frame)), False)

    def _may_not_be_kept(self, owner: Call | Binding | Promise | Exchange) -> bool:
        """Whether it holds keys, which may not lie about for anybody to read: messages do, too."""
        call = owner if isinstance(owner, Call) else owner.call if isinstance(owner, Exchange) else None
        if call is None or next(forces(call), None) is None:
            return False
        if self._sealed:
            self._keyed.add(call.id)
        elif not self._withheld:
            self._withheld = True
            self._log.warn("calls with keys of media are not kept, and end with the process: [store] has no key_file")
        return not self._sealed

    def _roll(self) -> None:
        """Keep how far the packets of secured streams have been counted, before those who go on could be in doubt."""
        for id in list(self._keyed):
            call = self._border.registry.calls.get(id)
            secured = {} if call is None else {stream.id: stream for stream, *_ in forces(call)}
            if not secured:
                self._keyed.discard(id)
            for stream in secured.values():
                self._roll_one(stream)
        self.stir()

    def _roll_one(self, stream: Stream) -> None:
        """A fault of ours costs this stream's, and is told: the others are to be kept, and signs of life left."""
        try:
            rows = self._runner.engine.rollovers(stream.id)
            if any(rows) and has_moved(stream, rows):
                rolled(self._border.registry, stream.id, rows)
        except Exception:  # noqa: BLE001 - whatever it is
            self._counted["internal-error"] += 1
            self._log.failure("a fault in keeping how far the keys of stream {stream} are used", stream=stream.id)

    def _keep_used(self, stream: str) -> None:
        """A source has come: it is kept at once, since until then the next process knows nothing of its counters."""
        self._used.add(stream)
        if self._rolling is None:
            self._rolling = self._reactor.callLater(PACE, self._roll_used)

    def _roll_used(self) -> None:
        self._rolling, used, self._used = None, self._used, set()
        for id in used:
            call, stream = find(self._border.registry, id)
            if call is not None and stream is not None:
                self._roll_one(stream)
        self.stir()

    def keep_ban(self, key: Key, ban: Ban | None) -> None:
        """A ban is to be found again; None: it is over."""
        id = id_of(key)
        if ban is None:
            self._drop("ban", id)
            return
        self._stored.add(("ban", id))
        self._writer.put(("ban", id), of_ban(ban, self._era.shift), False)

    def _drop(self, kind: str, id: str) -> None:
        if (kind, id) in self._stored:
            self._stored.discard((kind, id))
            self._writer.put((kind, id), None, True)

    def sign_life(self) -> None:
        """Leave a sign of life: at once where the clock was set, since by that a boot will reckon."""
        self._writer.put(_RUN, self._sign(), False)

    def _live(self) -> None:
        """Leave a sign of life, and bring the counters up to date."""
        self._roll()
        self.sign_life()
        writer = self._writer
        self._counted["store-written"] = writer.written + writer.interim
        self._counted["store-waiting"], self._counted["store-failures"] = writer.waiting, writer.failures
