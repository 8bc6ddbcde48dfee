"""The native engine's values in C, and the same in Python."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from ipaddress import IPv6Address
from typing import Any

import attrs

from sbc.core.address import Address, literal
from sbc.core.orders import Latch, SideSpec
from sbc.core.secured import Bundled
from sbc.media.counters import Drops, SideCounters, StreamCounters, Volume
from sbc.media.flow import Footing, SideView, Stance
from sbc.media.meter import Tally
from sbc.media.quality import assess

_NANO = 1_000_000_000
_NONE = Drops()
_HOSTS = 4096  # of which it is remembered how they are written


@attrs.define
class Reported:
    """What reports (RTCP) have told of a side: see sbc.media.meter.Trips."""

    rtt_sum: int
    rtt_count: int
    rtt_max: int
    told: int
    told_lost: int


class Values:
    """Turns specs into C's structs and back; `module` is the extension module `_native`."""

    def __init__(self, module: Any) -> None:
        self.ffi, self.lib = module.ffi, module.lib
        lib = module.lib
        self._nobody = self.ffi.new("struct address *")
        self._hosts = lru_cache(maxsize=_HOSTS)(self._host)
        self._figures = self.ffi.new("uint64_t[]", 2 * lib.FIGURES)
        self._modes = {Latch.STRICT: lib.LATCH_STRICT, Latch.NAT: lib.LATCH_NAT, Latch.OFF: lib.LATCH_OFF}
        self._words: list[str] = [
            self.ffi.string(lib.latch_reason_word(number)).decode() for number in range(lib.REASONS)
        ]

    def reason(self, number: int) -> str:
        """Why a latch is where it is, or did not accept: the words of sbc.media.latching."""
        return self._words[number]

    def in_c(self, address: Address | None) -> Any:
        """An address as a ``struct address``, to be copied at once: the next one of that host is written over it."""
        if address is None:
            return self._nobody[0]
        made = self._hosts(address.host)
        made.port = address.port
        return made[0]

    def _host(self, host: str) -> Any:
        made = self.ffi.new("struct address *")
        ip = literal(host)
        if ip is None:
            made.family = self.lib.FAMILY_NAME
            octets = blake2b(host.lower().encode(), digest_size=16).digest()
        else:
            made.family = self.lib.FAMILY_IPV4 if ip.version == 4 else self.lib.FAMILY_IPV6
            octets = ip.packed
        self.ffi.memmove(made.host, octets, len(octets))
        return made

    def address(self, of: Any) -> Address | None:
        """The address in a ``struct address``; None where there is none, or it was a name."""
        if of.family == self.lib.FAMILY_IPV4:
            return Address(".".join(map(str, self.ffi.buffer(of.host, 4)[:])), of.port)
        if of.family == self.lib.FAMILY_IPV6:
            return Address(str(IPv6Address(bytes(self.ffi.buffer(of.host, 16)))), of.port)
        return None

    def write_side(self, to: Any, spec: SideSpec, realm: Any) -> None:
        """Write a spec into a zeroed ``struct side_spec``; `realm` is its realm's ``struct realm``."""
        signalled: tuple[Address | None, Address | None] = (None, None) if spec.remote is None else spec.remote
        port = to.ports[0]
        if spec.seen_host:
            port.seen = self.in_c(Address(spec.seen_host, 0))
        port.window = int(spec.window * _NANO)
        port.clock = spec.clock
        port.mode = self._modes[spec.latch]
        port.behind_nat = spec.behind_nat
        port.secured = spec.security is not None
        port.ice = spec.security is not None and spec.security.ice is not None
        to.ports[1] = port
        for n, kept in enumerate((spec.latched, spec.latched_rtcp)):
            to.ports[n].kept = self.in_c(kept)
            to.ports[n].signalled = self.in_c(signalled[n])
            to.local[n] = self.in_c(spec.local[n])
        to.realm = realm
        to.clock = spec.clock
        to.tos = spec.dscp << 2
        to.muxes = spec.remote is not None and spec.remote.rtp == spec.remote.rtcp
        if (shared := spec.shared) is not None:
            to.told, to.number = shared.told, shared.number
            for n, (address, prefix) in enumerate(zip(shared.local, (shared.rtp, shared.rtcp), strict=True)):
                to.shared[n] = self.in_c(address)
                to.prefixed[n], to.prefixes[n] = prefix is not None, prefix or 0
        if spec.incoming:
            to.marked = True
            self.ffi.memmove(to.marks, spec.incoming, len(spec.incoming))
        if spec.limit is not None:
            to.limited, to.rate, to.burst = True, spec.limit.octets, spec.limit.burst
            to.wait = int(spec.limit.wait * _NANO)

    def bundled(self, bundled: Bundled) -> Any:
        """What a stream of a bundle is known by, as a ``struct bundled_spec``."""
        to, mid = self.ffi.new("struct bundled_spec *"), bundled.mid.encode()[: self.lib.BUNDLE_MID]
        self.ffi.memmove(to.mid, mid, len(mid))
        to.mid_size, to.extension = len(mid), bundled.extension
        to.said = min(len(bundled.sources), self.lib.BUNDLE_SAID)
        for n, ssrc in enumerate(bundled.sources[: to.said]):
            to.sources[n] = ssrc
        for each in bundled.types:
            to.types[each // 64] |= 1 << each % 64
        return to

    def counters(self, state: Any, specs: Sequence[SideSpec]) -> StreamCounters:
        """The counters in a ``struct stream_state``; `specs` are those of the two sides."""
        self.lib.stream_figures(state, self._figures)
        each = self.lib.FIGURES
        figures = self.ffi.unpack(self._figures, 2 * each)
        media = (specs[0].media, specs[1].media)
        return StreamCounters((_side_counters(figures[:each], media), _side_counters(figures[each:], media)))

    def view(self, side: Any, spec: SideSpec, rtcp: bool, suite: str = "") -> SideView:
        """A ``struct side_state`` for people; `rtcp` whether the side has a port of its own for RTCP, `suite` that of
        the key that it is written with."""
        rtp_port, rtcp_port = side.ports
        refused: dict[str, int] = {}
        for port in side.ports:
            for number, count in enumerate(port.arrivals.refused):
                if count:
                    word = self._words[number]
                    refused[word] = refused.get(word, 0) + count
        return SideView(
            realm=spec.realm,
            local=spec.local,
            signalled=spec.remote,
            rtp=self.address(rtp_port.to),
            rtp_reason=self._words[rtp_port.reason],
            rtcp=self.address(rtcp_port.to),
            rtcp_reason=self._words[rtcp_port.reason] if rtcp else "",
            mux=side.mux,
            held=side.held,
            refused=refused,
            dscp=spec.dscp,
            priority=spec.priority,
            incoming=spec.incoming,
            security=suite if side.sealed else "unkeyed" if spec.security is not None else "",
        )

    def stance(self, side: Any, spec: SideSpec, rtcp: bool) -> Stance:
        """A ``struct side_state`` for whoever would forward without judging."""
        footings = [Footing(self.address(port.latched), port.firm, self.address(port.to)) for port in side.ports]
        return Stance(spec, side.held, side.mux, footings[0], footings[1] if rtcp else None, side.shared)


def _side_counters(figures: list[int], media: tuple[str, str]) -> SideCounters:
    """What stream_figures() has told of a side."""
    volumes, dropped, measured = figures[:8], figures[8:21], figures[21:]
    return SideCounters(
        Volume(volumes[0], volumes[1]),
        Volume(volumes[2], volumes[3]),
        Volume(volumes[4], volumes[5]),
        Volume(volumes[6], volumes[7]),
        Drops(*dropped) if any(dropped) else _NONE,
        assess(Tally(*measured[:9]), Reported(*measured[9:]), media) if measured[0] or measured[1] else None,
    )
