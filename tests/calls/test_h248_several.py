"""Transactions of H.248 that are about several contexts at once, each a call: by text and by binary."""

from __future__ import annotations

import pytest

from sbc.core.address import Address
from sbc.core.call import CallState
from sbc.core.orders import CloseStream, OpenStream, UpdateStream
from tests.h248_calls import FAR, NEAR, RTP, Gateway, gateway, places, read
from tests.h248_words import WIRES, action, command, failed, media, sdp
from tests.laws import assert_no_trace
from tests.rig import NAT, PHONE, SBC_ACCESS, SBC_CORE, SOFTSWITCH, of, sends

wires = pytest.mark.parametrize("wire", WIRES)
OTHER = b"rtp/2"
ELSEWHERE = Address(FAR.host, 7000)
NEXT = Address(PHONE.host, 4002)
CHOSEN = command(b"Add", b"$", media(local=sdp()))


def asks(number: int, *actions: bytes) -> bytes:
    return b"Transaction = %d {\r\n %b\r\n}" % (number, b", ".join(actions))


def answers(number: int, *actions: bytes) -> bytes:
    return b"Reply = %d {\r\n %b\r\n}" % (number, b", ".join(actions))


def added(name: bytes, at: Address, verb: bytes = b"Add") -> bytes:
    return command(verb, name, media(local=sdp(at.host, at.port)))


def sends_to(name: bytes, far: Address) -> bytes:
    return command(b"Modify", name, media(remote=sdp(far.host, far.port)))


def two(found: Gateway, number: int = 10) -> int:
    """The controller asks for a termination in each of two new contexts; the transaction as the gateway knows it."""
    (told,) = found.told(found.ask(asks(number, action(b"$", CHOSEN), action(b"$", CHOSEN))))
    return read(told).transaction


def both(found: Gateway) -> list[bytes]:
    """Two calls that are up, of the contexts 5 and 6; what the controller was told."""
    number = two(found)
    return found.heard(found.say(answers(number, action(5, added(RTP, NEAR)), action(6, added(OTHER, NEXT)))))


@wires
def test_two_contexts_of_one_transaction_are_two_calls(wire: str) -> None:
    found = gateway(wire=wire)
    (told,) = both(found)
    one, other = found.calls
    assert [each.gathering.name for each in (one, other)] == [b"5", b"6"]  # type: ignore[union-attr]
    (first,), (second,) = one.streams.values(), other.streams.values()
    assert places(told) == [first.ours[0].rtp, second.ours[0].rtp]
    assert [each.remote[1].rtp for each in (first, second)] == [NEAR, NEXT]  # type: ignore[union-attr]
    assert read(told).transaction == 10 and {one.state, other.state} == {CallState.UP}
    far = [sends_to(RTP, FAR), sends_to(OTHER, ELSEWHERE)]
    orders = found.ask(asks(20, action(5, far[0]), action(6, far[1])))
    (there,) = found.told(orders)
    assert places(there) == [first.ours[1].rtp, second.ours[1].rtp]
    assert {each.stream: each.spec.remote.rtp for each in of(UpdateStream, orders) if each.side == 0} == {  # type: ignore[union-attr]
        first.id: FAR, second.id: ELSEWHERE,
    }  # fmt: skip
    found.say(
        answers(read(there).transaction, action(5, command(b"Modify", RTP)), action(6, command(b"Modify", OTHER)))
    )
    gone = [action(5, command(b"Subtract", RTP)), action(6, command(b"Subtract", OTHER))]
    (there,) = found.told(found.ask(asks(30, *gone)))
    orders = found.say(answers(read(there).transaction, *gone))
    assert len(of(CloseStream, orders)) == 2 and not found.calls
    for data in sends(found.rig.log, "core"):
        assert_no_trace(data, PHONE.host, NAT.host, SBC_ACCESS.host)
    for data in sends(found.rig.log, "access"):
        assert_no_trace(data, SOFTSWITCH.host, FAR.host, SBC_CORE.host)
    found.rig.wait(200)  # the rig looks whether the books balance, and nothing is left over


@wires
def test_what_fails_leaves_what_was_done_before_it(wire: str) -> None:
    """A command that fails ends its transaction: what comes after it was not done (clause 8.2.2)."""
    found = gateway(wire=wire)
    number = two(found)
    wrong = b'Context = 6 { Error = 510 { "no more" } }'
    orders = found.say(answers(number, action(5, added(RTP, NEAR)), wrong))
    (call,) = found.calls
    assert call.gathering is not None and call.gathering.members == [found.name(RTP)]
    assert not of(CloseStream, orders), "of the other nothing was opened yet"


@wires
def test_where_media_goes_that_was_not_changed_it_goes_on(wire: str) -> None:
    found = gateway(wire=wire)
    both(found)
    one, other = found.calls
    far = [sends_to(RTP, FAR), sends_to(OTHER, ELSEWHERE)]
    (there,) = found.told(found.ask(asks(20, action(5, far[0]), action(6, far[1]))))
    wrong = b"Context = 6 { Modify = %b { Error = 510 } }" % OTHER
    found.say(answers(read(there).transaction, action(5, command(b"Modify", RTP)), wrong))
    (first,), (second,) = one.streams.values(), other.streams.values()
    assert first.remote[0] is not None and first.remote[0].rtp == FAR and second.remote[0] is None


@wires
@pytest.mark.parametrize("late", [False, True], ids=["refused", "unanswered"])
def test_what_is_refused_as_a_whole_leaves_nothing(wire: str, late: bool) -> None:
    found = gateway(wire=wire)
    add = command(b"Add", b"$", media(local=sdp(), remote=sdp(FAR.host, FAR.port)))
    orders = found.ask(asks(10, action(b"$", add), action(b"$", add)))
    assert len(of(OpenStream, orders)) == 2
    (told,) = found.told(orders)
    refused = failed(read(told).transaction, 510)
    orders = found.rig.wait(25) if late else found.say(refused)
    (back,) = set(found.heard(orders))
    assert read(back).error is not None and len(of(CloseStream, orders)) == 2 and not found.calls
    if late:  # and who has joined all the same is let go
        done = answers(read(told).transaction, action(5, added(RTP, NEAR)), action(6, added(OTHER, NEXT)))
        gone = [read(each) for each in found.told(found.say(done))]
        assert [(each.actions[0].context, each.commands[0].termination.key) for each in gone] == [
            (b"5", found.name(RTP)), (b"6", found.name(OTHER)),
        ]  # fmt: skip
    found.rig.wait(200)


@wires
def test_one_context_too_many_takes_the_others_back(wire: str) -> None:
    found = gateway(wire=wire)
    unknown = sends_to(OTHER, FAR)
    orders = found.ask(asks(10, action(b"$", CHOSEN), action(77, unknown)))
    (no,) = map(read, found.heard(orders))
    assert no.error is not None and no.error.code == 411
    assert not found.told(orders) and not found.calls
    found.rig.wait(200)


@wires
def test_a_termination_moves_out_while_another_is_told_where_to_send(wire: str) -> None:
    found = gateway(wire=wire)
    both(found)
    one, other = found.calls
    (first,), (second,) = one.streams.values(), other.streams.values()
    far = sends_to(OTHER, ELSEWHERE)
    orders = found.ask(asks(40, action(b"$", command(b"Move", RTP)), action(6, far)))
    (there,) = found.told(orders)
    assert places(there) == [second.ours[1].rtp]
    orders = found.say(
        answers(read(there).transaction, action(7, command(b"Move", RTP)), action(6, command(b"Modify", OTHER)))
    )
    assert len(of(CloseStream, orders)) == len(of(OpenStream, orders)) == 1 and one.state is CallState.CLOSED
    (moved,) = (each for each in found.calls if each is not other)
    assert list(moved.streams.values()) == [first] and first.ours[1].rtp != second.ours[1].rtp
    assert second.remote[0] is not None and second.remote[0].rtp == ELSEWHERE


@wires
def test_two_terminations_change_places(wire: str) -> None:
    found = gateway(wire=wire)
    both(found)
    one, other = found.calls
    (first,), (second,) = one.streams.values(), other.streams.values()
    swap = [action(6, command(b"Move", RTP)), action(5, command(b"Move", OTHER))]
    (there,) = found.told(found.ask(asks(40, *swap)))
    found.say(answers(read(there).transaction, *swap))
    assert {each.gathering.name: list(each.streams.values()) for each in found.calls} == {  # type: ignore[union-attr]
        b"5": [second], b"6": [first],
    }  # fmt: skip


@wires
def test_an_answer_in_segments_is_of_both(wire: str) -> None:
    found = gateway(wire=wire)
    number = two(found)
    one = b"Reply = %d/1 { %b }" % (number, action(5, added(RTP, NEAR)))
    two_ = b"Reply = %d/2/END { %b }" % (number, action(6, added(OTHER, NEXT)))
    (said,) = found.heard(found.say(one))
    (then,) = found.heard(found.say(two_))
    first, second = (next(iter(each.streams.values())) for each in found.calls)
    assert places(said) == [first.ours[0].rtp] and places(then) == [second.ours[0].rtp]
    assert [each.state for each in found.calls] == [CallState.UP] * 2


@wires
def test_an_operator_ends_one_of_them_while_nobody_has_answered(wire: str) -> None:
    found = gateway(wire=wire)
    number = two(found)
    _, other = found.rig.border.registry.members.of(found.binding.id)
    orders = found.rig._take(found.rig.border.end_call(other.id, "kicked", found.rig.now))
    (no,) = map(read, found.heard(orders))
    assert no.transaction == 10 and no.error is not None and not found.calls
    gone = found.told(found.say(answers(number, action(5, added(RTP, NEAR)), action(6, added(OTHER, NEXT)))))
    assert [read(each).actions[0].context for each in gone] == [b"5", b"6"]
    found.rig.wait(200)


@wires
def test_media_that_is_latched_in_each(wire: str) -> None:
    found = gateway(wire=wire)
    both(found)
    latch = b"Signals { ipnapt/latch { napt = LATCH } }"
    found.ask(asks(50, action(5, command(b"Modify", RTP, latch)), action(6, command(b"Modify", OTHER, latch))))
    assert [each.legs[0].behind_nat for each in found.calls] == [True, True]


@wires
def test_the_ports_of_the_second_cannot_be_opened(wire: str) -> None:
    found = gateway(wire=wire)
    add = command(b"Add", b"$", media(local=sdp(), remote=sdp(FAR.host, FAR.port)))
    first, second = of(OpenStream, found.ask(asks(10, action(b"$", add), action(b"$", add))))
    found.rig.open_streams.discard(second.spec.id)  # the engine has it no more than what it could not open
    orders, stays = found.rig.border.unopened(second.spec.id, "in use", found.rig.now)
    orders = found.rig._take(orders)
    (no,) = map(read, found.heard(orders))
    assert not stays and no.error is not None and no.error.code == 510 and not found.calls
    assert [each.stream for each in of(CloseStream, orders)] == [first.spec.id], "it was never open"


@wires
def test_segments_that_did_not_arrive_are_said_again_to_who_asks_again(wire: str) -> None:
    found = gateway(wire=wire)
    body = asks(10, action(b"$", CHOSEN), action(b"$", CHOSEN))
    (told,) = found.told(found.ask(body))
    number = read(told).transaction
    said = [
        *found.heard(found.say(b"Reply = %d/1 { %b }" % (number, action(5, added(RTP, NEAR))))),
        *found.heard(found.say(b"Reply = %d/2/END { %b }" % (number, action(6, added(OTHER, NEXT))))),
    ]
    assert len(said) == 2 and found.heard(found.ask(body)) == said
    found.rig.wait(60)
    assert found.told(found.ask(body)), "by then nobody knows of it"


@wires
def test_a_segment_that_came_is_said_again_while_others_are_missing(wire: str) -> None:
    found = gateway(wire=wire)
    body = asks(10, action(b"$", CHOSEN), action(b"$", CHOSEN))
    (told,) = found.told(found.ask(body))
    number = read(told).transaction
    last = found.heard(found.say(b"Reply = %d/2/END { %b }" % (number, action(6, added(OTHER, NEXT)))))
    assert found.heard(found.ask(body)) == last, "the first is lost on its way from the gateway"
    again = found.rig.wait(5)
    assert {read(each).transaction for each in found.told(again)} == {number}, "which is asked again"
    first = found.heard(found.say(b"Reply = %d/1 { %b }" % (number, action(5, added(RTP, NEAR)))))
    assert found.heard(found.ask(body)) == [*last, *first]
    assert sorted(each.gathering.name for each in found.calls if each.gathering) == [b"5", b"6"]
