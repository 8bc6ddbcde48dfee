"""Which calls are for help: emergency numbers and services, however a phone writes them (RFC 3966, RFC 5031)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from sbc.sip.uri import Uri

_NUMBER: Final = re.compile(rb"\+?[0-9*#]++")
_SEPARATORS: Final = b"-.() "  # of no meaning in a number (RFC 3966 section 5.1.1)


def is_emergency(uri: Uri, wanted: Iterable[str]) -> bool:
    """Whether `uri` calls one of `wanted`: numbers, as they are dialled, or URNs of services.

    Separators, a plus sign, parameters (``;phone-context``) and the host do not count; a service includes its
    subservices (urn:service:sos.police). A number with a prefix is one of its own, to be named in `wanted` itself.
    """
    whole = uri.data[uri.start : uri.end]
    if uri.scheme == "urn":
        asked = whole.decode("latin-1").lower()
        return any(asked == each or asked.startswith(f"{each}.") for each in map(str.lower, wanted) if ":" in each)
    number = dialled(uri).translate(None, _SEPARATORS).removeprefix(b"+")
    return number.decode("latin-1").lower() in {each.lower().removeprefix("+") for each in wanted}


def dialled(uri: Uri) -> bytes:
    """The number or user that `uri` calls, without scheme, host and parameters; a number without separators."""
    user = uri.user if uri.is_sip else uri.data[uri.start + 4 : uri.end] if uri.scheme == "tel" else b""
    user = user.partition(b";")[0]
    number = user.translate(None, _SEPARATORS)
    return number if _NUMBER.fullmatch(number) else user
