"""``[realms.NAME.network]``: what may stand there, and which addresses two realms may then both have."""

from __future__ import annotations

import pytest

from sbc.config.faults import ConfigError, Fault
from sbc.config.load import load_text
from sbc.core.vpn import MAIN, Vpn, VpnLabel

REALM = """
[realms.{name}]
side = "{side}"
[[realms.{name}.listeners]]
protocol = "sip"
transport = "udp"
address = "{host}"
port = 5060
[realms.{name}.media]
address = "{host}"
ports = "20000-20999"
[realms.{name}.network]
{network}
"""
PATHS = """
[[paths]]
name = "{name}"
access = "{name}"
core = "core"
next_hops = ["{hop}:5060"]
"""


def text(one: str, two: str = "", core: str = "", hop: str = "198.51.100.2") -> str:
    """Two customers with one address, whose networks are these, and a core."""
    realms = [
        REALM.format(name=name, side="access", host="10.0.0.1", network=n) for name, n in (("a", one), ("b", two))
    ]
    realms.append(REALM.format(name="core", side="core", host="198.51.100.1", network=core))
    return "".join([*realms, *(PATHS.format(name=name, hop=hop) for name in "ab")])


def faults(source: str) -> list[Fault]:
    with pytest.raises(ConfigError) as caught:
        load_text(source, "x.toml")
    return list(caught.value.faults)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ('namespace = "red"', 'namespace = "blue"'),
        ('namespace = "red"', "mark = 7"),
        ('device = "red"', 'device = "blue"'),
        ('device = "eth1"\nvlan = 7', 'device = "eth1"\nvlan = 8'),
        ('namespace = "red"\ndevice = "eth1"', 'device = "eth1"'),
    ],
)
def test_two_networks_may_have_one_address(one: str, two: str) -> None:
    plan = load_text(text(one, two), "x.toml").plan
    assert {realm.listeners[0].vpn == realm.vpn for realm in plan.realms.values()} == {True}
    assert plan.realms["core"].vpn == MAIN != plan.realms["a"].vpn


@pytest.mark.parametrize(
    ("one", "two", "why"),
    [
        ("mark = 7", "mark = 8", "a mark chooses the way out, not who hears"),
        ('device = "eth1"', "", "each of the realms needs a device of its own"),
        ('namespace = "red"', 'namespace = "/run/netns/red"', "both realms are in one network"),
        ("", "", "ports nothing else has"),
    ],
)
def test_in_one_network_an_address_is_one(one: str, two: str, why: str) -> None:
    found = faults(text(one, two))
    assert {fault.key for fault in found} == {"realms.b.listeners[0].port", "realms.b.media.ports"}
    assert all(why in fault.allowed for fault in found)


@pytest.mark.parametrize(
    ("network", "key", "problem"),
    [
        ("vlan = 7", "realms.a.network.device", "missing"),
        ('device = "interface-of-15"\nvlan = 7', "realms.a.network.vlan", "too long"),
        ('device = "eth1"\nvlan = 4095', "realms.a.network.vlan", "not allowed"),
        ('namespace = "a/b"', "realms.a.network.namespace", "relative path"),
        ('namespace = ".."', "realms.a.network.namespace", "not allowed"),
        (f'namespace = "{"x" * 256}"', "realms.a.network.namespace", "too long"),
        ("namespace = 7", "realms.a.network.namespace", "not allowed"),
        ("mark = -1", "realms.a.network.mark", "not allowed"),
        ('dns = ["names.example"]', "realms.a.network.dns", "no such value"),
        ("VLAN = 7", "realms.a.network.VLAN", "unknown key"),
    ],
)
def test_what_may_not_stand_there(network: str, key: str, problem: str) -> None:
    found = [fault for fault in faults(text(network, 'namespace = "blue"')) if fault.key == key]
    assert len(found) == 1 and problem in found[0].problem


def test_what_stood_with_media_is_said_to_have_moved() -> None:
    source = text('namespace = "red"').replace(
        'ports = "20000-20999"', 'ports = "20000-20999"\ndevice = "x"\nmark = 7', 1
    )
    found = {fault.key: fault for fault in faults(source)}
    assert set(found) == {"realms.a.media.device", "realms.a.media.mark"}
    assert found["realms.a.media.mark"].allowed == "mark in [realms.a.network]"
    assert "a table of its own now" in found["realms.a.media.mark"].problem


def test_a_whole_label() -> None:
    whole = 'device = "eth1"\nvlan = 7\nmark = 9\nnamespace = "red"\ndns = ["10.0.0.53", "10.0.0.54:5353"]'
    realm = load_text(text(whole), "x.toml").plan.realms["a"]
    assert realm.network == VpnLabel("eth1", 7, 9, "red", (("10.0.0.53", 0), ("10.0.0.54", 5353)))
    assert realm.listeners[0].vpn == Vpn("/run/netns/red", "eth1.7")


def test_a_next_hop_may_have_our_address_of_another_network() -> None:
    load_text(text('namespace = "red"', 'namespace = "blue"', hop="10.0.0.1"), "x.toml")
    (fault, *_) = faults(text('namespace = "red"', 'namespace = "blue"', 'namespace = "red"', hop="10.0.0.1"))
    assert fault.key == "paths[0].next_hops[0]" and "the SBC itself" in fault.problem
