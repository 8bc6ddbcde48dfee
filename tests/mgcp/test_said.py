"""What the SBC says by itself."""

from __future__ import annotations

import pytest

from sbc.core.address import Address
from sbc.core.message import BadMessage, Cause, Ending, Place, Refused, Route
from sbc.core.orders import Listener
from sbc.mgcp import said
from sbc.mgcp.codec import BadMgcp, decode
from sbc.mgcp.memo import CallMemo
from tests.mgcp_messages import command, crcx, response, rsip

GATEWAY = Place(Address("192.168.1.10", 2427))
OWN = Listener("access", "mgcp", "udp", Address("203.0.113.1", 2727), Address("203.0.113.1", 2727))


def test_refusals_and_acceptances_have_the_number_as_it_was_written() -> None:
    message = decode(b"CRCX 0012 aaln/1@gw MGCP 1.0\r\nC: 1\r\n")
    assert said.refuse(message, Refused(Cause.NO_PORTS, "no media\r\nports")) == b"403 0012 no media ports\r\n"
    assert said.accept(message) == b"200 0012 OK\r\n"
    answer = decode(response(200, 12))
    assert said.refuse(answer, Refused(Cause.BUSY, "full")) is None and said.accept(answer) is None


def test_a_gateway_that_nobody_knows_hears_nothing_and_begins_anew() -> None:
    unknown = Refused(Cause.UNBOUND, "who?")
    assert said.refuse(decode(command("NTFY", 1, "aaln/1@gw", "X: 1")), unknown) is None
    assert said.refuse(decode(crcx(1, "aaln/1@gw")), unknown) == b"500 1 who?\r\n"


def test_complaints_answer_commands_alone() -> None:
    assert said.complain(BadMgcp("too large", b"17", 509)) == b"509 17 too large\r\n"
    for bad in (BadMessage("no"), BadMgcp("no"), BadMgcp("no", b"000")):
        assert said.complain(bad) is None


@pytest.mark.parametrize(
    ("data", "ack"),
    [
        (response(200, 17, "K:"), b"000 17\r\n"),
        (response(510, 17, "k: "), b"000 17\r\n"),
        (response(200, 17, "K: 1-4"), None),
        (response(200, 17), None),
        (response(100, 17, "K:"), None),
        (crcx(17, "aaln/1@gw"), None),
    ],
)
def test_what_asks_for_it_is_acknowledged(data: bytes, ack: bytes | None) -> None:
    assert said.acknowledge(decode(data)) == ack


def test_a_connection_is_taken_off_on_both_sides() -> None:
    memo = CallMemo(b"[198.51.100.1]", b"[192.168.1.10]")
    about = (GATEWAY, b"77", Ending.SILENT)
    gateway = said.release(b"2a", b"aaln/1 1F", False, memo, *about)
    assert gateway == b"DLCX 77 aaln/1@[192.168.1.10] MGCP 1.0\r\nC: 2a\r\nI: 1F\r\n"
    agent = said.release(b"2a", b"aaln/1 1F", True, memo, *about)
    assert agent == b"DLCX 77 aaln/1@[198.51.100.1] MGCP 1.0\r\nC: 2a\r\nI: 1F\r\nE: 902 no media\r\n"
    unknown = said.release(b"2a", b"aaln/1 1F", False, None, *about)
    assert unknown is not None and b"@[192.168.1.10] " in unknown
    assert said.release(b"2a", b"1F", False, memo, *about) is None
    spelled = said.release(b"2A", b"aaln/1 1F", False, CallMemo(b"a", b"b", b"2a"), *about)
    assert spelled is not None and b"\r\nC: 2a\r\n" in spelled


def test_a_gateway_is_spoken_for() -> None:
    sent = rsip(9, "[198.51.100.1]", "restart", "aaln/1", "RD: 10")
    assert said.restart(sent, b"forced", b"78") == b"RSIP 78 *@[198.51.100.1] MGCP 1.0\r\nRM: forced\r\n"
    long = rsip(9, "[198.51.100.1]", "restart", "a" * 600)
    assert said.restart(long, b"forced", b"78").startswith(b"RSIP 78 *@[198.51.100.1] MGCP")


def test_who_is_asked_whether_it_lives() -> None:
    assert said.probe(b"AUEP", b"", GATEWAY, b"7") == b"AUEP 7 *@[192.168.1.10] MGCP 1.0\r\n"
    known = GATEWAY._replace(route=Route((b"aaln/1@gw44",)))
    assert said.probe(b"AUEP", b"", known, b"7") == b"AUEP 7 aaln/1@gw44 MGCP 1.0\r\n"
    assert said.probe(b"RQNT", b"null", known, b"7") == b"RQNT 7 null@gw44 MGCP 1.0\r\nX: 0\r\n"
