"""The words by which nftables is told of bans: a table of ours, sets for each realm, and what is put in and out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address

from attrs import evolve

from sbc.bans.doors import Door
from sbc.bans.ledger import Key

_PRIORITY = -350  # before connection tracking (-200) has work with it, behind fragments are joined (-400)
_FAMILIES = {4: ("ip", "ipv4_addr"), 6: ("ip6", "ipv6_addr")}


def table(name: str, doors: Iterable[Door], numbers: Mapping[str, int], size: int) -> str:
    """The commands that make the table. `numbers` has each realm's, `size` says how many bans a set may have.

    The kernel knows by its flag that it belongs to who makes it: nobody else changes it, and it goes with its owner.
    """
    lines = [f"add table inet {name} {{ flags owner; }}", f"add counter inet {name} dropped"]
    for door_family, (_, kind) in _FAMILIES.items():
        lines.append(
            f"add map inet {name} doors{door_family} "
            f"{{ type inet_proto . {kind} . inet_service : verdict; flags interval; }}"
        )
    for number in numbers.values():
        lines += _realm(name, number, size)
    merged = list(_merged(doors))
    for family in _FAMILIES:
        found = ", ".join(
            f"{door.protocol} . {_hosts(door)} . {_ports(door.ports)} : jump r{numbers[door.realm]}"
            for door in merged
            if ip_address(door.host).version == family
        )
        if found:
            lines.append(f"add element inet {name} doors{family} {{ {found} }}")
    lines.append(f"add chain inet {name} guard {{ type filter hook prerouting priority {_PRIORITY}; policy accept; }}")
    lines += [
        f"add rule inet {name} guard meta l4proto . {words} daddr . th dport vmap @doors{family}"
        for family, (words, _) in _FAMILIES.items()
    ]
    return "\n".join(lines)


def _merged(doors: Iterable[Door]) -> Iterator[Door]:
    """The same doors, none of a realm over another of it: nftables refuses intervals that overlap."""
    last: Door | None = None
    for door in sorted(doors, key=lambda each: (each.realm, each.protocol, each.host, each.ports.start)):
        if last and evolve(last, ports=door.ports) == door and door.ports.start <= last.ports.stop:
            last = evolve(last, ports=range(last.ports.start, max(last.ports.stop, door.ports.stop)))
            continue
        if last:
            yield last
        last = door
    if last:
        yield last


def _realm(name: str, number: int, size: int) -> Iterator[str]:
    """Its sets, of hosts and of hosts with a port, and the chain that looks into them."""
    yield f"add chain inet {name} r{number}"
    for family, (words, kind) in _FAMILIES.items():
        for set_, key, what in (
            (f"r{number}h{family}", kind, f"{words} saddr"),
            (f"r{number}p{family}", f"{kind} . inet_service", f"{words} saddr . th sport"),
        ):
            yield f"add set inet {name} {set_} {{ type {key}; size {size}; flags timeout; counter; }}"
            yield f"add rule inet {name} r{number} {what} @{set_} fib daddr type local counter name dropped drop"


def _hosts(door: Door) -> str:
    """An address of ours, or all there are."""
    host = ip_address(door.host)
    return str(host) if not host.is_unspecified else f"{host}/0"


def _ports(ports: range) -> str:
    return str(ports.start) if len(ports) == 1 else f"{ports.start}-{ports.stop - 1}"


def element(key: Key, numbers: Mapping[str, int]) -> tuple[str, str]:
    """The set that a ban stands in, and how it is named there. @raises ValueError for a host that is no address,
    KeyError for a realm without a door."""
    realm, host, port = key
    ip = ip_address(host)
    if ip.version == 6 and ip.scope_id:  # which of two addresses it is no packet says
        raise ValueError(f"{host} has a scope")
    return f"r{numbers[realm]}{'p' if port else 'h'}{ip.version}", f"{ip} . {port}" if port else str(ip)


def changes(name: str, wanted: Mapping[Key, float | None], known: Iterable[Key], numbers: Mapping[str, int]) -> str:
    """The commands by which bans are put in, for so many seconds, renewed where they are `known`, or (None) taken out.

    Whether the kernel still has one nobody knows: so what is to be deleted is added before, which does no harm."""
    there, puts, outs, again = set(known), _Grouped(), _Grouped(), _Grouped()
    for key, seconds in wanted.items():
        set_, named = element(key, numbers)
        timed = f"{named} timeout {max(1, round((seconds or 1.0) * 1000))}ms"
        puts.add(set_, timed)
        if seconds is None or key in there:
            outs.add(set_, named)
        if seconds is not None and key in there:
            again.add(set_, timed)
    parts = [*puts.lines(f"add element inet {name}"), *outs.lines(f"delete element inet {name}")]
    return "\n".join([*parts, *again.lines(f"add element inet {name}")])


class _Grouped:
    """Elements by the sets they are of."""

    def __init__(self) -> None:
        self._sets: dict[str, list[str]] = {}

    def add(self, set_: str, element: str) -> None:
        """One more of them."""
        self._sets.setdefault(set_, []).append(element)

    def lines(self, command: str) -> Iterator[str]:
        """A command for each set."""
        for set_, elements in self._sets.items():
            yield f"{command} {set_} {{ {', '.join(elements)} }}"
