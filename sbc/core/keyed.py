"""What the media engine tells of how streams are secured: keys of handshakes, and rollover counters."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from sbc.core.call import Call, Stream
from sbc.core.registry import Registry
from sbc.core.secured import Fingerprint, Key, OwnRtcp, SideSecurity, going_on, of_keys
from sbc.core.securing import Wards

MARGIN = 1 << 20
"""Numbers of RTCP that are passed over where it is not known how many were sent (see `beyond`)."""
DOUBT = 1 << 13
"""Packets, of RTP or of RTCP, that may pass before the counters are kept anew."""
MOST_RTCP = (1 << 31) - 1

Rows = tuple[tuple[int, ...], ...]
"""See SideSecurity.rollover."""


def secured(
    registry: Registry,
    stream_id: str,
    side: int,
    receive: Key,
    send: Key,
    fingerprints: tuple[Fingerprint, ...],
    rtcp: bool = False,
) -> None:
    """A handshake with the peer of a side has agreed on keys, and its certificate has one of `fingerprints`: the call
    is kept with them, unless another certificate is in force meanwhile. The engine has them, and uses them until that
    has shaken hands; but who takes the call up is to expect its handshake, and not to believe who was there before.
    `rtcp`: it was made at the port of RTCP, which has keys of its own."""
    call, stream = find(registry, stream_id)
    if call is None or stream is None or stream.wards is None:
        return
    force = stream.wards[side].force
    if force is not None and force.dtls is not None and force.dtls.fingerprints == fingerprints:
        if not rtcp:
            fresh = attrs.evolve(force, receive=receive, send=send, rollover=())
        elif force.rtcp is not None:
            fresh = attrs.evolve(force, rtcp=OwnRtcp(receive, send), rollover=())
        else:
            return
        _put(stream, side, going_on(fresh, force))
        registry.touch(call)


def transport(call: Call, stream: Stream, side: int) -> SideSecurity | None:
    """How that is secured by which media of a side goes: the side's own, or that of another stream (see Bundled)."""
    force = None if stream.wards is None else stream.wards[side].force
    if force is None or force.bundled is None or not force.bundled.carrier:
        return force
    carrier = next((each for each in call.streams.values() if each.id == force.bundled.carrier), None)
    return force if carrier is None or carrier.wards is None else carrier.wards[side].force


def passes(call: Call, stream: Stream, side: int) -> bool:
    """Whether media of a side can pass, as far as keys go."""
    force = transport(call, stream, side)
    return force is None or force.keyed


def rolled(registry: Registry, stream_id: str, rows: tuple[Rows, Rows]) -> None:
    """The engine's counters of both sides of a stream have come so far: the call is kept with them, as far as they are
    of keys that it has."""
    call, stream = find(registry, stream_id)
    if call is None or stream is None or stream.wards is None:
        return
    for side, counted in enumerate(rows):
        force = stream.wards[side].force
        known = () if force is None else of_keys(force, counted)
        if force is not None and known and force.rollover != known:
            _put(stream, side, attrs.evolve(force, rollover=known))
            registry.touch(call)


def has_moved(stream: Stream, rows: tuple[Rows, Rows]) -> bool:
    """Whether what the engine has counted is so far from what is kept of it that it is to be kept anew: a new source,
    or enough packets for who goes on with the old count to come in doubt (RFC 3711 section 3.3.1)."""
    for ward, counted in zip(stream.wards or (), rows, strict=False):
        if ward.force is not None:
            kept = {row[:2]: row[2:] for row in ward.force.rollover}
            known = of_keys(ward.force, counted)
            if any(row[:2] not in kept or _are_apart(row[2:], kept[row[:2]]) for row in known):
                return True
    return False


def _are_apart(counted: tuple[int, ...], kept: tuple[int, ...]) -> bool:
    return any(abs(one - other) >= DOUBT for one, other in zip(counted, kept, strict=True))


def beyond(security: SideSecurity, runs: int = 1) -> SideSecurity:
    """How a side is secured that is opened again with the keys it had, `runs` processes after the one that kept it.

    Two packets of one number under one key give each other away, and with GCM the key of all tags, too (RFC 3711
    section 9.1, RFC 7714 section 10.1). The counters were told at intervals, so what was sent since is not known:

    *RTCP* bears its number in the packet, and a receiver takes any higher one. So what is sent begins MARGIN behind
    what was told, and a source of which nothing was told, since it had come only then, MARGIN behind nothing. Of each
    run so many are passed over: a process that is killed before it has told anything has kept nothing, and the next
    counts it by `runs`. It holds as long as a source sends less than MARGIN in the time that a run tells nothing, a few
    seconds: 100,000 a second for ten seconds. Where the numbers end, none is sent.

    *RTP* has no number of its own but the sender's sequence number and how often that has begun anew, which a receiver
    guesses. Nothing can be passed over, and nothing must be: a sender goes on with its own sequence. How often it has
    begun anew is known where it was told, for 32,768 packets (see DOUBT). A source is told of as soon as it comes
    (IMediaObserver.used) and is kept some hundredths of a second later. One that was not has not begun anew, unless it
    came with the last few numbers before that: then it goes on as if it had not, its receiver takes nothing of it, and
    numbers come twice after 65,000 packets. To rule that out its first packets would have to wait for the disk.
    """
    passed = runs * MARGIN
    rows = ((*row[:-1], min(max(row[-1], 0) + passed, MOST_RTCP)) if row[0] % 2 else row for row in security.rollover)
    return attrs.evolve(security, rollover=tuple(rows), begins=min(max(security.begins, 0) + passed, MOST_RTCP))


def reopen(stream: Stream, runs: int = 1) -> None:
    """A stream is to be opened again that was open before: see `beyond`. It is kept so, too: the next time it counts
    from there. So does what may come in force again: of each who has answered and is not the one."""
    for side, ward in enumerate(stream.wards or ()):
        if ward.force is not None:
            _put(stream, side, beyond(ward.force, runs))
    for party, said in stream.early.items():
        stream.early[party] = attrs.evolve(said, wards=passed_over(said.wards, runs))


def passed_over(wards: Wards | None, runs: int) -> Wards | None:
    """The wards of before a restart, as they may come in force again after it: see `beyond`."""
    if wards is None:
        return None
    first, second = (
        ward if ward.force is None else attrs.evolve(ward, force=beyond(ward.force, runs)) for ward in wards
    )
    return first, second


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
