"""How much bandwidth streams take, against figures that were worked out by hand."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.message import UNSAID, Flow, Width
from sbc.core.orders import Rate
from sbc.media.bucket import Bucket, waits
from sbc.policy.bandwidth import (
    Flows,
    allowed,
    at_rate,
    bits,
    cut,
    demand,
    fits,
    fitting,
    larger,
    left,
    lowered,
    need,
    only,
)
from sbc.policy.demand import Bandwidth, Demand, Police

USUAL = Bandwidth()
PCMU, G729 = (Flow("audio PCMU/8000"),), (Flow("audio G729/8000"),)
NOBODY: Flows = ()

# format, ms a packet (0: nobody says), octets of media a packet, packets a second: what a book on VoIP has
CODECS = [
    ("PCMU/8000", 0, 160, 50),
    ("PCMU/8000", 10, 80, 100),
    ("PCMA/8000", 20, 160, 50),
    ("PCMA/8000", 30, 240, 100 / 3),
    ("PCMA/8000", 40, 320, 25),
    ("G722/8000", 0, 160, 50),
    ("G726-32/8000", 0, 80, 50),
    ("G728/8000", 0, 40, 50),
    ("G729/8000", 0, 20, 50),
    ("G729/8000", 10, 10, 100),
    ("G729/8000", 30, 30, 100 / 3),
    ("G729/8000", 60, 60, 50 / 3),
    ("G723/8000", 0, 24, 100 / 3),
    ("G723/8000", 60, 48, 50 / 3),
    ("GSM/8000", 0, 33, 50),
    ("iLBC/8000", 20, 38, 50),
    ("AMR/8000", 0, 33, 50),
    ("AMR-WB/16000", 0, 62, 50),
    ("opus/48000/2", 0, 160, 50),
    ("L16/44100/2", 0, 3528, 50),
    ("L16/8000", 10, 160, 100),
]


@pytest.mark.parametrize(("coded", "packing", "octets", "packets"), CODECS)
@pytest.mark.parametrize(("v6", "headers"), [(False, 40), (True, 60)])
@pytest.mark.parametrize("tag", [0, 10])
def test_a_stream_takes_its_media_its_headers_and_a_twentieth_for_rtcp(
    coded: str, packing: int, octets: int, packets: float, v6: bool, headers: int, tag: int
) -> None:
    flows = (Flow(f"audio {coded}", Width(packing=packing, extra=tag)),)
    expected = (octets + headers + tag) * 8 * packets * 1.05
    assert bits(need(flows, NOBODY, "rtp", USUAL), v6) == pytest.approx(expected, rel=5e-4)


def test_the_figures_that_everybody_knows() -> None:
    def of(coded: str, v6: bool = False) -> int:
        return bits(need((Flow(f"audio {coded}", Width(rtcp=0)),), NOBODY, "rtp", USUAL), v6)

    assert of("PCMU/8000") == 80_000 and of("PCMU/8000", True) == 88_000
    assert of("G729/8000") == 24_000 and of("G729/8000", True) == 32_000


@pytest.mark.parametrize(
    ("media", "width", "expected"),
    [
        # what is said of RTCP stands in place of its share (RFC 3556)
        ("audio PCMU/8000", Width(rtcp=1_000), 81_000),
        # a codec of one rate takes that, whatever is said
        ("audio PCMU/8000", Width(wire=30_000, rtcp=0), 80_000),
        ("audio G729/8000", Width(media=900_000, rtcp=0), 24_000),
        # RFC 3890: media, and the headers of the packets a second that are said
        ("audio opus/48000/2", Width(media=24_000, packets=25, rtcp=0), 24_000 + 40 * 8 * 50),
        ("audio opus/48000/2", Width(media=24_000, packing=40, rtcp=0), 24_000 + 40 * 8 * 25),
        ("audio opus/48000/2", Width(wire=40_000, rtcp=0), 40_000),
        ("audio opus/48000/2", Width(formats=(20_000,), rtcp=0), 20_000 + 16_000),
        ("audio opus/48000/2", Width(wire=90_000, formats=(20_000,), rtcp=0), 20_000 + 16_000),
        ("audio AMR/8000", Width(formats=(6_000,), rtcp=0), 6_000 + 16_000),
        ("video H264/90000", Width(media=1_000_000, packets=100, rtcp=0), 1_000_000 + 40 * 8 * 100),
        ("video H264/90000", Width(wire=1_000_000, rtcp=0), 1_009_600),  # and a short packet with each frame
        # nothing is known: what is configured
        ("audio unheard-of/8000", Width(rtcp=0), 80_000),
        ("video H264/90000", Width(rtcp=0), 2_000_000 + int(40 * 8 * (2_000_000 / 9_600 + 30))),
        # the dearest counts
        ("audio G729/8000 PCMA/8000 telephone-event/8000", Width(rtcp=0), 80_000),
        # and what is said once more, twice (RFC 2198)
        ("audio red/8000 PCMA/8000", Width(rtcp=0), 144_000),
        ("audio telephone-event/8000", Width(rtcp=0), 1_600 + 16_000),
    ],
)
def test_what_the_message_says_counts(media: str, width: Width, expected: int) -> None:
    assert bits(need((Flow(media, width),), NOBODY, "rtp", USUAL), False) == pytest.approx(expected, rel=5e-4)


def test_fax_takes_its_rate_its_copies_and_its_headers() -> None:
    assert bits(need((Flow("image t38"),), NOBODY, "t38", USUAL), False) == (14_400 // 8 * 3 + 50 * (10 + 28)) * 8
    faster = need((Flow("image t38", Width(media=33_600)),), NOBODY, "t38", USUAL)
    assert bits(faster, True) == (33_600 // 8 * 3 + 50 * (10 + 48)) * 8


def test_each_direction_is_what_the_other_side_receives() -> None:
    """RFC 3264: what a description says is what its sender wants to receive."""
    little, much = Width(media=20_000), Width(media=100_000)
    flows = ((Flow("audio opus/48000/2", little),), (Flow("audio opus/48000/2", much),))
    into, out = demand(flows, "rtp", (False, True), (USUAL, USUAL))
    assert into == (int((100_000 + 16_000) * 1.05), int((20_000 + 24_000) * 1.05))
    assert out == (int((20_000 + 16_000) * 1.05), int((100_000 + 24_000) * 1.05))


def test_what_was_agreed_counts_when_both_have_spoken() -> None:
    both = (Flow("audio G729/8000 PCMU/8000"),)
    assert need(both, NOBODY, "rtp", USUAL) == need(PCMU, NOBODY, "rtp", USUAL)
    assert need(both, G729, "rtp", USUAL) == need(G729, both, "rtp", USUAL) == need(G729, G729, "rtp", USUAL)
    assert need(PCMU, G729, "rtp", USUAL).octets == need(PCMU, PCMU, "rtp", USUAL).octets  # nothing in common


def test_what_is_proposed_in_several_ways_counts_as_one_offer() -> None:
    several = (*G729, *PCMU)
    assert need(several, NOBODY, "rtp", USUAL) == need(PCMU, NOBODY, "rtp", USUAL)
    assert need(several, G729, "rtp", USUAL) == need(G729, G729, "rtp", USUAL)


# -- what the engine lets pass


@pytest.mark.parametrize(
    ("coded", "octets"),
    [
        ("PCMU/8000", 172 * 50),
        ("PCMU/8000", 92 * 100),  # ten ms, whatever was said
        ("G729/8000", 22 * 100),
        ("G729/8000", 32 * 50 + 16 * 50),  # events beside the voice
        ("G723/8000", 36 * 34),
        ("opus/48000/2", (510_000 // 8) + 12 * 50),
        ("AMR-WB/16000", 74 * 50),
    ],
)
def test_an_honest_peer_is_never_held_back(coded: str, octets: int) -> None:
    flows = (Flow(f"audio {coded}", Width(packing=20)),)
    limit = allowed(flows, flows, "rtp", USUAL, None)
    assert limit is not None and limit.octets > octets * 1.01 and limit.burst >= 2 * octets


def test_four_times_the_rate_does_not_pass() -> None:
    for flows, octets in ((PCMU, 172 * 50), (G729, 32 * 50)):
        limit = allowed(flows, flows, "rtp", USUAL, None)
        assert limit is not None and octets * 4 > limit.octets * 1.5


def test_the_realms_own_limit_stays_the_upper_bound() -> None:
    tight, wide = Rate(1_000, 3_000), Rate(1_000_000, 250_000)
    assert allowed(PCMU, PCMU, "rtp", USUAL, tight) == tight
    assert allowed(PCMU, PCMU, "rtp", USUAL, wide) == allowed(PCMU, PCMU, "rtp", USUAL, None)
    assert allowed(NOBODY, NOBODY, "rtp", USUAL, wide) == wide


def test_who_is_policed_is_configured() -> None:
    unknown = (Flow("video H264/90000"),)
    off, everybody = Bandwidth(police=Police.OFF), Bandwidth(police=Police.ALL, margin=50, burst=1.0)
    assert allowed(PCMU, PCMU, "rtp", off, None) is None
    assert allowed(unknown, unknown, "rtp", USUAL, None) is None
    limit = allowed(unknown, unknown, "rtp", everybody, None)
    assert limit is not None and limit.octets > 2_000_000 / 8 * 1.5 and limit.burst == limit.octets


Packets = list[tuple[float, int]]  # when they come, and the octets of their UDP payload


def dropped(coded: str, packets: Packets, bucket: Bucket | None = None) -> int:
    """How many packets of a stream of that codec the engine would drop."""
    flows = (Flow(f"audio {coded}", Width(packing=20)),)
    limit = allowed(flows, flows, "rtp", USUAL, None)
    assert limit is not None
    found = bucket or Bucket(limit, 0.0)
    if bucket is not None:
        bucket.change(limit, packets[0][0])
    return sum(waits((found,), size, at) is None for at, size in packets)


def steady(size: int, each: float = 0.02, seconds: float = 60.0, at: float = 0.0) -> Packets:
    return [(at + n * each, size) for n in range(int(seconds / each))]


def with_reports(packets: Packets) -> Packets:
    return sorted([*packets, *((n * 2.5, 120) for n in range(24))])


HONEST = {
    "a clock that is too fast by a hundredth": steady(172, 0.0198, 600.0),
    "talk and silence": [each for n in range(10) for each in steady(172, seconds=3.0, at=n * 10.0)],
    "packets of ten ms": steady(92, 0.01),
    "packets of sixty ms": steady(492, 0.06),
    "a network that stands still for four seconds": sorted(
        (max(at, 10.0) if 6.0 < at < 10.0 else at, size) for at, size in steady(172)
    ),
    "packets that come ten at a time": [(n // 10 * 0.2, 172) for n in range(3_000)],
    "header extensions": steady(188),
    "digits beside the voice": sorted([*steady(172), *steady(16)]),
}


@pytest.mark.parametrize("how", HONEST)
def test_what_honest_peers_do_costs_no_packet(how: str) -> None:
    assert dropped("PCMU/8000", with_reports(HONEST[how])) == 0


def test_a_change_of_codec_that_comes_late_costs_no_packet() -> None:
    dear = (Flow("audio PCMU/8000"),)
    limit = allowed(dear, dear, "rtp", USUAL, None)
    assert limit is not None
    bucket = Bucket(limit, 0.0)
    assert dropped("PCMU/8000", steady(172), bucket) == 0
    late = [*steady(172, seconds=1.0, at=60.0), *steady(32, at=61.0)]  # a second of what was agreed before
    assert dropped("G729/8000", late, bucket) == 0
    assert dropped("PCMU/8000", steady(172, at=121.0), bucket) == 0


@pytest.mark.parametrize(("coded", "size"), [("PCMU/8000", 172), ("G729/8000", 32)])
def test_of_four_times_the_rate_no_more_passes_than_was_admitted_and_the_margin(coded: str, size: int) -> None:
    flood = steady(size, 0.005)
    flows = (Flow(f"audio {coded}", Width(packing=20)),)
    limit = allowed(flows, flows, "rtp", USUAL, None)
    assert limit is not None
    passed = (len(flood) - dropped(coded, flood)) * size
    assert passed <= limit.burst + limit.octets * 60.0
    assert dropped(coded, flood) > len(flood) / 3


EVENTS = "telephone-event/8000"


@pytest.mark.parametrize(
    ("one", "other", "octets"),
    [
        ("PCMU/8000", "PCMU/8000/1", 8_600),
        ("G729/8000", "G729A/8000", 1_600),
        ("G722/8000", "G722/16000", 8_600),
        ("G723/8000", "G723.1/8000", 1_200),
        ("AMR/8000", "AMR/8000/1", 2_250),
        ("PCMU/8000", "mu-law/8000", 8_600),  # nobody knows that they are the same
        ("PCMU/8000 G729/8000", "mu-law/8000 G729/8000", 8_600),
    ],
)
def test_a_codec_that_both_spell_differently_is_not_held_to_the_events_beside_it(
    one: str, other: str, octets: int
) -> None:
    first, second = (Flow(f"audio {one} {EVENTS}"),), (Flow(f"audio {other} {EVENTS}"),)
    for limit in (allowed(first, second, "rtp", USUAL, None), allowed(second, first, "rtp", USUAL, None)):
        assert limit is None or limit.octets > octets


def test_what_a_peer_wants_to_receive_is_no_bound_of_what_it_sends() -> None:
    little, silent = (Flow("audio opus/48000/2", Width(formats=(16_000,))),), (Flow("audio opus/48000/2"),)
    limit = allowed(little, silent, "rtp", USUAL, None)
    assert limit is not None and limit.octets > 510_000 / 8
    limit = allowed(silent, little, "rtp", USUAL, None)
    assert limit is not None and limit.octets < 510_000 / 8 / 4
    video, small = (Flow("video H264/90000"),), (Flow("video H264/90000", Width(wire=256_000)),)
    assert allowed(small, video, "rtp", USUAL, None) is None


# -- what fits


def test_formats_that_do_not_fit_are_left_out() -> None:
    flow = Flow("audio PCMU/8000 G729/8000 opus/48000/2 GSM/8000 telephone-event/8000", Width(formats=(0, 0, 0, 0, 0)))
    room = Demand((50_000, 50_000), (50_000, 50_000))
    sides = (False, False), (USUAL, USUAL)
    assert fitting(flow, "rtp", room, *sides, False) == (1, 3, 4)
    assert fitting(flow, "rtp", room._replace(into=(30_000, 50_000)), *sides, False) == (1, 4)
    assert fitting(flow, "rtp", Demand((500_000,) * 2, (500_000,) * 2), *sides, True) == (1, 3, 0, 2, 4)
    assert fitting(flow, "rtp", Demand((1_000,) * 2, (1_000,) * 2), *sides, True) == ()
    assert only(flow, (1, 4)) == Flow("audio G729/8000 telephone-event/8000", Width(formats=(0, 0)))


def test_demands_are_compared_in_each_place() -> None:
    one, other = Demand((1, 4), (3, 3)), Demand((2, 3), (3, 4))
    assert larger(one, other) == Demand((2, 4), (3, 4))
    assert fits(one, larger(one, other)) and not fits(one, other)


# -- any

NUMBERS = st.integers(min_value=0, max_value=10**12)
WIDTHS = st.builds(
    Width,
    NUMBERS,
    NUMBERS,
    NUMBERS,
    st.integers(min_value=-1, max_value=10**12),
    st.integers(min_value=0, max_value=10**6),
    st.sampled_from([0, 10]),
    st.lists(NUMBERS, max_size=4).map(tuple),
)
NAMES = st.sampled_from([each for each, *_ in CODECS] + ["telephone-event/8000", "red/8000", "99", "x/1", "CN/8000"])
MEDIA = st.builds(
    lambda kind, names: " ".join([kind, *names]),
    st.sampled_from(["audio", "video", "text", ""]),
    st.lists(NAMES, max_size=5),
)
FLOWS = st.lists(st.builds(Flow, MEDIA, WIDTHS), max_size=3).map(tuple)


@given(FLOWS, FLOWS, st.sampled_from(["rtp", "t38"]))
def test_whatever_is_said_the_figures_hold_together(sender: Flows, receiver: Flows, kind: str) -> None:
    one = need(sender, receiver, kind, USUAL)
    assert 0 < one.octets < 10**10 and 0 < one.packets < 10**8
    assert 0 < bits(one, False) < bits(one, True) < 10**11
    limit = allowed(sender, receiver, kind, attrs.evolve(USUAL, police=Police.ALL), None)
    if sender or receiver:  # what is admitted passes
        assert limit is not None and limit.octets >= one.octets and limit.burst >= 2 * one.octets


@given(MEDIA, st.integers(min_value=0, max_value=200_000))
def test_what_is_left_of_an_offer_fits_and_was_in_it(media: str, bit_rate: int) -> None:
    flow, room = Flow(media, UNSAID), Demand((bit_rate, bit_rate), (bit_rate, bit_rate))
    keep = fitting(flow, "rtp", room, (False, True), (USUAL, USUAL), False)
    assert len(set(keep)) == len(keep) and set(keep) <= set(range(len(media.split(" ")) - 1))
    if keep:
        assert fits(demand(((only(flow, keep),), ()), "rtp", (False, True), (USUAL, USUAL)), room)


def test_what_is_left_of_several_proposals() -> None:
    room, sides = Demand((60_000,) * 2, (60_000,) * 2), ((False, False), (USUAL, USUAL))
    dear, lean, least = (Flow(f"audio {coded}") for coded in ("PCMA/8000", "G729/8000", "G723/8000"))
    kept = cut((lean, dear, least), "rtp", room, *sides, False)
    assert kept == ((lean, (0,)), (dear, None), (least, (0,))) and left(kept) == (lean, least)
    kept = cut((lean, dear, least), "rtp", room, *sides, True)
    assert kept == ((least, (0,)), (lean, (0,)), (dear, None)) and left(kept) == (least, lean)
    assert cut((dear,), "rtp", room, *sides, False) == ()
    both = Flow("audio PCMA/8000 G729/8000")
    assert left(cut((both, dear), "rtp", room, *sides, False)) == (Flow("audio G729/8000"),)
    some = Flow("video", Width(media=20_000))
    assert cut((some, dear), "rtp", Demand((90_000,) * 2, (70_000,) * 2), *sides, False) == ((some, ()), (dear, None))


@given(st.integers(0, 1_000_000), st.integers(0, 2_000_000), st.booleans())
def test_video_takes_as_much_as_there_is_and_no_more(said: int, kbits: int, v6: bool) -> None:
    flow, room = Flow("video H264/90000", Width(media=said)), Demand((kbits, kbits), (kbits, kbits))

    def takes(rate: int) -> bool:
        return fits(demand(((at_rate(flow, rate),), ()), "rtp", (False, v6), (USUAL, USUAL)), room)

    rate = lowered(flow, room, (False, v6), (USUAL, USUAL))
    assert takes(rate) and rate >= 64_000 and not takes(rate + 1_000) if rate else not takes(64_000)
    assert lowered(PCMU[0], room, (False, v6), (USUAL, USUAL)) == 0, "of one rate"
