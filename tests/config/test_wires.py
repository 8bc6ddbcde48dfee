"""How connections are secured and which pages may make one: what is read, and what is wrong with it."""

from __future__ import annotations

from typing import Any

import pytest

from sbc.config.load import load_table
from sbc.core.wires import KeyPair, TlsVersion, Web
from tests.config.test_checks import document, faults, the_fault


def secured() -> dict[str, Any]:
    table = document()
    own = table["realms"]["a"]
    own["listeners"].append({**own["listeners"][0], "transport": "tls", "port": 5061})
    own["tls"] = {"certificate": "sbc.crt", "key": "/etc/sbc.key"}
    return table


def test_a_listener_for_tls_needs_a_certificate() -> None:
    table = secured()
    assert not faults(table)
    del table["realms"]["a"]["tls"]
    fault = the_fault(table)
    assert (fault.key, fault.allowed) == ("realms.a.listeners[1].transport", "[realms.a.tls]")
    table["realms"]["a"]["tls"] = {"key": "x"}
    assert the_fault(table).key == "realms.a.tls.certificate"


def test_who_asks_for_certificates_must_know_who_signs_them() -> None:
    table = secured()
    table["realms"]["a"]["tls"]["require_peer"] = True
    assert the_fault(table).key == "realms.a.tls.ca"
    table["realms"]["a"]["tls"]["ca"] = "ca.crt"
    assert not faults(table)


def test_a_realm_may_have_many_certificates() -> None:
    table = secured()
    own = table["realms"]["a"]["tls"]
    own |= {"certificates": [{"certificate": "b.crt", "key": "b.key"}], "minimum": "1.3", "ciphers": "ECDHE"}
    tls = load_table(table, "/etc/sbc/x.toml").plan.realms["a"].tls
    assert tls is not None and (tls.minimum, tls.ciphers) == (TlsVersion.TLS_1_3, "ECDHE")
    assert tls.pairs == (KeyPair("/etc/sbc/sbc.crt", "/etc/sbc.key"), KeyPair("/etc/sbc/b.crt", "/etc/sbc/b.key"))
    own["certificates"].append({"certificate": "c.crt"})
    assert the_fault(table).key == "realms.a.tls.certificates[1].key"
    own["certificates"].pop()
    own["minimum"] = "1.1"
    assert the_fault(table).key == "realms.a.tls.minimum"


def test_websockets_lead_to_both_sides_and_secured_ones_need_a_certificate() -> None:
    table = document()
    for name in ("a", "c"):
        own = table["realms"][name]["listeners"]
        own.append({**own[0], "transport": "ws", "port": 8080})
    table["realms"]["c"]["websocket"] = {"target": "/sip"}
    table["paths"][0]["transport"] = "ws"
    plan = load_table(table, "x.toml").plan
    assert plan.realms["c"].websocket.target == "/sip" and plan.core_listener(plan.paths[0]).transport == "ws"
    assert plan.realms["c"].stream_listener("sip") is None, "large requests are not sent by one"
    table["realms"]["c"]["websocket"] = {"target": "sip?"}
    assert the_fault(table).key == "realms.c.websocket.target"
    del table["realms"]["c"]["websocket"]
    table["realms"]["a"]["listeners"][1]["transport"] = "wss"
    fault = the_fault(table)
    assert (fault.key, fault.allowed) == ("realms.a.listeners[1].transport", "[realms.a.tls]")


def test_which_pages_are_let_in() -> None:
    table = document()
    origins = ["https://Phone.example", "https://*.example:8443", "none", "null"]
    own = {"origins": origins, "hosts": ["SBC.example"], "paths": ["/ws"], "ping": 0}
    table["realms"]["a"]["websocket"] = own
    expected = Web(tuple(each.lower() for each in origins), ("sbc.example",), ("/ws",), 0.0)
    assert load_table(table, "x.toml").plan.realms["a"].websocket == expected


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("origins", "phone.example"),
        ("origins", "https://phone.example/"),
        ("origins", "https://*"),
        ("origins", "https://a.*.example"),
        ("paths", "ws"),
        ("paths", "/ws?x"),
        ("hosts", "sbc.example:443"),
    ],
)
def test_what_is_no_origin_path_or_host(key: str, value: str) -> None:
    table = document()
    table["realms"]["a"]["websocket"] = {key: [value]}
    assert the_fault(table).key == f"realms.a.websocket.{key}"
