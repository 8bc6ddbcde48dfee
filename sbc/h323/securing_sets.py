"""What a capability set says of secured media (H.235.8 clause 5.1): entries that mean others, which then are secured.

What its sender can is true of its own side alone. The other side is told what the SBC can there: nothing where media is
plain; else one entry more for each of voice and video, in place of it or beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

import attrs

from sbc.core.secured import MediaSecurity
from sbc.h323 import srtp
from sbc.h323.capabilities import CAPABILITY, MEANS, NUMBER, TABLE, is_set, kind_of, regrouped, said, stays
from sbc.h323.codec import Message
from sbc.h323.pdu import Pdu

MOST = 256
"""Entries of a table (H.245)."""
MOST_READ = 16
"""Capabilities of SRTP in a table that are read, of those that differ."""
_SECURITY = "h235SecurityCapability"
_LAST = 65_535


@attrs.frozen
class Able:
    """What a side is told: what is spoken there, and by which suites of H.235.8; none where keys are not said there."""

    mode: MediaSecurity
    suites: tuple[str, ...]


def suites_of(value: dict[str, Any]) -> tuple[str, ...]:
    """The suites that a set names, each once, in order. Most sets say the same of each codec, which is read once."""
    entries = (said(entry) for entry in value.get(TABLE, ()))
    capabilities = dict.fromkeys(srtp.capability_in(held) for name, held in entries if name == _SECURITY)
    return tuple(dict.fromkeys(suite for each in islice(capabilities, MOST_READ) for suite in srtp.suites(each)))


def rewrite(message: Message, pdu: Pdu, able: Able) -> None:
    """Write a capability set anew. Where that would lose something it stays as it is, and what is opened by that is
    refused later."""
    if not is_set(pdu):
        return
    value = told(pdu.value, able)
    if value == pdu.value:
        return
    try:
        message.put_value(pdu, value)
    except ValueError as error:
        stays(message, pdu, error)


def told(value: dict[str, Any], able: Able) -> dict[str, Any]:
    """A capability set as the other side is told it."""
    table = value[TABLE]
    means = {entry[NUMBER]: held[MEANS] for entry in table for name, held in (said(entry),) if name == _SECURITY}
    left = [entry for entry in table if entry[NUMBER] not in means]
    known = {entry[NUMBER] for entry in left}
    numbers: dict[int, tuple[int, ...]] = {
        secured: (plain,) if plain in known else () for secured, plain in means.items()
    }
    secures = able.mode in (MediaSecurity.SDES, MediaSecurity.OPTIONAL) and able.suites
    added: list[dict[str, Any]] = []
    if secures:
        free = iter(_free({entry[NUMBER] for entry in table}, MOST - len(left)))
        for plain in (entry[NUMBER] for entry in left if kind_of(entry)):
            number = next(free, None)
            if number is None:
                break
            added.append({NUMBER: number, CAPABILITY: (_SECURITY, _security(plain, able.suites))})
            numbers[plain] = (number,) if able.mode is MediaSecurity.SDES else (number, plain)
        numbers |= {secured: numbers.get(plain, (plain,)) for secured, plain in means.items() if plain in known}
    if not means and not added:
        return value
    return regrouped({**value, TABLE: [*left, *added]}, lambda group: _in_place(group, numbers))


def _free(used: set[int], most: int) -> list[int]:
    """Numbers that no entry has, after the highest first."""
    after = [*range(max(used, default=0) + 1, _LAST + 1)][:most]
    return after if len(after) == most else [each for each in range(1, _LAST + 1) if each not in used][:most]


def _security(plain: int, suites: Sequence[str]) -> dict[str, Any]:
    return {**srtp.secured_by(suites), MEANS: plain}


def _in_place(group: Sequence[int], numbers: dict[int, tuple[int, ...]]) -> list[int]:
    """What is told in place of entries that may stand together, each once; of some nothing is."""
    return list(dict.fromkeys(number for one in group for number in numbers.get(one, (one,))))
