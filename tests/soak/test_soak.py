"""Thousands of calls through a border in memory, in bad weather: at the end nothing may be left over.

Seeded, so that a failure is found again: SBC_SOAK_SEED chooses the seed, SBC_SOAK_CALLS how many calls (`make soak`:
ten thousand).
"""

from __future__ import annotations

import gc
import os
import time
from collections import Counter
from collections.abc import Iterator
from itertools import cycle

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.border import Border
from sbc.core.fan import NextHop
from sbc.core.hops import Target
from sbc.core.mint import Mint
from sbc.core.orders import Send
from sbc.core.realm import Keepalive, Limits, Probing, Registrations, Signaling, Timers
from sbc.sip.dialect import SipDialect
from tests.rig import SECRET, SOFTSWITCH, make_plan
from tests.soak.script import Caller, Phone, Plan, Softswitch
from tests.soak.world import Weather, World

SEED = int(os.environ.get("SBC_SOAK_SEED", "20261123"))
CALLS = int(os.environ.get("SBC_SOAK_CALLS", "5000"))
FAIR = Weather()
BAD = Weather(lost=0.05, repeated=0.03, delay=(0.005, 0.25))
AWFUL = Weather(lost=0.2, repeated=0.1, delay=(0.005, 1.0))


SHARED, OWN_PORTS = Signaling
FRONT = (Registrations(), Keepalive())
NO_FRONT = (Registrations(front=False), Keepalive(Probing.OFF))


def make_world(
    seed: int,
    weather: Weather,
    signaling: Signaling = SHARED,
    terminals: tuple[Registrations, Keepalive] = NO_FRONT,
    audit_every: int = 2000,
    next_hops: tuple[NextHop, ...] = (NextHop(SOFTSWITCH),),
) -> World:
    plan = make_plan("sip", Limits(), 8000, *terminals, signaling=signaling)
    path = attrs.evolve(plan.paths[0], next_hops=next_hops)
    plan = attrs.evolve(plan, timers=Timers(call_max=900.0), paths=(path,))
    return World(Border(plan, {"sip": SipDialect()}, Mint(SECRET)), seed, weather, audit_every)


@pytest.fixture(autouse=True)
def seldom_collected() -> Iterator[None]:
    """So many small objects live for a while that the collector's usual zeal costs a sixth of the time."""
    usual = gc.get_threshold()
    gc.set_threshold(100_000, 50, 50)
    yield
    gc.set_threshold(*usual)


def watch(send: Send) -> None:
    """Neither side ever sees an address of the other."""
    if send.listener.realm == "core":
        assert b"192.168." not in send.data and b"203.0.113." not in send.data, send.data
    else:
        assert b"198.51.100." not in send.data, send.data


class Soak:
    """So many calls, half of them out, half in, by so many phones; `pace` is the time between two, in seconds."""

    def __init__(self, world: World, calls: int, phones: int = 60, pace: float = 0.15) -> None:
        self.world = world
        self.results: Counter[str] = Counter()
        world.look = watch
        self.softswitch = Softswitch(world, self.results)
        self.phones = [Phone(world, number, self.results) for number in range(phones)]
        self.callers: list[Caller] = []
        self.length = calls * pace
        for number, phone in enumerate(self.phones):
            world.after(number * 0.05, lambda phone=phone: self._keep_registered(phone))  # type: ignore[misc]
        for number in range(calls):
            world.after(8 + number * pace, self._call)

    def _keep_registered(self, phone: Phone) -> None:
        """Until the end, when each lets it run out, or takes it off."""
        random = self.world.random
        if self.world.now > self.length:
            if random.random() < 0.5:
                phone.register(0)
            return
        if random.random() < 0.1:
            phone.rebind()
        phone.register()
        wait = 400.0 if random.random() < 0.05 else random.uniform(50, 100)  # at times it runs out
        self.world.after(wait, lambda: self._keep_registered(phone))

    def _call(self) -> None:
        random = self.world.random
        plan = Plan.draw(random)
        within_reach = self.softswitch.reachable()
        if random.random() < 0.5 or not within_reach:
            caller = Caller(random.choice(self.phones), b"sip:1000@sbc.example.com", plan, self.results)
        else:
            uri = random.choice(within_reach)
            caller = Caller(self.softswitch, uri, attrs.evolve(plan, challenge=False), self.results)
        self.callers.append(caller)
        caller.start()


@pytest.mark.parametrize("signaling", Signaling)
def test_in_fair_weather_every_call_goes_as_planned(signaling: Signaling) -> None:
    world = make_world(SEED, FAIR, signaling, audit_every=100)
    soak = Soak(world, 300)
    world.run()
    assert world.outside.leftovers() == []
    for caller in soak.callers:
        plan, result = caller.plan, caller.result
        answered = plan.rings + plan.answers
        taken_back = plan.cancel is not None and plan.cancel < (answered if plan.callee in ("answer", "busy") else 180)
        if plan.crash is not None or result == "404":  # or its phone's registration had just been taken off
            continue
        if taken_back and plan.cancel is not None:
            near = abs(plan.cancel - answered) < 1.5
            assert result == "cancelled" or near, (plan, result)
        elif plan.callee == "answer":
            assert result == "up", (plan, result)
        else:
            assert result == {"busy": "486", "silent": "408", "crash": "408"}[plan.callee], (plan, result)
    assert soak.results["not registered"] == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("weather", "share", "signaling", "terminals"),
    [
        (BAD, 0.55, SHARED, NO_FRONT),
        (AWFUL, 0.15, SHARED, NO_FRONT),
        (BAD, 0.15, OWN_PORTS, NO_FRONT),
        (BAD, 0.15, SHARED, FRONT),
    ],
)
def test_nothing_is_left_over(
    weather: Weather, share: float, signaling: Signaling, terminals: tuple[Registrations, Keepalive]
) -> None:
    world = make_world(SEED, weather, signaling, terminals)
    calls = int(CALLS * share)
    soak = Soak(world, calls)
    began = time.process_time()
    try:
        world.run()
        assert world.outside.leftovers() == []
        world.check()
    except AssertionError as wrong:
        wrong.add_note(f"SBC_SOAK_SEED={SEED} SBC_SOAK_CALLS={CALLS}, at {world.now:.3f} s")
        raise
    spent = time.process_time() - began
    print(f"\n{calls} calls in {spent:.1f} s, {calls / spent:.0f}/s")  # noqa: T201
    print(dict(soak.results), dict(world.counted), world.outside.events)  # noqa: T201
    # it was a soak, and not ten thousand refusals
    assert soak.results["up"] > calls * 0.4
    wanted = {"cancelled", "486", "408", "crashed", "registered"}
    assert wanted <= set(soak.results) and {"bound", "unbound", "gave-up"} <= set(world.outside.events)


SECOND = Address("198.51.100.3", 5060)


@pytest.mark.slow
@pytest.mark.parametrize(("weather", "share"), [(FAIR, 0.16), (BAD, 0.16)])
def test_two_softswitches_of_which_one_fails_now_and_then(weather: Weather, share: float) -> None:
    """One is cut off for a while, or has too much to do; in the end it is no next hop any more, and nothing is left."""
    world = make_world(SEED, weather, terminals=FRONT, next_hops=(NextHop(SOFTSWITCH), NextHop(SECOND)))
    calls = int(CALLS * share)
    soak = Soak(world, calls)
    first, second = soak.softswitch, Softswitch(world, soak.results, SECOND)
    first.pair(second)
    random, border, kinds = world.random, world.outside.border, cycle(("cut", "full"))

    def trouble() -> None:
        switch = random.choice((first, second))
        if world.now > soak.length:
            return
        what = next(kinds)
        setattr(switch, what, True)
        world.after(random.uniform(15, 40), lambda: setattr(switch, what, False))
        world.after(random.uniform(10, 50), trouble)

    def settle() -> None:
        """Nobody would ask for ever whether one lives that is alone."""
        world.outside.carry_out(border.resolved(border.plan.paths[0], [Target(SOFTSWITCH)], world.now))

    world.outside.carry_out(border.start(world.now))
    world.after(20, trouble)
    world.after(soak.length + 300, settle)
    try:
        world.run()
        assert world.outside.leftovers() == []
        world.check()
    except AssertionError as wrong:
        wrong.add_note(f"SBC_SOAK_SEED={SEED} SBC_SOAK_CALLS={CALLS}, at {world.now:.3f} s")
        raise
    events = world.outside.events
    print(f"\n{calls} calls", dict(soak.results), dict(world.counted), events)  # noqa: T201
    assert soak.results["up"] > calls * 0.4
    assert {"failover", "hop-down", "hop-up", "hop-rests"} <= set(events)
    assert events["failover"] > calls * 0.01
