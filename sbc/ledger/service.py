"""The ledger as a service: opens the record files before the first call, and ends when the last record is on file."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping
from time import monotonic, time
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from sbc.config.faults import Findings
from sbc.config.values import AccountingConfig, CdrConfig, Config
from sbc.ledger.accounting import Accounting
from sbc.ledger.jsonlines import JsonLines
from sbc.ledger.meter import Meter
from sbc.ledger.radius.secret import read_secret
from sbc.ledger.record import cut_short
from sbc.ledger.sqlite import SqliteRecords
from sbc.ledger.teller import teller
from sbc.ledger.volume import Plain
from sbc.ledger.writer import Writer

LOOK = 1.0
"""Seconds between two looks at which live calls' records are due."""

GATHER = 0.05
"""Seconds that news of calls waits for company, and is made a record only then: each batch wakes a thread, takes the
interpreter from the calls and waits for the disk. Calls that are to outlive the process (sbc.store) wait less."""

REST = 0.005
"""Seconds until the rest of much news has its turn, in which calls are seen to."""

PATIENCE = 10.0
"""Seconds an orderly stop waits for a disk that fails."""


def look_at_files(cdr: CdrConfig | None, accounting: AccountingConfig | None = None, source: str = "") -> None:
    """See whether the record files could be there, and a secret be read. @raises ConfigError with all faults."""
    files: dict[str, str | None] = {}
    if cdr is not None:
        files |= {"cdr.json": cdr.json, "cdr.sqlite": cdr.sqlite}
    if accounting is not None:
        csv = accounting.csv
        files |= {"accounting.book": accounting.book, "accounting.csv.file": None if csv is None else csv.file}
    look_at(files, source)
    if accounting is not None and accounting.radius is not None:
        read_secret(accounting.radius.secret_file, source)


def look_at(files: Mapping[str, str | None], source: str = "") -> None:
    """See whether files could be there, without making any: whoever starts twistd need not be who it runs as.

    They are given by their keys; `source` is the configuration's own file. @raises ConfigError with all faults.
    """
    findings = Findings(source)
    for key, path in files.items():
        if path is None:
            continue
        directory = os.path.dirname(path)
        if not os.path.isdir(directory):
            findings.add(key, path, f"there is no directory {directory}", "a file in a directory that is there")
        elif os.path.exists(path) and not os.path.isfile(path):
            findings.add(key, path, "is no file", "a file that can be made or added to")
    findings.settle()


class LedgerService(Service):
    """Call detail records as `config` wants them, and accounts as `accounting` does. `meter` is to hear the core's
    orders.

    With a `store` the records of calls that it keeps are `left` open, by the call's id, at the start and at the stop.
    `over` are calls that it keeps though the files know their end.

    `counted` gets the counters ``cdr-written``, ``cdr-waiting``, ``cdr-skipped``, ``cdr-lost``, ``cdr-failures``, each
    summed over the files, and ``cdr-incomplete`` for what a crash had left. `engine` gives the media engine,
    `alive` tells whether the core still has a call.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        config: CdrConfig | None,
        counted: Counter[str],
        engine: Callable[[], Any],
        alive: Callable[[str], bool],
        accounting: AccountingConfig | None = None,
        source: str = "",
    ) -> None:
        """`source` is the configuration's file. @raises ConfigError where a secret cannot be read."""
        self.setName("ledger")
        self._reactor = reactor
        self._counted = counted
        self._sinks: list[Any] = []
        self.store: Any = None  # what keeps calls beyond this process, where that is wanted: sbc.store.service
        self.left: dict[str, Plain] = {}
        self.over: set[str] = set()
        files = config or CdrConfig(interim=0.0)
        if files.json is not None:
            self._sinks.append(JsonLines(files.json, files.sync, time, files.rotate_size, files.rotate_daily))
        if files.sqlite is not None:
            self._sinks.append(SqliteRecords(files.sqlite, files.sync))
        self._interim = files.interim
        self.accounting: Accounting | None = None
        if accounting is not None:
            self.accounting = Accounting(reactor, accounting, files.sync, counted, source)
            self._sinks.append(self.accounting.book)
        self.writers = [
            Writer(sink, files.pending, teller(reactor, sink.name, "call detail records"), 0.0) for sink in self._sinks
        ]
        boot = f"{int(time()):x}{os.urandom(4).hex()}"
        self._due: Any = None
        self.meter = Meter(
            self.writers,
            time,
            monotonic,
            boot,
            self._period(accounting),
            lambda stream: engine().recorded(stream),
            alive,
            self._soon,
        )
        self._looking = LoopingCall(self.look)
        self._looking.clock = reactor

    def change(self, config: Config) -> None:
        """Another configuration counts, all of it but what waits for the next start."""
        if self.accounting is not None:
            self.accounting.change(config)
            self.meter.interim = self._period(config.accounting)

    def _period(self, accounting: AccountingConfig | None) -> float:
        """After how many seconds without news a live call's record is handed on."""
        periods = (self._interim, 0.0 if accounting is None else accounting.interim)
        return min(filter(None, periods), default=0.0)

    def startService(self) -> None:
        """@raises OSError where a file cannot be used, by which twistd ends: no call is to go unrecorded unnoticed."""
        super().startService()
        keep = frozenset() if self.store is None else self.store.calls()
        for sink in self._sinks:
            left = sink.open(keep)
            self.over |= sink.over
            self._counted["cdr-incomplete"] += left
            if left:
                self._log.warn("{left} calls in {file} were cut short by a crash", left=left, file=sink.name)
            else:
                self._log.info("records of calls go to {file}", file=sink.name)
        for writer in self.writers:
            writer.start()
        self._agree()
        if self.accounting is not None:
            self.accounting.start()
        self._looking.start(LOOK, now=False)

    def stopService(self) -> Deferred[Any]:
        """Fires when all is written, or the disk would not have it for `PATIENCE` seconds."""
        super().stopService()
        if self._looking.running:
            self._looking.stop()
        if self.store is None:
            self.meter.stop()
        else:
            self.meter.suspend()
        if self._due is not None and self._due.active():
            self._due.cancel()
        written: Deferred[Any] = DeferredList([self._stop(writer) for writer in self.writers])
        if self.accounting is not None:  # the last turns are told, if anybody listens
            written.addCallback(self.accounting.stop)
        return written

    def _agree(self) -> None:
        """What one file knows to be over is over in all: the crash came between them. The rest is left for its call."""
        for sink, writer in zip(self._sinks, self.writers, strict=True):
            for call, record in sink.kept.items():
                if call in self.over:
                    writer.put(record["record"], cut_short(record), True)
                else:
                    self.left[call] = record

    def drop(self, call: str, cause: str) -> None:
        """A call that a record was left open for does not go on, for that cause."""
        record = self.left.pop(call, None)
        if record is not None:
            self.meter.drop(record, call, cause)

    def _soon(self) -> None:
        self._due = self._reactor.callLater(REST if self.meter.waiting > 1 else GATHER, self.meter.hand_on)

    def look(self) -> None:
        """Hand on what is due, and bring the counters up to date."""
        self.meter.look()
        self._count()

    def _count(self) -> None:
        for what in ("written", "waiting", "skipped", "lost", "failures"):
            self._counted[f"cdr-{what}"] = sum(getattr(writer, what) for writer in self.writers)
        self._counted["cdr-waiting"] += self.meter.waiting * len(self.writers)
        if self.accounting is not None:
            self.accounting.count()

    def _stop(self, writer: Writer) -> Deferred[None]:
        stopped: Deferred[None] = Deferred()

        def done(_lost: int) -> None:
            self._count()
            stopped.callback(None)

        writer.stop(PATIENCE, lambda lost: self._reactor.callFromThread(done, lost))
        return stopped
