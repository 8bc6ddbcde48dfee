"""What a SIP message means to the core: its Intent (RFC 3261, 3265, 3327, 3515)."""

from __future__ import annotations

from typing import Final

from sbc.core.address import Address, is_literal
from sbc.core.message import (
    MOST_AGENT,
    NO_ROUTE,
    UNSAID,
    BadMessage,
    Elsewhere,
    Ending,
    Flow,
    Intent,
    Kind,
    Phase,
    Place,
    Role,
    Route,
    Slot,
)
from sbc.sip.bulk import token_of
from sbc.sip.codec import SipMessage
from sbc.sip.emergency import dialled
from sbc.sip.headers import NameAddr, Via, name_addrs, vias
from sbc.sip.params import unfold
from sbc.sip.terms import terms
from sbc.sip.urgency import urgency
from sbc.sip.uri import Uri, parse_uri

DEFAULT_SUBSCRIPTION = (
    3600  # seconds, where a SUBSCRIBE does not say (RFC 6665 section 4.1.2.1 leaves it to the package)
)
REFER_SUBSCRIPTION = 180  # seconds a REFER outside a dialogue keeps its implicit subscription (RFC 3515 section 2.4.4)
MAX_EXPIRES = 2**31 - 1

_OPENS: Final = frozenset({"INVITE", "SUBSCRIBE", "REFER"})
_KINDS: Final = {
    "INVITE": Kind.OPEN,
    "SUBSCRIBE": Kind.OPEN,
    "REFER": Kind.OPEN,
    "ACK": Kind.ANSWER,
    "BYE": Kind.CLOSE,
    "REGISTER": Kind.BIND,
    "UPDATE": Kind.MODIFY,
    "PRACK": Kind.MODIFY,  # it may carry an offer or an answer (RFC 3262 section 5)
}
_SESSIONS: Final = frozenset({"INVITE", "UPDATE"})
_GONE: Final = frozenset({408, 481})  # then there is no dialogue any more (RFC 3261 section 12.2.1.2)
_CHALLENGES: Final = frozenset({401, 407})
_ENDINGS: Final = {
    401: Ending.UNAUTHORIZED,
    403: Ending.REJECTED,
    404: Ending.NOT_FOUND,
    407: Ending.UNAUTHORIZED,
    408: Ending.NO_ANSWER,
    410: Ending.NOT_FOUND,
    415: Ending.INCOMPATIBLE,
    416: Ending.INCOMPATIBLE,
    420: Ending.INCOMPATIBLE,
    480: Ending.UNREACHABLE,
    484: Ending.NOT_FOUND,
    485: Ending.NOT_FOUND,
    486: Ending.BUSY,
    487: Ending.CANCELLED,
    488: Ending.INCOMPATIBLE,
    500: Ending.FAILED,
    501: Ending.INCOMPATIBLE,
    504: Ending.UNREACHABLE,
    505: Ending.INCOMPATIBLE,
    600: Ending.BUSY,
    603: Ending.REJECTED,
    604: Ending.NOT_FOUND,
    606: Ending.INCOMPATIBLE,
    607: Ending.REJECTED,
    608: Ending.REJECTED,
}


_ELSEWHERE: Final = {
    408: Elsewhere.TIMEOUT,
    500: Elsewhere.ERROR,
    502: Elsewhere.ERROR,
    503: Elsewhere.UNAVAILABLE,
    504: Elsewhere.TIMEOUT,
}
"""Failures of one server that another might not have (RFC 3263 section 4.3, RFC 3261 section 21.5)."""


def single(message: SipMessage, name: str) -> NameAddr:
    """The one value of From or To. Raises BadMessage if there is not exactly one."""
    found: NameAddr | None = message.cache.get(name)  # asked for some four times a message
    if found is not None:
        return found
    header = message.first(name)
    values = [] if header is None else name_addrs(message, header)
    if len(values) != 1 or values[0].star:
        raise BadMessage(f"Malformed {name.title()}")
    message.cache[name] = values[0]
    return values[0]


def request_uri(message: SipMessage) -> Uri:
    """The Request-URI. Raises BadMessage if it is malformed."""
    uri: Uri | None = message.cache.get("uri")
    if uri is None:
        uri = message.cache["uri"] = parse_uri(message.data, message.uri_start, message.uri_end)
    return uri


def hops_of(message: SipMessage, name: str) -> list[bytes]:
    """The values of a Record-Route, Route, Path or Service-Route header, each as written but unfolded, in order."""
    return [
        unfold(message.data[value.start : value.end])
        for header in message.all(name)
        for value in name_addrs(message, header)
    ]


def expires_of(text: bytes | str | None) -> int | None:
    """Seconds of an Expires header or parameter; None if absent or not a number, which does not count.

    RFC 3261 section 20.19.
    """
    if text is None:
        return None
    digits = text.decode("latin-1") if isinstance(text, bytes) else text
    return min(int(digits), MAX_EXPIRES) if digits.isascii() and digits.isdigit() and len(digits) < 20 else None


def exchange_key(message: SipMessage, via: Via, method: str) -> bytes:
    """The name of the transaction of `method` (RFC 3261 section 17.2.3).

    The Call-ID is part of it, since some peers use a branch again in another call.
    """
    branch = via.branch
    if branch.startswith(b"z9hG4bK"):
        return exchange_name(branch, method, message.call_id)
    number = message.cseq[0]  # a peer of RFC 2543 has no unique branch
    return exchange_name(b"%b|%d|%b" % (single(message, "from").tag, number, branch), method, message.call_id)


def exchange_name(branch: bytes, method: str, call_id: bytes) -> bytes:
    """The name of the transaction with that branch; that of an ACK is its INVITE's."""
    return b"|".join((branch, b"INVITE" if method == "ACK" else method.encode(), call_id))


def opening_name(call_id: bytes, from_tag: bytes, uri: bytes) -> bytes:
    """The name of a call attempt, which has no tag of the party it asks for yet."""
    return b"\0".join((call_id, from_tag, uri))


def dialogue_name(call_id: bytes, one: bytes, other: bytes) -> bytes:
    """The name of a dialogue between those with these tags, whoever speaks."""
    return b"\0".join((call_id, *sorted((one, other))))


_VOICE: Final = (Flow("audio", UNSAID), Flow("audio G729/8000", UNSAID))
"""What a call takes of which nothing is said yet: as voice does there, or at the least. Where there is too little even
for that, nobody's phone need ring."""


def describe(message: SipMessage) -> Intent:
    """The Intent of a message. Raises BadMessage."""
    via, from_, to = vias(message)[0], single(message, "from"), single(message, "to")
    return _request(message, via, from_, to) if message.is_request else _reply(message, via, from_, to)


def _request(message: SipMessage, via: Via, from_: NameAddr, to: NameAddr) -> Intent:
    method, call_id = message.method, message.call_id
    from_tag, to_tag = from_.tag, to.tag
    uri = request_uri(message)
    within = bool(to_tag) and method not in ("REGISTER", "CANCEL")
    kind = _KINDS.get(method, Kind.OTHER)
    if within and kind is Kind.OPEN:
        kind = Kind.OTHER if method == "REFER" else Kind.MODIFY
    uri_bytes = message.data[message.uri_start : message.uri_end]
    claimed = via.address
    intent = Intent(
        kind=kind,
        phase=Phase.REQUEST,
        call=dialogue_name(call_id, from_tag, to_tag) if within else opening_name(call_id, from_tag, uri_bytes),
        exchange=exchange_key(message, via, method),
        label=call_id,
        party=from_tag,
        method=method,
        sequence=message.cseq[0],
        within=within,
        probe=method == "OPTIONS" and not within,
        user=user_of(to if method == "REGISTER" else from_),
        claimed=claimed,
        alias=via.alias,
        answers=None if via.rport else claimed,  # RFC 3261 section 18.2.2, RFC 3581
        hops=message.hops,
        expires=_lifetime(message),
        cause=(message.value("reason") or b"").decode(errors="replace") if method == "BYE" else "",
    )
    if not within:
        _introduce(message, intent)
        if method == "INVITE" and message.body_start == message.body_end:
            intent.wants = _VOICE  # it is who answers that offers
    if method in _SESSIONS and b"timer" in option_tags(message, "supported"):
        intent.session = session_of(message)  # others could not make anything of our refusal (RFC 4028 section 8.1)
    if uri.is_sip:
        intent.target = Slot(
            Role.SIGNAL, Place(uri.address, uri_bytes, transport=uri.transport), None, token=token_of(uri)
        )
    if kind is Kind.OPEN:
        intent.callee, intent.called, intent.dialled = user_of(to), uri_bytes, dialled(uri)
    if method == "ACK":
        intent.phase = Phase.CONFIRM
    elif method == "CANCEL":
        intent.phase = Phase.WITHDRAW
        intent.withdraws = exchange_key(message, via, "INVITE")
    elif kind is Kind.OPEN:
        intent.route = route(hops_of(message, "record-route"))
    elif kind is Kind.BIND:
        intent.route = route(hops_of(message, "path"))
        intent.terms = terms(message)
    return intent


def _introduce(message: SipMessage, intent: Intent) -> None:
    """Who says to send a request, how urgent it says that is, and whether it shows credentials."""
    names = message.places
    if "user-agent" in names:
        intent.agent = (message.value("user-agent") or b"")[:MOST_AGENT]
    if "resource-priority" in names:
        intent.priority = urgency(message.value("resource-priority") or b"")
    intent.proves = "authorization" in names or "proxy-authorization" in names


def _reply(message: SipMessage, via: Via, from_: NameAddr, to: NameAddr) -> Intent:
    status, method, call_id = message.status, message.method, message.call_id
    from_tag, to_tag = from_.tag, to.tag
    intent = Intent(
        kind={"INVITE": Kind.ANSWER, "REGISTER": Kind.BIND}.get(method, Kind.OTHER),
        phase=_phase(status),
        call=dialogue_name(call_id, from_tag, to_tag) if to_tag else call_id,
        exchange=exchange_key(message, via, method),
        label=call_id,
        party=to_tag,
        method=method,
        expires=_lifetime(message),
    )
    if status >= 300:
        intent.cause = f"{status} {message.reason.decode(errors='replace')}".strip()
        intent.ending = ending_of(status)
        intent.elsewhere = _ELSEWHERE.get(status)
        intent.retry_after = _retry_after(message.value("retry-after"))
        intent.gone = status in _GONE
    elif status > 100 and method in _OPENS and to_tag:
        intent.route = route(hops_of(message, "record-route")[::-1])  # RFC 3261 section 12.1.2
    elif status >= 200 and method == "REGISTER":
        intent.route = route(hops_of(message, "service-route"))  # RFC 3608 section 6.1
        intent.flows = b"outbound" in option_tags(message, "require")  # RFC 5626 section 6
    if status // 100 == 1 and method == "INVITE" and "rseq" in message.places:
        intent.receipt = b"100rel" in option_tags(message, "require") and rseq_of(message) > 0
    if status // 100 == 2 and method in _SESSIONS:
        intent.session = session_of(message)
    return intent


def _retry_after(value: bytes | None) -> int | None:
    """The seconds of a Retry-After, which a comment or parameters may follow (RFC 3261 section 20.33)."""
    return None if value is None else expires_of(value.partition(b";")[0].partition(b"(")[0].strip())


def rseq_of(message: SipMessage) -> int:
    """The number of a reliable provisional answer (RFC 3262 section 7.1), 0 if it has none that can be read."""
    return expires_of(message.value("rseq")) or 0


def session_of(message: SipMessage) -> int:
    """The seconds of Session-Expires (RFC 4028 section 4), 0 if there is none that can be read."""
    value = message.value("session-expires") or b""
    return expires_of(value.partition(b";")[0].strip()) or 0


def option_tags(message: SipMessage, name: str) -> set[bytes]:
    """The option tags in Supported, Require and their kind, in lower case."""
    return {
        tag.strip().lower()
        for header in message.all(name)
        for tag in message.data[header.start : header.end].split(b",")
    }


def ending_of(status: int) -> Ending:
    """What a final answer that is no success means (RFC 3261 section 21)."""
    if status < 400:
        return Ending.MOVED
    found = _ENDINGS.get(status)
    return found if found is not None else Ending.CONGESTION if status // 100 == 5 else Ending.FAILED


def _phase(status: int) -> Phase:
    if status == 100:
        return Phase.PENDING
    if status < 200:
        return Phase.PROVISIONAL
    if status < 300:
        return Phase.SUCCESS
    return Phase.CHALLENGE if status in _CHALLENGES else Phase.FAILURE


def _lifetime(message: SipMessage) -> int | None:
    method = message.method
    if method == "REGISTER":
        return expires_of(message.value("expires"))
    if method == "SUBSCRIBE":
        expires = expires_of(message.value("expires"))
        return DEFAULT_SUBSCRIPTION if expires is None and message.is_request else expires
    if method == "REFER" and message.is_request:
        return REFER_SUBSCRIPTION
    if method == "NOTIFY" and message.is_request:
        return _subscription_left(message.value("subscription-state") or b"")
    return None


def _subscription_left(state: bytes) -> int | None:
    """How long the subscription behind a NOTIFY goes on (RFC 6665 section 8.2.3)."""
    word, *params = [part.strip().lower() for part in state.split(b";")]
    if word == b"terminated":
        return 0
    return next((expires_of(p[8:].strip()) for p in params if p.startswith(b"expires=")), None)


def route(hops: list[bytes]) -> Route:
    """A route set with the transport address of its first hop, where that is an IP address."""
    if not hops:
        return NO_ROUTE
    first = hops[0]
    opening, closing = first.find(b"<"), first.rfind(b">")
    uri = parse_uri(first, opening + 1, closing) if 0 <= opening < closing else parse_uri(first, 0, len(first))
    address: Address | None = uri.address if uri.is_sip and is_literal(uri.host) else None
    return Route(tuple(hops), address, uri.transport if address is not None else "")


def user_of(value: NameAddr) -> bytes:
    """The address of record in a From or To value, without scheme and parameters."""
    uri = value.uri
    if not uri.is_sip:
        return value.data[value.uri_start : value.uri_end]
    return uri.user + b"@" + uri.host.encode()
