"""IPv6 phones and an IPv4 softswitch, with baresip and Kamailio: each network sees its own family's addresses alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from tests.netns.baresipphone import BaresipPhone
from tests.netns.hearing import wait_media_both_ways
from tests.netns.lab import Lab, LabHost
from tests.netns.sbc_process import SbcProcess
from tests.netns.softswitch import DOMAIN, Softswitch, SoftswitchPlan
from tests.netns.topology import Host, Interface, Topology

MakeLab = Callable[[Topology], Lab]
SBC6, PHONE6 = "2001:db8:1::1", "2001:db8:1::11"
SBC4, PHONE4 = "203.0.113.1", "203.0.113.12"
CORE, SOFTSWITCH = "198.51.100.1", "198.51.100.2"
TOPOLOGY = Topology(
    (
        Host("sbc", (Interface("six", (f"{SBC6}/64",)), Interface("four", (f"{SBC4}/24",)),
                     Interface("core", (f"{CORE}/24",)))),
        Host("phone-6", (Interface("six", (f"{PHONE6}/64",)),)),
        Host("phone-4", (Interface("four", (f"{PHONE4}/24",)),)),
        Host("softswitch", (Interface("core", (f"{SOFTSWITCH}/24",)),)),
    )
)  # fmt: skip
DIGEST = re.compile(rb"(?im)^(?:Proxy-)?Authorization:.*$")  # what it covers may not be changed (docs/sip.rst)
REALM = """
[realms.{name}]
side = "{side}"
[realms.{name}.media]
address = "{address}"
ports = "20000-20999"
[[realms.{name}.listeners]]
protocol = "sip"
transport = "{transport}"
address = "{address}"
port = 5060
"""
PATH = """
[[paths]]
name = "{name}"
access = "{name}"
core = "core"
next_hops = ["198.51.100.2:5060"]
domain = "voice.example"
callers = "any"
"""


@pytest.fixture
def start(make_lab: MakeLab) -> Iterator[Callable[[str], tuple[Lab, Softswitch]]]:
    """Makes the lab with an SBC whose IPv6 realm speaks that transport; at the end its log is judged."""
    running: list[SbcProcess] = []

    def make(transport: str) -> tuple[Lab, Softswitch]:
        lab = make_lab(TOPOLOGY)
        switch = Softswitch.start(lab.host("softswitch"), plan=SoftswitchPlan())
        realms = [("six", "access", SBC6, transport), ("four", "access", SBC4, "udp"), ("core", "core", CORE, "udp")]
        toml = "[timers]\naudit = 1.0\n" + "".join(
            REALM.format(name=name, side=side, address=address, transport=by) for name, side, address, by in realms
        )
        toml += PATH.format(name="six") + PATH.format(name="four")
        running.append(SbcProcess.start(lab.host("sbc"), toml))
        return lab, switch

    yield make
    for sbc in running:
        sbc.stop()


def baresip(host: LabHost, user: str, proxy: str, transport: str = "udp") -> BaresipPhone:
    return BaresipPhone(host, user, proxy, DOMAIN, transport=transport)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("caller", ["six", "four"])
def test_calls_between_the_families(
    start: Callable[[str], tuple[Lab, Softswitch]], transport: str, caller: str
) -> None:
    lab, switch = start(transport)
    wires = {segment: lab.host("sbc").capture(segment) for segment in ("six", "four", "core")}
    alice = baresip(lab.host("phone-6"), "alice", f"[{SBC6}]", transport)
    bob = baresip(lab.host("phone-4"), "bob", SBC4)
    alice.wait_registered()
    bob.wait_registered()
    (contact,) = switch.contacts("alice")
    assert f"@{CORE}:5060" in contact
    one, other, callee = (alice, bob, "bob") if caller == "six" else (bob, alice, "alice")
    one.dial(callee)
    one.wait_event("CALL_ESTABLISHED")
    other.wait_event("CALL_ESTABLISHED")
    for segment in ("six", "four"):
        wait_media_both_ways(wires[segment])
    one.hold()
    other.wait_event("CALL_REMOTE_SDP", 2)
    one.resume()
    other.wait_event("CALL_REMOTE_SDP", 3)
    other.hangup()
    one.wait_event("CALL_CLOSED")
    assert switch.complaints() == []
    for segment, wire in wires.items():
        wire.stop()
        counts = wire.rtp_counts()
        if segment == "core":  # the SBC's two calls meet in itself
            assert not counts
        else:
            assert len(counts) == 2 and min(counts.values()) > 10, (segment, counts)
        for seen in wire.sip_messages():
            body = seen.message.body
            if body.startswith(b"v=0"):
                assert (b"IP4" in body, b"IP6" in body) == (segment != "six", segment == "six"), body
    for segment in ("core", "four"):
        payloads = [packet.payload for packet in wires[segment].packets]
        assert not [data for data in payloads if b"2001:db8" in DIGEST.sub(b"", data)], segment
    assert not wires["six"].find(SOFTSWITCH.encode()) and not wires["six"].find(PHONE4.encode())
