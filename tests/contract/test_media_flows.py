"""What user space tells whoever forwards below it: which flows need no judging any more, and what those carried."""

from __future__ import annotations

import pytest
from zope.interface.verify import verifyObject

from sbc.core.address import Address, Pair
from sbc.core.orders import Rate
from sbc.media.flow import Flow
from sbc.media.interfaces import IUserSpaceEngine
from tests.contract.engines import Call, Rig
from tests.media.packets import receiver_report, rtp


@pytest.fixture(autouse=True)
def _of_user_space(rig: Rig) -> None:
    if not IUserSpaceEngine.providedBy(rig.engine):
        pytest.skip(f"{rig.engine.name} stands on such an engine, it is none")


def speak(call: Call) -> None:
    """Both say something, so that both are latched."""
    call.send(call.a, call.at_a, rtp(1, ssrc=1))
    call.send(call.b, call.at_b, rtp(1, ssrc=2))


def why(call: Call) -> str:
    engine, reason = call.rig.engine.forwarder(call.id)
    assert engine == call.rig.engine.name
    return str(reason)


def test_provides_the_interface(rig: Rig) -> None:
    assert verifyObject(IUserSpaceEngine, rig.engine)


def test_a_stream_is_ready_once_both_sides_are_heard_where_they_said_they_are(rig: Rig) -> None:
    slow = Rate(100_000, 10_000)
    call = Call(rig, a={"dscp": 46, "limit": slow, "clock": 8000}, b={"dscp": 34})
    call.send(call.a, call.at_a, rtp(1))
    assert rig.engine.flows(call.id) == ()
    assert why(call) == "not-latched"
    call.send(call.b, call.at_b, rtp(1))
    assert rig.engine.flows(call.id) == (
        Flow(0, call.at_a, call.a.address, call.at_b, call.b.address, False, 34, slow, "access", 8000),
        Flow(1, call.at_b, call.b.address, call.at_a, call.a.address, False, 46, None, "core", 0),
    )
    assert why(call) == ""


def test_rtcp_comes_later(rig: Rig) -> None:
    call = Call(rig)
    speak(call)
    call.send(call.a_rtcp, call.at_a_rtcp, receiver_report())
    flows = rig.engine.flows(call.id)
    assert [(flow.side, flow.rtcp) for flow in flows] == [(0, False), (0, True), (1, False)]
    assert (flows[1].source, flows[1].local) == (call.a_rtcp.address, call.at_a_rtcp)
    assert (flows[1].out, flows[1].to) == (call.at_b_rtcp, call.b_rtcp.address)


def test_a_latch_that_somebody_may_still_take_is_not_handed_on(rig: Rig) -> None:
    call = Call(rig, a={"behind_nat": True, "remote": Pair(Address("10.9.9.9", 4000), None)})
    speak(call)
    assert rig.engine.flows(call.id) == ()
    assert why(call) == "learning"
    rig.pass_time(4.0)
    assert [flow.source for flow in rig.engine.flows(call.id)] == [call.a.address, call.b.address]


def test_a_first_comer_whom_the_signalled_may_replace_at_any_time_is_never_handed_on(rig: Rig) -> None:
    call = Call(rig, a={"behind_nat": True, "remote": Pair(Address("10.9.9.9", 4000), None), "seen_host": rig.host(8)})
    rig.pass_time(1.0)
    call.send(call.a, call.at_a, rtp(1), rtp(2), rtp(3))
    speak(call)
    assert (0, call.a.address, "nat") in call.latches()
    rig.pass_time(4.0)
    assert rig.engine.flows(call.id) == ()
    assert why(call) == "learning"


def test_hold_and_fax_are_not_handed_on(rig: Rig) -> None:
    call, fax = Call(rig), Call(rig, kind="t38")
    speak(call)
    call.update(0, remote=Pair(Address("0.0.0.0", 4000), None))
    assert rig.engine.flows(call.id) == ()
    assert why(call) == "held"
    assert rig.engine.flows(fax.id) == ()
    assert why(fax) == "t38"


def test_rtcp_among_rtp_on_one_side_alone_must_be_told_apart(rig: Rig) -> None:
    call = Call(rig)
    speak(call)
    call.send(call.a, call.at_a, receiver_report())
    assert rig.engine.flows(call.id) == ()
    assert why(call) == "mux"
    call.send(call.b, call.at_b, receiver_report())
    assert [(flow.side, flow.rtcp) for flow in rig.engine.flows(call.id)] == [(0, False), (1, False)]


@pytest.mark.parametrize("mux", [False, True])
def test_what_was_carried_elsewhere_is_what_continues(rig: Rig, mux: bool) -> None:
    """The peer's NAT rebinds after thousands of packets that another has forwarded."""
    call = Call(rig, a={"behind_nat": True})
    moved, stranger = rig.peer(2), rig.peer(2)
    speak(call)
    rig.engine.carried(call.id, 0, False, 1, 30_000, 30_000 * 160)
    if mux:  # RTCP after it, on the same port
        rig.engine.carried(call.id, 0, False, 1, None, None)
    call.update(0)
    call.send(stranger, call.at_a, rtp(2, ssrc=1))
    assert [reason for side, _, reason in call.latches() if side == 0] == ["signalled"]
    call.send(moved, call.at_a, rtp(30_001, ssrc=1))
    assert call.latches()[-1] == (0, moved.address, "continues")


@pytest.mark.parametrize("ask", ["flows", "carried"])
def test_of_an_unknown_stream_nothing_is_told(rig: Rig, ask: str) -> None:
    with pytest.raises(KeyError):
        rig.engine.flows("none") if ask == "flows" else rig.engine.carried("none", 0, False, 1, 1, 1)
