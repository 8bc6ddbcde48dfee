"""Adaptive keepalive against simulated NATs: as reachable as by fixed probes every 30 s, with far fewer messages.

The figures of a whole day are in docs/registration.rst; here are shorter runs with bounds that hold there too.
"""

from __future__ import annotations

import pytest

from sbc.core.realm import Keepalive, Probing
from tests.calls.natsim import NatSim

HOUR = 3600.0
ADAPTIVE, FIXED_30 = Keepalive(Probing.ADAPTIVE), Keepalive(Probing.PROBE, period=30.0)


def ran(timer: float, keepalive: Keepalive, hours: float = 3.0, **more: float | str) -> NatSim:
    sim = NatSim(timer, keepalive, **more)  # type: ignore[arg-type]
    sim.run(hours * HOUR)
    return sim


@pytest.mark.parametrize(("timer", "fewer"), [(120, 0.7), (300, 0.87), (600, 0.9), (1800, 0.93), (3600, 0.93)])
def test_adaptive_needs_far_fewer_messages(timer: float, fewer: float) -> None:
    learned, fixed = ran(timer, ADAPTIVE), ran(timer, FIXED_30)
    assert 1 - learned.messages / fixed.messages >= fewer
    assert fixed.reachability > 0.999
    assert learned.reachability > 0.98
    assert learned.phones[0].outages <= 3, "no more than the search costs"


def test_against_a_nat_that_is_shorter_than_thirty_seconds_only_learning_helps() -> None:
    learned, fixed = ran(29, ADAPTIVE), ran(29, FIXED_30)
    assert learned.reachability > 0.98
    assert fixed.reachability < 0.95


def test_what_one_phone_has_learned_serves_the_others_behind_the_nat() -> None:
    sim = ran(300, ADAPTIVE, phones=4)
    assert sum(phone.outages for phone in sim.phones) <= 3
    assert sum(phone.outages == 0 for phone in sim.phones) >= 2
    assert sim.reachability > 0.99


@pytest.mark.parametrize("comes_back", [0.5, 0.75, 0.95])
def test_it_does_not_matter_when_a_phone_refreshes(comes_back: float) -> None:
    sim = ran(600, ADAPTIVE, comes_back=comes_back)
    habit = sim.rig.border.registry.learners["access"].known(("udp", "203.0.113.11"))
    assert habit is not None and habit.held > 400
    assert sim.reachability > 0.97


def test_a_nat_that_becomes_impatient_is_noticed() -> None:
    sim = NatSim(600, ADAPTIVE)
    sim.run(3 * HOUR)
    sim.timer = 60
    sim.run(3 * HOUR)
    before = sim.phones[0].unreachable
    sim.run(2 * HOUR)
    assert sim.phones[0].unreachable - before < 0.02 * 2 * HOUR


@pytest.mark.parametrize("transport", ["tcp", "tls"])
@pytest.mark.parametrize(("timer", "fewer"), [(60, 0.4), (300, 0.87), (1800, 0.93), (3600, 0.93)])
def test_it_learns_over_connections_too(transport: str, timer: float, fewer: float) -> None:
    """Against probes every 30 s, which is what a fixed period over UDP is; over connections that is 120 s at least."""
    learned, fixed = ran(timer, ADAPTIVE, transport=transport), ran(timer, FIXED_30)
    assert 1 - learned.messages / fixed.messages >= fewer
    assert learned.reachability > 0.98
    assert learned.phones[0].outages <= 3


def test_a_nat_of_short_patience_with_connections_is_found_by_search_alone() -> None:
    learned, fixed = ran(60, ADAPTIVE, transport="tcp"), ran(60, FIXED_30, transport="tcp")
    assert fixed.reachability < 0.9 < 0.98 < learned.reachability


def test_over_connections_one_phone_learns_for_the_others_and_for_no_other_transport() -> None:
    sim = ran(300, ADAPTIVE, phones=4, transport="tcp")
    assert sum(phone.outages for phone in sim.phones) <= 3
    assert sum(phone.outages == 0 for phone in sim.phones) >= 2
    assert sim.reachability > 0.99
    learner = sim.rig.border.registry.learners["access"]
    habit = learner.known(("tcp", "203.0.113.11"))
    assert habit is not None and habit.held > 200
    assert learner.known(("udp", "203.0.113.11")) is None


def test_a_connection_that_is_dead_without_saying_so_ends_dead_and_no_question_hangs() -> None:
    sim = NatSim(3600, Keepalive(Probing.PROBE, period=120.0, answer_within=8.0, misses=3), transport="tcp")
    sim.run(10)
    sim.phones[0].on = False  # nobody closes anything
    sim.run(120 + 3 * 8 + 2 * 2 + 5)
    (binding,) = sim.rig.border.registry.bindings.values()
    assert binding.state.value == "dead"
    assert not [each for each in sim.rig.border.registry.live_exchanges if each.near is None]
