"""A few of something, in the order they came: nearly always one, for which a table of its own would be dear."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T", bound=Hashable)

Group = tuple[T, ...] | dict[T, None]
"""None or one as a tuple, more as a dict: however many they become, one more costs the same."""


def joined(group: Group[T], what: T) -> Group[T]:
    """The group with `what` in it. The former one is not to be used any more."""
    if isinstance(group, dict):
        group[what] = None
        return group
    return (what,) if not group or group[0] == what else {group[0]: None, what: None}


def parted(group: Group[T], what: T) -> Group[T]:
    """The group without `what`, which need not be in it. The former one is not to be used any more."""
    if not isinstance(group, dict):
        return () if what in group else group
    group.pop(what, None)
    return group if len(group) > 1 else tuple(group)


def enter(groups: dict[K, Group[T]], key: K, what: T) -> None:
    """Let `what` be one of those at `key`."""
    groups[key] = joined(groups.get(key, ()), what)


def leave(groups: dict[K, Group[T]], key: K, what: T) -> None:
    """The twin of `enter`; what nobody is in is not kept."""
    left = parted(groups.get(key, ()), what)
    if left:
        groups[key] = left
    else:
        groups.pop(key, None)
