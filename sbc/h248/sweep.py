"""Addresses of the side that a message comes from, in what has no place for any: texts of errors, parameters of events
and signals, descriptors that nobody here reads. The other side is not to see them."""

from __future__ import annotations

from collections.abc import Collection

from sbc.core.address import literal
from sbc.h248.named import Named
from sbc.text.literals import literals

_NO_DIGITS = bytes.maketrans(b"123456789", b"000000000")


def sweep(data: bytes, binary: bool, hidden: Collection[str], ours: str) -> bytes:
    """The message with every address of the hosts that are `hidden` written over by ours, but in names of terminations.
    In binary, where lengths around it would have to change, one that is written out in digits becomes as many zeros."""
    if binary:
        data = _packed(data, hidden, ours)
    if not any(":" in host or host.encode() in data for host in hidden):
        return data
    found = [each for each in sorted(literals(data, 0, len(data))) if each.host in hidden]
    names = Named(data) if found and not binary else ()
    parts, after = [], 0
    for each in found:
        if each.start >= after and each.start not in names:
            parts += [data[after : each.start], _instead(data[each.start : each.end], each.port, binary, ours)]
            after = each.end
    return b"".join((*parts, data[after:])) if parts else data


def _instead(written: bytes, port: int, binary: bool, ours: str) -> bytes:
    if binary:
        return written.translate(_NO_DIGITS)
    host = f"[{ours}]" if written[:1] == b"[" or (port and ":" in ours) else ours
    return f"{host}:{port}".encode() if port else host.encode()


def _packed(data: bytes, hidden: Collection[str], ours: str) -> bytes:
    own = literal(ours)
    for host in hidden:
        ip = literal(host)
        if ip is not None and own is not None and ip.version == own.version:
            data = data.replace(ip.packed, own.packed)
    return data
