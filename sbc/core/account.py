"""What a call gives account of: the facts for its detail record, as plain values, at each turn of its life."""

from __future__ import annotations

from typing import Any, Final

from sbc.core.address import Address
from sbc.core.call import Call, CallState, Leg
from sbc.core.message import Cause, Counted, Ending, Refused, Who
from sbc.core.orders import Record

_ENDINGS: Final = {
    Cause.NOT_FOUND: Ending.NOT_FOUND,
    Cause.NO_CALL: Ending.NOT_FOUND,
    Cause.FORBIDDEN: Ending.REJECTED,
    Cause.UNBOUND: Ending.REJECTED,
    Cause.BUSY: Ending.CONGESTION,
    Cause.ENGAGED: Ending.BUSY,
    Cause.RATE: Ending.CONGESTION,
    Cause.BANDWIDTH: Ending.CONGESTION,
    Cause.QUOTA: Ending.REJECTED,
    Cause.DENIED: Ending.REJECTED,
    Cause.NO_PORTS: Ending.CONGESTION,
    Cause.TIMEOUT: Ending.UNREACHABLE,
    Cause.UNREACHABLE: Ending.UNREACHABLE,
    Cause.ABSENT: Ending.UNREACHABLE,
    Cause.FLOW: Ending.UNREACHABLE,
    Cause.UNSUPPORTED: Ending.INCOMPATIBLE,
    Cause.SECURITY: Ending.INCOMPATIBLE,
    Cause.WITHDRAWN: Ending.CANCELLED,
    Cause.DRAINING: Ending.CONGESTION,
    Cause.SEALED: Ending.INCOMPATIBLE,
    Cause.BRIEF: Ending.INCOMPATIBLE,
}


def ending_of(cause: Cause, call: Call | None) -> Ending:
    """What it means for `call` that the SBC refuses for `cause`."""
    if cause is Cause.TIMEOUT and call is not None and call.state is CallState.EARLY:
        return Ending.NO_ANSWER
    return _ENDINGS.get(cause, Ending.FAILED)


def opened(call: Call) -> Record:
    """A call begins. Fields: `at` (seconds on the core's clock), `from` and `to` (realm and address, in words), `path`,
    `protocol`, `method`, `caller`, `callee`, `called` (text), `subscription` (then it is none that is billed),
    `terminal`, `legs`, and `gateway`: which of them that of a call that gathers is at, None of another.
    """
    near, far = call.legs
    fields = {
        "at": call.opened_at,
        "from": f"{near.realm.name} {near.seen}",
        "to": f"{far.realm.name} {far.seen}",
        "path": call.path.name,
        "protocol": call.dialect,
        "method": call.asked.method,
        "caller": _words(call.asked.caller),
        "callee": _words(call.asked.callee),
        "called": _words(call.asked.called),
        "subscription": call.lifetime,
        "terminal": terminal(call),
        "legs": legs(call),
        "gateway": None if call.gathering is None else call.leg_in(call.path.access),
    }
    return Record(call.id, "open", fields)


def rang(call: Call, now: float) -> Record:
    """Somebody is being alerted. Fields: `at`."""
    return Record(call.id, "ring", {"at": now})


def answered(call: Call) -> Record:
    """Somebody has answered. Fields: `at`, `legs`."""
    return Record(call.id, "answer", {"at": call.answered_at, "legs": legs(call)})


def reported(call: Call, member: bytes, counted: Counted, now: float, streams: tuple[str, ...] | None = None) -> Record:
    """A gateway has said what it has counted of a member. Fields: `at`, `member` (text), `figures` (its words and their
    values, text), and the ids of the `streams` of that member: of one that is gone they are given."""
    if streams is None:
        streams = tuple(stream.id for stream in call.streams.values() if stream.member == member)
    fields = {
        "at": now,
        "member": _words(member),
        "figures": dict(counted),
        "streams": list(streams),
    }
    return Record(call.id, "report", fields)


def moved(call: Call, other: Call, member: bytes, now: float) -> Record:
    """A member has gone from `call` to another. Fields: `at`, `member` (text), `to`: the other's id."""
    return Record(call.id, "move", {"at": now, "member": _words(member), "to": other.id})


def came(other: Call, call: Call, member: bytes, now: float) -> Record:
    """A member has come to `call` from another. Fields: as of `moved`, but `from`."""
    return Record(call.id, "move", {"at": now, "member": _words(member), "from": other.id})


def held(call: Call, now: float) -> Record:
    """A party has paused the other, or does no longer. Fields: `at`, and `held`: whether either has."""
    return Record(call.id, "hold", {"at": now, "held": any(call.paused)})


def closed(call: Call, now: float) -> Record:
    """The call is over. Fields: `at`, `cause` (the protocol's words or ours), `ending`, `who`, `legs`, and
    `answered_for`: seconds, None if nobody answered. `awaits`: whether gateways are still to say what they have counted
    of it; then "settled" follows, with `at`."""
    fields = {
        "at": now,
        "cause": call.cause,
        "ending": (call.ending or Ending.FAILED if call.ended_by else Ending.CLEARED).value,
        "who": (call.ended_by or Who.SBC).value,
        "awaits": any(each.open and each.releases for each in call.exchanges),
        "answered_for": None if call.answered_at is None else now - call.answered_at,
        "legs": legs(call),
    }
    return Record(call.id, "close", fields)


def terminal(call: Call) -> dict[str, Any]:
    """Whose call it is: every call has one end in an access realm. `realm`, `user`, and whether that is `registered`:
    of one that is not it is what the call itself says of who calls, or is called, there."""
    near = call.leg_in(call.path.access) == 0
    user = call.terminal or (call.asked.caller if near else call.asked.callee)
    return {"realm": call.path.access, "user": _words(user), "registered": bool(call.terminal)}


def attempted(call: Call, no: Refused) -> list[Record]:
    """A call was refused before anything of it was begun: its record begins and ends at once."""
    call.because(no.told, ending_of(no.cause, call), Who.SBC)
    return [opened(call), closed(call, call.opened_at)]


def legs(call: Call) -> list[dict[str, Any]]:
    """Both legs as they are now: realm, listener, the address seen, the one claimed (or None), NAT, the call's name."""
    return [
        {
            "realm": leg.realm.name,
            "listener": str(leg.listener.address),
            "transport": leg.listener.transport,
            "seen": str(leg.seen),
            "claimed": None if (claimed := _claimed(leg)) is None else str(claimed),
            "behind_nat": leg.behind_nat,
            "label": _words(leg.label),
        }
        for leg in call.legs
    ]


def _claimed(leg: Leg) -> Address | None:
    if leg.claimed is not None or leg.latest is None:
        return leg.claimed
    return leg.latest.address


def _words(data: bytes) -> str:
    return data.decode("utf-8", "replace")
