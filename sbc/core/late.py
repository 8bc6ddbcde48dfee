"""What is over and only absorbs what comes late: bounded in each realm and for each source, the oldest go first."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Generic, TypeVar

from sbc.core.address import Address
from sbc.core.realm import Realm, Side

T = TypeVar("T")
_NOBODY: OrderedDict[Any, None] = OrderedDict()
Place = tuple[str, Address | None]
"""A realm and a source in it; None stands for all of the realm."""


class Late(Generic[T]):
    """Exchanges or calls that have ended, oldest first. Nobody new is refused for them: they make room themselves.

    A source in an access realm has a bound of its own, so that a flood from one makes nobody else forget.
    """

    def __init__(self) -> None:
        self._at: dict[Place, T | OrderedDict[T, None]] = {}  # itself, where it is alone: as nearly all terminals are
        self._places: dict[T, tuple[Place, ...]] = {}
        self._whole: dict[str, Place] = {}  # one for all, since there are very many

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, what: object) -> bool:
        return what in self._places

    def add(self, what: T, realm: Realm, source: Address) -> list[T]:
        """Take in what has ended; returns what is to be forgotten for it, and dropped. Once in, it stays put."""
        if what in self._places:
            return []
        limits = realm.limits
        whole = self._whole.setdefault(realm.name, (realm.name, None))
        places: tuple[Place, ...] = (whole,)
        bounds: tuple[int, ...] = (limits.lingering,)
        if realm.side is Side.ACCESS:
            places, bounds = ((realm.name, source), whole), (limits.lingering_per_source, *bounds)
        self._places[what] = places
        gone: list[T] = []
        for place, most in zip(places, bounds, strict=True):
            there = self._at.get(place)
            if there is None:
                self._at[place] = what
                oldest, count = what, 1
            else:
                if not isinstance(there, OrderedDict):
                    there = self._at[place] = OrderedDict.fromkeys((there,))
                there[what] = None
                oldest, count = next(iter(there)), len(there)
            if count > most and not gone:  # one comes, one goes
                gone.append(oldest)
        return gone

    def drop(self, what: T) -> bool:
        """The twin of `add`; whether it was here."""
        places = self._places.pop(what, ())
        for place in places:
            there = self._at[place]
            if isinstance(there, OrderedDict):
                there.pop(what, None)
            if not isinstance(there, OrderedDict) or not there:
                del self._at[place]
        return bool(places)

    def count(self, realm: str) -> int:
        """How many there are in a realm."""
        there = self._at.get((realm, None), _NOBODY)
        return len(there) if isinstance(there, OrderedDict) else 1

    def at(self, realm: str, source: Address) -> list[T]:
        """What has ended of a source in an access realm, as it was when that ended."""
        there = self._at.get((realm, source), _NOBODY)
        return list(there) if isinstance(there, OrderedDict) else [there]

    def all(self) -> set[T]:
        """Everything that is here; for the auditor."""
        return set(self._places)
