"""What a message of H.323 means to the core: its Intent (H.225.0 clauses 7.3 and 7.7 to 7.19)."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from sbc.core.address import Address, is_specific
from sbc.core.message import BadMessage, Elsewhere, Ending, Flow, Intent, Kind, Phase, Route, Width
from sbc.h323 import alive, securing
from sbc.h323.codec import Wire
from sbc.h323.features import TRAVERSAL, offers
from sbc.h323.message import H323Message
from sbc.h323.naming import bare, call_of, dialled_of, maker_of, name_of, user_of, users_of
from sbc.h323.narrow import able
from sbc.h323.priority import priority_of
from sbc.h323.ras import CONFIRMS, IN_PROGRESS, NON_STANDARD, REJECTS, REQUESTS, UNKNOWN
from sbc.h323.separate import describe_control
from sbc.h323.signal import describe_signal
from sbc.h323.spots import Noted

REPORT = "infoRequestResponse"
CALLS = b"call"
"""The one hop of a terminal's route: where it takes calls."""
_OF_THE_MOMENT = frozenset(
    {
        *("requestSeqNum", "timeToLive", "keepAlive", "endpointIdentifier", "discoveryComplete"),
        *("tokens", "cryptoTokens", "integrityCheckValue"),
    }
)
"""What a registration says of itself alone."""
_UNAVAILABLE = frozenset({"resourceUnavailable", "exceedsCallCapacity"})
_DENIED = "securityDenial"
"""The reason of who does not believe credentials. A securityError may be of a clock, or of what we have rewritten."""


def describe(message: H323Message) -> Intent:
    """The Intent of a message. @raises BadMessage."""
    if message.message.wire is Wire.RAS:
        intent = _ras(message)
        intent.carried = message.carried
        return intent
    signals = message.message.wire is Wire.SIGNAL
    intent = describe_signal(message) if signals else describe_control(message)
    intent.asks, intent.tells = alive.asks(message), alive.tells(message)
    if intent.pauses is not None:
        intent.suites = securing.suites(message.message)
    if intent.pauses is False:
        intent.able = tuple(able(message.message))
    return intent


def number_of(message: H323Message) -> int:
    """The requestSeqNum of a RAS message. @raises BadMessage where it has none."""
    for spot in message.message.spots:
        if spot.kind is Noted.NUMBER:
            return int(spot.value)
    raise BadMessage("no requestSeqNum")


def _ras(message: H323Message) -> Intent:
    name, value = message.name, message.value
    number = number_of(message)
    if name in CONFIRMS and not (name == REPORT and value.get("unsolicited")):
        return _confirm(message, name, value, number)
    if name in REQUESTS:
        return _request(message, name, value, number)
    if name in REJECTS:
        return _reject(name, value, number)
    kinds = {IN_PROGRESS: Phase.PROVISIONAL, UNKNOWN: Phase.FAILURE}
    if name in kinds:
        cause = "not understood" if name == UNKNOWN else ""
        return Intent(Kind.OTHER, kinds[name], b"", b"%d" % number, method=name, cause=cause)
    if name == NON_STANDARD:  # whether it is answered only its vendor knows
        return Intent(Kind.OTHER, Phase.CONFIRM, b"", b"", method=name)
    raise BadMessage(f"unknown RAS message {name}")


def _request(message: H323Message, name: str, value: Mapping[str, Any], number: int) -> Intent:
    intent = Intent(
        REQUESTS[name].kind,
        Phase.REQUEST,
        call=call_of(value),
        exchange=b"%d" % number,
        method=name,
        probe=name in ("gatekeeperRequest", "infoRequest"),
        handle=name_of(value, "endpointIdentifier"),
        proves="cryptoTokens" in value or "tokens" in value,
    )
    if name == REPORT and not value.get("needResponse"):
        intent.phase, intent.exchange = Phase.CONFIRM, b""
    if name in ("gatekeeperRequest", "registrationRequest"):
        intent.comes = offers(value, TRAVERSAL)
    if name == "gatekeeperRequest":
        intent.claimed = _address(message, "rasAddress")
        intent.agent = maker_of(value.get("endpointType", {}).get("vendor"))
    elif name == "registrationRequest":
        intent.agent = maker_of(value.get("endpointVendor"))
        _register(intent, message, value)
    elif name == "unregistrationRequest":
        intent.expires, intent.users = 0, users_of(value.get("endpointAlias"))
    elif name == "admissionRequest":
        intent.user = user_of(value.get("srcInfo"))
        intent.calling, intent.priority = bare(intent.user), priority_of(value)
        intent.heralds, intent.takes = intent.call, bool(value.get("answerCall"))
        intent.called = user_of(value.get("destinationInfo"))
        intent.wants = _bandwidth(value)
        if not intent.takes:
            intent.dialled = dialled_of(value.get("destinationInfo"))
    elif name == "bandwidthRequest":
        intent.heralds, intent.wants = intent.call, _bandwidth(value)
    elif name == "disengageRequest":
        intent.heralds, intent.returns = intent.call, True
    return intent


def _register(intent: Intent, message: H323Message, value: Mapping[str, Any]) -> None:
    """What a registration says besides. Of one that only keeps another alive nothing counts but what it is called, for
    how long, and where it comes from (H.225.0 clause 7.9.1)."""
    intent.refreshes = bool(value.get("keepAlive")) and bool(intent.handle)
    intent.expires = value.get("timeToLive")
    if intent.refreshes:
        return
    intent.adds = "additiveRegistration" in value and bool(intent.handle)
    if not intent.adds:
        intent.handle = b""  # it may be of long ago
    intent.user = user_of(value.get("terminalAlias"))
    intent.calling = bare(intent.user)
    intent.claimed = _address(message, "rasAddress")
    takes_calls = _address(message, "callSignalAddress")
    if takes_calls is not None:
        intent.route = Route((CALLS,), takes_calls, "tcp")
    said = {name: each for name, each in value.items() if name not in _OF_THE_MOMENT}
    intent.terms = blake2b(repr(sorted(said.items())).encode("utf-8", "surrogatepass"), digest_size=12).digest()


def _confirm(message: H323Message, name: str, value: Any, number: int) -> Intent:
    request = CONFIRMS[name]
    first = value[0] if isinstance(value, list) and value else value
    said: Mapping[str, Any] = first if isinstance(first, dict) else {}
    intent = Intent(REQUESTS[request].kind, Phase.SUCCESS, call_of(said), b"%d" % number, method=name)
    intent.wants = _bandwidth(said) if request in ("admissionRequest", "bandwidthRequest") else ()
    if name == REPORT:  # a terminal of version 3 or before does not say that it reports unasked
        intent.handle = name_of(said, "endpointIdentifier")
        intent.unasked = Phase.REQUEST if said.get("needResponse") else Phase.CONFIRM
    elif name == "registrationConfirm":
        intent.handle = name_of(said, "endpointIdentifier")
        intent.expires = said.get("timeToLive")
        intent.grants = True
        calls = _address(message, "callSignalAddress")
        if calls is not None and calls.port and is_specific(calls.host):  # no hops: where to register it does not say
            intent.route = Route((), calls, "tcp")
    return intent


def _reject(name: str, value: Mapping[str, Any], number: int) -> Intent:
    request = REJECTS[name]
    reason = next((value[each] for each in ("rejectReason", "nakReason") if each in value), None)
    said = reason[0] if isinstance(reason, tuple) else str(reason)
    intent = Intent(REQUESTS[request].kind, Phase.FAILURE, b"", b"%d" % number, method=name, cause=f"{name} {said}")
    if said in _UNAVAILABLE:
        intent.elsewhere = Elsewhere.UNAVAILABLE
    elif said == _DENIED:
        intent.ending = Ending.UNAUTHORIZED
    return intent


def _bandwidth(value: Mapping[str, Any]) -> tuple[Flow, ...]:
    """How much a call is to have each way: BandWidth is hundreds of bit/s of both ways, without headers (H.225.0 clause
    7.11.1). Nothing where none is named."""
    said = value.get("bandWidth")
    return (Flow("audio", Width(media=said * 50)),) if isinstance(said, int) and said > 0 else ()


def _address(message: H323Message, field: str) -> Address | None:
    """The first address in that component of the message."""
    for spot in message.message.spots:
        if spot.kind is Noted.ADDRESS and spot.path[1:2] == (field,):
            address: Address = spot.value
            return address
    return None
