"""Names of endpoints and call agents: a local part, and the domain it is found in (RFC 3435 sections 2.1.2, 2.1.4)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice, product
from typing import NamedTuple

from sbc.core.address import Address, bracketed, canonical, is_literal, without_zeros

GATEWAY_PORT = 2427
AGENT_PORT = 2727
"""Where gateways and call agents take messages, where nothing else is said (section 3.5)."""

MOST_RANGED = 65
"""Endpoints that one name with ranges is taken apart into."""
_DOMAIN = re.compile(rb"(\[[^\]\s]*+\]|[^:\s\[\]]*+)(?::([0-9]{1,5}))?")
_V4 = re.compile(r"\[?([0-9]{1,3}(?:\.[0-9]{1,3}){3})\]?")
_HELD = re.compile(r"(?<![0-9])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9])|[:\[\]]")
_RANGE = re.compile(rb"\[([0-9]{1,6}(?:-[0-9]{1,6})?(?:,[0-9]{1,6}(?:-[0-9]{1,6})?){0,63})\]")
_WILD = re.compile(rb"[*$](?:/[*$])*")
_ENTITY = re.compile(rb"(?:([^@\s]*+)@)?(\[[^\]\s]*+\]|[^:\s\[\]@]*+)(?::([0-9]{1,5}))?")


class Name(NamedTuple):
    """A name as it stands in a message. `local` is in lower case, since names are told apart without regard to it;
    `host` is canonical, without brackets, and empty where there is no domain; ``start:end`` is the domain's span, with
    the `port` behind it."""

    local: bytes
    host: str
    start: int
    end: int
    port: int = 0

    @property
    def is_address(self) -> bool:
        """Whether the domain is an IP address, in brackets or, as some write it, without."""
        return is_literal(self.host)

    @property
    def holds_address(self) -> bool:
        """Whether the domain is no name, or one that says an address: both sides would see it."""
        return not self.is_address and _HELD.search(self.host) is not None

    @property
    def address(self) -> Address:
        """Where a gateway of that name believes to be."""
        return Address(self.host, self.port or GATEWAY_PORT)


def endpoint(data: bytes, start: int, end: int) -> Name:
    """The name of an endpoint in ``data[start:end]``."""
    at = data.rfind(b"@", start, end)
    if at < 0:
        return Name(data[start:end].lower(), "", end, end)
    host, port = _domain(data, at + 1, end)
    return Name(data[start:at].lower(), host, at + 1, end, port)


def _domain(data: bytes, start: int, end: int) -> tuple[str, int]:
    """The host that a domain is, and the port some write behind it; what cannot be read is a name as a whole."""
    whole = canonical(data[start:end].decode("latin-1"))
    found = None if is_literal(whole) else _DOMAIN.fullmatch(data, start, end)
    if found is None:
        return whole, 0
    port = int(found[2] or b"0")
    return (_host(found[1].decode("latin-1")), port) if port <= 65_535 else (whole, 0)


def _host(text: str) -> str:
    """A host as it is compared: an address without brackets, leading zeros and the dot that may end a domain."""
    text = text.removesuffix(".")
    ip = _V4.fullmatch(text)
    return canonical(text if ip is None else without_zeros(ip[1]))


def entity(data: bytes, start: int, end: int) -> Name | None:
    """A NotifiedEntity in ``data[start:end]``: ``ca@[192.0.2.1]:2727``; None where it is none, or empty."""
    found = _ENTITY.fullmatch(data, start, end)
    if found is None or not found[2]:
        return None
    port = int(found[3] or b"0")
    if port > 65_535:
        return None
    host = _host(found[2].decode("latin-1"))
    return Name((found[1] or b"").lower(), host, found.start(2), found.end(3 if found[3] else 2), port)


def domain(host: str) -> bytes:
    """A domain as names have it: an IP address stands in brackets."""
    return (bracketed(host) if ":" in host else f"[{host}]" if is_literal(host) else host).encode("ascii", "replace")


def member(local: bytes, connection: bytes) -> bytes:
    """What the core calls a connection: the endpoint's local name, and the connection's identifier."""
    return local + b" " + connection.upper()


def members_of(local: bytes) -> tuple[bytes, ...]:
    """The members of an endpoint, or of all that the wildcards and ranges (``aaln/[1-4,7]``) in its name stand for.
    Behind a wildcard stand but others (section 2.1.2): a name that goes on otherwise is nobody's."""
    return tuple(_members(each) for each in islice(_each(local), MOST_RANGED))


def _members(local: bytes) -> bytes:
    wild = _WILD.search(local)
    if wild is not None and wild.end() == len(local):
        return local[: wild.start()] + b"*"
    return local if b"*" in local else local + b" *"  # no member is called as an endpoint alone is


def _each(local: bytes) -> Iterator[bytes]:
    """The names that one with ranges stands for, as long as they are asked for."""
    parts = _RANGE.split(local, 3)
    return map(b"".join, product(*(_numbers(part) if at % 2 else (part,) for at, part in enumerate(parts))))


def _numbers(ranges: bytes) -> list[bytes]:
    """The numbers of a range, each as it is written there."""
    found: list[bytes] = []
    for each in ranges.split(b","):
        first, _, last = each.partition(b"-")
        few = range(int(first), min(int(last or first), int(first) + MOST_RANGED) + 1)
        found += [b"%0*d" % (len(first) if first[:1] == b"0" else 0, number) for number in few] if last else [first]
    return found[:MOST_RANGED]
