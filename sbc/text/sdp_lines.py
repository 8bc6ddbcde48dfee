"""The lines of a session description that hold addresses, and how each is written anew (RFC 8866, 3605, 8839)."""

from __future__ import annotations

import re

import attrs

from sbc.core.address import Address, bracketed, canonical, is_literal, is_unspecified
from sbc.core.message import BadMessage
from sbc.text.edits import Edits

MAX_PATH = 16
"""The most hops an ``a=path`` may have."""

_HOST = rb"[0-9A-Za-z_.:\[\]-]++"
_TRIPLE = rb"(\S++)[ \t]++(\S++)[ \t]++(\S++)[ \t]*+"  # nettype, addrtype, connection-address
_CONNECTION = re.compile(_TRIPLE)
_ORIGIN = re.compile(rb"(?:\S++[ \t]++){3,8}?" + _TRIPLE)  # some user names have spaces in them
_UNICAST = re.compile(rb"(" + _HOST + rb")(?:/[0-9/]*+)?")
_MEDIA = re.compile(rb"(\S++)[ \t]++([0-9]{1,5}|[$-])(?:/([0-9]{1,5}))?[ \t]++(\S++)(?:[ \t].*+)?")
_RTCP = re.compile(rb"([0-9]{1,5})(?:[ \t]++" + _TRIPLE + rb")?[ \t]*+")
_CANDIDATE = re.compile(
    rb"\S++[ \t]++([0-9]{1,5})[ \t]++(?i:udp)[ \t]++[0-9]++[ \t]++(\S++)[ \t]++([0-9]{1,5})[ \t]++typ[ \t]++\S++"
    rb"(?:[ \t]++raddr[ \t]++(\S++))?(?:[ \t]++rport[ \t]++([0-9]++))?(?:[ \t].*+)?"
)
_PATH_HOST = re.compile(rb"(?i:msrps?+)://(?>(?:[^@/\s]*+@)?)(\[[^\]/\s]*+\][^:/;\s]*+|[^:/;\s]++)")
_NO_STREAM = frozenset({"TCP", "TLS", "MSRP", "SCTP"})


@attrs.define(eq=False)
class Line:
    """One line: ``start:end`` its value, after ``c=`` or ``a=rtcp:``; ``line_start:line_end`` all with its line end."""

    data: bytes
    line_start: int
    start: int
    end: int
    line_end: int

    def delete(self, edits: Edits) -> None:
        """Leave the line out."""
        edits.delete(self.line_start, self.line_end)

    def match(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        return pattern.fullmatch(self.data, self.start, self.end)


@attrs.define(eq=False)
class Host:
    """Where one host is written: in a ``IN IP4 host`` triple, whose family digit is at `family`, or (-1) in a URI.

    `host` is canonical, and "" for what is no IP address or domain name: a wildcard of MGCP or H.248, an address of an
    ATM or telephone network (RFC 3108), all of which stay as they are.
    """

    data: bytes
    start: int
    end: int
    host: str
    family: int = -1

    def write(self, edits: Edits, host: str) -> None:
        """Put `host` here, with its own address family where one is written."""
        if host == self.host:
            return
        if self.family < 0:
            edits.replace(self.start, self.end, bracketed(host).encode("ascii"))
            return
        edits.replace(self.start, self.end, host.encode("ascii"))
        if is_literal(host):
            digit = family_of(host)
            if self.data[self.family : self.family + 1] != digit:
                edits.replace(self.family, self.family + 1, digit)

    def held(self, host: str) -> str:
        """What stands for `host` here: on hold (0.0.0.0, RFC 2543) stays on hold, in the address family of `host`."""
        if not is_unspecified(self.host):
            return host
        if not is_literal(host) or (":" in host) == (":" in self.host):
            return self.host
        return "::" if ":" in host else "0.0.0.0"


def family_of(host: str) -> bytes:
    """The digit after "IP": b"6" for an IPv6 literal, else b"4"."""
    return b"6" if ":" in host else b"4"


def triple(host: str) -> bytes:
    """``IN IP4 host``."""
    return b"IN IP" + family_of(host) + b" " + host.encode("ascii")


@attrs.define(eq=False)
class Rtcp:
    """An ``a=rtcp:`` line (RFC 3605); `host` is None where only the port is given."""

    index: int  # of the media line it belongs to
    line: Line
    port: int
    port_span: tuple[int, int]
    host: Host | None

    def write(self, edits: Edits, address: Address, implied: str) -> None:
        """Put `address` here, its host only where there was one or where it is not the one `implied` by ``c=``."""
        if address.port != self.port:
            edits.replace(*self.port_span, b"%d" % address.port)
        if self.host is not None:
            self.host.write(edits, self.host.held(address.host))
        elif address.host != implied and not is_unspecified(implied):
            edits.insert(self.port_span[1], b" " + triple(address.host))


@attrs.define(eq=False)
class Candidate:
    """An ``a=candidate:`` line for UDP (RFC 8839 section 5.1); `related`: spans of raddr and rport, -1 if absent."""

    line: Line
    component: int
    address: Address
    host_span: tuple[int, int]
    port_span: tuple[int, int]
    related: tuple[tuple[int, int], tuple[int, int]]

    def write(self, edits: Edits, address: Address) -> None:
        """Put `address` here, as the related address too: behind us there is nothing to relate to."""
        host, port = address.host.encode("ascii"), b"%d" % address.port
        for span, new in zip((self.host_span, self.port_span, *self.related), (host, port, host, port), strict=True):
            if span[0] >= 0 and self.line.data[span[0] : span[1]] != new:
                edits.replace(*span, new)


def _host(data: bytes, match: re.Match[bytes], group: int, what: str) -> Host:
    """The address triple whose nettype is `group`."""
    nettype, addrtype = match[group].upper(), match[group + 1].upper()
    start, end = match.span(group + 2)
    if nettype != b"IN" or match[group + 2] == b"$":
        return Host(data, start, end, "")
    unicast = _UNICAST.fullmatch(data, start, end)
    if addrtype not in (b"IP4", b"IP6") or unicast is None:
        raise BadMessage(f"Malformed SDP {what}")
    start, end = unicast.span(1)
    return Host(data, start, end, canonical(unicast[1].decode("ascii")), match.end(group + 1) - 1)


def read_connection(line: Line) -> Host:
    """The host of a ``c=`` line, time to live and count left out. Raises BadMessage if malformed."""
    match = line.match(_CONNECTION)
    if match is None:
        raise BadMessage("Malformed SDP c=")
    return _host(line.data, match, 1, "c=")


def read_origin(line: Line) -> Host:
    """The host of an ``o=`` line. Raises BadMessage if malformed."""
    match = line.match(_ORIGIN)
    if match is None:
        raise BadMessage("Malformed SDP o=")
    return _host(line.data, match, 1, "o=")


def read_rtcp(line: Line, index: int) -> Rtcp:
    """Raises BadMessage if malformed."""
    match = line.match(_RTCP)
    if match is None or int(match[1]) > 65535:
        raise BadMessage("Malformed SDP a=rtcp")
    host = None if match[2] is None else _host(line.data, match, 2, "a=rtcp")
    return Rtcp(index, line, int(match[1]), match.span(1), host)


def read_candidate(line: Line) -> Candidate | None:
    """None for what we have nothing to put in place of: other transports and components, names, malformed ones."""
    match = line.match(_CANDIDATE)
    if match is None:
        return None
    component, host, port = int(match[1]), match[2].decode("latin-1"), int(match[3])
    if component not in (1, 2) or not is_literal(host) or not 0 < port <= 65535:
        return None
    address = Address(canonical(host), port)
    return Candidate(line, component, address, match.span(2), match.span(3), (match.span(4), match.span(5)))


def read_path(line: Line) -> list[Host]:
    """The hosts of an ``a=path:`` line (MSRP, RFC 4975 section 8). Raises BadMessage if there are too many."""
    found: list[Host] = []
    for match in _PATH_HOST.finditer(line.data, line.start, line.end):
        if len(found) == MAX_PATH:
            raise BadMessage("SDP a=path is too long")
        found.append(Host(line.data, *match.span(1), canonical(match[1].decode("latin-1"))))
    return found


@attrs.define(eq=False)
class MediaLine:
    """One ``m=`` line and what follows it.

    `port` is 0 for a rejected stream and for a wildcard; `count` the number of ports after the slash (1 if none),
    which are part of `port_span`: what is written there is one pair.
    `address` is the effective ``c=`` host (canonical) and the port, None where that is no IP address or name. `mux`
    says whether RTP and RTCP may share the port (RFC 5761); `only` that with port 0 it is not turned down, but to be
    had by the transport of another stream alone (RFC 9143); `direction` is sendrecv, sendonly, recvonly or inactive.
    `relayed`: it is media over datagrams, which an engine can relay; `udptl`: it is T.38 over UDPTL.
    """

    index: int
    line: Line
    kind: str
    port: int
    port_span: tuple[int, int]
    count: int
    transport: str
    direction: str
    wildcard: bool
    relayed: bool
    udptl: bool
    mux: bool = False
    only: bool = False
    address: Address | None = None
    rtcp: Rtcp | None = None
    connection: Host | None = None  # of the effective c=, its own or the session's
    own: list[Host] = attrs.field(factory=list)
    candidates: list[Candidate] = attrs.field(factory=list)
    candidate_lines: int = 0
    paths: list[Host] = attrs.field(factory=list)

    @property
    def live(self) -> bool:
        """Whether it is a stream to relay: datagrams, not rejected, at an address."""
        return self.relayed and (self.port > 0 or self.only) and self.address is not None


def read_media(line: Line, index: int, direction: str) -> MediaLine:
    """Raises BadMessage if malformed."""
    match = line.match(_MEDIA)
    if match is None:
        raise BadMessage("Malformed SDP m=")
    wildcard = not match[2].isdigit()
    port = 0 if wildcard else int(match[2])
    if port > 65535:
        raise BadMessage("Port out of range in SDP m=")
    transport = match[4].decode("latin-1")
    layers = transport.upper().split("/")
    return MediaLine(
        index=index,
        line=line,
        kind=match[1].decode("latin-1").lower(),
        port=port,
        port_span=(match.start(2), match.end(3 if match[3] else 2)),
        count=int(match[3] or 1),
        transport=transport,
        direction=direction,
        wildcard=wildcard,
        relayed=layers[0] not in _NO_STREAM and "MSRP" not in layers,
        udptl="UDPTL" in layers,
    )
