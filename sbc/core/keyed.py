"""What the media engine tells of how streams are secured: keys of handshakes, and rollover counters."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from sbc.core.call import Call, Stream
from sbc.core.registry import Registry
from sbc.core.secured import Key, SideSecurity

SKIPPED = 1 << 16
"""Packets of RTCP that a side may have sent on one stream since its counters were told last."""
DOUBT = 1 << 13
"""Packets of RTP that may pass before the counters are kept anew."""
MOST_RTCP = (1 << 31) - 1

Rows = tuple[tuple[int, ...], ...]
"""See SideSecurity.rollover."""


def secured(registry: Registry, stream_id: str, side: int, receive: Key, send: Key) -> None:
    """A handshake with the peer of a side has agreed on keys: the call is kept with them. The engine has them."""
    call, stream = find(registry, stream_id)
    if call is None or stream is None or stream.wards is None:
        return
    force = stream.wards[side].force
    if force is not None and force.dtls is not None:
        _put(stream, side, attrs.evolve(force, receive=receive, send=send, rollover=()))
        registry.touch(call)


def rolled(registry: Registry, stream_id: str, rows: tuple[Rows, Rows]) -> None:
    """The engine's counters of both sides of a stream have come so far: the call is kept with them."""
    call, stream = find(registry, stream_id)
    if call is None or stream is None or stream.wards is None:
        return
    for side, counted in enumerate(rows):
        force = stream.wards[side].force
        if force is not None and force.keyed and force.rollover != counted:
            _put(stream, side, attrs.evolve(force, rollover=counted))
            registry.touch(call)


def has_moved(stream: Stream, rows: tuple[Rows, Rows]) -> bool:
    """Whether what the engine has counted is so far from what is kept of it that it is to be kept anew: a new source,
    or enough packets for who goes on with the old count to come in doubt (RFC 3711 section 3.3.1)."""
    for ward, counted in zip(stream.wards or (), rows, strict=False):
        if ward.force is not None and ward.force.keyed:
            kept = {row[:2]: row[2] for row in ward.force.rollover}
            if any(row[:2] not in kept or abs(row[2] - kept[row[:2]]) >= DOUBT for row in counted):
                return True
    return False


def beyond(security: SideSecurity | None) -> SideSecurity | None:
    """How a side is secured that is opened again: what has been sent since its counters were last told is not known,
    and no number of RTCP may be used twice (RFC 3711 section 9.1). RTP goes on by the sender's own numbers."""
    if security is None or not security.rollover:
        return security
    rows = ((*row[:-1], min(row[-1] + SKIPPED, MOST_RTCP)) if row[0] else row for row in security.rollover)
    return attrs.evolve(security, rollover=tuple(rows))


def find(registry: Registry, stream_id: str) -> tuple[Call | None, Stream | None]:
    """A live stream and its call, by the stream's id."""
    call = registry.calls.get(stream_id.partition("/")[0])
    streams = call.streams.values() if call is not None else ()
    return call, next((stream for stream in streams if stream.id == stream_id), None)


def forces(call: Call) -> Iterator[tuple[Stream, int, SideSecurity]]:
    """The sides of a call's streams that are secured, and how the engine has each."""
    for stream in call.streams.values():
        for side, ward in enumerate(stream.wards or ()):
            if ward.force is not None:
                yield stream, side, ward.force


def _put(stream: Stream, side: int, force: SideSecurity) -> None:
    """Have that in force at a side, as the engine has it already."""
    assert stream.wards is not None
    first, second = (attrs.evolve(ward, force=force) if at == side else ward for at, ward in enumerate(stream.wards))
    stream.wards = first, second
    stream.secured[side] = force
