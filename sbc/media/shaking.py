"""The handshakes at one port of a side, RTP's or RTCP's, of which one comes to keys.

Keys are in force when a handshake is done and the peer's certificate has the fingerprint that its signalling has
promised, in whatever order the two come (RFC 5763 section 5).
"""

from __future__ import annotations

from functools import partial
from typing import Protocol

from sbc.core.address import Address
from sbc.core.secured import Dtls, Key, SideSecurity
from sbc.media.dtls import PATIENCE, Association, State, Terms, is_hello
from sbc.policy.bucket import Bucket

TRIES = 3
"""Handshakes at once: of peers at several addresses, or a new one beside what is in force."""
STALLED = 3.0
"""Seconds after which a handshake that is not done makes room for another."""
LINGER = 60.0
"""Seconds for which an association is heard after its handshake: until then the peer may repeat its last flight."""
BEGINNINGS, PER_SECOND = 8.0, 0.2
"""Handshakes that may be begun at once, and how many more a second: each costs half a millisecond."""
_FINAL = frozenset({"fingerprint", "no-profile"})  # what nobody can bring about who is not where the peer is


class Ports(Protocol):
    """What is known of the peer at the ports of a side, RTP's and that of `rtcp`, and what is done there."""

    def by_checks(self) -> bool:
        """Whether ICE finds out where the peer is."""

    def peer(self, rtcp: bool) -> Address | None:
        """Where it is by checks or signalling, as far as is known."""

    def admits(self, source: Address, rtcp: bool, now: float) -> bool:
        """Whether a handshake may come from there."""

    def known(self, place: Address | None, rtcp: bool) -> bool:
        """Whether more speaks for who is there than that it may come; None: where checks are made."""

    def complete(self) -> bool:
        """Whether both have said all that a handshake takes."""

    def say(self, data: bytes, to: Address, rtcp: bool) -> None:
        """Send a datagram from it."""

    def count(self, word: str) -> None:
        """Something of that name has happened."""

    def keyed(self, rtcp: bool) -> None:
        """The handshakes have keys now."""

    def tell(self, why: str, rtcp: bool) -> None:
        """Nothing passes, for that reason."""

    def fail(self, why: str, rtcp: bool) -> None:
        """Nor will it."""


class Handshakes:
    """What they have come to."""

    def __init__(self, terms: Terms, ports: Ports, rtcp: bool, security: SideSecurity) -> None:
        """`rtcp`: they are at the port of RTCP. `security` may have the keys of an earlier process."""
        self._terms, self._ports, self._rtcp = terms, ports, rtcp
        self._dtls = security.dtls
        self._tries: dict[Address | None, Association] = {}  # by source; where ICE finds that out, by None
        self._current: Association | None = None
        self.where: Address | None = None
        """The peer, as its certificate has proven, where there is no ICE."""
        self.heard: Address | None = None
        """Where a handshake has been heard from last."""
        self.keys: tuple[Key, Key] | None = None
        """In force: what the peer encrypts with, and what we do."""
        self.agreed: Dtls | None = None
        """On what terms they are."""
        self._beginnings = Bucket(PER_SECOND, BEGINNINGS), Bucket(PER_SECOND, BEGINNINGS)  # strangers', known peers'
        self._failures = 0  # of handshakes since the peer has signalled
        self._rests: float | None = None
        self._until: float | None = None  # when keys must be there
        self._take_up(security)

    def update(self, security: SideSecurity, now: float) -> None:
        """The peer has signalled anew."""
        before, self._dtls = self._dtls, security.dtls
        self._failures = 0
        if self._dtls != self.agreed and self._take_up(security):  # what was signalled since is taken back
            self.forget()
        if before != self._dtls:
            self._again(before, self._dtls, now)
        self.expect(now)

    def kept(self, security: SideSecurity) -> tuple[Key, Key] | None:
        """The keys in force, where they count on though the core does not say so."""
        if self.keys is None or self.agreed is None or security.dtls is None:
            return None
        if (security.receive, security.send) == self.keys or (security.keyed and security.dtls != self.agreed):
            return None
        return self.keys

    def _take_up(self, security: SideSecurity) -> bool:
        """Have the keys that were agreed on before, if there are any."""
        if security.receive is None or security.send is None or security.dtls is None:
            return False
        self.keys, self.agreed = (security.receive, security.send), security.dtls
        return True

    def due(self, now: float) -> float | None:
        """When to call `wake`."""
        times = [self._rests, self._until, *(each.due(now) for each in self._tries.values())]
        return min((each for each in times if each is not None), default=None)

    def wake(self, now: float) -> None:
        """Time has passed."""
        if self._rests is not None and now >= self._rests:
            self._rests = None
            if self._current is not None:
                self._current.rest()
        for place, association in list(self._tries.items()):
            at = association.due(now)
            if at is not None and now >= at:
                self._send(association.expire(now), place)
                self._follow(place, association, now)
        if self._until is not None and now >= self._until:
            self._until = None
            self._ports.count("timeout")
            self._ports.tell("timeout", self._rtcp)
            if self.keys is None:
                self._ports.fail("timeout", self._rtcp)
        self.begin(now)

    def close(self) -> None:
        """The stream is over, or nothing goes by this port any more."""
        if self._current is not None:
            self._send(self._current.leave(), self.where)
        self.forget()
        self._current = None

    def forget(self) -> None:
        """Let go of all handshakes that are not done: their peers need not be told."""
        for association in self._tries.values():
            association.leave()
        self._tries.clear()

    def expect(self, now: float) -> None:
        """Keys must be there in time, once all is known that it takes. Begin a handshake, if that is for us."""
        if not self._ports.complete() or (self.keys is not None and self._dtls == self.agreed):
            self._until = None
        elif self._until is None:
            self._until = now + PATIENCE
        self.begin(now)

    def begin(self, now: float) -> None:
        """Begin a handshake, if that is for us and there is nothing yet."""
        dtls, to = self._dtls, self._peer()
        if dtls is None or not dtls.client or to is None or self._until is None:
            return
        if self._tries or self._current is not None or self._failures >= TRIES:
            return
        place = None if self._ports.by_checks() else to
        association = self._tries[place] = Association(self._terms, True, dtls.fingerprints, now)
        self._send(association.begin(), place)

    def take(self, data: bytes, source: Address, now: float) -> None:
        """A part of a handshake has come."""
        dtls = self._dtls
        if dtls is None:
            self._ports.count("stray")
            return
        if not self._ports.admits(source, self._rtcp, now):
            self._ports.count("unproven")
            return
        self.heard = source
        place = None if self._ports.by_checks() else source
        association = self._tries.get(place)
        if association is None and self._current is not None and (place is None or source == self.where):
            association = self._current
        anew = association is None or (association is self._current and not association.repeats(data))
        if anew and is_hello(data) and not dtls.client:
            self._greet(data, source, place, dtls, now)
            return
        if association is None:
            self._ports.count("stray")
            return
        self._send(association.take(data), source)
        self._follow(place, association, now)
        self.begin(now)

    def _greet(self, data: bytes, source: Address, place: Address | None, dtls: Dtls, now: float) -> None:
        """A ClientHello, and nobody is there to hear it. Who is at an address that no check has proven must show first
        that it gets what is sent there, and costs no memory until then."""
        unproven = b"" if place is None else str(source).encode()
        association = Association(self._terms, False, dtls.fingerprints, now, unproven)
        flight = association.take(data)
        if association.state in (State.LISTENING, State.OVER):
            if association.why:
                self._ports.count(association.why)
            association.leave()
            self._send(flight, source)
        elif not self._has_room(place, now):
            self._ports.count("limited")
            association.leave()
        else:
            self._tries[place] = association
            self._send(flight, source)
            self._follow(place, association, now)

    def _has_room(self, place: Address | None, now: float) -> bool:
        """Whether one more may shake hands from there. Strangers make room for who is known, and none for each other:
        they are given up in time. Who is known may be a neighbour of the peer's, behind one NAT: what has come to
        nothing for `STALLED` makes room."""
        known = self._ports.known(place, self._rtcp)
        if not self._beginnings[known].take(now):
            return False
        if len(self._tries) >= TRIES:
            gives_way = next(filter(partial(self._gives_way, now), self._tries), None) if known else None
            if gives_way is None:
                return False
            self._tries.pop(gives_way).leave()
        return True

    def _gives_way(self, now: float, place: Address | None) -> bool:
        """Whether a handshake from there makes room for one of who is known."""
        association = self._tries[place]
        stalled = association.state is State.SHAKING and now - association.begun >= STALLED
        return stalled or not self._ports.known(place, self._rtcp)

    def _follow(self, place: Address | None, association: Association, now: float) -> None:
        """What has become of an association."""
        dtls = self._dtls
        if association.state is State.OVER:
            self._over(place, association)
            return
        done = association.state is State.SHAKEN and association is not self._current
        if done and dtls is not None and association.proves(dtls.fingerprints):  # else they are not known yet
            self._use(place, association, dtls, now)

    def _over(self, place: Address | None, association: Association) -> None:
        self._ports.count(association.why)
        if association is self._current:
            self._current = None
            self._ports.tell(association.why, self._rtcp)
            return
        self._tries.pop(place, None)
        self._failures += 1
        if self.keys is None:
            self._ports.tell(association.why, self._rtcp)
            if association.why in _FINAL and self._ports.known(place, self._rtcp):
                self._ports.fail(association.why, self._rtcp)

    def _use(self, place: Address | None, association: Association, dtls: Dtls, now: float) -> None:
        """The peer is who it should be: its keys are in force. All other handshakes are none of its."""
        assert association.keys is not None
        self._tries.pop(place, None)
        self.forget()
        if self._current is not None:
            self._current.leave()
        self._current, self.keys, self.agreed = association, association.keys, dtls
        self.where = place
        self._rests, self._until = now + LINGER, None
        self._ports.count("keyed")
        self._ports.keyed(self._rtcp)

    def _again(self, before: Dtls | None, dtls: Dtls | None, now: float) -> None:
        """Something else was agreed on: another role or another certificate is another association (RFC 8842 section
        4); what was not known before may be now."""
        if before is None or dtls is None or before.client is not dtls.client:
            self.forget()
            self._current = None
            if dtls is None:
                self.keys = self.agreed = None
            return
        if self._current is not None and not self._current.proves(dtls.fingerprints):
            self._current = None  # its keys are in force until there are others
        elif self._current is not None:
            self.agreed = dtls
        for place, association in list(self._tries.items()):
            association.fingerprints = dtls.fingerprints
            if association.state is State.SHAKEN and not association.proves(dtls.fingerprints):
                del self._tries[place]
                self._send(association.leave(), place)
                self._ports.count("fingerprint")
                self._ports.tell("fingerprint", self._rtcp)
            else:
                self._follow(place, association, now)

    def _peer(self) -> Address | None:
        """Where the peer is, as far as is known."""
        found = self._ports.peer(self._rtcp)
        return (found or self.heard) if self._ports.by_checks() else (self.where or found)

    def _send(self, flight: list[bytes], to: Address | None) -> None:
        to = to or self._peer()
        if to is not None:
            for data in flight:
                self._ports.say(data, to, self._rtcp)
