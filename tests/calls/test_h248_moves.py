"""Answers of H.248 that come when their terminations are in other contexts by then, and what is shown of several."""

from __future__ import annotations

import pytest

from sbc.core.address import Address
from sbc.core.call import Call, CallState, Stream
from sbc.core.orders import OpenStream, UpdateStream
from tests.h248_calls import FAR, NEAR, RTP, Gateway, gateway, places, read
from tests.h248_words import LINE, WIRES, action, command, failed, media, reply, sdp, transaction
from tests.rig import of

wires = pytest.mark.parametrize("wire", WIRES)
ELSEWHERE = Address(FAR.host, 7000)


def only(call: Call) -> Stream:
    (stream,) = call.streams.values()
    return stream


def moved(found: Gateway) -> Call:
    """The gateway moves its RTP termination from context 5 to 6; the call of that."""
    asked = read(*found.told(found.ask(transaction(50, b"$", command(b"Move", RTP)))))
    found.say(reply(asked.transaction, 6, command(b"Move", RTP)))
    (other,) = (each for each in found.calls if each.gathering and each.gathering.name == b"6")
    return other


@wires
@pytest.mark.parametrize("stays", [True, False], ids=["the other stays", "nobody stays"])
def test_a_change_is_answered_when_its_termination_has_moved(wire: str, stays: bool) -> None:
    """The gateway has carried both out, in whichever order; its answers have overtaken each other."""
    found = gateway(wire=wire)
    call = found.call()
    stream, ours = only(call), only(call).ours
    if not stays:
        asked = read(*found.told(found.ask(transaction(30, 5, command(b"Subtract", LINE)))))
        found.say(reply(asked.transaction, 5, command(b"Subtract", LINE)))
    (there,) = found.told(found.modify(remote=ELSEWHERE))
    other = moved(found)
    assert (call.state is CallState.CLOSED) is not stays
    near = media(local=sdp(NEAR.host, 4444))
    orders = found.say(reply(read(there).transaction, 5, command(b"Modify", RTP, near)))
    assert places(*found.heard(orders)) == [ours[0].rtp] and not of(OpenStream, orders)
    assert only(other) is stream and not call.streams
    assert stream.remote[0] is not None and stream.remote[0].rtp == ELSEWHERE
    assert stream.remote[1] is not None and stream.remote[1].rtp == Address(NEAR.host, 4444)
    assert {each.stream for each in of(UpdateStream, orders)} == {stream.id}
    found.rig.wait(100)


@wires
def test_a_change_that_was_refused_is_taken_back_where_the_termination_is_by_then(wire: str) -> None:
    found = gateway(wire=wire)
    call = found.call(remote=FAR)
    stream = only(call)
    (there,) = found.told(found.modify(remote=ELSEWHERE))
    moved(found)
    found.say(failed(read(there).transaction, 510))
    assert stream.remote[0] is not None and stream.remote[0].rtp == FAR


@wires
@pytest.mark.parametrize("context", [5, b"*"], ids=["of a context", "of all"])
def test_an_audit_shows_terminations_wherever_they_are(wire: str, context: bytes | int) -> None:
    found = gateway(wire=wire)
    first = found.call(remote=FAR)
    asked = found.add(11)
    second = command(b"Add", b"rtp/2", media(local=sdp(NEAR.host, 4002)))
    found.say(reply(asked.transaction, 7, command(b"Add", b"aaln/2"), second))
    (other,) = (each for each in found.calls if each is not first)
    one, two = only(first), only(other)
    body = b"Transaction = 60 { %b, %b }" % tuple(
        action(each, command(b"AuditValue", name, b"Audit { Media }")) for each, name in ((5, RTP), (7, b"rtp/2"))
    )
    if context == b"*":
        body = transaction(60, b"*", command(b"AuditValue", b"*", b"Audit { Media }"))
    told = read(*found.told(found.ask(body)))
    shown = [
        action(
            5, command(b"AuditValue", RTP, media(local=sdp(NEAR.host, 4000), remote=sdp(*map(str, one.ours[1].rtp))))
        ),
        action(7, command(b"AuditValue", b"rtp/2", media(local=sdp(NEAR.host, 4002)))),
    ]
    (back,) = found.heard(found.say(b"Reply = %d { %b }" % (told.transaction, b", ".join(shown))))
    assert places(back) == [one.ours[0].rtp, FAR, two.ours[0].rtp]
    assert len(first.streams) == len(other.streams) == 1


@wires
def test_nothing_is_shown_of_a_termination_that_is_in_no_call(wire: str) -> None:
    found = gateway(wire=wire)
    told = read(*found.told(found.ask(transaction(60, b"-", command(b"AuditValue", b"rtp/9", b"Audit { Media }")))))
    shown = command(b"AuditValue", b"rtp/9", media(local=sdp(NEAR.host, 4000)))
    (back,) = found.heard(found.say(reply(told.transaction, b"-", shown)))
    assert [each.port for each in places(back)] == [0]
