"""Accounts outlive the process, and are looked at as time passes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from time import monotonic, sleep, time
from typing import Any, cast

import attrs
import pytest
from twisted.internet.task import Clock

from sbc.core.border import Border
from sbc.core.mint import Mint
from sbc.core.orders import Note
from sbc.policy.quota import Account, Quotas
from sbc.prepaid import PrepaidService, account_of, kept, name_of
from sbc.store.era import Machine
from sbc.store.sqlite import SqliteStore
from tests.rig import SECRET
from tests.toy import ToyDialect
from tests.toy_calls import toy_rig

ALICE = ("access", b"alice")


class Reactor(Clock):
    """A clock that answers threads at once."""

    def callFromThread(self, do: Any, *arguments: Any) -> None:
        do(*arguments)


@attrs.define
class Doer:
    counted: Counter[str] = attrs.field(factory=Counter)
    notes: list[Note] = attrs.field(factory=list)
    charger: Any = None
    engine: Any = None

    def noted(self, note: Note) -> None:
        self.notes.append(note)


class Engine:
    charges = None

    def counters(self, stream: str) -> Any:
        raise KeyError(stream)


def service(path: Path) -> tuple[PrepaidService, Quotas, Reactor, Doer]:
    border = Border(toy_rig().border.plan, {"toy": ToyDialect()}, Mint(SECRET))
    clock, doer = Reactor(), Doer(engine=Engine())
    made = PrepaidService(clock, SqliteStore(str(path), time), border, cast(Any, doer), 0.5)
    return made, border.registry.gate.quota, clock, doer


def stop(made: PrepaidService) -> None:
    stopped, until = made.stopService(), monotonic() + 10.0
    while not stopped.called and monotonic() < until:
        sleep(0.01)
    assert stopped.called


def test_what_is_left_is_there_at_the_next_start(tmp_path: Path) -> None:
    made, quotas, clock, doer = service(tmp_path / "p")
    made.startService()
    assert doer.charger is made.charger
    quotas.grant(ALICE, 1000, 60.0, False, clock.seconds())
    quotas.grant(("access", b"bob"), 5, None, False, clock.seconds())
    quotas.spend(ALICE, 400, 6.5, clock.seconds())
    clock.advance(0.5)
    assert not quotas.news
    quotas.revoke(("access", b"bob"))
    stop(made)

    again, found, _, _ = service(tmp_path / "p")
    again.startService()
    (account,) = found.accounts.values()
    assert (account.left_octets, account.left_seconds, account.used_octets) == (600, 53.5, 400)
    stop(again)


WHOLE = b'{"realm": "access", "who": "eve", "octets": OCTETS, "charged_at": 1.0}'


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"[]",
        b"{}",
        WHOLE.replace(b"OCTETS", b"-5"),
        WHOLE.replace(b"OCTETS", b'"many"'),
        WHOLE.replace(b"1.0", b"null"),
        WHOLE.replace(b"OCTETS", b"5").replace(b"1.0", b"NaN"),
        WHOLE.replace(b"OCTETS", b'5, "used_seconds": NaN'),
        WHOLE.replace(b"OCTETS", b'5, "seconds": Infinity'),
    ],
)
def test_an_account_that_cannot_be_read_costs_nobody_else_his(tmp_path: Path, value: bytes) -> None:
    from sbc.ledger.writer import Entry

    store = SqliteStore(str(tmp_path / "p"), time)
    store.open()
    good = kept(Account(*ALICE, octets=7), 0.0)
    store.write([Entry(("account", name_of(ALICE)), good, False), Entry(("account", "access eve"), value, False)])
    store.close()
    made, quotas, _, doer = service(tmp_path / "p")
    made.startService()
    assert list(quotas.accounts) == [ALICE] and doer.counted["store-unfit"] == 1
    stop(made)


def test_a_fault_in_a_look_costs_that_look_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, _, clock, doer = service(tmp_path / "p")
    made.startService()
    monkeypatch.setattr(made.charger, "look", lambda: 1 / 0)
    clock.advance(0.5)
    clock.advance(0.5)
    assert doer.counted["internal-error"] == 2
    stop(made)


def test_as_it_was_written() -> None:
    account = Account("access", "älice x".encode(), 5, None, 3, 1.5, 100.0, True)
    read = account_of(kept(account, 1000.0), 1000.0)
    assert attrs.asdict(read) == attrs.asdict(account)


def test_a_clock_that_is_set_before_the_machine_fails_is_charged_to_nobody(tmp_path: Path) -> None:
    """What has passed until the next boot is reckoned by the last sign of life: one from before the clock was set by
    two hours would have it two hours more."""
    wall = [1_800_000_000.0]

    def begun(boot: str) -> tuple[PrepaidService, Quotas, Reactor]:
        border = Border(toy_rig().border.plan, {"toy": ToyDialect()}, Mint(SECRET))
        clock, store = Reactor(), SqliteStore(str(tmp_path / "p"), time)
        machine = Machine(clock.seconds, lambda: wall[0] + clock.seconds(), boot, lambda: True)
        made = PrepaidService(clock, store, border, cast(Any, Doer(engine=Engine())), 0.5, machine=machine)
        made.startService()
        return made, border.registry.gate.quota, clock

    made, quotas, clock = begun("first")
    clock.advance(100.0)
    quotas.grant(ALICE, None, 3600.0, False, clock.seconds())
    clock.advance(0.5)
    wall[0] += 7200.0
    made.sign_life()
    stop(made)
    wall[0] += clock.seconds() + 30.0
    again, found, later = begun("second")
    (account,) = found.accounts.values()
    assert later.seconds() - account.charged_at == pytest.approx(30.5)
    stop(again)
