"""SIP messages as spans of the bytes they came in: split once, read on demand, edited in place (RFC 3261 section 7)."""

from __future__ import annotations

import re
from itertools import accumulate
from typing import Any, Final, NoReturn

from sbc.core.message import BadMessage, NoMessage
from sbc.sip.bodies import BodyPart, body_parts
from sbc.sip.names import AT_ONCE, canonical_name, names_of
from sbc.sip.params import unfold
from sbc.sip.scan import BUILT, usual_headers
from sbc.text.edits import Edits

MAX_MESSAGE = 65_535
"""The longest message, in octets: what a UDP datagram can hold."""
MAX_HEADERS = 256
"""The most header lines."""
MAX_LINE = 8_192
"""The longest header, in octets, its folded lines included; the longest start line, too."""
TOO_LARGE = 2**31
"""The first CSeq number that is none (RFC 3261 section 8.1.1.5)."""
_TOKEN: Final = rb"[-.!%*_+`'~0-9A-Za-z]++"
_START: Final = re.compile(
    rb"(?:(" + _TOKEN + rb") (\S++) SIP/2\.0|SIP/2\.0 ([0-9]{3})(?: ([^\r\n]*+))?)(\r?\n)", re.IGNORECASE
)
_METHOD: Final = re.compile(_TOKEN)
_FIRST_WORD: Final = re.compile(_TOKEN + rb"(?=[ \t])")
_VERSION: Final = re.compile(rb"SIP/[0-9]++\.[0-9]++", re.IGNORECASE)
_NEXT_HEADER: Final = {eol: re.compile(eol + rb"(?![ \t])") for eol in (b"\r\n", b"\n")}
_MANDATORY: Final = {"via": "Via", "from": "From", "to": "To", "call-id": "Call-ID", "cseq": "CSeq"}
_MANDATORY_NAMES: Final = frozenset(_MANDATORY)
_SINGLE: Final = {
    "from": "From",
    "to": "To",
    "call-id": "Call-ID",
    "cseq": "CSeq",
    "max-forwards": "Max-Forwards",
    "content-length": "Content-Length",
    "content-type": "Content-Type",
}


class BadSip(BadMessage):
    """What came is not SIP.

    `status` is the answer it deserves; `partial` the request as far as it could be read, to answer it by, or None for a
    reply or where not even the start line could be read.
    """

    def __init__(self, reason: str, status: int = 400, partial: SipMessage | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.partial = partial


class Header:
    """One header: `name` canonical, ``start:end`` the value, ``line_start:line_end`` all with folds and line end."""

    __slots__ = ("name", "line_start", "line_end", "start", "end", "parsed")

    def __init__(self, name: str, line_start: int, line_end: int, start: int, end: int) -> None:
        self.name = name
        self.line_start = line_start
        self.line_end = line_end
        self.start = start
        self.end = end
        self.parsed: Any = None  # what sbc.sip.headers made of the value

    def __repr__(self) -> str:
        return f"<Header {self.name} {self.start}:{self.end}>"


class SipMessage:
    """A request or reply. Offsets are into `data`, which never changes; changes are put into `edits`.

    `method` of a reply is that of its CSeq. `status` is 0 for requests. ``body_start:body_end`` is the body as far as
    Content-Length goes. `call_id` and `hops`, which is Max-Forwards, are known once the message has been found valid.
    `cache` is for the dialect. `names` and `lines` are those of the headers, in order; `places` tells where in them a
    name stands first.
    """

    __slots__ = (
        "data", "edits", "cache", "is_request", "method", "status", "reason", "uri_start", "uri_end", "cseq",
        "headers_start", "headers_end", "body_start", "body_end", "eol", "names", "places", "lines", "call_id", "hops",
        "_offsets", "_headers", "_spans",
    )  # fmt: skip

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.edits = Edits()
        self.cache: dict[str, Any] = {}
        self.is_request = True
        self.method = ""
        self.status = 0
        self.reason = b""
        self.uri_start = self.uri_end = -1
        self.cseq: tuple[int, str] = (-1, "")
        self.headers_start = self.headers_end = self.body_start = self.body_end = len(data)
        self.eol = b"\r\n"
        self.names: list[str] = []
        self.places: dict[str, int] = {}
        self.lines: list[bytes] = []
        self.call_id = b""
        self.hops: int | None = None
        self._offsets: list[int] | None = None  # of the lines, their line ends left out of the count
        self._headers: dict[int, Header] = {}
        self._spans: list[int] | None = None  # four of each header, if they are known at once (sbc.sip.scan)

    def __repr__(self) -> str:
        what = self.method if self.is_request else f"{self.status} to {self.method}"
        return f"<SipMessage {what}, {len(self.data)} octets>"

    @property
    def headers(self) -> list[Header]:
        """Every header, in order. A line that is no header has the name ""."""
        return [self.header(index) for index in range(len(self.names))]

    def all(self, name: str) -> list[Header]:
        """The headers of that (canonical) name, in order."""
        place = self.places.get(name)  # mostly there is none or one, and most names there are are asked for
        if place is None:
            return []
        if len(self.places) == len(self.names):
            return [self.header(place)]
        return [self.header(index) for index, each in enumerate(self.names) if each == name]

    def among(self, names: frozenset[str]) -> list[Header]:
        """The headers that have one of those (canonical) names, in order."""
        if names.isdisjoint(self.places):
            return []
        return [self.header(index) for index, name in enumerate(self.names) if name in names]

    def first(self, name: str) -> Header | None:
        """The first header of that (canonical) name."""
        place = self.places.get(name)
        return None if place is None else self.header(place)

    def value(self, name: str) -> bytes | None:
        """The value of the first header of that name, unfolded, without the space around it; None if there is none."""
        place = self.places.get(name)
        if place is None:
            return None
        spans = self._spans
        if spans is not None:
            return self.data[spans[4 * place + 2] : spans[4 * place + 3]]
        line = self.lines[place]
        return unfold(line[line.find(b":") + 1 :].strip())

    def text(self, start: int, end: int) -> bytes:
        """The bytes as they came."""
        return self.data[start:end]

    def bodies(self) -> list[BodyPart]:
        """The body, or the leaves of a multipart body; empty if there is none. Raises BadMessage on a malformed one."""
        return body_parts(self.data, self.body_start, self.body_end, self.value("content-type") or b"")

    def header(self, index: int) -> Header:
        """The header in that place of `names`."""
        header = self._headers.get(index)
        if header is not None:
            return header
        spans = self._spans
        if spans is not None:
            at = 4 * index
            header = Header(self.names[index], spans[at], spans[at + 1], spans[at + 2], spans[at + 3])
        else:
            if self._offsets is None:
                self._offsets = list(accumulate(map(len, self.lines), initial=self.headers_start))
            line, step = self.lines[index], len(self.eol)
            line_start = self._offsets[index] + index * step
            whole = len(line)
            left = line[line.find(b":") + 1 :].lstrip()
            start = line_start + whole - len(left)
            line_end = min(line_start + whole + step, len(self.data))
            header = Header(self.names[index], line_start, line_end, start, start + len(left.rstrip()))
        self._headers[index] = header
        return header


def decode(data: bytes) -> SipMessage:
    """Read one message, as a datagram holds it or as framed from a stream.

    Leading line ends are passed over (RFC 3261 section 7.5), octets after the body ignored (section 18.3); both stay in
    `data`. Lines end in CR LF, or all of them in LF. Raises BadMessage only: NoMessage for nothing but line ends and
    NULs, and BadSip, with the request as far as it was read, where there is something to answer.
    """
    if len(data) > MAX_MESSAGE:
        raise BadMessage("Message too large")
    at = 0
    if not data or data[0] in b"\r\n\x00":
        if not data.strip(b"\r\n\x00"):
            raise NoMessage("keepalive")
        at = len(data) - len(data.lstrip(b"\r\n"))
    message = SipMessage(data)
    match = _START.match(data, at)
    if match is None:
        _bad_start(message, at)
    message.eol = match[5]
    if match[1] is None:
        message.is_request = False
        message.status = int(match[3])
        message.reason = match[4] or b""
    else:
        message.method = match[1].decode("ascii")
        message.uri_start, message.uri_end = match.span(2)
    try:
        _split(message, match.end())
        if match.end() - at > MAX_LINE:
            raise BadSip("Start line too long", 414)
        validate(message)
    except BadSip as bad:
        bad.partial = message if message.is_request else None
        raise
    return message


def _bad_start(message: SipMessage, at: int) -> NoReturn:
    """Say what is wrong with the first line; where it is a request's all the same, read the headers to answer it by."""
    data = message.data
    stop = data.find(b"\n", at)
    line = data[at:stop].rstrip(b"\r")
    method = _FIRST_WORD.match(line)
    version = _VERSION.fullmatch(line.rstrip().rpartition(b" ")[2])
    if stop < 0 or method is None or version is None:
        raise BadSip("Malformed Status-Line" if line[:4].upper() == b"SIP/" else "Not SIP")
    message.method = method[0].decode("ascii")
    message.eol = b"\r\n" if data[stop - 1 : stop] == b"\r" else b"\n"
    try:
        _split(message, stop + 1)
    except BadSip as bad:
        bad.partial = message
        raise
    if version[0].upper() == b"SIP/2.0":
        raise BadSip("Malformed Request-Line", 400, message)
    raise BadSip("Version Not Supported", 505, message)


def _split(message: SipMessage, start: int) -> None:
    """Find the header lines and the body. What is found before a fault is kept, for the answer."""
    usual = usual_headers(message.data, start, AT_ONCE, canonical_name) if BUILT and len(message.eol) == 2 else None
    if usual is None:
        split(message, start)
        return
    message.names, message.lines, message.places, message._spans, message.body_start = usual
    message.headers_start, message.headers_end = start, message.body_start - 2


def split(message: SipMessage, start: int) -> None:
    """The same, however unusual they are."""
    data, eol = message.data, message.eol
    step = len(eol)
    end = data.find(eol + eol, start - step)
    ended = end >= 0
    if not ended:
        end = len(data) - step if data.endswith(eol) else len(data)
    message.headers_start = start
    message.headers_end = message.body_start = max(start, end + step)
    if ended:
        message.body_start = end + 2 * step
    block = data[start:end] if end >= start else b""
    lines = block.split(eol) if end >= start else []
    breaks = max(len(lines) - 1, 0)
    if len(lines) <= MAX_HEADERS:
        names = names_of(lines)
    if len(lines) > MAX_HEADERS or "" in names:  # folded lines look like nameless ones
        lines = _NEXT_HEADER[eol].split(block)
        names = names_of(lines[:MAX_HEADERS])
    message.lines, message.names = lines[:MAX_HEADERS], names
    last = len(names) - 1
    message.places = dict(zip(names[::-1], range(last, -1, -1), strict=True))
    if len(lines) > MAX_HEADERS:
        raise BadSip("Too many headers")
    if block.count(b"\n") != breaks or block.count(b"\r") != (breaks if step == 2 else 0):
        raise BadSip("Stray CR or LF in the headers")
    if not ended:
        raise BadSip("No end of headers")
    if "" in names:
        raise BadSip("Malformed header line")
    if len(block) > MAX_LINE and max(map(len, lines)) > MAX_LINE:
        raise BadSip("Header too long")


def validate(message: SipMessage) -> None:
    """Check what every message must have (RFC 3261 section 8.1.1) and read CSeq and Content-Length. Raises BadSip."""
    names, places = message.names, message.places
    if not places.keys() >= _MANDATORY_NAMES:
        raise BadSip("Missing " + next(name for key, name in _MANDATORY.items() if key not in places))
    if len(places) != len(names):
        for key, name in _SINGLE.items():
            if names.count(key) > 1:
                raise BadSip(f"More than one {name}")
    message.call_id = message.value("call-id") or b""
    if not message.call_id:
        raise BadSip("Empty Call-ID")
    _read_cseq(message)
    message.hops = _number(message, "max-forwards")
    if message.hops is not None and message.hops > 255:
        raise BadSip("Malformed Max-Forwards")
    length = _number(message, "content-length")
    message.body_end = len(message.data) if length is None else message.body_start + length
    if message.body_end > len(message.data):
        raise BadSip("Content-Length is larger than the body")


def _read_cseq(message: SipMessage) -> None:
    parts = (message.value("cseq") or b"").split()
    if len(parts) != 2 or not parts[0].isdigit() or _METHOD.fullmatch(parts[1]) is None:
        raise BadSip("Malformed CSeq")
    number, method = parts[0], parts[1].decode("ascii")
    if len(number) > 10 or int(number) >= TOO_LARGE:
        raise BadSip("CSeq number out of range")
    message.cseq = (int(number), method)
    if message.is_request:
        if method != message.method:
            raise BadSip("CSeq method does not match")
    else:
        message.method = method
        if not 100 <= message.status <= 699:
            raise BadSip("Status code out of range")


def _number(message: SipMessage, name: str) -> int | None:
    """The value of a header that holds a number of at most ten digits, None if there is no such header."""
    if name not in message.places:
        return None
    digits = message.value(name) or b""
    if not digits.isdigit() or len(digits) > 10:
        raise BadSip(f"Malformed {_SINGLE[name]}")
    return int(digits)
