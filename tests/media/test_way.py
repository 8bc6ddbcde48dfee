"""Whether media sockets can be had as a realm wants them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sbc.core.realm import Media, Realm, Side
from sbc.core.vpn import VpnLabel
from sbc.media.way import shared_fault, way_fault
from tests.loopback import loopback

MAIN = VpnLabel()


def realm(address: str = "127.0.0.1", network: VpnLabel = MAIN, **media: Any) -> Realm:
    return Realm("access", Side.ACCESS, (), Media(address, address, range(20_000, 20_002), **media), network=network)


def test_what_can_be_had_is_no_fault() -> None:
    assert way_fault(realm()) == way_fault(realm(), at_address=True) == way_fault(realm(network=VpnLabel("lo"))) == ""


@pytest.mark.parametrize("at_address", [True, False])
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_device_that_is_not_there(address: str, at_address: bool) -> None:
    fault = way_fault(realm(address, VpnLabel("sbc-no-such")), at_address)
    assert fault == "realms.access.network: device sbc-no-such: No such device"


def test_a_vlan_that_is_not_there_is_said_how_to_be_made() -> None:
    fault = way_fault(realm(network=VpnLabel("sbc-no", 7)))
    made = "ip link add link sbc-no name sbc-no.7 type vlan id 7"
    assert fault == f"realms.access.network: device sbc-no.7: No such device (a VLAN's own interface: {made})"


def test_a_namespace_that_is_not_there() -> None:
    fault = way_fault(realm(network=VpnLabel(namespace="sbc-no-such")))
    assert fault == "realms.access.network: namespace /run/netns/sbc-no-such: there is no such namespace"


def test_a_file_that_is_no_namespace(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    fault = way_fault(realm(network=VpnLabel(namespace=str(tmp_path / "file"))))
    assert fault.startswith(f"realms.access.network: namespace {tmp_path}/file: ")


def test_an_address_of_another_host_counts_where_it_is_asked_for() -> None:
    assert way_fault(realm("192.0.2.1")) == ""
    fault = way_fault(realm("192.0.2.1"), at_address=True)
    assert fault == "realms.access.media.address = 192.0.2.1: Cannot assign requested address"


def test_shared_ports_that_somebody_has() -> None:
    host = f"{loopback('way')}.1"
    assert shared_fault(realm(host)) == shared_fault(realm(host, multiplexed=2776)) == ""
    assert shared_fault(realm("192.0.2.1", multiplexed=2776)) == ""  # it may come to this host later
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((host, 2777))
        fault = shared_fault(realm(host, multiplexed=2776))
    assert fault == f"realms.access.media.multiplexed = 2776: {host}:2777: Address already in use"


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="only root can give up what it may do")
def test_what_it_takes_is_said_to_who_has_it_not() -> None:
    told = "from sbc.core.vpn import VpnLabel; from sbc.media.way import way_fault\n"
    told += "from tests.media.test_way import realm\n"
    told += "for label in (VpnLabel(mark=7), VpnLabel(namespace='/proc/self/ns/net'), VpnLabel('lo')):\n"
    told += "    print(way_fault(realm(network=label)))\n"
    told += "import attrs; from sbc.policy.marking import Classes, Mark, Marks\n"
    told += "urgent = Marks(Mark(24, 6), emergency=Classes(media=Mark(46, 7)))\n"
    told += "print(way_fault(attrs.evolve(realm(), marks=urgent)))"
    without = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    ran = subprocess.run([*without, sys.executable, "-c", told], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.splitlines() == [
        "realms.access.network: mark 7: Operation not permitted (it takes CAP_NET_ADMIN or CAP_NET_RAW)",
        "realms.access.network: namespace /proc/self/ns/net: Operation not permitted (it takes CAP_SYS_ADMIN)",
        "",
        "realms.access.marks: priority 7: Operation not permitted (it takes CAP_NET_ADMIN or CAP_NET_RAW)",
    ]
