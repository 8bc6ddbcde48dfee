"""What asks the parties of a call whether it lives, and what of a message was an answer to that."""

from __future__ import annotations

from typing import Any

import pytest

from sbc.h323 import alive
from sbc.h323.codec import Wire, build_control, build_signal, decode
from sbc.h323.memo import CallMemo
from sbc.h323.message import H323Message
from tests.h323_calls import GUID, TUNNELLED, said_back, setup, tunnel
from tests.h323_messages import vendors

ANSWER = said_back("connect", setup(reference=0x1234))
EMPTY: Any = ("empty", 0)
STATUS: Any = {"protocolIdentifier": (0, 0, 8, 2250, 0, 6), "callIdentifier": {"guid": GUID}}


def response(*numbers: int) -> list[bytes]:
    return [build_control("response", "roundTripDelayResponse", {"sequenceNumber": n}, tpkt=False) for n in numbers]


def read(data: bytes) -> H323Message:
    return H323Message(decode(data))


@pytest.mark.parametrize("to_asker", [False, True])
@pytest.mark.parametrize("tunnels", [(False, False), (True, False), (False, True)])
def test_who_tunnels_is_asked_by_h245_and_others_by_q931(to_asker: bool, tunnels: tuple[bool, bool]) -> None:
    question = alive.question(ANSWER, to_asker, CallMemo(tunnels), 700)
    message = read(question.data)
    head = message.message.q931
    assert head is not None and (head.call_reference, head.from_destination) == (0x1234, to_asker)
    assert alive.asks(message) == (question.name,) and not alive.tells(message)
    if tunnels[0 if to_asker else 1]:
        assert (message.name, question.sure, question.name) == ("facility", False, b"round trip 188")
        assert [pdu.value for pdu in message.message.pdus if pdu.name == "roundTripDelayRequest"] == [
            {"sequenceNumber": 188}
        ]
    else:
        assert (message.name, question.sure, question.name) == ("statusInquiry", False, b"status")
        assert message.value["callIdentifier"] == {"guid": GUID}


def test_of_a_call_of_which_nothing_is_known_the_question_is_q931s() -> None:
    assert alive.question(ANSWER, True, None, 1).name == b"status"


def test_answers_are_known_by_their_number() -> None:
    assert alive.tells(read(tunnel(setup(), response(7, 8)))) == (b"round trip 7", b"round trip 8")
    assert alive.tells(read(build_signal("status", 77, True, STATUS))) == (b"status",)
    by_itself = H323Message(decode(build_control("response", "roundTripDelayResponse", {"sequenceNumber": 3})))
    assert alive.tells(by_itself) == (b"round trip 3",) and not alive.strip(by_itself, {b"round trip 3"})


@pytest.mark.parametrize("body", [EMPTY, None])
def test_nothing_is_left_of_what_only_answers(body: Any) -> None:
    data = tunnel(setup(), response(7))
    if body is not None:
        data = build_signal("facility", 77, True, body, control=response(7), extra=TUNNELLED)
    assert not alive.strip(read(data), {b"round trip 7"})
    assert not alive.strip(read(build_signal("status", 77, True, STATUS)), {b"status"})
    assert not alive.strip(read(build_signal("status", 77, True)), {b"status"}), "without a user-user part"


def test_what_else_a_message_holds_stays() -> None:
    more = build_control("indication", "userInput", ("alphanumeric", "5"), tpkt=False)
    message = read(tunnel(setup(), [*response(7), more, *response(8)]))
    assert alive.strip(message, {b"round trip 7"})
    left = decode(message.encode())
    assert [pdu.name for pdu in left.pdus] == ["facility", "userInput", "roundTripDelayResponse"]
    assert alive.tells(H323Message(left)) == (b"round trip 8",)


def test_a_message_that_means_something_itself_goes_on_without_the_answer() -> None:
    message = read(build_signal("notify", 77, True, STATUS, control=response(7), extra=TUNNELLED))
    assert alive.strip(message, {b"round trip 7"})
    left = decode(message.encode(), Wire.SIGNAL)
    assert left.name == "notify" and not alive.tells(H323Message(left))


def test_an_answer_stays_where_the_rest_cannot_be_encoded_anew() -> None:
    """More than is encoded anew, or otherwise than X.691 says: what else is said crosses, as its sender wrote it."""
    more = {**TUNNELLED, "nonStandardData": vendors(bytes(9000))}
    data = build_signal("facility", 77, False, EMPTY, control=response(7, 8), extra=more)
    message = read(data)
    assert alive.strip(message, {b"round trip 7"})
    assert message.message.encode() == data
