"""Values that nobody means, in each key of the edge: they are refused by name, or do no harm; nothing else happens."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from sbc.config.faults import ConfigError
from sbc.config.load import load_table
from sbc.config.values import Config
from sbc.core.address import Address
from sbc.sip.dialect import SipDialect
from tests import sip_messages as sip
from tests.config.test_example import uncommented
from tests.config.test_recipes import BASE
from tests.edge import to
from tests.rig import Rig

EDGE = frozenset(
    ("bandwidth", "customers", "flood", "limits", "media", "prepaid", "registrations", "rules", "terminals", "trunks")
)
HOSTILE: tuple[Any, ...] = (
    *(-1, 0, 0.0, 1e-320, 1e308, float("inf"), float("nan"), 2**63, 10**400, True),
    *("", "\0", "a\nb", "é" * 3_000, [], [[]], {}, [""], ["*@"], ["::/0"]),
)
KEPT = object()
Spot = tuple[str | int, ...]


@cache
def _example() -> dict[str, Any]:
    """What of the example file is about calls, but for what names files."""
    table = tomllib.loads(uncommented())
    for realm in table["realms"].values():
        realm.pop("tls", None)
        for rule in realm.get("rules", ()):
            for name in ("from_file", "countries"):
                rule.pop(name, None)
    return {name: table[name] for name in ("realms", "paths", "prepaid")}


def example() -> dict[str, Any]:
    return copy.deepcopy(_example())


def leaves(table: dict[str, Any], at: Spot = ()) -> Iterator[Spot]:
    """Every key that holds a value."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from leaves(value, (*at, name))
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for place, each in enumerate(value):
                yield from leaves(each, (*at, name, place))
        else:
            yield (*at, name)


def of_the_edge() -> list[Spot]:
    found = [spot for spot in leaves(example()) if spot[0] == "realms" and spot[1] == "access" and spot[2] in EDGE]
    return [*found, *(spot for spot in leaves(example()) if spot[0] == "prepaid")]


def with_value(spot: Spot, value: Any) -> dict[str, Any]:
    """A small configuration with the one table of the example that has the key."""
    made, whole = tomllib.loads(BASE), example()
    if spot[0] == "prepaid" or spot[2] == "prepaid":
        made["prepaid"] = whole["prepaid"]
    if spot[0] == "realms":
        made["realms"]["access"][spot[2]] = whole["realms"]["access"][spot[2]]
    table: Any = made
    for step in spot[:-1]:
        table = table[step]
    if value is not KEPT:
        table[spot[-1]] = copy.deepcopy(value)
    return made


def runs(config: Config) -> None:
    """A border of that plan hears a phone that registers and calls, and rubbish, and is given the same plan again."""
    rig = Rig.make(SipDialect(), config.plan)
    phone = Address("203.0.113.50", 5060)
    for data in (sip.register(phone, expires=3600), sip.invite(phone)):
        for sent in to(rig.from_access(data, phone), "core"):
            rig.from_core(
                sip.registered(sent.data) if data.startswith(b"REGISTER") else sip.answer(sent.data, "192.0.2.9")
            )
    for _ in range(20):
        rig.from_access(b"rubbish\r\n\r\n", Address("203.0.113.66", 5060))
    rig.wait(1.0)
    rig.replan(config.plan)


def test_there_are_such_keys() -> None:
    assert len(of_the_edge()) > 60


@pytest.mark.parametrize("spot", of_the_edge(), ids=lambda spot: ".".join(map(str, spot)))
def test_a_value_that_nobody_means_is_refused_or_harmless(spot: Spot) -> None:
    runs(load_table(with_value(spot, KEPT), "/etc/sbc/sbc.toml"))
    for value in HOSTILE:
        try:
            config = load_table(with_value(spot, value), "/etc/sbc/sbc.toml")
        except ConfigError as refused:
            assert str(spot[2] if spot[0] == "realms" else spot[0]) in str(refused), "it says where"
        else:
            runs(config)
