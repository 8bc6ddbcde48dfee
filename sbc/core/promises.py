"""Calls that somebody has been given leave for, and where they are to go: kept until they come, or for a minute; and
while they last, since whoever gave the leave is to hear that they are over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from sbc.core.address import Address
from sbc.core.call import Call
from sbc.core.diverted import Diverted
from sbc.core.message import Ending
from sbc.core.realm import Path, Side
from sbc.core.shares import Shares
from sbc.core.timers import Entry, Timers

if TYPE_CHECKING:
    from sbc.core.exchange import Exchange, Hop

LASTS = 60.0
"""Seconds from the leave to the call."""
GRACE = 5.0
"""Seconds after the end of a call in which its party may itself give the leave back."""
MOST = 20_000
"""Leaves of which no call has come: the others are as many as there may be calls."""

Key = tuple[str, str, bytes, bool]
"""The realm and host of who has leave, what the call is called everywhere, and whether the leave is to take it."""


@attrs.define(eq=False)
class Promise:
    """Leave for a call that is called `name` everywhere: given to who is at `host` (`binding` is a binding's id, or
    empty), to make it, or to take it (`takes`). `to` is where the call is to go, and `until` until when that is
    believed. `far` gave it, to the request `sent`; None where nobody had to ask. `begun`: the call has come, and has
    ended as `ending` says once there are no more `calls`.

    `returning` is our request that gives it back, `said` the party's own, `recall` the one by which the core takes it
    back.
    """

    id: str
    dialect: str
    path: Path
    host: str
    name: bytes
    takes: bool
    binding: str
    to: Address
    until: float
    far: Hop | None = None
    sent: bytes = b""
    begun: bool = False
    ending: Ending | None = None
    calls: dict[Call, None] = attrs.field(factory=dict)  # mostly one, or one after the other
    returning: Exchange | None = None
    said: Exchange | None = None
    recall: Exchange | None = None
    due: float | None = None
    entry: Entry | None = None

    @property
    def key(self) -> Key:
        return (self.path.access, self.host, self.name, self.takes)

    @property
    def owner(self) -> tuple[str, str, str]:
        """The realm and host of who has it, and which of those there: several may be behind one address."""
        return (self.path.access, self.host, self.binding)

    def __repr__(self) -> str:
        return f"<Promise {self.id} of {self.name!r} to {self.host}>"


class Promises:
    """What answers have promised, and the live calls that mean it. Bounded: of too many of which no call has come the
    oldest is forgotten of whoever has the most, so that nobody asks others out of theirs."""

    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        self.diverted = Diverted()  # who was told to call where without leave being spoken of
        self._kept: dict[Key, Promise] = {}
        self._idle: Shares[tuple[str, str, str], Promise] = Shares()  # of which no call has come yet
        self._calls: dict[Key, dict[Call, None]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def all(self) -> list[Promise]:
        """All there are."""
        return list(self._kept.values())

    def keep(self, promise: Promise, now: float) -> list[Promise]:
        """A call of that name may come, or is there. Returns what is dropped for it, and is to be forgotten."""
        gone = [self._kept[promise.key]] if promise.key in self._kept else []
        for each in gone:
            self.drop(each)
        self._kept[promise.key] = promise
        if promise.key in self._calls:
            promise.begun, promise.calls = True, self._calls[promise.key]
        elif promise.begun:  # before a restart
            self._timers.set(promise, now + GRACE)
        else:
            self._idle.add(promise.owner, promise)
            self._timers.set(promise, promise.until)
            if len(self._idle) > MOST:
                gone.append(self._idle.first())
                self.drop(gone[-1])
        return gone

    def find(self, key: Key, now: float) -> Promise | None:
        """What was promised, if it still holds. It holds for an attempt that comes again, too."""
        found = self._kept.get(key)
        return found if found is not None and now < found.until else None

    def of(self, realm: str, host: str, name: bytes, binding: str) -> Promise | None:
        """The leave of that binding for a call, be it to make or to take it."""
        found = (self._kept.get((realm, host, name, takes)) for takes in (False, True))
        return next((each for each in found if each is not None and each.binding == binding), None)

    def has(self, promise: Promise) -> bool:
        """Whether it is there still."""
        return self._kept.get(promise.key) is promise

    def at(self, key: Key) -> Promise | None:
        """The leave of that key, whether it still leads a call or not."""
        return self._kept.get(key)

    def live(self, key: Key) -> list[Call]:
        """The live calls that leave of that key would be for."""
        return list(self._calls.get(key, ()))

    def drop(self, promise: Promise) -> None:
        """The twin of `keep`."""
        if self.has(promise):
            del self._kept[promise.key]
        self._idle.drop(promise.owner, promise)
        promise.calls = {}
        self._timers.set(promise, None)

    def begin(self, call: Call) -> Promise | None:
        """A call has come; the leave that was given for it, if its call has not come before."""
        key = key_of(call)
        if key is None:
            return None
        self._calls.setdefault(key, {})[call] = None
        promise = self._kept.get(key)
        if promise is None or promise.recall is not None or promise.returning is not None:
            return None
        self._timers.set(promise, None)
        self._idle.drop(promise.owner, promise)
        promise.calls = self._calls[key]
        first, promise.begun = not promise.begun, True
        return promise if first else None

    def over(self, call: Call, now: float) -> None:
        """The twin of `begin`."""
        key = key_of(call)
        if key is None or call not in self._calls.get(key, ()):
            return
        del self._calls[key][call]
        if self._calls[key]:
            return
        del self._calls[key]
        promise = self._kept.get(key)
        if promise is not None and promise.recall is None and promise.returning is None:
            promise.ending = call.ending
            self._timers.set(promise, now + GRACE)


def key_of(call: Call) -> Key | None:
    """Under what leave is found for a call; None where it says no name that is the same everywhere."""
    if not call.herald:
        return None
    takes = call.legs[0].realm.side is not Side.ACCESS
    leg = call.legs[takes]
    return leg.realm.name, leg.seen.host, call.herald, takes
