"""Where addresses stand."""

from __future__ import annotations

import pytest

from sbc.core.address import Address
from sbc.core.message import Place, Role, Slot
from sbc.mgcp.codec import BadMgcp, MgcpMessage, decode
from sbc.mgcp.describe import remember
from sbc.mgcp.dialect import MgcpDialect
from sbc.mgcp.slots import fill, slots
from tests.mgcp_messages import command, crcx, mdcx, response, rsip, sdp

LOCAL, REMOTE = sdp("192.168.1.10", 4000), sdp("203.0.113.9", 5000)


def read(data: bytes, asked: bytes | None = None) -> tuple[MgcpMessage, list[Slot]]:
    message = decode(data)
    if asked is not None:
        request = decode(asked)
        slots(request)
        message.asked = remember(request)
    return message, slots(message)


def media(data: bytes, asked: bytes | None = None) -> list[Slot]:
    return [slot for slot in read(data, asked)[1] if slot.role is Role.RTP]


def test_a_connection_is_named_by_its_gateway() -> None:
    asked = crcx(31, "aaln/$@gw", described=REMOTE)
    (remote,) = media(asked)
    assert (remote.stream, remote.channel, remote.primary, remote.member) == ("t31.0", b"31.0", True, b"")
    (local,) = media(response(200, 99, "I: 1f", "Z: AALN/1@gw", described=(LOCAL,)), asked)
    assert (local.stream, local.channel, local.by_other) == ("aaln/1 1F", b"31.0", True)
    assert local.primary and local.member == b"aaln/1 1F"
    (further,) = media(mdcx(32, "aaln/1@gw", "1f", described=REMOTE))
    assert (further.stream, further.channel, further.member) == (local.stream, b"", local.member)


def test_without_an_offer_the_answer_begins_the_stream() -> None:
    (local,) = media(response(200, 99, "I: 1f", described=(LOCAL,)), crcx(31, "aaln/1@gw"))
    assert (local.stream, local.channel, local.primary) == ("aaln/1 1F", b"", True)


def test_an_answer_that_names_no_connection_moves_nothing() -> None:
    (local,) = media(response(200, 99, described=(LOCAL,)), crcx(31, "aaln/1@gw", described=REMOTE))
    assert not local.primary


def test_the_second_line_of_a_description_is_a_stream_of_its_own() -> None:
    both = LOCAL + b"m=video 4002 RTP/AVP 31\r\n"
    first, second = media(response(200, 9, "I: 1f", described=(both,)), crcx(31, "a@gw", described=REMOTE))
    assert (first.stream, second.stream) == ("a 1F", "a 1F 1")
    assert (first.channel, second.channel) == (b"31.0", b"")


@pytest.mark.parametrize("infos", ["LC, RC", "RC"])
def test_what_an_audit_shows_moves_nothing(infos: str) -> None:
    asked = command("AUCX", 33, "aaln/1@gw", "I: 1f", f"F: {infos}")
    described = (LOCAL, REMOTE) if "LC" in infos else (REMOTE,)
    found = media(response(200, 9, described=described), asked)
    assert len(found) == len(described)
    assert all(slot.stream == "aaln/1 1F" and not slot.primary for slot in found)


def test_of_two_descriptions_the_first_is_the_gateways() -> None:
    first, second = media(response(200, 9, described=(LOCAL, REMOTE)), mdcx(34, "aaln/1@gw", "1f", described=REMOTE))
    assert first.primary and not second.primary


def test_the_place_of_who_registers() -> None:
    message, (place,) = read(rsip(35, "[192.168.1.10]"))
    assert (place.role, place.primary, place.place) == (Role.SIGNAL, True, Place(Address("192.168.1.10", 2427)))
    fill(message, place, Place(Address("2001:db8::1", 41000)))
    assert MgcpDialect().encode(message).startswith(b"RSIP 35 *@[2001:db8::1] MGCP")
    message, (place,) = read(rsip(36, "gw44.example"))
    assert place.place.address == Address("gw44.example", 2427)
    fill(message, place, Place(Address("198.51.100.1", 41000)))
    assert MgcpDialect().encode(message) is message.data


def test_a_description_that_is_none_is_told_so() -> None:
    with pytest.raises(BadMgcp) as raised:
        read(crcx(37, "aaln/1@gw", described=b"v=0\r\nm=audio 4000 RTP/AVP 0\r\n"))
    assert (raised.value.number, raised.value.code) == (b"37", 509)
