"""Two SecuredEngines in memory, each with an engine that only notes what it is told, and a network between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import attrs
from twisted.internet.task import Clock

from sbc.core.address import Address, Pair
from sbc.core.orders import SideSpec, StreamSpec
from sbc.core.secured import Dtls, Fingerprint, IcePair, Key, SideSecurity
from sbc.media.certificate import Certificate
from sbc.media.counters import SideCounters, StreamCounters, Volume
from sbc.media.dtls import AGREED
from sbc.media.secured import SecuredEngine
from tests.media.handshakes import OURS, THEIRS
from tests.media.specs import side_spec, stream_spec

HERE, THERE = Address("203.0.113.1", 20000), Address("192.0.2.7", 40000)
CORE, FAR = Pair(Address("198.51.100.1", 30000), None), Pair(Address("198.51.100.9", 31000), None)


class NotedEngine:
    """An engine without sockets: notes what it is told, and puts what it is to say into the network."""

    name = "noted"
    can = AGREED
    packets = 0  # of media that have come to side 0

    def __init__(self, net: Net) -> None:
        self._net = net
        self.specs: dict[str, StreamSpec] = {}
        self.keys: list[tuple[str, int, Key, Key]] = []
        self.rtcp_keys: list[tuple[str, int, Key, Key]] = []
        self.aims: list[tuple[str, int, Address | None, Address | None]] = []
        self.stopped: bool | None = None

    def open(self, spec: StreamSpec) -> None:
        self.specs[spec.id] = spec

    def update(self, stream: str, side: int, spec: SideSpec) -> None:
        sides = list(self.specs[stream].sides)
        sides[side] = spec
        self.specs[stream] = attrs.evolve(self.specs[stream], sides=(sides[0], sides[1]))

    def close(self, stream: str) -> str:
        del self.specs[stream]
        return "volume"

    def stop(self, keep: bool = False) -> None:
        self.stopped = keep

    def suites(self) -> tuple[str, ...]:
        return self.can

    def counters(self, stream: str) -> StreamCounters:
        side = SideCounters(received_rtp=Volume(self.packets, 172 * self.packets))
        return StreamCounters((side, SideCounters()))

    def streams(self) -> list[str]:
        return list(self.specs)

    def key(self, stream: str, side: int, receive: Key, send: Key, rtcp: bool = False) -> None:
        (self.rtcp_keys if rtcp else self.keys).append((stream, side, receive, send))

    def aim(self, stream: str, side: int, rtp: Address | None, rtcp: Address | None) -> None:
        self.aims.append((stream, side, rtp, rtcp))

    def say(self, stream: str, side: int, data: bytes, to: Address, rtcp: bool = False) -> None:
        local = self.specs[stream].sides[side].local
        self._net.post(local.rtcp if rtcp and local.rtcp is not None else local.rtp, to, data)


class Noted:
    """An observer that notes what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *what: self.heard.append((name, *what))

    def words(self) -> list[str]:
        told = (each for each in self.heard if each[0] not in ("keyed", "failed"))
        return [each[0] if each[0] != "unsecured" else f"unsecured {each[3]}" for each in told]

    def failures(self) -> list[str]:
        """Why there will be no keys."""
        return [each[3] for each in self.heard if each[0] == "failed"]


class Net:
    """Datagrams on their way. `passed` says what of those that wait arrives, and in which order."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.ends: dict[Address, End] = {}
        self.rtcp: set[Address] = set()  # which of these are ports of RTCP
        self.waiting: list[tuple[Address, Address, bytes]] = []
        self.passed: Callable[[list[Any]], list[Any]] = lambda waiting: waiting
        self.sent: Counter[Address] = Counter()  # octets, by whom they went to

    def post(self, source: Address, to: Address, data: bytes) -> None:
        self.sent[to] += len(data)
        self.waiting.append((source, to, data))

    def run(self) -> None:
        """Let everything arrive that is on its way, and what comes of it."""
        while self.waiting:
            now, self.waiting = self.passed(self.waiting), []
            for source, to, data in now:
                if to in self.ends:
                    self.ends[to].engine.handshake(self.ends[to].stream, 0, to in self.rtcp, data, source)


class End:
    """A SecuredEngine with one stream, whose side 0 stands at `at` and speaks with `peer`."""

    def __init__(
        self, net: Net, certificate: Certificate, at: Address, peer: Address | None, name: str = "call/0"
    ) -> None:
        self.net, self.at, self.stream = net, at, name
        self.observer = Noted()
        self.engine = SecuredEngine(net.clock, certificate, self.observer, self.observer)
        self.noted = NotedEngine(net)
        self.engine.stand_before(self.noted)
        self.peer = peer
        net.ends[at] = self

    def spec(self, dtls: Dtls | None, ice: IcePair | None = None, **changes: Any) -> SideSpec:
        security = SideSecurity(dtls=dtls, ice=ice)
        remote = None if self.peer is None else Pair(self.peer, None)
        usual = {"security": security, "remote": remote, "seen_host": "" if self.peer is None else self.peer.host}
        return side_spec("access", Pair(self.at, None), Pair(self.at, None), {**usual, **changes})

    def open(self, dtls: Dtls | None, ice: IcePair | None = None, **changes: Any) -> None:
        spec = stream_spec(self.stream, (Pair(self.at, None), CORE), (FAR, FAR))
        self.engine.open(attrs.evolve(spec, sides=(self.spec(dtls, ice, **changes), spec.sides[1])))

    def update(self, dtls: Dtls | None, ice: IcePair | None = None, **changes: Any) -> None:
        self.engine.update(self.stream, 0, self.spec(dtls, ice, **changes))

    @property
    def keys(self) -> tuple[Key, Key] | None:
        """Those in force: what is received by, what is sent by."""
        return self.noted.keys[-1][2:] if self.noted.keys else None

    @property
    def counted(self) -> Counter[str]:
        return self.engine.counted


def ends(net: Net) -> tuple[End, End]:
    """We, and the peer, which begins."""
    return End(net, OURS, HERE, THERE), End(net, THEIRS, THERE, HERE)


def server(*fingerprints: Fingerprint) -> Dtls:
    """The peer begins, and has a certificate with one of these."""
    return Dtls(False, fingerprints)


def agreed(us: End, peer: End) -> bool:
    """Whether what one sends by the other receives by."""
    return us.keys is not None and peer.keys is not None and us.keys == peer.keys[::-1]


def shaken(net: Net) -> tuple[End, End]:
    """Both, when they have agreed."""
    us, peer = ends(net)
    us.open(server(THEIRS.fingerprint))
    peer.open(Dtls(True, (OURS.fingerprint,)))
    net.run()
    assert agreed(us, peer)
    return us, peer
