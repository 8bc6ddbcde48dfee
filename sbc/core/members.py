"""Members of calls that gather: which call each is in, and which calls a gateway has."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import attrs

from sbc.core.message import Counted
from sbc.core.patterns import ALL, Patterns, is_plain

if TYPE_CHECKING:
    from sbc.core.call import Call

MOST_MEMBERS = 64
"""Members of one call: conferences are smaller."""
MOST_CALLS = 4_000
"""Calls of one gateway: so many lines an access gateway may have."""
LONGEST = 512
"""Octets of a name that a gateway may give a call or member."""


@attrs.define(eq=False)
class Gathering:
    """What is gathered in a call: its `members`, as their gateway calls them, in the order in which they came.

    `gateway` is the id of its binding, `name` what it calls the call now, `reported` what those of its members have
    counted that have said so, `met` the ids of calls that are one with it."""

    gateway: str
    name: bytes = b""
    members: list[bytes] = attrs.field(factory=list)
    reported: dict[bytes, Counted] = attrs.field(factory=dict)
    met: list[str] = attrs.field(factory=list)

    def report(self, member: bytes, counted: Counted) -> None:
        """A member has counted that. Of many that have come and gone the oldest are forgotten."""
        self.reported[member] = counted
        if len(self.reported) > MOST_MEMBERS:
            del self.reported[next(iter(self.reported))]


class Members:
    """Live calls that gather, by the gateway they are at, and by their members: each is in one call at a time."""

    def __init__(self) -> None:
        self._calls: dict[str, dict[Call, None]] = {}
        self._members: dict[str, dict[bytes, Call]] = {}

    def enter(self, call: Call) -> None:
        """A call lives, with the members that it has."""
        gathering = call.gathering
        if gathering is not None:
            self._calls.setdefault(gathering.gateway, {})[call] = None
            self._members.setdefault(gathering.gateway, {}).update((each, call) for each in gathering.members)

    def leave(self, call: Call) -> None:
        """The twin of `enter`: it is over, and has no members any more."""
        gathering = call.gathering
        if gathering is None or call not in self._calls.get(gathering.gateway, {}):
            return
        for member in list(gathering.members):
            self.part(call, member)
        del self._calls[gathering.gateway][call]
        if not self._calls[gathering.gateway]:
            del self._calls[gathering.gateway], self._members[gathering.gateway]

    def join(self, call: Call, member: bytes) -> None:
        """A member of no call is one of that call's from now on."""
        assert call.gathering is not None
        call.gathering.members.append(member)
        self._members[call.gathering.gateway][member] = call

    def part(self, call: Call, member: bytes) -> None:
        """The twin of `join`."""
        assert call.gathering is not None
        call.gathering.members.remove(member)
        del self._members[call.gathering.gateway][member]

    def of(self, gateway: str) -> list[Call]:
        """The live calls of a gateway."""
        return list(self._calls.get(gateway, ()))

    def count(self, gateway: str) -> int:
        """How many there are."""
        return len(self._calls.get(gateway, ()))

    def find(self, gateway: str, member: bytes) -> Call | None:
        """The call that a member is in."""
        return self._members.get(gateway, {}).get(member)

    def meant(
        self, gateway: str, pairs: Iterable[tuple[bytes, bytes]], called: Callable[[bytes], Call | None]
    ) -> list[tuple[Call, bytes]]:
        """The members of a gateway that pairs of patterns mean (see Intent), and the calls they are in. `called` tells
        the call of a whole name."""
        found: dict[tuple[Call, bytes], None] = {}
        wide: dict[bytes, list[bytes]] = {}
        for name, member in pairs:
            call = self.find(gateway, member) if is_plain(member) else None
            if call is not None and _is_called(call, name):
                found[call, member] = None
            elif not is_plain(member):
                wide.setdefault(name, []).append(member)
        for name, members in wide.items():
            fits = Patterns(members).fits
            for call, each in self._in_reach(gateway, name, called):
                if fits(each):
                    found[call, each] = None
        return list(found)

    def _in_reach(self, gateway: str, name: bytes, called: Callable[[bytes], Call | None]) -> list[tuple[Call, bytes]]:
        """The members of the calls that such a name means."""
        if name == ALL:
            return self.at(gateway)
        if not name.endswith(ALL):
            known = called(name)
            own = None if known is None or not _is_called(known, name) else known.gathering
            return [] if known is None or own is None else [(known, each) for each in own.members]
        meant = (call for call in self.of(gateway) if _is_called(call, name))
        return [(call, each) for call in meant if call.gathering is not None for each in call.gathering.members]

    def at(self, gateway: str) -> list[tuple[Call, bytes]]:
        """Every member that a gateway has, and the call it is in."""
        return [(call, member) for member, call in self._members.get(gateway, {}).items()]

    def all(self) -> dict[str, tuple[set[Call], dict[bytes, Call]]]:
        """All there are; for the auditor."""
        return {gateway: (set(calls), self._members[gateway]) for gateway, calls in self._calls.items()}


def _is_called(call: Call, name: bytes) -> bool:
    """Whether a call is one that a name means."""
    if not name.endswith(ALL):
        return any(key[2] == name for key in call.keys)
    return name == ALL or any(key[2].startswith(name[:-1]) for key in call.keys)
