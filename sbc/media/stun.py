"""STUN (RFC 8489) as far as ICE needs it: Binding requests and their answers, checked, bounded, and written.

Everything that is no such message raises `BadMessage`. Who may ask what is not decided here (`sbc.media.ice`).
"""

from __future__ import annotations

import struct
from binascii import crc32
from enum import IntEnum
from hmac import compare_digest, digest
from ipaddress import IPv4Address, ip_address

import attrs

from sbc.core.address import Address, literal
from sbc.core.message import BadMessage

COOKIE = 0x2112A442
LONGEST = 1280
"""Octets: what goes into any packet without fragments (RFC 8489 section 6.1), and far more than a check has."""
MOST = 32
"""Attributes of one message."""
LONGEST_NAME = 509
"""Octets of a USERNAME (RFC 8489 section 14.3), and of an error's reason."""

HEADER = struct.Struct("!HHI12s")
_HEAD = struct.Struct("!HH")
_FINGERPRINT_XOR = 0x5354554E
_OPTIONAL = 0x8000  # attributes from here on need not be understood (section 14)


class Kind(IntEnum):
    """The message types of the method Binding (RFC 8489 section 5)."""

    REQUEST = 0x0001
    INDICATION = 0x0011
    SUCCESS = 0x0101
    ERROR = 0x0111


class Attribute(IntEnum):
    """Types of attributes (RFC 8489 section 18.3, RFC 8445 section 16.1)."""

    USERNAME = 0x0006
    MESSAGE_INTEGRITY = 0x0008
    ERROR_CODE = 0x0009
    UNKNOWN_ATTRIBUTES = 0x000A
    MESSAGE_INTEGRITY_SHA256 = 0x001C
    XOR_MAPPED_ADDRESS = 0x0020
    PRIORITY = 0x0024
    USE_CANDIDATE = 0x0025
    FINGERPRINT = 0x8028
    ICE_CONTROLLED = 0x8029
    ICE_CONTROLLING = 0x802A


_SIZES = {Attribute.PRIORITY: 4, Attribute.USE_CANDIDATE: 0, Attribute.ICE_CONTROLLED: 8, Attribute.ICE_CONTROLLING: 8}
_AFTER = (Attribute.MESSAGE_INTEGRITY_SHA256, Attribute.FINGERPRINT)  # what may follow MESSAGE-INTEGRITY (section 14.5)

REASONS = {400: "Bad Request", 401: "Unauthenticated", 420: "Unknown Attribute", 487: "Role Conflict"}
"""The errors that are answered, with their reasons (RFC 8489 section 14.8, RFC 8445 section 7.3.1.1)."""


@attrs.frozen
class Proof:
    """One of the two kinds of MESSAGE-INTEGRITY: what it covers, and its value. `name` is that of the hash."""

    name: str
    covered: bytes = attrs.field(repr=False)
    value: bytes = attrs.field(repr=False)

    def holds(self, password: bytes) -> bool:
        """Whether who has written it knows the `password`; takes the same time whatever is wrong."""
        return compare_digest(digest(password, self.covered, self.name)[: len(self.value)], self.value)


@attrs.frozen
class Message:
    """A message of the method Binding. `unknown` are the types of attributes that would have to be understood and are
    not. `controlling` and `controlled` are the tie-breakers of ICE; None where the attribute is not there."""

    kind: Kind
    transaction: bytes
    username: bytes | None = None
    proof: Proof | None = None
    priority: int | None = None
    use_candidate: bool = False
    controlling: int | None = None
    controlled: int | None = None
    mapped: Address | None = None
    error: int | None = None
    unknown: tuple[int, ...] = ()


def is_stun(data: bytes) -> bool:
    """Whether a datagram is for STUN, by its first octet (RFC 7983 section 7) and the cookie."""
    return len(data) >= HEADER.size and data[0] < 4 and data[4:8] == COOKIE.to_bytes(4, "big")


def read(data: bytes) -> Message:
    """The message that a datagram holds. @raises BadMessage for anything else.

    Of an attribute that comes more than once the first counts, and nothing behind MESSAGE-INTEGRITY but what stands in
    `_AFTER` (RFC 8489 sections 14 and 14.5). A FINGERPRINT must be the last, and right.
    """
    if not HEADER.size <= len(data) <= LONGEST:
        raise BadMessage(f"{len(data)} octets are no STUN message")
    kind, length, cookie, transaction = HEADER.unpack_from(data)
    if cookie != COOKIE or length % 4 or length != len(data) - HEADER.size:
        raise BadMessage("no STUN header")
    if kind not in _KINDS:
        raise BadMessage(f"message type {kind:#06x} is none of Binding")
    found = _attributes(data)
    known: dict[int, bytes] = {}
    unknown: list[int] = []
    proof: Proof | None = None
    for place, word, value in found:
        if proof is not None and word not in _AFTER:
            continue
        if word == Attribute.FINGERPRINT:
            _check_fingerprint(data, place, value)
        elif word in _HASHES:
            proof = _proof(data, place, word, value)
        elif word in _KNOWN:
            known.setdefault(word, value)
        elif word < _OPTIONAL and word not in unknown:
            unknown.append(word)
    return _message(Kind(kind), transaction, known, proof, tuple(unknown))


def _attributes(data: bytes) -> list[tuple[int, int, bytes]]:
    """Where each attribute stands, its type and its value."""
    found: list[tuple[int, int, bytes]] = []
    at = HEADER.size
    while at < len(data):
        if len(found) == MOST:
            raise BadMessage(f"more than {MOST} attributes")
        word, size = _HEAD.unpack_from(data, at)  # there is room for it: all lengths are multiples of 4
        end = at + _HEAD.size + size
        if end > len(data):
            raise BadMessage(f"attribute {word:#06x} is longer than the message")
        found.append((at, word, data[at + _HEAD.size : end]))
        at = end + -size % 4
    return found


def _check_fingerprint(data: bytes, at: int, value: bytes) -> None:
    if at != len(data) - 8 or len(value) != 4:
        raise BadMessage("FINGERPRINT is not the last attribute")
    if int.from_bytes(value, "big") != crc32(data[:at]) ^ _FINGERPRINT_XOR:
        raise BadMessage("FINGERPRINT is wrong")


def _proof(data: bytes, at: int, word: int, value: bytes) -> Proof:
    """What an integrity attribute proves: it covers all before it, with a length in the header as if it were the last
    (RFC 8489 sections 14.5 and 14.6; SHA-256 may be cut, to 16 octets or more)."""
    name, shortest, longest = _HASHES[word]
    if not shortest <= len(value) <= longest or len(value) % 4:
        raise BadMessage(f"{len(value)} octets of message integrity")
    length = at + _HEAD.size + len(value) - HEADER.size
    return Proof(name, data[:2] + length.to_bytes(2, "big") + data[4:at], value)


def _message(
    kind: Kind, transaction: bytes, known: dict[int, bytes], proof: Proof | None, unknown: tuple[int, ...]
) -> Message:
    for word, size in _SIZES.items():
        if len(known.get(word, b"\0" * size)) != size:
            raise BadMessage(f"{word.name} has {len(known[word])} octets")
    username = known.get(Attribute.USERNAME)
    if username is not None and len(username) > LONGEST_NAME:
        raise BadMessage("USERNAME is too long")

    def number(word: Attribute) -> int | None:
        return int.from_bytes(known[word], "big") if word in known else None

    mapped, error = known.get(Attribute.XOR_MAPPED_ADDRESS), known.get(Attribute.ERROR_CODE)
    return Message(
        kind,
        transaction,
        username,
        proof,
        number(Attribute.PRIORITY),
        Attribute.USE_CANDIDATE in known,
        number(Attribute.ICE_CONTROLLING),
        number(Attribute.ICE_CONTROLLED),
        None if mapped is None else _address(mapped, transaction),
        None if error is None else _error(error),
        unknown,
    )


def _error(value: bytes) -> int:
    if not 4 <= len(value) <= 4 + LONGEST_NAME or not 3 <= value[2] & 7 <= 6 or value[3] > 99:
        raise BadMessage("no ERROR-CODE")
    return (value[2] & 7) * 100 + value[3]


def _address(value: bytes, transaction: bytes) -> Address:
    """The address in an XOR-MAPPED-ADDRESS (RFC 8489 section 14.2)."""
    if len(value) not in (8, 20) or value[1] != (1 if len(value) == 8 else 2):
        raise BadMessage("no XOR-MAPPED-ADDRESS")
    host = ip_address(_veiled(value[4:], transaction))
    return Address(str(host), int.from_bytes(value[2:4], "big") ^ COOKIE >> 16)


def _veiled(packed: bytes, transaction: bytes) -> bytes:
    mask = COOKIE.to_bytes(4, "big") + transaction
    return bytes(one ^ other for one, other in zip(packed, mask, strict=False))


def xor_mapped(address: Address, transaction: bytes) -> bytes | None:
    """The value of XOR-MAPPED-ADDRESS that tells `address`; None of one that is no IP address."""
    host = literal(address.host)
    if host is None:
        return None
    family = 1 if isinstance(host, IPv4Address) else 2
    return struct.pack("!BBH", 0, family, address.port ^ COOKIE >> 16) + _veiled(host.packed, transaction)


def write(
    kind: Kind,
    transaction: bytes,
    attributes: list[tuple[int, bytes]],
    password: bytes | None = None,
    name: str = "sha1",
) -> bytes:
    """A message: with the integrity that `password` proves, by the hash of that `name`, if there is one, and with a
    FINGERPRINT."""
    body = b"".join(_attribute(word, value) for word, value in attributes)
    if password is not None:
        word = next(each for each, (known, *_) in _HASHES.items() if known == name)
        size = _HASHES[word][2]
        covered = HEADER.pack(kind, len(body) + _HEAD.size + size, COOKIE, transaction) + body
        body += _attribute(word, digest(password, covered, name))
    whole = HEADER.pack(kind, len(body) + 8, COOKIE, transaction) + body
    return whole + _attribute(Attribute.FINGERPRINT, (crc32(whole) ^ _FINGERPRINT_XOR).to_bytes(4, "big"))


def _attribute(word: int, value: bytes) -> bytes:
    return _HEAD.pack(word, len(value)) + value + b"\0" * (-len(value) % 4)


def success(request: Message, source: Address, password: bytes) -> bytes | None:
    """The answer that tells who asked where it was seen; with the same hash that the request was proven by (RFC 8489
    section 9.1.3). None where `source` is no IP address."""
    mapped = xor_mapped(source, request.transaction)
    if mapped is None:
        return None
    told = [(int(Attribute.XOR_MAPPED_ADDRESS), mapped)]
    return write(Kind.SUCCESS, request.transaction, told, password, _hash_of(request))


def failure(request: Message, code: int, password: bytes | None = None) -> bytes:
    """The answer that refuses, with a code of `REASONS`; proven where the request was, and so not for 400 and 401."""
    told = [(int(Attribute.ERROR_CODE), bytes((0, 0, code // 100, code % 100)) + REASONS[code].encode())]
    if code == 420:
        told.append((Attribute.UNKNOWN_ATTRIBUTES, b"".join(word.to_bytes(2, "big") for word in request.unknown)))
    return write(Kind.ERROR, request.transaction, told, password, _hash_of(request))


def _hash_of(request: Message) -> str:
    return "sha1" if request.proof is None else request.proof.name


_KINDS = frozenset(Kind)
_KNOWN = frozenset(Attribute)
_HASHES = {
    int(Attribute.MESSAGE_INTEGRITY): ("sha1", 20, 20),
    int(Attribute.MESSAGE_INTEGRITY_SHA256): ("sha256", 16, 32),
}
"""By type: the hash's name, and the fewest and most octets of its value."""
