"""How messages are spoilt: bytes, spans, lines, numbers and addresses, by a seeded source of chance."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from tests.corpora import corpus

Change = Callable[[bytes, Random, Sequence[bytes]], bytes]
KEPT = Path(__file__).parent / "kept"
TOKENS = (
    b"\r\n", b"\n", b"\r", b"\r\n ", b"\0", b" ", b"\t", b":", b";", b",", b'"', b"\\", b"<", b">", b"(", b")", b"[",
    b"]", b"@", b"?", b"=", b"/", b"%", b"%00", b"%ff", b"\xff\xfe", b"\xc3", b"--", b"$", b"*", b"SIP/2.0", b"sips:",
    b"tel:+1", b"urn:service:sos", b"IN IP4 ", b"IN IP6 ", b"m=audio 0 RTP/AVP 0\r\n", b"m=image 9 udptl t38\r\n",
    b"c=IN IP4 0.0.0.0\r\n", b"a=rtcp:9\r\n", b"a=inactive\r\n", b"a=group:BUNDLE 1 2\r\n", b"Content-Length: 0\r\n",
    b"l: 99999\r\n", b"CSeq: 1 ACK\r\n", b"v: SIP/2.0/UDP x\r\n", b"Route: <sip:x;lr>\r\n", b"Require: 100rel\r\n",
    b"Record-Route: <sip:[::1];lr>\r\n", b"Contact: *\r\n", b"Expires: 0\r\n", b"Max-Forwards: 0\r\n", b"[::1]",
    b"Replaces: a;to-tag=1;from-tag=2\r\n", b"Content-Encoding: gzip\r\n", b"Content-Type: multipart/mixed\r\n",
    b"a" * 3000, b";a=b" * 300, b"9" * 500,
)  # fmt: skip
NUMBERS = (b"0", b"-1", b"1", b"255", b"256", b"65535", b"65536", b"2147483648", b"4294967296", b"9" * 30, b"0x10", b"")
HOSTS = (
    b"192.168.1.10", b"198.51.100.1", b"198.51.100.2", b"203.0.113.1", b"203.0.113.11", b"0.0.0.0", b"127.0.0.1",
    b"255.255.255.255", b"224.0.0.1", b"[2001:db8::1]", b"[::ffff:198.51.100.2]", b"sbc.example.com", b"1.2.3.4.5",
)  # fmt: skip
_NUMBER = re.compile(rb"\d+")
_HOST = re.compile(rb"\d+\.\d+\.\d+\.\d+|\[[0-9a-f:]+\]")


def seeds() -> list[bytes]:
    """Recorded and torture messages, where the corpora are there, and what has once gone wrong."""
    found = [*corpus("sip/real", "*.sip"), *corpus("sip/rfc4475", "*.dat")]
    return [data for _, data in found] + [path.read_bytes() for path in sorted(KEPT.glob("*.bin"))]


def mutated(data: bytes, random: Random, others: Sequence[bytes], changes: int) -> bytes:
    """`data` after so many changes; parts of `others` are put into it."""
    for _ in range(changes):
        data = random.choice(_WAYS)(data, random, others)[:80_000]
    return data


def _flip(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + bytes([random.randrange(256)]) + data[at + random.randrange(2) :]


def _insert(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + random.choice(TOKENS) + data[at + random.choice((0, 0, 1, 4)) :]


def cut(*sizes: int) -> Change:
    """What takes a span of one of those sizes out."""

    def change(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
        at = random.randrange(len(data) + 1)
        return data[:at] + data[at + random.choice(sizes) :]

    return change


def truncate(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    """The beginning of it."""
    return data[: random.randrange(len(data) + 1)]


def _repeat_line(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    lines = data.split(b"\r\n")
    at = random.randrange(len(lines))
    return b"\r\n".join(lines[:at] + lines[at : at + 1] * random.choice((2, 2, 3, 70)) + lines[at + 1 :])


def _move_line(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    lines = data.split(b"\r\n")
    line = lines.pop(random.randrange(len(lines)))
    lines.insert(random.randrange(len(lines) + 1), line)
    return b"\r\n".join(lines)


def _borrow_line(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    lines, theirs = data.split(b"\r\n"), random.choice(others).split(b"\r\n")
    lines.insert(random.randrange(len(lines)), random.choice(theirs))
    return b"\r\n".join(lines)


def _splice(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    other = random.choice(others)
    return data[: random.randrange(len(data) + 1)] + other[random.randrange(len(other) + 1) :]


def _replace(what: re.Pattern[bytes], by: Sequence[bytes]) -> Change:
    def change(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
        places = [match.span() for match in what.finditer(data)]
        if not places:
            return data
        start, end = random.choice(places)
        return data[:start] + random.choice(by) + data[end:]

    return change


_WAYS = (
    _flip, _flip, _insert, _insert, cut(1, 2, 8, 40, 400), truncate, _repeat_line, _move_line, _borrow_line, _splice,
    _replace(_NUMBER, NUMBERS), _replace(_HOST, HOSTS), _replace(_HOST, HOSTS),
)  # fmt: skip
