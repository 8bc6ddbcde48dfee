"""Where SIP messages hold addresses, and how they are rewritten in place."""

from __future__ import annotations

import pytest

from sbc.core.address import Address
from sbc.core.message import BadMessage, Place, Role
from sbc.sip.codec import SipMessage, decode
from sbc.sip.dialect import SipDialect
from sbc.sip.slots import fill, slots
from tests.rig import PHONE
from tests.sip_messages import answer, header, invite, plain_answer, register, request

OURS = Place(Address("198.51.100.1", 5060), b"token", ours=True)


def with_line(line: bytes) -> SipMessage:
    return decode(request(b"INFO", b"sip:bob@example.com", PHONE, line))


def only(message: SipMessage, role: Role):  # type: ignore[no-untyped-def]
    (slot,) = [slot for slot in slots(message) if slot.role is role]
    return slot


def written(message: SipMessage, name: bytes) -> bytes:
    return header(SipDialect().encode(message), name)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"<sip:alice@192.168.1.10:5060;ob>;expires=9", b"<sip:token@198.51.100.1:5060>;expires=9"),
        (b'"A, B" <sip:alice@192.168.1.10>;q=0.5', b'"A, B" <sip:token@198.51.100.1:5060>;q=0.5'),
        (b"sip:alice@192.168.1.10;expires=9", b"sip:token@198.51.100.1:5060;expires=9"),
        (b"<sips:alice@[2001:db8::1]:5061>", b"<sip:token@198.51.100.1:5060>"),
    ],
)
def test_a_contact_becomes_a_token(value: bytes, expected: bytes) -> None:
    message = with_line(b"Contact: " + value)
    fill(message, only(message, Role.SIGNAL), OURS)
    assert written(message, b"Contact") == expected


def test_a_bare_contact_whose_place_has_parameters_gets_brackets() -> None:
    message = with_line(b"Contact: sip:token@198.51.100.1;expires=9")
    fill(message, only(message, Role.SIGNAL), Place(PHONE, b"sip:alice@192.168.1.10;line=7"))
    assert written(message, b"Contact") == b"<sip:alice@192.168.1.10;line=7>;expires=9"


def test_several_contacts_are_several_places_each_with_its_lifetime() -> None:
    message = decode(register(PHONE, b"m: <sip:a@192.0.2.1>;expires=5, <sip:b@192.0.2.2>, <tel:+1>", b"Expires: 60"))
    found = [(slot.place.address.host, slot.expires) for slot in slots(message) if slot.role is Role.SIGNAL]
    assert found == [("192.168.1.10", 300), ("192.0.2.1", 5), ("192.0.2.2", 60)]


def test_a_redirection_speaks_of_somebody_else() -> None:
    message = decode(plain_answer(invite(PHONE), b"302 Moved", b"Contact: <sip:carol@192.0.2.9>"))
    assert not only(message, Role.SIGNAL).primary


def test_the_star_is_no_place() -> None:
    message = with_line(b"Contact: *")
    assert not [slot for slot in slots(message) if slot.role is Role.SIGNAL]


def test_refer_to_keeps_the_headers_behind_its_place() -> None:
    message = with_line(b"Refer-To: <sip:carol@192.0.2.9?Replaces=x%40y>")
    fill(message, only(message, Role.SIGNAL), OURS)
    assert written(message, b"Refer-To") == b"<sip:token@198.51.100.1:5060?Replaces=x%40y>"


@pytest.mark.parametrize("name", [b"P-Asserted-Identity", b"Remote-Party-ID", b"Diversion", b"Reply-To", b"b"])
def test_identities_lose_their_host(name: bytes) -> None:
    message = with_line(name + b': "X" <sip:x@192.0.2.5:5062;user=phone>;p=1')
    slot = next(
        slot for slot in slots(message) if slot.role is Role.IDENTITY and slot.place.address.host == "192.0.2.5"
    )
    fill(message, slot, Place(Address("198.51.100.1", 0)))
    assert written(message, name) == b'"X" <sip:x@198.51.100.1;user=phone>;p=1'


def test_an_unchanged_host_keeps_its_port() -> None:
    message = with_line(b"Reply-To: <sip:x@example.com:5070>")
    slot = next(slot for slot in slots(message) if slot.role is Role.IDENTITY and slot.place.address.port == 5070)
    fill(message, slot, slot.place)
    assert written(message, b"Reply-To") == b"<sip:x@example.com:5070>"


def test_warn_agents_are_hidden_one_by_one() -> None:
    message = with_line(b'Warning: 399 192.0.2.7:5060 "said, 301 192.0.2.8", 307 [2001:db8::7] "x"')
    for slot in slots(message):
        if slot.role is Role.HIDE:
            fill(message, slot, OURS)
    assert written(message, b"Warning") == b'399 198.51.100.1 "said, 301 192.0.2.8", 307 198.51.100.1 "x"'


def test_an_unreadable_header_that_nothing_depends_on_is_taken_out() -> None:
    message = with_line(b"Diversion: <sip:x@[192.168.1.10>")
    slots(message)
    assert b"Diversion" not in SipDialect().encode(message)


def test_an_unreadable_contact_is_bad() -> None:
    with pytest.raises(BadMessage):
        slots(with_line(b"Contact: <sip:x@[192.168.1.10>"))


def test_from_and_to_of_an_answer_are_left_to_the_stamp() -> None:
    message = decode(plain_answer(invite(PHONE), b"200 OK"))
    assert not [slot for slot in slots(message) if slot.role is Role.IDENTITY]


def test_sdp_inside_multipart_is_found_and_the_length_follows() -> None:
    body = (
        b"--b\r\nContent-Type: application/sdp\r\n\r\n"
        + answer(invite(PHONE), "192.0.2.1").partition(b"\r\n\r\n")[2]
        + b"\r\n--b--\r\n"
    )
    data = request(b"UPDATE", b"sip:bob@example.com", PHONE, b"Content-Type: multipart/mixed;boundary=b")
    data = data.replace(b"Content-Length: 0\r\n\r\n", b"Content-Length: %d\r\n\r\n" % len(body) + body)
    message = decode(data)
    for slot in slots(message):
        if slot.role is Role.RTP:
            fill(message, slot, Place(Address("198.51.100.100", 30000)))
        elif slot.role is Role.HIDE:
            fill(message, slot, Place(Address("198.51.100.100", 0)))
    out = SipDialect().encode(message)
    head, _, rest = out.partition(b"\r\n\r\n")
    assert b"m=audio 30000 " in rest and b"192.0.2.1" not in rest
    assert int(header(head + b"\r\n", b"Content-Length")) == len(rest)


def offer(*lines: bytes, kind: bytes = b"Content-Type: application/sdp\r\n") -> bytes:
    body = b"\r\n".join((b"v=0", b"o=- 1 1 IN IP4 192.0.2.1", b"s=-", b"t=0 0", *lines, b""))
    data = request(b"UPDATE", b"sip:bob@example.com", PHONE)
    return data.replace(b"Content-Length: 0\r\n\r\n", kind + b"Content-Length: %d\r\n\r\n" % len(body) + body)


def test_candidates_go_even_where_no_stream_is_described() -> None:
    message = decode(offer(b"a=candidate:1 1 udp 1 192.168.1.10 4000 typ host", b"a=group:BUNDLE 0 1"))
    slots(message)
    out = SipDialect().encode(message)
    assert b"candidate" not in out and b"BUNDLE" not in out


def test_sdp_is_known_without_a_content_type() -> None:
    message = decode(offer(b"c=IN IP4 192.0.2.1", b"m=audio 4000 RTP/AVP 0", kind=b""))
    assert any(slot.role is Role.RTP for slot in slots(message))


@pytest.mark.parametrize(
    "kind",
    [
        b"Content-Type: application/sdp\r\nContent-Encoding: gzip\r\n",
        b"Content-Type: application/trickle-ice-sdpfrag\r\n",
    ],
)
def test_bodies_full_of_addresses_that_cannot_be_read_are_refused(kind: bytes) -> None:
    with pytest.raises(BadMessage) as caught:
        SipDialect().slots(decode(offer(kind=kind)))
    reply = SipDialect().complain(caught.value, PHONE)
    assert reply is not None and reply.startswith(b"SIP/2.0 415 ")


def test_a_place_with_too_many_parameters_is_found_before_anything_is_changed() -> None:
    """Without a user its parameters say whether it is a trunk's, which was asked only when it was written (a storm)."""
    many = b"<sip:192.168.1.10" + b";a=b" * 300 + b">"
    with pytest.raises(BadMessage, match="Too many parameters"):
        slots(with_line(b"Contact: " + many))
    assert slots(with_line(b"Contact: " + many.replace(b"sip:", b"sip:alice@")))
