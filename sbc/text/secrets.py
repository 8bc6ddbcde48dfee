"""Keys of media in session descriptions, which nobody is to read: how they stand there, said once for whoever reads
them, takes them out, or shows the rest to people (RFC 4568, 8839, 4567; RFC 4566 section 5.12)."""

from __future__ import annotations

import re

MASK = b"***"
"""What stands where something secret was, in what people are shown."""

HOLDING = rb"crypto[a-z0-9]*+|key-mgmt|ice-pwd|acap"
"""Attributes whose values are keys and passwords, or may be: ``cryptoscale`` is MS-SDPEXT's, ``acap`` holds any other
(RFC 5939)."""

NAMED = rb"(?i:a=(?:" + HOLDING + rb")(?![A-Za-z0-9-])|k=)"
"""How a line begins that holds one, with a colon or, against the grammar, without."""

# Lengths are bounded, so that no message takes long, however it was made; some stand indented, or right behind the
# bracket of what holds them. A keyed line names its suite, which may be known.
_KEYS = re.compile(
    rb"(?<![^\r\n{\"])([ \t]{0,64}" + NAMED + rb"(?::?[ \t]*[0-9]{1,9}[ \t]+[A-Za-z0-9_]+(?=[ \t])|:?)[ \t]*)[^\r\n]+"
)
_INLINE = re.compile(rb"(?i)(inline:[ \t]{0,64})(?!\*\*\*)[^\s|;\"<>]+")  # wherever it stands


def hide_keys(data: bytes) -> bytes:
    """A message with the keys in its descriptions replaced. Its length changes; nothing else does."""
    return _INLINE.sub(rb"\1" + MASK, _KEYS.sub(rb"\1" + MASK, data))
