from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest
from twisted.internet.task import Clock

from sbc.garbage import DAY, THRESHOLDS, GarbageService


class Knot:
    """What refers to itself, so that only the collector finds it."""

    def __init__(self) -> None:
        self.self = self


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def service(clock: Clock) -> Iterator[GarbageService]:
    service = GarbageService(clock)
    service.startService()
    yield service
    if service.running:
        service.stopService()


def test_what_is_loaded_is_passed_over_while_it_runs() -> None:
    before, callbacks = gc.get_threshold(), list(gc.callbacks)
    service = GarbageService(clock := Clock())
    service.startService()
    try:
        assert gc.get_freeze_count() > 1000
        assert gc.get_threshold() == THRESHOLDS
    finally:
        service.stopService()
    assert gc.get_freeze_count() == 0
    assert gc.get_threshold() == before
    assert gc.callbacks == callbacks
    assert clock.getDelayedCalls() == []


def test_what_a_look_leaves_is_passed_over_from_then_on(service: GarbageService) -> None:
    kept = [Knot() for _ in range(10)]
    gc.collect(0)
    assert not any(each is knot for each in gc.get_objects() for knot in kept)


def test_young_garbage_is_found(service: GarbageService) -> None:
    seen = weakref.ref(Knot())
    gc.collect(0)
    assert seen() is None


def test_garbage_that_was_passed_over_is_found_within_a_day(service: GarbageService, clock: Clock) -> None:
    knot = Knot()
    gc.collect(0)
    seen = weakref.ref(knot)
    del knot
    gc.collect(0)
    assert seen() is not None
    clock.advance(DAY)
    assert seen() is None
    assert gc.get_freeze_count() > 1000
