"""How urgent the sender of a request says that it is: Resource-Priority (RFC 4412)."""

from __future__ import annotations

from collections.abc import Collection

_NAMED = {
    b"dsn": (b"routine", b"priority", b"immediate", b"flash", b"flash-override"),
    b"drsn": (b"routine", b"priority", b"immediate", b"flash", b"flash-override", b"flash-override-override"),
}
"""The namespaces of RFC 4412 section 12.2 and 12.3 whose priorities have names, least first; of the others (q735, ets,
wps, and those of RFC 7135 and RFC 5478 that are written so) 4 is the least and 0 the most."""
_LEAST = 4


def urgency(value: bytes, spaces: Collection[bytes] | None = None) -> int:
    """The highest of the priorities in a header value, from 1 for the least of its namespace up; 0 where none is known
    (RFC 4412 section 4.6.2: an unknown one is as if it did not stand there), or is of one of the `spaces`."""
    said = (each.strip().lower() for each in value[:256].split(b","))
    return max((_one(each) for each in said if spaces is None or each.partition(b".")[0] in spaces), default=0)


def _one(value: bytes) -> int:
    space, dot, priority = value.partition(b".")
    if not space or not dot:
        return 0
    if space in _NAMED:
        return 1 + _NAMED[space].index(priority) if priority in _NAMED[space] else 0
    if len(priority) == 1 and b"0" <= priority <= b"4":
        return 1 + _LEAST - int(priority)
    return 0
