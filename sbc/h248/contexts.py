"""The calls that one transaction is about: each context in which something is done with media is one, by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sbc.h248.message import ALL, CHOOSE, NULL, Action, Command, Verb

GATHER = frozenset({Verb.ADD, Verb.MOVE})
"""Commands by which a termination comes into a context."""
LATCH = b"ipnapt/latch"
"""The signal by which a controller has media taken from wherever it comes (H.248.37)."""
NO_CALL = frozenset({NULL, CHOOSE, ALL})
"""Contexts that are none: not in a call, one that the gateway is to choose, all there are."""
NOWHERE = -1
"""The place of an action that is about no call's media, where others of its transaction are."""


def concerns_media(action: Action) -> bool:
    """Whether an action puts terminations into a context, or says where their media goes, or comes from."""
    return any(command.verb in GATHER or latches(command) or says_place(command) for command in action.commands)


def latches(command: Command) -> bool:
    """Whether a command has media latched."""
    return LATCH in (command.signals or ())


def says_place(command: Command) -> bool:
    """Whether a command says where media goes."""
    return any(map(_has_place, _texts(command)))


def places(actions: Sequence[Action]) -> list[int]:
    """Of which of the calls that a transaction is about each action is: 0 the first, and all where it is about the
    media of none; NOWHERE what is about none of them. Each context that the gateway is to choose is another."""
    found: list[int] = []
    known: dict[bytes, int] = {}
    count = 0
    for action in actions:
        place = NOWHERE
        if action.context not in (NULL, ALL) and concerns_media(action):
            place = known.get(action.context, count)
            count = max(count, place + 1)
            if action.context != CHOOSE:
                known[action.context] = place
        found.append(place)
    if not count:
        return [0] * len(actions)
    return [known.get(action.context, place) for action, place in zip(actions, found, strict=True)]


def _texts(command: Command) -> Iterator[bytes]:
    for stream in command.streams:
        for description in (stream.local, stream.remote):
            yield from (group.text for group in (description.groups if description is not None else ()))


def _has_place(text: bytes) -> bool:
    """Whether a session description says an address: all that the gateway is to choose says none."""
    return any(line.lstrip()[:2] == b"c=" and b"$" not in line for line in text.split(b"\n"))
