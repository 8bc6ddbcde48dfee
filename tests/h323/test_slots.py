"""Where RAS has addresses."""

from __future__ import annotations

from sbc.core.address import Address
from sbc.core.message import Place, Role
from sbc.h323.codec import decode
from sbc.h323.message import H323Message
from sbc.h323.slots import TERMINAL, fill, slots
from tests.h323_calls import TERMINAL_CALLS, TERMINAL_RAS, acf, arq, ip, keepalive, rrq


def found(data: bytes) -> list[tuple[Role, Address, str]]:
    return [(s.role, s.place.address, s.place.transport) for s in slots(H323Message(decode(data)))]


def test_a_registration_loads_where_it_speaks_ras_and_tells_where_it_takes_calls() -> None:
    assert found(rrq(6)) == [(Role.HIDE, TERMINAL_CALLS, "tcp"), (Role.SIGNAL, TERMINAL_RAS, "")]
    place = next(s.place for s in slots(H323Message(decode(rrq(6)))) if s.role is Role.SIGNAL)
    assert place.name == TERMINAL


def test_a_keepalive_loads_nothing() -> None:
    data = keepalive(7, rasAddress=[ip(TERMINAL_RAS)], callSignalAddress=[ip(TERMINAL_CALLS)])
    assert found(data) == [(Role.HIDE, TERMINAL_CALLS, "tcp"), (Role.HIDE, TERMINAL_RAS, "")]


def test_the_way_to_the_called_is_one_for_connections() -> None:
    assert found(acf(arq(20), TERMINAL_CALLS)) == [(Role.HIDE, TERMINAL_CALLS, "tcp")]


def test_an_address_is_written_and_all_else_stays() -> None:
    message, other = H323Message(decode(rrq(6))), Address("198.51.100.1", 41000)
    for slot in slots(message):
        fill(message, slot, Place(other))
    again = H323Message(decode(message.encode()))
    assert [each[1] for each in found(again.encode())] == [other, other]
    for slot, old in zip(slots(again), (TERMINAL_CALLS, TERMINAL_RAS), strict=True):
        fill(again, slot, Place(old))
    assert again.encode() == rrq(6)
