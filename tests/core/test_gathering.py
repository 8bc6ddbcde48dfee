"""Calls that gather: who joins and leaves, when they begin and end, and what becomes of their media."""

from __future__ import annotations

from collections.abc import Iterable

import attrs
import pytest

from sbc.core import gathering, members
from sbc.core.address import Address
from sbc.core.call import Call, CallState
from sbc.core.message import Counted, Intent, Phase
from sbc.core.orders import CloseStream, OpenStream, Order, Record, Send, UpdateStream
from tests.rig import NAT, PHONE, SOFTSWITCH, Rig, events, of
from tests.toy import PLAIN, ToyMessage
from tests.toy_calls import read
from tests.toy_gateway import (
    EVERY,
    RECEIPT,
    RESTART,
    Gateway,
    GatewayDialect,
    adjusts,
    gateway,
    gateway_rig,
    joined,
    no,
    opens,
    registers,
    takes_off,
    yes,
)
from tests.toy_records import CLOSE, CONFIRM, FAILURE, PENDING, PROVISIONAL, audio, binding, number, place
from tests.toy_records import Record as Message


def records(orders: Iterable[Order]) -> list[str]:
    return [each.event for each in orders if isinstance(each, Record)]


def closing(orders: list[Order]) -> list[Record]:
    return [each for each in of(Record, orders) if each.event == "close"]


def only(one: Gateway) -> Call:
    (call,) = one.rig.border.registry.calls.values()
    return call


def in_it(call: Call) -> list[bytes]:
    assert call.gathering is not None
    return call.gathering.members


def take_off(one: Gateway, record: Message, **changes: object) -> list[Order]:
    (asked,) = one.told(one.ask(record))
    return one.say(yes(asked, **changes))


@pytest.mark.parametrize("numbers", [0, 1000])
def test_it_begins_with_the_first_and_ends_with_the_last(numbers: int) -> None:
    one = gateway(gateway_rig(GatewayDialect(numbers=numbers)))
    orders = one.ask(opens())
    (asked,) = one.told(orders)
    assert records(orders) == ["open"] and len(of(OpenStream, orders)) == 1
    orders = one.say(joined(asked))
    assert records(orders) == ["answer"] and len(of(UpdateStream, orders)) == 1
    call = only(one)
    orders = one.ask(opens(exchange=2))
    (asked,) = one.told(orders)
    assert records(orders) == [] and len(of(OpenStream, orders)) == 1
    assert records(one.say(joined(asked, b"2"))) == []
    assert in_it(call) == [b"1", b"2"] and [each.member for each in call.streams.values()] == [b"1", b"2"]
    orders = take_off(one, takes_off())
    assert records(orders) == [] and [each.stream for each in of(CloseStream, orders)] == [f"{call.id}/1"]
    orders = take_off(one, takes_off(b"2", exchange=4))
    (record,) = closing(orders)
    assert (record.fields["ending"], record.fields["who"], call.state) == ("normal", "caller", CallState.CLOSED)
    assert one.heard(orders), "who asked has its answer"
    one.rig.wait(100)
    assert not one.rig.border.registry.calls and not one.rig.border.registry.members.all()


def test_media_meets_in_the_stream_of_its_member() -> None:
    """What the core had said before the member had a name, and what the gateway says of it, is one stream; so is what
    either says of it later."""
    one = gateway()
    call = one.gather(opens(media=(audio("198.51.100.77"), audio("198.51.100.78", 4100, key=1))))
    assert [key for key, _ in call.streams] == ["1/0", "1/1"] and not call.channels
    assert [[pair.rtp.host for pair in stream.remote if pair] for stream in call.streams.values()] == [
        ["198.51.100.77", PHONE.host],
        ["198.51.100.78", PHONE.host],
    ]
    orders = one.ask(adjusts())
    assert not of(OpenStream, orders) and call.streams["1/0", "rtp"].remote[0].rtp.host == "198.51.100.88"  # type: ignore[union-attr]


def test_a_number_that_is_used_again_is_no_member_of_before() -> None:
    """The request that opens has the number of an earlier one: it is about another member, and another stream."""
    one = gateway(gateway_rig(GatewayDialect()))
    call = one.gather(opens(exchange=5))
    one.rig.wait(20)
    one.gather(opens(exchange=5), b"2")
    assert [key for key, _ in call.streams] == ["1/0", "2/0"]


def test_a_call_that_is_named_by_the_answer() -> None:
    one = gateway()
    first = one.gather(opens(0), call=number(31))
    second = one.gather(opens(0, 2), b"2", call=number(32))
    assert first is not second and len(one.rig.border.registry.calls) == 2
    assert first.gathering is not None and first.gathering.name == number(31).hex().encode()
    one.gather(opens(32, 3), b"3")
    assert (in_it(first), in_it(second)) == ([b"1"], [b"2", b"3"])
    assert one.told(one.ask(adjusts(b"1", 31, 4)))


def test_a_name_that_is_given_anew_was_left_unheard() -> None:
    """The gateway names a call as it had named another: that is over there."""
    one = gateway()
    first = one.gather(opens(0), call=number(31))
    (asked,) = one.told(one.ask(opens(0, 2)))
    orders = one.say(joined(asked, b"2", call=number(31)))
    assert [(each.call, each.fields["ending"]) for each in closing(orders)] == [(first.id, "vanished")]
    second = one.rig.border.registry.members.find(one.binding.id, b"2")
    assert second is not None and first.state is CallState.CLOSED
    assert [each.call for each in of(Send, one.ask(adjusts(b"2", 31, 4)))][-1] == second.id


def test_a_name_may_be_used_again_when_its_call_is_over() -> None:
    one = gateway()
    first = one.gather()
    take_off(one, takes_off())
    second = one.gather(opens(exchange=9), b"7")
    assert first is not second and in_it(second) == [b"7"]


def test_one_that_fails_is_no_call() -> None:
    one = gateway()
    (asked,) = one.told(one.ask(opens()))
    orders = one.say(no(asked))
    (record,) = closing(orders)
    assert record.fields["answered_for"] is None and record.fields["who"] == "callee" and of(CloseStream, orders)
    assert not one.rig.border.registry.members.all()


def test_one_that_fails_leaves_the_others_in_their_call() -> None:
    one = gateway()
    call = one.gather()
    (asked,) = one.told(one.ask(opens(exchange=2)))
    orders = one.say(no(asked))
    assert [each.stream for each in of(CloseStream, orders)] == [f"{call.id}/2"] and not records(orders)
    assert in_it(call) == [b"1"] and call.state is CallState.UP


@pytest.mark.parametrize("first_fails", [True, False])
def test_two_that_are_asked_at_once(first_fails: bool) -> None:
    """Neither waits for the other: the call lives as long as one of them may join."""
    one = gateway()
    (first,), (second,) = one.told(one.ask(opens())), one.told(one.ask(opens(exchange=2)))
    fails, joins = (first, second) if first_fails else (second, first)
    assert records(one.say(no(fails))) == []
    assert records(one.say(joined(joins, b"2"))) == ["answer"]
    call = only(one)
    assert in_it(call) == [b"2"] and len(call.streams) == 1
    assert records(take_off(one, takes_off(b"2"))) == ["close"]


def test_two_that_are_asked_at_once_and_both_fail() -> None:
    one = gateway()
    (first,), (second,) = one.told(one.ask(opens())), one.told(one.ask(opens(exchange=2)))
    assert records(one.say(no(first))) == [] and records(one.say(no(second))) == ["close"]


def test_the_last_leaves_while_another_may_join() -> None:
    one = gateway()
    one.gather()
    (asked,) = one.told(one.ask(opens(exchange=2)))
    assert records(take_off(one, takes_off())) == []
    assert records(one.say(no(asked))) == ["close"]


@pytest.mark.parametrize(
    ("call", "member", "left"),
    [
        (EVERY, b"*", [[], [], []]),
        (EVERY, b"1*", [[b"2"], [b"20"], [b"30"]]),
        (EVERY, b"2*", [[b"1", b"10"], [], [b"30"]]),
        (number(1), b"*", [[], [b"20"], [b"30"]]),
        (number(2), b"*", [[b"1", b"10", b"2"], [], [b"30"]]),
        (number(2), b"1*", [[b"1", b"10", b"2"], [b"20"], [b"30"]]),
        (number(1), b"2*", [[b"1", b"10"], [b"20"], [b"30"]]),
        (EVERY, b"20", [[b"1", b"10", b"2"], [], [b"30"]]),
        (number(9), b"*", [[b"1", b"10", b"2"], [b"20"], [b"30"]]),
        (number(2), b"1", [[b"1", b"10", b"2"], [b"20"], [b"30"]]),
    ],
)
def test_who_is_meant(call: bytes, member: bytes, left: list[list[bytes]]) -> None:
    """Patterns mean members by how they begin, and calls likewise; one message may end several calls, each with its
    own record, and another gateway's are never meant."""
    one = gateway()
    other = gateway(one.rig, NAT._replace(port=9), b"gw2", 91)
    stranger = other.gather(opens(), b"1")
    calls = [
        one.gather(opens(), b"1 10 2"),
        one.gather(opens(2, 2), b"20"),
        one.gather(opens(3, 3), b"30"),
    ]
    orders = take_off(one, takes_off(member, exchange=4, call=0).but(call=call))
    assert [in_it(each) for each in calls] == left
    over = [each.id for each in calls if not in_it(each)]
    assert [each.call for each in closing(orders)] == over
    assert in_it(stranger) == [b"1"]


def test_nothing_leaves_before_the_gateway_says_so() -> None:
    one = gateway()
    call = one.gather()
    (asked,) = one.told(one.ask(takes_off()))
    assert in_it(call) == [b"1"]
    assert records(one.say(no(asked))) == [] and in_it(call) == [b"1"]
    one.ask(takes_off(exchange=4))
    assert FAILURE in [each.stage for each in read(one.heard(one.rig.wait(11)))] and in_it(call) == [b"1"]


def test_a_failure_may_say_that_a_member_is_gone() -> None:
    class Knowing(GatewayDialect):
        def describe(self, message: ToyMessage) -> Intent:
            intent = super().describe(message)
            if intent.phase is Phase.FAILURE:
                intent.leaves = ((b"*", b"1"),)
            return intent

    one = gateway(gateway_rig(Knowing()))
    one.gather()
    (asked,) = one.told(one.ask(adjusts()))
    assert records(one.say(no(asked))) == ["close"]


def test_the_gateway_takes_members_off_itself() -> None:
    """It asks, and they are gone when the core has said yes."""
    one = gateway()
    call = one.gather()
    (asked,) = one.heard(one.say(takes_off()))
    assert in_it(call) == [b"1"]
    (record,) = closing(one.ask(yes(asked)))
    assert (record.fields["who"], record.call) == ("callee", call.id)


def test_the_gateway_may_begin_a_call() -> None:
    """Then it is leg 0, and the core names the members."""
    one = gateway()
    (asked,) = one.heard(one.say(opens(media=(audio(PHONE.host),))))
    orders = one.ask(joined(asked, b"5", "198.51.100.77"))
    call = only(one)
    assert one.told(orders) and in_it(call) == [b"5"] and call.legs[0].realm.name == "access"
    assert [key for key, _ in call.streams] == ["5/0"]
    (asked,) = one.heard(one.say(takes_off(b"5")))
    (record,) = closing(one.ask(yes(asked)))
    assert record.fields["who"] == "caller"


def test_a_gateway_that_begins_anew_has_no_calls() -> None:
    one = gateway()
    calls = [one.gather(), one.gather(opens(2, 2), b"2")]
    before = len(one.rig.log)
    assert registers(one.rig, one.at, one.name, 95, cause=RESTART) == one.own
    orders = one.rig.log[before:]
    assert [each.call for each in closing(orders)] == [each.id for each in calls]
    assert {each.fields["who"] for each in closing(orders)} == {"callee"} and len(of(CloseStream, orders)) == 2
    again = one.gather(opens(exchange=6), b"1")
    assert again not in calls


def test_one_that_only_registers_again_keeps_its_calls() -> None:
    one = gateway()
    call = one.gather()
    registers(one.rig, one.at, one.name, 95)
    assert in_it(call) == [b"1"]


def test_a_member_is_in_one_call_at_a_time() -> None:
    one = gateway()
    first, second = one.gather(), one.gather(opens(2, 2), b"2")
    (asked,) = one.told(one.ask(opens(2, 3)))
    orders = one.say(joined(asked, b"1"))
    assert [each.call for each in closing(orders)] == [first.id]
    assert in_it(second) == [b"2", b"1"] and first.state is CallState.CLOSED


def test_an_answer_that_comes_again_changes_nothing() -> None:
    one = gateway()
    (asked,) = one.told(one.ask(opens()))
    back = one.heard(one.say(joined(asked)))
    call, written = only(one), list(in_it(only(one)))
    orders = one.say(joined(asked))
    assert not of(UpdateStream, orders) and not of(Record, orders)
    assert one.heard(one.ask(opens())) == back, "who asked and did not hear it asks again"
    orders = one.say(joined(asked, b"9"))
    assert in_it(call) == written and not of(UpdateStream, orders) and not one.heard(orders)


def test_long_answers_come_in_several() -> None:
    """Each is acknowledged, if it asks for that, and who has joined by one is there."""
    one = gateway()
    (asked,) = one.told(one.ask(opens()))
    orders = one.say(joined(asked, b"1", stage=PROVISIONAL, cause=RECEIPT))
    assert records(orders) == ["answer"] and [each.op for each in read(one.told(orders))] == [CONFIRM]
    orders = one.say(joined(asked, b"2", media=()))
    assert in_it(only(one)) == [b"1", b"2"] and one.heard(orders)


def test_an_answer_may_want_to_hear_that_it_has_arrived() -> None:
    one = gateway()
    (asked,) = one.told(one.ask(opens()))
    answer = joined(asked, cause=RECEIPT)
    orders = one.say(answer)
    (heard,) = one.told(orders)
    assert Message.read(heard).op == CONFIRM and Message.read(heard).exchange == Message.read(asked).exchange
    assert one.told(one.say(answer)) == [heard], "it was lost"
    (back,) = one.heard(orders)
    assert set(one.heard(one.rig.wait(5))) == {back}, "which the asker has to acknowledge, too"
    receipt = Message(CONFIRM, exchange=Message.read(back).exchange)
    assert not of(Send, one.ask(receipt)), "the asker's is for us"
    assert not one.heard(one.rig.wait(5))
    assert not of(Send, one.ask(receipt.but(exchange=number(99)))), "of what nobody knows"


def test_a_gateway_that_is_at_work_is_asked_again_in_its_time() -> None:
    dialect = GatewayDialect(plain=attrs.evolve(GatewayDialect().plain, limit=60.0, patience=60.0, slow=5.0))
    one = gateway(gateway_rig(dialect))
    (asked,) = one.told(one.ask(opens()))
    one.say(yes(asked, stage=PENDING, media=()))
    assert len(one.told(one.rig.wait(21))) == 4  # after 5, 10, 15 and 20 s


def test_what_a_member_has_counted_is_kept_with_its_call() -> None:
    class Counting(GatewayDialect):
        def describe(self, message: ToyMessage) -> Intent:
            intent = super().describe(message)
            if intent.phase is Phase.SUCCESS and intent.method == "close":
                counted: Counted = (("packets_sent", "7"),)
                intent.reported = ((intent.user, counted), (b"nobody", counted))
            return intent

    one = gateway(gateway_rig(Counting()))
    call = one.gather()
    take_off(one, takes_off())
    assert call.gathering is not None and call.gathering.reported == {b"1": (("packets_sent", "7"),)}


def test_no_call_has_members_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "MOST_MEMBERS", 3)
    one = gateway()
    (asked,) = one.told(one.ask(opens()))
    orders = one.say(joined(asked, b"1 2 3 4 5"))
    assert in_it(only(one)) == [b"1", b"2", b"3"] and "unjoined" in events(orders)


def test_no_gateway_has_calls_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "MOST_CALLS", 2)
    one = gateway()
    one.gather(), one.gather(opens(2, 2), b"2")
    orders = one.ask(opens(3, 3))
    (refusal,) = read(one.heard(orders))
    assert refusal.stage == FAILURE and not one.told(orders)
    assert one.told(one.ask(opens(2, 4))), "in those that are there others may join"
    assert members.MOST_CALLS > 2


def test_no_name_is_kept_that_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "LONGEST", 3)
    one = gateway()
    (asked,) = one.told(one.ask(opens()))
    orders = one.say(joined(asked, b"1234 1", call=number(9)))
    assert "unjoined" in events(orders) and records(orders) == ["close"]
    assert only(one).gathering.name == number(1).hex().encode()  # type: ignore[union-attr]


def test_what_many_have_counted_is_not_kept_for_ever() -> None:
    own = members.Gathering("gw")
    for each in range(members.MOST_MEMBERS + 5):
        own.report(b"%d" % each, ())
    assert len(own.reported) == members.MOST_MEMBERS and b"4" not in own.reported and b"5" in own.reported


def test_who_joins_by_an_answer_that_cannot_cross_is_released() -> None:
    """There are no ports left for the media that only the answer speaks of: the asker is refused, and the gateway is to
    take the member off again."""
    one = gateway(gateway_rig(ports=2))
    one.gather()
    (asked,) = one.told(one.ask(opens(2, 2, media=())))
    orders = one.say(joined(asked, b"2", media=(audio(PHONE.host),)))
    assert [each.stage for each in read(one.heard(orders))] == [FAILURE] and records(orders) == ["close"]
    (release,) = one.told(orders)
    assert (Message.read(release).op, Message.read(release).user) == (CLOSE, b"2")
    assert not one.told(one.say(joined(asked, b"2", media=(audio(PHONE.host),)))), "nor does it cross later"


def test_what_takes_off_by_a_pattern_is_part_of_the_call_it_ends() -> None:
    """So the trace of that call has it."""
    one = gateway()
    call = one.gather()
    one.ask(takes_off(b"1*", 0).but(call=EVERY))
    assert one.rig.border.concerned == call.id


def test_what_is_asked_about_one_member_opens_no_window_of_another() -> None:
    one = gateway()
    call = one.gather(members=b"1")
    one.gather(opens(exchange=2), b"2")
    (asked,) = one.told(one.ask(adjusts(b"2", exchange=5)))
    orders = one.say(yes(asked))
    assert {each.stream for each in of(UpdateStream, orders)} == {f"{call.id}/2"}
    (asked,) = one.told(one.ask(adjusts(b"2", exchange=6, media=())))
    assert not of(UpdateStream, one.say(yes(asked))), "nothing was said of media"


def test_not_all_that_are_said_to_leave_are_looked_for() -> None:
    class Many(GatewayDialect):
        def describe(self, message: ToyMessage) -> Intent:
            intent = super().describe(message)
            intent.leaves += tuple((b"*", b"none%d*" % each) for each in range(64)) if intent.leaves else ()
            return intent

    one = gateway(gateway_rig(Many()))
    one.gather()
    assert "unparted" in events(take_off(one, takes_off(b"none*")))


def test_what_is_said_twice_is_looked_for_once() -> None:
    class Twice(GatewayDialect):
        def describe(self, message: ToyMessage) -> Intent:
            intent = super().describe(message)
            intent.leaves *= 100
            return intent

    one = gateway(gateway_rig(Twice()))
    one.gather()
    assert "unparted" not in events(take_off(one, takes_off(b"none*")))


def test_all_that_are_named_are_gone_however_many() -> None:
    class Many(GatewayDialect):
        def describe(self, message: ToyMessage) -> Intent:
            intent = super().describe(message)
            intent.leaves = tuple((b"*", b"%d" % each) for each in range(200, 0, -1)) if intent.leaves else ()
            return intent

    one = gateway(gateway_rig(Many()))
    one.gather()
    take_off(one, takes_off(b"none*"))
    assert not one.rig.border.registry.members.all()


def test_one_datagram_has_several_messages() -> None:
    """Each is taken across by itself, and answered by itself; one that is none, or is refused, spoils no other."""
    one = gateway()
    both = opens().pack() + takes_off(b"*", 44, 4).pack()
    assert len(one.told(one.ask(both))) == 2
    bad = b"\xb0\x7d" + bytes(270)
    parts = [adjusts(b"9", 8, 11), opens(7, 12)]
    orders = one.ask(parts[0].pack() + bad[:266] + parts[1].pack())
    assert [each.op for each in read(one.told(orders))] == [1]
    assert FAILURE in [each.stage for each in read(one.heard(orders))] and "bad-message" in events(orders)
    assert len(one.told(one.ask(b"".join(opens(20 + each, 20 + each).pack() for each in range(40))))) == 16


def test_the_trace_of_each_call_has_its_own_message() -> None:
    one = gateway()
    first, second = one.gather(), one.gather(opens(2, 2), b"2")
    concerned = []
    whole = adjusts(b"1", 1, 5).pack() + adjusts(b"2", 2, 6).pack()
    from sbc.core.registry import Arrival

    for part in one.rig.border.parts(Arrival(one.own, SOFTSWITCH, whole, one.rig.now)):
        one.rig._take(one.rig.border.receive(part))
        concerned.append(one.rig.border.concerned)
    assert concerned == [first.id, second.id]


def test_no_address_leaks() -> None:
    one = gateway()
    one.gather()
    rig: Rig = one.rig
    for send in of(Send, rig.log):
        strange = (PHONE.host, NAT.host) if send.listener.realm == "core" else ("198.51.100.77",)
        for host in strange:
            assert Address(host, 1).host.encode() not in send.data


@pytest.mark.parametrize("member", [b"1", b""])
@pytest.mark.parametrize("begun", [False, True])
def test_who_is_to_be_taken_off_and_does_not_answer_is_in_no_call_any_more(member: bytes, begun: bool) -> None:
    """By name, or with all; whether or not its gateway has said that it is at work on that. Its answer, should it come
    yet, changes nothing, and it may be made to join anew."""
    one = gateway()
    call = one.gather(members=b"1 2")
    (asked,) = one.told(one.ask(takes_off(member)))
    if begun:
        one.say(yes(asked, stage=PROVISIONAL))
    orders = one.rig.wait(PLAIN.limit + 1)
    assert [each.stage for each in read(one.heard(orders))] == [FAILURE] and in_it(call) == [b"1", b"2"]
    orders = one.rig.wait(PLAIN.linger)
    if member:
        assert in_it(call) == [b"2"] and call.state is CallState.UP
        assert [each.stream for each in of(CloseStream, orders)] == [f"{call.id}/1"]
    else:
        (record,) = closing(orders)
        assert "nobody answers" in record.fields["cause"] and call.state is CallState.CLOSED
    assert not of(Send, one.say(yes(asked))) and "1" not in in_it(call)
    again = one.gather(opens(2, 7), b"1")
    assert in_it(again) == [b"1"]


def test_a_gateway_that_is_not_heard_when_it_begins_anew_keeps_its_calls_until_it_is() -> None:
    one = gateway()
    call = one.gather()
    registration = binding(PHONE, 95, one.name, 600, places=((place(*PHONE, "gw"), 600),), cause=RESTART)
    one.say(registration)
    one.rig.wait(40.0)
    assert in_it(call) == [b"1"]
