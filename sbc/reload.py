"""A reload: everything a new configuration needs is tried before anything of the old one is touched."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.error import CannotListenError

from sbc.config.diff import Change, Effect, compare, in_force
from sbc.config.faults import ConfigError
from sbc.config.values import Config
from sbc.core.border import Border
from sbc.core.orders import DATAGRAMS, Listener
from sbc.core.realm import Plan, Realm
from sbc.core.vpn import VpnLabel
from sbc.ledger.service import look_at_files
from sbc.media.way import way_fault
from sbc.runner import Runner
from sbc.tls import Security, read_tls

Dialects = Callable[[Plan], Mapping[str, Any]]
"""What makes the dialects that a plan needs."""


class NotReloaded(Exception):
    """A configuration cannot be used as things are; nothing has changed. `faults` are all that were found."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__(faults)
        self.faults = faults


class Reloader:
    """Puts configurations into force in one running SBC.

    `takers` are called, in order, with what is in force from then on: whoever keeps values of the configuration that
    the plan does not hold. They cannot refuse.
    """

    def __init__(self, reactor: Any, border: Border, runner: Runner, dialects: Dialects) -> None:
        self._reactor = reactor
        self._border = border
        self._runner = runner
        self._dialects = dialects
        self.takers: list[Callable[[Config], None]] = []

    def apply(self, old: Config, new: Config) -> tuple[Config, list[str]]:
        """Let `new` count in place of `old`, all of it but what waits for the next start. Returns what is in force, and
        what changed, one thing a line. @raises NotReloaded, having changed nothing."""
        changes = compare(old, new)
        runs = in_force(old, new)
        security = self._try_files(new, changes)
        self._open(runs.plan, self._fresh(runs.plan))
        renewed = self._renewed(security)
        self._runner.connections.replan({**self._border.plan.realms, **runs.plan.realms}, security)
        self._border.dialects = self._dialects(runs.plan)
        self._runner.carry_out(self._border.replan(runs.plan, self._reactor.seconds(), runs.drain.retry_after))
        self._runner.mark(runs.plan)
        self._runner.engine.report_silence(runs.plan.timers.silence)
        self._runner.limit_realms(runs.plan)
        for take in self.takers:
            take(runs)
        return runs, [*map(_told, changes), *renewed]

    def _try_files(self, new: Config, changes: list[Change]) -> dict[str, Security]:
        """What the files hold that `new` names. @raises NotReloaded with all that speaks against it but sockets."""
        faults = [f"{change}: cannot change while it runs" for change in changes if change.effect is Effect.REFUSED]
        security: dict[str, Security] = {}
        try:
            security = read_tls(new.plan.realms, new.source)
        except ConfigError as error:
            faults += map(str, error.faults)
        try:
            cdr = new.cdr if any(change.spot[0] == "cdr" for change in changes) else None
            look_at_files(cdr, new.accounting, new.source)
        except ConfigError as error:
            faults += map(str, error.faults)
        faults += self._media_faults(new.plan)
        if faults:
            raise NotReloaded(faults)
        return security

    def _media_faults(self, plan: Plan) -> list[str]:
        """New addresses for media that are not this host's, new networks and marks that cannot be had."""
        known = {_way(realm) for realm in self._border.plan.realms.values()}
        fresh = [realm for realm in plan.realms.values() if _way(realm) not in known]
        return [fault for realm in fresh if (fault := way_fault(realm, at_address=True))]

    def _fresh(self, plan: Plan) -> list[Listener]:
        """The listeners that are not open yet. @raises NotReloaded where an open one of another kind is in the way."""
        there = self._runner.listeners()
        fresh = [own for realm in plan.realms.values() for own in realm.listeners if own not in there]
        faults = []
        for own in fresh:
            other = next((each for each in there if _is_in_the_way(each, own)), None)
            if other is not None:
                faults.append(f"{own}: its address is that of {other}, until what lives there is over")
        if faults:
            raise NotReloaded(faults)
        return fresh

    def _open(self, plan: Plan, fresh: list[Listener]) -> None:
        """Open all of `fresh`, or none. @raises NotReloaded."""
        faults = []
        for own in fresh:
            try:
                self._runner.listen(own, plan.realms[own.realm])
            except CannotListenError as error:
                faults.append(f"{own}: {error.socketError}")
        if faults:
            for own in fresh:
                self._runner.unlisten(own)
            raise NotReloaded(faults)

    def _renewed(self, security: Mapping[str, Security]) -> list[str]:
        """The realms whose certificate is another one than before."""
        lines = []
        for name, each in security.items():
            before = self._runner.connections.security.get(name)
            known = [] if before is None else [identity.chain[0] for identity in before.identities]
            for identity in each.identities if known else ():
                if identity.chain[0] not in known:
                    until = f"{identity.until:%Y-%m-%d %H:%M} UTC"
                    lines.append(f"realms.{name}.tls: another certificate, good until {until}")
        return lines


def _way(realm: Realm) -> tuple[str, VpnLabel, frozenset[int]]:
    return realm.media.address, realm.network, realm.marks.priorities


def _is_in_the_way(one: Listener, other: Listener) -> bool:
    alike = (one.transport == DATAGRAMS) == (other.transport == DATAGRAMS)
    return alike and one.address == other.address and one.vpn.meets(other.vpn)


def _told(change: Change) -> str:
    if change.effect is Effect.RESTART:
        return f"needs a restart: {change}"
    return f"{change}"
