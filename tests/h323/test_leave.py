"""What gives leave to call back."""

from __future__ import annotations

import pytest

from sbc.core.message import Ending
from sbc.h323.codec import decode
from sbc.h323.leave import give_back
from tests.h323_calls import CONFERENCE, GUID, arq


@pytest.mark.parametrize("takes", [False, True])
@pytest.mark.parametrize("ending", [None, *Ending])
def test_it_names_the_call_as_it_was_asked_for(takes: bool, ending: Ending | None) -> None:
    message = decode(give_back(arq(20, answerCall=takes, gatekeeperIdentifier="gk"), ending, b"4711"))
    said = message.value
    assert (message.name, said["requestSeqNum"]) == ("disengageRequest", 4711)
    assert (said["endpointIdentifier"], said["conferenceID"]) == ("17_endp", CONFERENCE)
    assert (said["callReferenceValue"], said["callIdentifier"]) == (77, {"guid": GUID})
    assert (said["answeredCall"], said["gatekeeperIdentifier"]) == (takes, "gk")
    assert said["disengageReason"] == ("normalDrop", 0)
    assert ("terminationCause" in said) == (ending is not None)


def test_it_says_why_the_call_has_ended() -> None:
    said = decode(give_back(arq(20), Ending.VANISHED, b"1")).value
    assert said["terminationCause"] == ("releaseCompleteCauseIE", b"\x80\xa9"), "41: temporary failure"
