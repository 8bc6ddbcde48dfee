"""MGCP messages for people to read: what a message is in a few words, and its text with what is secret in it masked."""

from __future__ import annotations

import re

from sbc.core.message import BadMessage
from sbc.mgcp.codec import decode
from sbc.text.secrets import MASK, hide_keys

_LONGEST = 160  # characters of what a message is

# Lengths are bounded, so that no message takes long, however it was made.
_OPTIONS = re.compile(rb"^L[ \t]*:[^\r\n]*", re.IGNORECASE | re.MULTILINE)
_OPTION_KEY = re.compile(rb"(?i)((?:[:,]|^L[ \t]*:)[ \t]*k:)[^,\r\n]+")
"""The encryption key among LocalConnectionOptions (RFC 3435 section 3.2.2.10)."""
_EVENTS = re.compile(rb"^[OS][ \t]*:[^\r\n]*", re.IGNORECASE | re.MULTILINE)
_DIGIT = re.compile(
    rb"(?i)(\bD(?:TMF)?/)[0-9A-D*#]++T?(?![0-9A-Za-z])|([:,][ \t]*+)[0-9A-D*#]++T?(?=[ \t]*(?:[,(\r\n]|\Z))"
)
"""Digits that were keyed in, or are to be played, by the name of their package or (where that is the endpoint's
default) without, one by one or all that a digit map has gathered: they may be a card's."""


def tell(data: bytes) -> str:
    """What a message is: its verb, number and endpoint, or code, number and comment."""
    try:
        message = decode(data)
    except BadMessage:
        return _words(data.lstrip(b"\r\n").partition(b"\n")[0].rstrip()) or "nothing"
    if message.code is None:
        text = f"{message.verb} {message.number} {_words(data[slice(*message.endpoint)])}"
    else:
        text = f"{message.code:03} {message.number} {_words(data[slice(*message.text)])}".rstrip()
    return f"{text}, SDP" if message.bodies else text


def mask(data: bytes) -> bytes:
    """The message with keys and digits replaced. Its length changes; nothing else does."""
    data = hide_keys(data)
    data = _OPTIONS.sub(lambda line: _OPTION_KEY.sub(rb"\1" + MASK, line[0]), data)
    return _EVENTS.sub(lambda line: _DIGIT.sub(_masked, line[0]), data)


def _masked(digits: re.Match[bytes]) -> bytes:
    return (digits[1] or digits[2]) + MASK


def _words(data: bytes) -> str:
    return data[:_LONGEST].decode("utf-8", "backslashreplace")
