"""What answers are understood by outlives the process."""

from __future__ import annotations

import attrs
import pytest

from sbc.core.message import BadMessage
from sbc.h248.memo import CallMemo, Memo, Order, asked, keep, matched, places_of, recall
from sbc.h248.message import (
    CHOOSE,
    Action,
    Body,
    Command,
    Description,
    Form,
    H248Message,
    Mid,
    Stream,
    Termination,
    Verb,
    Wire,
)
from tests.h248_calls import read
from tests.h248_words import command, media, message, reply, sdp, transaction

AT = b"[192.0.2.1]:2944"
MID = Mid(Form.DEVICE, None, b"gw")


def commands(*said: bytes):  # type: ignore[no-untyped-def]
    return read(message(AT, reply(1, 5, *said))).commands


def memo(*said: bytes, context: bytes | int = b"$") -> Memo:
    return asked(read(message(AT, transaction(7, context, *said))))


def test_it_comes_back() -> None:
    of_call = CallMemo((b"mgc", AT), True, 2, (b"RTP/1",))
    for kept in (None, memo(command(b"Add", b"$", media(remote=sdp("192.0.2.9", 4)))), of_call):
        assert recall(keep(kept)) == kept
    for data in (b"{", b"call {"):
        with pytest.raises(BadMessage):
            recall(data)


@pytest.mark.parametrize(
    ("came", "whole"),
    [
        ([(1, False)], False),
        ([(1, False), (2, True)], True),
        ([(2, True)], False),
        ([(2, True), (1, False)], True),
        ([(3, True), (1, False), (1, False)], False),
        ([(3, True), (2, False), (1, False), (1, False)], True),
        ([(1, True)], True),
        ([(0, False), (2, True), (1, False)], True),
        ([(300, True)], True),
        ([(number, False) for number in range(1, 300)], False),
    ],
)
def test_an_answer_is_whole_when_all_its_segments_have_come(came: list[tuple[int, bool]], whole: bool) -> None:
    known = Memo(7)
    for number, last in came:
        known = known.with_segment(H248Message(Wire.TEXT, 3, MID, Body.REPLY, 7, segment=number, last=last))
        assert recall(keep(known)) == known and len(known.segments) <= 256
    assert known.is_whole is whole


def test_what_was_asked_is_remembered() -> None:
    found = memo(command(b"Add", b"A1"), command(b"Add", b"$", media(remote=sdp("192.0.2.9", 4), stream=2)))
    assert found == Memo(7, (Order("Add", b"$", b"a1"), Order("Add", b"$", b"$", (2,), choose=True)))
    assert found.orders[1].opens(2) and not found.orders[1].opens(1) and not found.orders[0].opens(2)


def test_answers_are_matched_in_order() -> None:
    two = memo(command(b"Add", b"$"), command(b"Add", b"$"))
    assert matched(two, commands(command(b"Add", b"rtp/1"), command(b"Add", b"rtp/2"))) == [0, 1]
    line = memo(command(b"Add", b"a1"), command(b"Add", b"rtp/$"))
    assert matched(line, commands(command(b"Add", b"rtp/7"))) == [1]
    assert matched(line, commands(command(b"Add", b"a1"), command(b"Subtract", b"rtp/7"))) == [0, None]


def test_answers_in_segments_go_on_where_the_one_before_has_ended() -> None:
    two = memo(command(b"Add", b"$"), command(b"Add", b"$"), command(b"Add", b"$"))

    def segment(number: int, name: bytes, last: bool = False) -> H248Message:
        end = b"/END" if last else b""
        return read(message(AT, b"Reply = 7/%d%b { Context = 5 { Add = %b } }" % (number, end, name), version=3))

    known, found = two, []
    for each in (segment(1, b"rtp/1"), segment(2, b"rtp/2"), segment(3, b"rtp/3", last=True)):
        found += matched(known, each.commands, known.begins(each))
        known = known.with_segment(each)
        assert recall(keep(known)) == known
    assert found == [0, 1, 2]
    end = segment(3, b"rtp/3", last=True)
    assert matched(two, end.commands, two.begins(end)) == [2], "the last has overtaken the others"
    known = two.with_segment(end)
    first = segment(1, b"rtp/1")
    assert matched(known, first.commands, known.begins(first)) == [0]


def test_what_was_asked_of_several_contexts_is_told_apart() -> None:
    body = b"Transaction = 7 { Context = $ { Add = $ }, Context = $ { Add = $ }, Context = 5 { Subtract = x } }"
    found = asked(read(message(AT, body)))
    assert [each.place for each in found.orders] == [0, 1, -1]
    assert recall(keep(found)) == found
    said = b"Context = 8 { Add = r1 }, Context = 9 { Add = r2 }, Context = 5 { Error = 411 }"
    back = read(message(AT, b"Reply = 7 { %b }" % said))
    assert places_of(found, back, matched(found, back.commands)) == [0, 1, -1]
    alone = memo(command(b"Subtract", b"x"), context=5)
    assert places_of(alone, back, [None, None]) == [0, 0, 0]


def test_an_audit_that_found_nothing_is_answered_all_the_same() -> None:
    audits = memo(command(b"AuditValue", b"x/*", b"Audit { }"), command(b"AuditValue", b"y/*", b"Audit { }"))
    assert matched(audits, (Command(Verb.AUDIT_VALUE, ()), Command(Verb.SUBTRACT, ()))) == [0, None]


def test_binary_wildcards_are_answered_by_names_within_them() -> None:
    def names(key: bytes, **how: bool) -> tuple[Command, ...]:
        return (Command(Verb.ADD, (Termination(key, key, **how),)),)

    far = Stream(1, remote=Description(()))
    for wild in (b"40000000/1e", b"40000000/18"):
        (one,) = names(wild, choose=True)
        asks = attrs.evolve(read(message(AT, transaction(7, 5, command(b"Add", b"x")))))
        asks.actions = (Action(CHOOSE, (attrs.evolve(one, streams=(far,)),)),)
        found = asked(asks)
        assert found.orders[0].opens(1) and recall(keep(found)) == found
        assert matched(found, names(b"40000001")) == [0] and matched(found, names(b"80000001")) == [None]


def test_several_answers_may_be_to_one_wildcard() -> None:
    gone = memo(command(b"Subtract", b"rtp/*"), command(b"Subtract", b"a1"), context=5)
    said = [command(b"Subtract", each) for each in (b"rtp/1", b"rtp/2", b"a1")]
    assert matched(gone, commands(*said)) == [0, 0, 1]
    assert matched(memo(command(b"Subtract", b"x/*")), commands(command(b"Subtract", b"y/1"))) == [None]
    assert matched(memo(command(b"Subtract", b"x/*")), commands(command(b"Subtract", b"x/1/2"))) == [0]
