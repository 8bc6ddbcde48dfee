"""Message identifiers (MId) as text: who sends a message, or takes those to come (H.248.1 Annex B.2)."""

from __future__ import annotations

import re
from functools import lru_cache

from sbc.core.address import Address, canonical, literal, without_zeros
from sbc.h248.message import Form, Mid

MAX_MID = 512
"""The longest identifier that is read, in octets."""
_PORT = rb"(?::([0-9]{1,5}+))?"
_IP = re.compile(rb"\[\s*+([0-9A-Fa-f.:]{2,45}+)\s*+\]" + _PORT)
_DOMAIN = re.compile(rb"<\s*+([0-9A-Za-z][-.0-9A-Za-z_]{0,254}+)\s*+>" + _PORT)
_DEVICE = re.compile(rb"\*?+[0-9A-Za-z][-.*$/_@0-9A-Za-z]*+")
_MTP = re.compile(rb"MTP\s*+\{\s*+([0-9A-Fa-f]{4,8}+)\s*+\}", re.IGNORECASE)


def read_mid(text: bytes) -> Mid | None:
    """What an identifier says; None where it is none."""
    return None if len(text) > MAX_MID else _read(text)


@lru_cache(maxsize=4096)
def _read(text: bytes) -> Mid | None:
    """Remembered, for each message has one, and there are few. Its `at` is nobody's."""
    if text[:1] == b"[":
        return _host(_IP.fullmatch(text), text)
    if text[:1] == b"<":
        return _host(_DOMAIN.fullmatch(text), text)
    mtp = _MTP.fullmatch(text)
    if mtp is not None:
        return Mid(Form.MTP, None, text, mtp[1].lower())
    if _DEVICE.fullmatch(text) is None:
        return None
    return Mid(Form.DEVICE, None, text, text.lower())


def _host(match: re.Match[bytes] | None, text: bytes) -> Mid | None:
    if match is None:
        return None
    host, port = match[1].decode("ascii"), int(match[2] or 0)
    if port > 65_535:
        return None
    bare = host.rstrip(".") if text[:1] == b"<" else host  # an address is one however it is put, and is not shown
    ip = literal(bare) or literal(without_zeros(bare))  # V4hex may have them
    if ip is None and text[:1] == b"<":
        return Mid(Form.DOMAIN, Address(host.lower(), port), text)
    if ip is None:
        return None
    return Mid(Form.IP4 if ip.version == 4 else Form.IP6, Address(str(ip), port), text)


def read_place(text: bytes) -> Mid | None:
    """A ServiceChangeAddress: an identifier, or a port alone."""
    if text.isdigit() and len(text) <= 5:
        port = int(text)
        return Mid(Form.PORT, Address("", port), text) if port <= 65_535 else None
    return read_mid(text)


def mid_text(address: Address) -> bytes:
    """An address as an identifier: ``[192.0.2.1]:2944``, ``<gw.example>:2944``; without port where that is 0."""
    host = canonical(address.host)
    text = f"[{host}]" if literal(host) is not None else f"<{host}>"
    return f"{text}:{address.port}".encode() if address.port else text.encode()
