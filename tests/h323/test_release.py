"""ReleaseComplete of our own."""

from __future__ import annotations

import pytest

from sbc.core.message import Cause, Ending, Refused
from sbc.h323.codec import build_signal, decode
from sbc.h323.message import H323Message
from sbc.h323.q931 import Q931
from sbc.h323.release import close, refuse, withdraw
from sbc.octets.tpkt import wrap
from tests.calls.test_h323_channels import olc
from tests.h323_calls import GUID, release, said_back, setup, tunnel
from tests.rig import PHONE


def head(data: bytes | None) -> Q931:
    assert data is not None
    message = decode(data)
    assert message.name == "releaseComplete" and message.q931 is not None
    return message.q931


@pytest.mark.parametrize("cause", list(Cause))
def test_a_setup_is_refused_by_who_was_called(cause: Cause) -> None:
    data = refuse(H323Message(decode(setup())), Refused(cause, "because"))
    assert (head(data).from_destination, head(data).call_reference) == (True, 77)
    assert data is not None and decode(data).value["callIdentifier"]["guid"] == GUID


@pytest.mark.parametrize(
    ("cause", "number", "reason"),
    [
        (Cause.BANDWIDTH, 34, "noBandwidth"),
        (Cause.QUOTA, 21, "noPermission"),
        (Cause.DENIED, 21, "securityDenied"),
        (Cause.ENGAGED, 17, None),
        (Cause.RATE, 42, None),
    ],
)
def test_a_reason_is_given_where_it_says_more_than_the_cause(cause: Cause, number: int, reason: str | None) -> None:
    data = refuse(H323Message(decode(setup())), Refused(cause, "because"))
    assert data is not None and head(data).cause == number
    assert decode(data).value.get("reason", (None,))[0] == reason


def test_what_belongs_to_no_call_is_answered_but_for_its_end() -> None:
    no = Refused(Cause.NO_CALL, "no such call")
    assert head(refuse(H323Message(decode(build_signal("statusInquiry", 5, True))), no)).from_destination is False
    assert refuse(H323Message(decode(release(setup()))), no) is None


@pytest.mark.parametrize(
    ("cause", "word"),
    [
        (Cause.BANDWIDTH, "insufficientBandwidth"),
        (Cause.SECURITY, "securityDenied"),
        (Cause.UNSUPPORTED, "unspecified"),
        (Cause.NO_PORTS, "unspecified"),
        (Cause.BUSY, "unspecified"),
        (Cause.NO_CALL, None),
    ],
)
def test_a_channel_within_a_call_is_not_opened_whatever_the_reason(cause: Cause, word: str | None) -> None:
    """Its opener would wait for an answer."""
    data = refuse(H323Message(decode(wrap(olc(PHONE.host, 3, 4001)))), Refused(cause, "because"))
    assert (None if data is None else decode(data).value["cause"][0]) == word
    tunnelled = refuse(H323Message(decode(tunnel(setup(), [olc(PHONE.host, 3, 4001)]))), Refused(cause, "because"))
    assert tunnelled is not None and (word is None) == (decode(tunnelled).name == "releaseComplete")


def test_a_setup_is_taken_back_with_the_cause_of_who_did() -> None:
    assert head(withdraw(setup(), None)).cause == 102
    taken = head(withdraw(setup(), H323Message(decode(release(setup(), 21)))))
    assert (taken.cause, taken.from_destination) == (21, False)


def test_either_party_is_told_the_end() -> None:
    connect = said_back("connect", setup())
    for to_asker in (True, False):
        assert head(close(connect, to_asker, None)).from_destination is to_asker
    causes = {ending: head(close(connect, True, ending)).cause for ending in Ending}
    assert (causes[Ending.NORMAL], causes[Ending.VANISHED], causes[Ending.SILENT]) == (16, 41, 102)


def test_a_message_within_a_call_is_not_answered_by_the_end_of_it_on_one_side() -> None:
    facility = H323Message(decode(said_back("facility", setup(), reason=("undefinedReason", 0))))
    assert refuse(facility, Refused(Cause.NO_PORTS, "full")) is None
    assert head(refuse(facility, Refused(Cause.NO_CALL, "none"))).name == "releaseComplete"
