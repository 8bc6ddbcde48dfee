"""The laws that every message of MGCP keeps, whoever made it: for tests and for fuzzing."""

from __future__ import annotations

from sbc.core.address import Address
from sbc.core.message import BadMessage, Place, Role
from sbc.mgcp.codec import MAX_PARTS, bare, parts
from sbc.mgcp.dialect import MgcpDialect
from sbc.mgcp.memo import Memo

DIALECT = MgcpDialect()
MEMOS = tuple(Memo(b"0017", verb, b"aaln/1", b"2a", b"1F", described=1) for verb in ("CRCX", "DLCX", "RSIP"))
_MEDIA = (Role.RTP, Role.RTCP, Role.T38)


def keep_the_laws(data: bytes) -> None:
    """Whatever these octets are, they are refused, or are messages that come out as they came in, and in which every
    address can be replaced by another, of either family, and is then read there."""
    pieces = parts(data)
    assert 1 <= len(pieces) <= MAX_PARTS and all(each in data for each in pieces)
    assert DIALECT.tell(data)
    DIALECT.mask(data)
    DIALECT.quoted(data)
    for piece in pieces:
        _keep(piece)


def _keep(data: bytes) -> None:
    data = bare(data)  # what is lost before and behind is no part of the message
    try:
        message = DIALECT.decode(data)
    except BadMessage as bad:
        DIALECT.complain(bad, Address("192.0.2.1", 2427))
        return
    assert DIALECT.encode(message) is data
    for memo in (None, *MEMOS):
        message = DIALECT.complete(DIALECT.decode(data), memo)
        try:
            DIALECT.describe(message)
            DIALECT.slots(message)
        except BadMessage as bad:
            DIALECT.complain(bad, Address("192.0.2.1", 2427))
            continue
        assert DIALECT.encode(message) is data
    for family in "46":
        _replace(data, family)


def _replace(data: bytes, family: str) -> None:
    message = DIALECT.decode(data)
    try:
        slots = DIALECT.slots(message)
    except BadMessage:
        return
    new: list[tuple[Role, Address]] = []
    for number, slot in enumerate(slots, 1):
        host = f"203.0.113.{number % 256}" if family == "4" else f"2001:db8::{number:x}"
        place = Place(Address(host, 40_000 + number))
        DIALECT.fill(message, slot, place)
        if slot.role is Role.RTP and slot.primary and slot.place.address.port:
            new.append((slot.role, place.address))
    try:
        sent = DIALECT.encode(message)
    except BadMessage:  # it has grown too long
        assert len(data) > 4_000
        return
    there = {(slot.role, slot.place.address) for slot in DIALECT.slots(DIALECT.decode(sent))}
    held = {(role, Address(each.host, address.port)) for role, address in new for _, each in there}
    assert all(each in there or held & there for each in new), (new, there)
