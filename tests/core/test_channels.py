"""Channels of a call, as the core knows them; with H.323 they are in tests/calls."""

from __future__ import annotations

import attrs

from sbc.core import channels
from sbc.core.call import Call
from sbc.core.message import Intent, Kind, Phase
from sbc.core.orders import CloseStream, Note, Order, UpdateStream
from tests.rig import Rig, of
from tests.toy_calls import answered

SAID = Intent(Kind.MODIFY, Phase.CONFIRM, b"call", b"")


def talking() -> tuple[Rig, Call]:
    """A call with one stream, which has a channel each way."""
    talk = answered()
    (stream,) = talk.call.streams.values()
    for leg in (0, 1):
        channels.join(talk.call, leg, b"3", stream)
    return talk.rig, talk.call


def heard(rig: Rig, call: Call, leg: int, **what: object) -> list[Order]:
    intent = attrs.evolve(SAID, **what)
    return rig._take(channels.heard(rig.border.registry.networks, call, leg, intent, rig.now))


def test_the_last_channel_takes_its_stream_along() -> None:
    rig, call = talking()
    assert not heard(rig, call, 0, shuts=((b"3", False),)) and call.streams
    assert not heard(rig, call, 0, shuts=((b"3", False), (b"9", True)))  # known no more, or never
    assert len(of(CloseStream, heard(rig, call, 0, shuts=((b"3", True),)))) == 1
    assert not call.streams and not call.channels


def test_a_stream_that_is_gone_already_is_not_closed_twice() -> None:
    rig, call = talking()
    (stream,) = call.streams.values()
    call.channels[0, b"4"] = channels.Channel("rtp", stream)
    heard(rig, call, 0, shuts=((b"3", False), (b"3", True), (b"4", False)))
    channels.join(call, 0, b"5", stream)
    assert not heard(rig, call, 0, shuts=((b"5", False),))


def test_of_what_kind_a_channel_is_its_opening_says() -> None:
    rig, call = talking()
    heard(rig, call, 1, opens=((b"7", "t38"), (b"3", "rtp")))
    seven, three = channels.known(call, 1, b"7"), channels.known(call, 1, b"3")
    assert seven is not None and (seven.kind, seven.stream) == ("t38", None)
    assert three is not None and three.stream is not None  # it is the same still
    heard(rig, call, 1, opens=((b"3", "t38"),))
    again = channels.known(call, 1, b"3")
    assert again is not None and again.stream is None and channels.known(call, 0, b"7") is None
    assert channels.opener(0, True) == 1 and channels.opener(0, False) == 0


def test_so_many_are_known_and_no_more() -> None:
    rig, call = talking()
    heard(rig, call, 0, opens=tuple((b"%d" % number, "rtp") for number in range(100, 200)))
    assert len(call.channels) == channels.MOST and (0, b"199") in call.channels


def test_a_party_pauses_the_other() -> None:
    rig, call = talking()
    orders = heard(rig, call, 1, pauses=True)
    assert call.paused == [False, True] and [note.event for note in of(Note, orders)] == ["paused"]
    assert [update.spec.held for update in of(UpdateStream, orders)] == [True]
    assert not heard(rig, call, 1, pauses=True)
    heard(rig, call, 1, pauses=False)
    assert call.paused == [False, False] and not any(next(iter(call.streams.values())).held)


def test_a_stream_gets_the_name_that_is_free() -> None:
    _, call = talking()
    (stream,) = call.streams.values()
    channels.rename(call, stream, 32)
    assert list(call.streams) == [(32, "rtp")] and stream.key == 32
    call.streams[33, "rtp"] = stream
    channels.rename(call, stream, 33)
    assert stream.key == 32
    del call.streams[33, "rtp"]
