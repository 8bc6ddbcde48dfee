"""Accounts of terminals as they are configured: the book, who is told by it, and what a reload changes of that."""

from __future__ import annotations

from collections import Counter
from time import time
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from sbc.config.values import AccountingConfig, CdrSync, Config
from sbc.ledger.book import AccountBook
from sbc.ledger.csvfile import CsvFile
from sbc.ledger.radius.secret import read_secret


class Accounting:
    """The book of `config` and its accountants. `counted` gets ``accounting-lost`` and ``accounting-dropped`` (requests
    that found no room in the spool; interim ones are dropped first), and what the RADIUS client counts."""

    _log = Logger()

    def __init__(
        self, reactor: Any, config: AccountingConfig, sync: CdrSync, counted: Counter[str], source: str = ""
    ) -> None:
        """`source` is the configuration's file. @raises ConfigError where the secret cannot be read."""
        self._counted = counted
        self._csv: CsvFile | None = None
        self._queue: Any = None
        self._radius: Any = None
        accountants: list[Any] = []
        if config.csv is not None:
            csv = config.csv
            rotate = csv.rotate_size, csv.rotate_daily
            self._csv = CsvFile(csv.file, csv.events, time, *rotate, synced=sync is not CdrSync.NEVER)
            accountants.append(self._csv)
        if config.radius is not None:
            from sbc.ledger.radius.queue import RadiusQueue  # its library comes with an extra
            from sbc.ledger.radius.service import RadiusService, terms_of

            secret = read_secret(config.radius.secret_file, source)
            self._radius = RadiusService(reactor, config.book, terms_of(config.radius, secret), counted)
            self._queue = RadiusQueue(config.radius.spool, lambda: reactor.callFromThread(self._radius.news))
            accountants.append(self._queue)
        self.book = AccountBook(config.book, accountants, config.interim, config.attempts, sync)

    def start(self) -> None:
        """The book is open: begin to tell."""
        if self._radius is not None:
            self._radius.startService()

    def stop(self, _: object = None) -> Deferred[Any]:
        """All that is to be told is in the book. Fires when nothing more is told."""
        self.count()
        return succeed(None) if self._radius is None else self._radius.stopService()

    def change(self, config: Config) -> None:
        """Another configuration counts, all of it but what waits for the next start."""
        accounting = config.accounting
        if accounting is None:
            return
        self.book.interim, self.book.attempts = accounting.interim, accounting.attempts
        if self._csv is not None and accounting.csv is not None:
            self._csv.events = frozenset(accounting.csv.events)
        if self._radius is not None and accounting.radius is not None:
            from sbc.ledger.radius.service import terms_of

            secret = read_secret(accounting.radius.secret_file, config.source)
            self._radius.change(terms_of(accounting.radius, secret))

    def count(self) -> None:
        """Bring the counters up to date, and say what is lost."""
        if self._queue is None:
            return
        lost = self._queue.lost - self._counted["accounting-lost"]
        if lost:
            self._log.critical("{count} RADIUS requests found no room and are lost", count=lost)
        self._counted["accounting-lost"], self._counted["accounting-dropped"] = self._queue.lost, self._queue.dropped
