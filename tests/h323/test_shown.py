"""Messages as people see them."""

from __future__ import annotations

from typing import Any

from sbc.h323.codec import build_control, build_ras, build_signal, decode
from sbc.h323.shown import mask, tell
from tests.h323_calls import rrq, setup, tunnel


def test_a_few_words() -> None:
    assert tell(rrq(17)) == "registrationRequest 17"
    assert tell(build_signal("releaseComplete", 5, True)) == "releaseComplete"
    assert tell(b"") == "empty"
    control = [build_control("request", "roundTripDelayRequest", {"sequenceNumber": 1}, tpkt=False)]
    assert tell(tunnel(setup(), control)) == "facility (roundTripDelayRequest)"
    assert tell(tunnel(setup(), control * 5)).endswith("roundTripDelayRequest and 2 more)")


def test_what_is_nested_is_shown_below() -> None:
    shown = mask(setup()).decode()
    assert "fastStart: (below)" in shown and "  fastStart 1: openLogicalChannel" in shown
    assert "g711Alaw64k" in shown and "sessionID: 1" in shown
    assert "192.168.1.10:4000" in shown and "b'" not in shown, shown


def test_all_it_says_but_what_proves_who_somebody_is() -> None:
    token = {"tokenOID": (0, 0, 8, 235, 0, 2, 1), "password": "secret-word"}
    shown = mask(build_ras("registrationRequest", {**decode(rrq(17)).value, "tokens": [token]})).decode()
    assert "requestSeqNum: 17" in shown and "192.168.1.10:1720" in shown and "alice" in shown
    assert "secret-word" not in shown and "tokens: (hidden)" in shown


def test_call_references_and_causes() -> None:
    shown = mask(build_signal("releaseComplete", 5, True, elements={8: b"\x80\x90"})).decode()
    assert "call reference 5, from the destination" in shown and "cause 16" in shown


def test_what_is_no_message_is_shown_as_octets() -> None:
    assert mask(b"\xff\xff").endswith(b": ffff")


def test_a_password_inside_a_choice_is_hidden() -> None:
    """What is asked of who joins a conference (H.245 clause B.13)."""
    label: dict[str, Any] = {"mcuNumber": 1, "terminalNumber": 2}
    answer = ("passwordResponse", {"terminalLabel": label, "password": b"secret-word"})
    shown = mask(build_control("response", "conferenceResponse", answer)).decode()
    assert "password: (hidden)" in shown and "mcuNumber: 1" in shown
    assert b"secret-word".hex() not in shown and "secret-word" not in shown


def test_keys_of_media_are_hidden_wherever_they_are_said() -> None:
    """With the channel, when they change, and when they are to be changed (H.235.6, H.235.8)."""
    key = b"a key of media, in the clear"
    sync = {"synchFlag": 7, "h235Key": key, "escrowentry": [{"escrowID": (0, 0), "escrowValue": (0xABCD, 16)}]}
    direction = ("slaveToMaster", None)
    for what, of in (
        (("encryptionUpdate", sync), {}),
        (("encryptionUpdateCommand", {"encryptionSync": sync}), {"direction": direction}),
    ):
        command = {"logicalChannelNumber": 1, "type": what, **of}
        shown = mask(build_control("command", "miscellaneousCommand", command)).decode()
        assert "encryptionUpdate" in shown and "(hidden)" in shown and str(0xABCD) not in shown
        assert key.hex() not in shown and key.decode() not in shown
    ack = {"forwardLogicalChannelNumber": 1, "encryptionSync": sync}
    shown = mask(build_control("response", "openLogicalChannelAck", ack)).decode()
    assert "encryptionSync: (hidden)" in shown and key.hex() not in shown and key.decode() not in shown
