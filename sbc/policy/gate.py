"""The gate: the one place where policies are asked, one after the other. The first that does not let pass decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zope.interface import implementer

from sbc.core.address import Address
from sbc.core.message import Cause
from sbc.core.orders import Listener
from sbc.interfaces import IPolicy
from sbc.policy.book import Book
from sbc.policy.events import Message, Outcome, Standing, Verdict
from sbc.policy.rules import Rules

if TYPE_CHECKING:
    from sbc.core.realm import Plan


@implementer(IPolicy)
class Gate:
    """See IPolicy. It only asks: what is allowed, and how much of it, each policy knows by itself."""

    def __init__(self, plan: Plan) -> None:
        self.rules = Rules()
        self.book = Book(plan)
        self.replan(plan)

    def replan(self, plan: Plan) -> None:
        """See IPolicy."""
        self.book.replan(plan)
        self.rules.replan({name: realm.rules for name, realm in plan.realms.items()}, plan.countries)

    def knock(self, listener: Listener, source: Address, size: int, standing: Standing, proven: str, now: float) -> str:
        """See IPolicy."""
        return self.rules.knock(listener, source, standing, proven, now)

    def message(self, message: Message, now: float) -> Verdict | None:
        """See IPolicy."""
        return self.rules.message(message, now)

    def outcome(
        self, outcome: Outcome, listener: Listener, source: Address, method: str, cause: Cause | None, now: float
    ) -> None:
        """See IPolicy."""
