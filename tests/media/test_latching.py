"""The latch: who may come in, who wins, what an update reopens; each rule by itself and then all by Hypothesis."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.address import Address, Pair
from sbc.core.orders import Latch, SideSpec
from sbc.media.latching import COURTESY, LEEWAY, NEXT, PROOF, RELATCH_AFTER, SILENCE, STRAGGLING, SideLatch, Verdict
from sbc.media.packet import Kind

SIGNALLED = Address("192.168.1.10", 4000)
NAT = Address("203.0.113.11", 40000)  # where signalling came from
OTHER_PORT = Address("203.0.113.11", 50000)
NAT_RTCP = Address("203.0.113.11", 40001)
STRANGER = Address("198.51.100.66", 6666)
SECOND_STRANGER = Address("198.51.100.67", 6666)
WINDOW = 3.0

SPEC = SideSpec(
    realm="access",
    local=Pair(Address("203.0.113.1", 20000), Address("203.0.113.1", 20001)),
    remote=Pair(SIGNALLED, Address("192.168.1.10", 4001)),
    behind_nat=True,
    seen_host=NAT.host,
    latch=Latch.NAT,
    window=WINDOW,
)


def spec(**changes: Any) -> SideSpec:
    return attrs.evolve(SPEC, **changes)


def latch(signalled: Address | None = SIGNALLED, now: float = 0.0, **changes: Any) -> SideLatch:
    return SideLatch(spec(**changes), signalled, now)


def ask(it: SideLatch, source: Address, now: float = 1.0, ssrc: int = 1, sequence: int = 1) -> Verdict:
    return it.judge(source, now, Kind.RTP, ssrc, sequence)


def prove(it: SideLatch, source: Address, at: float = 1.0, packets: int = PROOF, ssrc: int = 1) -> Verdict:
    """What is said of the last of some packets in a row, 20 ms apart, that is sent at `at`."""
    for n in range(packets):
        verdict = it.judge(source, at - 0.02 * (packets - 1 - n), Kind.RTP, ssrc, n, 160 * n)
    return verdict


# -- who may come in


@pytest.mark.parametrize("mode", list(Latch))
@pytest.mark.parametrize("behind_nat", [False, True])
@pytest.mark.parametrize("now", [0.0, 1.0, 100.0])
def test_the_signalled_address_is_accepted_at_once_and_however_late(mode: Latch, behind_nat: bool, now: float) -> None:
    it = latch(latch=mode, behind_nat=behind_nat)
    assert ask(it, SIGNALLED, now) == (True, SIGNALLED, "signalled")
    assert ask(it, SIGNALLED, now) == (True, None, "latched")


@pytest.mark.parametrize(
    ("changes", "source", "now", "reason"),
    [
        ({}, NAT, 1.0, "seen-host"),
        ({}, STRANGER, 1.0, "nat"),
        ({"clock": 8000}, STRANGER, 1.0, "nat"),
        ({"latch": Latch.STRICT}, NAT, 1.0, "seen-host"),
    ],
)
def test_others_latch_in_the_window(changes: dict[str, Any], source: Address, now: float, reason: str) -> None:
    it = latch(**changes)
    assert it.destination == SIGNALLED
    assert prove(it, source, now, PROOF if reason == "nat" else 1) == (True, source, reason)
    assert (it.latched, it.destination, it.reason) == (source, source, reason)


@pytest.mark.parametrize(
    ("changes", "source", "now", "reason"),
    [
        ({"behind_nat": False}, NAT, 1.0, "not-behind-nat"),
        ({"behind_nat": False, "latch": Latch.STRICT}, NAT, 1.0, "not-behind-nat"),
        ({"latch": Latch.STRICT}, STRANGER, 1.0, "not-seen-host"),
        ({"latch": Latch.OFF}, NAT, 1.0, "latch-off"),
        ({}, STRANGER, WINDOW, "window-closed"),
        ({"window": 0.0}, STRANGER, 0.0, "window-closed"),
        ({"seen_host": "", "latch": Latch.STRICT}, NAT, 1.0, "not-seen-host"),
    ],
)
def test_others_are_refused_with_the_reason(changes: dict[str, Any], source: Address, now: float, reason: str) -> None:
    it = latch(**changes)
    assert ask(it, source, now) == (False, None, reason)
    assert it.latched is None
    assert it.destination == SIGNALLED


@pytest.mark.parametrize(
    ("changes", "source", "accepted", "reason"),
    [
        ({}, NAT, True, "seen-host"),
        ({"latch": Latch.STRICT}, NAT, True, "seen-host"),
        ({}, STRANGER, False, "not-signalled"),
        ({"latch": Latch.OFF}, NAT, False, "latch-off"),
        ({"behind_nat": False}, NAT, False, "not-behind-nat"),
    ],
)
def test_before_anything_is_signalled_only_the_host_of_the_signalling_may(
    changes: dict[str, Any], source: Address, accepted: bool, reason: str
) -> None:
    it = latch(None, **changes)
    assert it.destination is None
    assert ask(it, source) == (accepted, source if accepted else None, reason)


def test_hosts_are_compared_by_what_they_are_not_how_they_are_written() -> None:
    it = SideLatch(spec(seen_host="2001:DB8:0::11"), Address("2001:DB8::0A", 4000), 0.0)
    assert ask(it, Address("2001:db8::11", 9)).reason == "seen-host"
    assert ask(it, Address("2001:db8::a", 4000)).reason == "signalled"


# -- who wins


def test_a_stranger_who_is_first_loses_to_the_host_of_the_signalling_and_that_to_the_signalled_address() -> None:
    it = latch()
    assert prove(it, STRANGER, 1.0).latched == STRANGER
    assert ask(it, NAT, 1.2) == (True, NAT, "seen-host")
    assert ask(it, STRANGER, 1.3) == (False, None, "latched-elsewhere")
    assert ask(it, SIGNALLED, 1.4) == (True, SIGNALLED, "signalled")
    assert ask(it, NAT, 1.5) == (False, None, "latched-elsewhere")


@pytest.mark.parametrize("second", [SECOND_STRANGER, Address(STRANGER.host, 1)])
def test_of_equals_the_first_wins(second: Address) -> None:
    it = latch()
    assert prove(it, STRANGER, 1.0).accept
    assert prove(it, second, 1.1) == (False, None, "latched-elsewhere")


@pytest.mark.parametrize("mode", [Latch.NAT, Latch.STRICT])
def test_a_phone_that_had_nothing_to_say_in_the_window_is_heard_later_from_the_host_of_its_signalling(
    mode: Latch,
) -> None:
    it = latch(latch=mode)
    assert not prove(it, STRANGER, 60.0).accept
    assert ask(it, NAT, 61.0) == (True, NAT, "seen-host")
    assert it.firm(61.0)
    assert ask(it, OTHER_PORT, 61.1) == (False, None, "window-closed")


# -- what a source that nothing speaks for must prove


def test_a_stranger_is_heard_neither_early_nor_before_it_has_shown_a_stream() -> None:
    it = latch()
    assert prove(it, STRANGER, COURTESY - 0.01, packets=20) == (False, None, "unproven")
    assert it.destination == SIGNALLED
    assert it.judge(STRANGER, COURTESY + 0.01, Kind.RTP, 1, 20, 3200) == (True, STRANGER, "nat")
    it = latch()
    assert prove(it, STRANGER, 2.0, packets=PROOF - 1) == (False, None, "unproven")


@pytest.mark.parametrize(
    ("last", "why"),
    [
        ((2.0, Kind.RTP, 2, 9, 1440), "another SSRC"),
        ((2.0, Kind.RTP, 1, 1, 160), "the same packet again"),
        ((2.0, Kind.RTP, 1, 0, 0), "an older one"),
        ((2.0, Kind.RTP, 1, 5000, 320), "a leap"),
        ((2.0, Kind.RTP, 1, 1 + NEXT, 320), "one of many that went elsewhere"),
        ((2.0, Kind.RTP, 1, 2, 320 + int(2 * LEEWAY * 8000)), "a timestamp that is not of now"),
        ((2.2, Kind.RTP, 1, 2, 320), "too long a pause"),
        ((2.0, Kind.RTCP, 1, None, None), "RTCP"),
    ],
)
def test_what_is_no_stream_proves_nothing(last: tuple[Any, ...], why: str) -> None:
    it = latch(clock=8000)
    prove(it, STRANGER, 1.98, packets=PROOF - 1)
    assert it.judge(STRANGER, *last) == (False, None, "unproven"), why
    assert not it.judge(STRANGER, 2.21, Kind.RTP, 1, 10, 4000).accept, "it has to begin anew"


def test_sprayers_do_not_keep_a_stranger_that_is_the_peer_from_proving_itself() -> None:
    it = latch()
    prove(it, STRANGER, 1.0, packets=PROOF - 1)
    for n in range(50):
        assert not it.judge(Address("198.51.100.99", 1000 + n), 1.001, Kind.RTP, n, n, n).accept
    assert it.judge(STRANGER, 1.02, Kind.RTP, 1, PROOF, 160 * PROOF).latched == STRANGER


def test_one_that_fails_to_prove_itself_makes_room_for_the_next() -> None:
    it = latch()
    for n in range(10):  # always the same packet
        assert not it.judge(SECOND_STRANGER, 1.0 + 0.01 * n, Kind.RTP, 9, 9, 9).accept
    assert prove(it, STRANGER, 1.25).accept


def test_rtcp_alone_never_lets_a_stranger_in() -> None:
    it = rtcp_beside(latch())
    assert [report(it, STRANGER, 1.0 + 0.1 * n).reason for n in range(9)] == ["unproven"] * 9


def test_a_fax_shows_that_it_goes_on_coming() -> None:
    it = latch()
    said = [it.judge(STRANGER, 1.0 + 0.1 * n, Kind.UDPTL) for n in range(PROOF)]
    assert [verdict.reason for verdict in said] == ["unproven"] * (PROOF - 1) + ["nat"]


def test_an_equal_that_takes_a_silent_ones_place_must_prove_itself_too() -> None:
    it = latch()
    assert prove(it, STRANGER).accept
    it.reopen(60.0, WINDOW)
    assert ask(it, SECOND_STRANGER, 62.0, ssrc=9) == (False, None, "unproven")
    assert prove(it, SECOND_STRANGER, 62.3, ssrc=9) == (True, SECOND_STRANGER, "moved")


def test_the_same_stream_does_not_move_a_fresh_latch() -> None:
    it = latch()
    ask(it, NAT, 0.1, ssrc=7, sequence=1)
    assert not ask(it, OTHER_PORT, 0.2, ssrc=7, sequence=2).accept


@pytest.mark.parametrize(("source", "reason"), [(SIGNALLED, "signalled"), (NAT, "seen-host")])
def test_a_stranger_who_was_first_loses_to_a_better_source_even_after_the_window(source: Address, reason: str) -> None:
    it = latch()
    assert prove(it, STRANGER).accept
    assert ask(it, source, 9.0) == (True, source, reason)
    assert prove(it, STRANGER, 9.5) == (False, None, "window-closed")


def test_after_the_window_a_forged_signalled_source_does_not_undo_a_latch_of_the_seen_host() -> None:
    it = latch()
    ask(it, NAT, 0.1)
    assert ask(it, SIGNALLED, 9.0) == (False, None, "window-closed")
    assert it.destination == NAT


@pytest.mark.parametrize("source", [NAT, STRANGER])
def test_what_proves_no_sender_latches_nothing(source: Address) -> None:
    it = latch()
    assert it.judge(source, 1.0, Kind.OPAQUE) == (False, None, "may-not-latch")
    assert it.judge(SIGNALLED, 1.0, Kind.OPAQUE) == (True, None, "signalled")
    assert it.latched is None
    ask(it, NAT)
    assert it.judge(NAT, 1.0, Kind.OPAQUE) == (True, None, "latched")
    assert it.judge(SIGNALLED, 1.0, Kind.OPAQUE) == (False, None, "may-not-latch")


# -- updates


def test_an_update_with_the_same_address_keeps_the_latch_until_another_is_permitted() -> None:
    it = latch()
    ask(it, NAT, 0.1)
    it.update(spec(), SIGNALLED, 60.0)
    assert it.destination == NAT
    assert ask(it, SIGNALLED, 60.1) == (True, SIGNALLED, "signalled")


def test_an_update_with_another_address_drops_the_latch() -> None:
    it = latch()
    ask(it, NAT, 0.1)
    new = Address("192.168.1.20", 4000)
    it.update(spec(), new, 60.0)
    assert (it.latched, it.destination, it.reason) == (None, new, "")
    assert ask(it, OTHER_PORT, 60.1) == (True, OTHER_PORT, "seen-host")


def test_the_first_address_an_answer_brings_keeps_what_early_media_latched() -> None:
    it = latch(None)
    ask(it, NAT, 0.1)
    it.update(spec(), SIGNALLED, 20.0)
    assert it.destination == NAT


def test_a_signalled_address_taken_back_takes_the_latch_with_it() -> None:
    it = latch()
    ask(it, NAT, 0.1)
    it.update(spec(), None, 20.0)
    assert it.destination is None


@pytest.mark.parametrize("changes", [{"latch": Latch.OFF}, {"behind_nat": False}, {"latch": Latch.STRICT}])
def test_an_update_drops_a_latch_it_no_longer_permits(changes: dict[str, Any]) -> None:
    it = latch()
    ask(it, STRANGER, 0.1)
    it.update(spec(**changes), SIGNALLED, 20.0)
    assert it.destination == SIGNALLED


def test_a_new_seen_host_outranks_the_old_one() -> None:
    it = latch()
    ask(it, NAT, 0.1)
    it.update(spec(seen_host=STRANGER.host), SIGNALLED, 20.0)
    assert it.latched == NAT
    assert ask(it, STRANGER, 20.1, ssrc=99) == (True, STRANGER, "seen-host")


@pytest.mark.parametrize("hold", [Address("0.0.0.0", 4000), Address("::", 4000), Address("192.168.1.10", 0)])
def test_hold_stops_what_is_sent_and_nothing_else(hold: Address) -> None:
    it = latch()
    ask(it, NAT, 0.1)
    it.update(spec(), hold, 20.0)
    assert it.held
    assert it.destination is None
    assert ask(it, NAT, 30.0) == (True, None, "latched")
    it.update(spec(), SIGNALLED, 60.0)
    assert it.destination == NAT


def test_resuming_elsewhere_drops_the_latch() -> None:
    it = latch()
    ask(it, NAT, 0.1)
    it.update(spec(), Address("0.0.0.0", 4000), 20.0)
    new = Address("192.168.1.20", 4000)
    it.update(spec(), new, 60.0)
    assert it.destination == new


def test_opened_on_hold_nothing_is_known() -> None:
    it = latch(Address("0.0.0.0", 4000))
    assert it.destination is None
    assert ask(it, Address("0.0.0.0", 4000)).reason == "not-signalled"


# -- re-latching


def carried(now: float = 60.0) -> SideLatch:
    """A latch on NAT that has been carried into a new window; its source sent sequence number 1000 last."""
    it = latch()
    ask(it, NAT, 0.1, ssrc=7, sequence=10)
    it.heard(0.2, 7, 1000)
    it.update(spec(), SIGNALLED, now)
    return it


def test_a_source_that_continues_the_stream_takes_a_carried_latch() -> None:
    it = carried()
    assert ask(it, OTHER_PORT, 60.1, ssrc=7, sequence=1003) == (True, OTHER_PORT, "continues")


def test_which_then_is_no_longer_carried() -> None:
    it = carried()
    ask(it, OTHER_PORT, 60.1, ssrc=7, sequence=1003)
    assert ask(it, Address(NAT.host, 1), 60.2, ssrc=7, sequence=1004) == (False, None, "latched-elsewhere")


def test_even_of_a_lower_rank() -> None:
    it = carried()
    assert ask(it, STRANGER, 60.1, ssrc=7, sequence=1003) == (True, STRANGER, "continues")


def test_also_by_rtcp_of_the_same_sender() -> None:
    it = carried()
    assert it.judge(OTHER_PORT, 60.1, Kind.RTCP, 7, None) == (True, OTHER_PORT, "continues")


@pytest.mark.parametrize(("ssrc", "sequence"), [(8, 1001), (7, 9000), (7, 500)])
def test_one_that_does_not_is_refused(ssrc: int, sequence: int) -> None:
    it = carried()
    assert ask(it, OTHER_PORT, 60.1, ssrc, sequence) == (False, None, "latched-elsewhere")


def test_an_equal_takes_over_once_the_latched_source_has_been_silent() -> None:
    it = carried()
    assert not ask(it, OTHER_PORT, 60.0 + RELATCH_AFTER - 0.01, ssrc=8).accept
    assert not ask(it, STRANGER, 60.0 + RELATCH_AFTER, ssrc=8).accept
    assert ask(it, OTHER_PORT, 60.0 + RELATCH_AFTER, ssrc=8) == (True, OTHER_PORT, "moved")


def test_but_not_if_it_has_spoken() -> None:
    it = carried()
    ask(it, NAT, 60.1, ssrc=7, sequence=1001)
    assert not ask(it, OTHER_PORT, 62.0, ssrc=8).accept


def test_after_the_window_nothing_continues() -> None:
    it = carried()
    assert ask(it, OTHER_PORT, 60.0 + WINDOW, ssrc=7, sequence=1001) == (False, None, "window-closed")


def test_strict_binds_what_continues_too() -> None:
    it = latch(latch=Latch.STRICT)
    ask(it, NAT, 0.1, ssrc=7, sequence=1)
    it.reopen(60.0, WINDOW)
    assert ask(it, STRANGER, 60.1, ssrc=7, sequence=2) == (False, None, "not-seen-host")
    assert ask(it, OTHER_PORT, 60.1, ssrc=7, sequence=2).accept


# -- rebound: a NAT that has forgotten its mapping, in mid-call

CLOCK = 8000
LATER = 60.0  # the window has closed long ago


def talking(until: float = LATER, source: Address = NAT, **changes: Any) -> SideLatch:
    """A latch on `source`, which sent RTP (see `speak`) until just then."""
    it = latch(**{"clock": CLOCK, **changes})
    ask(it, source, 0.1, ssrc=7, sequence=1)
    speak(it, source, until)
    return it


def speak(it: SideLatch, source: Address, at: float, **changes: int) -> Verdict:
    """What the terminal sends at `at`: 50 packets a second, of SSRC 7, at 8 kHz; the timestamp began at 1000."""
    it_sends = {"ssrc": 7, "sequence": int(at * 50) & 0xFFFF, "timestamp": 1000 + int(at * 50) * 160} | changes
    return it.judge(source, at, Kind.RTP, **it_sends)


@pytest.mark.parametrize("mode", [Latch.NAT, Latch.STRICT])
@pytest.mark.parametrize("gap", [SILENCE, 0.4, 2.0, 9.0])
def test_the_stream_taken_up_from_elsewhere_is_followed_once_the_old_source_is_silent(mode: Latch, gap: float) -> None:
    it = talking(latch=mode)
    assert speak(it, OTHER_PORT, LATER + gap + 0.001) == (True, OTHER_PORT, "rebound")
    assert (it.destination, it.reason) == (OTHER_PORT, "rebound")
    assert speak(it, OTHER_PORT, LATER + gap + 0.021) == (True, None, "latched")
    assert not speak(it, NAT, LATER + gap + 0.041).accept


def test_it_heals_in_less_than_half_a_second() -> None:
    it = talking()
    first = next(n for n in range(1, 50) if speak(it, OTHER_PORT, LATER + n * 0.02).accept)
    assert SILENCE <= first * 0.02 < 0.5


def test_also_to_another_public_host_where_the_mode_lets_it_in() -> None:
    assert speak(talking(), STRANGER, LATER + 0.3) == (True, STRANGER, "rebound")
    assert speak(talking(latch=Latch.STRICT), STRANGER, LATER + 0.3) == (False, None, "not-seen-host")


def test_a_nat_that_gives_yet_another_port_is_followed_again() -> None:
    it = talking()
    assert speak(it, OTHER_PORT, LATER + 0.3).latched == OTHER_PORT
    third = Address(NAT.host, 50001)
    assert not speak(it, third, LATER + 0.4).accept
    assert speak(it, third, LATER + 0.5) == (True, third, "rebound")


def test_also_in_the_window_where_a_fresh_latch_otherwise_moves_for_nobody() -> None:
    it = latch(clock=CLOCK)
    speak(it, NAT, 0.1)
    assert speak(it, OTHER_PORT, 0.2) == (False, None, "latched-elsewhere")
    assert speak(it, OTHER_PORT, 0.3) == (True, OTHER_PORT, "rebound")


def test_after_a_silence_in_speech_the_stream_goes_on_by_its_clock() -> None:
    it = talking()
    pause = 40.0  # suppressed: no packets, so the sequence does not move, but the timestamp does
    went_on = {"sequence": int(LATER * 50) + 1, "timestamp": 1000 + int((LATER + pause) * CLOCK)}
    assert speak(it, OTHER_PORT, LATER + pause, **went_on) == (True, OTHER_PORT, "rebound")


def test_in_a_telephone_event_the_timestamp_stands() -> None:
    it = talking()
    stood = {"timestamp": 1000 + int(LATER * CLOCK)}
    assert speak(it, OTHER_PORT, LATER + 0.4, **stood) == (True, OTHER_PORT, "rebound")


def test_sequence_and_timestamp_wrap_round() -> None:
    it = latch(clock=CLOCK)
    ask(it, NAT, 0.1)
    it.judge(NAT, LATER, Kind.RTP, 7, 0xFFFF, 0xFFFFFF00)
    assert it.judge(OTHER_PORT, LATER + 0.2, Kind.RTP, 7, 4, (0xFFFFFF00 + 1600) & 0xFFFFFFFF).reason == "rebound"


def test_what_came_without_being_judged_counts() -> None:
    it = talking()
    it.heard(LATER + 1.0, 7, 5000, 777)
    assert not speak(it, OTHER_PORT, LATER + 1.1, sequence=5001, timestamp=777 + 800).accept
    assert speak(it, OTHER_PORT, LATER + 1.2, sequence=5010, timestamp=777 + 1600).reason == "rebound"


def test_without_a_known_clock_the_timestamp_says_nothing() -> None:
    it = talking(clock=0)
    assert speak(it, OTHER_PORT, LATER + 0.3, timestamp=0xDEADBEEF).reason == "rebound"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"ssrc": 8}, "another SSRC"),
        ({"sequence": int(LATER * 50)}, "the last packet again"),
        ({"sequence": int(LATER * 50) - 1}, "an old packet"),
        ({"sequence": int(LATER * 50) - 99}, "a very old packet"),
        ({"sequence": int(LATER * 50) + 3000}, "too far ahead"),
        ({"timestamp": 1000 + int((LATER + 0.3 + LEEWAY) * CLOCK) + 2}, "too late a timestamp"),
        ({"timestamp": 1000 + int((LATER + 0.3 - LEEWAY) * CLOCK) - 2}, "too early a timestamp"),
        ({"timestamp": 0}, "a guessed timestamp"),
        ({"timestamp": (1000 + int((LATER + 0.3) * CLOCK) + 2**31) & 0xFFFFFFFF}, "as wrong as can be"),
    ],
)
def test_one_that_does_not_take_the_stream_up_is_refused_however_silent_the_old_source(
    changes: dict[str, int], why: str
) -> None:
    assert speak(talking(), OTHER_PORT, LATER + 0.3, **changes) == (False, None, "window-closed"), why


def test_packets_recorded_a_round_of_the_sequence_ago_do_not_pass_for_new_ones() -> None:
    it = talking(2000.0)
    then = 2000.0 + 0.3 - 65536 / 50  # what was sent then has the sequence numbers that are due now
    recorded = {"sequence": int(2000.3 * 50) & 0xFFFF, "timestamp": 1000 + int(then * CLOCK)}
    assert not speak(it, STRANGER, 2000.3, **recorded).accept


def test_a_copy_sent_from_elsewhere_while_the_old_source_speaks_gains_nothing() -> None:
    it = talking()
    for n in range(1, 500):
        at = LATER + n * 0.02
        assert not speak(it, STRANGER, at).accept  # who sees the packets may be quicker
        assert speak(it, NAT, at) == (True, None, "latched")
        assert not speak(it, OTHER_PORT, at, sequence=int(at * 50) + 5).accept
    assert it.latched == NAT


def test_anything_that_the_old_source_sends_shows_that_it_is_there() -> None:
    it = talking()
    it.judge(NAT, LATER + 0.2, Kind.RTCP, 7)
    assert not speak(it, OTHER_PORT, LATER + 0.3).accept
    it.judge(NAT, LATER + 0.4, Kind.OPAQUE)
    assert not speak(it, OTHER_PORT, LATER + 0.5).accept
    assert speak(it, OTHER_PORT, LATER + 0.6).accept


@pytest.mark.parametrize("kind", [Kind.RTCP, Kind.UDPTL, Kind.OPAQUE])
def test_only_rtp_takes_an_rtp_stream_up(kind: Kind) -> None:
    ssrc = 7 if kind is Kind.RTCP else None
    assert not talking().judge(OTHER_PORT, LATER + 9.0, kind, ssrc).accept


@pytest.mark.parametrize("changes", [{"latch": Latch.OFF}, {"behind_nat": False}])
def test_nobody_takes_up_the_stream_of_a_peer_that_is_where_it_says(changes: dict[str, Any]) -> None:
    it = talking(source=SIGNALLED, **changes)
    assert it.latched == SIGNALLED
    assert not speak(it, OTHER_PORT, LATER + 0.3).accept


def test_a_latch_of_an_earlier_process_is_not_taken_up_before_it_was_heard() -> None:
    it = latch(latched=NAT, window=0.0, clock=CLOCK)
    assert not speak(it, OTHER_PORT, LATER).accept
    speak(it, NAT, LATER)
    assert speak(it, OTHER_PORT, LATER + 0.2).reason == "rebound"


def test_who_guesses_needs_more_guesses_than_a_call_is_long() -> None:
    """SSRC, sequence (one of 2999) and timestamp (LEEWAY to both sides, of 2**32): what one packet hits."""
    hits = 1 / 2**32 * 2999 / 2**16 * (2 * LEEWAY * CLOCK + 1) / 2**32
    flat_out = 1_000_000  # packets a second, for ten hours
    assert hits * flat_out * 36_000 < 1e-5


def test_a_flood_of_guesses_in_a_silence_gains_nothing() -> None:
    it = talking()
    for n in range(3000):
        guess = {
            "ssrc": n * 1431655765 & 0xFFFFFFFF,
            "sequence": n * 21 & 0xFFFF,
            "timestamp": n * 1431655 & 0xFFFFFFFF,
        }
        assert guess["ssrc"] == 7 or not speak(it, STRANGER, LATER + 1.0 + n / 1000, **guess).accept
    assert speak(it, NAT, LATER + 5.0).reason == "latched"


def stolen() -> SideLatch:
    """Somebody who sees the stream has waited for a silence in speech and has taken it up."""
    it = talking()
    assert speak(it, STRANGER, LATER + 0.2).reason == "rebound"
    return it


def test_the_source_that_was_left_gets_the_latch_back_if_it_had_not_gone() -> None:
    it = stolen()
    assert not it.firm(LATER + 0.3)
    speak(it, STRANGER, LATER + 1.2, sequence=5000)
    late = LATER + 0.2 + STRAGGLING
    assert speak(it, NAT, late - 0.01) == (False, None, "window-closed")  # it may have been on its way
    assert speak(it, NAT, late) == (True, NAT, "returned")
    assert it.firm(late + 0.1)
    assert not speak(it, STRANGER, late + 0.1).accept


@pytest.mark.parametrize("changes", [{"ssrc": 8}, {"sequence": int(LATER * 50)}, {"timestamp": 0}])
def test_but_only_with_its_own_stream(changes: dict[str, int]) -> None:
    assert not speak(stolen(), NAT, LATER + 1.5, **changes).accept


def test_and_not_when_all_that_is_long_past() -> None:
    it = stolen()
    assert not it.firm(LATER + 0.2 + WINDOW - 0.01)
    speak(it, STRANGER, LATER + 0.2 + WINDOW - 0.01)
    assert not speak(it, NAT, LATER + 0.2 + WINDOW).accept
    assert it.firm(LATER + 0.2 + WINDOW) is False  # in mode nat a stranger's latch never is
    it = talking()
    speak(it, OTHER_PORT, LATER + 0.2)
    assert it.firm(LATER + 0.2 + WINDOW)


# -- RTCP


def rtcp_beside(rtp: SideLatch, **changes: Any) -> SideLatch:
    return SideLatch(spec(**changes), Address("192.168.1.10", 4001), 0.0, rtp=rtp)


def report(it: SideLatch, source: Address, now: float) -> Verdict:
    return it.judge(source, now, Kind.RTCP, 1, None)


def test_the_first_report_may_come_after_the_window_from_the_host_of_rtp() -> None:
    rtp = latch()
    it = rtcp_beside(rtp)
    ask(rtp, NAT, 0.1)
    assert report(it, STRANGER, 5.0).reason == "not-rtp-host"
    assert report(it, OTHER_PORT, 5.0) == (True, OTHER_PORT, "rtp-host")
    assert report(it, NAT, 6.0) == (False, None, "window-closed")


def test_a_stranger_who_was_first_loses_to_the_host_of_rtp_even_later() -> None:
    rtp = latch()
    it = rtcp_beside(rtp)
    assert prove(rtp, STRANGER, 1.0).accept
    assert report(it, STRANGER, 1.1) == (True, STRANGER, "rtp-host")
    ask(rtp, NAT, 1.2)
    assert report(it, OTHER_PORT, 7.0) == (True, OTHER_PORT, "rtp-host")


def test_strict_binds_rtcp_to_the_host_of_the_signalling_wherever_rtp_is() -> None:
    rtp = latch(latch=Latch.STRICT)
    it = rtcp_beside(rtp, latch=Latch.STRICT)
    ask(rtp, SIGNALLED, 0.1)
    assert report(it, Address(SIGNALLED.host, 9), 0.2).reason == "not-seen-host"
    assert report(it, OTHER_PORT, 0.2) == (True, OTHER_PORT, "seen-host")


def test_without_rtp_the_window_closes_for_rtcp_too() -> None:
    it = rtcp_beside(latch())
    assert report(it, STRANGER, WINDOW).reason == "window-closed"


def reported(it: SideLatch, source: Address, now: float, ssrc: int = 7) -> Verdict:
    return it.judge(source, now, Kind.RTCP, ssrc)


def with_reports(mode: Latch = Latch.NAT) -> tuple[SideLatch, SideLatch]:
    """RTP that is talking, and its RTCP port, latched on the next port of the NAT."""
    rtp = talking(latch=mode)
    it = rtcp_beside(rtp, latch=mode)
    assert reported(it, NAT_RTCP, 5.0).accept
    assert reported(it, NAT_RTCP, LATER - 5.0).reason == "latched"
    return rtp, it


@pytest.mark.parametrize("mode", [Latch.NAT, Latch.STRICT])
def test_rtcp_follows_when_rtp_has_rebound(mode: Latch) -> None:
    rtp, it = with_reports(mode)
    again = Address(NAT.host, 50001)
    assert reported(it, again, LATER + 0.3) == (False, None, "window-closed")
    assert speak(rtp, OTHER_PORT, LATER + 0.3).reason == "rebound"
    assert reported(it, again, LATER + 0.4, ssrc=8) == (False, None, "window-closed")
    assert reported(it, again, LATER + 0.5) == (True, again, "rebound")
    assert reported(it, OTHER_PORT, LATER + 9.0) == (False, None, "window-closed")


def test_and_to_another_host_with_it() -> None:
    rtp, it = with_reports()
    speak(rtp, STRANGER, LATER + 0.3)
    assert not reported(it, OTHER_PORT, LATER + 0.4).accept
    assert reported(it, Address(STRANGER.host, 7), LATER + 0.4).latched == Address(STRANGER.host, 7)


def test_rtcp_alone_does_not_however_long_it_was_silent() -> None:
    _, it = with_reports()
    assert not reported(it, Address(NAT.host, 50001), LATER + 500.0).accept


def test_nor_if_its_old_source_still_reports() -> None:
    rtp, it = with_reports()
    speak(rtp, OTHER_PORT, LATER + 0.3)
    assert reported(it, NAT_RTCP, LATER + 0.35).reason == "latched"
    assert not reported(it, Address(NAT.host, 50001), LATER + 0.6).accept


# -- properties

SOURCES = [SIGNALLED, NAT, OTHER_PORT, STRANGER, SECOND_STRANGER, Address(STRANGER.host, 1)]
packets = st.tuples(
    st.sampled_from(SOURCES),
    st.floats(0.0, 1.0),  # seconds since the one before
    st.sampled_from([Kind.RTP, Kind.RTCP, Kind.OPAQUE]),
    st.integers(1, 3),
    st.integers(0, 10),
)
runs = st.lists(packets, max_size=40)
specs = st.builds(
    spec,
    behind_nat=st.booleans(),
    latch=st.sampled_from(list(Latch)),
    seen_host=st.sampled_from([NAT.host, STRANGER.host, ""]),
)
signalled_addresses = st.sampled_from([None, SIGNALLED, NAT, Address("192.168.1.20", 4000), Address("0.0.0.0", 4000)])
updates = st.tuples(specs, signalled_addresses)


def play(it: SideLatch, run: list[Any], now: float) -> tuple[list[tuple[float, Address, Verdict]], float]:
    """Judge a run of packets; what was said of each, and when it ended."""
    said = []
    for source, pause, kind, ssrc, sequence in run:
        now += pause
        said.append((now, source, it.judge(source, now, kind, ssrc, sequence)))
    return said, now


@given(specs, signalled_addresses, runs)
def test_after_the_window_no_source_is_accepted_but_the_one_latched_in_it_and_the_signalled_and_who_takes_its_stream_up(
    its_spec: SideSpec, signalled: Address | None, run: list[Any]
) -> None:
    it = SideLatch(its_spec, signalled, 0.0)
    said, _ = play(it, run, 0.0)
    in_window = [verdict.latched for now, _, verdict in said if now < WINDOW and verdict.latched]
    welcome = {it.signalled, *in_window[-1:]}
    for now, source, verdict in said:
        if verdict.reason in ("rebound", "returned", "seen-host"):
            welcome.add(source)
        assert now < WINDOW or source in welcome or not verdict.accept


@given(signalled_addresses, st.booleans(), runs, st.lists(st.tuples(signalled_addresses, runs), max_size=3))
def test_off_accepts_only_what_is_signalled(
    first: Address | None, behind_nat: bool, run: list[Any], more: list[tuple[Address | None, list[Any]]]
) -> None:
    off = spec(latch=Latch.OFF, behind_nat=behind_nat)
    it = SideLatch(off, first, 0.0)
    now = 0.0
    for signalled, steps in [(first, run), *more]:
        it.update(off, signalled, now)
        said, now = play(it, steps, now)
        assert all(source == it.signalled for _, source, verdict in said if verdict.accept)


@given(st.lists(st.tuples(updates, runs), min_size=1, max_size=4))
def test_strict_latches_nowhere_but_at_the_signalled_address_and_the_seen_host(script: list[Any]) -> None:
    (first_spec, first), _ = script[0]
    it = SideLatch(attrs.evolve(first_spec, latch=Latch.STRICT), first, 0.0)
    now = 0.0
    for (new_spec, signalled), run in script:
        it.update(attrs.evolve(new_spec, latch=Latch.STRICT), signalled, now)
        for step in run:
            _, now = play(it, [step], now)
            assert it.latched in (None, it.signalled) or it.latched.host == new_spec.seen_host


@given(runs, st.floats(0.0, WINDOW, exclude_max=True))
def test_in_the_window_the_signalled_address_wins_whatever_came_before(run: list[Any], at: float) -> None:
    it = latch()
    play(it, [(source, 0.0, *rest) for source, _, *rest in run], 0.0)
    assert ask(it, SIGNALLED, at).accept
    assert it.destination == SIGNALLED


@given(st.lists(st.tuples(updates, runs), min_size=1, max_size=4))
def test_every_verdict_is_consistent(script: list[Any]) -> None:
    (first_spec, first), _ = script[0]
    it = SideLatch(first_spec, first, 0.0)
    now = 0.0
    for (new_spec, signalled), run in script:
        it.update(new_spec, signalled, now)
        for source, pause, kind, ssrc, sequence in run:
            now += pause
            before = it.latched
            verdict = it.judge(source, now, kind, ssrc, sequence)
            assert verdict.reason
            assert verdict.latched in (None, source)
            assert it.latched == (verdict.latched or before)
            assert verdict.accept or verdict.latched is None
            assert kind is not Kind.OPAQUE or verdict.latched is None


def test_a_latch_of_an_earlier_process_is_believed_and_with_no_window_nobody_takes_it() -> None:
    it = latch(latched=NAT, window=0.0)
    assert (it.destination, it.reason) == (NAT, "kept")
    assert ask(it, NAT, 0.0) == Verdict(True, None, "latched")
    for source in (OTHER_PORT, STRANGER, SIGNALLED):
        assert ask(it, source, 0.0) == Verdict(False, None, "window-closed")
    assert ask(latch(latched=STRANGER, window=0.0), SIGNALLED, 0.0).accept


def test_with_a_window_an_earlier_latch_gives_way_as_one_that_was_carried_into_it() -> None:
    it = latch(latched=STRANGER)
    assert ask(it, NAT, 0.1).latched == NAT
    it = latch(latched=NAT)
    assert not ask(it, OTHER_PORT, RELATCH_AFTER - 0.1).accept
    assert ask(it, OTHER_PORT, RELATCH_AFTER).reason == "moved"


@pytest.mark.parametrize("changes", [{"latch": Latch.OFF}, {"behind_nat": False}])
def test_an_earlier_latch_that_is_not_permitted_now_is_none(changes: dict[str, Any]) -> None:
    assert latch(latched=NAT, **changes).destination == SIGNALLED


def test_a_latch_of_rtcp_is_believed_beside_that_of_rtp() -> None:
    rtp = latch(latched=NAT, latched_rtcp=OTHER_PORT, window=0.0)
    whole = spec(latched=NAT, latched_rtcp=OTHER_PORT, window=0.0)
    signalled = Address(SIGNALLED.host, 4001)
    rtcp = SideLatch(whole, signalled, 0.0, rtp)
    assert (rtp.destination, rtcp.destination, rtcp.reason) == (NAT, OTHER_PORT, "kept")
    assert rtcp.firm(0.0)
    assert SideLatch(attrs.evolve(whole, latched_rtcp=STRANGER), signalled, 0.0, rtp).destination == signalled
