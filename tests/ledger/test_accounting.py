"""Accounts as they are configured: what is told to whom, and what a reload changes."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import attrs
import pytest

from sbc.config.faults import ConfigError
from sbc.config.load import load_file
from sbc.config.values import AccountingConfig, AccountsCsvConfig, CdrSync, Config, Event, RadiusConfig
from sbc.ledger.accounting import Accounting
from sbc.ledger.service import LedgerService, look_at_files
from tests.ledger.facts import answered, begun, carried, ended, over, stream
from tests.ledger.radius.answers import FIRST, SECOND
from tests.ledger.test_service import Engine, Threads, stop

EXAMPLE = Path(__file__).parent.parent.parent / "etc" / "sbc.toml"


@pytest.fixture
def config(tmp_path: Path) -> AccountingConfig:
    secret = tmp_path / "radius.secret"
    secret.write_text("long enough\n")
    os.chmod(secret, 0o600)
    return AccountingConfig(
        book=str(tmp_path / "book.sqlite"),
        csv=AccountsCsvConfig(str(tmp_path / "usage.csv")),
        radius=RadiusConfig((FIRST,), str(secret)),
    )


def whole(accounting: AccountingConfig) -> Config:
    return attrs.evolve(load_file(str(EXAMPLE)), accounting=accounting)


def rows(path: Path) -> list[str]:
    return [line.split(",")[0] for line in (path / "usage.csv").read_text().splitlines()]


def test_the_ledger_tells_of_accounts_without_any_record_file(tmp_path: Path, config: AccountingConfig) -> None:
    reactor, counted = Threads(), Counter[str]()
    config = attrs.evolve(config, radius=None)
    service = LedgerService(reactor, None, counted, Engine, lambda _: True, config)
    service.startService()
    service.meter.record(begun())
    service.meter.record(answered())
    service.meter.opened(stream())
    service.meter.closed("c1/1", carried())
    service.meter.record(over())
    stop(service)
    assert rows(tmp_path) == ["event", "stop"] and counted["cdr-written"] == 1


def test_a_reload_changes_what_it_may(tmp_path: Path, config: AccountingConfig) -> None:
    made = Accounting(Threads(), config, CdrSync.END, Counter())
    made.book.open()
    made.book.write([ended("c1", 9, 1)])
    assert config.csv is not None and config.radius is not None
    csv = attrs.evolve(config.csv, events=(Event.START, Event.STOP))
    radius = attrs.evolve(config.radius, servers=(SECOND,))
    made.change(whole(attrs.evolve(config, interim=7.0, attempts=True, csv=csv, radius=radius)))
    made.book.write([ended("c2", 9, 1)])
    assert rows(tmp_path) == ["event", "stop", "start", "stop"]
    assert (made.book.interim, made.book.attempts) == (7.0, True)
    assert made._radius._sender._terms.servers == (SECOND,)
    made.change(attrs.evolve(whole(config), accounting=None))  # which waits for the next start
    made.book.close()


def test_what_the_spool_has_no_room_for_is_counted_and_said(config: AccountingConfig) -> None:
    counted = Counter[str]()
    assert config.radius is not None
    made = Accounting(
        Threads(), attrs.evolve(config, radius=attrs.evolve(config.radius, spool=3)), CdrSync.END, counted
    )
    made.book.open()
    made.book.write([ended(f"c{number}", 9, 1) for number in range(4)])
    made.count()
    made.count()
    assert (counted["accounting-lost"], counted["accounting-dropped"]) == (5, 0)
    made.book.close()


def test_a_secret_that_others_may_read_keeps_it_from_starting(tmp_path: Path, config: AccountingConfig) -> None:
    os.chmod(tmp_path / "radius.secret", 0o644)
    with pytest.raises(ConfigError, match="mode 0644"):
        look_at_files(None, config)
    with pytest.raises(ConfigError, match="mode 0644"):
        Accounting(Threads(), config, CdrSync.END, Counter())
