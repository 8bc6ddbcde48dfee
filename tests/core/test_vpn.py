"""VPN labels: which networks may be one, and by what a realm's is told."""

from __future__ import annotations

import pytest

from sbc.core.vpn import MAIN, Vpn, VpnLabel


@pytest.mark.parametrize(
    ("one", "other", "meets"),
    [
        (MAIN, MAIN, True),
        (Vpn("/n/a"), Vpn("/n/a"), True),
        (Vpn("/n/a"), Vpn("/n/b"), False),
        (Vpn("/n/a"), MAIN, False),
        (Vpn("", "red"), Vpn("", "blue"), False),
        (Vpn("", "red"), Vpn("", "red"), True),
        (Vpn("", "red"), MAIN, True),  # who is bound to no device hears by red, too
        (Vpn("/n/a", "red"), Vpn("/n/a"), True),
        (Vpn("/n/a", "red"), Vpn("/n/b", "red"), False),
    ],
)
def test_networks_that_may_be_one(one: Vpn, other: Vpn, meets: bool) -> None:
    assert one.meets(other) is other.meets(one) is meets


@pytest.mark.parametrize(
    ("label", "vpn"),
    [
        (VpnLabel(), MAIN),
        (VpnLabel("red"), Vpn("", "red")),
        (VpnLabel("eth1", 100), Vpn("", "eth1.100")),
        (VpnLabel(mark=7), MAIN),
        (VpnLabel(namespace="red"), Vpn("/run/netns/red")),
        (VpnLabel(namespace="/run/netns/red"), Vpn("/run/netns/red")),
        (VpnLabel(namespace="/var/run/netns/red"), Vpn("/run/netns/red")),
        (VpnLabel("eth0", namespace="/proc/7/ns/net"), Vpn("/proc/7/ns/net", "eth0")),
    ],
)
def test_the_network_of_a_label(label: VpnLabel, vpn: Vpn) -> None:
    assert label.vpn == vpn


def test_labels_in_words() -> None:
    assert str(VpnLabel()) == "" and not VpnLabel()
    assert str(VpnLabel("eth1", 100, 7, "red")) == "namespace red, device eth1.100, mark 7"
    assert str(VpnLabel(mark=7)) == "mark 7" and VpnLabel(mark=7)
