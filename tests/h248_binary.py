"""Binary messages of H.248 for the tests, made octet by octet."""

from __future__ import annotations

from sbc.h248.ber import CONSTRUCTED, wrap

HOST = b"\xa1\x08\xa0\x06\x80\x04\x0a\x00\x00\x01"  # mId [1]: ip4Address 10.0.0.1


def node(number: int, *contents: bytes) -> bytes:
    """A constructed element with a context-specific tag."""
    return wrap(0x80 | CONSTRUCTED | number, *contents)


def leaf(number: int, octets: bytes) -> bytes:
    """A primitive one."""
    return wrap(0x80 | number, octets)


def listed(*contents: bytes) -> bytes:
    return wrap(0x30, *contents)


def message(*transactions: bytes, mid: bytes = HOST, version: int = 1, signed: bytes = b"") -> bytes:
    inner = node(1, leaf(0, bytes((version,))), mid, node(2, node(1, *transactions)))
    return listed(signed, inner)


def request(number: int, *actions: bytes) -> bytes:
    return node(0, leaf(0, bytes((number,))), node(1, *actions))


def reply(number: int, *actions: bytes) -> bytes:
    return node(2, leaf(0, bytes((number,))), node(2, node(1, *actions)))


def action(context: bytes, *commands: bytes) -> bytes:
    return listed(leaf(0, context), node(3, *commands))


def command(number: int, *contents: bytes) -> bytes:
    """A CommandRequest with the alternative of that tag."""
    return listed(node(0, node(number, *contents)))


def termination(identifier: bytes, fields: bytes = b"") -> bytes:
    """A TerminationID in a list."""
    return listed(node(0, *[wrap(4, bytes((field,))) for field in fields]), leaf(1, identifier))


def prop(number: int, *values: bytes) -> bytes:
    """A property of Annex C."""
    return listed(leaf(0, number.to_bytes(4, "big")), node(1, *[wrap(4, value) for value in values]))


def group(*properties: bytes) -> bytes:
    return listed(*properties)


def modify(*groups: bytes, remote: bool = True, identifier: bytes = b"\x01\x02") -> bytes:
    """A Modify of one termination in context 7, whose Remote (or Local) descriptor has these groups."""
    described = node(2 if remote else 1, node(0, *groups))
    media = node(0, node(1, node(1, listed(leaf(0, b"\x01"), node(1, described)))))
    return message(request(9, action(b"\x07", command(2, node(0, termination(identifier)), node(1, media)))))


_DESCRIBED = (prop(0xB001, b"0"), prop(0xB008, b"IN IP4 10.0.0.1"), prop(0xB00F, b"audio 4000 RTP/AVP 8"))
MADE = [
    modify(group(*_DESCRIBED, prop(0xB00C, b"rtcp:4001"))),
    modify(group(prop(0x6001, b"\x0a\0\0\x01"), prop(0x6003, b"\x0f\xa0"), prop(0x100F, b"\x08")), remote=False),
    message(
        node(2, leaf(0, b"\5"), leaf(1, b""), node(2, node(1, action(b"\7", node(5, node(1, leaf(0, b"\1\xf6")))))))
    ),
    message(reply(5, action(b"\7", node(5, node(0)), node(5, node(1, leaf(0, b"\1\x9b")))))),
    message(reply(5, action(b"\7", node(5, node(3, node(0, termination(b"\1")), node(1)))))),
]
"""What fuzzing begins with, besides what is recorded."""
