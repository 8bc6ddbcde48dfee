"""Members of calls that gather: which call each is in, and which calls a gateway has."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import attrs

from sbc.core.message import Counted

if TYPE_CHECKING:
    from sbc.core.call import Call

MOST_MEMBERS = 64
"""Members of one call: conferences are smaller."""
MOST_CALLS = 4_000
"""Calls of one gateway: so many lines an access gateway may have."""
LONGEST = 512
"""Octets of a name that a gateway may give a call or member."""
ALL, ONE = b"*", b"\0"
"""In patterns of names: whatever comes there, and one octet of whatever, which is in no name."""


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
        self, gateway: str, name: bytes, member: bytes, called: Callable[[bytes], Call | None]
    ) -> list[tuple[Call, bytes]]:
        """The members of a gateway that a pair of patterns means (see Intent), and the calls they are in. `called`
        tells the call of a whole name."""
        if ALL not in member and ONE not in member:
            call = self.find(gateway, member)
            there = [] if call is None else [(call, member)]
        elif not name.endswith(ALL):
            known = called(name)
            own = None if known is None else known.gathering
            there = [] if known is None or own is None else [(known, each) for each in own.members]
        else:
            there = self.at(gateway)
        return [
            (call, each)
            for call, each in there
            if fits(each, member) and (name == ALL or any(fits(key[2], name) for key in call.keys))
        ]

    def at(self, gateway: str) -> list[tuple[Call, bytes]]:
        """Every member that a gateway has, and the call it is in."""
        return [(call, member) for member, call in self._members.get(gateway, {}).items()]

    def all(self) -> dict[str, tuple[set[Call], dict[bytes, Call]]]:
        """All there are; for the auditor."""
        return {gateway: (set(calls), self._members[gateway]) for gateway, calls in self._calls.items()}


def fits(name: bytes, pattern: bytes) -> bool:
    """Whether a name is one that a pattern means."""
    if ALL not in pattern and ONE not in pattern:
        return name == pattern
    first, *others = pattern.split(ALL)
    if not others:
        return len(name) == len(first) and _is_at(name, 0, first)
    *inner, last = others
    at, end = len(first), len(name) - len(last)
    if at > end or not _is_at(name, 0, first) or not _is_at(name, end, last):
        return False
    for each in inner:
        found = _find(name, each, at, end)
        if found < 0:
            return False
        at = found + len(each)
    return True


def _find(name: bytes, pattern: bytes, start: int, end: int) -> int:
    """Where a pattern without ALL first is; -1 where it is not."""
    if ONE not in pattern:
        return name.find(pattern, start, end)
    return next((at for at in range(start, end - len(pattern) + 1) if _is_at(name, at, pattern)), -1)


def _is_at(name: bytes, at: int, pattern: bytes) -> bool:
    """Whether a pattern without ALL is there."""
    if ONE not in pattern:
        return name.startswith(pattern, at)
    return all(one == ONE[0] or one == other for one, other in zip(pattern, name[at : at + len(pattern)], strict=True))
