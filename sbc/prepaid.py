"""Accounts of terminals that pay in advance: keeps them in a file, and looks at what their calls use.

What was used is on file within a second or so; more than that no crash costs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from math import inf, isfinite
from typing import Any

import attrs
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from sbc.core.border import Border
from sbc.core.message import Ending
from sbc.core.plain import Unfit, of_bytes, to_bytes
from sbc.ledger.charger import Charger
from sbc.ledger.teller import teller
from sbc.ledger.writer import Writer
from sbc.policy.quota import Account, Whose
from sbc.runner import Runner
from sbc.store.era import Era, Machine, sign, take_up

KIND = "account"
_CLOCK = ("clock", "")  # what the times of the accounts are reckoned by
MOST_WAITING = 1_000_000
SLICES = 20
"""Turns of the reactor over which a look at all calls is spread: each takes some 30 us a stream."""
PATIENCE = 10.0
"""Seconds an orderly stop waits for a disk that fails."""


class PrepaidService(Service):
    """Accounts in `store` (ICallStore). Each call is looked at every `pace` seconds, some at a time. It starts before
    the border, so that no call is let in before the accounts are there, and stops after it, when all is counted."""

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        store: Any,
        border: Border,
        runner: Runner,
        pace: float,
        steady: Callable[[], float] | None = None,
        machine: Machine | None = None,
    ) -> None:
        """`steady`: see Charger."""
        self._machine = machine or Machine(reactor.seconds)
        self._era = Era(0.0)
        self.setName("prepaid")
        self._reactor = reactor
        self._store = store
        self._runner = runner
        self._border = border
        self._quotas = border.registry.gate.quota
        self._writer = Writer(store, MOST_WAITING, teller(reactor, f"the accounts' file {store.name}", "accounts"))
        self._pace = pace / SLICES
        self._looks = LoopingCall(self.look)
        self._looks.clock = reactor
        self._resumed = False
        self.charger = Charger(
            border, runner.engine.counters, reactor.seconds, runner.noted, self._end, runner.engine.charges, steady
        )

    def startService(self) -> None:
        """@raises OSError where the file cannot be used, by which twistd ends. One that is damaged is moved aside:
        nobody has an account then."""
        super().startService()
        self._store.open()
        if getattr(self._store, "moved", ""):
            self._log.critical("the accounts' file was damaged: it is now {moved}, all accounts are lost",
                               moved=self._store.moved)  # fmt: skip
        there = list(self._store.load())
        self._era = take_up(self._machine, _life(value for kind, _, value in there if kind == _CLOCK[0]))
        if self._era.doubt:
            self._runner.counted["clock-doubted"] += 1
            self._log.warn(
                "nobody is charged for the time of the restart, which is not known: {why}", why=self._era.doubt
            )
        for kind, id, value in there:
            if kind == KIND:
                self._enter(id, value, self._era.shift)
        self._quotas.news.clear()
        self._runner.charger = self.charger
        self._writer.start()
        self._looks.start(self._pace, now=False)

    def stopService(self) -> Deferred[None]:
        """Fires when all is written."""
        super().stopService()
        if self._looks.running:
            self._looks.stop()
        self._save()
        stopped: Deferred[None] = Deferred()
        self._writer.stop(PATIENCE, lambda _: self._reactor.callFromThread(stopped.callback, None))
        return stopped

    def look(self) -> None:
        """Book what some of the calls have used, end those of accounts that are used up, and keep it. A fault of ours
        costs this turn, and is told."""
        try:
            if not self._resumed:  # by the first look the border has taken up what there was
                self.charger.resume()
                self._resumed = True
            self.charger.look(SLICES)
            self._save()
        except Exception:  # noqa: BLE001 - whatever it is, calls are to end when they must
            self._runner.counted["internal-error"] += 1
            self._log.failure("a fault in charging calls")

    def _end(self, call: str, cause: str) -> None:
        if self._border.registry.has_call(call):
            self._runner.carry_out(self._border.end_call(call, cause, self._reactor.seconds(), Ending.SPENT))

    def sign_life(self) -> None:
        """Leave a sign of life: beside whatever is kept, and at once where the clock was set, since by that a boot will
        reckon."""
        self._writer.put(_CLOCK, json.dumps(sign(self._machine, self._era)).encode(), False)

    def _save(self) -> None:
        for whose in self._quotas.news:
            account = self._quotas.accounts.get(whose)
            value = None if account is None else kept(account, self._era.shift)
            self._writer.put((KIND, name_of(whose)), value, account is None)
        if self._quotas.news:
            self.sign_life()
        self._quotas.news.clear()

    def _enter(self, id: str, value: bytes, shift: float) -> None:
        try:
            self._quotas.enter(account_of(value, shift))
        except Unfit as error:
            self._runner.counted["store-unfit"] += 1
            self._log.error("account {id} cannot be read: {error}", id=id, error=error)


def _life(values: Iterable[bytes]) -> Any:
    """The sign of life among values of the file; None where none can be read."""
    try:
        return json.loads(next(iter(values), b"null"))
    except ValueError:
        return None


def name_of(whose: Whose) -> str:
    """What an account is called in the file."""
    realm, who = whose
    return f"{realm} {who.decode('latin-1')}"


def kept(account: Account, shift: float) -> bytes:
    """An account for the file; `shift` is from the core's clock to the time of day."""
    charged, opened = account.charged_at + shift, account.opened_at + shift
    return to_bytes(Account, attrs.evolve(account, charged_at=charged, opened_at=opened))


def account_of(value: bytes, shift: float) -> Account:
    """The account that `kept` was given. @raises Unfit where it is none."""
    account: Account = of_bytes(Account, value)
    for number in (account.octets, account.seconds, account.used_octets, account.used_seconds):
        if number is not None and not 0 <= number < inf:
            raise Unfit(f"{number!r} is no amount")
    if not (isfinite(account.charged_at) and isfinite(account.opened_at)):
        raise Unfit(f"{account.charged_at!r} or {account.opened_at!r} is no time")
    account.charged_at -= shift
    account.opened_at -= shift
    return account
