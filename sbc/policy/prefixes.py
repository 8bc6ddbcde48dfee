"""Which prefixes hold an address: by a radix tree, however many there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network

from radix import Radix

Network = IPv4Network | IPv6Network

MOST_HOSTS = 65_536
"""Hosts of which it is remembered what they are in: of those that come again nothing is looked for. When it is full all
are forgotten, so that a flood from everywhere costs no more than the search."""


PIECE = 1_000
"""Prefixes that are given up at a time."""


class Prefixes:
    """Prefixes, each with a mask of bits. What a mask stands for is the caller's."""

    def __init__(self, entries: Iterable[tuple[Network, int]] = ()) -> None:
        masks: dict[Network, int] = {}
        for network, mask in entries:
            masks[network] = masks.get(network, 0) | mask
        self._tree = Radix()
        for network in sorted(masks, key=_length):  # what holds another comes before it, and hands its bits down
            mask, whole = masks[network], str(network)
            outer = self._tree.search_best(whole)
            self._tree.add(whole).data["mask"] = mask if outer is None else mask | outer.data["mask"]
        self._known: dict[str, int] = {}
        self._size = len(masks)

    def __len__(self) -> int:
        return self._size

    def find(self, host: str) -> int:
        """The bits of all prefixes that hold `host`, an IP literal; 0 where none does."""
        if not self._size:
            return 0
        found = self._known.get(host)
        if found is None:
            found = self.search(host)
            if len(self._known) >= MOST_HOSTS:
                self._known.clear()
            self._known[host] = found
        return found

    def search(self, host: str) -> int:
        """The same, for who remembers it."""
        if not self._size:
            return 0
        try:
            node = self._tree.search_best(host.partition("%")[0])  # of a link-local address the zone is no part
        except (ValueError, TypeError):
            return 0
        return 0 if node is None else int(node.data["mask"])

    def give_up(self) -> Iterator[None]:
        """Take all prefixes off, so many at a time: of a tree that is freed as a whole nobody else runs until the last
        is gone, whatever thread does it. Nobody may ask any more."""
        names: list[str] = []
        for node in self._tree:
            names.append(node.prefix)
            if len(names) % PIECE == 0:
                yield
        while names:
            for name in names[-PIECE:]:
                self._tree.delete(name)
            del names[-PIECE:]
            yield
        self._known.clear()
        self._size = 0


def _length(network: Network) -> int:
    return network.prefixlen
