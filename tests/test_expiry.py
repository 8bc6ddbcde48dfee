"""Certificates that expire are spoken of in time, and not before."""

from __future__ import annotations

from pathlib import Path
from time import time
from typing import Any

from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs

from sbc.core.wires import KeyPair, Tls
from sbc.expiry import PERIOD, ExpiryService, days_left
from sbc.tls import Security, read_tls
from tests.certificates import Authority
from tests.test_tls import realm


def kept(folder: Path) -> dict[str, Security]:
    """Three certificates: of long life, of a short one, and of one that is over."""
    authority = Authority(folder)
    first, *others = (
        KeyPair(*map(str, authority.sign(name, f"{name}.example", days=days)))
        for name, days in (("long", 90), ("short", 12), ("over", -3))
    )
    tls = Tls(first.certificate, first.key, certificates=tuple(others))
    return read_tls({"access": realm(tls)})


def test_how_long_each_is_valid(tmp_path: Path) -> None:
    found = [(realm, name, round(days)) for realm, name, days in days_left(kept(tmp_path), time())]
    assert found == [("access", "long.example", 90), ("access", "short.example", 12), ("access", "over.example", -3)]


def test_what_expires_is_said_each_day(tmp_path: Path) -> None:
    clock = Clock()
    security = kept(tmp_path)
    service = ExpiryService(lambda: security, time)
    service.clock = clock
    with capturedLogs() as events:
        service.startService()
        clock.advance(PERIOD)
        service.stopService()
    said: list[Any] = [(each["log_level"], each["name"]) for each in events]
    assert said == [(LogLevel.warn, "short.example"), (LogLevel.error, "over.example")] * 2
