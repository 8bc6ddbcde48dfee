"""What live calls have carried, as the console shows it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sbc.admin.usage import flow_of, usage_view
from sbc.ledger.usage import Count
from sbc.media.counters import SideCounters, StreamCounters, Volume
from tests.admin.desk import Desk, open_desk


class Engine:
    """One that has carried much for later calls, and lacks one stream."""

    def __init__(self, streams: list[str], lacks: str = "") -> None:
        self._streams = streams
        self._lacks = lacks

    def counters(self, stream: str) -> StreamCounters:
        if stream == self._lacks:
            raise KeyError(stream)
        many = 100 * (1 + self._streams.index(stream))
        near = SideCounters(Volume(many, 172 * many), Volume(1, 60), Volume(7, 700))
        return StreamCounters((near, SideCounters(Volume(7, 700), Volume(), Volume(many, 172 * many), Volume(1, 60))))


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with open_desk() as made:
        for name in (b"a1", b"a2", b"a3"):
            made.call(name)
        yield made


def streams(desk: Desk) -> list[str]:
    return [stream.id for call in desk.border.registry.calls.values() for stream in call.streams.values()]


def test_a_terminals_calls_are_summed_up(desk: Desk) -> None:
    calls, engine = desk.border.registry.calls.values(), Engine(streams(desk))
    (row,) = usage_view(calls, engine, "terminal")
    assert (row["realm"], row["key"], row["calls"]) == ("access", "alice@sbc.example.com", 3)
    assert row["in"] == {"packets": 603, "octets": 600 * 172 + 180, "ip_octets": 600 * 200 + 3 * 88}
    assert row["out"] == {"packets": 21, "octets": 2100, "ip_octets": 2100 + 21 * 28}
    (row,) = usage_view(calls, engine, "media")
    assert row["key"] == "audio"
    (row,) = usage_view(calls, Engine(streams(desk), lacks=streams(desk)[2]), "realm")
    assert (row["key"], row["calls"], row["in"]["packets"]) == ("", 2, 302)


def test_only_what_is_asked_for(desk: Desk) -> None:
    calls, engine = desk.border.registry.calls.values(), Engine(streams(desk))
    assert usage_view(calls, engine, "terminal", "ALICE", "access")
    assert not usage_view(calls, engine, "terminal", "bob")
    assert not usage_view(calls, engine, "terminal", "", "core")


def test_the_greatest_comes_first(desk: Desk) -> None:
    calls = list(desk.border.registry.calls.values())
    for number, call in enumerate(calls):
        call.terminal = b"user%d" % number
    try:
        rows = usage_view(calls, Engine(streams(desk)), "terminal")
    finally:
        for call in calls:
            call.terminal = b""
    assert [row["key"] for row in rows] == ["user2", "user1", "user0"]


def test_the_command(desk: Desk) -> None:
    table = desk.console.usage()
    assert repr(table).split()[:3] == ["REALM", "BY", "CALLS"] and "alice@sbc.example.com" in repr(table)
    assert "by 'colour'" in repr(desk.console.usage("colour"))
    assert "no realm 'nowhere'" in repr(desk.console.usage(realm="nowhere"))


def test_a_header_stands_before_each_payload() -> None:
    flow = flow_of(SideCounters(Volume(2, 300), Volume(1, 50)), 48)
    assert (flow.into, flow.out) == (Count(3, 350, 350 + 3 * 48), Count())
