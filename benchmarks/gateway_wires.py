"""Calls as a gateway and who controls it exchange them, for the benchmark of gateways: the octets of MGCP, and of H.248
in text and in BER. Written once; what differs from call to call is written over.

A call of MGCP is CRCX, MDCX, AUEP, DLCX; of H.248 three transactions with five commands: Add of a physical termination
and of one to be chosen, Modify, Subtract of both with statistics.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from benchmarks.load import CALLEE, CALLER
from tests.netns.h248_peers import PHYSICAL, erlang
from tests.netns.mgcp_wire import description

GATEWAY_MEDIA, AGENT_MEDIA = 30_000, 6_000


@dataclass
class GatewayCall:
    """What the controller knows of a call: at which gateway, how far it is, and the names that were chosen there."""

    peer: tuple[str, int]
    serial: int = 0
    step: int = 0
    names: tuple[bytes, ...] = ()


class MgcpWire:
    """RFC 3435. As osmo-mgw answers, so do the gateways here."""

    port = 2427
    steps, commands = 4, 4  # transactions of a call, and commands in them
    first = 1  # the controller's first transaction

    def __init__(self) -> None:
        self._made = count(1)
        self._domains: dict[tuple[str, int], bytes] = {}  # of gateways that have announced themselves
        self._told = description(CALLEE, AGENT_MEDIA).encode()
        self._own = description(CALLER, GATEWAY_MEDIA).encode()

    # The controller.

    def request(self, call: GatewayCall, number: int) -> bytes:
        """The call's next command."""
        if call.step == 0:
            domain = self._domains.get(call.peer) or b"[%b]" % call.peer[0].encode()
            opening = b"CRCX %d rtpbridge/*@%b MGCP 1.0\r\nC: %x\r\nL: p:20, a:PCMA\r\nM: recvonly\r\n"
            return opening % (number, domain, call.serial)
        endpoint, connection = call.names
        named = b"C: %x\r\nI: %b\r\n" % (call.serial, connection)
        if call.step == 1:
            return b"MDCX %d %b MGCP 1.0\r\n%bM: sendrecv\r\n\r\n%b" % (number, endpoint, named, self._told)
        if call.step == 2:
            return b"AUEP %d %b MGCP 1.0\r\n" % (number, endpoint)
        return b"DLCX %d %b MGCP 1.0\r\n%b" % (number, endpoint, named)

    def answered(self, data: bytes) -> int | None:
        """Of which transaction this is the final answer; None: it is none."""
        words = data[:24].split()
        return int(words[1]) if words[0].isdigit() and int(words[0]) >= 200 else None

    def learn(self, call: GatewayCall, data: bytes) -> bool:
        """Take what an answer says; whether it is a success."""
        if data[:1] != b"2":
            return False
        if call.step == 0:
            found = dict(line.split(b": ", 1) for line in data.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:] if line)
            call.names = (found[b"Z"], found[b"I"])
        return True

    def welcome(self, data: bytes, source: tuple[str, int]) -> bytes:
        """The answer to a gateway that announces itself."""
        number, endpoint = data.split(None, 3)[1:3]
        self._domains[source] = endpoint.partition(b"@")[2]
        return b"200 %b OK\r\n" % number

    # The gateway.

    def announce(self, port: int) -> bytes:
        return b"RSIP 1 *@gateway-%d MGCP 1.0\r\nRM: restart\r\n" % port

    def reply(self, data: bytes) -> bytes:
        """The answer to a command; nothing to what is none."""
        verb, number, endpoint = data.split(None, 3)[:3]
        if verb == b"CRCX":
            made = next(self._made)
            named = b"I: %08X\r\nZ: rtpbridge/%d@%b\r\n" % (made, made, endpoint.partition(b"@")[2])
            return b"200 %b OK\r\n%b\r\n%b" % (number, named, self._own)
        if verb == b"MDCX":
            return b"200 %b OK\r\n\r\n%b" % (number, self._own)
        if verb == b"DLCX":
            return b"250 %b OK\r\nP: PS=100, OS=17200, PR=100, OR=17200, PL=0, JI=0\r\n" % number
        return b"200 %b OK\r\n" % number if verb == b"AUEP" else b""


# Written into the messages of H.248, and then written over: a transaction, a context, a termination, a port. Numbers
# from 0x5A5A5A00 on have ten digits, and four octets in BER.
_NUMBER, _CONTEXT, _PORT = 0x5A5A5A01, 0x5A5A5A02, 23_130
_CHOSEN = "01011010/01011010/01011011"
_SIZES = (0x5A, 0x5A5A, 0x5A5A5A, _NUMBER, 0xDA5A5A01)  # of the SBC's own numbers: one to five octets in BER
_SDP = "v=0\nc=IN IP4 {0}\nm=audio {1} RTP/AVP 8\n"
_OURS, _GATEWAYS = f"[{CALLEE}]:2944", f"[{CALLER}]:{_PORT}"


def _size(number: int) -> int:
    """The octets of a number in BER."""
    return (number.bit_length() + 8) // 8


def _stream(mode: str, where: str, host: object, port: object) -> str:
    return f"{{Media{{Stream=1{{{mode}{where}{{\n{_SDP.format(host, port)}}}}}}}}}"


_OPENING = _stream("LocalControl{Mode=ReceiveOnly},", "Local", "$", "$")
_TELLING = _stream("LocalControl{Mode=SendReceive},", "Remote", CALLEE, AGENT_MEDIA)
_COUNTED = "{Statistics{rtp/ps=100,rtp/pr=100,nt/os=17200,nt/or=17200}}"
REQUESTS = (
    f"Context=${{Add={PHYSICAL},Add=${_OPENING}}}",
    f"Context={_CONTEXT}{{Modify={_CHOSEN}{_TELLING}}}",
    f"Context={_CONTEXT}{{Subtract={PHYSICAL}{{Audit{{}}}},Subtract={_CHOSEN}{{Audit{{Statistics}}}}}}",
)
REPLIES = (
    f"Context={_CONTEXT}{{Add={PHYSICAL},Add={_CHOSEN}{_stream('', 'Local', CALLER, GATEWAY_MEDIA)}}}",
    f"Context={_CONTEXT}{{Modify={_CHOSEN}}}",
    f"Context={_CONTEXT}{{Subtract={PHYSICAL},Subtract={_CHOSEN}{_COUNTED}}}",
)
_ANNOUNCE = 'Context=-{ServiceChange=ROOT{Services{Method=Restart,Reason="901 Cold Boot"}}}'
_WELCOME = "Context=-{ServiceChange=ROOT}"


def templates(encoding: str, directory: Path) -> dict[str, bytes]:
    """All messages, by name, as Erlang's megaco application writes them in an encoding."""
    texts = {"announce": f"MEGACO/1 {_GATEWAYS} Transaction={_NUMBER}{{{_ANNOUNCE}}}"}
    for place, body in enumerate(REQUESTS):
        texts[f"request-{place}"] = f"MEGACO/1 {_OURS} Transaction={_NUMBER}{{{body}}}"
    for size, number in enumerate(_SIZES, 1):
        texts[f"welcome-{size}"] = f"MEGACO/1 {_OURS} Reply={number}{{{_WELCOME}}}"
        for place, body in enumerate(REPLIES):
            texts[f"reply-{place}-{size}"] = f"MEGACO/1 {_GATEWAYS} Reply={number}{{{body}}}"
    for name, text in texts.items():
        (directory / name).write_text(text)
    files = [str(directory / name) for name in texts]
    subprocess.run(erlang("convert", encoding, *files), check=True, capture_output=True, timeout=60)
    return {name: (directory / f"{name}.{encoding}").read_bytes() for name in texts}


_ACTION_REPLY = (0x30, 0xA1, 0xA2, 0xA1, 0xA2, 0xA2, 0xA1, 0x30)  # the way to it; a transactionError has none
_VERBS = {b"Add": 0, b"A": 0, b"Modify": 1, b"MF": 1, b"Subtract": 2, b"S": 2, 0xA0: 0, 0xA2: 1, 0xA3: 2}


class H248Wire:
    """H.248.1 in text or BER, from `templates`."""

    steps, commands = 3, 5
    first = 0x5A5B0000
    _NAME = re.compile(rb"(?:Transaction|Reply|[TP])\s*=\s*(\d+)")
    _PLACE = re.compile(rb"(?:Context|C)\s*=\s*(\d+)")
    _VERB = re.compile(rb"[{\s](Add|Modify|Subtract|A|MF|S)\s*=")
    _ERROR = re.compile(rb"\b(?:Error|ER)\s*=", re.IGNORECASE)
    _LAST = re.compile(rb"[01]{8}/[01]{8}/[01]{8}")

    def __init__(self, encoding: str, templates: dict[str, bytes]) -> None:
        self.binary = encoding == "binary"
        self.port = 2945 if self.binary else 2944
        self._made = count(1)
        self._templates = templates

    # The controller.

    def request(self, call: GatewayCall, number: int) -> bytes:
        """The call's next transaction."""
        data = self._put(self._templates[f"request-{call.step}"], _NUMBER, number)
        if call.step:
            context, termination = call.names
            data = data.replace(self._written(_CONTEXT), context).replace(self._termination(0x5A5A5B), termination)
        return data

    def answered(self, data: bytes) -> int | None:
        """Of which transaction this is the reply; None: it is none."""
        if self.binary:
            found = _child(data, 0x30, 0xA1, 0xA2, 0xA1, 0xA2, 0x80)
            return int.from_bytes(found, "big") if found is not None else None
        named = self._NAME.search(data)
        return int(named[1]) if named and named[0][:1] in b"RP" else None

    def learn(self, call: GatewayCall, data: bytes) -> bool:
        """Take what a reply says; whether it is a success."""
        if self._refused(data):
            return False
        if call.step == 0:
            if self.binary:
                action = _child(data, *_ACTION_REPLY) or b""
                context = _child(action, 0x80) or b""
                last = action.rfind(b"\x81\x03")
                call.names = (context, action[last + 2 : last + 5])
            else:
                place = self._PLACE.search(data)
                call.names = (place[1] if place else b"", self._LAST.findall(data)[-1])
        return True

    def _refused(self, data: bytes) -> bool:
        """Whether a reply has an error: of the transaction, of its action, or instead of what a command answers."""
        if not self.binary:
            return self._ERROR.search(data) is not None
        action = _child(data, *_ACTION_REPLY)
        if action is None or _child(action, 0xA1) is not None:
            return True
        return any(_child(command, 0xA1, 0xA0) is not None for _, command in _elements(_child(action, 0xA3) or b""))

    def welcome(self, data: bytes, source: tuple[str, int]) -> bytes:
        number = self._number(data)
        size = _size(number)
        return self._put(self._templates[f"welcome-{size}"], _SIZES[size - 1], number)

    # The gateway.

    def announce(self, port: int) -> bytes:
        return self._put(self._ported(self._templates["announce"], port), _NUMBER, self.first)

    def reply(self, data: bytes) -> bytes:
        """The reply to a transaction; nothing to what is none."""
        number = self._number(data)
        step = self._step(data)
        if step is None or number < 0:
            return b""
        size = _size(number)
        reply = self._put(self._templates[f"reply-{step}-{size}"], _SIZES[size - 1], number)
        if step == 0:
            made = next(self._made)
            context, termination = self._written(0x5A5C0000 + made), self._termination(0x100000 + made)
        elif self.binary:
            action = _child(data, 0x30, 0xA1, 0xA2, 0xA1, 0xA0, 0xA1, 0x30) or b""
            context, last = _child(action, 0x80) or b"", action.rfind(b"\x81\x03")
            termination = action[last + 2 : last + 5]
        else:
            place = self._PLACE.search(data)
            context, termination = place[1] if place else b"", self._LAST.findall(data)[-1]
        return reply.replace(self._written(_CONTEXT), context).replace(self._termination(0x5A5A5B), termination)

    def _step(self, data: bytes) -> int | None:
        if self.binary:
            action = _child(data, 0x30, 0xA1, 0xA2, 0xA1, 0xA0, 0xA1, 0x30)
            command = _child(action or b"", 0xA3, 0x30, 0xA0)
            return _VERBS.get(command[0]) if command else None
        verb = self._VERB.search(data)
        return _VERBS[verb[1]] if verb else None

    def _number(self, data: bytes) -> int:
        if self.binary:
            found = _child(data, 0x30, 0xA1, 0xA2, 0xA1, 0xA0, 0x80)
            return int.from_bytes(found, "big") if found else -1
        named = self._NAME.search(data)
        return int(named[1]) if named and named[0][:1] == b"T" else -1

    def _written(self, number: int) -> bytes:
        if self.binary:
            return number.to_bytes(_size(number), "big")
        return b"%d" % number

    def _put(self, data: bytes, old: int, new: int) -> bytes:
        """Text of any length; in BER `old` and `new` take as many octets. The first place is the transaction's."""
        there, here = self._written(old), self._written(new)
        if self.binary and old < _NUMBER and old in _SIZES:  # so short that it may be elsewhere, too
            there, here = (b"\x80%c%b" % (len(each), each) for each in (there, here))
        return data.replace(there, here, 1)

    def _ported(self, data: bytes, port: int) -> bytes:
        return data.replace(self._written(_PORT), self._written(port), 1)

    def _termination(self, number: int) -> bytes:
        octets = number.to_bytes(3, "big")
        return octets if self.binary else b"/".join(b"%08d" % int(f"{each:b}") for each in octets)


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The elements of BER that stand side by side: tag and contents."""
    at = 0
    while at < len(data):
        kind, size, at = data[at], data[at + 1], at + 2
        if size & 0x80:
            octets = size & 0x7F
            size, at = int.from_bytes(data[at : at + octets], "big"), at + octets
        yield kind, data[at : at + size]
        at += size


def _child(data: bytes, *tags: int) -> bytes | None:
    """The contents of the first element of a tag within the first of another, and so on; None where one is missing."""
    for tag in tags:
        found = next((contents for kind, contents in _elements(data) if kind == tag), None)
        if found is None:
            return None
        data = found
    return data
