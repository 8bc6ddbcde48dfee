"""Edits to a text message: spans of its bytes and what takes their place, so that all else stays as it came."""

from __future__ import annotations

from bisect import bisect_left


class Edits:
    """Replacements of spans of one byte string, kept sorted and disjoint.

    All offsets are those of the original bytes, whatever has been edited before. Naming the very same span again
    replaces what was written there. Inserts at one offset keep the order they were made in, and stand before a
    replacement that begins there. Any other overlap is a fault of ours, not of a peer, and raises ValueError.
    """

    __slots__ = ("_spans", "_news")

    def __init__(self) -> None:
        self._spans: list[tuple[int, int, int]] = []  # start, end, order: 0 for a replacement, 1 and up for inserts
        self._news: list[bytes] = []

    def __bool__(self) -> bool:
        return bool(self._spans)

    def __repr__(self) -> str:
        edits = zip(self._spans, self._news, strict=True)
        return f"<Edits {', '.join(f'{start}:{end}={new!r}' for (start, end, _), new in edits)}>"

    def is_free(self, start: int, end: int) -> bool:
        """Whether nothing has been put in place of any of ``data[start:end]``, nor into it."""
        at = bisect_left(self._spans, (start, end, 0))
        before = not at or self._spans[at - 1][1] <= start
        return before and (at == len(self._spans) or self._spans[at][0] >= end)

    def replace(self, start: int, end: int, new: bytes) -> None:
        """Put `new` where ``data[start:end]`` was."""
        if not 0 <= start <= end:
            raise ValueError(f"{start}:{end} is not a span")
        span, spans = (start, end, 0), self._spans
        at = bisect_left(spans, span)
        following = spans[at] if at < len(spans) else None
        if following == span:
            self._news[at] = new
            return
        # sorted and disjoint, so only the two neighbours can be in the way
        if (at and spans[at - 1][1] > start) or (following is not None and following[0] < end):
            raise ValueError(f"{start}:{end} overlaps an earlier edit")
        spans.insert(at, span)
        self._news.insert(at, new)

    def delete(self, start: int, end: int) -> None:
        """Leave ``data[start:end]`` out."""
        self.replace(start, end, b"")

    def drop(self, start: int, end: int) -> None:
        """Leave ``data[start:end]`` out, whatever has been edited in it."""
        self.overwrite(start, end, b"")

    def overwrite(self, start: int, end: int, new: bytes) -> None:
        """Put `new` where ``data[start:end]`` was, whatever has been edited in it."""
        inside = [at for at, span in enumerate(self._spans) if start <= span[0] and span[1] <= end and span[0] < end]
        for at in reversed(inside):
            del self._spans[at], self._news[at]
        self.replace(start, end, new)

    def insert(self, at: int, new: bytes) -> None:
        """Put `new` before the byte at offset `at`, after whatever was inserted there already."""
        if at < 0:
            raise ValueError(f"{at} is not an offset")
        order = bisect_left(self._spans, (at, at + 1, 0))
        earlier = self._spans[order - 1] if order else (-1, -1, 0)
        if earlier[1] > at:
            raise ValueError(f"{at} overlaps an earlier edit")
        self._spans.insert(order, (at, at, earlier[2] + 1 if earlier[:2] == (at, at) else 1))
        self._news.insert(order, new)

    def apply(self, data: bytes) -> bytes:
        """The edited bytes; `data` itself if nothing is edited. Raises ValueError if an edit is beyond its end."""
        if not self._spans:
            return data
        if self._spans[-1][1] > len(data):
            raise ValueError(f"an edit ends at {self._spans[-1][1]}, the data at {len(data)}")
        pieces = []
        done = 0
        for (start, end, _), new in zip(self._spans, self._news, strict=True):
            pieces.append(data[done:start])
            pieces.append(new)
            done = end
        pieces.append(data[done:])
        return b"".join(pieces)

    def between(self, data: bytes, start: int, end: int) -> bytes:
        """What became of ``data[start:end]``, inserts at either edge left out. Raises ValueError where an edit crosses
        an edge."""
        pieces: list[bytes] = []
        done = start
        for (edit_start, edit_end, order), new in zip(self._spans, self._news, strict=True):
            if order and edit_start in (start, end):
                continue
            if start <= edit_start and edit_end <= end:
                pieces += (data[done:edit_start], new)
                done = edit_end
            elif edit_start < end and start < edit_end:
                raise ValueError(f"the edit {edit_start}:{edit_end} crosses an edge of {start}:{end}")
        return b"".join((*pieces, data[done:end]))

    def size_within(self, start: int, end: int) -> int:
        """How many bytes the edits inside ``start:end`` add, inserts at either edge included.

        Negative if they take away. Raises ValueError where an edit crosses an edge.
        """
        added = 0
        for (edit_start, edit_end, _), new in zip(self._spans, self._news, strict=True):
            if start <= edit_start and edit_end <= end:
                added += len(new) - (edit_end - edit_start)
            elif edit_start < end and start < edit_end:
                raise ValueError(f"the edit {edit_start}:{edit_end} crosses an edge of {start}:{end}")
        return added
