"""What a record says of the use that one terminal has made of the SBC: the account that is charged for.

A call has one end in an access realm, whose terminal it is charged to; a record of joined calls has one for each part.
*In* is what came from the terminal, *out* what went to it: RTP and RTCP together, by the kind of media.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import attrs

from sbc.ledger.volume import KINDS, Plain, header_of
from sbc.media.codecs import foremost_of

MEDIA = ("audio", "video", "fax", "other")
"""The kinds of media that are told apart."""

_MEDIA = {"audio": "audio", "video": "video", "image": "fax", "t38": "fax", "fax": "fax"}


class Count(NamedTuple):
    """Packets, octets of their UDP payloads, and octets of them as whole IP packets (sbc.ledger.volume)."""

    packets: int = 0
    octets: int = 0
    ip_octets: int = 0

    def plus(self, other: Count) -> Count:
        """Both together."""
        return Count(self.packets + other.packets, self.octets + other.octets, self.ip_octets + other.ip_octets)


class Flow(NamedTuple):
    """What came from a terminal and what went to it."""

    into: Count = Count()
    out: Count = Count()

    def plus(self, other: Flow) -> Flow:
        """Both together."""
        return Flow(self.into.plus(other.into), self.out.plus(other.out))


@attrs.frozen
class Usage:
    """The account of one terminal in one record. `session` names it for good: it is the key of the record that the
    terminal's call had at first. Times are as records write them, `duration` is in seconds from the answer, None
    without one. `media` has those of MEDIA that there were, `codecs` the foremost of each stream that is open or was,
    `turns` is how often anything was agreed upon: it grows when a stream begins, or another codec.
    """

    session: str
    call: str
    record: str
    realm: str
    user: str
    registered: bool
    path: str
    protocol: str
    caller: str
    callee: str
    called: str
    seen: str
    start: str
    answer: str | None
    end: str | None
    known: str
    duration: float | None
    ending: str | None
    ended_by: str | None
    cause: str
    media: dict[str, Flow]
    codecs: tuple[str, ...]
    turns: int = 0

    @property
    def total(self) -> Flow:
        """Of all media."""
        whole = Flow()
        for flow in self.media.values():
            whole = whole.plus(flow)
        return whole


def medium(kind: str) -> str:
    """The kind of media, one of MEDIA, that a record calls `kind`."""
    return _MEDIA.get(kind, "other")


def usages_of(record: Plain) -> list[Usage]:
    """The accounts that a record is made of: one for each call that it is about."""
    parts = record.get("parts") or [record]
    return [_usage(record, part, index == 0) for index, part in enumerate(parts)]


def _usage(record: Plain, part: Plain, first: bool) -> Usage:
    """Of one part; streams that are only summed are the first one's."""
    joined = part is not record
    near = _near(part)
    leg = part["legs"][near]
    streams = [each for each in record["streams"] if not joined or each["stream"].partition("/")[0] == part["id"]]
    media: dict[str, Flow] = {}
    for kind, side in _sides(record, streams, near, first):
        media[kind] = media.get(kind, Flow()).plus(_flow(side, _host(side, leg)))
    terminal = _terminal(part, near)
    return Usage(
        session=part["record"],
        call=part["id"],
        record=record["record"],
        realm=terminal["realm"],
        user=terminal["user"],
        registered=terminal["registered"],
        path=part["path"],
        protocol=record["protocol"],
        caller=part["caller"],
        callee=part["callee"],
        called=part["called"],
        seen=leg["seen"],
        start=part["start"],
        answer=part["answer"],
        end=part["end"],
        known=part["known"],
        duration=part["duration"],
        ending=part["ending"],
        ended_by=part["ended_by"],
        cause=part["cause"],
        media={kind: media[kind] for kind in MEDIA if kind in media},
        codecs=tuple(sorted({found for each in streams if (found := foremost_of(each["codecs"]))})),
        turns=sum(_agreed(each) + len(each.get("changes", ())) for each in streams),
    )


def _agreed(stream: Plain) -> bool:
    return all(side["signalled"] is not None for side in stream["sides"])


def _near(part: Plain) -> int:
    """Which of the legs, and of the sides of each stream, is the terminal's."""
    if "gateway" in part:
        return int(part["gateway"])
    realm = part.get("terminal", {}).get("realm")
    return next((index for index, leg in enumerate(part["legs"]) if leg["realm"] == realm), 0)


def _terminal(part: Plain, near: int) -> Plain:
    """Whose it is; in a record of before that was told, who it says calls there, or is called."""
    found: Plain | None = part.get("terminal")
    if found is not None:
        return found
    user = part["callee"] if near else part["caller"]
    return {"realm": part["legs"][near]["realm"], "user": user, "registered": False}


def _sides(record: Plain, streams: list[Plain], near: int, first: bool) -> Iterator[tuple[str, Plain]]:
    """The terminal's sides, with the kind of media of each."""
    yield from ((medium(each["kind"]), each["sides"][near]) for each in streams)
    more = record["more_streams"]
    if more is not None and first:
        yield "other", more["sides"][near]


def _host(side: Plain, leg: Plain) -> str:
    """Our host there, to tell the version of IP by."""
    return str(side["assigned"]["rtp"] if "assigned" in side else leg["listener"]).rpartition(":")[0]


def _flow(side: Plain, host: str) -> Flow:
    return Flow(_count(side["received"], host), _count(side["sent"], host))


def _count(way: Plain, host: str) -> Count:
    whole = Count()
    for kind in KINDS:
        volume = way[kind]
        packets, octets = volume["packets"], volume["octets"]
        # records of before these were counted
        whole = whole.plus(Count(packets, octets, volume.get("ip_octets", octets + header_of(host) * packets)))
    return whole
