"""Accounts of those who pay in advance, as the console shows them, and the commands that fill and close them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from sbc.admin.tables import LIMIT, Column, No, Table, Text, duration, rows_of
from sbc.core.border import Border
from sbc.core.call import CallState
from sbc.core.realm import Side
from sbc.policy.quota import Account, State, Whose

MOST = 10**15
"""The most octets or seconds that are granted at once."""

_AMOUNT = re.compile(r"(\d{1,15})([a-zA-Z]*)")
_OCTETS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_SECONDS = {"": 1, "S": 1, "M": 60, "MIN": 60, "H": 3600, "D": 86_400}

COLUMNS = (
    Column("USER", lambda row: row["user"], widest=40),
    Column("REALM", lambda row: row["realm"], widest=16),
    Column("STATE", lambda row: row["state"]),
    Column("OCTETS LEFT", lambda row: _amount(row["octets_left"]), right=True),
    Column("OCTETS USED", lambda row: row["octets_used"], right=True),
    Column("TIME LEFT", lambda row: "-" if row["seconds_left"] is None else duration(row["seconds_left"]), right=True),
    Column("TIME USED", lambda row: duration(row["seconds_used"]), right=True),
    Column("CALLS", lambda row: row["calls"], right=True),
)


def _amount(value: int | None) -> str:
    return "-" if value is None else str(value)


def account_view(account: Account, calls: int) -> dict[str, Any]:
    """One account, and how many calls its terminals are in; None where it is not limited so."""
    return {
        "user": account.who.decode(errors="replace"),
        "realm": account.realm,
        "state": _state(account).value,
        "octets_left": account.left_octets,
        "octets_used": account.used_octets,
        "seconds_left": account.left_seconds,
        "seconds_used": account.used_seconds,
        "calls": calls,
    }


def _state(account: Account) -> State:
    if account.is_spent:
        return State.SPENT
    return State.LOW if account.warned else State.OPEN


def chosen(border: Border, find: str, realm: str) -> list[tuple[Account, int]]:
    """The accounts looked for, those with the most calls first, and how many each has."""
    calls: Counter[Whose] = Counter(
        (call.path.access, call.holder)
        for call in border.registry.calls.values()
        if call.state is not CallState.CLOSED and not call.lifetime
    )
    wanted = find.casefold()
    there = [
        (account, calls[whose])
        for whose, account in border.registry.gate.quota.accounts.items()
        if (not realm or account.realm == realm) and wanted in account.who.decode(errors="replace").casefold()
    ]
    return sorted(there, key=lambda each: (-each[1], each[0].realm, each[0].who))


def grant(border: Border, user: str, octets: str, seconds: str, realm: str, anew: bool, now: float) -> Text:
    """Let an account have more, or, `anew`, so much; where there is none it is opened."""
    try:
        more = None if not octets else read_amount(octets, _OCTETS)
        time = None if not seconds else read_amount(seconds, _SECONDS)
    except ValueError as error:
        return No(str(error))
    if more is None and time is None:
        return No("grant wants octets (10MB) or seconds (90, 10min, 2h), or both")
    name = realm or _only(border)
    if not name:
        return No("grant wants a realm: more than one has [realms.NAME.prepaid], or none")
    if border.registry.gate.quota.terms(name) is None:
        return No(f"realm {name} has no [realms.{name}.prepaid]: nobody there pays in advance")
    account = border.registry.gate.quota.grant((name, user.encode()), more, time, anew, now)
    return Text(f"{account}: {_left(account)} left")


def revoke(border: Border, user: str, realm: str) -> Text:
    """Close an account."""
    name = realm or _only(border)
    gone = border.registry.gate.quota.revoke((name, user.encode()))
    return Text(f"{user} in {name} has no account any more") if gone else No(f"{user!r} has no account there")


def _left(account: Account) -> str:
    octets = None if account.left_octets is None else f"{account.left_octets} octets"
    seconds = None if account.left_seconds is None else f"{account.left_seconds:.0f} s"
    return " and ".join(filter(None, (octets, seconds)))


def _only(border: Border) -> str:
    """The realm whose terminals pay in advance, if it is one alone."""
    found = [
        realm.name for realm in border.plan.realms.values() if realm.side is Side.ACCESS and realm.prepaid is not None
    ]
    return found[0] if len(found) == 1 else ""


def read_amount(text: str, units: dict[str, int]) -> int:
    """A number with a unit. @raises ValueError, which says what is wrong."""
    match = _AMOUNT.fullmatch(text)
    unit = None if match is None else units.get(match[2].upper())
    if match is None or unit is None or int(match[1]) * unit > MOST:
        raise ValueError(f"{text!r} is no amount; one is 5000, or has a unit: {', '.join(filter(None, units))}")
    return int(match[1]) * unit


class Purse:
    """The console's commands about accounts."""

    _border: Border
    _clock: Callable[[], float]

    def quota(self, find: str = "", *, realm: str = "", limit: int | None = LIMIT) -> Table:
        """Accounts of those who pay in advance, those with the most calls first."""
        found = chosen(self._border, find, realm)
        return rows_of(found, lambda each: account_view(*each), COLUMNS, limit, "no accounts")

    def grant(self, user: str, *, octets: str = "", seconds: str = "", realm: str = "", anew: bool = False) -> Text:
        """Let an account have more, or so much."""
        return grant(self._border, str(user), str(octets), str(seconds), realm, anew, self._clock())

    def revoke(self, user: str, *, realm: str = "") -> Text:
        """Close an account."""
        return revoke(self._border, str(user), realm)


def accounts(sources: Any) -> list[tuple[tuple[str, ...], Any]]:
    """Accounts by realm and state, as metrics."""
    there = sources.border.registry.gate.quota.accounts.values()
    return list(Counter((account.realm, _state(account).value) for account in there).items())


def refused(sources: Any) -> list[tuple[tuple[str, ...], Any]]:
    """Calls that were not let in."""
    return [((realm,), count) for realm, count in sources.border.registry.gate.quota.refused.items()]


def cut(sources: Any) -> list[tuple[tuple[str, ...], Any]]:
    """Calls that were ended."""
    return [((realm,), count) for realm, count in sources.border.registry.gate.quota.cut.items()]
