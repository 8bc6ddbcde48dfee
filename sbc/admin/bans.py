"""Who is banned, as the console shows it, and the commands that ban and lift."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sbc.admin.tables import Column, No, Text, duration
from sbc.config.faults import Unfit
from sbc.config.kinds import ip_maybe_port
from sbc.core.border import Border
from sbc.core.realm import Side
from sbc.policy.bans import Ban
from sbc.policy.flood import Flood

LONGEST = 10_000_000
"""Seconds."""

COLUMNS = (
    Column("SOURCE", lambda row: row["source"], widest=48),
    Column("REALM", lambda row: row["realm"], widest=16),
    Column("WHY", lambda row: row["reason"], widest=60),
    Column("BY", lambda row: row["by"]),
    Column("SINCE", lambda row: duration(row["age"]), right=True),
    Column("LEFT", lambda row: duration(row["left"]), right=True),
    Column("TIMES", lambda row: row["times"], right=True),
    Column("DROPPED", lambda row: row["dropped"], right=True),
    Column("WHO", lambda row: row["who"]),
)


def ban_view(ban: Ban, flood: Flood, now: float) -> dict[str, Any]:
    """One ban; seconds, and the packets that were dropped below the sockets."""
    return {
        "source": str(ban),
        "realm": ban.realm,
        "reason": ban.reason,
        "by": "operator" if ban.kept else "guard",
        "age": now - ban.since,
        "left": max(0.0, ban.until - now),
        "times": ban.times + 1,
        "dropped": 0 if flood.sink is None else flood.sink.of(*ban.key),
        "who": "strangers" if flood.bans.is_soft(ban) else "all",
    }


def matches(ban: Ban, find: str, realm: str) -> bool:
    """Whether it is one of those looked for."""
    wanted = find.casefold()
    return (not realm or ban.realm == realm) and (wanted in str(ban).casefold() or wanted in ban.reason.casefold())


def add(border: Border, source: str, seconds: float, realm: str, reason: str, now: float) -> Text:
    """Ban a host, or a host and port, in a realm or in all access realms."""

    def one(name: str, host: str, port: int) -> bool:
        border.registry.gate.flood.ban(name, host, port, min(float(seconds), LONGEST), reason or "by an operator", now)
        return True

    return _each(border, source, realm, one, f"banned for {duration(min(float(seconds), LONGEST))}", "not banned")


def lift(border: Border, source: str, realm: str) -> Text:
    """Ban it no more."""
    return _each(
        border,
        source,
        realm,
        lambda name, host, port: border.registry.gate.flood.lift((name, host, port)),
        "banned no more",
        "not banned",
    )


def _each(
    border: Border, source: str, realm: str, do: Callable[[str, str, int], bool], done: str, not_done: str
) -> Text:
    try:
        host, port = ip_maybe_port().read(str(source).removesuffix("/64"))  # as a network is shown
    except Unfit:
        return No(f"{source!r} is no address; one is 203.0.113.66, 203.0.113.66:5060 or [2001:db8::1]:5060")
    plan = border.plan
    realms = [realm] if realm else [name for name, each in plan.realms.items() if each.side is Side.ACCESS]
    met = [name for name in realms if do(name, host, port or 0)]
    return Text(f"{source} is {done} in {', '.join(met)}") if met else No(f"{source} is {not_done}")
