"""Patterns of plain text and stars, for what operators match hostile text with: no match takes longer than linear time.

A star takes as little as it can, and a piece of plain text is found once, from left to right; nothing is tried twice.
"""

from __future__ import annotations

import re

import attrs

MOST_STARS = 8
_MARK = re.compile(r"\{([0-9])\}")


@attrs.frozen
class Glob:
    """A pattern: pieces of plain text (lower case) with a star between each two. Letter case does not count."""

    pieces: tuple[bytes, ...]

    @classmethod
    def read(cls, text: str) -> Glob:
        """The pattern that `text` spells. @raises ValueError where it has more than MOST_STARS stars."""
        pieces = tuple(text.encode().lower().split(b"*"))
        if len(pieces) > MOST_STARS + 1:
            raise ValueError(f"has more than {MOST_STARS} stars")
        return cls(pieces)

    @property
    def stars(self) -> int:
        return len(self.pieces) - 1

    def match(self, data: bytes) -> tuple[bytes, ...] | None:
        """What each star stands for where the pattern is the whole of `data`; None where it is not."""
        first, last, lower = self.pieces[0], self.pieces[-1], data.lower()
        if not self.stars:
            return () if lower == first else None
        at, end = len(first), len(lower) - len(last)
        if at > end or not lower.startswith(first) or not lower.endswith(last):
            return None
        found = []
        for piece in self.pieces[1:-1]:
            start = lower.find(piece, at, end)
            if start < 0:
                return None
            found.append(data[at:start])
            at = start + len(piece)
        return (*found, data[at:end])


@attrs.frozen
class Template:
    """Text with marks: ``{0}`` stands for all that was matched, ``{1}`` and so on for what each star stood for."""

    parts: tuple[bytes | int, ...]

    @classmethod
    def read(cls, text: str) -> Template:
        """The template that `text` spells."""
        split = _MARK.split(text)
        return cls(tuple(int(part) if index % 2 else part.encode() for index, part in enumerate(split) if part))

    @property
    def highest(self) -> int:
        """The highest mark, -1 if there is none."""
        return max((part for part in self.parts if isinstance(part, int)), default=-1)

    def fill(self, whole: bytes, stars: tuple[bytes, ...]) -> bytes:
        """The text with what the marks stand for."""
        return b"".join((whole, *stars)[part] if isinstance(part, int) else part for part in self.parts)
