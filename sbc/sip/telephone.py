"""Number rules of a path: prefixes of telephone numbers taken off and put on, alike for a whole dialogue."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import attrs

from sbc.core.call import Call
from sbc.core.crossing import Crossing
from sbc.core.message import BadMessage, Kind
from sbc.sip.codec import Header, SipMessage, decode
from sbc.sip.describe import request_uri
from sbc.sip.headers import name_addrs
from sbc.sip.uri import Uri

NUMBERED = (
    "request-uri", "to", "from", "p-asserted-identity", "p-preferred-identity", "remote-party-id", "diversion"
)  # fmt: skip
"""Where numbers may be changed."""
_PARTIES = ("from", "to")
_NUMBER = re.compile(rb"\+?[-0-9*.()]+")

Renamed = tuple[tuple[bytes, bytes], tuple[bytes, bytes]]
"""What From and To of a call's opening request named as number, and as what they were sent."""


@attrs.frozen
class NumberRule:
    """In these places a number that begins with `strip` loses that and begins with `add` instead."""

    places: frozenset[str]
    strip: bytes
    add: bytes


def renumber(rules: Sequence[NumberRule], crossing: Crossing, data: bytes) -> bytes:
    """The message `data`, which has crossed, with the numbers that these rules, or the dialogue it is in, want.

    Of each place the first rule that fits counts. From and To of a dialogue are changed by its first request alone;
    what is sent within it, by whichever party, names the parties as they were named there (RFC 3261 section 12.2.1.1).
    """
    try:
        message = decode(data)
    except BadMessage:
        return data
    for start, end, number in _changes(rules, message, crossing):
        message.edits.replace(start, end, number)
    return message.edits.apply(data)


def is_needed(rules: Sequence[NumberRule], crossing: Crossing) -> bool:
    """Whether `renumber` has anything to look for."""
    if crossing.exchange.intent.kind is Kind.BIND:
        return False  # whom it is about is the registrar's to know
    return bool(rules) or (crossing.call is not None and crossing.call.memo is not None)


def _changes(rules: Sequence[NumberRule], message: SipMessage, crossing: Crossing) -> Iterator[tuple[int, int, bytes]]:
    for name in NUMBERED:
        for uri in _uris(name, message, crossing):
            start, end = _user_span(uri)
            number = message.data[start:end]
            if name not in _PARTIES:
                changed = _changed(rules, name, number)
            elif crossing.reply:
                continue  # it gets back what it had asked with
            elif crossing.intent.within:
                changed = _known_as(name, number, crossing)
            else:
                changed = _changed(rules, name, number)
                _remember(crossing.call, name, number, changed)
            if changed != number:
                yield start, end, changed


def _uris(name: str, message: SipMessage, crossing: Crossing) -> list[Uri]:
    if name != "request-uri":
        return [uri for header in message.all(name) for uri in _readable(message, header)]
    resolved = crossing.target is not None and crossing.target.name
    return [] if crossing.reply or crossing.intent.within or resolved else [request_uri(message)]


def _readable(message: SipMessage, header: Header) -> list[Uri]:
    try:
        return [value.uri for value in name_addrs(message, header) if not value.star]
    except BadMessage:
        return []


def _user_span(uri: Uri) -> tuple[int, int]:
    """Where the number stands, without parameters of the user (RFC 3261 section 19.1.6)."""
    if uri.scheme == "tel":
        start, end = uri.start + len("tel:"), uri.params_start
    else:
        start, end = (uri.user_start, uri.user_end) if uri.user_start >= 0 else (uri.start, uri.start)
    mark = uri.data.find(b";", start, end)
    return start, end if mark < 0 else mark


def _changed(rules: Sequence[NumberRule], place: str, number: bytes) -> bytes:
    """`number` by the first rule that fits; what is no telephone number stays."""
    if _NUMBER.fullmatch(number) is None:
        return number
    for rule in rules:
        if place in rule.places and number.startswith(rule.strip):
            return rule.add + number[len(rule.strip) :] or number
    return number


def _remember(call: Call | None, name: str, before: bytes, after: bytes) -> None:
    if call is None:
        return
    known: Renamed = call.memo or ((b"", b""), (b"", b""))
    if (before, after) == known[_PARTIES.index(name)] or (before == after and call.memo is None):
        return
    pair = (before, after)
    call.memo = (pair, known[1]) if name == "from" else (known[0], pair)


def _known_as(name: str, number: bytes, crossing: Crossing) -> bytes:
    """What a party is called where the message goes: the opener's From is the To of what comes to it."""
    call = crossing.call
    if call is None or call.memo is None:
        return number
    renamed: Renamed = call.memo
    onward = crossing.from_leg == 0
    before, after = renamed[_PARTIES.index(name) if onward else 1 - _PARTIES.index(name)]
    if onward:
        return after if number == before else number
    return before if number == after else number
