"""Answers of H.248 in segments over a restart of the SBC: whoever asks again gets all of them, or all anew."""

from __future__ import annotations

import pytest

from sbc.h248.message import Body
from tests.h248_calls import RTP, Gateway, gateway, read
from tests.h248_words import LINE, WIRES, action, command, reply, transaction
from tests.kept import restarted

wires = pytest.mark.parametrize("wire", WIRES)
ASKED = transaction(10, b"*", command(b"AuditValue", b"*", b"Audit { Packages }"))


def segments(found: Gateway, number: int) -> tuple[bytes, bytes]:
    """What the gateway says, one of each of its terminations."""
    shown = [action(b"-", command(b"AuditValue", each)) for each in (LINE, RTP)]
    return b"Reply = %d/1 { %b }" % (number, shown[0]), b"Reply = %d/2/END { %b }" % (number, shown[1])


def asked(found: Gateway) -> int:
    (told,) = found.told(found.ask(ASKED))
    return read(told).transaction


@wires
def test_who_asks_again_after_a_restart_gets_all_segments(wire: str) -> None:
    found = gateway(wire=wire)
    said = [each for one in segments(found, asked(found)) for each in found.heard(found.say(one))]
    assert len(said) == 2
    found.rig, _ = restarted(found.rig)
    assert found.heard(found.ask(ASKED)) == said
    found.rig, _ = restarted(found.rig)
    assert found.heard(found.ask(ASKED)) == said


@wires
@pytest.mark.parametrize("came", [0, 1])
def test_a_restart_between_two_segments_ends_in_their_repetition(wire: str, came: int) -> None:
    """The gateway is asked again under the same number, so it says again what it has said, and does nothing twice; what
    its controller had before it gets once more, the same to the octet."""
    found = gateway(wire=wire)
    number = asked(found)
    first = segments(found, number)[came]
    before = found.heard(found.say(first))
    assert len(before) == 1
    found.rig, _ = restarted(found.rig)
    orders = found.ask(ASKED)
    again = [read(each).transaction for each in found.told(orders + found.rig.wait(5))]
    assert set(again) == {number}
    heard = found.heard(orders)
    for each in segments(found, number):
        heard += found.heard(found.say(each))
    assert before[0] in heard and {read(each).segment for each in heard} == {1, 2}
    assert set(found.heard(found.ask(ASKED))) == set(heard)


@wires
def test_an_answer_that_comes_again_after_a_restart_is_acknowledged(wire: str) -> None:
    """Its gateway repeats it until it hears of it (H.248.1 clause D.1)."""
    found = gateway(wire=wire)
    (told,) = found.told(found.ask(ASKED))
    answer = reply(read(told).transaction, b"-", command(b"AuditValue", LINE), ack=True)
    (ack,) = found.told(found.say(answer))
    assert read(ack).body is Body.ACK
    found.rig, _ = restarted(found.rig)
    assert found.told(found.say(answer)) == [ack]
