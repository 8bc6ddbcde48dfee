"""Killed in the middle of everything, and started again: calls go on, the books balance, and nothing is left over."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from sbc.core.orders import Order
from sbc.core.realm import Keepalive, Registrations, Signaling
from tests.kept import Kept
from tests.soak.test_books import Books
from tests.soak.test_soak import BAD, FAIR, FRONT, NO_FRONT, OWN_PORTS, SEED, SHARED, Soak, make_world
from tests.soak.world import Weather, World


class Killing:
    """Kills a world's border at `kills` moments. What has changed is written after each step, but for the `unwritten`
    last seconds before a kill."""

    def __init__(self, world: World, length: float, kills: int, unwritten: float = 0.0, check_every: int = 50) -> None:
        self.world = world
        self.kept = Kept(world.outside.border)
        self._carry_out, world.outside.carry_out = world.outside.carry_out, self.carry_out  # type: ignore[method-assign]
        self._depth = self._steps = 0
        self._check_every = check_every
        random = Random(SEED)
        self._at = sorted(random.uniform(8, 8 + length) for _ in range(kills))
        self._unwritten = unwritten
        for at in self._at:
            world.after(at - world.now, lambda: self._kill(random.choice((0.05, 0.3, 1.0))))

    def carry_out(self, orders: list[Order]) -> None:
        self._depth += 1
        try:
            self._carry_out(orders)
        finally:
            self._depth -= 1
        if self._depth or any(at - self._unwritten <= self.world.now < at for at in self._at):
            return
        self.kept.flush()
        self._steps += 1
        if self._steps % self._check_every == 0:
            assert self.kept.faults()[:5] == []

    def _kill(self, away: float) -> None:
        self._depth += 1
        self.kept.restart(self.world.outside, away)
        self._depth -= 1
        self.world.check()
        assert self.kept.faults()[:5] == []


@pytest.mark.parametrize("signaling", Signaling)
def test_in_fair_weather_every_call_goes_as_planned_through_ten_kills(signaling: Signaling) -> None:
    world = make_world(SEED, FAIR, signaling, audit_every=100)
    soak = Soak(world, 80)
    killing = Killing(world, soak.length, 10)
    world.run()
    assert killing.kept.unfit == []
    assert world.outside.leftovers() == []
    for caller in soak.callers:
        plan, result = caller.plan, caller.result
        if plan.crash is None and plan.cancel is None and plan.callee == "answer" and result != "404":
            assert result == "up" and caller.dialogue.ended == "bye", (plan, result)
    assert soak.results["not registered"] == 0
    assert world.outside.events["call-resumed"] > 50


@pytest.mark.slow
@pytest.mark.parametrize(
    ("weather", "signaling", "terminals", "unwritten"),
    [
        (BAD, SHARED, NO_FRONT, 0.0),
        (BAD, OWN_PORTS, FRONT, 0.0),
        (FAIR, SHARED, FRONT, 0.1),
        (BAD, OWN_PORTS, NO_FRONT, 1.0),
    ],
)
def test_nothing_is_left_over(
    weather: Weather, signaling: Signaling, terminals: tuple[Registrations, Keepalive], unwritten: float
) -> None:
    world = make_world(SEED, weather, signaling, terminals)
    soak = Soak(world, 250)
    killing = Killing(world, soak.length, 20, unwritten, 200)
    world.run()
    world.check()
    assert world.outside.leftovers() == []
    assert killing.kept.unfit == []
    assert soak.results["up"] > 60, Counter(soak.results)


class KilledBooks(Books):
    """Whatever the books are put through, and kills between; at times what happened last had not been written."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: Kept | None = None
        self.slow = False

    @rule(away=st.sampled_from([0.0, 1.0, 20.0]))
    def kill(self, away: float) -> None:
        if self.kept is not None:
            self.kept.restart(self.outside, away)
            self.slow = False

    @rule()
    def write_no_more(self) -> None:
        self.slow = True

    @invariant()
    def what_is_kept_is_what_is_there(self) -> None:
        if not hasattr(self, "outside"):
            return
        if self.kept is None:
            self.kept = Kept(self.outside.border)
        elif not self.slow:
            self.kept.flush()
            assert self.kept.faults() == []


KilledBooks.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestKilledBooks: Any = pytest.mark.slow(KilledBooks.TestCase)
