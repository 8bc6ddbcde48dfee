"""What call signalling means to the core."""

from __future__ import annotations

import pytest

from sbc.core.message import BadMessage, Ending, Intent, Kind, Phase
from sbc.h323.codec import build_control, build_signal, decode
from sbc.h323.message import H323Message
from sbc.h323.signal import PROGRESS, describe_signal
from tests.h323_calls import GUID, PROTOCOL, VENDOR, fast_start, release, said_back, setup, tunnel


def said(data: bytes) -> Intent:
    return describe_signal(H323Message(decode(data)))


def test_a_setup_opens_a_call_on_its_connection() -> None:
    intent = said(setup(endpointIdentifier="17_endp"))
    assert (intent.kind, intent.phase, intent.call, intent.exchange) == (Kind.OPEN, Phase.REQUEST, b"77", b"setup 77")
    assert (intent.heralds, intent.handle, intent.user) == (GUID, b"17_endp", b"h323-ID:alice")
    assert (intent.callee, intent.label, intent.bound) == (b"dialledDigits:200", GUID.hex().encode(), True)


def test_a_setup_says_what_is_dialled_and_who_made_the_terminal() -> None:
    vendor = {**VENDOR, "productId": b"Phone\0", "versionId": b"1.2\0"}
    intent = said(setup(sourceInfo={"vendor": vendor, "gateway": {}, "mc": False, "undefinedNode": False}))
    assert (intent.dialled, intent.agent, intent.proves) == (b"200", b"Phone 1.2", False)


@pytest.mark.parametrize("name", sorted(PROGRESS - {"setupAcknowledge"}))
def test_progress_is_provisional(name: str) -> None:
    intent = said(said_back(name, setup()))
    assert (intent.phase, intent.exchange) == (Phase.PROVISIONAL, b"setup 77")


def test_connect_answers_and_release_complete_refuses_or_ends() -> None:
    assert said(said_back("connect", setup())).phase is Phase.SUCCESS
    refused = said(release(setup(), 17, back=True))
    assert (refused.phase, refused.ends, refused.ending) == (Phase.FAILURE, True, Ending.BUSY)
    ended = said(release(setup()))
    assert (ended.kind, ended.phase, ended.within) == (Kind.CLOSE, Phase.CONFIRM, True)


def test_what_carries_channels_changes_the_call_and_all_else_only_tells() -> None:
    control = build_control("indication", "userInput", ("alphanumeric", "1"), tpkt=False)
    assert said(tunnel(setup(), [control])).kind is Kind.MODIFY
    assert said(tunnel(setup(), [])).kind is Kind.OTHER
    for name in ("statusInquiry", "notify", "information"):
        intent = said(build_signal(name, 77, False))
        assert (intent.kind, intent.phase, intent.within) == (Kind.OTHER, Phase.CONFIRM, True)


@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("fast", [False, True])
def test_who_was_called_accepts_fast_connect_in_what_is_no_answer(back: bool, fast: bool) -> None:
    body = {"protocolIdentifier": PROTOCOL, "reason": ("undefinedReason", 0)}
    body |= {"fastStart": fast_start("10.0.0.1", offers=False)} if fast else {}
    assert said(build_signal("facility", 77, back, body)).accepts is (back and fast)


def test_who_was_called_opens_nothing() -> None:
    with pytest.raises(BadMessage):
        said(build_signal("setup", 77, True))
