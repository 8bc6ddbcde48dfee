"""The first fault of what was seen: media of every kind, and faults in the order in which they began."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from sbc.admin.faults import PATIENCE, Media, Seen, verdict
from sbc.core.address import Address, Pair
from sbc.core.orders import Latch, Note, SideSpec
from sbc.core.remembered import Unsent
from sbc.media.counters import Drops, Quality, SideCounters, StreamCounters, Volume

LEGS = ["the terminal (access 192.0.2.1:5060)", "the softswitch (core 198.51.100.2:5060)"]
HERE = Pair(Address("192.0.2.9", 20000), None)


def spec(remote: Pair | None = HERE, behind_nat: bool = False, held: bool = False) -> SideSpec:
    return SideSpec("r", HERE, remote, behind_nat, "192.0.2.1", Latch.STRICT, 3.0, held=held)


def side(received: int, sent: int = 0, **drops: int) -> SideCounters:
    return SideCounters(received_rtp=Volume(received, received), sent_rtp=Volume(sent, sent), drops=Drops(**drops))


def stream(first: SideCounters, second: SideCounters, **more: Any) -> Media:
    return Media("x/1", 1.0, [spec(), spec()], StreamCounters((first, second)), **more)


UP = Seen(
    opened={"method": "INVITE", "at": 0.0},
    answered={"at": 2.0},
    rang={},
    closed={},
    legs=LEGS,
    roles=["the terminal", "the softswitch"],
    notes=[],
    unsent=[],
    heard=[],
    media=[],
    start=0.0,
    now=100.0,
)


@pytest.mark.parametrize(
    ("first", "more"),
    [
        (side(0), ""),
        (side(0, wrong_source=7), "; 7 packets came from elsewhere and were refused (latch strict)"),
        (side(0, not_rtp=3, too_short=1), "; 4 packets that came were no media"),
        (side(0, kernel=9), "; 9 packets that came were lost in the SBC's socket"),
        (side(0, send_error=2), "; the SBC could not send it 2 packets"),
        (side(0, no_destination=2), "; it never said where it wants media"),
    ],
)
def test_one_way_and_why(first: SideCounters, more: str) -> None:
    seen = attrs.evolve(UP, media=[stream(first, side(500))])
    assert verdict(seen) == f"no media ever came from {LEGS[0]} though the softswitch sent 500 packets: one-way{more}"


def test_media_that_came_badly() -> None:
    bad = attrs.evolve(side(500), quality=Quality(600, 100, 41.2, None, 1.9))
    fair = attrs.evolve(side(500), quality=Quality(600, 3, None, None, 4.2))
    seen = attrs.evolve(UP, media=[stream(fair, bad)])
    assert verdict(seen) == f"media came badly from {LEGS[1]}: MOS 1.9, 16.7 % of its packets lost, jitter 41 ms"
    assert verdict(attrs.evolve(UP, media=[stream(fair, fair)])).startswith("no fault")


def test_one_way_from_behind_a_nat() -> None:
    media = stream(side(0), side(500))
    media.sides[0] = spec(Pair(Address("10.0.0.1", 4000), None), behind_nat=True)
    assert verdict(attrs.evolve(UP, media=[media])).endswith("it is behind a NAT, and had signalled 10.0.0.1:4000")


@pytest.mark.parametrize(
    "media",
    [
        stream(side(0), side(500), held=True),
        stream(side(0), side(500), until=2.0 + PATIENCE / 2),
        stream(side(10), side(500)),
        Media("x/1", 1.0, [spec(), spec()], None),
    ],
)
def test_what_is_no_one_way(media: Media) -> None:
    assert verdict(attrs.evolve(UP, media=[media])) == "no fault: it is up for 1m38s"


def test_before_the_answer_nobody_has_to_speak() -> None:
    assert (
        verdict(attrs.evolve(UP, answered={}, media=[stream(side(0), side(500))])) == "no fault: it waits for an answer"
    )
    assert verdict(attrs.evolve(UP, answered={}, rang={"at": 1.0})) == "no fault: it rings"


def test_the_fault_that_began_first_is_told() -> None:
    media = stream(side(0), side(500))
    early = Note("stream-lost", "in use", "x", {})
    late = Unsent(Address("192.0.2.1", 5060), "Network is unreachable")
    seen = attrs.evolve(UP, media=[media], notes=[(1.5, early)], unsent=[(50.0, late)])
    assert verdict(seen) == "the SBC could not open the ports of a stream: in use"
    assert verdict(attrs.evolve(seen, notes=[])).startswith("no media ever came")
    gone = "a message to 192.0.2.1:5060 could not be sent: Network is unreachable"
    assert verdict(attrs.evolve(seen, notes=[], media=[])) == gone


def close(ending: str, who: str = "sbc", cause: str = "why", answered_for: float | None = 98.0) -> dict[str, Any]:
    return {"at": 100.0, "ending": ending, "who": who, "cause": cause, "answered_for": answered_for}


@pytest.mark.parametrize(
    ("closed", "said"),
    [
        (close("normal", "callee"), "no fault: the softswitch (callee) hung up after 1m38s"),
        (close("expired"), "the SBC ended it, since it had lasted as long as a call may"),
        (close("silent", cause="no media for 30 s"), "the SBC ended it, since nobody spoke: no media for 30 s"),
        (close("cleared", cause="by hand"), "the SBC ended it: by hand"),
        (close("unreachable", cause="no connection"), "the SBC ended it: no connection"),
        (close("shutdown", cause="the SBC was stopped"), "the SBC ended it: the SBC was stopped"),
        (close("failed", "callee", "500 Oops", None), f"{LEGS[1]} answered 500 Oops"),
    ],
)
def test_how_it_ended(closed: dict[str, Any], said: str) -> None:
    assert verdict(attrs.evolve(UP, closed=closed)) == said


def test_a_refusal_inside_the_call_is_a_fault() -> None:
    note = Note("refused", "no media ports left", "x", {"method": "INVITE"})
    seen = attrs.evolve(UP, notes=[(50.0, note)], closed=close("normal", "caller"))
    assert verdict(seen) == "the SBC refused a INVITE inside the call: no media ports left"
    other = attrs.evolve(UP, notes=[(1.0, Note("failover", "503 Overload", "x", {"from": "A", "to": "B"}))])
    assert verdict(other) == "A did not take it (503 Overload), and B was asked"
    too_late = Note("too-late", "answered after it was given up", "x")
    assert verdict(attrs.evolve(UP, notes=[(50.0, too_late)])) == f"{LEGS[1]} answered after the call had been given up"


@pytest.mark.parametrize(
    ("why", "said"),
    [
        ("fingerprint", "could not be secured: it showed another certificate than it had promised"),
        ("timeout", "could not be secured: no handshake by which its media were secured came in time"),
        ("closed", "no media came from either side"),
    ],
)
def test_a_handshake_that_failed_stands_before_what_comes_of_it(why: str, said: str) -> None:
    note = Note("unsecured", why, "x", {"stream": "x/1", "side": 0})
    seen = attrs.evolve(UP, media=[stream(side(0), side(0))], notes=[(32.0, note)])
    assert said in verdict(seen)
    assert verdict(attrs.evolve(seen, answered={})) == "no fault: it waits for an answer"
