"""What the answers to a transaction must carry back and are understood by, and what is to be known of a call."""

from __future__ import annotations

import attrs

from sbc.core.plain import recalled, to_bytes
from sbc.h248.contexts import NOWHERE, places
from sbc.h248.message import Command, H248Message, Termination
from sbc.h248.wildcards import Levels, meets

MOST = 256
"""Commands of one transaction that are remembered, and segments of its answer: what answers further ones is understood
by itself alone."""
_OF_CALL = b"call "


@attrs.frozen
class Order:
    """A command as it was asked: its verb, in which context, of which termination (its key, and whether a part of it
    is a wildcard), of which streams it said a remote address, of which of the calls it was that the transaction is
    about (`contexts.places`), and of which streams all alternatives are to be held ready, or not any more."""

    verb: str
    context: bytes
    termination: bytes
    streams: tuple[int, ...] = ()
    choose: bool = False
    every: bool = False
    place: int = 0
    reserves: tuple[tuple[int, bool], ...] = ()

    @property
    def stays(self) -> bool:
        """Whether several answers may be to this one."""
        return self.every

    def opens(self, stream: int) -> bool:
        """Whether it said where a stream of a termination is to send that its answer alone names."""
        return self.choose and stream in self.streams

    def is_answered_by(self, command: Command, levels: Levels = ()) -> bool:
        """Whether that is an answer to it, or to a part of it; `levels`: of binary names (`wildcards`)."""
        if self.verb != command.verb.value:
            return False
        return not command.terminations or self._meets(command.termination, levels)

    def _meets(self, termination: Termination, levels: Levels) -> bool:
        """Whether a termination may be the one that was asked for, of which parts may be left open."""
        asked = self.termination
        if not self.choose and not self.every:
            return asked == termination.key
        if b"$" not in asked and b"*" not in asked:
            return meets(asked, termination.key, levels) is True
        wanted, given = asked.split(b"/"), termination.key.split(b"/")
        if len(wanted) == 1:
            return True
        if len(wanted) != len(given):
            return len(given) > len(wanted) and wanted[-1] in (b"*", b"$")
        return all(one == other or b"*" in one or b"$" in one for one, other in zip(wanted, given, strict=True))


@attrs.frozen
class Memo:
    """The transaction under which a request came, and what it asked for; of an answer in segments which have come, the
    number of the last, 0 until that has, and at which command each has ended. `levels` are those of binary names there.
    """

    transaction: int
    orders: tuple[Order, ...] = ()
    segments: tuple[int, ...] = ()
    ends: int = 0
    reached: tuple[tuple[int, int], ...] = ()
    levels: Levels = ()

    @property
    def is_whole(self) -> bool:
        """Whether all segments of the answer have come; of more than MOST the last is believed to be."""
        return self.ends > MOST or 0 < self.ends <= sum(1 <= each <= self.ends for each in self.segments)

    def order_of(self, command: Command, places: range) -> int | None:
        """The first of those places at which the command stands that was so answered."""
        return next((k for k in places if self.orders[k].is_answered_by(command, self.levels)), None)

    def with_segment(self, answer: H248Message) -> Memo:
        """What is known when that segment of the answer has come, too."""
        number = answer.segment or 0
        known = tuple(sorted({*self.segments, number})[:MOST])
        hits = [each for each in matched(self, answer.commands, self.begins(answer)) if each is not None]
        reached = dict(self.reached) | ({number: max(hits)} if hits else {})
        ends = number if answer.last else self.ends
        return attrs.evolve(self, segments=known, ends=ends, reached=tuple(sorted(reached.items())[:MOST]))

    def begins(self, answer: H248Message) -> int | None:
        """The first command that an answer, or a segment of one, may be to; None of the last segment, where what is
        before it is not known: then it is told from the end."""
        number = answer.segment or 0
        before = [(each, at) for each, at in self.reached if each < number]
        if not before:
            return None if answer.last and number > 1 else 0
        each, at = before[-1]
        if each != number - 1 and answer.last:
            return None
        return at if self.orders[at].stays else at + 1


@attrs.frozen
class CallMemo:
    """Of a call: by which MId each of its parties, who asked first, knows the other; whether they write binary, and
    which version; how terminations are spelled that are not all in lower case."""

    mids: tuple[bytes, bytes] = (b"", b"")
    binary: bool = False
    version: int = 1
    names: tuple[bytes, ...] = ()


def asked(message: H248Message, levels: Levels = ()) -> Memo:
    """The memo of a request."""
    orders: list[Order] = []
    for action, place in zip(message.actions, places(message.actions), strict=True):
        for command in action.commands[: MOST - len(orders)]:
            said = tuple(stream.id for stream in command.streams if stream.remote is not None)
            held = tuple((stream.id, stream.reserves) for stream in command.streams if stream.reserves is not None)
            for each in command.terminations[:1]:
                verb = command.verb.value
                orders.append(Order(verb, action.context, each.key, said, each.choose, each.every, place, held))
    return Memo(message.transaction, tuple(orders), levels=levels)


def matched(memo: Memo, commands: tuple[Command, ...], begins: int | None = 0) -> list[int | None]:
    """Of each answer which of the commands it is to, by its place in `memo`; None of what answers none. They come in
    the order of the commands, several to one whose termination was a wildcard (H.248.1 clause 8.2.2), from that on at
    which they begin (`Memo.begins`)."""
    if begins is None:
        return _from_the_end(memo, commands)
    found: list[int | None] = []
    at = begins
    for command in commands:
        hit = memo.order_of(command, range(at, len(memo.orders)))
        found.append(hit)
        if hit is not None:
            at = hit if memo.orders[hit].stays else hit + 1
    return found


def _from_the_end(memo: Memo, commands: tuple[Command, ...]) -> list[int | None]:
    found: list[int | None] = []
    at = len(memo.orders) - 1
    for command in reversed(commands):
        hit = memo.order_of(command, range(at, -1, -1))
        found.append(hit)
        if hit is not None:
            at = hit if memo.orders[hit].stays else hit - 1
    return found[::-1]


def places_of(memo: Memo, message: H248Message, found: list[int | None]) -> list[int]:
    """Of which of the calls that were asked about each action of an answer is, given which commands `found` says that
    it answers: by the first that is known, else by its context."""
    known = {order.context: order.place for order in memo.orders if order.context.isdigit()}
    alone = all(order.place == 0 for order in memo.orders)
    placed, at = [], 0
    for action in message.actions:
        hits = [each for each in found[at : at + len(action.commands)] if each is not None]
        at += len(action.commands)
        other = 0 if alone else known.get(action.context, NOWHERE)
        placed.append(memo.orders[hits[0]].place if hits else other)
    return placed


def keep(memo: Memo | CallMemo | None) -> bytes:
    """A memo as bytes."""
    return _OF_CALL + to_bytes(CallMemo, memo) if isinstance(memo, CallMemo) else to_bytes(Memo | None, memo)


def recall(data: bytes) -> Memo | CallMemo | None:
    """The memo again. @raises BadMessage."""
    if data.startswith(_OF_CALL):
        of_call: CallMemo = recalled(CallMemo, data.removeprefix(_OF_CALL))
        return of_call
    memo: Memo | None = recalled(Memo | None, data)
    return memo
