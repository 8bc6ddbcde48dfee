"""Addresses of the side that a message comes from, in what has no place for any: texts of errors, parameters of events
and signals, descriptors that nobody here reads. The other side is not to see them."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

from sbc.core.address import literal
from sbc.h248.binary_sweep import swept
from sbc.h248.mids import read_mid
from sbc.h248.named import Named
from sbc.text.literals import literals


def sweep(data: bytes, binary: bool, hidden: Collection[str], ours: str) -> bytes:
    """The message with every address of the hosts that are `hidden` written over by ours, but in names of
    terminations."""
    if not any(_may_show(data, binary, host) for host in hidden):
        return data
    if binary:
        return swept(data, hidden, ours, lambda each: _in_text(each, hidden, ours, None))
    return _in_text(data, hidden, ours, data)


def _may_show(data: bytes, binary: bool, host: str) -> bool:
    """Whether a message may have that address, as far as a look at its octets tells."""
    if (":" in host and data.count(b":") > 1) or _spelled(host).search(data) is not None:  # IPv6 has many spellings
        return True
    ip = literal(host) if binary else None
    return ip is not None and ip.packed in data


@lru_cache(maxsize=4096)
def _spelled(host: str) -> re.Pattern[bytes]:
    """A host as it may stand in a text, numbers of IPv4 with leading zeros (V4hex)."""
    return re.compile(rb"\.".join(rb"0{0,2}" + re.escape(part) for part in host.encode().split(b".")))


def _canonical(host: str) -> str:
    """The one spelling of an address that may be written as in an identifier."""
    mid = read_mid(b"[%b]" % host.encode())
    return host if mid is None or mid.address is None else mid.address.host


def _in_text(data: bytes, hidden: Collection[str], ours: str, message: bytes | None) -> bytes:
    """The same of a text; names of terminations are looked for where it is a whole message."""
    found = [each for each in sorted(literals(data, 0, len(data), _canonical)) if each.host in hidden]
    names = Named(message) if found and message is not None else ()
    parts, after = [], 0
    for each in found:
        if each.start >= after and each.start not in names:
            parts += [data[after : each.start], _instead(data[each.start : each.end], each.port, ours)]
            after = each.end
    return b"".join((*parts, data[after:])) if parts else data


def _instead(written: bytes, port: int, ours: str) -> bytes:
    host = f"[{ours}]" if written[:1] == b"[" or (port and ":" in ours) else ours
    return f"{host}:{port}".encode() if port else host.encode()
