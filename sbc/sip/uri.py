"""SIP, SIPS and other URIs, read where they stand in a message (RFC 3261 section 19.1, RFC 3966)."""

from __future__ import annotations

import re
from typing import Final

from sbc.core.address import Address, canonical, literal
from sbc.core.message import BadMessage, Place
from sbc.sip.params import Parameterised, Parameters, unescape
from sbc.sip.scan import BUILT, usual_uri

__all__ = ["Uri", "parse_uri", "said", "transport_of", "unescape"]

_SIP: Final = re.compile(
    rb"(sips?+):"
    rb"(?>(?:([^\s@:<>\"\[\]]*+)(?::([^\s@<>\"\[\]]*+))?@)?)"  # user, password: never taken for a host
    rb"(\[[0-9A-Fa-f:.]++\]|[0-9A-Za-z_][0-9A-Za-z_.-]*+)"  # host
    rb"(?::([0-9]{1,5}))?"
    rb"((?>(?:;[^\s;?<>\"]*+)*))"  # parameters
    rb"(?:\?([^\s<>\"]*+))?",  # headers
    re.IGNORECASE,
)
_TRANSPORT: Final = re.compile(rb";transport=([0-9A-Za-z-]++)", re.IGNORECASE)
_OTHER: Final = re.compile(rb"([A-Za-z][0-9A-Za-z+.-]*+):[^\s<>\"]*+")


class Uri(Parameterised):
    """A URI and where its parts are. Spans are offsets into `data`; -1 where a part is absent.

    `host` is canonical (lower case, IPv6 without brackets), and "" for schemes other than sip and sips, of which only
    the scheme is read (and tel's parameters). `port` is 0 where none is given. `userinfo_end` is the offset of the "@".
    """

    __slots__ = (
        "scheme", "start", "end", "user_start", "user_end", "userinfo_end", "host_start", "host_end",
        "port_start", "port_end", "host", "port", "headers_start", "_address",
    )  # fmt: skip

    def __init__(self, data: bytes, start: int, end: int, scheme: str) -> None:
        self.data, self.params_start, self.params_end = data, end, end
        self._parameters = None
        self.scheme = scheme
        self.start = start
        self.end = end
        self.user_start = self.user_end = self.userinfo_end = -1
        self.host_start = self.host_end = -1
        self.port_start = self.port_end = -1
        self.headers_start = -1
        self._address: Address | None = None  # once it is asked for
        self.host = ""
        self.port = 0

    def __repr__(self) -> str:
        return f"<Uri {self.data[self.start : self.end]!r}>"

    @property
    def is_sip(self) -> bool:
        """Whether the scheme is sip or sips, that is, whether there is a host."""
        return bool(self.host)

    @property
    def user(self) -> bytes:
        """The user part with escapes resolved, b"" where absent."""
        return b"" if self.user_start < 0 else unescape(self.data[self.user_start : self.user_end])

    @property
    def address(self) -> Address:
        """Host and port, the scheme's default port (5060, sips 5061) where none is given."""
        if self._address is None:
            self._address = Address(self.host, self.port or (5061 if self.scheme == "sips" else 5060))
        return self._address

    @property
    def transport(self) -> str:
        """The transport the URI asks for, in lower case; empty where it does not say. A sips URI asks for TLS, with or
        without a WebSocket."""
        match = _TRANSPORT.search(self.data, self.params_start, self.params_end) if self.params_start >= 0 else None
        named = match[1].decode("ascii").lower() if match is not None else ""
        return named if self.scheme != "sips" else "wss" if said(named) == "ws" else "tls"

    @property
    def transport_span(self) -> tuple[int, int] | None:
        """Where the transport parameter stands, its semicolon included; None where there is none."""
        match = _TRANSPORT.search(self.data, self.params_start, self.params_end) if self.params_start >= 0 else None
        return match.span() if match is not None else None

    def _parse(self) -> Parameters:
        return Parameters(self.data, self.params_start, self.params_end, uri=True)


def said(transport: str) -> str:
    """A transport as URIs name it: both kinds of WebSocket are ``ws`` there (RFC 7118 section 5.2.3)."""
    return "ws" if transport == "wss" else transport


def transport_of(place: Place) -> bytes:
    """The parameter of a URI that says how `place` is to be sent to; empty where that need not be said."""
    return b";transport=%b" % said(place.transport).encode() if place.transport else b""


def parse_uri(data: bytes, start: int, end: int) -> Uri:
    """Read the URI in ``data[start:end]``. Raises BadMessage if it is not a URI, or is a malformed sip or sips URI."""
    parts = usual_uri(data, start, end) if BUILT else None
    if parts is not None:
        return uri_in(data, start, end, parts)
    return uri_by_expression(data, start, end)


def uri_by_expression(data: bytes, start: int, end: int) -> Uri:
    """The same, however unusual it is."""
    match = _SIP.fullmatch(data, start, end)
    if match is None:
        return _other(data, start, end)
    uri = Uri(data, start, end, match[1].decode("ascii").lower())
    uri.user_start, uri.user_end = match.span(2)
    uri.host_start, uri.host_end = match.span(4)
    if uri.user_start >= 0:
        uri.userinfo_end = uri.host_start - 1
    host = match[4].decode("ascii")
    if host[0] == "[" and literal(host) is None:
        raise BadMessage("Malformed IPv6 address in URI")
    uri.host = canonical(host)
    port = match[5]
    if port is not None:
        uri.port_start, uri.port_end = match.span(5)
        uri.port = int(port)
        if uri.port > 65535:
            raise BadMessage("Port out of range in URI")
    uri.params_start, uri.params_end = match.span(6)
    uri.headers_start = match.start(7)
    return uri


def uri_in(data: bytes, start: int, end: int, parts: tuple[int, ...]) -> Uri:
    """The URI in ``data[start:end]``, whose parts are these (sbc.sip.scan)."""
    uri = Uri(data, start, end, "sips" if parts[0] else "sip")
    uri.user_start, uri.user_end = parts[1], parts[2]
    uri.host_start, uri.host_end = parts[3], parts[4]
    uri.port_start, uri.port_end, uri.port = parts[5], parts[6], parts[7]
    uri.params_start = parts[8]
    if uri.user_start >= 0:
        uri.userinfo_end = uri.host_start - 1
    uri.host = canonical(data[uri.host_start : uri.host_end].decode("ascii"))
    return uri


def _other(data: bytes, start: int, end: int) -> Uri:
    match = _OTHER.match(data, start, end)
    scheme = "" if match is None else match[1].decode("ascii").lower()
    if scheme in ("sip", "sips"):
        raise BadMessage("Malformed SIP URI")
    if match is None or match.end() != end or match.end(1) + 1 == end:
        raise BadMessage("Malformed URI")
    uri = Uri(data, start, end, scheme)
    if scheme == "tel":
        semicolon = data.find(b";", start, end)
        if semicolon >= 0:
            uri.params_start = semicolon
    return uri
