"""What live calls have carried until now, by terminal, realm or kind of media, as the console shows it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import attrs

from sbc.core import account
from sbc.core.call import Call, CallState, Stream
from sbc.ledger.usage import Count, Flow, medium
from sbc.ledger.volume import header_of
from sbc.media.counters import SideCounters, Volume

LIVE = ("terminal", "realm", "media")
"""What it may be summed up by."""

View = dict[str, Any]


@attrs.define
class _Line:
    calls: set[str] = attrs.field(factory=set)
    flow: Flow = attrs.field(factory=Flow)


def usage_view(calls: Iterable[Call], engine: Any, by: str, find: str = "", realm: str = "") -> list[View]:
    """A row for each terminal, realm or kind of media: how many live calls, what came from terminals (`in`) and went to
    them (`out`), the greatest first. `find` is a part of a terminal's user, `realm` an access realm."""
    lines: dict[tuple[str, str], _Line] = {}
    for call in calls:
        whose = account.terminal(call)
        here, user = whose["realm"], whose["user"]
        if call.state is CallState.CLOSED or (realm and here != realm) or find.casefold() not in user.casefold():
            continue
        for key, flow in _flows(call, engine, by, user):
            line = lines.setdefault((here, key), _Line())
            line.calls.add(call.id)
            line.flow = line.flow.plus(flow)
    rows = [_row(*key, line) for key, line in lines.items()]
    return sorted(rows, key=lambda row: (-row["in"]["ip_octets"] - row["out"]["ip_octets"], row["key"]))


def _flows(call: Call, engine: Any, by: str, user: str) -> Iterator[tuple[str, Flow]]:
    """What each stream of a call has carried, and under which key that counts."""
    near = call.leg_in(call.path.access)
    for stream in call.streams.values():
        try:
            side = engine.counters(stream.id).sides[near]
        except KeyError:  # not open: there is nothing to count
            continue
        key = {"terminal": user, "realm": "", "media": medium(_kind(stream))}[by]
        yield key, flow_of(side, header_of(stream.ours[near].rtp.host))


def _kind(stream: Stream) -> str:
    said = next(filter(None, stream.media), "")
    return said.partition(" ")[0] or stream.kind


def flow_of(side: SideCounters, header: int) -> Flow:
    """What a terminal's side has received and sent; `header` octets stand before each payload."""
    return Flow(_count(side.received, header), _count(side.sent, header))


def _count(volume: Volume, header: int) -> Count:
    return Count(volume.packets, volume.octets, volume.octets + header * volume.packets)


def _row(realm: str, key: str, line: _Line) -> View:
    into, out = line.flow
    return {"realm": realm, "key": key, "calls": len(line.calls), "in": into._asdict(), "out": out._asdict()}
