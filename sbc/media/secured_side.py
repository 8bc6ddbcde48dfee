"""One side of a stream whose address is found by ICE, or whose keys by a DTLS handshake, or both.

Datagrams and `now` come in; what follows is done by `Hands`. Keys are in force when a handshake is done and the peer's
certificate has the fingerprint that its signalling has promised, in whatever order the two come (RFC 5763 section 5).
"""

from __future__ import annotations

from functools import partial

from sbc.core.address import Address, Pair
from sbc.core.orders import Latch, SideSpec
from sbc.core.secured import Dtls, Fingerprint, Key, SideSecurity
from sbc.media.dtls import PATIENCE, Association, State, Terms, is_dtls, is_hello
from sbc.media.hands import Hands
from sbc.media.ice import Lite
from sbc.media.stun import is_stun
from sbc.policy.bucket import Bucket

TRIES = 3
"""Handshakes at once: of peers at several addresses, or a new one beside what is in force."""
STALLED = 3.0
"""Seconds after which a handshake that is not done makes room for another."""
LINGER = 60.0
"""Seconds for which an association is heard after its handshake: until then the peer may repeat its last flight."""
_FINAL = frozenset({"fingerprint", "no-profile"})  # what nobody can bring about who is not where the peer is
BEGINNINGS, PER_SECOND = 8.0, 0.2
"""Handshakes that may be begun at once, and how many more a second: each costs half a millisecond."""


class SecuredSide:
    """What is known of the peer's handshakes. `spec` has `security` with `ice` or `dtls`, or both."""

    def __init__(self, terms: Terms, spec: SideSpec, hands: Hands, now: float) -> None:
        self._terms, self._hands = terms, hands
        self._spec = spec
        self._ice: Lite | None = None
        self._tries: dict[Address | None, Association] = {}  # by source; where ICE finds that out, by None
        self._current: Association | None = None
        self._where: Address | None = None  # the peer, where there is no ICE
        self._heard: Address | None = None  # where a handshake has been heard from last
        self.keys: tuple[Key, Key] | None = None
        """In force: what the peer encrypts with, and what we do."""
        self._agreed: Dtls | None = None  # on what terms they are
        self._beginnings = Bucket(PER_SECOND, BEGINNINGS), Bucket(PER_SECOND, BEGINNINGS)  # strangers', known peers'
        self._failures = 0  # of handshakes since the peer has signalled
        self._told = ""  # why no media passes
        self._failed = False  # whether it was said that none will
        self._packets = 0  # of media that had come when consent was last due
        self._rests: float | None = None
        self._until: float | None = None  # when keys must be there
        self._take_up(self._security)  # of an earlier process
        self._find(now)
        self._expect(now)
        self._begin(now)

    def update(self, spec: SideSpec, now: float) -> None:
        """The peer has signalled anew."""
        before, self._spec = self._security.dtls, spec
        self._failures, self._told, self._failed = 0, "", False
        self._find(now)
        dtls = self._security.dtls
        if dtls != self._agreed and self._take_up(self._security):  # what was signalled since is taken back
            self._forget()
        if before != dtls:
            self._again(before, dtls, now)
        self._expect(now)
        self._begin(now)

    def kept(self, security: SideSecurity) -> tuple[Key, Key] | None:
        """The keys in force, where they count on though the core does not say so."""
        if self.keys is None or self._agreed is None or security.dtls is None:
            return None
        if (security.receive, security.send) == self.keys or (security.keyed and security.dtls != self._agreed):
            return None
        return self.keys

    def _take_up(self, security: SideSecurity) -> bool:
        """Have the keys that were agreed on before, if there are any."""
        if security.receive is None or security.send is None or security.dtls is None:
            return False
        self.keys, self._agreed = (security.receive, security.send), security.dtls
        return True

    def take(self, data: bytes, source: Address, rtcp: bool, now: float) -> None:
        """Something that is neither RTP nor RTCP has come to a port of the side's."""
        if is_stun(data):
            self._check(data, source, rtcp, now)
        elif is_dtls(data) and not rtcp and self._security.dtls is not None:
            self._record(data, source, self._security.dtls, now)
        else:
            self._hands.count("stray")

    def due(self, now: float) -> float | None:
        """When to call `wake`."""
        times = [self._rests, self._until, None if self._ice is None else self._ice.due]
        times += [each.due(now) for each in self._tries.values()]
        return min((each for each in times if each is not None), default=None)

    def wake(self, now: float) -> None:
        """Time has passed."""
        if self._ice is not None and self._still(self._ice, now) and self._ice.look(now):
            self._hands.count("consent")
            self._hands.aim(None)
            self._tell("consent")
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
            self._hands.count("timeout")
            self._tell("timeout")
            if self.keys is None:
                self._fail("timeout")
        self._begin(now)

    def close(self) -> None:
        """The stream is over."""
        if self._current is not None:
            self._send(self._current.leave(), self._where)
        self._forget()
        self._current = None

    # -- where the peer is

    @property
    def _security(self) -> SideSecurity:
        assert self._spec.security is not None
        return self._spec.security

    def _find(self, now: float) -> None:
        """Have the agent that the signalling asks for. Where the peer is lite, too, nobody checks: media goes where it
        is signalled (RFC 8445 section 8.2, for one candidate on each side)."""
        pair, remote, had = self._security.ice, self._spec.remote, self._ice is not None
        if pair is None or (pair.theirs is not None and pair.theirs.lite):
            self._ice = None
            if pair is not None and remote is not None:
                self._hands.aim(remote)
        elif self._ice is not None:
            self._ice.become(pair)
        else:
            self._ice = Lite(pair)
            if self.keys is not None and self._spec.latched is not None:
                self._ice.resume(Pair(self._spec.latched, None), now)
                self._hands.aim(self._ice.selected)
        if had is not (self._ice is not None):
            self._forget()

    def _still(self, ice: Lite, now: float) -> bool:
        """Whether the peer is not heard any more where it is due. Who knows nothing of consent (RFC 5245) checks no
        more once a pair is nominated, and goes on speaking: what it encrypts nobody else can."""
        if ice.due is None or now < ice.due or self.keys is None:
            return True
        packets, self._packets = self._packets, self._hands.heard()
        if packets == self._packets:
            return True
        ice.spoke(now)
        return False

    @property
    def proven(self) -> tuple[Fingerprint, ...]:
        """Those of which the certificate of whose keys are in force has one."""
        return () if self._agreed is None else self._agreed.fingerprints

    @property
    def found(self) -> Address | None:
        """Where checks have found the peer, whatever it signals."""
        return None if self._ice is None or self._ice.selected is None else self._ice.selected.rtp

    def _peer(self) -> Address | None:
        """Where the peer is, as far as is known."""
        if self._ice is not None:
            return self._heard if self._ice.selected is None else self._ice.selected.rtp
        remote = self._spec.remote
        return self._where or (None if remote is None else remote.rtp)

    def _check(self, data: bytes, source: Address, rtcp: bool, now: float) -> None:
        if self._ice is None:
            self._hands.count("stray")
            return
        paused = self._ice.selected is None
        reaction = self._ice.receive(data, source, rtcp, now)
        self._hands.count(reaction.word)
        if reaction.reply is not None:
            self._hands.say(reaction.reply, source, rtcp)
        if reaction.moved:
            self._hands.aim(self._ice.selected)
            if paused and self.keys is not None and self._ice.selected is not None:
                self._told = ""
                self._hands.secured(self.keys[0].suite)
            self._begin(now)

    def _admits(self, source: Address) -> bool:
        """Whether a handshake may come from there, where no ICE says so: as media may (sbc.media.latching), since the
        certificate will show who it is."""
        spec = self._spec
        if source == self._where or (spec.remote is not None and source == spec.remote.rtp):
            return True
        if spec.latch is Latch.OFF or not (spec.behind_nat or spec.remote is None):
            return False
        return source.host == spec.seen_host or (spec.latch is Latch.NAT and spec.remote is not None)

    def _known(self, place: Address | None) -> bool:
        """Whether more speaks for who is there than that it may come."""
        remote = self._spec.remote
        return place is None or place.host == self._spec.seen_host or (remote is not None and place == remote.rtp)

    # -- handshakes

    def _expect(self, now: float) -> None:
        """Keys must be there in time, once all is known that it takes."""
        dtls, ice = self._security.dtls, self._security.ice
        known = dtls is not None and bool(dtls.fingerprints) and (ice is None or ice.theirs is not None)
        if not known or (self.keys is not None and dtls == self._agreed):
            self._until = None
        elif self._until is None:
            self._until = now + PATIENCE

    def _begin(self, now: float) -> None:
        """Begin a handshake, if that is for us and there is nothing yet."""
        dtls, to = self._security.dtls, self._peer()
        if dtls is None or not dtls.client or to is None or self._until is None:
            return
        if self._tries or self._current is not None or self._failures >= TRIES:
            return
        place = None if self._ice is not None else to
        association = self._tries[place] = Association(self._terms, True, dtls.fingerprints, now)
        self._send(association.begin(), place)

    def _record(self, data: bytes, source: Address, dtls: Dtls, now: float) -> None:
        if not (self._admits(source) if self._ice is None else self._ice.proven(source, now)):
            self._hands.count("unproven")
            return
        self._heard = source
        place = None if self._ice is not None else source
        association = self._tries.get(place)
        if association is None and self._current is not None and (place is None or source == self._where):
            association = self._current
        anew = association is None or (association is self._current and not association.repeats(data))
        if anew and is_hello(data) and not dtls.client:
            self._greet(data, source, place, dtls, now)
            return
        if association is None:
            self._hands.count("stray")
            return
        self._send(association.take(data), source)
        self._follow(place, association, now)
        self._begin(now)

    def _greet(self, data: bytes, source: Address, place: Address | None, dtls: Dtls, now: float) -> None:
        """A ClientHello, and nobody is there to hear it. Who is at an address that no check has proven must show first
        that it gets what is sent there, and costs no memory until then."""
        unproven = b"" if place is None else str(source).encode()
        association = Association(self._terms, False, dtls.fingerprints, now, unproven)
        flight = association.take(data)
        if association.state in (State.LISTENING, State.OVER):
            if association.why:
                self._hands.count(association.why)
            association.leave()
            self._send(flight, source)
        elif not self._has_room(place, now):
            self._hands.count("limited")
            association.leave()
        else:
            self._tries[place] = association
            self._send(flight, source)
            self._follow(place, association, now)

    def _has_room(self, place: Address | None, now: float) -> bool:
        """Whether one more may shake hands from there. Strangers make room for who is known, and none for each other:
        they are given up in time. Who is known may be a neighbour of the peer's, behind one NAT: what has come to
        nothing for `STALLED` makes room."""
        known = self._known(place)
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
        return stalled or not self._known(place)

    def _follow(self, place: Address | None, association: Association, now: float) -> None:
        """What has become of an association."""
        dtls = self._security.dtls
        if association.state is State.OVER:
            self._over(place, association)
            return
        done = association.state is State.SHAKEN and association is not self._current
        if done and dtls is not None and association.proves(dtls.fingerprints):  # else they are not known yet
            self._use(place, association, dtls, now)

    def _over(self, place: Address | None, association: Association) -> None:
        self._hands.count(association.why)
        if association is self._current:
            self._current = None
            self._tell(association.why)
            return
        self._tries.pop(place, None)
        self._failures += 1
        if self.keys is None:
            self._tell(association.why)
            if association.why in _FINAL and self._known(place):
                self._fail(association.why)

    def _tell(self, why: str) -> None:
        """Say once why no media passes."""
        if why != self._told:
            self._told = why
            self._hands.unsecured(why)

    def _fail(self, why: str) -> None:
        """Say once, until the peer signals anew, that there will be no keys."""
        if not self._failed:
            self._failed = True
            self._hands.failed(why)

    def _use(self, place: Address | None, association: Association, dtls: Dtls, now: float) -> None:
        """The peer is who it should be: its keys are in force. All other handshakes are none of its."""
        assert association.keys is not None
        self._tries.pop(place, None)
        self._forget()
        if self._current is not None:
            self._current.leave()
        self._current, self.keys, self._agreed = association, association.keys, dtls
        self._where = place
        self._rests, self._until, self._told = now + LINGER, None, ""
        self._hands.count("keyed")
        self._hands.key(*association.keys, dtls.fingerprints)
        if place is not None:
            self._hands.aim(Pair(place, None))
        self._hands.secured(association.keys[0].suite)

    def _again(self, before: Dtls | None, dtls: Dtls | None, now: float) -> None:
        """Something else was agreed on: another role or another certificate is another association (RFC 8842 section
        4); what was not known before may be now."""
        if before is None or dtls is None or before.client is not dtls.client:
            self._forget()
            self._current = None
            if dtls is None:
                self.keys = self._agreed = None
            return
        if self._current is not None and not self._current.proves(dtls.fingerprints):
            self._current = None  # its keys are in force until there are others
        elif self._current is not None:
            self._agreed = dtls
        for place, association in list(self._tries.items()):
            association.fingerprints = dtls.fingerprints
            if association.state is State.SHAKEN and not association.proves(dtls.fingerprints):
                del self._tries[place]
                self._send(association.leave(), place)
                self._hands.count("fingerprint")
                self._tell("fingerprint")
            else:
                self._follow(place, association, now)

    def _forget(self) -> None:
        """Let go of all handshakes that are not done: their peers need not be told."""
        for association in self._tries.values():
            association.leave()
        self._tries.clear()

    def _send(self, flight: list[bytes], to: Address | None) -> None:
        to = to or self._peer()
        if to is not None:
            for data in flight:
                self._hands.say(data, to, False)
