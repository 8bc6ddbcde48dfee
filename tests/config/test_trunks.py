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
from sbc.core.fan import Asking, NextHop
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
    assert (first.label, first.next_hops, first.protocol) == ("a/pbx", (NextHop(Address("192.0.2.17", 5060)),), "sip")
    assert first.takes(b"+4930123") and first.takes(b"reception-1") and not first.takes(b"4930")
    assert second.takes(b"4930")


@pytest.mark.parametrize(
    ("tables", "fault"),
    [
        ([PBX, PBX | {"called": ["1"]}], "realms.a.trunks[1].name: is the name of another trunk of this realm"),
        ([PBX, PBX | {"name": "b"}], "realms.a.trunks[1]: is never called: one before it takes all calls"),
        (
            [PBX | {"protocol": "mgcp"}],
            "realms.a.trunks[0].protocol: is spoken by no listener of the realm",
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


def test_two_at_one_address_have_one_certificate_since_there_is_one_connection() -> None:
    first = PBX | {"transport": "tls", "server_name": "a.example", "called": ["1"]}
    other = PBX | {"name": "b", "transport": "tls", "server_name": "b.example"}
    with pytest.raises(ConfigError, match=r"trunks\[1\]\.server_name.*a trunk before it at the same address"):
        load_text(text(first, other) + TLS, "sbc.toml")
    for same in (other | {"server_name": "a.example"}, other | {"address": "192.0.2.18:5060"}):
        assert len(load_text(text(first, same) + TLS, "sbc.toml").plan.realms["a"].trunks) == 2


def test_by_websockets_no_trunk_is_called_and_none_is_told_that_it_might() -> None:
    web = TLS.replace('"tls"', '"wss"', 1).replace("5061", "5443")
    with pytest.raises(ConfigError) as error:
        load_text(text(PBX | {"transport": "wss"}) + web, "sbc.toml")
    (fault,) = [each for each in error.value.faults if each.key.endswith("trunks[0].protocol")]
    assert fault.allowed == "one of sip by udp"


BOTH = {"name": "pbx", "protocol": "sip", "next_hops": ["192.0.2.17:5060", "192.0.2.18:5060"]}
TLS = (
    '[[realms.a.listeners]]\nprotocol = "sip"\ntransport = "tls"\naddress = "203.0.113.1"\nport = 5061\n'
    '[realms.a.tls]\ncertificate = "a.crt"\nkey = "a.key"\n'
)


def test_one_that_is_at_several_addresses_and_is_called_over_tls() -> None:
    more = '[realms.a.trunks.failover]\npatience = 2\n[realms.a.trunks.probing]\nmode = "off"\n'
    written = text(BOTH | {"transport": "tls", "server_name": "PBX.example"}) + more + TLS
    (trunk,) = load_text(written, "sbc.toml").plan.realms["a"].trunks
    assert [(hop.to.host, hop.priority) for hop in trunk.next_hops] == [("192.0.2.17", 0), ("192.0.2.18", 1)]
    assert (trunk.transport, trunk.server_name, trunk.failover.patience) == ("tls", "pbx.example", 2.0)
    assert trunk.probing.mode is Asking.OFF and trunk.there == "a"


def test_its_addresses_may_be_tables() -> None:
    tables = (
        '[[realms.a.trunks]]\nname = "pbx"\nprotocol = "sip"\n'
        '[[realms.a.trunks.next_hops]]\nto = "192.0.2.17:5060"\nweight = 3\n'
        '[[realms.a.trunks.next_hops]]\nto = "192.0.2.18:5060"\n'
    )
    (trunk,) = load_text(SMALL + tables, "sbc.toml").plan.realms["a"].trunks
    assert [(hop.priority, hop.weight) for hop in trunk.next_hops] == [(0, 3), (0, 1)]


def test_calls_of_h323_go_by_connections() -> None:
    h323 = '[[realms.%s.listeners]]\nprotocol = "h323"\naddress = "%s"\nport = %d\ntransport = "%s"\n'
    core = h323 % ("c", "198.51.100.1", 1719, "udp") + h323 % ("c", "198.51.100.1", 1720, "tcp")
    for transport in ("tcp", "tls"):
        own = h323 % ("a", "203.0.113.1", 1719, "udp") + h323 % ("a", "203.0.113.1", 1720, transport)
        written = text(PBX | {"protocol": "h323"}) + own + core + TLS[TLS.index("[realms.a.tls]") :]
        (found,) = load_text(written, "sbc.toml").plan.realms["a"].trunks
        assert found.transport == transport


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        (BOTH | {"transport": "tls"}, "realms.a.trunks[0].protocol: is spoken by no listener of the realm"),
        (BOTH | {"address": "192.0.2.18:5060"}, "realms.a.trunks[0].next_hops: stands there twice"),
        (BOTH | {"next_hops": ["pbx.example"]}, "realms.a.trunks[0].next_hops: "),
        (BOTH | {"next_hops": []}, "realms.a.trunks[0].next_hops: "),
        (BOTH | {"server_name": ""}, "realms.a.trunks[0].server_name: "),
    ],
)
def test_what_is_wrong_with_several_is_told(table: dict[str, Any], fault: str) -> None:
    found = faults(table)
    assert any(each.startswith(fault) for each in found), found


def test_an_answer_has_to_come_before_the_next_question() -> None:
    more = "[realms.a.trunks.probing]\nperiod = 2\nanswer_within = 4\n"
    with pytest.raises(ConfigError, match=r"realms\.a\.trunks\[0\]\.probing\.answer_within.*is not shorter"):
        load_text(text(BOTH) + more, "sbc.toml")


def test_a_core_realm_has_next_hops_instead() -> None:
    assert faults(PBX, realm="c") == ["realms.c.trunks[0]: is in a core realm, whose hosts are next hops or peers"]


def test_what_changes_is_told_by_the_trunks_name() -> None:
    changed = compare(load(PBX), load(PBX | {"called": ["1"]}, PBX | {"name": "rest"}))
    assert sorted(".".join(change.spot) for change in changed) == [
        *("realms.a.trunks.order", "realms.a.trunks.pbx", "realms.a.trunks.rest")
    ]
