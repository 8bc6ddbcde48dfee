"""Control channels of calls, and who is paused, as the console shows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sbc.core.call import Call
from sbc.core.doors import Controls, End

View = dict[str, Any]


def further_view(call: Call, controls: Controls) -> list[View]:
    """Of each leg: whether its party wants nothing to be sent to it, and where its control channel is taken and goes;
    `control` is None where the call has none."""
    found = controls.find(call)
    ends = (None, None) if found is None else found.ends
    return [
        {"paused": paused, "control": None if end is None else _end(end)}
        for paused, end in zip(call.paused, ends, strict=True)
    ]


def _end(end: End) -> View:
    return {
        "door": None if end.door is None else str(end.door.advertised),
        "takes": None if end.said is None else str(end.said),
        "connections": [f"{'to' if hop.listener.lane else 'from'} {hop.peer}" for hop in end.hops],
        "waiting": len(end.waiting),
    }


def further_lines(legs: list[View]) -> Iterator[str]:
    """What there is to say of it."""
    for index, leg in enumerate(legs):
        if leg["paused"]:
            yield f"  leg {index} has paused the other"
        control = leg["control"]
        if control is not None:
            where = ", ".join(control["connections"]) or "not there"
            waits = f", {control['waiting']} messages wait" if control["waiting"] else ""
            door = f"; our port {control['door']}" if control["door"] else ""
            yield f"  control channel {index}: {where}{waits}{door}"
