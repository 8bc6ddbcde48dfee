"""Registrations that no registrar has confirmed yet. Anybody can begin very many of one user's: none costs a search."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from sbc.core import group
from sbc.core.binding import Binding, BindingState
from sbc.core.group import Group
from sbc.core.message import Place


class Pending:
    """They are found by place and flow, with the host or the label that they come from. Those that are confirmed are
    to be found `at` their place, and `by_user`."""

    def __init__(
        self, at: dict[tuple[str, bytes, Place], Group[Binding]], by_user: dict[tuple[str, bytes], Group[Binding]]
    ) -> None:
        self._at, self._by_user = at, by_user
        self._found: dict[Hashable, Group[Binding]] = {}

    def __iter__(self) -> Iterator[Binding]:
        return iter(dict.fromkeys(each for found in self._found.values() for each in found))

    def __len__(self) -> int:
        return len(self._found)

    def enter(self, binding: Binding) -> None:
        """Let it be found by what it is, pending or not."""
        if binding.state is not BindingState.PENDING:
            self._know(binding)
            return
        for key in _keys(binding):
            group.enter(self._found, key, binding)

    def confirm(self, binding: Binding) -> None:
        """A registrar has said yes to it, which has not moved yet."""
        for key in _keys(binding):
            group.leave(self._found, key, binding)
        self._know(binding)

    def leave(self, binding: Binding) -> None:
        """It is over, confirmed or not."""
        group.leave(self._at, (binding.realm.name, binding.user, binding.place), binding)
        group.leave(self._by_user, (binding.realm.name, binding.user), binding)
        for key in _keys(binding):
            group.leave(self._found, key, binding)

    def find(self, realm: str, user: bytes, place: Place, flow: bytes, host: str, label: bytes) -> Binding | None:
        """One of that place and flow which came from `host`, or else with that label, if it has any."""
        found = self._found.get(("host", realm, user, place, flow, host), ())
        found = found or (self._found.get(("label", realm, user, place, flow, label), ()) if label else ())
        return next(iter(found), None)

    def count(self, realm: str, user: bytes, host: str) -> int:
        """How many there are of that user at a host."""
        return len(self._found.get((realm, user, host), ()))

    def _know(self, binding: Binding) -> None:
        group.enter(self._at, (binding.realm.name, binding.user, binding.place), binding)
        group.enter(self._by_user, (binding.realm.name, binding.user), binding)


def _keys(binding: Binding) -> Iterator[Hashable]:
    realm, user, host = binding.realm.name, binding.user, binding.seen.host
    yield realm, user, host
    yield "host", realm, user, binding.place, binding.flow, host
    if binding.label:
        yield "label", realm, user, binding.place, binding.flow, binding.label
