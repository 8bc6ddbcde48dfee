"""What cannot be written over in the octets is put into the value, and the PDU encoded anew: digits that are an odd
number more or fewer, IPv6 in place of a source route."""

from __future__ import annotations

from typing import Any

from sbc.core.address import Address, literal
from sbc.h323 import per
from sbc.h323.pdu import Pdu
from sbc.h323.spots import Noted, Spot

GONE = object()
"""In place of a value: what may be missing is to be."""
Chain = tuple[tuple[str, int], ...]
"""Where a PDU is in its message, outermost first: what holds it, and which of those it is that are held so."""


def chain_of(pdu: Pdu) -> Chain:
    """Where a PDU is, whatever is dropped around it."""
    parent = pdu.parent
    if parent is None:
        return ()
    alike = [each for each in parent.children if each.holder == pdu.holder]
    return (*chain_of(parent), (pdu.holder, next(at for at, each in enumerate(alike) if each is pdu)))


def at_chain(root: Pdu, chain: Chain) -> Pdu | None:
    """The PDU that is there; None where it was dropped."""
    for holder, which in chain:
        alike = [each for each in root.children if each.holder == holder]
        if which >= len(alike):
            return None
        root = alike[which]
    return root


def refuse_losses(pdu: Pdu, octets: bytes) -> None:
    """@raises ValueError where encoding a PDU anew would not give back its octets: something in it is unknown, or its
    sender encodes otherwise than X.691 says."""
    if not pdu.understood or per.encode(pdu.type, pdu.whole) != octets:
        raise ValueError(f"{pdu.name} holds something that would be lost")


def changed(whole: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """The same value with another part at a path; what is beside it is shared. @raises ValueError where there is no
    such path."""
    if not path:
        return value
    if value is GONE and len(path) == 1 and isinstance(whole, dict):
        return {name: each for name, each in whole.items() if name != path[0]}
    name, rest = path[0], path[1:]
    if isinstance(whole, dict) and name in whole:
        return {**whole, name: changed(whole[name], rest, value)}
    if isinstance(whole, list) and isinstance(name, int) and name < len(whole):
        return [*whole[:name], changed(whole[name], rest, value), *whole[name + 1 :]]
    if isinstance(whole, tuple) and whole[0] == name:
        return name, changed(whole[1], rest, value)
    raise ValueError(f"there is no {name}")


def value_of(spot: Spot, wanted: Any) -> Any:
    """`wanted`, as the type at the spot writes it. @raises ValueError where it cannot."""
    if spot.kind is Noted.ALIAS:
        return wanted[1]
    if spot.kind is Noted.TOKENS:
        return wanted
    if spot.kind not in (Noted.ADDRESS, Noted.SOURCE_ROUTE):
        raise ValueError(f"{spot.kind.value} {spot.form} cannot be written")
    return transport_address(wanted, spot.form in ("iPAddress", "iP6Address", "iPSourceRouteAddress"))


def transport_address(address: Address, of_h245: bool = False) -> tuple[str, dict[str, Any]]:
    """An IP address and port as H.225.0 has them, or H.245. @raises ValueError for a host name."""
    ip = literal(address.host)
    if ip is None:
        raise ValueError(f"{address.host} is no IP address")
    if of_h245:
        form, host, port = ("iP6Address" if ip.version == 6 else "iPAddress"), "network", "tsapIdentifier"
    else:
        form, host, port = ("ip6Address" if ip.version == 6 else "ipAddress"), "ip", "port"
    return form, {host: ip.packed, port: address.port}
