"""The structured headers of SIP, each value where it stands: name-addr lists, Via (RFC 3261 section 20)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sbc.core.address import Address, canonical, literal
from sbc.core.message import BadMessage
from sbc.sip.params import HEADER_PARAM, QUOTED, Parameterised, to_bytes, unfold, unquote
from sbc.sip.scan import BUILT, usual_name_addr, usual_via
from sbc.sip.uri import Uri, parse_uri, uri_in

if TYPE_CHECKING:
    from sbc.sip.codec import Header, SipMessage

MAX_VALUES = 64
"""The most values one header name may have in a message."""

_COMMA: Final = ord(",")
_ALIAS: Final = 1  # as scan.c has them
_RECEIVED: Final = 2
_SECURE: Final = frozenset({"TLS", "TLS-SCTP", "WSS"})
_COMMENT: Final = rb"\((?>(?:[^()\\]++|\\.)*)\)"
_TAIL: Final = rb"((?>(?:" + HEADER_PARAM + rb")*))\s*+(?>(?:" + _COMMENT + rb"\s*+)?)(,|\Z)"
_DISPLAY: Final = rb"(?>(?:[^\"<>,;(\\]++|\\[\"\\]|" + QUOTED + rb"|" + _COMMENT + rb")*)"
_NAME_ADDR: Final = re.compile(rb"\s*+(?:(" + _DISPLAY + rb")<([^<>]*+)>|([^\s\"<>,;?]++))" + _TAIL, re.DOTALL)
_VIA: Final = re.compile(
    rb"\s*+([^\s/,;]++\s*+/\s*+[^\s/,;]++\s*+/\s*+[^\s/,;]++)\s++"
    rb"(\[[0-9A-Fa-f:.]++\]|[0-9A-Za-z_][0-9A-Za-z_.-]*+)(?:\s*+:\s*+([0-9]{1,5}))?" + _TAIL,
    re.DOTALL,
)
_ONLY_TAG: Final = re.compile(rb";tag=([^\s;,\"<>]*+)")
_ELEMENT: Final = re.compile(rb"(?>(?:[^\",<]++|" + QUOTED + rb"|<[^<>]*+>)*)", re.DOTALL)


class NameAddr(Parameterised):
    """One name-addr or addr-spec with its parameters: a value of Contact, From, To, Route and their kind.

    ``start:end`` is the whole value in a comma list, without the space around it; ``uri_start:uri_end`` the URI alone.
    A parameter after a bare addr-spec belongs to the header, not to the URI (RFC 3261 section 20.10). `star` is true of
    the ``*`` of a Contact. `params_start` is where a first parameter may be inserted, `end` a last one.
    """

    __slots__ = ("start", "end", "uri_start", "uri_end", "star", "bracketed", "_uri", "_tag_span", "_parts")

    def __init__(self, data: bytes, start: int, uri: tuple[int, int], params: tuple[int, int]) -> None:
        self.data, self._parameters = data, None
        self.params_start, self.params_end = params
        self.start, self.end = start, self.params_end
        self.uri_start, self.uri_end = uri
        self.star, self.bracketed = False, True
        self._uri: Uri | None = None
        self._tag_span: tuple[int, int] | None = None  # once it is known; -1 where there is none
        self._parts: tuple[int, ...] | None = None  # where those of the URI are, if that is known

    def __repr__(self) -> str:
        return f"<NameAddr {self.data[self.start : self.end]!r}>"

    @property
    def uri(self) -> Uri:
        """The URI. Raises BadMessage if it is malformed, or is a star."""
        if self._uri is None:
            start, end, parts = self.uri_start, self.uri_end, self._parts
            self._uri = parse_uri(self.data, start, end) if parts is None else uri_in(self.data, start, end, parts)
        return self._uri

    @property
    def tag_span(self) -> tuple[int, int]:
        """Where the tag of a From or To value stands, quotes included; twice -1 if it has none. Raises BadMessage if
        there are too many parameters."""
        span = self._tag_span
        if span is None:
            match = _ONLY_TAG.fullmatch(self.data, self.params_start, self.params_end)  # as mostly
            span = self._tag_span = self.param_span("tag") or (-1, -1) if match is None else match.span(1)
        return span

    @property
    def tag(self) -> bytes:
        """The tag of a From or To value, empty if it has none."""
        start, end = self.tag_span
        return unfold(unquote(self.data[start:end])) if start >= 0 else b""

    @property
    def display(self) -> bytes:
        """What stands before the URI in angle brackets, as written, quotes and all."""
        return self.data[self.start : self.uri_start - 1].rstrip() if self.bracketed else b""


class Via(Parameterised):
    """One Via value. `host` is canonical, `port` 0 where none is given."""

    __slots__ = (
        "start", "end", "host", "port", "protocol_end", "host_start", "host_end", "port_start", "port_end",
        "_branch", "_rport", "_says",
    )  # fmt: skip

    def __init__(
        self, data: bytes, start: int, protocol_end: int, host: tuple[int, int], params: tuple[int, int]
    ) -> None:
        self.data, self._parameters = data, None
        self.start, self.protocol_end = start, protocol_end
        self.host_start, self.host_end = host
        self.port_start, self.port_end, self.port = -1, -1, 0
        self.params_start, self.params_end = params
        self.end = self.params_end
        self.host = canonical(data[self.host_start : self.host_end].decode("ascii"))
        self._branch = self._rport = (-1, -1)
        self._says = -1  # which parameters it has, once that is known without reading all

    def __repr__(self) -> str:
        return f"<Via {self.data[self.start : self.end]!r}>"

    @property
    def transport(self) -> str:
        """The transport it was sent over, in upper case."""
        return self.data[self.start : self.protocol_end].rpartition(b"/")[2].strip().decode("latin-1").upper()

    @property
    def address(self) -> Address:
        """The sent-by address, with the transport's default port where none is given."""
        return Address(self.host, self.port or (5061 if self.transport in _SECURE else 5060))

    @property
    def branch(self) -> bytes:
        """The branch parameter, empty where absent (peers of RFC 2543)."""
        if self._says < 0:
            return to_bytes(self.params.get("branch") or "")
        start, end = self._branch
        return self.data[start:end] if start >= 0 else b""

    @property
    def alias(self) -> bool:
        """Whether the connection may be used the other way (RFC 5923 section 5)."""
        return "alias" in self.params if self._says < 0 else self._says & _ALIAS != 0

    @property
    def rport(self) -> bool:
        """Whether its sender asks for answers to where it comes from (RFC 3581)."""
        return "rport" in self.params if self._says < 0 else self._rport[0] >= 0

    @property
    def seen(self) -> list[tuple[int, int]]:
        """Where `received` and `rport` stand, each whole, in order."""
        if self._says < 0 or self._says & _RECEIVED:
            return sorted(span for name in ("received", "rport") if (span := self.param_whole(name)) is not None)
        return [self._rport] if self._rport[0] >= 0 else []


def name_addrs(message: SipMessage, header: Header) -> list[NameAddr]:
    """The values of one header line of the name-addr kind. Raises BadMessage if it is malformed or has too many."""
    found: list[NameAddr] | None = header.parsed
    if found is None:
        data = message.data
        parts = usual_name_addr(data, header.start, header.end) if BUILT else None
        if parts is None:
            found = header.parsed = name_addrs_by_expression(data, header)
        else:
            value = NameAddr(data, header.start, (parts[9], parts[10]), (parts[11], header.end))
            value._tag_span, value._parts = (parts[12], parts[13]), parts
            found = header.parsed = [value]
    return found


def name_addrs_by_expression(data: bytes, header: Header) -> list[NameAddr]:
    """The values of a header line of that kind, however unusual they are. Raises BadMessage."""
    return [_name_addr(data, match) for match in _values(_NAME_ADDR, data, header)]


def _name_addr(data: bytes, match: re.Match[bytes]) -> NameAddr:
    if match[2] is not None:
        return NameAddr(data, match.start(1), match.span(2), match.span(4))
    value = NameAddr(data, match.start(3), match.span(3), match.span(4))
    value.bracketed, value.star = False, match[3] == b"*"
    return value


def vias(message: SipMessage) -> list[Via]:
    """Every Via value of the message, topmost first. Raises BadMessage if one is malformed or there are too many."""
    found: list[Via] = []
    for header in message.all("via"):
        if header.parsed is None:
            parts = usual_via(message.data, header.start, header.end) if BUILT else None
            if parts is None:
                header.parsed = vias_by_expression(message.data, header)
            else:
                value = Via(message.data, header.start, parts[0], (parts[1], parts[2]), (parts[6], header.end))
                value.port_start, value.port_end, value.port = parts[3], parts[4], parts[5]
                value._branch, value._rport, value._says = (parts[7], parts[8]), (parts[9], parts[10]), parts[11]
                header.parsed = [value]
        found += header.parsed
        if len(found) > MAX_VALUES:
            raise BadMessage("Too many Via values")
    return found


def vias_by_expression(data: bytes, header: Header) -> list[Via]:
    """The Via values of a header line, however unusual they are. Raises BadMessage."""
    return [_via(data, match) for match in _values(_VIA, data, header)]


def _via(data: bytes, match: re.Match[bytes]) -> Via:
    host, port = match[2].decode("ascii"), match[3]
    if host[0] == "[" and literal(host) is None:
        raise BadMessage("Malformed IPv6 address in Via")
    value = Via(data, match.start(1), match.end(1), match.span(2), match.span(4))
    if port is not None:
        value.port_start, value.port_end = match.span(3)
        value.port = int(port)
        if value.port > 65535:
            raise BadMessage("Port out of range in Via")
    return value


def _values(pattern: re.Pattern[bytes], data: bytes, header: Header) -> list[re.Match[bytes]]:
    found = []
    start, end, comma = header.start, header.end, pattern.groups  # the last group is the comma, or empty at the end
    while True:
        match = pattern.match(data, start, end)
        if match is None:
            raise BadMessage(f"Malformed {header.name.title()}")
        found.append(match)
        if not match[comma]:
            return found
        if len(found) == MAX_VALUES:
            raise BadMessage(f"Too many {header.name.title()} values")
        start = match.end()


def split_values(data: bytes, start: int, end: int) -> list[tuple[int, int]]:
    """Spans of the values of a comma list, space around them left out; commas in quotes or angle brackets do not count.

    Raises BadMessage on an empty value, an open quote or bracket, or too many values. White space alone is no value.
    """
    spans: list[tuple[int, int]] = []
    if not data[start:end].strip():
        return spans
    while True:
        match = _ELEMENT.match(data, start, end)
        stop = start if match is None else match.end()
        if stop < end and data[stop] != _COMMA:
            raise BadMessage("Unbalanced quote or bracket")
        raw = data[start:stop]
        text = raw.strip()
        if not text:
            raise BadMessage("Empty value in a list")
        start += len(raw) - len(raw.lstrip())
        spans.append((start, start + len(text)))
        if stop == end:
            return spans
        if len(spans) == MAX_VALUES:
            raise BadMessage("Too many values")
        start = stop + 1
