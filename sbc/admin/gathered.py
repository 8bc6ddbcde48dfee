"""What is to be seen of a call that gathers members at a gateway: who is in it, and which others are one with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sbc.admin.tables import Row, shown
from sbc.admin.views import words
from sbc.core.call import Call
from sbc.core.registry import Registry

MOST = 32
"""Members that are told of one by one."""


def gathered_view(call: Call, registry: Registry) -> dict[str, Any] | None:
    """The gateway of a call, what it calls the call, its members and what it has counted of each (those that have left,
    too), and the ids of calls that are one with it. None of a call that does not gather."""
    gathering = call.gathering
    if gathering is None:
        return None
    binding = registry.bindings.get(gathering.gateway)
    return {
        "gateway": gathering.gateway,
        "user": "" if binding is None else words(binding.user),
        "state": "gone" if binding is None else binding.state.value,
        "name": words(gathering.name),
        "members": [words(member) for member in gathering.members],
        "reported": {words(member): dict(counted) for member, counted in gathering.reported.items()},
        "joined": list(gathering.met),
    }


def gathered_lines(gathered: Row | None) -> Iterator[str]:
    """The same as text, where there is anything."""
    if gathered is None:
        return
    user, name = shown(gathered["user"]), shown(gathered["name"])
    yield f"  gateway {gathered['gateway']} {user}, {gathered['state']}; it calls the call {name}"
    for member in gathered["members"][:MOST]:
        yield f"    member {shown(member)}"
    if len(gathered["members"]) > MOST:
        yield f"    ... and {len(gathered['members']) - MOST} more"
    for member, counted in list(gathered["reported"].items())[:MOST]:
        figures = ", ".join(f"{shown(word)} {shown(value)}" for word, value in counted.items())
        yield f"    counted {shown(member)}: {figures}"
    for other in gathered["joined"]:
        yield f"    one with call {other}"
