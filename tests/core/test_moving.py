"""Members that go from one call to another with their streams."""

from __future__ import annotations

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.call import Call, CallState, Stream
from sbc.core.message import Cause, Intent, Kind, Phase, Refused
from sbc.core.moving import check, holder, on_their_way
from sbc.core.orders import CloseStream, OpenStream, Order, Record, UpdateStream
from sbc.core.realm import Limits
from tests.kept import restarted
from tests.rig import of
from tests.toy_gateway import Gateway, gateway, gateway_rig, joined, moves, no, opens, yes
from tests.toy_records import audio

FOUND = Address("203.0.113.11", 30_000)
FOUND_RTCP = Address("203.0.113.11", 30_007)


def only(call: Call) -> Stream:
    (stream,) = call.streams.values()
    return stream


def moved(one: Gateway, **changes: object) -> list[Order]:
    """The core has a member go to call 2, which it does."""
    (asked,) = one.told(one.ask(moves(**changes)))
    return one.say(yes(asked))


def told(orders: list[Order]) -> list[tuple[str, dict[str, object]]]:
    """What the records are told of moves."""
    found = [each for each in of(Record, orders) if each.event == "move"]
    return [(each.call, {name: value for name, value in each.fields.items() if name != "at"}) for each in found]


def test_a_stream_goes_with_its_member_by_the_ports_that_it_has() -> None:
    one = gateway()
    first, second = one.gather(members=b"1 3"), one.gather(opens(2, 2), b"2")
    stream = only(first)
    before, ours = stream.id, stream.ours
    one.rig.border.latched(before, 0, FOUND)
    one.rig.border.rtcp_latched(before, 0, FOUND_RTCP)
    orders = moved(one)
    assert told(orders) == [
        (first.id, {"member": "1", "to": second.id}),
        (second.id, {"member": "1", "from": first.id}),
    ]
    (closed,), (opened,) = of(CloseStream, orders), of(OpenStream, orders)
    assert orders.index(closed) < orders.index(opened)
    assert (closed.stream, closed.call) == (before, first.id) and opened.spec.call == second.id
    assert opened.spec.id == stream.id != before and stream.id.startswith(second.id + "/")
    assert tuple(each.local for each in opened.spec.sides) == ours and opened.spec.sides[0].latched == FOUND
    assert opened.spec.sides[0].latched_rtcp == FOUND_RTCP
    assert stream in second.streams.values() and not first.streams
    assert first.state is second.state is CallState.UP
    one.rig.border.latched(stream.id, 1, FOUND)
    assert stream.latched == [FOUND, FOUND]


def test_the_last_that_moves_ends_the_call_that_it_leaves() -> None:
    one = gateway()
    first, second = one.gather(), one.gather(opens(2, 2), b"2")
    orders = moved(one)
    assert first.state is CallState.CLOSED and len(second.streams) == 2 and len(of(CloseStream, orders)) == 1


def test_a_move_may_open_the_call_that_it_leads_to() -> None:
    one = gateway()
    first = one.gather(members=b"1 3")
    moved(one)
    (other,) = (each for each in one.rig.border.registry.members.of(one.binding.id) if each is not first)
    assert other.state is CallState.UP and only(other).member == b"1" and other.gathering is not None
    assert other.gathering.members == [b"1"]


def test_what_is_said_of_media_on_the_way_is_said_of_the_stream_there_is() -> None:
    one = gateway()
    first, second = one.gather(members=b"1 3"), one.gather(opens(2, 2), b"2")
    stream = only(first)
    orders = one.ask(moves(media=(audio("198.51.100.99"),)))
    assert not of(OpenStream, orders) and [each.stream for each in of(UpdateStream, orders)] == [stream.id]
    assert stream in first.streams.values()
    (asked,) = one.told(orders)
    (opened,) = of(OpenStream, one.say(joined(asked, b"1")))
    assert opened.spec.sides[0].remote is not None and opened.spec.sides[0].remote.rtp.host == "198.51.100.99"
    assert stream in second.streams.values()


def test_who_does_not_go_has_what_it_had() -> None:
    one = gateway()
    first, second = one.gather(members=b"1 3"), one.gather(opens(2, 2), b"2")
    stream = only(first)
    before = stream.remote[0]
    (asked,) = one.told(one.ask(moves(media=(audio("198.51.100.99"),))))
    assert stream.remote[0] != before
    orders = one.say(no(asked))
    assert not of(CloseStream, orders) and not told(orders)
    assert stream.remote[0] == before and stream in first.streams.values() and len(second.streams) == 1


def test_who_moves_where_it_is_stays() -> None:
    one = gateway()
    first = one.gather()
    orders = moved(one, call=1)
    assert not of(CloseStream, orders) and not told(orders) and only(first).member == b"1"


def test_there_is_to_be_room_where_it_goes() -> None:
    one = gateway(gateway_rig(limits=Limits(streams_per_call=1)))
    first, second = one.gather(members=b"1 3"), one.gather(opens(2, 2), b"2")
    orders = one.ask(moves())
    assert not one.told(orders) and len(one.heard(orders)) == 1
    assert len(first.streams) == len(second.streams) == 1


def test_calls_between_other_networks_take_nobody_over() -> None:
    one = gateway()
    first, second = one.gather(), one.gather(opens(2, 2), b"2")
    intent = Intent(Kind.OPEN, Phase.REQUEST, b"2", b"9", moves=(b"1",))
    moving = on_their_way(one.rig.border.registry, second, intent)
    assert list(moving.values()) == [(first, only(first))]
    check(second, moving, intent)
    second.legs = (second.legs[1], second.legs[0])
    with pytest.raises(Refused) as refused:
        check(second, moving, intent)
    assert refused.value.cause is Cause.UNSUPPORTED
    check(second, moving, attrs.evolve(intent, phase=Phase.SUCCESS))


def test_a_stream_is_found_where_it_has_gone() -> None:
    one = gateway()
    first, second = one.gather(members=b"1 3"), one.gather(opens(2, 2), b"2")
    registry, stream = one.rig.border.registry, only(first)
    assert holder(registry, first, stream) is first
    moved(one)
    assert holder(registry, first, stream) is holder(registry, second, stream) is second
    other = attrs.evolve(stream, key="1/7")
    assert holder(registry, first, other) is None


def test_a_restart_finds_it_where_it_has_gone() -> None:
    one = gateway()
    first, second = one.gather(members=b"1 3"), one.gather(opens(2, 2), b"2")
    moved(one)
    rig, _ = restarted(one.rig)
    registry = rig.border.registry
    assert not registry.calls[first.id].streams and len(registry.calls[second.id].streams) == 2
    assert registry.members.find(one.binding.id, b"1") is registry.calls[second.id]
