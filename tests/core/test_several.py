"""Requests that are about several calls begin."""

from __future__ import annotations

from sbc.core.call import CallState
from sbc.core.message import Kind
from sbc.core.orders import OpenStream, Record
from sbc.core.realm import Limits
from sbc.core.several import MOST
from tests.rig import events, of
from tests.toy_gateway import takes_off, yes
from tests.toy_twins import asked_of, both_join, twin_gateway, twins


def test_each_call_of_a_request_is_opened_with_its_share_of_the_media() -> None:
    one = twin_gateway()
    orders = one.ask(twins())
    assert [each.event for each in of(Record, orders)] == ["open", "open"]
    assert len({each.spec.call for each in of(OpenStream, orders)}) == 2 == len(of(OpenStream, orders))
    first, second = one.rig.border.registry.members.of(one.binding.id)
    assert [len(each.streams) for each in (first, second)] == [1, 1] and first.opening is not second.opening
    assert second.opening is not None and second.opening.intent.kind is Kind.OPEN and second.opening.far is None
    assert second.ends_at == first.ends_at and second.watch is first.watch


def test_what_comes_again_begins_nothing() -> None:
    one = twin_gateway()
    asked = asked_of(one)
    assert not of(Record, one.ask(twins()))
    both_join(one, asked)
    assert not of(Record, one.ask(twins())) and len(one.rig.border.registry.members.of(one.binding.id)) == 2


def test_a_call_that_is_there_is_changed() -> None:
    one = twin_gateway()
    both_join(one, asked_of(one))
    orders = one.ask(twins(2, 5))
    assert [each.event for each in of(Record, orders)] == ["open"], "2 is there, 3 is new"
    (asked,) = one.told(orders)
    both_join(one, asked, b"3 4")
    second = one.rig.border.registry.members.find(one.binding.id, b"2")
    assert second is one.rig.border.registry.members.find(one.binding.id, b"3")


def test_where_the_second_may_not_be_the_first_is_taken_back() -> None:
    one = twin_gateway(limits=Limits(dialogues=1))
    orders = one.ask(twins())
    assert not one.told(orders) and "refused" in events(orders)
    assert [each.event for each in of(Record, orders)] == ["open", "close"]
    assert not one.rig.border.registry.calls and not one.rig.border.registry.members.of(one.binding.id)
    one.rig.wait(200)


def test_what_drains_opens_none() -> None:
    one = twin_gateway()
    both_join(one, asked_of(one))
    one.rig.border.drain(30)
    assert not one.told(one.ask(twins(2, 5))), "of 2 it would be a change, but 3 is new"
    (asked,) = one.told(one.ask(takes_off(b"1", 1, 9)))
    one.say(yes(asked))
    first, *_ = one.rig.border.registry.calls.values()
    assert first.state is CallState.CLOSED and MOST == 64
