"""The gate: the one place where policies are asked, one after the other. The first that does not let pass decides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from zope.interface import implementer

from sbc.core.address import Address
from sbc.core.message import Cause, Intent
from sbc.core.orders import Listener
from sbc.interfaces import IPolicy
from sbc.policy.book import Book
from sbc.policy.events import Message, Outcome, Standing, Verdict
from sbc.policy.explain import explain, explain_bans
from sbc.policy.flood import Flood
from sbc.policy.quota import Quotas
from sbc.policy.rules import Rules

if TYPE_CHECKING:
    from sbc.core.realm import Plan


@implementer(IPolicy)
class Gate:
    """See IPolicy. It only asks: what is allowed, and how much of it, each policy knows by itself."""

    def __init__(self, plan: Plan) -> None:
        self.rules = Rules()
        self.book = Book(plan)
        self.flood = Flood()
        self.quota = Quotas()
        self.replan(plan)

    def prepare(self, plan: Plan) -> None:
        """See IPolicy."""
        self.rules.prepare({name: realm.rules for name, realm in plan.realms.items()}, plan.countries)

    @property
    def outgrown(self) -> bool:
        """See IPolicy."""
        return bool(self.rules.outgrown)

    def let_go(self) -> Iterator[None]:
        """See IPolicy."""
        return self.rules.let_go()

    def replan(self, plan: Plan) -> None:
        """See IPolicy."""
        self.book.replan(plan)
        self.rules.replan({name: realm.rules for name, realm in plan.realms.items()}, plan.countries)
        self.flood.replan({realm.name: realm.flood for realm in plan.realms.values()})
        self.quota.replan({realm.name: realm.prepaid for realm in plan.realms.values()})

    def banned(self, realm: str, source: Address, now: float) -> bool:
        """See IPolicy."""
        return self.flood.banned(realm, source, now)

    def knock(self, listener: Listener, source: Address, size: int, standing: Standing, proven: str, now: float) -> str:
        """See IPolicy."""
        unproven = not size and not proven and listener.secured
        word = self.flood.knock(listener, source, standing, proven, now, unproven)
        return word or self.rules.knock(listener, source, standing, proven, now, size)

    def spent(self, seconds: float, now: float) -> None:
        """See IPolicy."""
        self.flood.spent(seconds, now)

    def worked(self, listener: Listener, source: Address, standing: Standing, seconds: float, now: float) -> None:
        """See IPolicy."""
        self.flood.worked(listener.realm, source, standing, seconds, now)

    def message(self, message: Message, now: float) -> Verdict | None:
        """See IPolicy."""
        verdict = self.flood.scanner(message, now) or self.rules.message(message, now)
        return verdict or self.flood.message(message, now)

    def explain(self, message: Message, now: float) -> list[str]:
        """See IPolicy."""
        scans = self.flood.scans(message)
        return [*explain_bans(self.flood, message, now), *explain(self.rules, message, now, scans)]

    def outcome(
        self,
        outcome: Outcome,
        listener: Listener,
        source: Address,
        intent: Intent | None,
        cause: Cause | None,
        now: float,
    ) -> None:
        """See IPolicy."""
        self.flood.outcome(outcome, listener, source, intent, cause, now)
