"""What a call agent lets a connection be, in LocalConnectionOptions: codecs, packets, bandwidth (RFC 3435 section
2.3.5). A gateway chooses one of it, and describes that in its answer."""

from __future__ import annotations

import re

from sbc.core.message import Flow, Width
from sbc.mgcp.codec import MgcpMessage

MOST = 16
"""Codecs that count."""
_OPTION = re.compile(rb"[ \t]*+([a-zA-Z0-9/+-]{1,16})[ \t]*+:[ \t]*+([^,]{0,200})")
_CODEC = re.compile(r"[!-:<-~]{1,40}")


def wanted(message: MgcpMessage) -> tuple[Flow, ...]:
    """What the connection may be, each codec by itself; nothing where the command does not say any."""
    said = message.value("L")
    if not said:
        return ()
    options = {name.lower(): value.strip() for name, value in _OPTION.findall(said[:2_000])}
    width = Width(wire=_least(options.get(b"b", b"")) * 1_000, packing=_least(options.get(b"p", b"")))
    names = [each.strip() for each in options.get(b"a", b"").decode("ascii", "replace").split(";", MOST)[:MOST]]
    return tuple(Flow(f"audio {name}", width) for name in names if _CODEC.fullmatch(name))


def _least(text: bytes) -> int:
    """A number, or where a range begins; 0 where it is none."""
    first = text.partition(b"-")[0].strip()
    return int(first) if first.isdigit() and len(first) <= 6 else 0
