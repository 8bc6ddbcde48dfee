"""Trunks as they are written: what they become, and what is said of those that nobody could call."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sbc.config.diff import compare
from sbc.config.faults import ConfigError
from sbc.config.load import load_text
from sbc.config.values import Config
from sbc.core.address import Address
from tests.config.test_load import SMALL

PBX = {"name": "pbx", "address": "192.0.2.17:5060", "protocol": "sip"}


def text(*tables: dict[str, Any], realm: str = "a") -> str:
    written = "".join(
        f"[[realms.{realm}.trunks]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
        for table in tables
    )
    return SMALL + written


def load(*tables: dict[str, Any], realm: str = "a") -> Config:
    return load_text(text(*tables, realm=realm), "sbc.toml")


def faults(*tables: dict[str, Any], realm: str = "a") -> list[str]:
    with pytest.raises(ConfigError) as error:
        load(*tables, realm=realm)
    return [f"{fault.key}: {fault.problem}" for fault in error.value.faults]


def test_what_a_trunk_becomes() -> None:
    first, second = load(PBX | {"called": ["+4930", "reception*"]}, PBX | {"name": "rest"}).plan.realms["a"].trunks
    assert (first.name, first.address, first.protocol) == ("pbx", Address("192.0.2.17", 5060), "sip")
    assert first.takes(b"+4930123") and first.takes(b"reception-1") and not first.takes(b"4930")
    assert second.takes(b"4930")


@pytest.mark.parametrize(
    ("tables", "fault"),
    [
        ([PBX, PBX | {"called": ["1"]}], "realms.a.trunks[1].name: is the name of another trunk of this realm"),
        ([PBX, PBX | {"name": "b"}], "realms.a.trunks[1]: is never called: one before it takes all calls"),
        (
            [PBX | {"protocol": "mgcp"}],
            "realms.a.trunks[0].protocol: is that of no listener for datagrams of the realm",
        ),
        (
            [PBX | {"address": "[2001:db8::1]:5060"}],
            "realms.a.trunks[0].address: is of the other IP version than the realm's listeners",
        ),
        ([PBX | {"address": "pbx.example.com:5060"}], "realms.a.trunks[0].address: host names are not looked up here"),
        ([{"name": "pbx"}], "realms.a.trunks[0].address: missing"),
    ],
)
def test_what_cannot_be_called_is_told(tables: list[dict[str, Any]], fault: str) -> None:
    found = faults(*tables)
    assert any(each.startswith(fault) for each in found), found


def test_a_core_realm_has_next_hops_instead() -> None:
    assert faults(PBX, realm="c") == ["realms.c.trunks[0]: is in a core realm, whose hosts are next hops or peers"]


def test_what_changes_is_told_by_the_trunks_name() -> None:
    changed = compare(load(PBX), load(PBX | {"called": ["1"]}, PBX | {"name": "rest"}))
    assert sorted(".".join(change.spot) for change in changed) == [
        *("realms.a.trunks.order", "realms.a.trunks.pbx", "realms.a.trunks.rest")
    ]
