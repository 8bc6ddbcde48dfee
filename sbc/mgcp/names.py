"""Names of endpoints and call agents: a local part, and the domain it is found in (RFC 3435 sections 2.1.2, 2.1.4)."""

from __future__ import annotations

import re
from typing import NamedTuple

from sbc.core.address import Address, bracketed, canonical, is_literal

GATEWAY_PORT = 2427
AGENT_PORT = 2727
"""Where gateways and call agents take messages, where nothing else is said (section 3.5)."""

_ENTITY = re.compile(rb"(?:([^@\s]*+)@)?(\[[^\]\s]*+\]|[^:\s\[\]@]*+)(?::([0-9]{1,5}))?")


class Name(NamedTuple):
    """A name as it stands in a message. `local` is in lower case, since names are told apart without regard to it;
    `host` is canonical, without brackets, and empty where there is no domain; ``start:end`` is the domain's span."""

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
    def address(self) -> Address:
        """Where a gateway of that name believes to be."""
        return Address(self.host, self.port or GATEWAY_PORT)


def endpoint(data: bytes, start: int, end: int) -> Name:
    """The name of an endpoint in ``data[start:end]``."""
    at = data.rfind(b"@", start, end)
    if at < 0:
        return Name(data[start:end].lower(), "", end, end)
    host = canonical(data[at + 1 : end].decode("latin-1"))
    return Name(data[start:at].lower(), host, at + 1, end)


def entity(data: bytes, start: int, end: int) -> Name | None:
    """A NotifiedEntity in ``data[start:end]``: ``ca@[192.0.2.1]:2727``; None where it is none, or empty."""
    found = _ENTITY.fullmatch(data, start, end)
    if found is None or not found[2]:
        return None
    port = int(found[3] or b"0")
    if port > 65_535:
        return None
    host = canonical(found[2].decode("latin-1"))
    return Name((found[1] or b"").lower(), host, found.start(2), found.end(3 if found[3] else 2), port)


def domain(host: str) -> bytes:
    """A domain as names have it: an IP address stands in brackets."""
    return (bracketed(host) if ":" in host else f"[{host}]" if is_literal(host) else host).encode("ascii", "replace")


def member(local: bytes, connection: bytes) -> bytes:
    """What the core calls a connection: the endpoint's local name, and the connection's identifier."""
    return local + b" " + connection.upper()


def members_of(local: bytes) -> bytes:
    """The members of an endpoint, or of all that the wildcard in its name stands for (wildcards are read from the left:
    behind one is nothing else)."""
    wild = min((at for at in (local.find(b"*"), local.find(b"$")) if at >= 0), default=-1)
    return local + b" *" if wild < 0 else local[:wild] + b"*"
