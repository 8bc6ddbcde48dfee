"""Lifetimes, renewals, and the requests of our own about registrations."""

from __future__ import annotations

import pytest

from sbc.core.message import Place, Role, Slot
from sbc.core.orders import Listener
from sbc.h323.codec import decode
from sbc.h323.message import H323Message
from sbc.h323.registrar import grant, keep, probe, renew, unbind
from sbc.h323.slots import TERMINAL
from tests.h323_calls import GATEKEEPER, TERMINAL_CALLS, TERMINAL_RAS, address_of, keepalive, rcf, rrq
from tests.rig import SBC_CORE

OWN = Listener("core", "h323", "udp", SBC_CORE, SBC_CORE)


def test_a_lifetime_is_written_in_place() -> None:
    message = H323Message(decode(rrq(6)))
    grant(message, 40)
    assert decode(message.encode()).value["timeToLive"] == 40 and message.lifetime is None


def test_a_renewal_is_the_last_answer_with_another_number_and_time() -> None:
    slot = Slot(Role.SIGNAL, Place(TERMINAL_RAS), None)
    said = decode(renew(H323Message(decode(keepalive(9))), keep(rcf(rrq(6))), {slot: 33})).value
    assert said == {**decode(rcf(rrq(6))).value, "requestSeqNum": 9, "timeToLive": 33}


def test_a_terminal_is_taken_off_by_where_it_takes_calls() -> None:
    said = decode(unbind(rrq(6, gatekeeperIdentifier="gk"), b"17_endp", b"12")).value
    assert said["requestSeqNum"] == 12 and said["gatekeeperIdentifier"] == "gk"
    assert [address_of(each) for each in said["callSignalAddress"]] == [TERMINAL_CALLS]
    assert said["endpointIdentifier"] == "17_endp"
    assert "endpointIdentifier" not in decode(unbind(rrq(6), b"", b"12")).value


@pytest.mark.parametrize(
    ("said", "spoilt"), [(b"url@a", b"u\xffl@a"), ("bob".encode("utf-16-be"), b"\xd8\x00\x00o\x00b")]
)
def test_a_terminal_whose_name_is_none_is_taken_off_without_it(said: bytes, spoilt: bytes) -> None:
    """Who reads takes what nobody may write: characters beyond IA5, half a surrogate pair."""
    sent = rrq(6, terminalAlias=[("url-ID", "url@a"), ("h323-ID", "bob")])
    assert sent.count(said) == 1
    left = unbind(sent.replace(said, spoilt), b"17_endp", b"12")
    assert left is not None
    assert "endpointAlias" not in decode(left).value and decode(left).value["endpointIdentifier"] == "17_endp"
    surrogate = "\ud800".encode("utf-8", "surrogatepass")
    told = unbind(sent, surrogate, b"12")
    assert told is None or decode(told).value["endpointIdentifier"] == "\ud800"


def test_terminals_and_gatekeepers_are_asked_each_in_its_way() -> None:
    asked = decode(probe(Place(TERMINAL_RAS, TERMINAL), OWN, b"9"))
    assert (asked.name, asked.value) == ("infoRequest", {"requestSeqNum": 9, "callReferenceValue": 0})
    asked = decode(probe(Place(GATEKEEPER), OWN, b"9"))
    assert asked.name == "gatekeeperRequest" and address_of(asked.value["rasAddress"]) == SBC_CORE
