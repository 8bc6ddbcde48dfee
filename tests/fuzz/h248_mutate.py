"""How binary messages of H.248 are spoilt: element by element, with the lengths around mended, so that what is wrong is
found deep inside too; or octet by octet, whatever the lengths say then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from sbc.core.message import BadMessage
from sbc.h248.ber import Changes, Tlv, read, wrap
from tests.fuzz.mutate import cut, truncate

_CONTENTS = (
    b"", b"\0", b"\xff", b"\xff" * 8, b"\x80", b"$", b"IN IP4 10.0.0.1", b"IN IP6 2001:db8::1", b"IN IP4 $",
    b"c=IN IP4 1.2.3.4", b"\0\0\xb0\x0f", b"x" * 200,
    b"audio 4000 RTP/AVP 8", b"audio $ RTP/AVP 0", b"audio 70000 RTP/AVP 0", b"\x0a\0\0\x01", b"\x04\x04\x0a\0\0\x01",
    b"\x02\x02\x0f\xa0", b"\0\0\x60\x01", b"\0\0\x60\x02", b"\0\0\x60\x03", b"\0\0\xb0\x08",
    b"\r\n", b"rtcp:5 IN IP4 10.0.0.9", b"\x16\x03abc", b"\x7f" * 10,
)  # fmt: skip
_MOST = 20_000
Spoil = Callable[[bytes, Random, Tlv, Tlv | None, Changes], None]


def spoilt(data: bytes, random: Random, others: Sequence[bytes], changes: int) -> bytes:
    """`data` after so many changes."""
    for _ in range(changes):
        if random.random() < 0.25:
            data = random.choice((_octet, cut(1, 2, 6, 16, 60), truncate))(data, random, others)
        else:
            data = _deep(data, random, others)
        data = data[:_MOST]
    return data


def _octet(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + bytes((random.choice((0, 1, 0x7F, 0x80, 0xA0, 0xFF, random.randrange(256))),)) + data[at + 1 :]


def _deep(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    try:
        root = read(data)
    except BadMessage:
        return random.choice(others)
    elements = _all(root)
    chosen = random.choice(elements)
    changes = Changes(data)
    random.choice(_WAYS)(data, random, chosen, random.choice(elements), changes)
    return changes.apply(root)


def _all(root: Tlv) -> list[Tlv]:
    """An element and all inside it."""
    found = [root]
    for each in found:
        found += each.parts or ()
    return found


def _content(data: bytes, random: Random, tlv: Tlv, other: Tlv | None, changes: Changes) -> None:
    changes.content(tlv, random.choice(_CONTENTS))


def _gone(data: bytes, random: Random, tlv: Tlv, other: Tlv | None, changes: Changes) -> None:
    changes.replace(tlv, b"")


def _many(data: bytes, random: Random, tlv: Tlv, other: Tlv | None, changes: Changes) -> None:
    changes.replace(tlv, data[tlv.at : tlv.after] * random.choice((2, 3, 20, 300)))


def _other(data: bytes, random: Random, tlv: Tlv, other: Tlv | None, changes: Changes) -> None:
    if other is not None:
        changes.replace(tlv, data[other.at : other.after])


def _tag(data: bytes, random: Random, tlv: Tlv, other: Tlv | None, changes: Changes) -> None:
    """Another tag, or constructed instead of primitive."""
    first = random.choice((data[tlv.at] ^ 0x20, 0x80 | random.randrange(12), 0xA0 | random.randrange(12)))
    changes.replace(tlv, bytes((first,)) + data[tlv.at + 1 : tlv.after])


def _deeper(data: bytes, random: Random, tlv: Tlv, other: Tlv | None, changes: Changes) -> None:
    made = data[tlv.at : tlv.after]
    for _ in range(random.choice((1, 2, 50))):
        made = wrap(random.choice((0x30, 0xA0, 0xA1, 0x24)), made)
    changes.replace(tlv, made)


def _endless(data: bytes, random: Random, tlv: Tlv, other: Tlv | None, changes: Changes) -> None:
    """The same with an indefinite length."""
    changes.replace(tlv, bytes((data[tlv.at] | 0x20, 0x80)) + data[tlv.start : tlv.end] + b"\0\0")


def _longer(data: bytes, random: Random, tlv: Tlv, other: Tlv | None, changes: Changes) -> None:
    """The same with its length in more octets than it needs."""
    size = (tlv.end - tlv.start).to_bytes(4, "big")
    changes.replace(tlv, data[tlv.at : tlv.at + 1] + b"\x84" + size + data[tlv.start : tlv.end])


_WAYS: tuple[Spoil, ...] = (_content, _content, _gone, _many, _other, _other, _tag, _deeper, _endless, _longer)
