"""Requests of gateways and of who controls them are carried out once, though the process ends between."""

from __future__ import annotations

import attrs
import pytest

from sbc.core.answers import take_up
from sbc.core.border import Border
from sbc.core.exchange import Hop
from sbc.core.keys import is_far
from sbc.core.mint import Mint
from sbc.core.orders import Order
from sbc.core.plain import Unfit
from tests.kept import SHIFT, Kept, restarted, values_of
from tests.rig import NAT, PHONE, SECRET, SOFTSWITCH, Rig, events
from tests.toy import CONFIRM, PLAIN, ToyDialect
from tests.toy_calls import answered, toy_rig
from tests.toy_gateway import RECEIPT, Gateway, GatewayDialect, gateway, gateway_rig, joined, no, opens, takes_off, yes
from tests.toy_records import PROBE, Record, binding, place

NUMBERED = 999_999_999


@pytest.fixture(params=[0, NUMBERED])
def one(request: pytest.FixtureRequest) -> Gateway:
    """A gateway, in a protocol with and without an end of names."""
    return gateway(gateway_rig(GatewayDialect(numbers=request.param)))


def again(one: Gateway, away: float = 1.0) -> Gateway:
    """The same after the process was killed and another has begun."""
    after, _ = restarted(one.rig, away)
    return attrs.evolve(one, rig=after)


def kept(rig: Rig) -> list[str]:
    return [kind for kind, _ in values_of(rig.border)]


def asks_the_core(one: Gateway, exchange: int = 40) -> tuple[bytes, list[Order]]:
    """A gateway tells the core something, outside all calls."""
    said = Record(PROBE, sender=7, exchange=exchange.to_bytes(10, "big"), call=bytes(10)).pack()
    return said, one.say(said)


def test_what_was_answered_is_answered_again_and_not_done_again(one: Gateway) -> None:
    (asked,) = one.told(one.ask(opens()))
    (back,) = one.heard(one.say(joined(asked)))
    after = again(one)
    orders = after.ask(opens())
    assert after.heard(orders) == [back] and not after.told(orders)
    assert not [event for event in events(orders) if event in ("open", "refused")]


def test_so_is_one_that_wants_to_hear_that_it_has_arrived(one: Gateway) -> None:
    """Whoever asked has not said yet that it has the answer, and may never have had it."""
    (asked,) = one.told(one.ask(opens()))
    written = Kept(one.rig.border)  # from now on: what was there before is not in it
    (back,) = one.heard(one.say(joined(asked, cause=RECEIPT)))
    written.flush()
    assert [kind for kind, _ in written.values].count("answer") == 1
    one.rig.wait(PLAIN.first + 0.1)
    written.flush()
    assert [each for each in written.faults() if "('answer', 'core|" in each] == [], "though it has been repeated"
    after = again(one)
    orders = after.ask(opens())
    assert after.heard(orders) == [back] and not after.told(orders)
    (call,) = after.rig.border.registry.calls.values()
    assert len(call.streams) == 1
    assert not after.ask(opens().but(op=CONFIRM)) and not after.told(after.rig.wait(PLAIN.limit))
    after.rig.wait(PLAIN.linger + 1.0)
    assert "answer" not in kept(after.rig)


def test_whose_call_is_over_gets_the_answer_that_it_had(one: Gateway) -> None:
    """Nobody would know any more what the request was about."""
    one.gather()
    (asked,) = one.told(one.ask(takes_off()))
    (back,) = one.heard(one.say(yes(asked)))
    after = again(one)
    assert not after.rig.border.registry.calls
    assert after.heard(after.ask(takes_off())) == [back]


def test_a_failure_is_said_again_too_whoever_said_it(one: Gateway) -> None:
    (asked,) = one.told(one.ask(opens()))
    (back,) = one.heard(one.say(no(asked)))
    after = again(one)
    orders = after.ask(opens())
    assert after.heard(orders) == [back] and not after.told(orders)
    assert after.told(after.ask(opens(2, 2)))
    (given_up,) = after.heard(after.rig.wait(PLAIN.limit + 1.0))
    after = again(after)
    orders = after.ask(opens(2, 2))
    assert after.heard(orders) == [given_up] and not after.told(orders)


def test_of_both_sides(one: Gateway) -> None:
    said, orders = asks_the_core(one)
    (crossed,) = one.heard(orders)
    (back,) = one.told(one.ask(yes(crossed)))
    after = again(one)
    orders = after.say(said)
    assert after.told(orders) == [back] and not after.heard(orders)


def test_a_registration_is_answered_again(one: Gateway) -> None:
    said = binding(PHONE, 90, one.name, 600, places=((place(*PHONE, "gw"), 600),)).pack()
    (back,) = one.told(one.rig.log)
    after = again(one)
    orders = after.say(said)
    assert after.told(orders) == [back] and not after.heard(orders)


def test_what_is_open_goes_on_and_its_answer_crosses(one: Gateway) -> None:
    one.gather()
    (asked,) = one.told(one.ask(opens(exchange=2)))
    after = again(one)
    assert not after.told(after.ask(opens(exchange=2))), "it is asked once"
    assert set(after.told(after.rig.wait(2.0))) == {asked}, "but as datagrams need it"
    (back,) = after.heard(after.say(joined(asked, b"2")))
    assert Record.read(back).exchange == opens(exchange=2).exchange
    (call,) = after.rig.border.registry.members.of(after.binding.id)
    assert call.gathering is not None and call.gathering.members == [b"1", b"2"]
    assert after.heard(after.ask(opens(exchange=2))) == [back]


def test_the_first_of_a_call_too(one: Gateway) -> None:
    """The ports that the gateway was told of are still that call's."""
    (asked,) = one.told(one.ask(opens()))
    (call,) = one.rig.border.registry.calls.values()
    ports = [pair.rtp for stream in call.streams.values() for pair in stream.ours]
    after = again(one)
    (call,) = after.rig.border.registry.calls.values()
    assert [pair.rtp for stream in call.streams.values() for pair in stream.ours] == ports
    assert "answer" in events(after.say(joined(asked)))
    (stream,) = call.streams.values()
    assert [pair.rtp.host for pair in stream.remote if pair] == ["198.51.100.77", PHONE.host], "its sides have met"
    assert (stream.key, stream.member) == ("1/0", b"1")


def test_one_that_nobody_answers_is_over_after_a_restart_too(one: Gateway) -> None:
    one.ask(opens())
    after = again(one)
    assert "close" in events(after.rig.wait(60))
    after.rig.wait(100)
    assert not after.rig.border.registry.calls


def test_outside_of_calls_it_crosses_again_under_the_same_name(one: Gateway) -> None:
    """Whoever was asked has the answer, and gives that."""
    said, orders = asks_the_core(one)
    after = again(one)
    assert after.heard(after.say(said)) == one.heard(orders)


def test_even_when_nothing_of_it_was_written(one: Gateway) -> None:
    """The process was killed in the moment in which changes are gathered."""
    before = values_of(one.rig.border)
    (asked,) = one.told(one.ask(opens()))
    border = Border(one.rig.border.plan, one.rig.border.dialects, Mint(SECRET, b"again"))
    after = attrs.evolve(one, rig=Rig(border, 6.0))
    for kind, data in before:
        after.rig._take(after.rig.border.resume(kind, data, 6.0, SHIFT + one.rig.now - 5.0))
    (same,) = after.told(after.ask(opens()))
    assert Record.read(same).exchange == Record.read(asked).exchange


def test_others_of_the_same_name_are_not_taken_for_it() -> None:
    """Both gateways are asked by one host, and one that asks under the same number is another."""
    first = gateway(gateway_rig(GatewayDialect(numbers=NUMBERED)))
    second = gateway(first.rig, NAT._replace(port=40999), b"gw2", 91)
    (asked,) = first.told(first.ask(opens()))
    (back,) = first.heard(first.say(joined(asked)))
    after, _ = restarted(first.rig)
    first, second = attrs.evolve(first, rig=after), attrs.evolve(second, rig=after)
    assert second.told(second.ask(opens())) and first.heard(first.ask(opens())) == [back]


def test_they_are_kept_for_as_long_as_they_may_be_asked_for_again(one: Gateway) -> None:
    (asked,) = one.told(one.ask(opens()))
    one.say(joined(asked))
    before = kept(one.rig).count("answer")
    assert before
    linger = one.rig.border.dialects["toy"].plain.linger
    after = again(one, linger - 2.0)
    assert kept(after.rig).count("answer") == before
    after.rig.wait(3.0)
    assert "answer" not in kept(after.rig)
    value = next(data for kind, data in values_of(one.rig.border) if kind == "answer")
    with pytest.raises(Unfit, match="nobody needs it"):
        after.rig.border.resume("answer", value, 1e6, SHIFT)


def test_one_that_has_come_again_meanwhile_is_left_to_that(one: Gateway) -> None:
    (asked,) = one.told(one.ask(opens()))
    one.say(joined(asked))
    value = next(data for kind, data in values_of(one.rig.border) if kind == "answer")
    with pytest.raises(Unfit, match="come again"):
        one.rig.border.resume("answer", value, one.rig.now, SHIFT)


def test_what_names_are_not_local_leaves_nothing_behind() -> None:
    talk = answered(toy_rig(ToyDialect()))
    assert kept(talk.rig) == ["call"]


def test_it_is_taken_up_as_it_was_and_forgotten_in_time(one: Gateway) -> None:
    registry, now = one.rig.border.registry, one.rig.now
    (asked,) = one.told(one.ask(opens()))
    one.say(joined(asked))
    known = next(each for each in registry.live_exchanges if each.kept and each.near == Hop(one.own, SOFTSWITCH))
    keys = [key for key in known.keys if not is_far(key)]
    one.rig.wait(60)
    assert not any(each.kept for each in registry.live_exchanges)
    take_up(registry, "toy", Hop(one.own, SOFTSWITCH), keys, (b"said",), one.rig.now + 7.0, one.rig.now)
    assert [each.kept for each in registry.live_exchanges if each.kept] == [known.kept] and now < one.rig.now
    assert one.heard(one.ask(opens())) == [b"said"]
    one.rig.wait(8.0)
    assert not registry.live_exchanges


def test_what_was_written_before_answers_had_pieces_is_taken_up_too(one: Gateway) -> None:
    (asked,) = one.told(one.ask(opens()))
    (back,) = one.heard(one.say(joined(asked)))
    plan, dialects = one.rig.border.plan, one.rig.border.dialects
    after = Rig(Border(plan, dialects, Mint(SECRET, b"again")), one.rig.now)
    for kind, data in values_of(one.rig.border):
        if kind == "answer":
            assert b'"pieces":[],' in data
            after.border.resume(kind, data.replace(b'"pieces":[],', b""), after.now, SHIFT)
        elif kind == "binding":
            after.border.resume(kind, data, after.now, SHIFT)
    later = attrs.evolve(one, rig=after)
    assert later.heard(later.ask(opens())) == [back]
