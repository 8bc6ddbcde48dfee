"""Transport addresses as the core writes and compares them: an IP literal and a port."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NamedTuple

_PORTS = range(0, 65536)
_PRIVATE = tuple(
    ip_network(network)
    for network in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
    )
)


class Address(NamedTuple):
    """A host (IP literal in its canonical text, or a host name where a message held one) and a port.

    A tuple, so that it compares, hashes and unpacks as Twisted's own ``(host, port)``. Port 0 means "none given".
    """

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Pair(NamedTuple):
    """The two addresses of one media stream at one side; `rtcp` is None where the stream has none."""

    rtp: Address
    rtcp: Address | None


_LONGEST = 48  # characters of the longest IP literal, brackets and an embedded IPv4 address included


def literal(host: str) -> IPv4Address | IPv6Address | None:
    """The IP address that `host` spells, brackets allowed, or None if it is a name."""
    return _literal(host)[0] if len(host) <= _LONGEST else None


@lru_cache(maxsize=16384)
def _literal(host: str) -> tuple[IPv4Address | IPv6Address | None, str, bool, bool]:
    """The address and its canonical spelling, whether it is unspecified, whether private. Remembered, for the message
    path; what is too long never gets here."""
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    try:
        # a zone identifier names an interface of the sender, never of ours
        ip = None if "%" in host else ip_address(host)
    except ValueError:
        ip = None
    if ip is None:
        return None, host.lower(), False, False
    private = any(ip.version == network.version and ip in network for network in _PRIVATE)
    return ip, str(ip), ip.is_unspecified, private


def without_zeros(host: str) -> str:
    """An IPv4 address without leading zeros, which the syntax of some protocols allows; `host` is dotted."""
    return ".".join(part.lstrip("0") or "0" for part in host.split("."))


def is_literal(host: str) -> bool:
    """Whether `host` is an IP address rather than a name."""
    return literal(host) is not None


def canonical(host: str) -> str:
    """The one spelling of an IP literal (RFC 5952 for IPv6, no brackets); names come back in lower case."""
    return _literal(host)[1] if len(host) <= _LONGEST else host.lower()


def bracketed(host: str) -> str:
    """`host` as URIs write it: IPv6 literals in brackets (RFC 3986 section 3.2.2)."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def is_unspecified(host: str) -> bool:
    """Whether `host` is 0.0.0.0 or ::, which media descriptions use for "on hold" (RFC 3264 section 8.4)."""
    return len(host) <= _LONGEST and _literal(host)[2]


def is_specific(host: str) -> bool:
    """Whether `host` is an IP address of somebody: not a name, and not 0.0.0.0 or ::."""
    if len(host) > _LONGEST:
        return False
    ip, _, unspecified, _ = _literal(host)
    return ip is not None and not unspecified


def same_family(one: str, other: str) -> bool:
    """Whether both are of one IP version, as far as they are IP addresses."""
    return (":" in one) == (":" in other) or not is_literal(one) or not is_literal(other)


def unspecified_like(host: str) -> str:
    """The address that stands for any, 0.0.0.0 or ::, in the IP version of `host`."""
    return "::" if ":" in host else "0.0.0.0"


def network_of(host: str) -> str:
    """Whom an IP address stands for: of IPv4 itself; of IPv6 its /64, which whoever has one address there has whole."""
    return _network(host) if ":" in host else host


@lru_cache(maxsize=16_384)
def _network(host: str) -> str:
    ip = literal(host)
    return host if ip is None else f"{IPv6Address(int(ip) >> 64 << 64)}/64"


def is_private(host: str) -> bool:
    """Whether `host` is an IP address that means something else in each network (RFC 1918, 4193, 6598, loopback,
    link-local)."""
    return len(host) <= _LONGEST and _literal(host)[3]


def parse_address(text: str, default_port: int | None = None) -> Address:
    """Read ``host:port``, ``[v6]:port`` or, where a default port is given, a bare host.

    Raises ValueError, with a message fit for a person, on anything else.
    """
    host, port_text = text, ""
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")):
            raise ValueError(f"{text!r} is not [IPv6]:port")
        port_text = rest[1:]
        if literal(host) is None:
            raise ValueError(f"{host!r} is not an IPv6 address")
    elif text.count(":") == 1:
        host, _, port_text = text.partition(":")
    if not host:
        raise ValueError(f"{text!r} has no host")
    if not port_text:
        if default_port is None:
            raise ValueError(f"{text!r} has no port")
        return Address(canonical(host), default_port)
    if not port_text.isascii() or not port_text.isdigit() or int(port_text) not in _PORTS:
        raise ValueError(f"{port_text!r} is not a port (0 to 65535)")
    return Address(canonical(host), int(port_text))
