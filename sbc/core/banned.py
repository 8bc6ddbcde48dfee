"""Bans as a store keeps them: with the time of day, so that they end when they would have."""

from __future__ import annotations

from typing import Any

from sbc.core.address import literal, network_of
from sbc.core.orders import Order
from sbc.core.plain import Frame, Unfit
from sbc.core.registry import Registry
from sbc.core.snapshot import pack, unpack
from sbc.policy.bans import Ban, Key

_KINDS: dict[str, type] = dict.fromkeys(("realm", "host", "reason"), str)
_KINDS |= dict.fromkeys(("since", "until"), float) | {"port": int, "times": int, "kept": bool}
LONGEST_REASON = 200


def id_of(key: Key) -> str:
    """What a ban is called in a store."""
    realm, host, port = key
    return f"{realm} {host} {port}"


def of_ban(ban: Ban, shift: float) -> bytes:
    """A ban as a store keeps it; `shift` is from the core's clock to the time of day."""
    plain: dict[str, Any] = {name: getattr(ban, name) for name in _KINDS}
    plain |= {"since": ban.since + shift, "until": ban.until + shift, "reason": ban.reason[:LONGEST_REASON]}
    return pack("ban", plain)


def resume_ban(registry: Registry, data: bytes, now: float, frame: Frame) -> list[Order]:
    """Take up a ban again. @raises Unfit, having changed nothing."""
    plain = unpack("ban", data)
    values: dict[str, Any] = {name: plain.get(name) for name in _KINDS}
    wrong = [name for name, kind in _KINDS.items() if type(values[name]) is not kind]
    if wrong:
        raise Unfit(f"has no {wrong[0]}")
    ip = literal(plain["host"].removesuffix("/64"))
    if ip is None or not 0 <= plain["port"] <= 65_535 or not 0 <= plain["times"] <= 1_000:
        raise Unfit("is of nobody")
    if plain["realm"] not in registry.plan.realms:
        raise Unfit(f"its realm {plain['realm']} is gone")
    host = str(ip) if plain["port"] else network_of(str(ip))
    values |= {"host": host, "since": plain["since"] - frame.shift, "until": plain["until"] - frame.shift}
    if not registry.gate.flood.resume(Ban(**values), now):
        raise Unfit("is over")
    return []
