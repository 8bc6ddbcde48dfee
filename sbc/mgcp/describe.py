"""What an MGCP message means to the core: its Intent (RFC 3435 section 2.3).

A response names neither verb nor endpoint nor, mostly, call: `complete` puts the memo of its command beside it, and
only then does it say all it means.
"""

from __future__ import annotations

import re
from typing import NoReturn

from sbc.core.address import Address
from sbc.core.message import Counted, Intent, Kind, Phase, Route
from sbc.mgcp import codes
from sbc.mgcp.codec import BadMgcp, MgcpMessage
from sbc.mgcp.memo import Memo
from sbc.mgcp.names import AGENT_PORT, Name, endpoint, entity, member, members_of
from sbc.mgcp.wanted import wanted

_KINDS = {
    "CRCX": Kind.OPEN,
    "MDCX": Kind.MODIFY,
    "DLCX": Kind.MODIFY,
    "AUCX": Kind.MODIFY,  # what it shows are addresses of a call, and nothing moves
    "RSIP": Kind.BIND,
}
OWN = frozenset({"RSIP", "NTFY"})
"""What gateways alone say: the domain of the endpoint is where they are."""
LOST = frozenset({"restart", "forced"})
"""Methods of restart after which no connection of the endpoint is left (section 2.3.12)."""
_IDENTIFIER = re.compile(rb"[0-9A-Za-z_+/=-]{1,64}")
_COUNTED = {
    "PS": "packets_sent",
    "OS": "octets_sent",
    "PR": "packets_received",
    "OR": "octets_received",
    "PL": "packets_lost",
    "JI": "jitter",
    "LA": "delay",
}
_MOST_COUNTED = 32
_COUNT = re.compile(r"([!-+\--<>-~]{1,40})=([!-+\--~]{0,40})")


def name_of(message: MgcpMessage) -> Name:
    """The endpoint of a command. @raises BadMgcp where its domain is neither an address nor free of any."""
    name: Name | None = message.cache.get("name")
    if name is None:
        name = message.cache["name"] = endpoint(message.data, *message.endpoint)
        if name.holds_address:
            bad(message, "the domain is neither an address nor a name", codes.UNKNOWN_ENDPOINT)
    return name


def identifier(message: MgcpMessage, name: str, needed: bool = False) -> bytes:
    """What a parameter calls a call or connection, which may hold no address; empty where it is missing. @raises
    BadMgcp."""
    value = message.value(name) or b""
    if (value and _IDENTIFIER.fullmatch(value) is None) or (needed and not value):
        bad(message, f"{name}: is no identifier")
    return value


def bad(message: MgcpMessage, reason: str, code: int = codes.PROTOCOL_ERROR) -> NoReturn:
    """@raises BadMgcp, of what its sender can be answered if it is a command."""
    raise BadMgcp(reason, b"" if message.code is not None else message.data[slice(*message.number_span)], code)


def exchange_of(message: MgcpMessage) -> bytes:
    """How the core calls the transaction of a message."""
    return b"%d" % message.number


def describe(message: MgcpMessage) -> Intent:
    """The Intent of a message. @raises BadMessage."""
    return _command(message) if message.code is None else _response(message)


def remember(message: MgcpMessage) -> Memo:
    """What the responses to a command are to know of it. @raises BadMessage."""
    infos = {word.strip().upper() for word in (message.value("F") or b"").split(b",")}
    return Memo(
        number=message.data[slice(*message.number_span)],
        verb=message.verb,
        endpoint=name_of(message).local,
        call=identifier(message, "C"),
        connection=identifier(message, "I"),
        described=message.cache.get("described", (0,))[0],
        remote_only=b"RC" in infos and b"LC" not in infos,
        counted=(message.value("P") or b"") if message.verb == "DLCX" else b"",
    )


def method_of(message: MgcpMessage) -> str:
    """The method of a RestartInProgress, in lower case."""
    return (message.value("RM") or b"").decode("ascii", "replace").strip().lower()


def _command(message: MgcpMessage) -> Intent:
    verb, name = message.verb, name_of(message)
    intent = Intent(_KINDS.get(verb, Kind.OTHER), Phase.REQUEST, b"", exchange_of(message), method=verb, local=True)
    intent.frank = True
    notified = message.value("N")
    if notified is not None and verb not in OWN:
        intent.route = route(message)
    if verb in OWN:
        intent.user = name.host.encode()
        intent.claimed = name.address if name.is_address else None
    if verb in ("CRCX", "MDCX", "DLCX", "AUCX"):
        intent.label = identifier(message, "C", needed=verb in ("CRCX", "MDCX"))
        intent.call = intent.label.upper()
        connection = identifier(message, "I", needed=verb in ("MDCX", "AUCX"))
        if connection:
            intent.member = member(name.local, connection)
    if verb == "CRCX":
        intent.gathers, intent.callee, intent.called = True, name.local, name.local
        intent.wants = wanted(message)
    elif verb == "MDCX":
        intent.within = True
    elif verb == "DLCX":
        if not intent.call and not intent.member:
            intent.kind = Kind.OTHER
    elif verb == "AUEP":
        intent.probe = message.value("F") is None
    elif verb == "NTFY":
        intent.probe = message.value("O") == b""
    elif verb == "RSIP":
        _restart(intent, message, name)
    return intent


def _restart(intent: Intent, message: MgcpMessage, name: Name) -> None:
    """A gateway begins, goes on or ends to be there (section 2.3.12). It stays bound though some of its endpoints end:
    only where all do by force is it taken off."""
    method = method_of(message)
    if not method:
        bad(message, "RM: is missing")
    if not name.host:
        bad(message, "whose endpoints these are is not said")
    intent.lasting = True
    intent.label = b"" if name.is_address else name.host.encode()
    intent.route = Route((message.data[slice(*message.endpoint)],))
    if method in LOST:
        intent.leaves = tuple((b"*", each) for each in members_of(name.local))
    if method == "forced" and name.local == b"*":
        intent.expires = 0


def route(message: MgcpMessage) -> Route | None:
    """The call agent that a gateway is to turn to from now on, as it is written; None where that is not said."""
    for line in message.all("N"):
        found = entity(message.data, line.start, line.end)
        if found is not None:
            first = Address(found.host, found.port or AGENT_PORT) if found.is_address else None
            return Route((message.data[line.start : line.end],), first, "udp" if first else "")
    return None


def _response(message: MgcpMessage) -> Intent:
    code = message.code or 0
    exchange, asked = exchange_of(message), message.asked
    if code < 100:  # acknowledges a response: who does not know that has nothing to say
        return Intent(Kind.OTHER, Phase.CONFIRM, b"", exchange, method="000", local=True, within=True)
    phase = Phase.PROVISIONAL if code < 200 else Phase.SUCCESS if code < 300 else Phase.FAILURE
    intent = Intent(Kind.OTHER, phase, b"", exchange, method=str(code), local=True)
    intent.frank = True
    intent.receipt = phase.final and message.value("K") == b""
    if phase is Phase.FAILURE:
        said = message.data[slice(*message.text)].decode("utf-8", "replace")[:160]
        intent.cause = f"{code} {said}".strip()
        intent.elsewhere, intent.ending, intent.gone = codes.elsewhere(code), codes.ending(code), code in codes.GONE
    if isinstance(asked, Memo):
        _complete(intent, message, asked)
    return intent


def _complete(intent: Intent, message: MgcpMessage, asked: Memo) -> None:
    """What a response means, since its command is known."""
    intent.kind, intent.call = _KINDS.get(asked.verb, Kind.OTHER), asked.call.upper()
    if asked.verb == "DLCX" and not asked.call and not asked.connection:
        intent.kind = Kind.OTHER
    if asked.connection:
        intent.member = member(asked.endpoint, asked.connection)
    if intent.phase is Phase.FAILURE and not intent.gone:
        return
    if asked.verb == "DLCX":
        alone = asked.connection and b"*" not in asked.endpoint
        _leave(intent, (intent.member,) if alone else members_of(asked.endpoint))
        intent.reported = _reported(message.value("P") or asked.counted, intent.member)
    elif intent.gone and asked.verb in ("MDCX", "AUCX"):  # what it was about is no more, whoever took it off
        _leave(intent, (intent.member,) if message.code == codes.NO_CONNECTION else members_of(asked.endpoint))
    if intent.phase is not Phase.SUCCESS:
        return
    if asked.verb == "CRCX":
        intent.joins = joining(message, asked)
    elif asked.verb == "AUCX":
        intent.reported = _reported(message.value("P"), intent.member)
    elif asked.verb == "RSIP":
        intent.grants = True
        intent.route = route(message)


def _leave(intent: Intent, members: tuple[bytes, ...]) -> None:
    """Those leave, of the call where that is said."""
    intent.leaves = tuple((intent.call or b"*", each) for each in members)


def joining(message: MgcpMessage, asked: Memo) -> tuple[bytes, ...]:
    """The connections that a response to CreateConnection names: one, or two where there was a second endpoint."""
    found = []
    for endpoints, connections, otherwise in (("Z", "I", asked.endpoint), ("Z2", "I2", b"")):
        connection = identifier(message, connections)
        where = message.all(endpoints)
        local = endpoint(message.data, where[0].start, where[0].end).local if where else otherwise
        if connection and local:
            found.append(member(local, connection))
    return tuple(found)


def _reported(value: bytes | None, who: bytes) -> tuple[tuple[bytes, Counted], ...]:
    """What a gateway has counted of a connection (section 3.2.2.9): ``PS=1245, OS=62345``."""
    if not value or not who:
        return ()
    words = value.decode("ascii", "replace").split(",")[:_MOST_COUNTED]
    counts = [found for word in words if (found := _COUNT.fullmatch(word.strip()))]
    return ((who, tuple((_COUNTED.get(each[1].upper(), each[1]), each[2]) for each in counts)),) if counts else ()
