"""The native engine's C judges packets and latches as its Python reference does, whatever comes in whatever order."""

from __future__ import annotations

import random
import struct
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbc.core.address import Address, Pair, canonical
from sbc.core.orders import Latch, SideSpec
from sbc.core.secured import Ice, IcePair, SideSecurity
from sbc.media import rtcp, rtp
from sbc.media.packet import Kind, classify, classify_udptl
from sbc.media.side import Side
from tests import corpora
from tests.contract.twins import KINDS, TwinLatch, address_of, ffi, lib, put, word
from tests.media import packets

# -- packets

MOST = 64


def check(data: bytes) -> None:
    """Both say the same of a datagram, with it at the very end of its memory, where a sanitizer sees what is beyond."""
    memory = ffi.from_buffer(data) if data else ffi.NULL
    kind, fax = classify(data), classify_udptl(data)
    assert lib.packet_classify(memory, len(data)) == KINDS[kind], data.hex()
    assert lib.packet_classify_udptl(memory, len(data)) == KINDS[fax], data.hex()
    header = ffi.new("struct rtp_header *")
    known = rtp.parse(data)
    assert lib.rtp_parse(memory, len(data), header) == (known is not None)
    if known is not None:
        its = (header.payload_type, header.marker, header.sequence, header.timestamp, header.ssrc, header.payload_at)
        assert its == known
    report, heard = ffi.new("struct rtcp_header *"), rtcp.parse(data)
    assert lib.rtcp_parse(memory, len(data), report) == (heard is not None)
    if heard is not None:
        assert (report.reports, report.packet_type, report.size, report.ssrc) == heard
    who = lib.packet_identity(KINDS[kind], memory, len(data))
    assert (who.has_ssrc, who.has_sequence) == (kind in (Kind.RTP, Kind.RTCP), kind is Kind.RTP)
    if kind is Kind.RTP and known is not None:
        assert (who.ssrc, who.sequence, who.timestamp) == (known.ssrc, known.sequence, known.timestamp)


@pytest.mark.parametrize("kind", list(Kind))
def test_kinds_have_the_same_words(kind: Kind) -> None:
    assert ffi.string(lib.packet_kind_word(KINDS[kind])).decode() == kind.value
    assert ffi.string(lib.packet_kind_word(lib.KINDS)) == b""


@pytest.mark.parametrize("second", [0, 0x7F, 0x80, 191, 192, 200, 223, 224, 255])
def test_every_first_octet_and_length(second: int) -> None:
    for first in range(256):
        whole = bytes([first, second]) + b"\x00\x02" + b"\x21\x12\xa4\x42" + bytes(range(56))
        for size in range(MOST + 1):
            check(whole[:size])


@pytest.mark.parametrize("cookie", [b"\x21\x12\xa4\x42", b"ZRTP", b"ZRTQ", bytes(4)])
def test_every_first_octet_with_a_cookie(cookie: bytes) -> None:
    for first in range(256):
        for size in (8, 12, 13, 15, 16, 19, 20, 21, 40):
            check((bytes([first, 1, 0, 0]) + cookie + bytes(32))[:size])


def test_every_length_that_rtp_and_rtcp_and_udptl_may_claim() -> None:
    for length in [*range(70), 0x7FFF, 0x8000, 0xFFFF]:
        for csrcs in range(16):
            check(struct.pack("!BBHIIHH", 0x90 | csrcs, 96, 1, 2, 3, 0xBEDE, length) + bytes(48))
        check(struct.pack("!BBHI", 0x81, 200, length, 7) + bytes(48))
        for octet in (length & 0xFF, 0x80 | (length >> 8 & 0x7F)):
            check(struct.pack("!HBB", 9, octet, length & 0xFF) + bytes(60))


@pytest.mark.parametrize(
    "data",
    [packets.rtp(), packets.receiver_report(), packets.stun_request(), packets.dtls_hello(), packets.udptl(1, b"\6")],
)
def test_sound_packets_cut_anywhere(data: bytes) -> None:
    for size in range(len(data) + 1):
        check(data[:size])


@given(st.binary(max_size=MOST))
def test_any_octets(data: bytes) -> None:
    check(data)


@settings(max_examples=300)
@given(st.sampled_from([0x80, 0x90, 0x9F, 0x8F, 0x00, 0x10, 0x14]), st.binary(max_size=MOST))
def test_any_octets_behind_a_likely_first(first: int, rest: bytes) -> None:
    check(bytes([first]) + rest)


KEPT = sorted(path for path in (Path(__file__).parents[1] / "fuzz/kept").rglob("*") if path.is_file())


def test_what_fuzzing_has_kept_and_recorded_messages() -> None:
    recorded = [path for path in sorted(corpora.ROOT.rglob("*")) if path.is_file()]  # none where they are not there
    for path in [*KEPT, *recorded[:300]]:
        check(path.read_bytes()[:65_535])


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
def test_sequences_continue_alike(last: int, sequence: int) -> None:
    assert lib.rtp_continues(last, sequence) == rtp.continues(last, sequence)


# -- addresses

SIGNALLED = Address("192.168.1.10", 4000)
NAT = Address("203.0.113.11", 40000)
LOCAL = Pair(Address("203.0.113.1", 20000), Address("203.0.113.1", 20001))
LOCAL6 = Pair(Address("2001:db8::1", 20000), None)
SPEC = SideSpec("access", LOCAL, Pair(SIGNALLED, None), True, NAT.host, Latch.NAT, 3.0, clock=8000)
hosts = st.sampled_from(
    [
        "203.0.113.1", "203.0.113.9", "224.0.0.1", "239.255.255.255", "223.255.255.255", "240.0.0.1", "255.255.255.255",
        "255.255.255.254", "0.0.0.0", "0.0.0.1", "127.0.0.1", "2001:db8::1", "2001:DB8:0::2", "ff02::1", "fe80::1",
        "::", "::1", "::ffff:192.0.2.1", "::fffe:192.0.2.1", "phone.example", "other.example", "",
    ]
)  # fmt: skip
ports = st.sampled_from([0, 1, 20000, 20001, 65535])


@given(st.sampled_from([LOCAL, LOCAL6]), hosts, ports)
def test_the_same_destinations_are_unusable(local: Pair, host: str, port: int) -> None:
    side = Side(attrs.evolve(SPEC, local=local), "rtp", (print, None), 0.0, print, print, 2000)
    ours = ffi.new("struct address[2]")
    for n, each in enumerate(local):
        put(ours[n], each)
    assert lib.address_unusable(address_of(Address(host, port)), ours) == side.unusable(Address(host, port))


@given(hosts, hosts, ports, ports)
def test_addresses_compare_alike(one: str, other: str, port: int, other_port: int) -> None:
    same_host = one != "" and canonical(one) == canonical(other)
    here, there = address_of(Address(one, port)), address_of(Address(other, other_port))
    assert lib.address_same_host(here, there) == same_host
    assert lib.address_same(here, there) == (same_host and port == other_port)


# -- latches

SOURCES = st.sampled_from(
    [
        SIGNALLED, Address("192.168.1.10", 4001), NAT, Address(NAT.host, 40001), Address(NAT.host, 50000),
        Address("198.51.100.66", 6666), Address("198.51.100.66", 6667), Address("2001:db8::66", 6666),
    ]
)  # fmt: skip
TOLD = st.sampled_from(
    [
        None, SIGNALLED, SIGNALLED, NAT, Address("192.168.1.20", 4000), Address("0.0.0.0", 4000), Address("::", 4000),
        Address("192.168.1.10", 0), Address("phone.example", 4000), Address("other.example", 4000),
    ]
)  # fmt: skip
SPECS = st.builds(
    lambda **changes: attrs.evolve(SPEC, **changes),
    behind_nat=st.sampled_from([True, True, True, False]),
    latch=st.sampled_from([Latch.NAT, Latch.NAT, Latch.STRICT, Latch.STRICT, Latch.OFF]),
    seen_host=st.sampled_from([NAT.host, NAT.host, "198.51.100.66", "2001:DB8::66", "proxy.example", ""]),
    window=st.sampled_from([0.0, 1.5, 3.0]),
    clock=st.sampled_from([0, 8000, 8000, 90000, 4_000_000_000]),
    latched=st.sampled_from([None, None, NAT, Address("198.51.100.66", 6666)]),
    latched_rtcp=st.sampled_from([None, None, NAT, Address(NAT.host, 40001), Address("198.51.100.66", 6667)]),
    security=st.sampled_from([None, None, SideSecurity(), SideSecurity(ice=IcePair(Ice("ours", "")))]),
)
# Fractions of 512: both hold them exactly. 76 of them are just less than 150 ms, 77 just more.
PAUSES = st.sampled_from([0, 1, 10, 10, 10, 76, 77, 100, 512, 513, 700, 1536, 30_720]).map(lambda n: n / 512)
KIND = st.sampled_from([Kind.RTP] * 8 + [Kind.RTCP] * 3 + [Kind.OPAQUE, Kind.UDPTL])
PACKETS = st.tuples(
    SOURCES,
    KIND,
    st.sampled_from([7, 7, 7, 7, 8]),  # SSRC
    st.sampled_from([1, 1, 1, 1, 0, 2, -1, -100, 2999, 3000, 30_000]),  # sequence: so far from the last one
    st.sampled_from([0, 0, 0, 0, 1, -1, 8000, 8001, -8000, -8001, 90_001, 2**31]),  # timestamp: so far from right
)
STEPS = st.one_of(
    st.tuples(st.just("judge"), st.booleans(), PACKETS),
    st.tuples(st.just("judge"), st.just(False), PACKETS),
    st.tuples(st.just("judge"), st.just(False), PACKETS),
    st.tuples(st.just("heard"), st.booleans(), PACKETS),
    st.tuples(st.just("update"), st.booleans(), st.tuples(SPECS, TOLD)),
    st.tuples(st.just("reopen"), st.booleans(), st.sampled_from([0.0, 1.5, 3.0])),
    st.tuples(st.just("aim"), st.booleans(), st.one_of(st.none(), SOURCES)),
    st.tuples(st.sampled_from(["prove", "forge"]), st.booleans(), PACKETS),
)


class Bench:
    """The two latches of a side, RTP and RTCP, in both languages, and what their terminal would send."""

    def __init__(self, spec: SideSpec, signalled: Address | None, rtcp_signalled: Address | None) -> None:
        self.now, self.sequence, self.clock = 1000.0, 65_000, spec.clock
        rtp_latch = TwinLatch(spec, signalled, self.now)
        self.latches = (rtp_latch, TwinLatch(spec, rtcp_signalled, self.now, rtp_latch))
        self.reasons: set[str] = set()

    def take(self, pause: float, step: tuple[str, bool, Any]) -> None:
        self.now += pause
        what, at_rtcp, how = step
        latch = self.latches[at_rtcp]
        if what == "update":
            self.clock = how[0].clock
            latch.update(*how, self.now)
        elif what == "reopen":
            latch.reopen(self.now, how)
        elif what == "aim":
            latch.aim(how, self.now)
        else:
            source, kind, ssrc, ahead, error = how
            who = self.identity(Kind.RTCP if at_rtcp else kind, ssrc, ahead, error)
            if what == "heard":
                latch.heard(self.now - error % 2, *who)
            elif what in ("prove", "forge"):
                self.reasons.add(latch.prove(source, self.now, what == "prove", *who).reason)
            else:
                self.reasons.add(latch.judge(source, self.now, Kind.RTCP if at_rtcp else kind, *who).reason)

    def identity(self, kind: Kind, ssrc: int, ahead: int, error: int) -> tuple[int | None, int | None, int | None]:
        if kind is Kind.RTCP:
            return ssrc, None, None
        if kind is not Kind.RTP:
            return None, None, None
        sequence = self.sequence + ahead
        if 0 < ahead < 10:
            self.sequence = sequence
        return ssrc, sequence & 0xFFFF, int(self.now * self.clock) + error & 0xFFFFFFFF


@settings(max_examples=400)
@given(SPECS, TOLD, TOLD, st.lists(st.tuples(PAUSES, STEPS), max_size=60))
def test_latches_judge_alike(spec: SideSpec, told: Any, rtcp_told: Any, script: list[Any]) -> None:
    bench = Bench(spec, told, rtcp_told)
    for pause, step in script:
        bench.take(pause, step)


def test_long_runs_judge_alike_and_meet_every_reason() -> None:
    """Drawn evenly, not by Hypothesis, which likes short runs: whatever the latches can say is said in one of them."""
    chance = random.Random(20261126)
    sources = [SIGNALLED, NAT, NAT, Address(NAT.host, 50000), Address("198.51.100.66", 6666)]
    reasons: set[str] = set()
    for run in range(600):
        mode = [Latch.NAT, Latch.NAT, Latch.STRICT, Latch.OFF][run % 4]
        ice = SideSecurity(ice=IcePair(Ice("ours", ""))) if run % 25 == 0 else None
        spec = attrs.evolve(SPEC, latch=mode, behind_nat=run % 16 != 5, clock=[8000, 0, 90_000][run % 3], security=ice)
        bench = Bench(spec, [None, SIGNALLED, SIGNALLED][run % 3], [None, Address(SIGNALLED.host, 4001)][run % 2])
        for _ in range(150):
            pause = chance.choice([0, 1, 10, 10, 10, 10, 77, 77, 520, 1000, 2000]) / 512
            kind = chance.choice([Kind.RTP] * 9 + [Kind.OPAQUE])
            error = chance.choice([0, 0, 0, 0, 4000, -9000])
            packet = (chance.choice(sources), kind, chance.choice([7, 7, 7, 8]), chance.choice([1, 1, 1, 2, 0]), error)
            turn = chance.random()
            if turn < 0.02:
                bench.take(pause, ("update", False, (spec, chance.choice([None, SIGNALLED, SIGNALLED, SIGNALLED]))))
            elif turn < 0.03:
                bench.take(pause, ("reopen", chance.random() < 0.5, 3.0))
            elif turn < 0.05:
                bench.take(pause, ("aim", False, chance.choice([None, *sources])))
            else:
                bench.take(pause, ("judge" if run % 5 else "prove", turn > 0.8, packet))
        reasons |= bench.reasons
    spoken = {word(reason) for reason in range(1, lib.REASONS)} - {"kept", "nominated", "no-stream"}  # of others
    assert reasons == spoken


def test_reasons_have_no_word_beyond_the_last() -> None:
    assert (word(lib.REASON_NONE), word(lib.REASON_KEPT), word(lib.REASONS)) == ("", "kept", "")
