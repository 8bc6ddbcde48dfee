"""Secured media in the `native` engine: keys for its threads, and what checks and handshakes find."""

from __future__ import annotations

from typing import Any

from sbc.core.address import Address
from sbc.core.orders import SideSpec, StreamSpec
from sbc.core.secured import OF_RTCP, SUITES, Bundled, Key, SideSecurity, of_rtcp, same
from sbc.media.native.values import Values
from sbc.media.riding import Riding
from sbc.media.sealing import USED, Keys, Past, Row, Use, leave, wanted
from sbc.media.udp import borrowed

_SUITES = {name: number for number, name in enumerate(SUITES)}
"""As ``enum suite`` (srtp.h) has them."""
NO_KEYS: Keys = (None, None)


class Seals:
    """Makes seals in C; `module` is the extension module `_native`."""

    def __init__(self, module: Any) -> None:
        self._ffi, self._lib = module.ffi, module.lib

    def missing(self) -> str:
        """Why there are none, in one sentence; empty where there are."""
        return str(self._ffi.string(self._lib.seal_missing()).decode())

    def suites(self) -> tuple[str, ...]:
        """Which of SUITES libsrtp can do here."""
        return tuple(name for name, number in _SUITES.items() if self._lib.seal_has(number))

    def write(
        self, to: Any, side: SideSpec, before: Keys, keys: Keys, past: Past, security: SideSecurity | None = None
    ) -> None:
        """Write what takes the place of the keys of before into a ``struct new_seals``; see `Past.use` for the rest.
        What is in it is to be given to the engine, or to `drop`. @raises ValueError for a key that is none."""
        to.kept_receive, to.kept_send = same(keys[0], before[0]), same(keys[1], before[1])
        to.hears = side.security is not None and side.security.hears
        try:
            if not to.kept_receive and keys[0] is not None:
                to.receive = self._made(keys[0], False, past.use(keys[0], False, security))
            if not to.kept_send and keys[1] is not None:
                to.send = self._made(keys[1], True, past.use(keys[1], True, security))
        except ValueError:
            self.drop(to)
            raise

    def drop(self, of: Any) -> None:
        """Let go of what is in a ``struct new_seals``."""
        self._lib.seal_free(of.receive)
        self._lib.seal_free(of.send)
        of.receive = of.send = self._ffi.NULL

    def _made(self, key: Key, sends: bool, use: Use) -> Any:
        suite = SUITES.get(key.suite)
        if suite is None or len(key.secret) != suite.secret or len(key.mki) > self._lib.SEAL_MKI:
            raise ValueError(f"no key for {key.suite}")
        used = self._ffi.new("struct seal_use *", {"begins": use.begins, "lifetime": key.lifetime})
        rows = [row for row in use.rows if row[1] != USED]
        used.used = next((row[2:] for row in use.rows if row[1] == USED), (0, 0))
        used.count = min(len(rows), self._lib.SEAL_SOURCES)
        for to, (_, ssrc, index, index_rtcp) in zip(used.rows, rows, strict=False):
            to.ssrc, to.index, to.index_rtcp = ssrc, index, index_rtcp
        made = self._lib.seal_new(_SUITES[key.suite], key.secret, key.mki, len(key.mki), sends, used)
        if made == self._ffi.NULL:
            raise ValueError(f"no key for {key.suite} can be made here: {self.missing() or 'libsrtp refuses it'}")
        return made


class Secured:
    """What NativeEngine does of it."""

    _ffi: Any
    _lib: Any
    _values: Values
    _engine: Any
    _herald: Any
    _seals: Seals
    _relays: dict[str, Any]
    _handles: dict[int, Any]
    _of_call: dict[str, dict[str, Any]]
    _riding: Riding
    _suites: tuple[str, ...] | None = None

    def suites(self) -> tuple[str, ...]:
        """See IMediaEngine."""
        if self._suites is None:
            self._suites = self._seals.suites()
        return self._suites

    def key(self, stream: str, side: int, receive: Key, send: Key, rtcp: bool = False) -> None:
        """See IMediaEngine. @raises KeyError; ValueError."""
        relay = self._relays[stream]
        spec = relay.spec.sides[side]
        if _of(spec.security, rtcp) is None:
            raise ValueError("a side that is not secured has no keys")
        given, at = self._ffi.new("struct new_seals *"), _at(side, rtcp)
        self._leave(relay, side, rtcp, (receive, send))
        self._seals.write(given, spec, relay.keys[at], (receive, send), _past(relay)[at])
        self._lib.engine_key(relay.stream, side, rtcp, given)
        relay.keys[at] = (receive, send)

    def aim(self, stream: str, side: int, rtp: Address | None, rtcp: Address | None) -> None:
        """See IMediaEngine. @raises KeyError."""
        to = self._ffi.new("struct address[2]")
        to[0] = self._values.in_c(rtp)
        to[1] = self._values.in_c(rtcp)
        self._lib.engine_aim(self._relays[stream].stream, side, to)

    def _ride(self, stream: str, side: int, carrier: str, bundled: Bundled) -> bool:
        """See sbc.media.riding.Join."""
        spec = self._values.bundled(bundled)
        return bool(self._lib.engine_ride(self._relays[stream].stream, side, self._relays[carrier].stream, spec))

    def _beside(self, call: str) -> Any:
        """The struct of a stream of the call, in whose worker others of it are to be; NULL where there is none."""
        return next((each.stream for each in self._of_call.get(call, {}).values()), self._ffi.NULL)

    def _entered(self, relay: Any) -> None:
        """A stream is open."""
        self._of_call.setdefault(relay.spec.call, {})[relay.spec.id] = relay
        self._riding.opened(relay.spec)

    def _leaves(self, relay: Any) -> None:
        """It is about to close: no other of its call is to have a place beside it, and nobody rides with it."""
        self._riding.closed(relay.spec.id)
        of_call = self._of_call[relay.spec.call]
        del of_call[relay.spec.id]
        if not of_call:
            del self._of_call[relay.spec.call]
        del self._relays[relay.spec.id]

    def _walk(self, stream: str, side: int) -> None:
        """See sbc.media.riding.Leave."""
        self._lib.engine_ride(self._relays[stream].stream, side, self._ffi.NULL, self._ffi.NULL)

    def _suite(self, relay: Any, side: int) -> str:
        """That by which what is sent to a side is written: of the transport it goes by, mostly its own."""
        security = relay.spec.sides[side].security
        if security is not None and security.rides:
            relay = self._relays.get(security.bundled.carrier, relay)
        send = relay.keys[side][1]
        return "" if send is None else str(send.suite)

    def say(self, stream: str, side: int, data: bytes, to: Address, rtcp: bool = False) -> bool:
        """See IMediaEngine. @raises KeyError."""
        relay = self._relays[stream].stream
        fd = self._lib.engine_fd(relay, 2 * side + rtcp)
        with borrowed(fd if fd >= 0 else self._lib.engine_fd(relay, 2 * side)) as sock:
            try:
                sock.sendto(data, to)
            except OSError:
                return False
        return True

    def rollovers(self, stream: str) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
        """See IMediaEngine. @raises KeyError."""
        relay = self._relays[stream]
        if all(side.security is None for side in relay.spec.sides):
            return (), ()
        told = self._ffi.new("struct stream_rows *")
        self._lib.engine_rows(self._engine, relay.stream, told)
        first, second = (_rows(told, side, relay.keys) for side in (0, 1))
        return first, second

    def _leave(self, relay: Any, side: int, rtcp: bool, keys: Keys) -> None:
        """These are to take the place of a side's keys: it is remembered how far those were used."""
        security, at = _of(relay.spec.sides[side].security, rtcp), _at(side, rtcp)
        if relay.keys[at] == NO_KEYS:
            return

        def rows() -> tuple[Row, ...]:
            first = OF_RTCP * rtcp
            told = self.rollovers(relay.spec.id)[side]
            return tuple((row[0] - first, *row[1:]) for row in told if first <= row[0] < first + OF_RTCP)

        leave(_past(relay)[at], relay.keys[at], keys, rows, -1 if security is None else security.begins)

    def _secure_first(self, specs: Any, spec: StreamSpec) -> list[Keys]:
        """Write the keys of a stream that is opened; they are to be given to the engine at once. @raises ValueError."""
        every = [NO_KEYS] * 4
        try:
            for side, each in enumerate(spec.sides):
                for rtcp in (False, True):
                    security = _of(each.security, rtcp)
                    keys = every[_at(side, rtcp)] = _keys_of(security)
                    self._seals.write(_seals(specs[side], rtcp, security), each, NO_KEYS, keys, Past(), security)
        except ValueError:
            for written in specs:
                self._seals.drop(written.seals)
                self._seals.drop(written.seals_rtcp)
            raise
        return every

    def _secure(self, to: Any, relay: Any, side: int, spec: SideSpec) -> None:
        """The same for a side that is signalled anew."""
        given = []
        try:
            for rtcp in (False, True):
                security, at = _of(spec.security, rtcp), _at(side, rtcp)
                before = _of(relay.spec.sides[side].security, rtcp)
                keys = NO_KEYS if security is None else wanted(before, relay.keys[at], security)
                self._leave(relay, side, rtcp, keys)
                past = Past() if security is None else _past(relay)[at]
                self._seals.write(_seals(to, rtcp, security), spec, relay.keys[at], keys, past, security)
                given.append(keys)
        except ValueError:
            self._seals.drop(to.seals)
            raise
        relay.keys[_at(side, False)], relay.keys[_at(side, True)] = given

    def _hear_handed(self, handed: Any) -> None:
        relay = self._handles.get(handed.handle)
        source = self._values.address(handed.source)
        if relay is not None and source is not None:
            data = bytes(self._ffi.buffer(handed.data, handed.size))
            self._herald.handshake(relay.spec.id, handed.side, bool(handed.rtcp), data, source)


def _past(relay: Any) -> tuple[Past, ...]:
    """How far keys of a stream were used. Made when it is first asked for: most streams have no keys."""
    relay.past = relay.past or (Past(), Past(), Past(), Past())
    past: tuple[Past, ...] = relay.past
    return past


def _at(side: int, rtcp: bool) -> int:
    """Where a side's keys are among those of a stream, and RTCP's own."""
    return side + 2 * rtcp


def _of(security: SideSecurity | None, rtcp: bool) -> SideSecurity | None:
    """How what comes by the port of RTCP alone is secured; all else, or all where that has no keys of its own."""
    return security if security is None or not rtcp else of_rtcp(security)


def _keys_of(security: SideSecurity | None) -> Keys:
    return NO_KEYS if security is None else (security.receive, security.send)


def _seals(spec: Any, rtcp: bool, security: SideSecurity | None) -> Any:
    """Where in a ``struct side_spec`` keys stand, which says whether there are any to be."""
    if rtcp:
        spec.own_rtcp = security is not None
        return spec.seals_rtcp
    spec.secured = security is not None
    return spec.seals


def _rows(told: Any, side: int, keys: list[Keys]) -> tuple[Row, ...]:
    rows = tuple(
        (place, row.ssrc, row.index, row.index_rtcp)
        for place in range(2 * OF_RTCP)
        for row in told.rows[side][place][0 : told.counts[side][place]]
    )
    receive = keys[_at(side, False)][0], keys[_at(side, True)][0]
    used = (
        (OF_RTCP * n, USED, *told.used[side][n]) for n, key in enumerate(receive) if key is not None and key.lifetime
    )
    return (*rows, *used)
