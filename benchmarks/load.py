"""Callers and callees for the benchmark of SIP calls: sipp on both sides of a border, and what it says of the calls."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.netns.topology import Host, Interface, Topology

if TYPE_CHECKING:
    from tests.netns.lab import Lab, LabHost
    from tests.netns.processes import LabProcess

PORT = 5060
CALLER, HOLDER = "203.0.113.10", "203.0.113.11"
CALLER_SIDE, CORE_SIDE = "203.0.113.1", "198.51.100.1"
CALLEE = "198.51.100.2"
NETWORK = Topology(
    (
        Host("callers", (Interface("access", (f"{CALLER}/24", f"{HOLDER}/24")),)),
        Host("border", (Interface("access", (f"{CALLER_SIDE}/24",)), Interface("core", (f"{CORE_SIDE}/24",)))),
        Host("callees", (Interface("core", (f"{CALLEE}/24",)),), gateway=CORE_SIDE),
    )
)
PATIENCE = 15_000  # milliseconds after which a call that hears nothing has failed
TERMINALS = 32_000  # the same of a registration (RFC 3261 section 17.1.2.2, timer F)

_HEAD = """Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch];rport
Max-Forwards: 70
From: "Alice" <sip:alice@example.com>;tag=[pid]c[call_number]
To: <sip:bob@example.com>{tag}
Call-ID: [call_id]
CSeq: {number}
"""
_SDP = """Content-Type: application/sdp
Content-Length: [len]

v=0
o=- [pid] 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio 6000 RTP/AVP 8 0 101
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
a=sendrecv
"""


def body(host: str) -> bytes:
    """The same description as bytes, for a party at `host`."""
    text = _SDP.partition("\n\n")[2].replace("[local_ip]", host).replace("[pid]", "1")
    return text.replace("\n", "\r\n").encode()


_NO_SDP = "Content-Length: 0\n\n"
_CONTACT = "Contact: <sip:{user}@[local_ip]:[local_port]>\n"
_ABOUT = "User-Agent: sipp\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS\nSupported: timer\n"


def _request(method: str, uri: str, number: int, tail: str, tag: str = "") -> str:
    lines = f"{method} {uri} SIP/2.0\n" + _HEAD.format(tag=tag, number=f"{number} {method}")
    return lines + ("[routes]\n" if tag else "") + tail


def _answer(status: str, tail: str, tag: str = ";tag=[pid]s[call_number]") -> str:
    lines = (
        "[last_Via:]",
        "[last_Record-Route:]",
        "[last_From:]",
        f"[last_To:]{tag}",
        "[last_Call-ID:]",
        "[last_CSeq:]",
    )
    return "\n".join((f"SIP/2.0 {status}", *lines)) + "\n" + tail


def _send(message: str, more: str = "") -> str:
    return f"<send{more}><![CDATA[\n{message}\n]]></send>"


def caller(media: bool) -> str:
    """Seven messages."""
    tag, body = "[peer_tag_param]", _SDP if media else _NO_SDP
    steps = (
        _send(
            _request("INVITE", f"sip:bob@[remote_ip]:{PORT}", 1, _CONTACT.format(user="alice") + _ABOUT + body),
            ' retrans="500"',
        ),
        '<recv response="100" optional="true"/>',
        '<recv response="180" optional="true"/>',
        '<recv response="200" rrs="true"/>',
        _send(_request("ACK", "[next_url]", 1, _NO_SDP, tag)),
        "<pause/>",
        _send(_request("BYE", "[next_url]", 2, _NO_SDP, tag), ' retrans="500"'),
        '<recv response="100" optional="true"/>',
        '<recv response="200"/>',
    )
    return _scenario("caller", steps)


def callee(media: bool) -> str:
    """Rings and answers at once."""
    contact = _CONTACT.format(user="bob")
    steps = (
        '<recv request="INVITE"/>',
        _send(_answer("180 Ringing", contact + _NO_SDP)),
        _send(_answer("200 OK", contact + _ABOUT + (_SDP if media else _NO_SDP)), ' retrans="500"'),
        '<recv request="ACK"/>',
        '<recv request="BYE"/>',
        _send(_answer("200 OK", _NO_SDP, "")),
    )
    return _scenario("callee", steps)


def terminal() -> str:
    """A terminal that registers from a private address, once."""
    message = f"""REGISTER sip:[remote_ip] SIP/2.0
Via: SIP/2.0/UDP 192.168.1.10:5060;branch=[branch];rport
Max-Forwards: 70
From: <sip:user[call_number]@[remote_ip]>;tag=[pid]r[call_number]
To: <sip:user[call_number]@[remote_ip]>
Call-ID: [call_id]
CSeq: 1 REGISTER
Contact: <sip:user[call_number]@192.168.1.10:5060>;expires=3600
User-Agent: sipp
{_NO_SDP}"""
    steps = (_send(message, ' retrans="500"'), '<recv response="100" optional="true"/>', '<recv response="200"/>')
    return _scenario("terminal", steps)


def registrar() -> str:
    """Says yes to whatever is registered."""
    answer = _answer("200 OK", "[last_Contact:]\n" + _NO_SDP)
    return _scenario("registrar", ('<recv request="REGISTER"/>', _send(answer)))


def _scenario(name: str, steps: tuple[str, ...]) -> str:
    return f'<?xml version="1.0"?>\n<scenario name="{name}">\n' + "\n".join(steps) + "\n</scenario>\n"


@dataclass(frozen=True)
class Outcome:
    """How a load went. `seconds` is how long it took."""

    done: int
    failed: int
    retransmitted: int
    seconds: float


class Load:
    """Runs of sipp in a lab. The callees serve until `close`."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._runs = 0
        self._callees: list[LabProcess] = []

    def answer(self, scenario: str, at: str = "callees", address: str = CALLEE) -> None:
        """Let a scenario answer at `address`."""
        host = self._lab.host(at)
        process = host.popen(self._argv(scenario, address, PORT), log="callee", cwd=self._directory(scenario))
        host.wait_bound(PORT, address, by=process)
        self._callees.append(process)

    def close(self) -> None:
        """End who answers."""
        for process in self._callees:
            process.stop(patience=0.0)
        self._callees.clear()

    def call(
        self, scenario: str, calls: int, rate: float, pause: float = 0.0, *more: str, patience: int = PATIENCE
    ) -> Outcome:
        """Make `calls` calls of `pause` seconds, `rate` a second, and wait until all are over."""
        process, directory = self._begin(scenario, calls, rate, pause, CALLER, *more, patience=patience)
        process.wait_exit(calls / rate + pause + patience / 1000 + 60)
        if not (directory / "stat.csv").exists():
            raise RuntimeError(f"sipp made no call\n{process.tail()}")
        return _outcome(directory)

    def hold(self, scenario: str, calls: int, rate: float) -> LabProcess:
        """Begin `calls` calls that last for an hour."""
        return self._begin(scenario, calls, rate, 3600.0, HOLDER)[0]

    def _begin(
        self, scenario: str, calls: int, rate: float, pause: float, address: str, *more: str, patience: int = PATIENCE
    ) -> tuple[LabProcess, Path]:
        directory = self._directory(scenario)
        host: LabHost = self._lab.host("callers")
        argv = [
            *self._argv(scenario, address, PORT), f"{CALLER_SIDE}:{PORT}",
            "-r", f"{rate:.0f}", "-m", str(calls), "-l", "200000", "-d", f"{pause * 1000:.0f}",
            "-recv_timeout", str(patience) if pause < patience / 1000 else "4000000",
            "-trace_stat", "-stf", "stat.csv", "-fd", "1", *more,
        ]  # fmt: skip
        return host.popen(argv, log="caller", cwd=directory), directory

    def _argv(self, scenario: str, address: str, port: int) -> list[str]:
        return [
            *("sipp", "-sf", f"{scenario.partition('name=')[2].split(chr(34))[1]}.xml", "-i", address, "-p", str(port)),
            *("-nostdin", "-timer_resol", "1", "-buff_size", "4194304", "-max_socket", "15000"),
            *("-default_behaviors", "all,-abortunexp"),
        ]

    def _directory(self, scenario: str) -> Path:
        self._runs += 1
        directory = self._lab.directory / f"run-{self._runs}"
        directory.mkdir()
        name = scenario.partition("name=")[2].split('"')[1]
        (directory / f"{name}.xml").write_text(scenario)
        return directory


def _outcome(directory: Path) -> Outcome:
    with (directory / "stat.csv").open() as file:
        last = list(csv.DictReader(file, delimiter=";"))[-1]
    hours, minutes, seconds = last["ElapsedTime(C)"].split(":")[:3]
    return Outcome(
        done=int(last["SuccessfulCall(C)"]),
        failed=int(last["FailedCall(C)"]),
        retransmitted=int(last["Retransmissions(C)"]),
        seconds=int(hours) * 3600 + int(minutes) * 60 + float(seconds),
    )
