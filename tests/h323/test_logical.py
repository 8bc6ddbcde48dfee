"""What messages of H.245 do to logical channels, one message at a time."""

from __future__ import annotations

from typing import Any

from sbc.core.message import Intent, Kind, Phase
from sbc.h323 import logical
from sbc.h323.codec import decode
from sbc.h323.message import H323Message
from tests.calls.test_h323_calls import for_fax
from tests.calls.test_h323_channels import ack, ask_to_close, capabilities, close, olc, reject
from tests.h323_calls import said_back, setup, tunnel
from tests.rig import SOFTSWITCH

HOST = "192.168.1.10"


def said(*control: bytes) -> Intent:
    intent = Intent(Kind.MODIFY, Phase.CONFIRM, b"", b"")
    logical.note(intent, H323Message(decode(tunnel(setup(), list(control)))))
    return intent


def test_channels_are_opened_by_their_numbers() -> None:
    assert said(olc(HOST, 3, 4001)).opens == ((b"3", "rtp"),)
    assert said(olc(HOST, 4, None, 0, for_fax())).opens == ((b"4", "t38"),)
    assert said(olc(HOST, 65535, 4001), olc(HOST, 5, 4003)).opens == ((b"65535", "rtp"), (b"5", "rtp"))


def test_channels_are_closed_by_who_opened_them_or_not_taken() -> None:
    assert said(close(3), reject(7)).shuts == ((b"3", False), (b"7", True))
    assert said(ask_to_close(3)).shuts == () and said(ack(HOST, 3, 4000)).shuts == ()


def test_of_one_number_the_last_word_counts() -> None:
    again = said(close(3), olc(HOST, 3, 4001))
    assert (again.opens, again.shuts) == (((b"3", "rtp"),), ())
    over = said(olc(HOST, 3, 4001), close(3))
    assert (over.opens, over.shuts) == ((), ((b"3", False),))


def test_an_empty_capability_set_pauses() -> None:
    assert [said(capabilities(empty)).pauses for empty in (True, False)] == [True, False]
    assert said(close(3)).pauses is None


def channels(data: bytes) -> list[tuple[bytes, bool]]:
    message = H323Message(decode(data))
    return [logical.channel_of(message, pdu) for pdu in message.message.pdus if pdu.holder]


def test_whose_channel_a_pdu_speaks_of() -> None:
    assert channels(tunnel(setup(), [olc(HOST, 3, 4001), ack(HOST, 5, 4000)])) == [(b"3", False), (b"5", True)]
    assert channels(setup()) == [(b"", False), (b"", False)]  # proposed is not open
    assert channels(said_back("connect", setup(), SOFTSWITCH.host)) == [(b"1", False), (b"101", True)]
    assert channels(tunnel(setup(), [close(3)])) == [(b"", False)]


def test_what_flows_in_a_channel() -> None:
    told: Any = [({"dataType": ("audioData", ())}, "audioData"), ({"dataType": for_fax()}, "fax"), ({}, "")]
    told += [({"dataType": ("data", {"application": ("h224", ())})}, "data"), ({"dataType": ("data", None)}, "data")]
    assert [logical.carries(parameters) for parameters, _ in told] == [flows for _, flows in told]
