"""The latch: who may come in, who wins, what an update reopens; each rule by itself and then all by Hypothesis."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.address import Address, Pair
from sbc.core.orders import Latch, SideSpec
from sbc.media.latching import RELATCH_AFTER, SideLatch, Verdict
from sbc.media.packet import Kind

SIGNALLED = Address("192.168.1.10", 4000)
NAT = Address("203.0.113.11", 40000)  # where signalling came from
OTHER_PORT = Address("203.0.113.11", 50000)
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
        ({"latch": Latch.STRICT}, NAT, 1.0, "seen-host"),
    ],
)
def test_others_latch_in_the_window(changes: dict[str, Any], source: Address, now: float, reason: str) -> None:
    it = latch(**changes)
    assert it.destination == SIGNALLED
    assert ask(it, source, now) == (True, source, reason)
    assert (it.latched, it.destination, it.reason) == (source, source, reason)


@pytest.mark.parametrize(
    ("changes", "source", "now", "reason"),
    [
        ({"behind_nat": False}, NAT, 1.0, "not-behind-nat"),
        ({"behind_nat": False, "latch": Latch.STRICT}, NAT, 1.0, "not-behind-nat"),
        ({"latch": Latch.STRICT}, STRANGER, 1.0, "not-seen-host"),
        ({"latch": Latch.OFF}, NAT, 1.0, "latch-off"),
        ({}, NAT, WINDOW, "window-closed"),
        ({}, STRANGER, WINDOW, "window-closed"),
        ({"window": 0.0}, NAT, 0.0, "window-closed"),
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
    assert ask(it, STRANGER, 0.1).latched == STRANGER
    assert ask(it, NAT, 0.2) == (True, NAT, "seen-host")
    assert ask(it, STRANGER, 0.3) == (False, None, "latched-elsewhere")
    assert ask(it, SIGNALLED, 0.4) == (True, SIGNALLED, "signalled")
    assert ask(it, NAT, 0.5) == (False, None, "latched-elsewhere")


@pytest.mark.parametrize("second", [SECOND_STRANGER, Address(STRANGER.host, 1)])
def test_of_equals_the_first_wins(second: Address) -> None:
    it = latch()
    ask(it, STRANGER, 0.1)
    assert ask(it, second, 0.2) == (False, None, "latched-elsewhere")


def test_the_same_stream_does_not_move_a_fresh_latch() -> None:
    it = latch()
    ask(it, NAT, 0.1, ssrc=7, sequence=1)
    assert not ask(it, OTHER_PORT, 0.2, ssrc=7, sequence=2).accept


def test_after_the_window_the_signalled_address_takes_over_from_a_stranger_but_the_seen_host_does_not() -> None:
    it = latch()
    ask(it, STRANGER, 0.1)
    assert ask(it, NAT, 9.0) == (False, None, "window-closed")
    assert ask(it, SIGNALLED, 9.0) == (True, SIGNALLED, "signalled")


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
    it.heard(7, 1000)
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
    assert report(it, STRANGER, 0.1).latched == STRANGER
    ask(rtp, NAT, 0.2)
    assert report(it, OTHER_PORT, 7.0) == (True, OTHER_PORT, "rtp-host")


def test_strict_binds_rtcp_to_the_host_of_the_signalling_wherever_rtp_is() -> None:
    rtp = latch(latch=Latch.STRICT)
    it = rtcp_beside(rtp, latch=Latch.STRICT)
    ask(rtp, SIGNALLED, 0.1)
    assert report(it, Address(SIGNALLED.host, 9), 0.2).reason == "not-seen-host"
    assert report(it, OTHER_PORT, 0.2) == (True, OTHER_PORT, "seen-host")


def test_without_rtp_the_window_closes_for_rtcp_too() -> None:
    it = rtcp_beside(latch())
    assert report(it, NAT, WINDOW).reason == "window-closed"


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
    latch=st.sampled_from(Latch),
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
def test_after_the_window_no_source_is_accepted_but_the_one_latched_in_it_and_the_signalled(
    its_spec: SideSpec, signalled: Address | None, run: list[Any]
) -> None:
    it = SideLatch(its_spec, signalled, 0.0)
    said, _ = play(it, run, 0.0)
    in_window = [verdict.latched for now, _, verdict in said if now < WINDOW and verdict.latched]
    welcome = {it.signalled, *in_window[-1:]}
    assert all(source in welcome for now, source, verdict in said if now >= WINDOW and verdict.accept)


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
