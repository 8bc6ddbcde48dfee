"""Ports that two things want, and whether they are in each other's way; tests/config/test_checks.py has who wants."""

from __future__ import annotations

import attrs
import pytest

from sbc.config.claims import Claim
from sbc.core.vpn import VpnLabel


@pytest.mark.parametrize(
    ("transport", "host", "ports", "meets"),
    [
        ("udp", "192.0.2.1", range(10, 20), True),
        ("udp", "192.0.2.1", range(20, 30), False),
        ("udp", "192.0.2.1", range(5, 10), False),
        ("udp", "192.0.2.1", range(19, 20), True),
        ("tcp", "192.0.2.1", range(10, 20), False),
        ("udp", "192.0.2.2", range(10, 20), False),
        ("udp", "0.0.0.0", range(10, 20), True),
        ("udp", "::", range(10, 20), True),
        ("udp", "2001:db8::1", range(10, 20), False),
    ],
)
def test_claims_meet(transport: str, host: str, ports: range, meets: bool) -> None:
    one, other = Claim("udp", "192.0.2.1", range(10, 20), "a", "1"), Claim(transport, host, ports, "b", "2")
    assert one.meets(other) is other.meets(one) is meets


@pytest.mark.parametrize(
    ("label", "meets"),
    [(VpnLabel(), True), (VpnLabel(mark=7), True), (VpnLabel("eth1"), True), (VpnLabel(namespace="red"), False)],
)
def test_claims_of_other_networks_do_not_meet(label: VpnLabel, meets: bool) -> None:
    one = Claim("udp", "::", range(10, 20), "a", "1")
    assert one.meets(attrs.evolve(one, label=label)) is attrs.evolve(one, label=label).meets(one) is meets
