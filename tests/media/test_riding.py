"""Who rides with whom, in whatever order streams open, change and close."""

from __future__ import annotations

import attrs

from sbc.core.address import Address, Pair
from sbc.core.orders import StreamSpec
from sbc.core.secured import Bundled, SideSecurity
from sbc.media.riding import Riding
from tests.media.specs import stream_spec

HERE = Pair(Address("192.0.2.1", 20000), None)


class Engine:
    """What notes who joins and leaves, and may refuse."""

    def __init__(self) -> None:
        self.streams: set[str] = set()
        self.log: list[str] = []
        self.full = False
        self.riding = Riding(self.streams, self.join, lambda stream, side: self.log.append(f"{stream} walks"))

    def join(self, stream: str, side: int, carrier: str, bundled: Bundled) -> bool:
        assert side == 0 and {stream, carrier} <= self.streams
        if not self.full:
            self.log.append(f"{stream} by {carrier}")
        return not self.full

    def open(self, stream: str, carrier: str | None) -> None:
        self.streams.add(stream)
        self.riding.opened(spec(stream, carrier))

    def change(self, stream: str, carrier: str | None) -> None:
        self.riding.changed(stream, 0, spec(stream, carrier).sides[0])

    def close(self, stream: str) -> None:
        self.riding.closed(stream)
        self.streams.remove(stream)

    def said(self) -> list[str]:
        said, self.log[:] = list(self.log), []
        return said


def spec(stream: str, carrier: str | None) -> StreamSpec:
    made = stream_spec(stream, (HERE, HERE), (HERE, HERE))
    bundled = None if carrier is None else Bundled(carrier)
    first = attrs.evolve(made.sides[0], security=SideSecurity(bundled=bundled))
    return attrs.evolve(made, sides=(first, made.sides[1]))


def test_a_carrier_and_its_rider() -> None:
    engine = Engine()
    engine.open("a", "")
    engine.open("v", "a")
    assert engine.said() == ["a by a", "v by a"]
    engine.change("v", "a")
    assert engine.said() == []
    engine.change("v", None)
    engine.change("v", "a")
    assert engine.said() == ["v walks", "v by a"]


def test_who_is_first_waits() -> None:
    engine = Engine()
    engine.open("v", "a")
    assert engine.said() == []
    engine.open("a", "")
    assert engine.said() == ["a by a", "v by a"]


def test_a_carrier_that_closes_leaves_all_behind() -> None:
    engine = Engine()
    engine.open("a", "")
    engine.open("v", "a")
    engine.said()
    engine.close("a")
    assert sorted(engine.said()) == ["a walks", "v walks"]
    engine.open("a", "")
    assert engine.said() == ["a by a", "v by a"]
    engine.close("v")
    engine.close("a")
    assert engine.said() == ["v walks", "a walks"]


def test_who_was_not_taken_does_not_leave() -> None:
    engine = Engine()
    engine.full = True
    engine.open("a", "")
    engine.change("a", None)
    engine.close("a")
    assert engine.said() == []
