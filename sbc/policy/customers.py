"""Customers: terminals that have limits of their own, and some together; known by their users, or by where they are."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network

import attrs
from radix import Radix

from sbc.policy.limits import UNLIMITED, Caps

ANY = "*"


@attrs.frozen
class Customer:
    """Whoever is one of `users`, or in one of `networks`. A user is written as it is known, with ``*`` in place of what
    precedes a domain, or follows the beginning of a number. All its terminals together have `caps`; each has `each`,
    or, where that is None, what terminals of the realm have."""

    name: str
    users: tuple[str, ...] = ()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    caps: Caps = UNLIMITED
    each: Caps | None = None


class Customers:
    """Those of one realm. Finding one costs the same however many there are."""

    def __init__(self, customers: Sequence[Customer]) -> None:
        self._by_name = {each.name: each for each in customers}
        self._users: dict[bytes, Customer] = {}
        self._domains: dict[bytes, Customer] = {}
        self._beginnings: dict[bytes, Customer] = {}
        self._tree = Radix()
        for customer in customers:
            for user in customer.users:
                self._know(user.encode(), customer)
            for network in customer.networks:
                self._tree.add(str(network)).data["customer"] = customer
        self._lengths = sorted({len(each) for each in self._beginnings}, reverse=True)

    def _know(self, user: bytes, customer: Customer) -> None:
        if user.endswith(b"*"):
            self._beginnings[user[:-1]] = customer
        elif user.startswith(b"*@"):
            self._domains[user[2:]] = customer
        else:
            self._users[user] = customer

    def __len__(self) -> int:
        return len(self._by_name)

    def named(self, name: str) -> Customer | None:
        """The one of that name."""
        return self._by_name.get(name)

    def find(self, user: bytes, host: str) -> Customer | None:
        """Whose a terminal is. Of its user the whole says more than how it begins, the longest first, and that more
        than its domain; and any of these more than where it is, of which the smallest network counts."""
        found = self._users.get(user)
        if found is not None:
            return found
        for length in self._lengths:
            found = self._beginnings.get(user[:length])
            if found is not None:
                return found
        found = self._domains.get(user.rpartition(b"@")[2]) if b"@" in user else None
        return found or self._at(host)

    def _at(self, host: str) -> Customer | None:
        try:
            node = self._tree.search_best(host.partition("%")[0])  # of a link-local address the zone is no part
        except (ValueError, TypeError):
            return None
        found: Customer | None = None if node is None else node.data["customer"]
        return found
