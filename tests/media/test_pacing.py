"""Packets that wait leave when they are due, in their order, and none is forgotten."""

from __future__ import annotations

from functools import partial

from twisted.internet.task import Clock

from sbc.media.pacing import MOST, Pacer


def held(pacer: Pacer, clock: Clock, sent: list[tuple[str, float]], name: str, delay: float) -> bool:
    """Whether a packet of that name is held back."""
    assert pacer.admits(delay, clock.seconds())
    if not pacer.holds(clock.seconds()):
        return False
    pacer.hold(lambda: sent.append((name, clock.seconds())), clock.seconds())
    return True


def test_each_leaves_when_it_is_due_and_none_before_another() -> None:
    clock, sent = Clock(), list[tuple[str, float]]()
    pacer = Pacer(clock)
    hold = partial(held, pacer, clock, sent)
    assert [hold("now", 0.0), hold("a", 0.25), hold("b", 0.5), hold("c", 0.0)] == [False, True, True, True]
    clock.advance(0.25)
    clock.advance(0.25)
    assert sent == [("a", 0.25), ("b", 0.5), ("c", 0.5)]
    assert clock.getDelayedCalls() == [] and not hold("d", 0.0)


def test_at_the_end_all_that_waits_is_sent_and_no_timer_is_left() -> None:
    clock, sent = Clock(), list[tuple[str, float]]()
    pacer = Pacer(clock)
    for name in "ab":
        held(pacer, clock, sent, name, 1.0)
    pacer.flush()
    assert [name for name, _ in sent] == ["a", "b"] and clock.getDelayedCalls() == []
    pacer.flush()


def test_so_many_wait_and_no_more() -> None:
    clock = Clock()
    pacer = Pacer(clock)
    for _ in range(MOST):
        assert held(pacer, clock, [], "", 1.0)
    assert not pacer.admits(1.0, clock.seconds())
    pacer.flush()
    assert pacer.admits(1.0, clock.seconds())
