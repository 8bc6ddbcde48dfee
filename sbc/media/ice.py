"""ICE as a lite agent (RFC 8445 section 2.5) for one side of a stream: answers checks, and learns where media goes.

We are found at an address that everybody reaches, so we never check; the peer does, controls, and nominates. Bytes and
`now` (seconds) come in, what is to be answered and where media goes come out. docs/encryption.rst says what is decided.
"""

from __future__ import annotations

from enum import Enum
from hmac import compare_digest

import attrs

from sbc.core.address import Address, Pair
from sbc.core.message import BadMessage
from sbc.core.secured import Ice, IcePair
from sbc.media.stun import Kind, Message, failure, read, success
from sbc.policy.bucket import Bucket

CONSENT = 30.0
"""Seconds after the last sign of life by the pair in use after which nothing is sent there any more (RFC 7675 section
5.1)."""
HOLD = 1.0
"""Seconds for which a nomination stands against a later one of lower priority. An agent that nominates with every check
(RFC 5245 section 8.1.1.2) means the highest of those that it makes at once; one that has moved to another network goes
on with the new pair alone."""
SOURCES = 8
"""Addresses that are remembered as checked, the latest."""
RATE, BURST = 50.0, 100.0
"""Checks a second of one source: browsers send 20 at the beginning."""
REFUSALS = 10.0
"""Answers a second to who has not proven anything, all together."""


class State(Enum):
    """How far the peer has come."""

    WAITING = "waiting"  # nothing is nominated
    SELECTED = "selected"  # a pair is
    RESTARTED = "restarted"  # there are new credentials, and the pair of the old ones serves until one is nominated
    PAUSED = "paused"  # it was, and is checked no more


class _Event(Enum):
    NOMINATED, CHECKED, SILENT, RENEWED = range(4)


_NEXT = {
    (State.WAITING, _Event.NOMINATED): State.SELECTED,
    (State.RESTARTED, _Event.NOMINATED): State.SELECTED,
    (State.PAUSED, _Event.NOMINATED): State.SELECTED,
    (State.PAUSED, _Event.CHECKED): State.SELECTED,  # of the pair that was in use
    (State.SELECTED, _Event.SILENT): State.PAUSED,
    (State.RESTARTED, _Event.SILENT): State.PAUSED,
    (State.SELECTED, _Event.RENEWED): State.RESTARTED,
}
"""What comes of an event; where nothing is said the state stays."""


@attrs.frozen
class Reaction:
    """What comes of one datagram: what is sent back to its source, by the port that it came to; a fixed word for what
    it was; whether `Lite.selected` is another now.

    Words: ``checked``, ``nominated``; without a reply ``limited``, ``malformed``, ``no-request``; refused
    ``incomplete`` (400), ``unauthenticated`` (401), ``not-understood`` (420), ``role-conflict`` (487).
    """

    reply: bytes | None
    word: str
    moved: bool = False


@attrs.frozen
class _Nominee:
    """An address that the peer wants its media sent to."""

    address: Address
    priority: int
    at: float


class Lite:
    """Our agent. What `rtcp` says of a datagram: whether it came to the port of RTCP, component 2."""

    def __init__(self, pair: IcePair) -> None:
        self.state = State.WAITING
        self._pair = pair
        self._before: Ice | None = None  # our credentials until a pair of the new ones is nominated
        self._nominees: dict[bool, _Nominee] = {}
        self._checked: dict[Address, float] = {}
        self._buckets: dict[Address, Bucket] = {}
        self._refusals = Bucket(REFUSALS, REFUSALS)
        self._heard = 0.0  # the last check of the pair in use

    @property
    def selected(self) -> Pair | None:
        """Where the peer wants media: RTP's address, and RTCP's where that is another component; None where it has not
        said so, or is not there any more."""
        rtp, rtcp = self._nominees.get(False), self._nominees.get(True)
        if rtp is None or self.state in (State.WAITING, State.PAUSED):
            return None
        return Pair(rtp.address, None if rtcp is None else rtcp.address)

    @property
    def due(self) -> float | None:
        """When to `look` again, unless a check comes."""
        return self._heard + CONSENT if self.state in (State.SELECTED, State.RESTARTED) else None

    def proven(self, source: Address, now: float) -> bool:
        """Whether somebody who knows the password has been heard from there lately."""
        return now - self._checked.get(source, -CONSENT) < CONSENT

    def resume(self, selected: Pair, now: float) -> None:
        """Take what an earlier process had selected for selected."""
        for rtcp, address in ((False, selected.rtp), (True, selected.rtcp)):
            if address is not None:
                self._nominees[rtcp] = _Nominee(address, 0, now)
                self._prove(address, now)
        self.state, self._heard = State.SELECTED, now

    def become(self, pair: IcePair) -> None:
        """Have these credentials from now on: others than before begin anew (RFC 8445 section 9), and until a pair is
        nominated the old one serves, and is checked by the old ones. What the peer had not said yet it may say."""
        before, self._pair = self._pair, pair
        if pair.ours != before.ours:
            self._before = before.ours
        elif before.theirs is None or pair.theirs == before.theirs:
            return
        self._happen(_Event.RENEWED)

    def spoke(self, now: float) -> None:
        """The peer was heard by the pair in use in another way that proves who it is."""
        self._heard = now

    def look(self, now: float) -> bool:
        """Whether the pair in use was given up just now: nobody has checked it for too long."""
        due = self.due
        return due is not None and now >= due and self._happen(_Event.SILENT)

    def receive(self, data: bytes, source: Address, rtcp: bool, now: float) -> Reaction:
        """Take what came from `source` and looks like STUN."""
        try:
            request = read(data)
        except BadMessage:
            return Reaction(None, "malformed")
        if request.kind is not Kind.REQUEST:
            return Reaction(None, "no-request")  # an indication keeps a NAT's mapping alive (RFC 8445 section 11)
        code, ours = self._judge(request)
        if code or ours is None:
            if not self._refusals.take(now):
                return Reaction(None, "limited")
            return Reaction(failure(request, code), _WORDS[code])
        password = ours.password.encode()
        if not self._bucket(source).take(now):
            return Reaction(None, "limited")
        if request.unknown:
            return Reaction(failure(request, 420, password), _WORDS[420])
        if request.controlled is not None:
            # Who thinks that we control must be told otherwise: a lite agent never does (RFC 8445 section 6.1.1).
            return Reaction(failure(request, 487, password), _WORDS[487])
        reply = success(request, source, password)
        return self._checks(request, source, rtcp, now, ours, reply)

    def _judge(self, request: Message) -> tuple[int, Ice | None]:
        """The code that a request is refused with, and which of our credentials it knows (RFC 8489 section 9.1.3)."""
        if request.username is None or request.proof is None:
            return 400, None
        name = request.username.partition(b":")[0]
        for ours in (self._pair.ours, self._before):
            if ours is not None and compare_digest(name, ours.ufrag.encode()):
                return (0, ours) if request.proof.holds(ours.password.encode()) else (401, None)
        return 401, None

    def _checks(
        self, request: Message, source: Address, rtcp: bool, now: float, ours: Ice, reply: bytes | None
    ) -> Reaction:
        """A check that is answered well. Who names another peer than the one that has answered is answered, and no
        more: the offer may have reached several (RFC 8839 section 4.4.1), and one was taken."""
        assert request.username is not None
        theirs = self._pair.theirs
        name = request.username.partition(b":")[2]
        current = ours is self._pair.ours
        if current and theirs is not None and not compare_digest(name, theirs.ufrag.encode()):
            return Reaction(reply, "checked")
        self._prove(source, now)
        in_use = self._nominees.get(rtcp)
        serves = in_use is not None and in_use.address == source
        if serves and not rtcp:
            self._heard = now
        if current and request.use_candidate:
            moved = self._nominate(_Nominee(source, request.priority or 0, now), rtcp, now)
            return Reaction(reply, "nominated", moved)
        return Reaction(reply, "checked", serves and not rtcp and self._happen(_Event.CHECKED))

    def _nominate(self, nominee: _Nominee, rtcp: bool, now: float) -> bool:
        """Take a nomination; whether that changes where media goes."""
        before = self._nominees.get(rtcp)
        moved = before is None or before.address != nominee.address
        holds = self.state is State.SELECTED and before is not None and now - before.at < HOLD
        if holds and moved and before is not None and nominee.priority < before.priority:
            return False
        self._nominees[rtcp] = nominee
        if rtcp:
            return moved and self.selected is not None
        self._heard, self._before = now, None
        return self._happen(_Event.NOMINATED) or moved

    def _happen(self, event: _Event) -> bool:
        """Whether the state has changed by that."""
        before, self.state = self.state, _NEXT.get((self.state, event), self.state)
        return self.state is not before

    def _prove(self, source: Address, now: float) -> None:
        self._checked.pop(source, None)
        self._checked[source] = now
        if len(self._checked) > SOURCES:
            serving = {nominee.address for nominee in self._nominees.values()}
            del self._checked[next(each for each in self._checked if each not in serving)]

    def _bucket(self, source: Address) -> Bucket:
        """That of a source which knows our password, the latest ones'."""
        bucket = self._buckets.pop(source, None)
        if bucket is None:
            bucket = Bucket(RATE, BURST)
            if len(self._buckets) >= 4 * SOURCES:
                del self._buckets[next(iter(self._buckets))]
        self._buckets[source] = bucket
        return bucket


_WORDS = {400: "incomplete", 401: "unauthenticated", 420: "not-understood", 487: "role-conflict"}
