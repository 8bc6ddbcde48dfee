"""What bodies other than session descriptions show of the side they come from, kind by kind: no address of it."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.address import Address
from sbc.core.message import BadMessage, Role
from sbc.core.realm import Hosts
from sbc.sip.bodies import BodyPart
from sbc.sip.dialect import SipDialect
from sbc.sip.mentions import Mentions
from tests.calls.test_calls import answered
from tests.effort import effort
from tests.laws import assert_no_trace
from tests.rig import NAT, PHONE, SBC_ACCESS, SBC_CORE, SOFTSWITCH, Rig, make_plan, sends
from tests.sip_messages import answer, contact, header, invite, message, register, registered, request, status

OWN, FAR, OTHER = "192.168.1.10", "10.9.9.9", "203.0.113.77"
"""The phone's, one that its side alone knows, and where another phone is seen."""

REGINFO = b"""<?xml version="1.0"?>
<reginfo xmlns="urn:ietf:params:xml:ns:reginfo" version="0" state="full">
 <registration aor="sip:alice@OWN" id="a" state="active">
  <contact id="1" state="active" event="registered" callid="x@OWN"><uri> sip:alice@FAR:5061;ob&amp;x </uri>
   <unknown-param name="received">"sip:OTHER:4001"</unknown-param></contact>
 </registration>
</reginfo>"""
FRAGMENT = b"SIP/2.0 200 OK\r\nContact: <sip:carol@FAR:5070>\r\nVia: SIP/2.0/UDP OWN:5060;received=OTHER\r\n"
LISTED = (
    b'<resource-lists><list><entry uri="sip:bill@FAR"/>'
    b"<entry uri='sip:joe@OWN:5070;x=OTHER'/></list></resource-lists>"
)
RECORDING = (
    b'<recording><participant><nameID aor="sip:bob@OWN"/></participant>'
    b"<extensiondata>FAR OTHER</extensiondata></recording>"
)
CONTROL = b'<media_control><vc_primitive><to_encoder ip="OWN">FAR:[OTHER]</to_encoder></vc_primitive></media_control>'
LOCATION = (
    b'<presence entity="pres:alice@OWN"><tuple id="a"><contact>sip:a@FAR:5060</contact></tuple>'
    b"<geopriv><provided-by>OTHER</provided-by></geopriv></presence>"
)
WAITING = b"Messages-Waiting: yes\r\nMessage-Account: sip:alice@OWN\r\nX-Where: FAR:1 OTHER\r\n"
QUALITY = b"VQSessionReport\r\nLocalAddr:IP=OWN PORT=5000 SSRC=1\r\nRemoteAddr:IP=FAR PORT=5 SSRC=2\r\nX: OTHER\r\n"
READ = {
    "application/reginfo+xml": REGINFO,
    "message/sipfrag": FRAGMENT,
    "message/sip": FRAGMENT,
    "application/resource-lists+xml": LISTED,
    "application/rs-metadata+xml": RECORDING,
    "application/rs-metadata": RECORDING,
    "application/media_control+xml": CONTROL,
    "application/pidf+xml": LOCATION,
    "application/conference-info+xml": b'<conference-info entity="sip:OWN"><a b="FAR">OTHER</a></conference-info>',
    "text/xml": CONTROL,
    "application/simple-message-summary": WAITING,
    "application/vq-rtcpxr": QUALITY,
}
"""Kinds of which no address crosses, whoever's it is."""
UNREAD = ("application/json", "application/x-as-feature-event", "application/gtd", "application/vnd.vendor")
OF_USERS = ("text/plain", "text/html", "message/cpim", "image/svg")
OPAQUE = ("application/isup", "application/qsig", "application/octet-stream", "application/vnd.3gpp.sms")


def told(body: bytes) -> bytes:
    return body.replace(b"OWN", OWN.encode()).replace(b"FAR", FAR.encode()).replace(b"OTHER", OTHER.encode())


def notify(body: bytes, content: str | bytes, *more: bytes) -> bytes:
    asked = request(b"NOTIFY", b"sip:b@x.example", PHONE, *more)
    head = asked.partition(b"Content-Length:")[0].split(b"\r\n")[:-1]
    return message(*head, body=body, content=content.encode() if isinstance(content, str) else content)


def mixed(*parts: tuple[bytes, bytes]) -> bytes:
    return b"".join(b"--x\r\n%b\r\n\r\n%b\r\n" % part for part in parts) + b"--x--\r\n"


def crossed(data: bytes, hosts: Hosts = Hosts.ADDRESSES) -> bytes:
    """The body of what goes on to the core, whose length is told as it is."""
    (sent,) = sends(Rig.make(SipDialect(), make_plan("sip", hosts=hosts)).from_access(data), "core")
    body = sent.partition(b"\r\n\r\n")[2]
    assert header(sent, b"Content-Length") == b"%d" % len(body)
    return body


@pytest.mark.parametrize("kind", READ)
def test_of_what_is_read_no_address_crosses(kind: str) -> None:
    parts = (b"Content-Type: application/isup", b"\x01\x10"), (b"Content-Type: " + kind.encode(), told(READ[kind]))
    for data in (notify(told(READ[kind]), kind), notify(mixed(*parts), "multipart/mixed;boundary=x")):
        body = crossed(data)
        assert_no_trace(body, OWN, FAR, OTHER, NAT.host, SBC_ACCESS.host)
        assert SBC_CORE.host.encode() in body
    assert b"\x01\x10" in body


@pytest.mark.parametrize("kind", READ)
def test_what_holds_no_address_passes_as_it_is(kind: str) -> None:
    plain = READ[kind].replace(b"OWN", b"own.example").replace(b"FAR", b"far.example").replace(b"OTHER", b"o.example")
    assert crossed(notify(plain, kind)) == plain


@pytest.mark.parametrize("kind", UNREAD)
def test_of_any_other_kind_only_what_is_known_of_its_side_is_hidden(kind: str) -> None:
    body = crossed(notify(b'{"me": "OWN", "net": "NAT", "version": "1.2.3.4"}'.replace(b"OWN", OWN.encode()), kind))
    assert body == b'{"me": "198.51.100.1", "net": "NAT", "version": "1.2.3.4"}'


@pytest.mark.parametrize("kind", [*OF_USERS, *OPAQUE])
def test_what_users_write_and_what_is_no_text_pass(kind: str) -> None:
    text = b"see http://192.168.1.10/ and 10.9.9.9"
    assert crossed(notify(text, kind)) == text


def test_what_holds_other_octets_than_text_is_not_touched() -> None:
    binary = b"\x00\x01192.168.1.10\xff"
    assert crossed(notify(binary, "application/vnd.vendor")) == binary


def test_a_call_for_help_keeps_its_location_and_what_points_to_it() -> None:
    """An INVITE with a description, ISUP and a location (RFC 6442): the pointer still leads to the part."""
    described = invite(PHONE).partition(b"\r\n\r\n")[2]
    body = mixed(
        (b"Content-Type: application/sdp", described),
        (b"Content-Type: application/isup;version=itu-t92+", b"\x01\x00\x48\x00\x0a\x03"),
        (b"Content-Type: application/pidf+xml\r\nContent-ID: <loc@192.168.1.10>", told(LOCATION)),
    )
    head = invite(PHONE).partition(b"Content-Type:")[0].split(b"\r\n")[:-1]
    line = b"Geolocation: <cid:loc@192.168.1.10>"
    rig = Rig.make(SipDialect())
    (sent,) = sends(rig.from_access(message(*head, line, body=body, content=b"multipart/mixed;boundary=x")), "core")
    assert header(sent, b"Geolocation") == b"<cid:loc@198.51.100.1>"
    assert b"Content-ID: <loc@198.51.100.1>" in sent and b"\x01\x00\x48\x00\x0a\x03" in sent
    assert_no_trace(sent, OWN, FAR, OTHER, NAT.host)


def test_names_of_users_pass_where_the_path_keeps_them_and_places_do_not() -> None:
    body = crossed(notify(told(REGINFO), "application/reginfo+xml"), Hosts.KEEP)
    assert b'aor="sip:alice@192.168.1.10"' in body
    assert_no_trace(body, FAR, OTHER)
    body = crossed(notify(told(LOCATION), "application/pidf+xml"), Hosts.KEEP)
    assert b'entity="pres:alice@192.168.1.10"' in body
    assert_no_trace(body, FAR, OTHER)


def test_a_user_at_our_address_is_one_of_the_other_sides() -> None:
    """The phone knows its provider by our address; who it invites is at the softswitch."""
    listed = LISTED.replace(b"OWN", SBC_ACCESS.host.encode()).replace(b"FAR", SBC_ACCESS.host.encode())
    body = crossed(notify(listed.replace(b"OTHER", b"y"), "application/resource-lists+xml"))
    assert b'uri="sip:bill@198.51.100.2"' in body and b"uri='sip:joe@198.51.100.2;x=y'" in body


def bound(user: bytes, at: Address, nat: Address, rig: Rig) -> bytes:
    """The contact that the registrar knows a phone by."""
    (sent,) = sends(rig.from_access(register(at, user=user, call=b"reg-" + user), nat), "core")
    rig.from_core(registered(sent))
    return contact(sent)


def test_a_terminal_hears_of_its_own_place_as_its_own_and_of_others_nothing() -> None:
    """It compares what the registrar has of it with what it has registered (RFC 3680 section 5)."""
    rig = Rig.make(SipDialect())
    own = bound(b"alice", PHONE, NAT, rig)
    others = bound(b"dave", Address("192.168.1.77", 5060), Address("203.0.113.77", 40077), rig)
    asked = request(
        b"SUBSCRIBE",
        b"sip:alice@sbc.example.com",
        PHONE,
        b"Event: reg",
        b"Contact: <sip:alice@192.168.1.10>",
        call=b"sub",
    )
    (sent,) = sends(rig.from_access(asked), "core")
    ok = answer(sent, SOFTSWITCH.host, b"200 OK", body=b"")
    (back,) = sends(rig.from_core(ok), "access")
    assert status(back) == 200
    wire = REGINFO.replace(b"sip:alice@FAR:5061;ob&amp;x", own).replace(b'"sip:OTHER:4001"', others)
    head = [
        b"NOTIFY " + header(sent, b"Contact").strip(b"<>") + b" SIP/2.0",
        b"Via: SIP/2.0/UDP 198.51.100.2:5060;branch=z9hG4bKnot",
        b"From: " + header(ok, b"To"),
        b"To: " + header(sent, b"From"),
        b"Call-ID: " + header(sent, b"Call-ID"),
        b"CSeq: 7 NOTIFY",
        b"Max-Forwards: 70",
        b"Event: reg",
        b"Subscription-State: active;expires=60",
    ]
    body = wire.replace(b"OWN", SOFTSWITCH.host.encode())
    data = message(*head, body=body, content=b"application/reginfo+xml")
    got = sends(rig.from_core(data), "access")[-1]
    assert b"<uri>" + contact(register(PHONE)) + b"</uri>" in got
    assert_no_trace(got, SOFTSWITCH.host, SBC_CORE.host, "192.168.1.77", "203.0.113.77")
    assert b'aor="sip:alice@203.0.113.1"' in got or b'aor="sip:alice@' + NAT.host.encode() in got


def test_who_is_invited_by_a_place_of_ours_is_invited_where_the_core_knows_him() -> None:
    rig, _, _, back = answered()
    listed = told(LISTED).replace(b"sip:bill@10.9.9.9", contact(back))
    sent = sends(rig.from_access(notify(listed, "application/resource-lists+xml")), "core")[-1]
    assert b'uri="' + contact(answer(invite(PHONE), SOFTSWITCH.host)) + b'"' in sent


@pytest.mark.parametrize("kind", ["application/reginfo+xml", "application/dialog-info+xml"])
def test_what_cannot_be_read_is_refused(kind: str) -> None:
    rig = Rig.make(SipDialect())
    log = rig.from_access(notify(b"<!DOCTYPE x><reginfo/>", kind))
    assert sends(log, "core") == [] and status(sends(log, "access")[0]) == 400


def test_a_location_that_is_no_xml_holds_up_no_call() -> None:
    assert crossed(notify(b"<!DOCTYPE a><a>192.168.1.10", "application/pidf+xml")) == b"<!DOCTYPE a><a>198.51.100.1"


PIECES = [
    b"<uri>", b"</uri>", b"<entry uri=", b'"', b"'", b"sip:a@1.2.3.4", b":5060", b"sip:TOKEN@203.0.113.1:5060",
    b"&amp;", b"<reginfo>", b"</reginfo>", b"::1", b"[::2]", b"\r\n", b" ", b"<", b">", b";x=9.9.9.9", b"\xff",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join), st.sampled_from(sorted(READ)))
def test_anything_is_read_or_refused_and_can_be_filled(text: bytes, kind: str) -> None:
    mentions = Mentions()
    try:
        mentions.read(text, BodyPart(kind, 0, len(text), 0))
    except BadMessage:
        return
    assert all(slot.role in (Role.HIDE, Role.IDENTITY) for slot in mentions.slots)
    if text:
        assert "1.2.3.4" not in crossed(notify(text, kind)).decode("latin-1")


@pytest.mark.parametrize(
    "evil", [b"sip:" * 8_000, b"sip:a" * 6_000, b"1.2.3.4 " * 4_000, b" uri=" * 6_000, b"@" * 32_000]
)
def test_no_body_takes_long(evil: bytes) -> None:
    def read() -> None:
        for kind in READ:
            for text in (evil, evil + b"@1.2.3.4"):
                with suppress(BadMessage):
                    Mentions().read(text, BodyPart(kind, 0, len(text), 0))

    assert effort(read, enough=1000) < 1000
