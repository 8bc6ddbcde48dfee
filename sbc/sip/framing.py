"""SIP on a connection: where one message ends and the next begins (RFC 3261 section 18.3, RFC 5626 section 4.4.1), and
messages that come whole (RFC 7118)."""

from __future__ import annotations

import re

from zope.interface import implementer

from sbc.core.message import BadMessage
from sbc.interfaces import Framed, IFramer
from sbc.sip.codec import MAX_MESSAGE, BadSip, SipMessage, decode

MAX_HEADER = 32_768
"""The longest header section, start line included, in octets."""
MAX_START = 8_192
"""The longest start line, in octets."""
PONG = b"\r\n"

_START = re.compile(
    rb"(?:SIP/[0-9]++\.[0-9]++ [^\r\n\x00]*+|[^\s\x00]++ [^\r\n\x00]*?SIP/[0-9]++\.[0-9]++[ \t]*+)\r\n", re.IGNORECASE
)
_LENGTH = re.compile(rb"\r\n(?:content-length|l)[ \t]*+:[ \t]*+((?>(?:[^\r\n]++|\r\n(?=[ \t]))*))", re.IGNORECASE)
_END = b"\r\n\r\n"


@implementer(IFramer)
class SipFramer:
    """Cuts what a connection brings into messages. What does not make up one yet is kept, at most MAX_MESSAGE octets.

    After `broken` it takes nothing more: nobody can tell where the next message would begin.
    """

    def __init__(self) -> None:
        self._held = bytearray()
        self._searched = 0
        self._header = 0  # length of the header section of the message under way, once it is whole
        self._length = 0  # of that message
        self._blank = 0  # octets of line end since the last message
        self._broken = False

    @property
    def partial(self) -> bool:
        """Whether a message has begun and is not whole."""
        return bool(self._held)

    def feed(self, data: bytes) -> Framed:
        """What is whole now. Several pings at once get one pong: nobody is made to write more than was read."""
        framed = Framed()
        if self._broken:
            return framed
        self._held += data
        while self._held:
            if not self._header:
                if self._take_blanks():
                    framed.reply = PONG
                if not self._held or not self._begin(framed):
                    break
            if len(self._held) < self._length:
                break
            framed.messages.append(bytes(self._held[: self._length]))
            del self._held[: self._length]
            self._header = self._length = self._searched = 0
        return framed

    def _take_blanks(self) -> bool:
        """Pass over line ends before a message; whether a ping was among them."""
        held = self._held
        count = len(held) - len(held.lstrip(b"\r\n")) if held[0] in b"\r\n" else 0
        if count:
            del held[:count]
            self._blank += count
        pinged = self._blank >= len(_END)
        if held:
            self._blank = 0
        elif pinged:
            self._blank %= len(_END)
        return pinged

    def _begin(self, framed: Framed) -> bool:
        """Read the header section, if it is whole; whether it was, and says how long the message is."""
        held = self._held
        if self._searched == 0 and not self._start(framed):
            return False
        end = held.find(_END, max(self._searched - len(_END), 0), MAX_HEADER)
        if end < 0:
            self._searched = len(held)
            if len(held) >= MAX_HEADER:
                self._break(framed, "Header section too long", 513, len(held))
            return False
        header = end + len(_END)
        lengths = [match[1].strip() for match in _LENGTH.finditer(held, 0, end + 2)]
        if not lengths:
            self._break(framed, "Missing Content-Length", 400, header)
        elif len(lengths) > 1:
            self._break(framed, "More than one Content-Length", 400, header)
        elif not lengths[0].isdigit() or len(lengths[0]) > 20:
            self._break(framed, "Malformed Content-Length", 400, header)
        elif header + int(lengths[0]) > MAX_MESSAGE:
            self._break(framed, "Message too large", 513, header)
        else:
            self._header, self._length = header, header + int(lengths[0])
        return not self._broken

    def _start(self, framed: Framed) -> bool:
        """Whether what is there may yet become a message: other protocols are told by their first line."""
        held = self._held
        end = held.find(b"\n", 0, MAX_START)
        if end < 0:
            if len(held) >= MAX_START or b"\x00" in held:
                self._break(framed, "Not SIP", 400, 0)
            return False
        if _START.fullmatch(held, 0, end + 1) is None:
            self._break(framed, "Not SIP", 400, 0)
        return not self._broken

    def _break(self, framed: Framed, reason: str, status: int, header: int) -> None:
        """Nothing more can be read. The answer is made of the header section's first `header` octets."""
        framed.broken = BadSip(reason, status, _request(bytes(self._held[:header])))
        self._broken = True
        self._held.clear()


@implementer(IFramer)
class SipFrames:
    """Takes what comes by a WebSocket: one message at a time, so its Content-Length need not be there, or a keepalive
    (RFC 7118 sections 5 and 6)."""

    partial = False

    def feed(self, data: bytes) -> Framed:
        """What is in one WebSocket message."""
        if data.strip(b"\r\n"):
            return Framed([data])
        return Framed(reply=PONG if data.startswith(_END) else b"", stirred=True)


def _request(header: bytes) -> SipMessage | None:
    """The request that begins with `header`, as far as it can be read to answer it by."""
    try:
        message = decode(header)
    except BadSip as bad:
        return bad.partial
    except BadMessage:
        return None
    return message if message.is_request else None
