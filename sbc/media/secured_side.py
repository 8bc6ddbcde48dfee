"""One side of a stream whose address is found by ICE, or whose keys by a DTLS handshake, or both.

Datagrams and `now` come in; what follows is done by `Hands`. Where RTCP goes by a port of its own it has a handshake
and keys of its own there (RFC 5764 section 4.1), and is found by checks of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from weakref import proxy

import attrs

from sbc.core.address import Address, Pair
from sbc.core.orders import Latch, SideSpec
from sbc.core.secured import Fingerprint, Key, OwnRtcp, SideSecurity, of_rtcp
from sbc.media.dtls import Terms, is_dtls
from sbc.media.hands import Hands
from sbc.media.ice import Lite
from sbc.media.shaking import Handshakes
from sbc.media.stun import is_stun


class SecuredSide:
    """What is known of the peer's handshakes. `spec` has `security` with `ice` or `dtls`, or both."""

    def __init__(self, terms: Terms, spec: SideSpec, hands: Hands, now: float) -> None:
        self._terms, self._hands = terms, hands
        self._spec = spec
        self._ice: Lite | None = None
        self._told = ""  # why no media passes
        self._failed = False  # whether it was said that none will
        self._packets = 0  # of media that had come when consent was last due
        self.rtp = self._made(False, self._security)
        self.rtcp: Handshakes | None = None
        self._part()
        self._find(now)
        for each in self._each():
            each.expect(now)

    def update(self, spec: SideSpec, now: float) -> None:
        """The peer has signalled anew."""
        self._spec = spec
        self._told, self._failed = "", False
        parted = self._part()
        self._find(now)
        if parted and self._chosen is not None:
            self._hands.aim(self._chosen)
        self.rtp.update(self._security, now)
        own = of_rtcp(self._security)
        if own is not None and self.rtcp is not None:
            self.rtcp.update(own, now)

    def _part(self) -> bool:
        """Have handshakes at the port of RTCP or none, as is signalled; whether that was otherwise before."""
        own, before = of_rtcp(self._security), self.rtcp
        if own is None and before is not None:
            before.close()
            self.rtcp = None
        elif own is not None and before is None:
            self.rtcp = self._made(True, own)
        return self.rtcp is not before

    def _made(self, rtcp: bool, security: SideSecurity) -> Handshakes:
        return Handshakes(self._terms, proxy(self), rtcp, security)  # which this has

    def _each(self) -> Iterator[Handshakes]:
        yield self.rtp
        if self.rtcp is not None:
            yield self.rtcp

    def take(self, data: bytes, source: Address, rtcp: bool, now: float) -> None:
        """Something that is neither RTP nor RTCP has come to a port of the side's."""
        if is_stun(data):
            self._check(data, source, rtcp, now)
            return
        handshakes = self.rtcp if rtcp else self.rtp
        if handshakes is None or not is_dtls(data):
            self._hands.count("stray")
        else:
            handshakes.take(data, source, now)

    def due(self, now: float) -> float | None:
        """When to call `wake`."""
        times = [None if self._ice is None else self._ice.due, *(each.due(now) for each in self._each())]
        return min((each for each in times if each is not None), default=None)

    def wake(self, now: float) -> None:
        """Time has passed."""
        if self._ice is not None and self._still(self._ice, now) and self._ice.look(now):
            self._hands.count("consent")
            self._hands.aim(None)
            self.tell("consent", False)
        for each in list(self._each()):
            each.wake(now)

    def close(self) -> None:
        """The stream is over."""
        for each in self._each():
            each.close()

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
            if self.rtp.keys is not None and self._spec.latched is not None:
                self._ice.resume(Pair(self._spec.latched, self._before), now)
                self._hands.aim(self._chosen)
        if had is not (self._ice is not None):
            for each in self._each():
                each.forget()

    def _still(self, ice: Lite, now: float) -> bool:
        """Whether the peer is not heard any more where it is due. Who knows nothing of consent (RFC 5245) checks no
        more once a pair is nominated, and goes on speaking: what it encrypts nobody else can."""
        if ice.due is None or now < ice.due or self.rtp.keys is None:
            return True
        packets, self._packets = self._packets, self._hands.heard()
        if packets == self._packets:
            return True
        ice.spoke(now)
        return False

    def kept(self, security: SideSecurity) -> SideSecurity | None:
        """How the side is secured by what has been agreed on, where that counts on and the core does not say so."""
        keys = self.rtp.kept(security)
        own = of_rtcp(security)
        of_own = None if own is None or self.rtcp is None else self.rtcp.kept(own)
        if keys is None and of_own is None:
            return None
        if keys is not None:
            security = attrs.evolve(security, receive=keys[0], send=keys[1])
        return security if of_own is None else attrs.evolve(security, rtcp=OwnRtcp(*of_own))

    def agreed(self) -> Iterator[tuple[Key, Key, tuple[Fingerprint, ...], bool]]:
        """The keys in force, of which certificates, and whether RTCP's alone."""
        for each in self._each():
            if each.keys is not None and each.agreed is not None:
                yield *each.keys, each.agreed.fingerprints, each is self.rtcp

    @property
    def found(self) -> Address | None:
        """Where checks have found the peer, whatever it signals."""
        return None if self._ice is None or self._ice.selected is None else self._ice.selected.rtp

    @property
    def _chosen(self) -> Pair | None:
        """Where checks want media; of RTCP that goes with RTP by what was signalled they have no say, whatever was
        checked before."""
        found = None if self._ice is None else self._ice.selected
        if found is None or self.rtcp is not None or self._security.dtls is None:
            return found
        return Pair(found.rtp, None)

    @property
    def _before(self) -> Address | None:
        """Where RTCP went in an earlier process, which had agreed on keys of its own."""
        if self.rtcp is None or self.rtcp.keys is None:
            return None
        return self._spec.latched_rtcp or _of(self._spec.remote, True)

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
            self._hands.aim(self._chosen)
            if paused and self.rtp.keys is not None and self._ice.selected is not None:
                self._told = ""
                self._hands.secured(self.rtp.keys[0].suite)
            for each in self._each():
                each.begin(now)

    # -- what the handshakes of a port ask, and come to

    def by_checks(self) -> bool:
        """See Ports, as all that follows."""
        return self._ice is not None

    def peer(self, rtcp: bool) -> Address | None:
        """The same."""
        at = self._spec.remote if self._ice is None else self._ice.selected
        return _of(at, rtcp)

    def admits(self, source: Address, rtcp: bool, now: float) -> bool:
        """The same. Where no ICE says so: as media may (sbc.media.latching), since the certificate will show who it
        is."""
        if self._ice is not None:
            return self._ice.proven(source, now)
        spec, handshakes = self._spec, self.rtcp if rtcp else self.rtp
        if (handshakes is not None and source == handshakes.where) or source == _of(spec.remote, rtcp):
            return True
        if spec.latch is Latch.OFF or not (spec.behind_nat or spec.remote is None):
            return False
        return source.host == spec.seen_host or (spec.latch is Latch.NAT and spec.remote is not None)

    def known(self, place: Address | None, rtcp: bool) -> bool:
        """The same."""
        return place is None or place.host == self._spec.seen_host or place == _of(self._spec.remote, rtcp)

    def complete(self) -> bool:
        """The same."""
        dtls, ice = self._security.dtls, self._security.ice
        return dtls is not None and bool(dtls.fingerprints) and (ice is None or ice.theirs is not None)

    def say(self, data: bytes, to: Address, rtcp: bool) -> None:
        """The same."""
        self._hands.say(data, to, rtcp)

    def count(self, word: str) -> None:
        """The same."""
        self._hands.count(word)

    def keyed(self, rtcp: bool) -> None:
        """The same. Where each port's handshake was made its media goes, once that of RTP is known."""
        handshakes = self.rtcp if rtcp else self.rtp
        assert handshakes is not None and handshakes.keys is not None
        assert handshakes.agreed is not None
        self._hands.key(*handshakes.keys, handshakes.agreed.fingerprints, rtcp)
        if self._ice is None and self.rtp.where is not None:
            self._hands.aim(Pair(self.rtp.where, None if self.rtcp is None else self.rtcp.where or self._before))
        if not rtcp:
            self._told = ""
            self._hands.secured(handshakes.keys[0].suite)

    def tell(self, why: str, rtcp: bool) -> None:
        """Say once why no media passes. Without RTCP a call is none the worse: what its handshakes come to is counted,
        no more."""
        if not rtcp and why != self._told:
            self._told = why
            self._hands.unsecured(why)

    def fail(self, why: str, rtcp: bool) -> None:
        """Say once, until the peer signals anew, that there will be no keys."""
        if rtcp:
            self._hands.count("no-rtcp")
        elif not self._failed:
            self._failed = True
            self._hands.failed(why)


def _of(pair: Pair | None, rtcp: bool) -> Address | None:
    return None if pair is None else pair.rtcp if rtcp else pair.rtp
