"""Marks as they are shown: of what is sent into a realm, by whose call it is; of a stream, as its engine has them."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import pytest

from sbc.admin import marked, realms, views
from sbc.core.orders import UNSET, UpdateStream
from sbc.media.flow import SideView
from sbc.policy.marking import Classes, Incoming, Mapped, Mark, Marks
from tests.admin.desk import Desk, open_desk

MARKS = Marks(
    signalling=Mark(24),
    media=Mark(46, 5),
    video=Mark(34),
    emergency=Classes(signalling=Mark(44)),
    incoming=Incoming.MAP,
    map=(Mapped(40, 46),),
)


@pytest.fixture
def desk() -> Iterator[Desk]:
    with open_desk() as desk:
        yield desk


def test_what_is_sent_into_a_realm() -> None:
    view = marked.marks_view(MARKS)
    normal = {"signalling": "cs3", "audio": "ef/5", "video": "af41", "fax": "ef/5"}
    assert view == {
        "normal": normal,
        "priority": normal,
        "emergency": {**normal, "signalling": "va"},
        "incoming": "map",
        "map": ["cs5=ef"],
    }
    assert marked.marks_text(view) == (
        "signalling cs3, audio ef/5, video af41, fax ef/5, emergency: signalling va, incoming: map"
    )


def test_a_realm_that_marks_nothing_shows_nothing() -> None:
    view = marked.marks_view(Marks())
    assert view["normal"]["audio"] == "df" and view["incoming"] == "bleach"
    assert marked.marks_text(view) == "-"


def test_a_realm_of_the_console_has_its_marks(desk: Desk) -> None:
    realm = attrs.evolve(desk.border.plan.realms["access"], marks=MARKS)
    assert realms.realm_view(desk.border, realm, {}, 0.0)["marks"]["normal"]["audio"] == "ef/5"


def test_a_side_of_a_stream_shows_what_the_engine_does(desk: Desk) -> None:
    call = desk.border.registry.calls[desk.call()]
    (stream,) = call.streams.values()
    spec = attrs.evolve(stream.side(call, 1), dscp=46, priority=UNSET, incoming=bytes(range(64)))
    desk.runner.carry_out([UpdateStream(stream.id, 1, spec)])
    near, far = views.stream_details(call, stream, desk.runner.engine)["sides"]
    assert near["marks"] == {"sent": "df", "incoming": "bleach"}
    assert far["marks"] == {"sent": "ef", "incoming": "keep"}
    assert "df" in repr(desk.console.streams()) and "ef" in repr(desk.console.streams())
    assert "marked    ef; incoming: keep" in repr(desk.console.call(call.id))
    desk.runner.engine.close(stream.id)
    lost = views.stream_details(call, stream, desk.runner.engine)["sides"]
    assert [side["marks"] for side in lost] == [None, None]
    assert "marked" not in repr(desk.console.call(call.id))


def test_a_map_of_marks_is_told_as_one() -> None:
    view = attrs.evolve(_SIDE, priority=5, incoming=MARKS.table)
    assert marked.side_marks(view) == {"sent": "ef/5", "incoming": "map"}
    assert marked.side_marks(None) is None


_SIDE = SideView("access", None, None, None, "", None, "", False, False, {}, 46, UNSET, b"")  # type: ignore[arg-type]
