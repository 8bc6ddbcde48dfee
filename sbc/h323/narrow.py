"""A message that proposes less than it did: of fast connect some proposals are left out (H.323 clause 8.1.7.1), of a
capability set the codecs for which there is no room (H.245 clauses B.2.2 and C.3); of video the rate is lowered.

Each proposal of fast connect is a string of octets in a list, so the others stay as they are, octet by octet. The
entries of a capability set are not aligned: it is encoded anew, and stays as it is where that would lose something.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import attrs

from sbc.core.message import Flow, Slot
from sbc.h323.capabilities import CAPABILITY, MEANS, NUMBER, TABLE, kind_of, regrouped, said, sets, stays
from sbc.h323.codec import Message, decode
from sbc.h323.formats import media_of, slower, width_of
from sbc.h323.logical import FAST_START, parameters_of, proposals, session_of
from sbc.h323.pdu import Pdu
from sbc.policy.bandwidth import Possible

_REFERENCES = frozenset(
    {
        *("primaryEncoding", "secondaryEncoding", "protectedCapability"),
        *("capabilityOnMuxStream", "capabilities", "oneOfCapabilities"),
    }
)
"""Components by which something else than descriptors means entries: these stay."""

Proposal = tuple[Any, Flow]
"""The session of a proposal, and what it would have flow there."""


@attrs.define(eq=False)
class Narrowing:
    """What is to be left of a message: `proposals` best first, `gone` those that go; of what its sender is able to take
    what stands at those places (`able`), and how fast; None where all of it stays."""

    proposals: list[Proposal] = attrs.field(factory=list)
    gone: set[Proposal] = attrs.field(factory=set)
    able: Possible | None = None

    def keep(self, slot: Slot, formats: tuple[int, ...] | None) -> bool:
        """Let what is proposed at `slot` stay, or go where there are no formats at all; see IDialect. What is opened
        outside of fast connect is one channel, that can only be taken or not."""
        if slot.at.pdu.holder != FAST_START:
            return formats == ()
        proposal = (slot.stream, Flow(slot.media, slot.width))
        if formats is None:
            self.gone.add(proposal)
        elif proposal not in self.proposals:
            self.proposals.append(proposal)
        return True


def able(message: Message) -> Iterator[Flow]:
    """What the sender of a message says that it can take or send of voice and video, in order."""
    for pdu in sets(message):
        for _, flow in _entries(pdu.value):
            yield flow


def _entries(value: Any) -> Iterator[tuple[int, Flow]]:
    """The entries of voice and video: their numbers, and what would flow."""
    for entry in value.get(TABLE, ()):
        if kind := kind_of(entry):
            data_type = (kind, said(entry)[1])
            yield entry[NUMBER], Flow(media_of(data_type), width_of(data_type))


def narrowed(data: bytes, wanted: Narrowing, notes: list[str]) -> bytes:
    """The message with what is left of it; what was done about it is added to `notes`."""
    message = decode(data)
    if wanted.gone or len(wanted.proposals) > 1:
        _leave_proposals(message, wanted)
    if wanted.able is not None:
        _leave_capabilities(message, wanted.able)
    notes += [note for note in message.resized if note not in notes]
    return message.encode()


def _leave_proposals(message: Message, wanted: Narrowing) -> None:
    root = message.pdu
    proposed = [_proposal(pdu) for pdu in proposals(message)]
    ranks = {each: rank for rank, each in enumerate(wanted.proposals)}
    order = [place for place, each in enumerate(proposed) if each not in wanted.gone]
    # of each session the better first, at the places that its proposals have now
    ranked = {
        session: sorted(
            (ranks[each], place) for place, each in enumerate(proposed) if each in ranks and each[0] == session
        )
        for session in {each[0] for each in ranks}
    }
    turns = {session: iter(places) for session, places in ranked.items()}
    order = [next(turns[proposed[place][0]])[1] if proposed[place] in ranks else place for place in order]
    if root is not None and order != list(range(len(proposed))):
        message.leave(root, FAST_START, order)


def _proposal(pdu: Pdu) -> Proposal:
    parameters = parameters_of(pdu.whole)
    data_type = parameters.get("dataType")
    return session_of(parameters) or "channel ", Flow(media_of(data_type), width_of(data_type))


def _leave_capabilities(message: Message, possible: Possible) -> None:
    """Let capability sets hold no more of what `able` tells than what stands at those places of it."""
    first = 0
    for pdu in sets(message):
        numbers = [number for number, _ in _entries(pdu.value)]
        left = {
            numbers[place - first]: (rank, rate)
            for rank, (place, rate) in enumerate(possible)
            if first <= place < first + len(numbers)
        }
        first += len(numbers)
        try:
            message.put_value(pdu, _with(pdu.value, set(numbers), left, message.resized))
        except ValueError as error:
            stays(message, pdu, error)


def _with(
    value: dict[str, Any], known: set[int], possible: dict[int, tuple[int, int]], notes: list[str]
) -> dict[str, Any]:
    """A capability set that has of the entries that are `known` those that are `possible`, by their ranks, at their
    rates, and those that others mean. @raises ValueError where nothing at all is left: without a table it would say
    that its sender wants nothing sent (H.323 clause 8.4.6)."""
    slow = {number: rate for number, (_, rate) in possible.items() if rate}
    table = [_slower(entry, slow.get(entry[NUMBER], 0)) for entry in value[TABLE]]
    ranks = {number: rank for number, (rank, _) in possible.items()}
    gone = known - ranks.keys()
    gone = gone - set(_meant((value.get("multiplexCapability"), table)))
    for entry in table:
        _, held = said(entry)
        if isinstance(held, dict) and held.get(MEANS) in gone:
            gone.add(entry[NUMBER])
    left = [entry for entry in table if entry[NUMBER] not in gone]
    if not left:
        raise ValueError("nothing of it would be left")
    notes += [f"entry {number} takes {rate // 1000} kbit/s" for number, rate in sorted(slow.items())]
    return regrouped({**value, TABLE: left}, lambda group: _ranked((each for each in group if each not in gone), ranks))


def _slower(entry: dict[str, Any], rate: int) -> dict[str, Any]:
    """An entry of video that takes no more than so many bit/s; 0: it stays as it is."""
    if not rate:
        return entry
    name, value = said(entry)
    return {**entry, CAPABILITY: (name, slower(value, rate))}


def _ranked(group: Iterable[int], ranks: dict[int, int]) -> list[int]:
    last = len(ranks)
    return sorted(group, key=lambda number: ranks.get(number, last))


def _meant(value: Any) -> Iterator[int]:
    """The entries that components other than descriptors mean."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _numbers(each) if name in _REFERENCES else _meant(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _meant(each)


def _numbers(value: Any) -> Iterator[int]:
    if isinstance(value, int):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _numbers(each)
    else:
        yield from _meant(value)
