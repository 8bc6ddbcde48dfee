"""Prepaid: what each account may still use, in octets and in seconds, and whether a call may begin on it.

What was used is booked as it was: the last look at a call may find more than there was left. Nothing here knows a call;
whoever looks at them says what they have used since (sbc/prepaid.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import attrs

from sbc.core.message import Cause, Refused
from sbc.core.word import Word

Whose = tuple[str, bytes]
"""An account: its access realm, and what its terminals are known by (sbc.core.admission.holder)."""


class Unknown(Word):
    """Whether terminals without an account may call."""

    ALLOW = "allow"
    REFUSE = "refuse"


@attrs.frozen
class Prepaid:
    """How calls of a realm's terminals are paid for. `incoming`: those to them, too. `warn` is the part of what was
    bought after which it is said that it comes to an end."""

    unknown: Unknown = Unknown.ALLOW
    incoming: bool = True
    warn: float = 0.9


class State(Word):
    """How far an account has come."""

    OPEN = "open"
    LOW = "low"
    SPENT = "spent"


@attrs.define(eq=False)
class Account:
    """What was bought, None where it is not limited so, and what was used of it: octets of whole IP packets, both ways,
    and seconds of answered calls. On the core's clock, `charged_at` is when that was last looked at, and `opened_at`
    when there was none before: calls that were there by then are not paid for."""

    realm: str
    who: bytes
    octets: int | None = None
    seconds: float | None = None
    used_octets: int = 0
    used_seconds: float = 0.0
    charged_at: float = 0.0
    warned: bool = False
    opened_at: float = 0.0

    @property
    def left_octets(self) -> int | None:
        """What may still be used."""
        return None if self.octets is None else max(0, self.octets - self.used_octets)

    @property
    def left_seconds(self) -> float | None:
        """The same, in seconds."""
        return None if self.seconds is None else max(0.0, self.seconds - self.used_seconds)

    @property
    def is_spent(self) -> bool:
        """Whether nothing is left of one of them."""
        return self.left_octets == 0 or self.left_seconds == 0.0

    def is_low(self, part: float) -> bool:
        """Whether that part of one of them is used."""
        of_octets = self.octets is not None and self.used_octets >= part * self.octets
        return of_octets or (self.seconds is not None and self.used_seconds >= part * self.seconds)

    def __str__(self) -> str:
        return f"{self.who.decode(errors='replace')} in {self.realm}"


class Quotas:
    """All accounts. `news` are those that are not as they were: whoever keeps them takes them out. `refused` and `cut`
    count, by realm, calls that were not let in, and calls that were ended."""

    def __init__(self) -> None:
        self.accounts: dict[Whose, Account] = {}
        self.news: dict[Whose, None] = {}
        self.refused: Counter[str] = Counter()
        self.cut: Counter[str] = Counter()
        self._realms: Mapping[str, Prepaid | None] = {}

    def replan(self, realms: Mapping[str, Prepaid | None]) -> None:
        """Let other terms count. Accounts stay."""
        self._realms = realms

    def terms(self, realm: str) -> Prepaid | None:
        """How calls there are paid for; None where they are not."""
        return self._realms.get(realm)

    def charges(self, realm: str, incoming: bool) -> bool:
        """Whether calls there are paid for that are to terminals (`incoming`), or from them."""
        terms = self._realms.get(realm)
        return terms is not None and (terms.incoming or not incoming)

    def ask(self, realm: str, who: bytes, incoming: bool) -> None:
        """A call is to begin. @raises Refused where nothing is left for it, or there is no account and must be one."""
        terms = self._realms.get(realm)
        if terms is None or not self.charges(realm, incoming):
            return
        account = self.accounts.get((realm, who))
        if account is None and terms.unknown is Unknown.REFUSE:
            self.refused[realm] += 1
            raise Refused(Cause.QUOTA, "no account", detail=f"nothing was bought for {who!r} in realm {realm}")
        if account is not None and account.is_spent:
            self.refused[realm] += 1
            raise Refused(Cause.QUOTA, "the account is used up", detail=f"account {account}")

    def spend(self, whose: Whose, octets: int, seconds: float, now: float) -> State:
        """A call has used so much more. LOW is said once; SPENT each time. Where there is no account, nothing is."""
        account = self.accounts.get(whose)
        if account is None:
            return State.OPEN
        account.used_octets += octets
        account.used_seconds += seconds
        account.charged_at = now
        self.news[whose] = None
        if account.is_spent:
            return State.SPENT
        terms = self._realms.get(account.realm) or Prepaid()
        if account.warned or not account.is_low(terms.warn):
            return State.OPEN
        account.warned = True
        return State.LOW

    def grant(self, whose: Whose, octets: int | None, seconds: float | None, anew: bool, now: float) -> Account:
        """Let an account have so much more; `anew`: so much, whatever it had. One that is not there is opened. What was
        used while it was not limited so counts for nothing."""
        before = self.accounts.get(whose)
        account = None if anew else before
        if account is None:
            opened = now if before is None else before.opened_at
            account = self.accounts[whose] = Account(*whose, charged_at=now, opened_at=opened)
        if octets is not None:
            account.octets = (account.used_octets if account.octets is None else account.octets) + octets
        if seconds is not None:
            account.seconds = (account.used_seconds if account.seconds is None else account.seconds) + seconds
        account.warned = False
        self.news[whose] = None
        return account

    def enter(self, account: Account) -> None:
        """One that was kept is there again."""
        self.accounts[account.realm, account.who] = account

    def revoke(self, whose: Whose) -> bool:
        """Close an account; whether there was one. Calls on it go on, as those without one do."""
        there = self.accounts.pop(whose, None) is not None
        if there:
            self.news[whose] = None
        return there
