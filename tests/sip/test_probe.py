"""The OPTIONS that keeps a mapping: what is in it, and that a phone can answer it."""

from __future__ import annotations

from sbc.core.address import Address
from sbc.core.message import Place, Route
from sbc.core.orders import Listener
from sbc.sip.codec import decode
from sbc.sip.describe import describe
from sbc.sip.probe import options
from tests.sip_messages import header, plain_answer

HERE = Listener("access", "sip", "udp", Address("10.0.0.1", 5060), Address("203.0.113.1", 5062))
PLACE = Place(Address("192.168.1.10", 5060), b"sip:alice@192.168.1.10;line=7")


def test_it_asks_the_terminals_own_contact_and_speaks_of_our_advertised_address_alone() -> None:
    asked = options(PLACE, HERE, b"t0ken567890")
    assert asked.startswith(b"OPTIONS sip:alice@192.168.1.10;line=7 SIP/2.0\r\n")
    assert header(asked, b"Via") == b"SIP/2.0/UDP 203.0.113.1:5062;branch=z9hG4bKt0ken567890;rport"
    assert b"10.0.0.1" not in asked
    assert asked.endswith(b"Content-Length: 0\r\n\r\n")


def test_its_answer_finds_it_again() -> None:
    asked = options(PLACE, HERE, b"t0ken567890")
    answered = plain_answer(asked, b"481 Call/Transaction Does Not Exist")
    assert describe(decode(answered)).exchange == describe(decode(asked)).exchange


def test_the_hops_to_the_terminal_are_visited() -> None:
    asked = options(PLACE._replace(route=Route((b"<sip:203.0.113.30;lr>", b"<sip:203.0.113.31;lr>"))), HERE, b"t")
    assert header(asked, b"Route") == b"<sip:203.0.113.30;lr>, <sip:203.0.113.31;lr>"


def test_a_terminal_that_never_said_where_it_is_is_asked_where_it_was_seen() -> None:
    asked = options(Place(Address("2001:db8::7", 4444)), HERE, b"t")
    assert asked.startswith(b"OPTIONS sip:[2001:db8::7]:4444 SIP/2.0\r\n")
