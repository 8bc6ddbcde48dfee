"""The names of SIP headers: long or compact, in whatever case they are written (RFC 3261 section 7.3.1)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

MAX_NAME = 255
"""The longest header name, its colon included."""

COMPACT = {
    "a": "accept-contact",  # RFC 3841
    "b": "referred-by",  # RFC 3892
    "c": "content-type",
    "d": "request-disposition",  # RFC 3841
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "j": "reject-contact",  # RFC 3841
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "n": "identity-info",  # RFC 4474
    "o": "event",  # RFC 6665
    "r": "refer-to",  # RFC 3515
    "s": "subject",
    "t": "to",
    "u": "allow-events",  # RFC 6665
    "v": "via",
    "x": "session-expires",  # RFC 4028
    "y": "identity",  # RFC 8224
}
"""Compact names (IANA registry) and what they are short for."""

_USUAL: Final = """
    Accept Accept-Contact Accept-Encoding Accept-Language Alert-Info Allow Allow-Events Authorization Call-ID Call-Info
    Contact Content-Disposition Content-Encoding Content-Language Content-Length Content-Type CSeq Date Diversion Event
    Expires From History-Info Identity Max-Forwards Min-Expires Min-SE Organization P-Access-Network-Info
    P-Asserted-Identity P-Associated-URI P-Called-Party-ID P-Charging-Vector P-Early-Media P-Preferred-Identity Path
    Privacy Proxy-Authenticate Proxy-Authorization Proxy-Require RAck Reason Record-Route Refer-To Referred-By
    Remote-Party-ID Replaces Reply-To Request-Disposition Require Retry-After Route RSeq Server Service-Route
    Session-Expires SIP-ETag SIP-If-Match Subject Subscription-State Supported Timestamp To Unsupported User-Agent Via
    Warning WWW-Authenticate
"""
AT_ONCE: Final = {
    f"{written}:".encode(): COMPACT.get(name.lower(), name.lower())
    for name in (*_USUAL.split(), *COMPACT)
    for written in (name, name.lower(), name.upper())
}
_NAME: Final = re.compile(rb"([-.!%*_+`'~0-9A-Za-z]++)[ \t]*+:")


def names_of(lines: list[bytes]) -> list[str]:
    """The canonical name of each header: long, in lower case. "" for a line that begins with no name and colon."""
    names = [AT_ONCE.get(line[: line.find(b":") + 1], "") for line in lines]
    if "" in names:  # by far most messages never come here
        return [
            name or canonical_name(line[: line.find(b":", 0, MAX_NAME) + 1])
            for name, line in zip(names, lines, strict=True)
        ]
    return names


@lru_cache(maxsize=1024)
def canonical_name(raw: bytes) -> str:
    """The canonical name of the header that begins with `raw`, a name and its colon; "" if that is none."""
    match = _NAME.fullmatch(raw)
    if match is None:
        return ""
    name = match[1].decode("ascii").lower()
    return COMPACT.get(name, name)
