"""The torture messages of RFC 4475 and RFC 5118 against a running SBC and its softswitch, by UDP and TCP: it answers
what the table says, lives, and takes calls afterwards."""

from __future__ import annotations

import re
import select
import socket
import time
from collections.abc import Callable

import pytest

from tests.corpora import ROOT
from tests.netns.lab import Lab
from tests.netns.pcap import Packet
from tests.netns.sbc_process import SbcProcess
from tests.netns.softswitch import Softswitch, SoftswitchPlan
from tests.netns.test_families import PATH, REALM, SBC4, SBC6, TOPOLOGY, baresip
from tests.netns.topology import Topology
from tests.netns.waiting import PATIENCE, wait_for
from tests.torture import BY_US, RFC5118, torture

MakeLab = Callable[[Topology], Lab]
QUIET = 2.0
"""Seconds that are listened on once all who must answer have: nobody else may."""
# On a stream these leave the SBC waiting for what never comes, or are cut in two: each connection is ended.
ON_STREAM = {
    "clerr": "",  # its body is still to come
    "ncl": "400 Malformed Content-Length",
    "mcl01": "400 More than one Content-Length",
    "lwsruri": "400 Malformed Request-Line",
    "inv2543": "400 Missing Content-Length",  # which a stream cannot do without (RFC 3261 section 18.3)
    "invut": "400 Missing Content-Length",
    "dblreq": "400 Malformed SDP line",  # the second of two, cut short; the rest is no SIP, and the connection is ended
}


LISTENER = """
[[realms.{name}.listeners]]
protocol = "sip"
transport = "tcp"
address = "{address}"
port = 5060
"""


def configuration() -> str:
    toml = "[timers]\naudit = 1.0\n"
    for name, side, address in (
        ("six", "access", SBC6),
        ("four", "access", SBC4),
        ("core", "core", "198.51.100.1"),
    ):
        toml += REALM.format(name=name, side=side, address=address, transport="udp")
        if side == "access":
            toml += LISTENER.format(name=name, address=address)
            toml += f"[realms.{name}.flood]\nenabled = false\n"  # who sends all this at once would be banned
    return toml + PATH.format(name="six") + PATH.format(name="four")


def first_lines(data: bytes) -> list[str]:
    """The status lines of all that was answered, provisional ones left out."""
    found = re.findall(rb"(?m)^SIP/2\.0 ([2-6]\d\d [^\r]*)\r$", data)
    return list(dict.fromkeys(line.decode() for line in found))


def ask(lab: Lab, transport: str, expected: dict[str, str]) -> dict[str, list[str]]:
    """Send each message from a socket of its own; what was answered to each. Those of whom it is `expected` have
    time to answer."""
    sockets: dict[str, socket.socket] = {}
    for name, data in torture().items():
        host, sbc = (lab.host("phone-6"), SBC6) if name in RFC5118 else (lab.host("phone-4"), SBC4)
        if transport == "udp":
            made = host.udp()
            made.sendto(data, (sbc, 5060))
        else:
            made = host.tcp(sbc, 5060)
            made.sendall(data)
        sockets[name] = made
    heard = dict.fromkeys(sockets, b"")
    by_socket = {made: name for name, made in sockets.items()}
    end, waited_for = time.monotonic() + PATIENCE, {name for name, answer in expected.items() if answer}
    while by_socket and (left := end - time.monotonic()) > 0:
        if waited_for and all(heard[name] for name in waited_for):
            waited_for, end = set(), time.monotonic() + QUIET
            continue
        for made in select.select(list(by_socket), [], [], left)[0]:
            data = made.recv(65535)
            heard[by_socket[made]] += data
            if not data:
                del by_socket[made]
    return {name: first_lines(data) for name, data in heard.items()}


def crossed(packets: list[Packet]) -> set[bytes]:
    """The Call-IDs of the requests that the SBC has sent on."""
    requests = [p.payload for p in packets if p.src[0] == "198.51.100.1" and not p.payload.startswith(b"SIP/2.0 ")]
    return {call[1] for data in requests if (call := re.search(rb"(?im)^(?:call-id|i)[ \t]*:[ \t]*(\S+)", data))}


@pytest.mark.skipif(not ROOT.is_dir(), reason="needs the corpora in ../shared/corpora")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_torture(make_lab: MakeLab, transport: str) -> None:
    lab = make_lab(TOPOLOGY)
    switch = Softswitch.start(lab.host("softswitch"), plan=SoftswitchPlan())
    sbc = SbcProcess.start(lab.host("sbc"), configuration())
    core = lab.host("softswitch").capture()
    expected = BY_US | (ON_STREAM if transport == "tcp" else {})
    answers = ask(lab, transport, expected)
    for name, told in answers.items():
        print(name, told)
    for name, told in answers.items():
        if name in expected:
            assert told == [expected[name]] * bool(expected[name]), name
    wanted = len(answers) - len(expected) + (transport == "tcp")
    wait_for(lambda: len(crossed(core.so_far())) >= wanted, what="all others to have crossed")
    assert len(crossed(core.packets)) == wanted, "of dblreq the first crosses"
    alice, bob = baresip(lab.host("phone-6"), "alice", f"[{SBC6}]"), baresip(lab.host("phone-4"), "bob", SBC4)
    alice.wait_registered()
    bob.wait_registered()
    alice.dial("bob")
    alice.wait_event("CALL_ESTABLISHED")
    alice.wait_event("CALL_RTCP")
    alice.hangup()
    bob.wait_event("CALL_CLOSED")
    assert switch.process.running
    sbc.stop()
