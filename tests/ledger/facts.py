"""Calls as the ledger hears of them: the core's records, streams, volumes; and records as sinks are handed them."""

from __future__ import annotations

from typing import Any

from sbc.config.values import Event
from sbc.core.address import Address, Pair
from sbc.core.orders import Latch, Record, SideSpec, StreamSpec
from sbc.ledger.joined import JoinedRecord
from sbc.ledger.record import CallRecord, Moment
from sbc.ledger.turns import Turn
from sbc.ledger.usage import Usage, usages_of
from sbc.ledger.volume import Plain
from sbc.ledger.writer import Entry
from sbc.media.counters import Drops, Quality, SideCounters, StreamCounters, Volume

START = 1_795_449_600.0  # 2026-11-23T16:00:00Z


def at(seconds: float, step: float = 0.0) -> Moment:
    """The moment so long after START; `step` is by how much the clock has been set meanwhile."""
    return Moment(START + seconds + step, 50.0 + seconds)


def leg(realm: str, **more: Any) -> Plain:
    facts: Plain = {
        "realm": realm,
        "listener": "203.0.113.1:5060",
        "transport": "udp",
        "seen": "203.0.113.11:40001",
        "claimed": "192.168.1.10:5060",
        "behind_nat": True,
        "label": f"label-{realm}",
    }
    return {**facts, **more}


def begun(call: str = "c1", **more: Any) -> Record:
    fields: dict[str, Any] = {
        "at": 1.0,
        "from": "access 203.0.113.11:40001",
        "to": "core 198.51.100.2:5060",
        "path": "main",
        "protocol": "sip",
        "method": "INVITE",
        "caller": "alice@example.com",
        "callee": "bob@example.com",
        "called": "sip:bob@example.com",
        "subscription": False,
        "terminal": {"realm": "access", "user": "alice@example.com", "registered": True},
        "legs": [leg("access"), leg("core", behind_nat=False, claimed=None)],
    }
    return Record(call, "open", {**fields, **more})


def rang(call: str = "c1") -> Record:
    return Record(call, "ring", {"at": 2.0})


def answered(call: str = "c1") -> Record:
    legs = [leg("access"), leg("core", behind_nat=False, claimed="198.51.100.2:5060")]
    return Record(call, "answer", {"at": 3.0, "legs": legs})


def over(call: str = "c1", ending: str = "normal", who: str = "caller", cause: str = "ended") -> Record:
    return Record(call, "close", {"at": 9.0, "ending": ending, "who": who, "cause": cause, "answered_for": 1.0})


def side(realm: str, port: int, media: str = "", remote: str = "") -> SideSpec:
    local = Pair(Address("203.0.113.1", port), Address("203.0.113.1", port + 1))
    far = Pair(Address(remote, 4000), Address(remote, 4001)) if remote else None
    return SideSpec(realm, local, far, False, "203.0.113.11", Latch.NAT, 3.0, media=media)


def stream(call: str = "c1", number: int = 1, media: str = "audio PCMU/8000 PCMA/8000") -> StreamSpec:
    sides = (side("access", 20000, media, "192.168.1.10"), side("core", 30000))
    return StreamSpec(f"{call}/{number}", call, "rtp", sides)


def carried(packets: int = 100, dropped: int = 0, reports: int = 1) -> StreamCounters:
    """So many RTP packets of 172 octets from side 0, half as many from side 1; each with its reports of 60. Side 0 has
    lost two."""
    there, back = Volume(packets, packets * 172), Volume(packets // 2, packets // 2 * 172)
    report = Volume(reports, reports * 60)
    quality = Quality(packets + 2, 2, 1.5, 40.0, 4.2, 4.0, 1, 3, None) if packets else None
    first = SideCounters(there, report, back, report, Drops(wrong_source=dropped), quality)
    return StreamCounters((first, SideCounters(back, report, there, report)))


def record_of(key: str = "boot-c1", ended: bool = True, **more: Any) -> Plain:
    """A record as a sink gets it: answered, with one stream, after ten seconds over or still going on."""
    call = key.rpartition("-")[2]
    made = CallRecord(key, begun(call, **more), at(0))
    made.heard(answered(call), at(2))
    made.opened(stream(call))
    if ended:
        made.closed(f"{call}/1", carried())
        made.heard(over(call), at(10))
    return made.snapshot(at(10), lambda _: carried())


def in_part(key: str = "boot-c1") -> Entry:
    """The end of a record whose stream a fault of ours has kept out of it."""
    whole = record_of(key)
    return Entry(key, {**whole, "complete": False, "streams": [], "mos": None}, True)


def entry(key: str = "boot-c1", final: bool = True, **more: Any) -> Entry:
    return Entry(key, record_of(key, final, **more), final)


# -- calls of two gateways that are halves of one


def half(call: str, caller: str = "", **more: Any) -> Record:
    """A call that the core has made at one gateway."""
    legs = [leg("core", behind_nat=False, claimed=None), leg("access", seen=f"203.0.113.{ord(call[0])}:2427")]
    return begun(call, caller=caller, callee=f"line@{call}", called="", gateway=1, legs=legs, **more)


def half_answered(call: str) -> Record:
    """Its first member is there."""
    return Record(call, "answer", {"at": 3.0})


def joined_by(call: str, other: str) -> Record:
    return Record(call, "join", {"at": 4.0, "with": other})


def meeting(call: str, port: int, other: int | None = None) -> StreamSpec:
    """The stream of a half: our port in the core, and that of the other half, which its media goes to."""
    ours, theirs = Address("198.51.100.1", port), None if other is None else Address("198.51.100.1", other)
    inner = SideSpec(
        "core", Pair(ours, None), None if theirs is None else Pair(theirs, None), False, "198.51.100.2", Latch.NAT, 3.0,
        media="audio PCMU/8000",
    )  # fmt: skip
    return StreamSpec(f"{call}/1", call, "rtp", (inner, side("access", port, "audio PCMU/8000", "192.168.1.10")))


def reported(call: str, sent: int, received: int) -> Record:
    """What a gateway has counted itself."""
    figures = {"packets_sent": str(sent), "packets_received": str(received), "jitter": "3"}
    return Record(call, "report", {"at": 8.0, "member": "line 1F", "figures": figures, "streams": [f"{call}/1"]})


def whole(final: bool = True, ended: tuple[str, ...] = ("a", "b")) -> Plain:
    """The record of two halves, joined; those of `ended` are over."""
    made = JoinedRecord("boot-a")
    for second, call in enumerate(("a", "b")):
        part = CallRecord(f"boot-{call}", half(call), at(second))
        part.heard(half_answered(call), at(2 + second))
        part.opened(meeting(call, 30000 + 2 * second, 30002 - 2 * second))
        made.take(part)
    for call in ended if final else ended[:1]:
        made.closed(f"{call}/1", carried())
        made.heard(over(call), at(10))
    return made.snapshot(at(10), lambda _: carried())


# -- accounts of terminals


def live(call: str, seconds: float, packets: int, more: StreamSpec | None = None) -> Entry:
    """The state of an answered call so long after START, by whose stream that much has come."""
    made = CallRecord(f"boot-{call}", begun(call), at(0))
    made.opened(stream(call))
    made.updated(f"{call}/1", 1, side("core", 30000, "audio PCMU/8000", "198.51.100.2"), at(1), lambda _: carried(0))
    made.heard(answered(call), at(2))
    if more is not None:
        made.opened(more)
    return Entry(made.key, made.snapshot(at(seconds), lambda _: carried(packets)), False)


def ended(call: str, seconds: float, packets: int) -> Entry:
    """Its end."""
    made = CallRecord(f"boot-{call}", begun(call), at(0))
    made.opened(stream(call))
    made.heard(answered(call), at(2))
    made.closed(f"{call}/1", carried(packets))
    made.heard(over(call), at(seconds))
    return Entry(made.key, made.snapshot(at(seconds), lambda _: carried(packets)), True)


def account(call: str = "c1", seconds: float = 10, packets: int = 100) -> Usage:
    """The account of a call that is over."""
    (found,) = usages_of(ended(call, seconds, packets).record)
    return found


def turn(event: Event = Event.STOP, call: str = "c1", seconds: float = 10, packets: int = 100) -> Turn:
    return Turn(event, START + seconds, account(call, seconds, packets))
