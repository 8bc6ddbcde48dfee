"""Exchanges beside a request that is about several calls."""

from __future__ import annotations

from sbc.core.beside import is_beside, leader, others, share
from sbc.core.call import CallState
from sbc.core.message import Intent, Kind, Phase
from sbc.core.orders import CloseStream
from tests.kept import restarted
from tests.rig import of
from tests.toy_gateway import Gateway, no
from tests.toy_twins import asked_of, both_join, twin_gateway


def opened(one: Gateway) -> tuple[object, ...]:
    return tuple(one.rig.border.registry.members.of(one.binding.id))


def test_each_knows_the_other() -> None:
    one = twin_gateway()
    asked_of(one)
    registry = one.rig.border.registry
    first, second = registry.members.of(one.binding.id)
    assert first.opening is not None and second.opening is not None
    assert others(registry, first.opening) == [second.opening] and others(registry, second.opening) == []
    assert is_beside(second.opening) and not is_beside(first.opening)
    assert leader(registry, second.opening) is leader(registry, first.opening) is first.opening


def test_an_answer_is_shared() -> None:
    of_other = Intent(Kind.ANSWER, Phase.SUCCESS, b"6", b"1", joins=(b"2",))
    whole = Intent(Kind.ANSWER, Phase.SUCCESS, b"5", b"1", joins=(b"1",), beside=(of_other,))
    assert share(whole, 0) is of_other
    assert (share(whole, 1).joins, share(whole, 1).call, share(whole, 1).phase) == ((), b"", Phase.SUCCESS)
    failed = Intent(Kind.ANSWER, Phase.FAILURE, b"5", b"1", beside=(of_other,), cause="no")
    assert (share(failed, 0).phase, share(failed, 0).cause, share(failed, 0).joins) == (Phase.FAILURE, "no", ())


def test_both_calls_are_up_when_both_have_joined() -> None:
    one = twin_gateway()
    both_join(one, asked_of(one))
    first, second = one.rig.border.registry.members.of(one.binding.id)
    assert first.state is second.state is CallState.UP
    assert [each.gathering.members for each in (first, second) if each.gathering] == [[b"1"], [b"2"]]
    assert [stream.remote[1].rtp.port for each in (first, second) for stream in each.streams.values()] == [4000, 4002]  # type: ignore[union-attr]


def test_who_has_not_joined_has_no_call() -> None:
    one = twin_gateway()
    orders = both_join(one, asked_of(one), b"1")
    (only,) = one.rig.border.registry.members.of(one.binding.id)
    assert only.state is CallState.UP and len(of(CloseStream, orders)) == 1
    one.rig.wait(300)
    assert not one.rig.border.registry.crowd.late_exchanges.all()


def test_a_failure_is_of_both() -> None:
    one = twin_gateway()
    orders = one.say(no(asked_of(one)))
    assert not opened(one) and len(of(CloseStream, orders)) == 2


def test_it_waits_for_as_long_as_the_request_does_and_is_forgotten_with_it() -> None:
    one = twin_gateway()
    asked_of(one)
    _, second = one.rig.border.registry.members.of(one.binding.id)
    orders = one.rig.wait(120)
    assert not opened(one) and len(of(CloseStream, orders)) == 2 and second.state is CallState.CLOSED
    one.rig.wait(300)
    assert not one.rig.border.registry.crowd.late_exchanges.all()


def test_after_a_restart_both_go_on() -> None:
    one = twin_gateway()
    asked = asked_of(one)
    one.rig, _ = restarted(one.rig)
    both_join(one, asked)
    first, second = one.rig.border.registry.members.of(one.binding.id)
    assert first.state is second.state is CallState.UP
