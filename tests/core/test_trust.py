"""Strangers are sent no more packets than they send, and a phone that loses some is told all the same."""

from __future__ import annotations

import attrs
import pytest

from sbc.core import trust
from sbc.core.message import Timing
from sbc.core.orders import Order, Send
from tests.rig import NAT, PHONE, SOFTSWITCH, Rig, make_plan, of
from tests.toy import ToyDialect
from tests.toy_calls import Talk, answered, bound, opened, read, to_access, toy_rig
from tests.toy_gateway import gateway, gateway_rig, opens
from tests.toy_records import CHALLENGE, CHANGE, CONFIRM, FAILURE, PENDING, PROVISIONAL, answer, inside, opening

SIP_LIKE = Timing(0.5, 32.0, 32.0, 32.0, 180.0, quiet=True, confirmed=True, repeat=4.0)


def rig(sparing: bool = True) -> Rig:
    return toy_rig(ToyDialect(quiet=SIP_LIKE), sparing=sparing)


def stages(orders: list[Order]) -> list[int]:
    """What the source is told."""
    return [record.stage for record in read([order.data for order in to_access(orders)])]


def say(talk: Talk, stage: int) -> list[Order]:
    """The softswitch answers."""
    return talk.rig.from_core(answer(talk.sent, SOFTSWITCH.host, stage).pack())


def sent_to(made: Rig, orders: list[Order]) -> int:
    return len([order for order in of(Send, orders) if order.to == NAT])


@pytest.mark.parametrize(("sparing", "packets"), [(False, 12), (True, 1)])
def test_one_forged_request_that_is_challenged_draws_so_many_packets(sparing: bool, packets: int) -> None:
    talk = opened(rig(sparing))
    say(talk, CHALLENGE)
    talk.rig.wait(100)
    assert sent_to(talk.rig, talk.rig.log) == packets


@pytest.mark.parametrize("stage", [CHALLENGE, FAILURE])
@pytest.mark.parametrize("copies", [1, 2, 8])
def test_forged_copies_draw_no_more_than_they_are(copies: int, stage: int) -> None:
    talk = opened(rig())
    say(talk, stage)
    for _ in range(copies - 1):
        talk.rig.wait(0.1)
        talk.rig.from_access(talk.asked)
    talk.rig.wait(100)
    assert sent_to(talk.rig, talk.rig.log) == copies


def test_copies_sent_before_anybody_is_at_work_draw_nothing() -> None:
    talk = opened(rig())
    assert [stages(talk.rig.from_access(talk.asked)) for _ in range(8)] == [[]] * 8
    assert stages(say(talk, CHALLENGE)) == [CHALLENGE]
    talk.rig.wait(100)
    assert sent_to(talk.rig, talk.rig.log) == 1


def test_nobody_answers_and_the_stranger_hears_of_it_once() -> None:
    talk = opened(rig())
    talk.rig.wait(200)
    assert sent_to(talk.rig, talk.rig.log) == 1


def test_a_phone_that_has_lost_its_refusal_draws_it_again() -> None:
    talk = opened(rig())
    say(talk, CHALLENGE)  # lost
    talk.rig.wait(0.5)
    again = talk.rig.from_access(talk.asked)
    assert stages(again) == [CHALLENGE]
    assert stages(talk.rig.from_access(inside(talk.asked, to_access(again)[0].data, CONFIRM).pack())) == []
    assert not of(Send, talk.rig.wait(100))


def test_once_the_other_side_is_at_work_a_phone_that_asks_again_is_told_and_the_refusal_repeated_twice() -> None:
    talk = opened(rig())
    assert stages(say(talk, PENDING)) == []
    talk.rig.wait(0.5)
    assert stages(talk.rig.from_access(talk.asked)) == [PENDING]
    assert stages(say(talk, FAILURE)) == [FAILURE]
    assert stages(talk.rig.wait(100)) == [FAILURE] * 2


def test_who_rings_is_no_stranger() -> None:
    talk = opened(rig())
    assert stages(say(talk, PROVISIONAL)) == [PROVISIONAL]
    assert stages(talk.rig.from_access(talk.asked)) == [PROVISIONAL]
    assert stages(say(talk, FAILURE)) == [FAILURE]
    assert len(stages(talk.rig.wait(100))) == 10


def test_who_is_bound_or_in_a_call_is_no_stranger() -> None:
    made = rig()
    bound(made)
    asked = made.from_access(opening(PHONE, 5, 5, 5).pack())
    assert stages(asked) == [PENDING]
    other = rig()
    talk = answered(other)
    assert stages(other.from_access(inside(talk.asked, talk.back, CHANGE, 9).pack())) == [PENDING]


def test_who_claims_a_place_is_a_stranger_until_the_registrar_has_said_yes() -> None:
    from tests.toy_records import binding

    made = rig()
    made.from_access(binding(PHONE).pack())
    assert stages(made.from_access(opening(PHONE, 5, 5, 5).pack())) == []


def test_core_hosts_connections_and_our_own_requests_are_no_strangers() -> None:
    talk = opened(rig())
    exchange = talk.exchange
    registry = talk.rig.border.registry
    assert not trust.is_there(registry, exchange)
    assert exchange.near is not None
    tcp = attrs.evolve(exchange.near.listener, transport="tcp")
    near, exchange.near = exchange.near, attrs.evolve(exchange.near, listener=tcp)
    assert trust.is_there(registry, exchange) and trust.insist(registry, exchange) == 0.0
    exchange.near = attrs.evolve(near, listener=make_plan("toy").realms["core"].listeners[0])
    assert trust.is_there(registry, exchange) and trust.insist(registry, exchange) == SIP_LIKE.limit
    exchange.near = None
    assert trust.is_there(registry, exchange) and trust.insist(registry, exchange) == 0.0
    exchange.near = near


@pytest.mark.parametrize(("sparing", "answers"), [(True, 1), (False, 2)])
def test_of_several_messages_in_one_datagram_a_strangers_first_is_dealt_with(sparing: bool, answers: int) -> None:
    """Each of them would be answered, to whom it may never have come from."""
    made = gateway_rig(sparing=sparing)
    both = opens(1, 1).pack() + opens(2, 2).pack()
    assert sent_to(made, made.from_access(both)) == answers
    found = gateway(made)
    both = opens(3, 3).pack() + opens(4, 4).pack()
    assert len(found.heard(found.say(both))) == 2, "whoever is bound is none"
    assert len(found.told(found.ask(both))) == 2, "nor is the core"
