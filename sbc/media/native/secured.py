"""Secured media in the `native` engine: keys for its threads, and what checks and handshakes find."""

from __future__ import annotations

from typing import Any

from sbc.core.address import Address
from sbc.core.orders import SideSpec, StreamSpec
from sbc.core.secured import SUITES, Bundled, Key, SideSecurity, same
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

    def key(self, stream: str, side: int, receive: Key, send: Key) -> None:
        """See IMediaEngine. @raises KeyError; ValueError."""
        relay = self._relays[stream]
        spec = relay.spec.sides[side]
        if spec.security is None:
            raise ValueError("a side that is not secured has no keys")
        given = self._ffi.new("struct new_seals *")
        self._leave(relay, side, (receive, send))
        self._seals.write(given, spec, relay.keys[side], (receive, send), relay.past[side])
        self._lib.engine_key(relay.stream, side, given)
        relay.keys[side] = (receive, send)

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
        first, second = (_rows(told, side, relay.keys[side][0]) for side in (0, 1))
        return first, second

    def _leave(self, relay: Any, side: int, keys: Keys) -> None:
        """These are to take the place of a side's keys: it is remembered how far those were used."""
        security = relay.spec.sides[side].security
        begins = -1 if security is None else security.begins
        leave(relay.past[side], relay.keys[side], keys, lambda: self.rollovers(relay.spec.id)[side], begins)

    def _secure_first(self, specs: Any, spec: StreamSpec) -> list[Keys]:
        """Write the keys of a stream that is opened; they are to be given to the engine at once. @raises ValueError."""
        every = []
        for n, side in enumerate(spec.sides):
            security = side.security
            specs[n].secured = security is not None
            keys = NO_KEYS if security is None else (security.receive, security.send)
            try:
                self._seals.write(specs[n].seals, side, NO_KEYS, keys, Past(), security)
            except ValueError:
                for written in specs:
                    self._seals.drop(written.seals)
                raise
            every.append(keys)
        return every

    def _secure(self, to: Any, relay: Any, side: int, spec: SideSpec) -> None:
        """The same for a side that is signalled anew."""
        keys = NO_KEYS
        if spec.security is not None:
            keys = wanted(relay.spec.sides[side].security, relay.keys[side], spec.security)
        to.secured = spec.security is not None
        self._leave(relay, side, keys)
        self._seals.write(to.seals, spec, relay.keys[side], keys, relay.past[side], spec.security)
        relay.keys[side] = keys

    def _hear_handed(self, handed: Any) -> None:
        relay = self._handles.get(handed.handle)
        source = self._values.address(handed.source)
        if relay is not None and source is not None:
            data = bytes(self._ffi.buffer(handed.data, handed.size))
            self._herald.handshake(relay.spec.id, handed.side, bool(handed.rtcp), data, source)


def _rows(told: Any, side: int, receive: Key | None) -> tuple[Row, ...]:
    used = ((0, USED, *told.used[side]),) if receive is not None and receive.lifetime else ()
    rows = tuple(
        (sent, row.ssrc, row.index, row.index_rtcp)
        for sent in (0, 1)
        for row in told.rows[side][sent][0 : told.counts[side][sent]]
    )
    return (*rows, *used)
