"""An SBC that takes no new H.323 calls: terminals hear it in words by which they go elsewhere."""

from __future__ import annotations

from typing import Any

import attrs

from sbc.core.address import Address
from sbc.core.call import CallState
from sbc.core.realm import Plan
from sbc.h323.dialect import H323Dialect
from tests.calls.test_h323_calls import BY_TCP, admitted, answered, from_gatekeeper, heard, only, opened, tcp
from tests.h323_calls import (
    GATEKEEPER,
    acf,
    arq,
    drq,
    h323_plan,
    h323_rig,
    keepalive,
    plain,
    read,
    registered,
    release,
    rrq,
    setup,
    to,
    urq,
)
from tests.rig import NAT, Rig


def draining(rig: Rig) -> Rig:
    rig.border.drain(30)
    return rig


def test_who_asks_for_leave_to_call_is_rejected_and_who_was_given_it_calls() -> None:
    rig = h323_rig()
    admitted(rig)
    draining(rig)
    other = arq(30, callIdentifier={"guid": bytes(range(80, 96))})
    said = read(only(to(rig.from_access(other), "access")))
    assert (said.name, said.value["rejectReason"][0]) == ("admissionReject", "resourceUnavailable")
    assert opened(rig).to.host == GATEKEEPER.host


def test_who_is_turned_away_hears_where_else_to_turn() -> None:
    """From an SBC that drains, and where no gatekeeper answers; who is refused for itself is sent nowhere."""
    plan, other = h323_plan(), Address("203.0.113.2", 1719)
    realms = {**plan.realms, "access": attrs.evolve(plan.realms["access"], alternates=(other,))}
    rig = Rig.make(H323Dialect(), attrs.evolve(plan, realms=realms))

    def told(data: bytes) -> list[Any]:
        value = read(data).value
        return [each["rasAddress"][1]["port"] for each in value.get("altGKInfo", {}).get("alternateGatekeeper", ())]

    refused = only(to(rig.from_access(arq(30)), "access"))
    assert read(refused).value["rejectReason"][0] == "callerNotRegistered" and told(refused) == []
    rig.from_access(rrq(7))
    silent = to(rig.wait(40), "access")[-1]
    assert read(silent).name == "registrationReject" and told(silent) == [1719]
    draining(rig)
    assert told(only(to(rig.from_access(rrq(8)), "access"))) == [1719]


def test_a_setup_without_leave_is_released_with_congestion() -> None:
    rig = h323_rig()
    registered(rig)
    said = read(only(to(heard(draining(rig), tcp(rig, "access"), BY_TCP, setup()), "access")))
    assert said.name == "releaseComplete" and said.q931 is not None and said.q931.cause == 42


def test_new_terminals_are_rejected_and_bound_ones_stay_and_may_go() -> None:
    rig = h323_rig()
    registered(rig)
    draining(rig)
    said = read(only(to(rig.from_access(rrq(7, terminalAlias=[("h323-ID", "carol")]), NAT._replace(port=5)), "access")))
    assert (said.name, said.value["rejectReason"][0]) == ("registrationReject", "resourceUnavailable")
    assert read(only(to(rig.from_access(keepalive(8)), "access"))).name == "registrationConfirm"
    assert read(only(to(rig.from_access(urq(9)), "core"))).name == "unregistrationRequest"


def test_what_is_under_way_goes_on_to_its_end_and_a_call_is_still_taken() -> None:
    rig = h323_rig()
    sent, _ = answered(rig)
    draining(rig)
    taken = arq(31, answerCall=True, callIdentifier={"guid": bytes(range(60, 76))})
    assert read(only(to(rig.from_access(taken), "core"))).name == "admissionRequest"
    from_gatekeeper(rig, sent, release(sent.data, back=True))
    (call,) = rig.border.registry.calls.values()
    assert call.state is CallState.CLOSED
    over = only(to(rig.from_access(drq(32)), "core"))
    back = rig.from_core(plain("disengageConfirm", over.data), GATEKEEPER, at=over.listener)
    assert read(only(to(back, "access"))).name == "disengageConfirm"


def test_help_is_called_as_ever() -> None:
    plan: Plan = h323_plan()
    rig = Rig.make(H323Dialect(emergency=plan.emergency), plan)
    own = registered(rig)
    draining(rig)
    asked = only(to(rig.from_access(arq(40, destinationInfo=[("dialledDigits", "112")])), "core"))
    rig.from_core(acf(asked.data), GATEKEEPER, at=own)
    data = setup(destinationAddress=[("dialledDigits", "112")])
    assert len(to(heard(rig, tcp(rig, "access"), BY_TCP, data), "core")) == 1


def test_a_reload_leaves_live_calls_alone() -> None:
    rig = h323_rig()
    sent, _ = answered(rig)
    rig.replan(h323_plan(signaling_ports=range(42000, 42100)))
    rig.wait(30.0)
    (call,) = rig.border.registry.calls.values()
    assert call.state is CallState.UP
    assert read(only(to(from_gatekeeper(rig, sent, release(sent.data, back=True)), "access"))).name == "releaseComplete"
