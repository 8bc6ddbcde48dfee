"""The kinds of value a key can hold: each reads one TOML value, and says in words what it allows."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, TypeVar

import attrs

from sbc.config.faults import Unfit
from sbc.core.address import Address, is_unspecified, literal, parse_address

_HIGHEST_PORT = 65535
_LOWEST_IN_RANGE = 1024  # below it ports need a privilege, and well-known services live there
_HOST_NAME_LENGTH = 253
_LABEL_LENGTH = 63
_WORD_LENGTH = 64
_DEVICE_SIZE = 16  # IFNAMSIZ, with the 0 at its end
_PINS_LENGTH = 200  # and with a pin's name less than the kernel engine's loader has room for
_BPF_FILES = "/sys/fs/bpf"
_MOST_IN_LIST = 64
_NO_PORT = -1
_EMERGENCY = re.compile(r"\+?[0-9*#]{1,20}|urn:[a-z0-9-]{1,32}:[a-z0-9.-]{1,64}", re.ASCII | re.IGNORECASE)
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")

E = TypeVar("E", bound=Enum)


@attrs.frozen
class Kind:
    """A kind of value. `read` gives the typed value or raises Unfit, and nothing else; `allowed` is for people."""

    allowed: str
    read: Callable[[object], Any]


def integer(low: int, high: int) -> Kind:
    """A whole number from `low` to `high`; true and 3.0 are none."""

    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise Unfit
        return value

    return Kind(f"an integer from {low} to {high}", read)


def seconds(low: float, high: float) -> Kind:
    """A time in seconds, whole or not; neither NaN nor infinity, which TOML has words for."""

    def read(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise Unfit
        return float(value)  # NaN and infinity have failed the comparison

    return Kind(f"seconds, a number from {low:g} to {high:g}", read)


def fraction() -> Kind:
    """A part of a whole: a number from 0 to 1."""

    def read(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise Unfit
        return float(value)

    return Kind("a number from 0 to 1", read)


def boolean() -> Kind:
    """true or false, and not 0 or 1."""

    def read(value: object) -> bool:
        if not isinstance(value, bool):
            raise Unfit
        return value

    return Kind("true or false", read)


def choice(words: type[E]) -> Kind:
    """One of the values of an enumeration."""
    by_word = {member.value: member for member in words}

    def read(value: object) -> E:
        if not isinstance(value, str) or value not in by_word:
            raise Unfit
        return by_word[value]

    return Kind("one of " + ", ".join(f'"{word}"' for word in by_word), read)


def choice_but(words: type[E], no: dict[str, str]) -> Kind:
    """One of the values of an enumeration. `no` are words one might well expect, and why they are none of them."""
    of_words = choice(words)

    def read(value: object) -> E:
        if isinstance(value, str) and value in no:
            raise Unfit(no[value])
        chosen: E = of_words.read(value)
        return chosen

    return Kind(of_words.allowed, read)


def word() -> Kind:
    """A name of ours: letters, digits, "-" and "_", so that it needs no quoting in logs, labels and console."""

    def read(value: object) -> str:
        if not isinstance(value, str) or not is_word(value):
            raise Unfit
        return value

    return Kind(f'a name of letters, digits, "-" and "_", at most {_WORD_LENGTH}', read)


def is_word(text: str) -> bool:
    """Whether `text` may be the name of a realm or path."""
    return 0 < len(text) <= _WORD_LENGTH and _LETTERS.issuperset(text.lower())


def text(allowed: str) -> Kind:
    """A string that is not empty and has no control characters."""

    def read(value: object) -> str:
        if not isinstance(value, str) or not value or not value.isprintable():
            raise Unfit
        return value

    return Kind(allowed, read)


def device() -> Kind:
    """The name of a network interface, as Linux allows them (net/core/dev.c, dev_valid_name); it need not be there."""

    def read(value: object) -> str:
        if not isinstance(value, str) or not 0 < len(value.encode()) < _DEVICE_SIZE or value in (".", ".."):
            raise Unfit
        if not value.isprintable() or any(each in "/:" or each.isspace() for each in value):
            raise Unfit
        return value

    return Kind("the name of a network interface, at most 15 octets", read)


def pins() -> Kind:
    """A folder of a BPF file system, in which no name has a dot (kernel/bpf/inode.c, bpf_lookup). Comes back in one
    spelling, since what stands on interfaces is known by it."""

    def read(value: object) -> str:
        if not isinstance(value, str) or not value.startswith("/") or not value.isprintable():
            raise Unfit
        found = "/" + "/".join(part for part in value.split("/") if part)
        if "." in found:
            raise Unfit("has a dot, and a BPF file system allows none")
        if found in ("/", _BPF_FILES):
            raise Unfit("is not one SBC's alone")
        if len(found.encode()) > _PINS_LENGTH:
            raise Unfit("is too long")
        return found

    return Kind(f'the absolute path of a folder, "{_BPF_FILES}/NAME", at most {_PINS_LENGTH} octets', read)


def ip(*, unspecified: bool = False) -> Kind:
    """An IP literal that one host can have; 0.0.0.0 and :: where `unspecified`. Comes back in canonical spelling."""

    def read(value: object) -> str:
        return _host_ip(value if isinstance(value, str) else "", unspecified)

    return Kind("an IP address, IPv4 or IPv6", read)


def network() -> Kind:
    """``IP/bits`` or a single IP, as a network of `ipaddress`."""

    def read(value: object) -> IPv4Network | IPv6Network:
        try:
            return ip_network(value if isinstance(value, str) else "")
        except ValueError as error:
            raise Unfit(str(error) if "host bits" in str(error) else "") from error

    return Kind('a network, for example "198.51.100.0/24", or an IP address', read)


def ip_port(*, unspecified: bool = False) -> Kind:
    """``IP:port`` or ``[IPv6]:port``."""

    def read(value: object) -> Address:
        address = _parsed(value, None)
        return Address(_host_ip(address.host, unspecified), address.port)

    return Kind("IP:port or [IPv6]:port", read)


def ip_maybe_port() -> Kind:
    """An IP literal with or without a port; the port comes back as None where it is not given."""

    def read(value: object) -> tuple[str, int | None]:
        address = _parsed(value, _NO_PORT)
        return _host_ip(address.host, False), None if address.port == _NO_PORT else address.port

    return Kind("an IP address, IP:port or [IPv6]:port", read)


def port() -> Kind:
    """A port to listen on."""
    return integer(1, _HIGHEST_PORT)


def port_range() -> Kind:
    """``"FIRST-LAST"``, both included; comes back as a range."""

    def read(value: object) -> range:
        return _ports(value)

    return Kind(f'"FIRST-LAST", ports from {_LOWEST_IN_RANGE} to {_HIGHEST_PORT}, for example "7000-7999"', read)


def pair_range() -> Kind:
    """A port range of whole RTP/RTCP pairs: RTP has the even port, RTCP the odd one above it (RFC 3550 section 11)."""

    def read(value: object) -> range:
        ports = _ports(value)
        if ports.start % 2:
            raise Unfit(f"starts with the odd port {ports.start}")
        if len(ports) == 1:
            raise Unfit("holds no pair of ports")
        if len(ports) % 2:
            raise Unfit(f"ends with the even port {ports[-1]}, which has no odd one beside it")
        return ports

    allowed = f'"FIRST-LAST", FIRST even and LAST odd, ports from {_LOWEST_IN_RANGE} to {_HIGHEST_PORT}'
    return Kind(f'{allowed}, for example "20000-29999"', read)


def host_name() -> Kind:
    """A DNS name or IP literal, in lower case or canonical spelling."""

    def read(value: object) -> str:
        return _host(value)

    return Kind("a host name or IP address", read)


def host_maybe_port() -> Kind:
    """An IP literal with its port, or a DNS name with or without one; comes back as an address, port 0 for none."""

    def read(value: object) -> Address:
        address = _parsed(value, _NO_PORT)
        if literal(address.host) is None and isinstance(value, str) and _is_name(address.host):
            return Address(address.host, 0 if address.port == _NO_PORT else address.port)
        if address.port == _NO_PORT:
            raise Unfit("has no port" if literal(address.host) is not None else "")
        return Address(_host_ip(address.host, False), address.port)

    return Kind("IP:port, [IPv6]:port, or a domain name with or without a port", read)


def emergency() -> Kind:
    """A number as it is dialled, or the URN of a service (RFC 5031); in lower case."""

    def read(value: object) -> str:
        if not isinstance(value, str) or not _EMERGENCY.fullmatch(value):
            raise Unfit
        return value.lower()

    return Kind('a number, for example "112", or a service, "urn:service:sos"', read)


def many(kind: Kind, least: int, what: str, *, again: bool = False) -> Kind:
    """An array of `least` or more values of `kind`, different ones unless one may stand there `again`; comes back as a
    tuple."""

    def read(value: object) -> tuple[Any, ...]:
        if not isinstance(value, list) or not least <= len(value) <= _MOST_IN_LIST:
            raise Unfit
        found: list[Any] = []
        for index, each in enumerate(value):
            try:
                one = kind.read(each)
            except Unfit as unfit:
                why = f": {unfit.problem}" if unfit.problem else ""
                raise Unfit(f"number {index} of the array is no such value{why}") from None
            if one in found and not again:
                raise Unfit(f"number {index} of the array stands there twice")
            found.append(one)
        return tuple(found)

    return Kind(f"an array of {least} to {_MOST_IN_LIST} {what}, each {kind.allowed}", read)


def table() -> Kind:
    """A table; what is in it is read by its own keys."""

    def read(value: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Unfit
        return value

    return Kind("a table", read)


def tables(example: str) -> Kind:
    """A non-empty array of tables."""

    def read(value: object) -> list[dict[str, Any]]:
        if not isinstance(value, list) or not value or not all(isinstance(each, dict) for each in value):
            raise Unfit
        return value

    return Kind(f"one table or more, each beginning with {example}", read)


def either(one: Kind, other: Kind) -> Kind:
    """What either of two kinds allows; where neither does, the fault is the first one's."""

    def read(value: object) -> Any:
        try:
            return one.read(value)
        except Unfit as unfit:
            try:
                return other.read(value)
            except Unfit:
                raise unfit from None

    return Kind(f"{one.allowed}; or {other.allowed}", read)


def _parsed(value: object, default_port: int | None) -> Address:
    if not isinstance(value, str):
        raise Unfit
    try:
        address = parse_address(value, default_port)
    except ValueError:
        raise Unfit from None
    if address.port == 0:
        raise Unfit("port 0 is none")
    return address


def _host_ip(host: str, unspecified: bool) -> str:
    address = literal(host)
    if address is None:
        raise Unfit("host names are not looked up here" if _is_name(host) else "")
    if address.version == 6 and address.ipv4_mapped is not None:
        raise Unfit("is an IPv4 address in IPv6 clothing; write the IPv4 address")
    if address.is_multicast or str(address) == "255.255.255.255":
        raise Unfit("is not the address of one host")
    if is_unspecified(host) and not unspecified:
        raise Unfit("stands for any address; here it must be one")
    return str(address)


def _host(value: object) -> str:
    if isinstance(value, str) and _is_name(value):
        return value.lower()
    return _host_ip(value if isinstance(value, str) else "", False)


def _is_name(host: str) -> bool:
    """Whether `host` is a DNS name (RFC 1123 section 2.1, underscores let pass) and not an IPv4 address gone wrong."""
    labels = host.lower().split(".")
    return (
        len(host) <= _HOST_NAME_LENGTH
        and not labels[-1].isdigit()
        and all(
            0 < len(label) <= _LABEL_LENGTH and _LETTERS.issuperset(label) and "-" not in (label[0], label[-1])
            for label in labels
        )
    )


def _ports(value: object) -> range:
    if not isinstance(value, str):
        raise Unfit
    first, dash, last = value.partition("-")
    if not dash or not _is_port_text(first) or not _is_port_text(last):
        raise Unfit
    low, high = int(first), int(last)
    if low < _LOWEST_IN_RANGE or high > _HIGHEST_PORT:
        raise Unfit
    if low > high:
        raise Unfit("runs backwards")
    return range(low, high + 1)


def _is_port_text(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len(str(_HIGHEST_PORT))
