"""SIP messages for people to read: what a message is in a few words, and its text with what is secret in it masked."""

from __future__ import annotations

import re

from sbc.core.message import BadMessage
from sbc.sip.codec import decode
from sbc.text.secrets import MASK, hide_keys

_LONGEST = 160  # characters of what a message is

# Lengths are bounded, so that no message takes long, however it was made.
_ANSWERS = re.compile(
    rb'\b(response|rspauth|auts|ck|ik|digits)(\s{0,16}=\s{0,16})("(?>(?:[^"\\]|\\.){0,2048})"|[^\s,;"]{1,2048}+)',
    re.IGNORECASE,
)
"""Parameters of Digest, and of AKA, by which a password or key could be guessed or used (RFC 7616, RFC 3310); digits
that are keyed in, in NOTIFY (RFC 4730)."""
_TOKENS = re.compile(
    rb"^((?:proxy-)?authorization[ \t]*:\s*(?!digest\b)[^\s,]+)[ \t\r\n]+(?=[^\r\n])[^\r\n]*(?:\r?\n[ \t]+[^\r\n]*)*",
    re.IGNORECASE | re.MULTILINE,
)
"""Credentials of any other scheme than Digest are the secret itself (RFC 7617, RFC 8898)."""
_PASSWORDS = re.compile(rb'\b(sips?:[^\s:@<>"]{1,256}):[^\s@<>"]{1,256}@', re.IGNORECASE)
"""Passwords in addresses (RFC 3261 section 19.1.1)."""
_DIGITS = re.compile(rb"^(signal[ \t]*=[ \t]*)[^\r\n]+", re.IGNORECASE | re.MULTILINE)
"""Digits that are keyed in, in INFO (application/dtmf-relay): they may be a card's."""
_DTMF = re.compile(rb"^(?:content-type|c)[ \t]*:\s*application/dtmf[ \t]*(?:[;\r\n]|\Z)", re.IGNORECASE | re.MULTILINE)
_GAP = re.compile(rb"\r?\n\r?\n")


def tell(data: bytes) -> str:
    """What a message is: its method and address, or its status and what it answers."""
    try:
        message = decode(data)
    except BadMessage:
        return _words(data.lstrip(b"\r\n").partition(b"\n")[0].rstrip()) or "nothing"
    if message.is_request:
        text = f"{message.method} {_words(mask(message.text(message.uri_start, message.uri_end)))}"
    else:
        text = f"{message.status} {_words(message.reason)} to {message.method}"
    described = message.body_end > message.body_start and b"sdp" in (message.value("content-type") or b"").lower()
    return f"{text}, SDP" if described else text


def mask(data: bytes) -> bytes:
    """The message with credentials, keys, passwords and digits replaced. Its length changes; nothing else does."""
    data = _ANSWERS.sub(rb"\1\2" + MASK, data)
    data = _TOKENS.sub(rb"\1 " + MASK, data)
    data = _PASSWORDS.sub(rb"\1:" + MASK + b"@", data)
    data = hide_keys(data)
    data = _DIGITS.sub(rb"\1" + MASK, data)
    begin = len(data) - len(data.lstrip(b"\r\n"))
    gap = _GAP.search(data, begin)
    if gap is None or gap.end() == len(data) or _DTMF.search(data, begin, gap.start()) is None:
        return data
    return data[: gap.end()] + MASK


def _words(data: bytes) -> str:
    return data[:_LONGEST].decode("utf-8", "backslashreplace")
