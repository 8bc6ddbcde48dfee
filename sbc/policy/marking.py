"""How packets are marked for the networks they go to: DSCP and 802.1p, by what they are and whose call they are of."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import attrs

from sbc.core.orders import OWN, UNSET
from sbc.core.word import Word

NAMES = {
    "df": 0,
    "le": 1,  # RFC 8622
    **{f"cs{n}": 8 * n for n in range(8)},  # RFC 2474
    **{f"af{n}{drop}": 8 * n + 2 * drop for n in (1, 2, 3, 4) for drop in (1, 2, 3)},  # RFC 2597
    "va": 44,  # RFC 5865
    "ef": 46,  # RFC 3246
}
"""DSCPs by their names."""
_WORDS = {dscp: name for name, dscp in reversed(NAMES.items())}
CODES = 64


class Mark(NamedTuple):
    """A DSCP, and the priority of the frame (SO_PRIORITY, which a VLAN's device makes 802.1p's of), 0 to 7; UNSET: what
    the system makes of it."""

    dscp: int = 0
    priority: int = UNSET

    def __str__(self) -> str:
        return word(self.dscp) + (f"/{self.priority}" if self.priority != UNSET else "")


UNMARKED = Mark()


def word(dscp: int) -> str:
    """The name of a DSCP, or its number."""
    return _WORDS.get(dscp, str(dscp))


class Urgency(IntEnum):
    """Whose turn it is before whose."""

    NORMAL = 0
    PRIORITY = 1  # its sender says so, who is believed (RFC 4412)
    EMERGENCY = 2  # somebody calls for help


class Medium(Word):
    """What flows on a stream."""

    AUDIO = "audio"
    VIDEO = "video"
    FAX = "fax"


class Incoming(Word):
    """What becomes of the DSCP that packets of a realm's peers arrive with, when they go on into another."""

    BLEACH = "bleach"  # it is forgotten: they get that of where they go to
    KEEP = "keep"  # peers are trusted to mark
    MAP = "map"  # they are, in their own words


def passed(table: bytes) -> Incoming:
    """What a table of what becomes of each DSCP (`Marks.table`, `SideSpec.incoming`) amounts to."""
    if not table:
        return Incoming.BLEACH
    return Incoming.KEEP if table == bytes(range(CODES)) else Incoming.MAP


class Mapped(NamedTuple):
    """One DSCP as peers mean it, and as it is said elsewhere."""

    here: int
    there: int

    def __str__(self) -> str:
        return f"{word(self.here)}={word(self.there)}"


@attrs.frozen
class Classes:
    """The marks of what is sent into a realm; None: as said of what is more general. `media` is said of all three."""

    signalling: Mark | None = None
    media: Mark | None = None
    audio: Mark | None = None
    video: Mark | None = None
    fax: Mark | None = None

    def of_media(self, medium: Medium) -> Mark | None:
        """Its mark, if anything is said of it."""
        own: Mark | None = getattr(self, medium.value)
        return self.media if own is None else own


@attrs.frozen
class Marks(Classes):
    """The same, and what is said otherwise of calls with priority, and of those for help, which are as urgent at
    least. `incoming` is what becomes of marks that peers there have set; `map` those that mean something."""

    priority: Classes = Classes()
    emergency: Classes = Classes()
    incoming: Incoming = Incoming.BLEACH
    map: tuple[Mapped, ...] = ()
    table: bytes = attrs.field(init=False, eq=False, repr=False)
    """What becomes of each of the 64 that may arrive, one octet each (OWN); empty where they are forgotten."""

    differs: bool = attrs.field(init=False, eq=False, repr=False)
    """Whether signalling of some calls is marked otherwise than the rest."""

    @table.default
    def _of_all(self) -> bytes:
        if self.incoming is Incoming.BLEACH:
            return b""
        if self.incoming is Incoming.KEEP:
            return bytes(range(CODES))
        known = dict(self.map)
        return bytes(known.get(dscp, OWN) for dscp in range(CODES))

    @differs.default
    def _by_urgency(self) -> bool:
        plain = self.signalling_of(Urgency.NORMAL)
        return any(self.signalling_of(urgency) != plain for urgency in Urgency)

    @property
    def priorities(self) -> frozenset[int]:
        """The priorities of frames that any of it asks for."""
        said = (
            mark
            for of in (self, self.priority, self.emergency)
            for mark in (of.signalling, of.media, of.audio, of.video, of.fax)
        )
        return frozenset(mark.priority for mark in said if mark is not None and mark.priority != UNSET)

    def signalling_of(self, urgency: Urgency) -> Mark:
        """What messages of such calls are marked with."""
        said = (each.signalling for each in self._said(urgency))
        return next((mark for mark in said if mark is not None), UNMARKED)

    def media_of(self, urgency: Urgency, medium: Medium) -> Mark:
        """What packets of such streams are marked with."""
        said = (each.of_media(medium) for each in self._said(urgency))
        return next((mark for mark in said if mark is not None), UNMARKED)

    def _said(self, urgency: Urgency) -> tuple[Classes, ...]:
        """What may be said of it, the most particular first."""
        return (self.emergency, self.priority, self)[Urgency.EMERGENCY - urgency :]
