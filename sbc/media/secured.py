"""Stands between whoever orders media and the engine, and finds out by handshakes what the engine must know of sides
that are found by ICE or have their keys by DTLS. Packets do not pass here.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Protocol

import attrs
from zope.interface import implementer

from sbc.alarm import Alarm
from sbc.core.address import Address, Pair
from sbc.core.orders import SideSpec, StreamSpec
from sbc.core.secured import Fingerprint, Key
from sbc.media.certificate import Certificate
from sbc.media.dtls import AGREED, Terms
from sbc.media.interfaces import IMediaObserver
from sbc.media.secured_side import SecuredSide


class Told(Protocol):
    """Who hears what handshakes come to."""

    def keyed(
        self,
        stream: str,
        side: int,
        receive: Key,
        send: Key,
        fingerprints: tuple[Fingerprint, ...],
        rtcp: bool = False,
    ) -> None:
        """What the peer of a side encrypts with, and what we do, as a handshake has given it; its certificate has one
        of the fingerprints. `rtcp`: RTCP alone, which has keys of its own."""

    def secured(self, stream: str, side: int, suite: str) -> None:
        """Media of a side passes from now on, by that suite."""

    def unsecured(self, stream: str, side: int, why: str) -> None:
        """It does not, though it should or has."""

    def failed(self, stream: str, side: int, why: str) -> None:
        """Nor will it: there are no keys, and no handshake is to be hoped for."""


class _Hands:
    """What a side does, done to its stream by the engine; and when it is woken."""

    def __init__(self, whole: SecuredEngine, stream: str, side: int) -> None:
        self._whole, self._stream, self._side = whole, stream, side

    def say(self, data: bytes, to: Address, rtcp: bool) -> None:
        self._whole.engine.say(self._stream, self._side, data, to, rtcp)

    def aim(self, at: Pair | None) -> None:
        rtp, rtcp = (None, None) if at is None else at
        self._whole.engine.aim(self._stream, self._side, rtp, rtcp)

    def key(self, receive: Key, send: Key, fingerprints: tuple[Fingerprint, ...], rtcp: bool) -> None:
        self._whole.engine.key(self._stream, self._side, receive, send, rtcp)
        self._whole.told.keyed(self._stream, self._side, receive, send, fingerprints, rtcp)

    def secured(self, suite: str) -> None:
        self._whole.told.secured(self._stream, self._side, suite)

    def unsecured(self, why: str) -> None:
        self._whole.told.unsecured(self._stream, self._side, why)

    def failed(self, why: str) -> None:
        self.count("failed")
        self._whole.told.failed(self._stream, self._side, why)

    def count(self, word: str) -> None:
        self._whole.counted[word] += 1

    def heard(self) -> int:
        sides = self._whole.engine.counters(self._stream).sides
        return int(sides[self._side].received_rtp.packets)


class _Shaking:
    """A side whose handshakes are looked after, and its alarm."""

    def __init__(self, clock: Any, terms: Terms, spec: SideSpec, hands: _Hands) -> None:
        self._clock = clock
        self._alarm = Alarm(clock, self._woken)
        self.side = SecuredSide(terms, spec, hands, clock.seconds())
        self.set()

    def set(self) -> None:
        """Wake when the side wants it."""
        at = self.side.due(self._clock.seconds())
        if at is not None:
            self._alarm.set(at)

    def _woken(self) -> None:
        self.side.wake(self._clock.seconds())
        self.set()

    def close(self, silently: bool = False) -> None:
        """Look after it no more; tell the peer, unless `silently`."""
        self._alarm.cancel()
        if not silently:
            self.side.close()


@implementer(IMediaObserver)
class SecuredEngine:
    """An IMediaEngine: everything but what is here goes on to the engine that it is made to `stand_before`, and which
    has this for its observer.

    `told` hears when media of a side begins to pass, and why it does not (sbc.keying). `counted` are the words of
    sbc.media.secured_side, sbc.media.dtls and sbc.media.ice.
    """

    def __init__(self, clock: Any, certificate: Certificate, observer: Any, told: Told) -> None:
        """`clock` provides IReactorTime; `observer` hears all that the engine tells, but for handshakes."""
        self._clock, self._certificate = clock, certificate
        self._observer, self.told = observer, told
        self.engine: Any = None
        self.fingerprints: tuple[Fingerprint, ...] = ()
        """Of the certificate that peers see; none where the engine has no suite that a handshake agrees on."""
        self.counted: Counter[str] = Counter()
        self._sides: dict[tuple[str, int], _Shaking] = {}

    def __getattr__(self, name: str) -> Any:
        """All else of an IMediaEngine, as the engine has it."""
        if name == "engine":
            raise AttributeError(name)
        return getattr(self.engine, name)

    def stand_before(self, engine: Any) -> None:
        """Stand before that engine from now on."""
        self.engine = engine
        suites = tuple(each for each in AGREED if each in engine.suites())
        self.fingerprints = (self._certificate.fingerprint,) if suites else ()
        self._terms = Terms(self._certificate, suites or AGREED)

    # -- what is ordered

    def open(self, spec: StreamSpec) -> None:
        """See IMediaEngine."""
        self.engine.open(spec)
        for side, each in enumerate(spec.sides):
            self._have(spec.id, side, each)

    def update(self, stream: str, side: int, spec: SideSpec) -> None:
        """See IMediaEngine. Keys that a handshake has put in force are not undone by what the peer signals, in the
        course of which the core may have lost sight of them; but by others that were agreed on those very terms."""
        known, security = self._sides.get((stream, side)), spec.security
        kept = None if known is None or security is None else known.side.kept(security)
        self.engine.update(stream, side, spec if kept is None else attrs.evolve(spec, security=kept))
        self._have(stream, side, spec)
        known = self._sides.get((stream, side))
        for agreed in () if kept is None or known is None else known.side.agreed():
            self.told.keyed(stream, side, *agreed)
        if (
            known is not None and known.side.found is not None
        ):  # which the core may have taken for what is meant no more
            self._observer.latched(stream, side, known.side.found, "nominated")

    def close(self, stream: str) -> Any:
        """See IMediaEngine. Peers are told first."""
        for side in (0, 1):
            self._drop(stream, side)
        return self.engine.close(stream)

    def stop(self, keep: bool = False) -> None:
        """See IMediaEngine. Who is to go on in another process is told nothing."""
        for shaking in self._sides.values():
            shaking.close(silently=keep)
        self._sides.clear()
        self.engine.stop(keep=keep)

    def _have(self, stream: str, side: int, spec: SideSpec) -> None:
        """Look after the handshakes of a side, if it has any now."""
        at, security = (stream, side), spec.security
        known = self._sides.get(at)
        if security is None or not security.hears:
            self._drop(stream, side)
        elif known is None:
            self._sides[at] = _Shaking(self._clock, self._terms, spec, _Hands(self, stream, side))
        else:
            known.side.update(spec, self._clock.seconds())
            known.set()

    def _drop(self, stream: str, side: int) -> None:
        known = self._sides.pop((stream, side), None)
        if known is not None:
            known.close()

    # -- what the engine tells, see IMediaObserver

    def handshake(self, stream: str, side: int, rtcp: bool, data: bytes, source: Address) -> None:
        """Something has come to a port of a side that is neither RTP nor RTCP."""
        known = self._sides.get((stream, side))
        if known is None:
            self.counted["stray"] += 1
            return
        known.side.take(data, source, rtcp, self._clock.seconds())
        if (stream, side) in self._sides:  # whoever has heard of it may have closed it
            known.set()

    def latched(self, stream: str, side: int, address: Address, reason: str) -> None:
        """Goes on to the observer, as all that follows."""
        self._observer.latched(stream, side, address, reason)

    def rtcp_latched(self, stream: str, side: int, address: Address) -> None:
        """The same."""
        self._observer.rtcp_latched(stream, side, address)

    def silent(self, stream: str, seconds: float) -> None:
        """The same."""
        self._observer.silent(stream, seconds)

    def resumed(self, stream: str) -> None:
        """The same."""
        self._observer.resumed(stream)

    def expired(self, stream: str, side: int) -> None:
        """The same."""
        self._observer.expired(stream, side)

    def used(self, stream: str) -> None:
        """The same."""
        self._observer.used(stream)

    def policed(self, stream: str, side: int) -> None:
        """The same."""
        self._observer.policed(stream, side)

    def forwards(self, stream: str, engine: str, reason: str) -> None:
        """The same."""
        self._observer.forwards(stream, engine, reason)
