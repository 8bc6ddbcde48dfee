"""Changes of octets whose lengths are counted around them: the patches are put in, and every length mended, from the
inside out."""

from __future__ import annotations

from typing import NamedTuple

import attrs

from sbc.core.message import BadMessage
from sbc.h323.walk import Frame
from sbc.text.edits import Edits


class Counted(NamedTuple):
    """A length outside PER: where it stands, how many octets it has, where what it counts begins and ends, and whether
    it counts itself and what is before it too. `around` is the next one."""

    around: Counted | None
    at: int
    size: int
    start: int
    end: int
    more: int = 0


AnyFrame = Frame | Counted


class Patch(NamedTuple):
    """What takes the place of the octets `start` to `end`. Of the first, `keep` bits stay as they are; with `tail` it
    is one octet for one, and so many bits at its end stay too. (What is beside may be written by another patch.)"""

    start: int
    end: int
    new: bytes
    keep: int = 0
    tail: int = 0


def joined(at: int, end: int, value: int, bits: int, tail: bytes) -> Patch:
    """From bit `at` on `bits` of `value`, then from the next boundary on `tail`, up to the octet `end`."""
    used = at & 7
    size = (used + bits + 7) >> 3
    return Patch(at >> 3, end, (value << (8 * size - used - bits)).to_bytes(size, "big") + tail, used)


class NotInPlace(ValueError):
    """What is to be written is sound, but what follows it would not be aligned as it is."""


@attrs.define(eq=False)
class Splice:
    """Patches on octets, each with the innermost frame it is in. All offsets are those of the original octets."""

    _patches: dict[tuple[int, int], tuple[bytes, int, AnyFrame | None]] = attrs.field(factory=dict)
    _bits: dict[int, tuple[int, int]] = attrs.field(factory=dict)  # by octet: which bits stay, and what the others are

    def __bool__(self) -> bool:
        return bool(self._patches or self._bits)

    def put(self, patch: Patch, frame: AnyFrame | None) -> None:
        """Carry out a patch; the same place again counts for good."""
        if patch.tail:
            mine = (0xFF >> patch.keep) & (0xFF << patch.tail) & 0xFF
            self._set(patch.start, mine, patch.new[0])
        else:
            self._patches[patch.start, patch.end] = (patch.new, patch.keep, frame)

    def replace(self, start: int, end: int, new: bytes, frame: AnyFrame | None) -> None:
        """Put `new` where ``[start:end]`` was."""
        self.put(Patch(start, end, new), frame)

    def forget(self, start: int, end: int) -> None:
        """Undo what was put inside ``[start:end]``."""
        for each in [span for span in self._patches if start <= span[0] and span[1] <= end]:
            del self._patches[each]

    def clear(self, bit: int) -> None:
        """Make a bit 0."""
        self._set(bit >> 3, 0x80 >> (bit & 7), 0)

    def _set(self, at: int, mine: int, value: int) -> None:
        stays, others = self._bits.get(at, (0xFF, 0))
        self._bits[at] = stays & ~mine, others & ~mine | value & mine

    def resizes(self) -> bool:
        """Whether anything becomes longer or shorter."""
        return any(len(new) != end - start for (start, end), (new, _, _) in self._patches.items())

    def apply(self, data: bytes) -> bytes:
        """The patched octets. @raises BadMessage where a length cannot be said."""
        if not self:
            return data
        changed = bytearray(data)
        for at, (stays, others) in self._bits.items():
            changed[at] = changed[at] & stays | others
        edits = Edits() if self.resizes() else None
        for (start, end), (new, keep, _) in self._patches.items():
            mine = 0xFF >> keep
            octets = bytes((changed[start] & ~mine | new[0] & mine,)) + new[1:] if keep else new
            if edits is None:
                changed[start:end] = octets
            else:
                edits.replace(start, end, octets)
        if edits is None:
            return bytes(changed)
        self._mend(data, edits)
        return edits.apply(bytes(changed))

    def _mend(self, data: bytes, edits: Edits) -> None:
        """Put in the lengths of whatever has become longer or shorter."""
        grown: dict[AnyFrame, int] = {}
        for (start, end), (new, _, frame) in self._patches.items():
            if frame is not None and len(new) != end - start:
                grown[frame] = grown.get(frame, 0) + len(new) - (end - start)
        # the deepest first: what a longer length adds is told to the frame around it
        waiting = sorted((-_depth(frame), index, frame) for index, frame in enumerate(_chain(grown)))
        for _, _, frame in waiting:
            growth = grown.get(frame, 0)
            around = frame[0]
            if growth:
                at, size, new = _mended(frame, growth)
                if data[at : at + size] != new:
                    edits.replace(at, at + size, new)
                growth += len(new) - size
                if around is not None:
                    grown[around] = grown.get(around, 0) + growth


def _chain(frames: dict[AnyFrame, int]) -> list[AnyFrame]:
    """The frames and all around them, each once."""
    found: dict[int, AnyFrame] = {}
    for frame in frames:
        each: AnyFrame | None = frame
        while each is not None and each[1] not in found:
            found[each[1]] = each
            each = each[0]
    return list(found.values())


def _depth(frame: AnyFrame) -> int:
    depth = 0
    around: AnyFrame | None = frame
    while around is not None:
        depth, around = depth + 1, around[0]
    return depth


def _mended(frame: AnyFrame, growth: int) -> tuple[int, int, bytes]:
    """Where a length stands, how many octets it has, and what it is to be."""
    if isinstance(frame, Counted):
        count = frame.end - frame.start + frame.more + growth
        if count >= 1 << (8 * frame.size):
            raise BadMessage("message too long")
        return frame.at, frame.size, count.to_bytes(frame.size, "big")
    _, at, start, end = frame
    count = end - start + growth
    if count < 0x80:
        return at, start - at, bytes((count,))
    if count < 0x4000:
        return at, start - at, (0x8000 | count).to_bytes(2, "big")
    raise BadMessage("element too long")


__all__ = ["AnyFrame", "Counted", "NotInPlace", "Patch", "Splice", "joined"]
