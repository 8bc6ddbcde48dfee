"""Streams that are described in several ways."""

from __future__ import annotations

import pytest

from sbc.core.address import Address, Pair
from sbc.core.call import Stream
from sbc.core.message import Place, Role, Slot
from sbc.core.ways import MOST, Ways, choose, meant

FIRST, SECOND = Address("198.51.100.7", 6000), Address("198.51.100.7", 7000)
PCMA, G729 = "audio PCMA/8000 telephone-event/8000", "audio G729/8000 telephone-event/8000"


def pair(at: Address) -> Pair:
    return Pair(at, Address(at.host, at.port + 1))


def stream() -> Stream:
    made = Stream("1/1", "r1 1", "rtp", (pair(Address("192.0.2.1", 4000)), pair(Address("192.0.2.2", 4000))))
    made.remote[0], made.media[0] = pair(FIRST), PCMA
    return made


def slot(at: Address, way: int, media: str = G729, role: Role = Role.RTP) -> Slot:
    return Slot(role, Place(at), None, "r1 1", primary=not way, media=media, way=way)


def described(made: Stream, *slots: Slot) -> None:
    ways = Ways()
    for each in slots:
        if not ways.leads(made, each):
            ways.note(made, each, each.place.address)
    ways.keep(made, 0)


def test_a_further_way_is_kept_until_it_is_answered() -> None:
    made = stream()
    described(made, slot(FIRST, 0, PCMA), slot(SECOND, 1))
    (way,) = made.choices[0]
    assert (way.remote, way.media, way.held) == (pair(SECOND), G729, False)
    assert [each.media for each in way.flows] == [G729]
    assert meant(made, 0, PCMA) == meant(made, 0, "") == pair(FIRST) and meant(made, 0, G729) == pair(SECOND)
    assert not choose(made, 0, "") and made.choices[0] == (way,), "nothing was said"
    assert choose(made, 0, G729)
    assert (made.remote[0], made.media[0], made.choices[0]) == (pair(SECOND), G729, ())
    assert not choose(made, 0, G729)


@pytest.mark.parametrize("taken", [PCMA, "audio GSM/8000 telephone-event/8000", "image t38"])
def test_where_the_first_is_taken_or_none_it_stays(taken: str) -> None:
    made = stream()
    described(made, slot(FIRST, 0, PCMA), slot(SECOND, 1))
    assert not choose(made, 0, taken) and made.remote[0] == pair(FIRST) and not made.choices[0]


def test_who_was_latched_elsewhere_is_learned_anew_where_the_address_is_another() -> None:
    for at, kept in ((SECOND, None), (FIRST, SECOND)):
        made = stream()
        made.latched[0] = SECOND
        described(made, slot(FIRST, 0, PCMA), slot(at, 1))
        assert choose(made, 0, G729) and made.latched[0] == kept


def test_where_rtcp_was_found_is_forgotten_where_that_of_the_way_is_another() -> None:
    elsewhere, rtcp = Address(SECOND.host, 7777), slot(Address(FIRST.host, 6111), 1, "", Role.RTCP)
    for ways, kept in (((slot(SECOND, 1),), None), ((slot(FIRST, 1), rtcp), None), ((slot(FIRST, 1),), elsewhere)):
        made = stream()
        made.latched_rtcp[0] = elsewhere
        described(made, slot(FIRST, 0, PCMA), *ways)
        assert choose(made, 0, G729) and made.latched_rtcp[0] == kept


def test_rtcp_of_a_way_is_its_own() -> None:
    made = stream()
    rtcp = Address(SECOND.host, 7777)
    described(made, slot(FIRST, 0, PCMA), slot(SECOND, 1), slot(rtcp, 1, "", Role.RTCP))
    assert made.choices[0][0].remote == Pair(SECOND, rtcp)


def test_a_way_of_another_kind_is_the_first_of_its_own_stream() -> None:
    voice, fax, ways = stream(), stream(), Ways()
    assert ways.leads(voice, slot(FIRST, 0, PCMA)) and ways.leads(fax, slot(SECOND, 1, "image t38", Role.T38))


def test_ways_are_bounded() -> None:
    made = stream()
    described(made, slot(FIRST, 0, PCMA), *(slot(SECOND, n) for n in range(1, 40)))
    assert len(made.choices[0]) == MOST
