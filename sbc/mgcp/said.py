"""What the SBC says by itself in MGCP: responses, acknowledgements, and commands of its own."""

from __future__ import annotations

from sbc.core.message import BadMessage, Cause, Ending, Place, Refused
from sbc.core.orders import Listener
from sbc.mgcp import codes
from sbc.mgcp.codec import BadMgcp, MgcpMessage
from sbc.mgcp.memo import CallMemo
from sbc.mgcp.names import domain

_EOL = b"\r\n"


def respond(code: int, number: bytes, text: str) -> bytes:
    """A response, of its first line alone."""
    words = " ".join(text.split()).encode("ascii", "replace")
    return b"%03d %b %b%b" % (code, number, words, _EOL)


def command(verb: bytes, number: bytes, endpoint: bytes, *lines: bytes) -> bytes:
    """A command without a description."""
    return _EOL.join((b"%b %b %b MGCP 1.0" % (verb, number, endpoint), *lines, b""))


def number_of(message: MgcpMessage) -> bytes:
    """The transaction identifier as it is written."""
    return message.data[slice(*message.number_span)]


def refuse(message: MgcpMessage, refused: Refused) -> bytes | None:
    """The response that says `refused`; None to a response. A gateway that nobody knows is told nothing of what it
    notifies: heard by nobody it begins anew (section 4.4.7), which a return code would not make it do."""
    if message.code is not None or (refused.cause is Cause.UNBOUND and message.verb == "NTFY"):
        return None
    return respond(codes.OF_CAUSES[refused.cause], number_of(message), refused.why)


def accept(message: MgcpMessage) -> bytes | None:
    """The plain yes to a command."""
    return respond(codes.OK, number_of(message), "OK") if message.code is None else None


def complain(bad: BadMessage) -> bytes | None:
    """The response to a command that is none."""
    if not isinstance(bad, BadMgcp) or not bad.number.strip(b"0"):
        return None
    return respond(bad.code, bad.number, bad.reason)


def acknowledge(response: MgcpMessage) -> bytes | None:
    """What a final response asks for by an empty ResponseAck (sections 3.2.2.21 and 3.5.6); None where it does not."""
    if response.code is None or response.code < 200 or response.value("K") != b"":
        return None
    return b"000 %b%b" % (number_of(response), _EOL)


def release(
    call: bytes, member: bytes, to_asker: bool, memo: CallMemo | None, place: Place, token: bytes, ending: Ending
) -> bytes | None:
    """The DeleteConnection of one connection: whoever has asked for it is told why (section 2.3.8)."""
    local, _, connection = member.rpartition(b" ")
    if not local or not connection:
        return None
    known = memo or CallMemo()
    at = (known.asker if to_asker else known.asked) or domain(place.address.host)
    spelled = known.call if known.call.upper() == call.upper() else call  # some compare it octet by octet
    lines = [b"C: " + spelled, b"I: " + connection]
    if to_asker:
        code, why = codes.REASONS.get(ending, codes.OTHERWISE)
        lines.append(b"E: %d %b" % (code, why.encode()))
    return command(b"DLCX", token, local + b"@" + at, *lines)


def restart(sent: bytes, method: bytes, token: bytes) -> bytes:
    """The RestartInProgress of all endpoints of the gateway whose own was `sent`, with another method."""
    name = sent.split(None, 3)[2]
    return command(b"RSIP", token, b"*" + name[name.rfind(b"@") :], b"RM: " + method)


def notify(listener: Listener, token: bytes) -> bytes:
    """What asks only whether a call agent lives: the notification of nothing, of an endpoint that is none. Commands of
    gateways are what call agents answer; any answer will do."""
    return command(b"NTFY", token, b"sbc@" + domain(listener.advertised.host), b"X: 0", b"O:")


def probe(verb: bytes, endpoint: bytes, place: Place, token: bytes) -> bytes:
    """What asks only whether a gateway lives: AuditEndpoint of whatever is, or of what it registered last; a
    NotificationRequest where that is all it answers. Any answer will do, of no such endpoint, too."""
    host = place.address.host
    known = place.route.hops[0] if place.route.hops else b"*@" + domain(host)
    if endpoint:
        known = endpoint + known[known.rfind(b"@") :]
    return command(verb, token, known, *([b"X: 0"] if verb == b"RQNT" else []))
