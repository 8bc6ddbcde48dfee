"""What flows on a stream, by the names both peers have signalled: the formats agreed upon, and their clock."""

from __future__ import annotations

from functools import lru_cache

MAX_CLOCK = 1_000_000
"""Hz; what is said to be faster is taken for not known."""

_BESIDE = frozenset({"telephone-event", "tone", "cn", "red", "rtx", "ulpfec", "parityfec", "flexfec", "mr-red"})
"""Formats that go along with another, whose clock they share or should (RFC 4733 section 2.1, RFC 3389, RFC 2198)."""


def agreed(media: tuple[str, str]) -> list[str]:
    """The formats both sides have signalled, in the order of the answer: that is, of whoever named fewer.

    `media` is what each has signalled, kind and formats (SideSpec.media): ``audio PCMU/8000 telephone-event/8000``.
    """
    first, second = media[0].split(" ")[1:], media[1].split(" ")[1:]
    if not first or not second:
        return first or second
    shorter, longer = (first, second) if len(first) < len(second) else (second, first)
    return [each for each in shorter if each in longer]


def foremost(media: tuple[str, str]) -> str:
    """The format that most packets are of, as far as signalling tells: the first of those agreed upon that is no
    companion of another. Empty where there is none."""
    return foremost_of(agreed(media))


def foremost_of(formats: list[str]) -> str:
    """The same of formats that were agreed upon."""
    return next((each for each in formats if _name(each) not in _BESIDE), "")


@lru_cache(maxsize=1024)
def clock(media: tuple[str, str]) -> int:
    """The rate (Hz) of the RTP timestamps of that format; 0 where nobody has said it."""
    rate = foremost(media).split("/")[1:2]
    if not rate or not rate[0].isascii() or not rate[0].isdigit() or len(rate[0]) > len(str(MAX_CLOCK)):
        return 0
    return int(rate[0]) if int(rate[0]) <= MAX_CLOCK else 0


def _name(coded: str) -> str:
    return coded.partition("/")[0].casefold()
