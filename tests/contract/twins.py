"""The C of the native engine beside its Python reference: one latch that is two, and fails where they differ."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest

from sbc.core.address import Address, canonical
from sbc.core.orders import Latch, SideSpec
from sbc.media.latching import SideLatch, Verdict
from sbc.media.packet import Kind

native = pytest.importorskip("sbc.media.native._native", reason="the modules in C are not built")
ffi, lib = native.ffi, native.lib

KINDS = {
    Kind.RTP: lib.KIND_RTP,
    Kind.RTCP: lib.KIND_RTCP,
    Kind.UDPTL: lib.KIND_UDPTL,
    Kind.OPAQUE: lib.KIND_OPAQUE,
    Kind.TOO_SHORT: lib.KIND_TOO_SHORT,
    Kind.NOT_RTP: lib.KIND_NOT_RTP,
}
MODES = {Latch.STRICT: lib.LATCH_STRICT, Latch.NAT: lib.LATCH_NAT, Latch.OFF: lib.LATCH_OFF}
NONE = (0, bytes(16), 0)


def nanoseconds(seconds: float) -> int:
    """Exact for the fractions of a second that both hold exactly, which the tests use."""
    return round(seconds * 1_000_000_000)


def raw(address: Address | None) -> tuple[int, bytes, int]:
    """An address as C has it: family, octets, port."""
    if address is None or not address.host:
        return NONE
    try:
        ip = ip_address(canonical(address.host))
    except ValueError:
        return lib.FAMILY_NAME, address.host.lower().encode()[:16].ljust(16, b"\0"), address.port
    family = lib.FAMILY_IPV4 if ip.version == 4 else lib.FAMILY_IPV6
    return family, ip.packed.ljust(16, b"\0"), address.port


def put(there: Any, address: Address | None) -> None:
    there.family, there.host, there.port = raw(address)


def got(there: Any) -> tuple[int, bytes, int]:
    return there.family, bytes(ffi.buffer(there.host)), there.port


def address_of(address: Address | None) -> Any:
    made = ffi.new("struct address *")
    put(made, address)
    return made


def identity(ssrc: int | None, sequence: int | None, timestamp: int | None) -> Any:
    made = ffi.new("struct identity *")
    made.has_ssrc, made.ssrc = ssrc is not None, ssrc or 0
    made.has_sequence, made.sequence, made.timestamp = sequence is not None, sequence or 0, timestamp or 0
    return made


def latch_spec(spec: SideSpec, signalled: Address | None, kept: Address | None = None) -> Any:
    made = ffi.new("struct latch_spec *")
    put(made.signalled, signalled)
    put(made.seen, Address(spec.seen_host, 0))
    put(made.kept, kept)
    made.window, made.clock = nanoseconds(spec.window), spec.clock
    made.mode, made.behind_nat = MODES[spec.latch], spec.behind_nat
    made.secured = spec.security is not None
    made.ice = spec.security is not None and spec.security.ice is not None
    return made


class TwinLatch:
    """A latch in Python and one in C, asked the same; what they answer and what they then hold must be the same."""

    def __init__(self, spec: SideSpec, signalled: Address | None, now: float, rtp: TwinLatch | None = None) -> None:
        self.python = SideLatch(spec, signalled, now, None if rtp is None else rtp.python)
        self.c = ffi.new("struct latch *")
        self._rtp = rtp  # C only points to it
        kept = spec.latched if rtp is None else spec.latched_rtcp
        lib.latch_init(self.c, latch_spec(spec, signalled, kept), nanoseconds(now), ffi.NULL if rtp is None else rtp.c)
        self.compare(now)

    def update(self, spec: SideSpec, signalled: Address | None, now: float) -> None:
        self.python.update(spec, signalled, now)
        lib.latch_update(self.c, latch_spec(spec, signalled), nanoseconds(now))
        self.compare(now)

    def reopen(self, now: float, window: float) -> None:
        self.python.reopen(now, window)
        lib.latch_reopen(self.c, nanoseconds(now), nanoseconds(window))
        self.compare(now)

    def heard(self, at: float, ssrc: int | None, sequence: int | None, timestamp: int | None) -> None:
        self.python.heard(at, ssrc, sequence, timestamp)
        lib.latch_heard(self.c, nanoseconds(at), identity(ssrc, sequence, timestamp))
        self.compare(at)

    def judge(
        self,
        source: Address,
        now: float,
        kind: Kind,
        ssrc: int | None = None,
        sequence: int | None = None,
        timestamp: int | None = None,
    ) -> Verdict:
        verdict = self.python.judge(source, now, kind, ssrc, sequence, timestamp)
        packet = identity(ssrc, sequence, timestamp)
        other = lib.latch_judge(self.c, address_of(source), nanoseconds(now), KINDS[kind], packet)
        moved = verdict.latched is not None
        assert (other.accept, other.moved, word(other.reason)) == (verdict.accept, moved, verdict.reason)
        assert not moved or verdict.latched == source
        self.compare(now)
        return verdict

    def aim(self, address: Address | None, now: float) -> None:
        self.python.aim(address, now)
        lib.latch_aim(self.c, address_of(address), nanoseconds(now))
        self.compare(now)

    def prove(self, source: Address, now: float, genuine: bool, *who: int | None) -> Verdict:
        """A packet that does, or does not, prove its sender by a key."""
        verdict, packet = self.python.consider(source, now, *who), identity(*who)
        other = lib.latch_consider(self.c, address_of(source), nanoseconds(now), packet)
        moved = verdict.latched is not None
        assert (other.accept, other.moved, word(other.reason)) == (verdict.accept, moved, verdict.reason)
        assert lib.latch_permits(self.c, address_of(source)) == self.python.permits(source)
        if verdict.accept and genuine:
            self.python.learn(source, now, verdict, *who)
            lib.latch_learn(self.c, address_of(source), nanoseconds(now), ffi.new("struct verdict *", other), packet)
        self.compare(now)
        return verdict

    def compare(self, now: float) -> None:
        """What both hold, as far as it can be asked."""
        it, c = self.python, self.c
        assert got(c.latched) == raw(it.latched)
        assert got(c.signalled) == raw(it.signalled)
        assert got(lib.latch_destination(c)) == raw(it.destination)
        assert (c.held, word(c.reason)) == (it.held, it.reason)
        assert lib.latch_learning(c, nanoseconds(now)) == it.learning(now)
        assert lib.latch_firm(c, nanoseconds(now)) == it.firm(now)


def word(reason: int) -> str:
    return bytes(ffi.string(lib.latch_reason_word(reason))).decode()
