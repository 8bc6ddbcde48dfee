"""Keys of media in session descriptions, which nobody is to read (RFC 4568, 8839, 4567; RFC 4566 section 5.12)."""

from __future__ import annotations

import re

MASK = b"***"
"""What stands where something secret was, in what people are shown."""

# Lengths are bounded, so that no message takes long, however it was made; some stand indented, in what holds them.
_KEYS = re.compile(
    rb"^([ \t]{0,64}(?:a=crypto:(?:[ \t]*[0-9]{1,9}[ \t]+[A-Za-z0-9_]+[ \t]+)?|a=ice-pwd:|a=key-mgmt:|k=))[^\r\n]+",
    re.IGNORECASE | re.MULTILINE,
)


def hide_keys(data: bytes) -> bytes:
    """A message with the keys in its descriptions replaced. Its length changes; nothing else does."""
    return _KEYS.sub(rb"\1" + MASK, data)
