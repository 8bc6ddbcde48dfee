"""How packets are marked, as it is shown: those that are sent into a realm, and those of a side of a stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sbc.media.flow import SideView
from sbc.policy.marking import UNMARKED, Mark, Marks, Medium, Urgency, passed

View = dict[str, Any]
NONE = str(UNMARKED)


def marks_view(marks: Marks) -> View:
    """The marks of what is sent into a realm, by urgency of the call: DSCP, and "/" priority of the frame where one is
    set. `incoming` is what becomes of marks that its peers have set, `map` each pair that is translated."""
    of_each = {
        urgency.name.lower(): {
            "signalling": str(marks.signalling_of(urgency)),
            **{medium.value: str(marks.media_of(urgency, medium)) for medium in Medium},
        }
        for urgency in Urgency
    }
    return {**of_each, "incoming": marks.incoming.value, "map": [str(pair) for pair in marks.map]}


def side_marks(view: SideView | None) -> View | None:
    """The same of a side of a stream: how what the engine sends to its peer is marked, and what becomes of the marks
    that its packets have. None where the engine does not hold the stream."""
    if view is None:
        return None
    return {"sent": str(Mark(view.dscp, view.priority)), "incoming": passed(view.incoming).value}


def marks_text(marks: View) -> str:
    """What `marks_view` returns in a cell: what is marked, of calls that are not urgent, and then what of others is
    marked otherwise; what is not marked, and marks that are forgotten, are not told."""
    return ", ".join(_told(marks)) or "-"


def _told(marks: View) -> Iterator[str]:
    plain = marks["normal"]
    yield from (f"{what} {mark}" for what, mark in plain.items() if mark != NONE)
    for urgency in ("priority", "emergency"):
        if marks[urgency] != plain:
            other = [f"{what} {mark}" for what, mark in marks[urgency].items() if mark != plain[what]]
            yield f"{urgency}: {' '.join(other)}"
    if marks["incoming"] != "bleach":
        yield f"incoming: {marks['incoming']}"
