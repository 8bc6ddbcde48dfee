"""A RADIUS server as the tests have one: in memory, it answers rightly what it is asked, or not at all."""

from __future__ import annotations

import hashlib
import struct

from sbc.config.values import Octets
from sbc.core.address import Address
from sbc.ledger.radius.packets import Attribute, Naming
from sbc.ledger.radius.sender import Terms

SECRET = b"a secret of tests"
NAMING = Naming("sbc-1", Octets.IP)
FIRST, SECOND = Address("198.51.100.9", 1813), Address("198.51.100.10", 1813)


def terms(*servers: Address, **more: object) -> Terms:
    return Terms(servers or (FIRST,), SECRET, NAMING, **more)  # type: ignore[arg-type]


def attributes(data: bytes) -> dict[Attribute, bytes]:
    """Of a request, read by what RFC 2865 says of them and not by the library."""
    found: dict[Attribute, bytes] = {}
    rest = data[20:]
    while rest:
        found[Attribute(rest[0])] = rest[2 : rest[1]]
        rest = rest[rest[1] :]
    return found


def number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def answer(asked: bytes, code: int = 5, secret: bytes = SECRET, body: bytes = b"") -> bytes:
    """The answer to a request (RFC 2866 section 3), made by hand."""
    head = struct.pack("!BBH", code, asked[1], 20 + len(body))
    return head + hashlib.md5(head + asked[4:20] + body + secret).digest() + body


def is_signed(asked: bytes, secret: bytes = SECRET) -> bool:
    """Whether a request has the authenticator that RFC 2866 section 3 wants."""
    return asked[4:20] == hashlib.md5(asked[:4] + bytes(16) + asked[20:] + secret).digest()
