"""What the front writes into REGISTER and 200, octet for octet."""

from __future__ import annotations

from sbc.core.address import Address
from sbc.core.message import Place, Role
from sbc.core.orders import Listener
from sbc.sip.codec import decode
from sbc.sip.dialect import SipDialect
from sbc.sip.registrar import keep, renew, unbind
from tests.sip_messages import header, message, plain_answer, register, status

PHONE, SEEN = Address("192.0.2.7", 5060), Address("203.0.113.9", 4444)
SIP = SipDialect()


def granted(contacts: bytes, *lives: int, more: tuple[bytes, ...] = ()) -> bytes:
    """A REGISTER with these contacts, each granted so many seconds."""
    data = message(
        b"REGISTER sip:h SIP/2.0",
        b"Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKx",
        b"From: <sip:a@h>;tag=1",
        b"To: <sip:a@h>",
        b"Call-ID: 1",
        b"CSeq: 1 REGISTER",
        b"Contact: " + contacts,
        *more,
    )
    asked = SIP.decode(data)
    for slot, seconds in zip((s for s in SIP.slots(asked) if s.role is Role.SIGNAL), lives, strict=True):
        SIP.grant(asked, slot, seconds)
    return SIP.encode(asked)


def test_an_expiry_is_written_where_it_stood_or_at_the_end() -> None:
    written = header(granted(b"<sip:a@h;x=1>;expires=5;q=1, sip:b@h, <sip:c@h> ; EXPIRES = 7", 60, 70, 80), b"Contact")
    assert written == b"<sip:a@h;x=1>;expires=60;q=1, sip:b@h;expires=70, <sip:c@h>;expires=80"


def test_an_expires_header_follows_the_longest_unless_it_takes_off() -> None:
    assert header(granted(b"<sip:a@h>, <sip:b@h>", 60, 40, more=(b"Expires: 9",)), b"Expires") == b"60"
    assert header(granted(b"<sip:a@h>;expires=5", 60, more=(b"Expires: 0",)), b"Expires") == b"0"


def test_what_is_said_again_is_neither_of_the_moment_nor_without_bound() -> None:
    answer = plain_answer(
        register(PHONE),
        b"200 OK",
        b"Contact: <sip:a@h>;expires=60",
        b"Date: Mon, 23 Nov 2026 10:00:00 GMT",
        b'Authentication-Info: nextnonce="n"',
        b"P-Associated-URI: <sip:a@h>,\r\n <sip:b@h>",
        b"Flow-Timer: 120",
    )
    assert keep(answer) == b"P-Associated-URI: <sip:a@h>,\r\n <sip:b@h>\r\nFlow-Timer: 120"
    assert len(keep(plain_answer(register(PHONE), b"200 OK", *[b"X: " + b"y" * 90] * 100))) <= 2048


def test_the_answer_to_a_refresh_lists_the_contacts_with_what_is_left_to_them() -> None:
    asked = decode(register(PHONE, b"Contact: <sip:b@h>;q=0.5"))
    slots = SIP.slots(asked)
    contacts = [slot for slot in slots if slot.role is Role.SIGNAL]
    lives = dict(zip(contacts, (60, 50), strict=True))
    answer = renew(asked, SEEN, b"Flow-Timer: 120", lives, [(Place(PHONE, b"sip:c@h"), 30)])
    assert answer is not None and status(answer) == 200
    assert [line for line in answer.split(b"\r\n") if line.startswith(b"Contact:")] == [
        b"Contact: <sip:alice@192.0.2.7:5060;line=7>;expires=60",
        b"Contact: <sip:b@h>;q=0.5;expires=50",
        b"Contact: <sip:c@h>;expires=30",
    ]
    assert b"\r\nFlow-Timer: 120\r\n" in answer
    assert header(answer, b"Via").endswith(b";received=203.0.113.9;rport=4444")
    assert SIP.describe(SIP.decode(answer)).exchange == SIP.describe(asked).exchange


CORE = Address("198.51.100.1", 5060)
OWN = Listener("core", "sip", "udp", CORE, CORE)


def test_one_contact_is_taken_off_under_a_call_id_of_our_own_and_without_credentials() -> None:
    sent = register(
        CORE,
        b"Contact: <sip:other@198.51.100.1>;expires=60, <sip:tok@198.51.100.1:5060>;q=0.5;expires=3600;reg-id=1",
        b"Route: <sip:proxy.example.net;lr>",
        b'Authorization: Digest username="alice", response="x"',
        seq=7,
    )
    data = unbind(sent, b"tok", OWN, b"branch")
    assert data is not None
    message = decode(data)
    assert message.is_request and message.method == "REGISTER" and message.cseq == (1, "REGISTER")
    assert header(data, b"Contact") == b"<sip:tok@198.51.100.1:5060>;q=0.5;reg-id=1;expires=0"
    assert data.count(b"Contact:") == 1 and b"Authorization" not in data
    assert header(data, b"Route") == b"<sip:proxy.example.net;lr>"
    assert (header(data, b"To"), header(data, b"From")) == (header(sent, b"To"), header(sent, b"From"))
    assert header(data, b"Call-ID") != header(sent, b"Call-ID")
    assert header(data, b"Via").startswith(b"SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bKbranch")
    assert [(slot.expires, slot.token) for slot in SIP.slots(message) if slot.role is Role.SIGNAL] == [(0, b"tok")]


def test_a_trunks_contact_is_taken_off_by_its_mark() -> None:
    sent = register(CORE).replace(b"<sip:alice@198.51.100.1:5060;line=7>", b"<sip:198.51.100.1:5060;bnc;sbc=tok>")
    data = unbind(sent, b"tok", OWN, b"branch")
    assert data is not None
    assert header(data, b"Contact") == b"<sip:198.51.100.1:5060;bnc;sbc=tok>;expires=0"


def test_what_is_not_there_cannot_be_taken_off() -> None:
    assert unbind(register(CORE), b"tok", OWN, b"branch") is None
