"""A gateway of MGCP inside WireGuard: the kernel's own where it has that, by wireguard-go otherwise."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.netns.lab import Lab, LabHost
from tests.netns.processes import LabProcess
from tests.netns.sbc_process import SbcProcess
from tests.netns.topology import FIRST, Topology, border, homes
from tests.netns.waiting import wait_for

MakeLab = Callable[[Topology], Lab]
OURS, GATEWAY = "10.9.0.1", "10.9.0.2"
CONTROL = Path("/var/run/wireguard")  # where wireguard-go takes orders
AGENT_PORT, GATEWAY_PORT, TUNNEL = 2727, 2427, 51820
_CONFIG = f"""
[drain]
limit = 0.0
[realms.gateways]
side = "access"
[realms.gateways.network]
device = "wg0"
[realms.gateways.media]
address = "{OURS}"
ports = "20000-20999"
[[realms.gateways.listeners]]
protocol = "mgcp"
transport = "udp"
address = "{OURS}"
port = {AGENT_PORT}
[realms.core]
side = "core"
[realms.core.media]
address = "{FIRST.sbc_core}"
ports = "20000-20999"
[[realms.core.listeners]]
protocol = "mgcp"
transport = "udp"
address = "{FIRST.sbc_core}"
port = {GATEWAY_PORT}
[[paths]]
name = "main"
access = "gateways"
core = "core"
next_hops = ["{FIRST.softswitch_address}:{AGENT_PORT}"]
signaling = "port-per-terminal"
signaling_ports = "41000-41999"
"""


def tunnel(
    host: LabHost, device: str, peer: LabHost, inside: str, other: str, keys: dict[str, tuple[str, str]]
) -> None:
    """One end of WireGuard at `inside`; `peer` is at `other` in there."""
    try:
        host.run(["ip", "link", "add", device, "type", "wireguard"])
    except RuntimeError as no:
        if shutil.which("wireguard-go") is None:
            pytest.skip(f"this kernel has no WireGuard, and there is no wireguard-go: {no}")
        made: LabProcess = host.popen(
            ["wireguard-go", "-f", device],
            log="wireguard",
        )
        # the device is there before it can be told anything
        wait_for(lambda: not made.running or (CONTROL / f"{device}.sock").exists(), what="wireguard-go")
    kept = Path(host.lab.directory) / f"{host.name}.key"
    kept.write_text(keys[host.name][0])
    kept.chmod(0o600)
    public, end = keys[peer.name][1], f"{peer.address('access')}:{TUNNEL}"
    host.run(
        [
            "wg",
            "set",
            device,
            "listen-port",
            str(TUNNEL),
            "private-key",
            str(kept),
            "peer",
            public,
            "endpoint",
            end,
            "allowed-ips",
            f"{other}/32",
        ]
    )
    host.run(["ip", "address", "add", f"{inside}/24", "dev", device])
    host.run(["ip", "link", "set", device, "up"])


def pair(host: LabHost) -> tuple[str, str]:
    private = host.run(["wg", "genkey"]).strip()
    return private, host.run(["wg", "pubkey"], stdin=private).strip()


@pytest.mark.skipif(shutil.which("wg") is None, reason="needs wg, of Debian's package wireguard-tools")
def test_a_gateway_registers_through_wireguard_and_nothing_else_is_on_the_wire(make_lab: MakeLab) -> None:
    lab = make_lab(border(FIRST) + homes(FIRST, a=()))
    sbc, gateway, agent = (lab.host(name) for name in ("sbc", "phone-a", "softswitch"))
    keys = {host.name: pair(host) for host in (sbc, gateway)}
    tunnel(sbc, "wg0", gateway, OURS, GATEWAY, keys)
    tunnel(gateway, "wg1", sbc, GATEWAY, OURS, keys)
    wire = sbc.capture("access")
    process = SbcProcess.start(sbc, _CONFIG)
    asked, heard = gateway.udp(GATEWAY_PORT, GATEWAY), agent.udp(AGENT_PORT)
    asked.sendto(f"RSIP 1 *@[{GATEWAY}] MGCP 1.0\r\nRM: restart\r\n".encode(), (OURS, AGENT_PORT))
    data, source = heard.recvfrom(2000)
    assert data.startswith(b"RSIP ") and source[0] == FIRST.sbc_core and GATEWAY.encode() not in data
    heard.sendto(f"200 {data.split()[1].decode()} OK\r\n".encode(), source)
    answer, back = asked.recvfrom(2000)
    assert answer.startswith(b"200 1 ") and back == (OURS, AGENT_PORT)
    process.stop()
    wire.stop()
    spoken = [each for each in wire.packets if each.protocol == "udp" and each.payload]
    assert spoken and all(TUNNEL in (each.src[1], each.dst[1]) for each in spoken)
    assert not wire.find(b"RSIP") and not wire.find(b"MGCP")
