"""Where SIP messages hold addresses, and how a new one is written there."""

from __future__ import annotations

import re
from typing import Final

from sbc.core.address import Address, bracketed
from sbc.core.message import BadMessage, Place, Role, Slot
from sbc.core.orders import SECURED
from sbc.sip import bulk
from sbc.sip.codec import BadSip, Header, SipMessage
from sbc.sip.describe import expires_of
from sbc.sip.headers import NameAddr, name_addrs, split_values
from sbc.sip.mentions import Mention, Mentions
from sbc.sip.terms import flow
from sbc.sip.uri import Uri, transport_of
from sbc.text.sdp import Sdp

IDENTITIES = frozenset(
    {
        "from",
        "to",
        "reply-to",
        "referred-by",
        "p-asserted-identity",
        "p-preferred-identity",
        "p-called-party-id",
        "p-associated-uri",
        "remote-party-id",
        "diversion",
        "history-info",
    }
)
"""Headers that name users; the host is one part of the name."""
_UNREADABLE: Final = frozenset({"application/trickle-ice-sdpfrag"})
"""Bodies that are all addresses, and that nobody here can write anew: they are refused (RFC 8840)."""
_NEEDED: Final = frozenset({"from", "to", "contact"})
_WRITTEN_BY_PEERS: Final = IDENTITIES - _NEEDED  # in answers; what they must have is written from the request
_WARN_AGENT: Final = re.compile(rb"[0-9]{3}\s++(\[[0-9A-Fa-f:.]++\]|[^\s:,\"]++)(?::([0-9]{1,5}))?\s++\"")


def slots(message: SipMessage) -> list[Slot]:
    """Every address of a message but those that `stamp` replaces whole: Via, routes, Call-ID, the Request-URI.

    A header that nothing depends on and that cannot be read is taken out: it might leak what it holds, and RFC 3261
    section 16.3 lets a proxy ignore it. Raises BadMessage for the others.
    """
    found: list[Slot] = []
    for header in message.all("contact"):
        found += _contacts(message, header)
    for header in message.all("refer-to"):
        values = [value for value in _values(message, header) if value.uri.is_sip]
        message.cache.setdefault("refer-to", []).extend(value.uri for value in values)
        found += [_signal(value, False, None) for value in values]
    for header in message.among(IDENTITIES if message.is_request else _WRITTEN_BY_PEERS):
        uris = [value.uri for value in _values(message, header)]
        found += [Slot(Role.IDENTITY, Place(uri.address), uri) for uri in uris if uri.host]
    for header in message.all("warning"):
        found += _warn_agents(message, header)
    if message.body_start < message.body_end:
        found += _media(message)
    return found


def refer_targets(message: SipMessage) -> list[Uri]:
    """The URIs of Refer-To as far as they could be read; once `slots` has looked."""
    found: list[Uri] = message.cache.get("refer-to", [])
    return found


def _values(message: SipMessage, header: Header) -> list[NameAddr]:
    try:
        values = name_addrs(message, header)
        for value in values:
            uri = None if value.star else value.uri  # read now, so that nothing is malformed once it is changed
            if uri is not None and uri.user_start < 0:
                uri.params  # noqa: B018  # asked for where there is no user (RFC 6140)
    except BadMessage:
        if header.name in _NEEDED:
            raise
        message.edits.delete(header.line_start, header.line_end)
        return []
    return values


def _contacts(message: SipMessage, header: Header) -> list[Slot]:
    redirects = not message.is_request and 300 <= message.status < 400
    everybody = expires_of(message.value("expires")) if message.method == "REGISTER" else None
    found = []
    for value in _values(message, header):
        if value.star or not value.uri.is_sip:
            continue
        own = expires_of(value.params.get("expires"))
        slot = _signal(value, not redirects, everybody if own is None else own)
        if message.method == "REGISTER":
            slot.flow = flow(value)
        found.append(slot)
    return found


def _signal(value: NameAddr, primary: bool, expires: int | None) -> Slot:
    uri = value.uri
    name = value.data[uri.start : _end_of_place(uri)]
    place = Place(uri.address, name, transport=uri.transport)
    return Slot(Role.SIGNAL, place, value, primary=primary, token=bulk.token_of(uri), expires=expires)


def _end_of_place(uri: Uri) -> int:
    """Where a URI ends but for its headers, which speak of the request to be made, not of the place."""
    return uri.headers_start - 1 if uri.headers_start >= 0 else uri.end


def _warn_agents(message: SipMessage, header: Header) -> list[Slot]:
    try:
        values = split_values(message.data, header.start, header.end)
    except BadMessage:
        message.edits.delete(header.line_start, header.line_end)
        return []
    agents = (_WARN_AGENT.match(message.data, start, end) for start, end in values)
    return [
        Slot(
            Role.HIDE, Place(Address(agent[1].decode("latin-1"), 0)), (agent.start(1), agent.end(2 if agent[2] else 1))
        )
        for agent in agents
        if agent is not None
    ]


def _media(message: SipMessage) -> list[Slot]:
    found: list[Slot] = []
    descriptions: list[Sdp] = []
    mentions = Mentions()
    if (message.value("content-encoding") or b"identity") != b"identity":
        raise BadSip("Encoded bodies cannot be read", 415)
    for part in message.bodies():
        if part.content_type in _UNREADABLE:
            raise BadSip("Trickled candidates cannot be read", 415)
        if part.content_type == "application/sdp" or (
            not part.content_type and message.data.startswith(b"v=0", part.start, part.end)
        ):
            sdp = Sdp(message.data, part.start, part.end, message.edits)
            for slot in sdp.slots if descriptions else ():
                if slot.stream is not None:  # a further description is of further streams (RFC 3959)
                    slot.stream = f"{len(descriptions)}.{slot.stream}"
            descriptions.append(sdp)
            found += sdp.slots
        else:
            mentions.read(message.data, part)
    message.cache["sdp"], message.cache["mentions"] = descriptions, mentions
    return found + mentions.slots


def fill(message: SipMessage, slot: Slot, place: Place) -> None:
    """Write `place` where `slot` stands."""
    at = slot.at
    if isinstance(at, NameAddr):
        _write_place(message, at, place)
    elif isinstance(at, Uri):
        write_host(message, at, place)
    elif isinstance(at, Mention):
        at.write(message.edits, place)
    elif isinstance(at, tuple):
        _write_literal(message, at, slot.place.address.host, place.address.host)
    else:
        Sdp.fill(slot, place)


def _write_place(message: SipMessage, at: NameAddr, place: Place) -> None:
    uri = at.uri
    if not place.name:
        write_host(message, uri, place)
        return
    written = bulk.ours(place, uri.scheme) if place.ours and bulk.is_bulk(uri) else uri_of(place, uri.scheme)
    if not at.bracketed and any(mark in written for mark in b";?,"):
        written = b"<" + written + b">"  # else its parameters would be the header's (RFC 3261 section 20.10)
    message.edits.replace(uri.start, _end_of_place(uri), written)


def _write_literal(message: SipMessage, at: tuple[int, int], before: str, host: str) -> None:
    """Write another host where an address stands in text, maybe in brackets and with a port; an unchanged one stays."""
    if host == before:
        return
    bare = ":" in before and message.data[at[0] : at[0] + 1] != b"["
    message.edits.replace(*at, (host if bare else bracketed(host)).encode())


def uri_of(place: Place, scheme: str) -> bytes:
    """The URI of a place: the peer's own, or one of ours made of token and address."""
    if not place.ours:
        return place.name
    address = place.address
    secure = scheme == "sips" and place.transport in SECURED
    by = b"" if secure and place.transport == "tls" else transport_of(place)  # sips says that (RFC 3261 section 26.2.2)
    return b"%b:%b@%b:%d%b" % (
        b"sips" if secure else b"sip",
        place.name,
        bracketed(address.host).encode(),
        address.port,
        by,
    )


def write_host(message: SipMessage, uri: Uri, place: Place) -> None:
    """Write another host into a URI, and its port if the place has one; an unchanged host keeps its port."""
    host, port = place.address
    if host == uri.host:
        return
    written = bracketed(host).encode() + (b":%d" % port if port else b"")
    message.edits.replace(uri.host_start, uri.port_end if uri.port_end >= 0 else uri.host_end, written)
