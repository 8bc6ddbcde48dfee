"""The service: wires configuration, border, runner, engine and console together. The only place that does."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from os import urandom
from time import monotonic, thread_time, time
from typing import TYPE_CHECKING, Any

from twisted.application.internet import TimerService
from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.logger import Logger

from sbc.admin.log import TWISTD_LOG
from sbc.bans.choose import take_sink
from sbc.bans.doors import doors_of
from sbc.config.values import Config, DnsConfig, EngineName, MediaConfig, MetricsConfig, PrepaidConfig, StoreConfig
from sbc.core.border import Border
from sbc.core.hops import Target
from sbc.core.memory import Memory
from sbc.core.mint import Mint
from sbc.core.realm import Path, Plan
from sbc.core.remembered import Sizes
from sbc.daytime import DaytimeService
from sbc.expiry import ExpiryService
from sbc.garbage import GarbageService
from sbc.guarding import GuardService
from sbc.keying import Keying
from sbc.ledger.service import LedgerService
from sbc.locate import Locator
from sbc.media.certificate import take_certificate
from sbc.media.choose import take_engine
from sbc.media.secured import SecuredEngine
from sbc.media.totals import Totals
from sbc.media.way import shared_fault, way_fault
from sbc.notify import ManagerService, Notifier
from sbc.operations import Operations
from sbc.reload import Reloader
from sbc.runner import Runner
from sbc.signals import SignalService
from sbc.spoken import Spoken, dialects
from sbc.steady import steady
from sbc.tls import read_tls

if TYPE_CHECKING:
    from sbc.prepaid import PrepaidService
    from sbc.store.service import StoreService

_SECRET_OCTETS = 32
_AUDIT = 0.01  # the part of the processor that looks over the books may take: of very many calls they are fewer
_PACE, _ROUND = 0.1, 10.0  # seconds between looks at open streams' counters, and until all have been looked at


class BorderService(Service):
    """Opens the listeners at start, closes everything at stop, and looks over the books in between."""

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        plan: Plan,
        source: str = "",
        dns: DnsConfig = DnsConfig(),  # noqa: B008
        media: MediaConfig = MediaConfig(EngineName.TWISTED),  # noqa: B008
    ) -> None:
        """`source`: the configuration file. @raises sbc.config.faults.ConfigError where a certificate's files fail;
        sbc.media.choose.CannotRun where the media engine that is asked for cannot run."""
        self.setName("border")
        self.border = Border(plan, dialects(plan), Mint(urandom(_SECRET_OCTETS)))
        datagrams, framers = Spoken(lambda each: each.datagrams), Spoken(lambda each: each.framer)
        frames = Spoken(lambda each: each.frames)
        self.runner = Runner(reactor, self.border, datagrams, framers, read_tls(plan.realms, source), frames)
        keying = Keying(reactor, self.border, self.runner)
        secured = SecuredEngine(reactor, take_certificate(media.dtls, source), self.runner, keying)
        self.runner.choice, engine = take_engine(media, reactor, secured, plan.timers.silence)
        secured.stand_before(engine)
        self.runner.engine, self.runner.handshakes = secured, secured.counted
        networks = self.border.registry.networks
        networks.suites, networks.fingerprints = frozenset(secured.suites()), secured.fingerprints
        self.locator = Locator(reactor, plan, Spoken(lambda each: each.services), self._located, dns)
        self.bans: Any = None  # while it runs, what drops packets of banned sources
        self._checks = cycle(self.runner.checks())
        self.resume: Callable[[], None] | None = None  # takes up what an earlier process has left
        self._reactor = reactor
        self._looked_at = self._rests_until = reactor.seconds()

    def startService(self) -> None:
        """@raises CannotListenError, OSError, by which twistd ends: an SBC that lacks a listener is none, nor is one
        whose media has no way to go."""
        super().startService()
        choice = self.runner.choice
        self._log.info("media engine {engine}: {why}", engine=choice.engine.value, why=choice.why)
        realms = self.border.plan.realms.values()
        faults = [fault for realm in realms for look in (way_fault, shared_fault) if (fault := look(realm))]
        if faults:
            raise OSError("; ".join(faults))
        self.runner.limit_realms(self.border.plan)
        self.bans = self.border.registry.gate.flood.sink = take_sink(self.runner.engine, self._reactor)
        self.keep_doors()
        for realm in self.border.plan.realms.values():
            for listener in realm.listeners:
                self.runner.listen(listener)
        if self.resume is not None:
            self.resume()
        self.runner.carry_out(self.border.start(self._reactor.seconds()))
        self.locator.start()

    def _located(self, path: Path, targets: list[Target]) -> None:
        self.runner.carry_out(self.border.resolved(path, targets, self._reactor.seconds()))

    def stopService(self) -> Deferred[Any]:
        super().stopService()
        self.locator.stop()
        if self.bans is not None:
            self.bans.stop()
        return self.runner.stop()

    def keep_doors(self) -> None:
        """Keep banned sources from where the plan, as it is now, signals."""
        if self.bans is not None:
            self.bans.guard(doors_of(self.border.plan))

    def look_over_books(self) -> None:
        """Run the next of the auditor's checks, unless the last has cost too much to do so now; say what it found."""
        self._looked_at = now = self._reactor.seconds()
        if now < self._rests_until:
            return
        began = thread_time()
        try:
            faults = next(self._checks)()
        except Exception:  # noqa: BLE001 - books in which the auditor is lost are no reason to end all calls
            self.runner.counted["audit-faults"] += 1
            self._log.failure("a fault in looking over the books")
            return
        finally:
            self._rests_until = now + (thread_time() - began) / _AUDIT
        if faults:
            self.runner.counted["audit-faults"] += len(faults)
            self._log.error(
                "the books do not balance: {fault}; {count} faults in all", fault=faults[0], count=len(faults)
            )

    def pace(self, config: Config) -> float:
        """Seconds between two looks."""
        return config.plan.timers.audit / len(self.runner.checks())

    def looks_over_books(self, config: Config) -> bool:
        """Whether that is done as often as it should be."""
        return bool(self._reactor.seconds() - self._looked_at <= max(10.0, 3 * self.pace(config)))


class Sbc(MultiService):
    """All services of one SBC, and what an operator does to it."""

    _log = Logger()
    operations: Operations

    def startService(self) -> None:
        """@raises OSError, CannotListenError where something that is needed cannot be had; the log says what."""
        try:
            super().startService()
        except (OSError, CannotListenError) as error:
            self._log.critical("the SBC cannot start: {error}", error=error)  # above the traceback that twistd shows
            raise


def make_service(config: Config, alone: bool = False) -> Sbc:
    """The whole SBC of a configuration, as a service for twistd or any other Twisted application.

    `alone`: the process has nothing else to do, so its reactor goes by a clock that nobody sets, signals are for it,
    and a service manager is told how it is. Another application's reactor is not touched: see sbc.steady.
    @raises sbc.config.faults.ConfigError where one of the files for console or TLS cannot be used.
    """
    from twisted.internet import reactor as installed

    reactor, whole = steady(installed, alone), Sbc()
    border = BorderService(reactor, config.plan, config.source, config.dns, config.media)
    ledger: LedgerService | None = None
    if config.cdr is not None or config.accounting is not None:
        runner, has_call = border.runner, border.border.registry.has_call
        ledger = LedgerService(
            reactor, config.cdr, runner.counted, lambda: runner.engine, has_call, config.accounting, config.source
        )
        runner.meter, ledger.meter.tell = ledger.meter, runner.noted
    if config.trace.enabled:
        trace = config.trace
        border.runner.memory = Memory(Sizes(trace.messages, trace.octets, trace.total, trace.refusals))
    daytime = DaytimeService(reactor, time, border.border.registry.gate.rules, border.runner.counted)
    guard = GuardService(reactor, border.border, border.runner)
    if config.store is not None:
        store = _add_store(whole, reactor, config.store, border, ledger, config.source)
        guard.keep = store.keep_ban
        daytime.stepped.append(store.sign_life)
    if ledger is not None:
        ledger.setServiceParent(whole)  # before the border: it is there before the first call and goes after the last
    if config.prepaid is not None:
        daytime.stepped.append(_add_prepaid(whole, reactor, config.prepaid, border).sign_life)
    border.setServiceParent(whole)
    guard.setServiceParent(whole)
    daytime.setServiceParent(whole)
    GarbageService(reactor).setServiceParent(whole)
    expiry = ExpiryService(lambda: border.runner.connections.security, time)
    expiry.clock = reactor
    expiry.setServiceParent(whole)
    reloader = Reloader(reactor, border.border, border.runner, dialects)
    whole.operations = Operations(reactor, config, border.border, border.runner, reloader)
    whole.operations.keeps = config.store is not None
    if ledger is not None:
        reloader.takers.append(ledger.change)
    looks = _timed(reactor, border.pace(config), border.look_over_books)
    looks.setServiceParent(whole)
    reloader.takers.append(lambda runs: _repace(looks, border.pace(runs)))
    reloader.takers.append(lambda runs: border.locator.replan(runs.plan))
    reloader.takers.append(lambda runs: border.keep_doors())
    reloader.takers.append(lambda runs: expiry.look())
    reloader.takers.append(lambda runs: TWISTD_LOG.set_level(runs.log.level))
    if config.metrics is not None:
        _add_metrics(whole, reactor, config.metrics, border)
    if config.console is not None or config.control is not None:
        _add_console(whole, reactor, config, border)
    if alone:
        _add_hearing(whole, reactor, border)
    return whole


def _add_store(
    whole: MultiService,
    reactor: Any,
    config: StoreConfig,
    border: BorderService,
    ledger: LedgerService | None,
    source: str,
) -> StoreService:
    """What lets calls outlive the process: first of all, since the ledger asks it which calls go on. @raises
    ConfigError where its key cannot be had."""
    from sbc.store.sealed import SealedStore, take_key
    from sbc.store.service import StoreService
    from sbc.store.sqlite import SqliteStore

    kept: Any = SqliteStore(config.sqlite, time)
    if config.key_file:
        kept = SealedStore(kept, take_key(config.key_file, source))
    sealed = bool(config.key_file)
    store = StoreService(reactor, kept, border.border, border.runner, ledger, config.silence, sealed)
    store.setServiceParent(whole)
    border.resume = store.resume
    border.runner.keeps = True
    if ledger is not None:
        ledger.store = store
    return store


def _add_prepaid(whole: MultiService, reactor: Any, config: PrepaidConfig, border: BorderService) -> PrepaidService:
    """The accounts of terminals that pay in advance: before the border, which lets calls in by them."""
    from sbc.prepaid import PrepaidService
    from sbc.store.sqlite import SqliteStore

    kept = SqliteStore(config.file, time, sure=True)  # what was granted was paid for
    made = PrepaidService(reactor, kept, border.border, border.runner, config.pace, monotonic)
    made.setServiceParent(whole)
    return made


def _timed(reactor: Any, pace: float, look: Callable[[], object]) -> TimerService:
    """What looks every `pace` seconds of the reactor that it is given."""
    made = TimerService(pace, look)
    made.clock = reactor
    return made


def _repace(looks: TimerService, pace: float) -> None:
    """Look over the books at another pace."""
    if looks.running and looks.step != pace:
        looks.stopService()
        looks.step = pace
        looks.startService()


def _add_hearing(whole: Sbc, reactor: Any, border: BorderService) -> None:
    """What a process hears and says that is an SBC and nothing else: signals, and the service manager."""
    operations = whole.operations

    def healthy() -> bool:
        return border.looks_over_books(operations.config)

    manager = ManagerService(reactor, Notifier(), lambda: operations.state, lambda: operations.waited, healthy)
    operations.watchers.append(manager.became)
    manager.setServiceParent(whole)
    SignalService(reactor, operations).setServiceParent(whole)


def _add_metrics(whole: Sbc, reactor: Any, config: MetricsConfig, border: BorderService) -> None:
    """What Prometheus asks for, and what must be looked at in between for it."""
    from sbc.admin.exporter import MetricsService  # HTTP takes its time to import
    from sbc.admin.lag import Lag
    from sbc.admin.metrics import Sources

    runner, lag, totals = border.runner, Lag(reactor), Totals()
    runner.totals = totals
    lag.setServiceParent(whole)

    def look() -> None:
        totals.look(runner.engine.counters, 1 + int(len(totals) * _PACE / _ROUND))

    _timed(reactor, _PACE, look).setServiceParent(whole)
    sources = Sources(border.border, runner, totals, lag, reactor.seconds, lambda: whole.operations.state)
    MetricsService(reactor, config, sources).setServiceParent(whole)


def _add_console(whole: Sbc, reactor: Any, config: Config, border: BorderService) -> None:
    """The console, by SSH, control socket or both."""
    from sbc.admin.auditlog import AuditLog, audit_file
    from sbc.admin.clerk import Clerk
    from sbc.admin.console import Console

    console = Console(border.border, border.runner, config, reactor.seconds, whole.operations)
    audit = AuditLog(audit_file(None if config.audit is None else config.audit.file, config.source))
    clerk = Clerk(console, audit)
    if config.control is not None:
        from sbc.admin.control import ControlService

        ControlService(reactor, config.control, clerk).setServiceParent(whole)
    if config.console is not None:
        from sbc.admin.manhole import ConsoleService  # SSH takes its time to import, and most have no use for it

        ssh = ConsoleService(reactor, config.console, console.namespace(), config.source, audit, clerk)
        ssh.setServiceParent(whole)
