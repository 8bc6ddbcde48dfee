"""What the SBC answers by itself."""

from __future__ import annotations

import pytest

from sbc.core.address import Address
from sbc.core.message import BadMessage, Cause, Refused
from sbc.h248 import answers
from sbc.h248.causes import Illegal
from sbc.h248.message import Body, Wire
from sbc.h248.mids import read_mid
from sbc.h248.slots import slots
from sbc.h248.taken import decode
from sbc.octets import tpkt
from tests.h248_binary import action, request
from tests.h248_binary import command as made_command
from tests.h248_binary import message as made_message
from tests.h248_calls import read
from tests.h248_words import WIRES, WRITERS, command, media, message, reply, transaction

GATEWAY, OWN = b"[192.0.2.1]:2944", b"[203.0.113.1]:2944"
ASKED = message(GATEWAY, transaction(9, 5, command(b"Notify", b"a1")), version=2)
ACK = b"K { 7 }"
wires = pytest.mark.parametrize("wire", WIRES)


@wires
def test_a_refusal_is_written_as_what_it_answers(wire: str) -> None:
    data = answers.refuse(decode(WRITERS[wire](ASKED)), Refused(Cause.NO_CALL, 'no "such" call'))
    assert data is not None
    said = read(data)
    assert (said.wire, said.version, said.body, said.transaction) == (Wire(wire), 2, Body.REPLY, 9)
    assert said.error is not None
    assert (said.error.code, said.error.text) == (411, b"no 'such' call")
    packed = answers.refuse(decode(tpkt.wrap(WRITERS[wire](ASKED))), Illegal("two"))
    assert packed is not None and read(packed).error is not None and packed[:1] == b"\x03"


@wires
def test_an_answer_is_the_other_party_s_where_that_is_known_else_our_own(wire: str) -> None:
    """Names and addresses, of any length, in place of each other."""
    refused = answers.refuse(decode(WRITERS[wire](ASKED)), Refused(Cause.NO_CALL, "no such call"))
    assert refused is not None
    for known, mid in ((b"", OWN), (ASKED, GATEWAY), (message(b"<gw.example>", ACK), b"<gw.example>"), (b"?", b"sbc")):
        said = answers.in_name_of(refused, known, Address("203.0.113.1", 2944))
        assert read(said).mid == read_mid(mid) and read(said).error is not None, known
        refused = said
    assert answers.in_name_of(b"?", ASKED, Address("203.0.113.1", 2944)) == b"?"


@wires
def test_a_yes_says_what_was_done(wire: str) -> None:
    data = answers.accept(decode(WRITERS[wire](ASKED)))
    assert data is not None
    said = read(data)
    assert (said.transaction, said.actions[0].context) == (9, b"5") and said.commands[0].verb.value == "Notify"


@wires
def test_answers_are_not_answered(wire: str) -> None:
    taken = decode(WRITERS[wire](message(GATEWAY, reply(9, 5, command(b"Notify", b"a1")))))
    assert answers.refuse(taken, Refused(Cause.BUSY, "full")) is None
    assert answers.accept(taken) is None and answers.confirm(ASKED, taken) is None


def complaint(data: bytes) -> bytes | None:
    with pytest.raises(BadMessage) as bad:
        decode(data)
    return answers.complain(bad.value)


def test_what_is_no_message_is_answered_as_far_as_it_can_be() -> None:
    told = complaint(message(GATEWAY, transaction(9, 5, command(b"Notify", b"a1"))[:-30]))
    assert told is not None and read(told).error is not None and read(told).transaction in (0, 9)
    assert complaint(b"GET / HTTP/1.1") is None and complaint(b"0\x03\x00") is None
    assert answers.complain(BadMessage("another's")) is None


def test_a_description_that_is_none_has_its_own_code() -> None:
    data = message(GATEWAY, transaction(9, 5, command(b"Modify", b"a1", media(remote=b"v=0\r\nm=audio\r\n"))))
    with pytest.raises(BadMessage) as bad:
        slots(decode(data))
    told = answers.complain(bad.value)
    assert told is not None and read(told).error is not None and read(told).error.code == 474  # type: ignore[union-attr]
    answer = message(GATEWAY, reply(9, 5, command(b"Modify", b"a1", media(local=b"v=0\r\nm=audio\r\n"))))
    with pytest.raises(BadMessage) as bad:
        slots(decode(answer))
    assert answers.complain(bad.value) is None


def test_that_an_answer_has_arrived_is_said_where_it_is_wanted() -> None:
    wants = decode(message(OWN, reply(9, 5, command(b"Notify", b"a1"), ack=True)))
    ack = answers.confirm(ASKED, wants)
    assert ack is not None and read(ack).acks == ((9, 9),) and read(ack).mid.text == GATEWAY
    segment = decode(message(OWN, b"Reply = 9/1 { Context = 5 { Notify = a1 } }", version=3))
    told = answers.confirm(ASKED, segment)
    assert told is not None and (read(told).body, read(told).segment) == (Body.SEGMENT, 1)
    assert answers.confirm(b"", wants) is None


def test_that_is_said_whatever_else_was_in_what_was_sent() -> None:
    """Its header, and how it went, are all that matters."""
    wants = decode(message(OWN, reply(9, 5, command(b"Notify", b"a1"), ack=True)))
    spoilt = ASKED + b"x"
    with pytest.raises(BadMessage):
        decode(spoilt)
    assert answers.confirm(spoilt, wants) == answers.confirm(ASKED, wants)
    assert answers.confirm(b"nothing", wants) is None


def test_an_mid_of_ours_is_one() -> None:
    with pytest.raises(ValueError, match="no MId"):
        answers.mid(b"[nowhere")


def test_a_version_that_nobody_speaks_is_told_the_newest() -> None:
    told = complaint(message(GATEWAY, transaction(9, 5, command(b"Notify", b"a1")), version=4))
    assert told is not None and read(told).version == 3
    assert read(told).error is not None and read(told).error.code == 406  # type: ignore[union-attr]


@pytest.mark.parametrize("version", [0, 4, 99])
@pytest.mark.parametrize("verb", [0, 6])
def test_such_a_one_is_answered_whatever_else_is_in_it(version: int, verb: int) -> None:
    told = complaint(made_message(request(9, action(b"\0", made_command(verb))), version=version))
    assert told is not None
    said = read(told)
    assert (said.version, said.body, said.transaction) == (3, Body.REPLY, 9)
    assert said.error is not None and said.error.code == 406
