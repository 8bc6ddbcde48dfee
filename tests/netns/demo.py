"""`make demo`: one real call through a NAT, the SBC and a softswitch, and what was rewritten on the way.

Everything it shows was read off the wire: hosts are network namespaces, the NATs are the kernel's, the softswitch is
Kamailio, and the addresses before and after come from captures on the phones' and the softswitch's interfaces.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.conftest import why_no_namespaces
from tests.netns.capture import Capture, SeenSip
from tests.netns.phone_call import PhoneCall
from tests.netns.scene import Scene, scene
from tests.netns.sip import Sdp, uri_of
from tests.netns.talk import Talk, talk
from tests.netns.topology import FIRST, PHONE, one_pair

PACKETS, REPORTS = 150, 3  # three seconds of audio at 50 packets a second, each way
WIDTH = 42
PRIVATE = re.compile(rb"\b192\.168\.\d+\.\d+")

PICTURE = f"""
  first network                               the SBC                   second network

  alice's phone      NAT
  {PHONE} --- {FIRST.access_net}.11 ---+
                                    |
                                    +--- {FIRST.sbc_access} [sbc] {FIRST.sbc_core} --- {FIRST.softswitch_address}
                                    |                                      softswitch (Kamailio)
  {PHONE} --- {FIRST.access_net}.12 ---+
  bob's phone        NAT

  Both phones have the same private address, as in two homes. The softswitch is to see the SBC alone.
"""


@dataclass
class Report:
    """What the demo says, and what did not come out as it should."""

    began: float = field(default_factory=time.monotonic)
    faults: list[str] = field(default_factory=list)

    def step(self, text: str) -> None:
        print(f"\n[{time.monotonic() - self.began:5.1f} s] {text}", flush=True)

    def line(self, text: str = "") -> None:
        print(f"          {text}".rstrip(), flush=True)

    def check(self, right: bool, text: str) -> None:
        print(f"          {'ok ' if right else 'NOT'} {text}", flush=True)
        if not right:
            self.faults.append(text)

    def table(self, heads: Iterable[str], rows: Iterable[tuple[str, ...]]) -> None:
        for name, *cells in [("", *heads), *rows]:
            self.line(f"{name:<13}" + "".join(f"{cell:<{WIDTH}}" for cell in cells).rstrip())


def main() -> int:
    """Run the demo; 0 if all was as it should be."""
    reason = why_no_namespaces()
    if reason:
        print(
            f"The demo {reason}. Run it as root: it makes its own network namespaces and removes them.", file=sys.stderr
        )
        return 2
    report = Report()
    print(PICTURE)
    report.step("starting: namespaces, NATs, Kamailio, `twistd sbc`")
    with scene(one_pair()) as stage:
        wires = {name: stage.lab.host(name).capture() for name in ("phone-a", "softswitch", "phone-b")}
        _register(report, stage)
        there, back, spoken = _call(report, stage)
        report.step("what was rewritten: read off the wire at alice's phone, at the softswitch, at bob's phone")
        _show_rewriting(report, wires)
        _show_media(report, stage, (there, back), spoken)
        _show_hiding(report, wires)
        said = (
            [line for line in stage.sbc.process.output().splitlines() if re.search(r"call \w{10}: ended", line)]
            if stage.sbc
            else []
        )
        report.step("what the SBC says of its two halves of the call (alice to softswitch, softswitch to bob)")
        for line in said:
            report.line(line.partition("] ")[2])
    report.step(
        "all namespaces and processes are gone again"
        if not report.faults
        else f"{len(report.faults)} things are NOT as they should be"
    )
    return 1 if report.faults else 0


def _register(report: Report, stage: Scene) -> None:
    report.step("alice and bob register through NAT and SBC (the softswitch asks for a password: 401)")
    for host, user in (("phone-a", "alice"), ("phone-b", "bob")):
        answer = stage.phone(host, user).register()
        report.check(
            answer.status == 200,
            f"{user}: {answer.start}, the phone gets its own contact back: {answer.get('Contact')}",
        )


def _call(report: Report, stage: Scene) -> tuple[PhoneCall, PhoneCall, Talk]:
    alice, bob = stage.phones
    report.step("alice calls bob; they talk for three seconds, RTP and RTCP both ways; alice hangs up")
    there = alice.dial("bob")
    back = bob.wait_call()
    there.wait("up")
    back.wait("up")
    spoken = talk(there, back, PACKETS, REPORTS)
    answer = there.bye()
    report.check(answer.status == 200, f"the call was set up and taken down: {answer.start} to BYE")
    back.wait("ended")
    return there, back, spoken


def _first(capture: Capture, method: str, status: int = 0, last: bool = False, **ends: str) -> SeenSip:
    found = [one for one in capture.sip_messages(method=method, **ends) if one.message.status == status]
    return found[-1 if last else 0]


def _rows(messages: Iterable[SeenSip]) -> list[tuple[str, ...]]:
    columns = [list(_facts(one)) for one in messages]
    return [(name, *(column[row][1] for column in columns)) for row, (name, _) in enumerate(columns[0])]


def _facts(seen: SeenSip) -> Iterable[tuple[str, str]]:
    message = seen.message
    sdp = Sdp.parse(message.body)
    text = message.body.decode()
    origin = re.search(r"^o=\S+ \S+ \S+ IN IP4 (\S+)", text, re.MULTILINE)
    yield "IP source", "{}:{}".format(*seen.src)
    yield "IP dest.", "{}:{}".format(*seen.dst)
    if not message.status:
        yield "Request-URI", message.uri
    yield "Via", f"{message.get('Via').split(';')[0].removeprefix('SIP/2.0/UDP ')} ({len(message.all('Via'))} in all)"
    yield "Contact", uri_of(message.get("Contact"))
    yield "Call-ID", message.get("Call-ID")[: WIDTH - 2]
    yield "SDP o=", origin[1] if origin else "-"
    yield "SDP c=, m=", "{}:{}".format(*sdp.rtp)
    yield "size", f"{len(seen.data)} octets"


def _show_rewriting(report: Report, wires: dict[str, Capture]) -> None:
    """The INVITE on its way to bob and the 200 OK on its way back, before and after each crossing."""
    core, sbc, softswitch = wires["softswitch"], FIRST.sbc_core, FIRST.softswitch_address
    invite, ok = ("INVITE", 0, True), ("INVITE", 200)
    crossings = (
        ("INVITE, alice to softswitch", _first(wires["phone-a"], *invite, src=PHONE), _first(core, *invite, src=sbc)),
        (
            "INVITE, softswitch to bob",
            _first(core, *invite, src=softswitch),
            _first(wires["phone-b"], *invite, dst=PHONE),
        ),
        ("200 OK, bob to softswitch", _first(wires["phone-b"], *ok, src=PHONE), _first(core, *ok, src=sbc)),
        ("200 OK, softswitch to alice", _first(core, *ok, src=softswitch), _first(wires["phone-a"], *ok, dst=PHONE)),
    )
    for title, before, after in crossings:
        report.line()
        report.line(title)
        report.table(("before the SBC", "after the SBC"), _rows((before, after)))


def _show_media(report: Report, stage: Scene, calls: tuple[PhoneCall, PhoneCall], spoken: Talk) -> None:
    report.step("media: packets each way (RTP, RTCP), counted by the phones")
    for name, way in (("alice to bob", spoken.there), ("bob to alice", spoken.back)):
        right = way.sent == way.heard == (PACKETS, REPORTS) and not way.repeated and not way.disordered
        report.check(
            right,
            f"{name}: sent {way.sent[0]} + {way.sent[1]}, heard {way.heard[0]} + {way.heard[1]}, none twice, in order",
        )


def _show_hiding(report: Report, wires: dict[str, Capture]) -> None:
    report.step("what each side could learn")
    core = wires["softswitch"]
    leaks = [packet for packet in core.packets if PRIVATE.search(packet.raw) or PHONE_PACKED in packet.raw]
    report.check(not leaks, f"no private address in any of the {len(core.packets)} packets at the softswitch")
    foreign = core.hosts() - {FIRST.sbc_core, FIRST.softswitch_address}
    report.check(not foreign, f"the softswitch saw no hosts but itself and the SBC ({FIRST.sbc_core})")
    for name in ("phone-a", "phone-b"):
        seen = [one.message for one in wires[name].sip_messages(dst=PHONE)]
        vias = max(len(message.all("Via")) for message in seen)
        routes = max(len(message.all("Record-Route")) + len(message.all("Route")) for message in seen)
        report.check(
            vias <= 1 and routes <= 1,
            f"{name}: at most {vias} Via and {routes} routes in {len(seen)} messages received",
        )


PHONE_PACKED = bytes(int(part) for part in PHONE.split("."))

if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    sys.exit(main())
