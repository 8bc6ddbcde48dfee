"""Accounting-Requests as RFC 2866 and RFC 2869 have them, and answers that are believed."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.config.values import Event, Octets
from sbc.ledger.radius.packets import Attribute, Naming, Unanswered, request
from sbc.ledger.turns import Turn
from sbc.ledger.usage import Count, Flow
from tests.ledger.facts import START, account, turn
from tests.ledger.radius.answers import NAMING, SECRET, answer, attributes, is_signed, number


def test_a_stop_says_who_what_and_how_much() -> None:
    asked = request(turn(), 7, SECRET, START + 12.9, NAMING)
    assert asked.data[:2] == b"\x04\x07" and number(asked.data[2:4]) == len(asked.data) and is_signed(asked.data)
    found = attributes(asked.data)
    assert found[Attribute.ACCT_SESSION_ID] == found[Attribute.ACCT_MULTI_SESSION_ID] == b"boot-c1"
    assert found[Attribute.USER_NAME] == found[Attribute.CALLING_STATION_ID] == b"alice@example.com"
    assert found[Attribute.CALLED_STATION_ID] == b"sip:bob@example.com"
    assert found[Attribute.NAS_IDENTIFIER] == b"sbc-1" and found[Attribute.NAS_PORT_ID] == b"access"
    numbers = {name: number(found[name]) for name in found if len(found[name]) == 4}
    assert numbers == {
        Attribute.ACCT_STATUS_TYPE: 2,
        Attribute.EVENT_TIMESTAMP: int(START) + 10,
        Attribute.ACCT_DELAY_TIME: 2,
        Attribute.NAS_PORT_TYPE: 5,
        Attribute.ACCT_SESSION_TIME: 8,
        Attribute.ACCT_INPUT_OCTETS: 20_088,
        Attribute.ACCT_INPUT_GIGAWORDS: 0,
        Attribute.ACCT_INPUT_PACKETS: 101,
        Attribute.ACCT_OUTPUT_OCTETS: 10_088,
        Attribute.ACCT_OUTPUT_GIGAWORDS: 0,
        Attribute.ACCT_OUTPUT_PACKETS: 51,
        Attribute.ACCT_TERMINATE_CAUSE: 1,
    }
    assert found[Attribute.CONNECT_INFO] == b"PCMU/8000, audio in 17260 out 8660"


def test_a_start_has_no_volume_and_an_interim_no_cause() -> None:
    start = attributes(request(turn(Event.START), 0, SECRET, START, NAMING).data)
    interim = attributes(request(turn(Event.INTERIM), 0, SECRET, START, NAMING).data)
    assert number(start[Attribute.ACCT_STATUS_TYPE]) == 1 and Attribute.ACCT_INPUT_OCTETS not in start
    assert number(interim[Attribute.ACCT_STATUS_TYPE]) == 3 and Attribute.ACCT_TERMINATE_CAUSE not in interim
    assert number(start[Attribute.ACCT_DELAY_TIME]) == 0, "the clock was set back"


def test_more_than_four_gigaoctets_are_told_in_two_words() -> None:
    many = Flow(Count(2**33, 2**34 + 5, 2**35 + 7), Count(1, 2, 3))
    usage = attrs.evolve(account(), media={"video": many})
    found = attributes(request(Turn(Event.STOP, START, usage), 0, SECRET, START, NAMING).data)
    assert (number(found[Attribute.ACCT_INPUT_OCTETS]), number(found[Attribute.ACCT_INPUT_GIGAWORDS])) == (7, 8)
    plain = request(Turn(Event.STOP, START, usage), 0, SECRET, START, Naming("x", Octets.PAYLOAD))
    found = attributes(plain.data)
    assert (number(found[Attribute.ACCT_INPUT_OCTETS]), number(found[Attribute.ACCT_INPUT_GIGAWORDS])) == (5, 4)
    assert number(found[Attribute.ACCT_OUTPUT_OCTETS]) == 2


@given(st.text(max_size=400), st.text(max_size=400))
def test_whatever_peers_are_called_makes_a_packet(user: str, called: str) -> None:
    usage = attrs.evolve(account(), user=user, called=called)
    asked = request(Turn(Event.STOP, START, usage), 9, SECRET, START, NAMING)
    assert len(asked.data) <= 4096 and is_signed(asked.data)
    found = attributes(asked.data)
    assert all(1 <= len(value) <= 253 for value in found.values())
    found[Attribute.USER_NAME].decode()


@pytest.mark.parametrize(("ending", "cause"), [
    ("silent", 4), ("vanished", 2), ("expired", 5), ("spent", 5), ("cleared", 6), ("shutdown", 7), ("failed", 9),
    ("incomplete", 11), ("busy", 15),
])  # fmt: skip
def test_causes(ending: str, cause: int) -> None:
    usage = attrs.evolve(account(), ending=ending)
    found = attributes(request(Turn(Event.STOP, START, usage), 0, SECRET, START, NAMING).data)
    assert number(found[Attribute.ACCT_TERMINATE_CAUSE]) == cause


def test_only_who_knows_the_secret_answers() -> None:
    asked = request(turn(), 7, SECRET, START, NAMING)
    other = request(turn(packets=3), 7, SECRET, START, NAMING)
    asked.check(answer(asked.data))
    asked.check(answer(asked.data, body=b"\x12\x07hello") + b"padding")
    for wrong in (
        answer(asked.data, secret=b"another secret"),
        answer(other.data),
        answer(asked.data, code=4),
        answer(asked.data, code=3),
        answer(asked.data)[:19],
        answer(asked.data, body=b"\x12\x01"),
        answer(asked.data)[:1] + b"\x08" + answer(asked.data)[2:],
        b"",
        bytes(5000),
    ):
        with pytest.raises(Unanswered):
            asked.check(wrong)


@given(st.binary(max_size=300), st.binary(max_size=120))
def test_whatever_comes_is_no_answer_and_raises_nothing_else(rubbish: bytes, body: bytes) -> None:
    asked = request(turn(), 7, SECRET, START, NAMING)
    with pytest.raises(Unanswered):
        asked.check(rubbish)
    head = b"\x05\x07" + (20 + len(body)).to_bytes(2, "big") + rubbish[:16].ljust(16, b"\0")
    with pytest.raises(Unanswered):
        asked.check(head + body)
    try:  # what a server with our secret sends, however strange
        asked.check(answer(asked.data, body=body))
    except Unanswered:
        return
