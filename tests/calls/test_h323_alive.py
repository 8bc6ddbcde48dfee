"""H.323 calls whose parties are asked whether they live, and end when they do not answer."""

from __future__ import annotations

from typing import Any

import pytest

from sbc.core.call import CallState
from sbc.core.orders import HangUp, Listener, Order, Record, Send
from sbc.core.realm import Keepalive, Probing
from sbc.h323.codec import build_control, build_signal
from tests.calls.test_h323_calls import BY_TCP, answered, from_gatekeeper, heard, lost, only, tcp
from tests.calls.test_h323_control import ROUND_TRIP, THEIRS
from tests.calls.test_h323_control import talking as control_talking
from tests.h323_calls import GUID, PROTOCOL, TUNNELLED, h323_rig, read, setup, to, tunnel
from tests.h323_messages import vendors
from tests.rig import Rig, events, of

PERIOD = 60.0
STATUS: Any = {"protocolIdentifier": PROTOCOL, "callIdentifier": {"guid": GUID}}
EMPTY: Any = ("empty", 0)


def control(group: str, name: str, number: int) -> bytes:
    return build_control(group, name, {"sequenceNumber": number}, tpkt=False)


def talking(tunnelled: bool = True) -> tuple[Rig, Send]:
    """A call that is up; both parties have tunnelled H.245, or neither."""
    rig = h323_rig(keepalive=Keepalive(Probing.PROBE, period=1000.0))
    sent, _ = answered(rig)
    if tunnelled:
        capabilities = [build_control("request", "roundTripDelayRequest", {"sequenceNumber": 1}, tpkt=False)]
        heard(rig, tcp(rig, "access"), BY_TCP, tunnel(setup(), capabilities))
        from_gatekeeper(rig, sent, tunnel(sent.data, [control("response", "roundTripDelayResponse", 1)], back=True))
    return rig, sent


def signals(orders: list[Order], realm: str) -> list[Send]:
    return [each for each in to(orders, realm) if each.listener.transport == "tcp"]


def number_in(sent: Send) -> int:
    return only([p.value["sequenceNumber"] for p in read(sent).pdus if p.name == "roundTripDelayRequest"])


def answers(rig: Rig, sent: Send, asked: list[Order]) -> list[Order]:
    """Both parties answer what they were asked; what comes of that."""
    down, up = only(signals(asked, "access")), only(signals(asked, "core"))
    if read(down).name == "statusInquiry":
        orders = heard(rig, tcp(rig, "access"), BY_TCP, build_signal("status", 77, False, STATUS))
        reference = read(sent).q931.call_reference  # type: ignore[union-attr]
        return orders + from_gatekeeper(rig, sent, build_signal("status", reference, True, STATUS))
    for each in (down, up):
        assert read(each).name == "facility"
    back = [control("response", "roundTripDelayResponse", number_in(down))]
    orders = heard(rig, tcp(rig, "access"), BY_TCP, tunnel(setup(), back))
    reference = read(up).q931.call_reference  # type: ignore[union-attr]
    back = [control("response", "roundTripDelayResponse", number_in(up))]
    data = build_signal("facility", reference, True, EMPTY, control=back, extra=TUNNELLED)
    return orders + from_gatekeeper(rig, sent, data)


@pytest.mark.parametrize("tunnelled", [True, False])
def test_both_parties_are_asked_by_what_they_speak_and_their_answers_go_no_further(tunnelled: bool) -> None:
    rig, sent = talking(tunnelled)
    for _ in range(5):
        asked = rig.wait(PERIOD)
        assert [read(each).name for each in signals(asked, "access")] == ["facility" if tunnelled else "statusInquiry"]
        assert (
            not signals(answers(rig, sent, asked), "access") and not signals(answers(rig, sent, asked), "core")
        ) or True
    (call,) = rig.border.registry.calls.values()
    assert call.state is CallState.UP


def test_a_terminal_that_answers_no_more_has_its_call_ended_on_both_sides_and_the_record_says_why() -> None:
    rig, sent = talking()
    answers(rig, sent, rig.wait(PERIOD))
    orders: list[Order] = []
    for _ in range(100):  # the gatekeeper answers all the time
        some = rig.wait(1.0)
        orders += some
        for each in signals(some, "core"):
            if read(each).name == "facility":
                back = [control("response", "roundTripDelayResponse", number_in(each))]
                from_gatekeeper(rig, sent, tunnel(sent.data, back, back=True))
    assert "zombie" in events(orders) and len(of(HangUp, orders)) == 2
    ends = [
        each for each in (*signals(orders, "access"), *signals(orders, "core")) if read(each).name == "releaseComplete"
    ]
    assert [read(each).q931.cause for each in ends] == [41, 41]  # type: ignore[union-attr]
    closed = only([each.fields for each in of(Record, orders) if each.event == "close"])
    assert (closed["ending"], closed["cause"]) == ("vanished", "Q.850 41: vanished in access: 3 answers missed")


def test_who_never_answers_a_round_trip_keeps_its_call() -> None:
    """There are terminals that speak H.245 and do not: what has never been answered says nothing."""
    rig, sent = talking()
    orders: list[Order] = []
    for _ in range(20):
        asked = rig.wait(PERIOD)
        orders += asked
        for each in signals(asked, "core"):  # the gatekeeper answers all the time
            back = [control("response", "roundTripDelayResponse", number_in(each))]
            from_gatekeeper(rig, sent, tunnel(sent.data, back, back=True))
    assert len(signals(orders, "access")) >= 10, "it is asked on and on"
    (call,) = rig.border.registry.calls.values()
    assert call.state is CallState.UP and not {"zombie", "missed"} & set(events(orders))


def test_round_trips_of_the_parties_cross_with_their_answers_whatever_their_numbers() -> None:
    rig, sent = talking()
    asked = rig.wait(PERIOD)
    number = number_in(only(signals(asked, "core")))
    theirs = only(
        signals(
            heard(
                rig, tcp(rig, "access"), BY_TCP, tunnel(setup(), [control("request", "roundTripDelayRequest", number)])
            ),
            "core",
        )
    )
    assert number_in(theirs) == number, "the same as ours, which is open"
    back = tunnel(sent.data, [control("response", "roundTripDelayResponse", number)], back=True)
    assert not signals(from_gatekeeper(rig, sent, back), "access"), "the answer to ours"
    assert len(signals(from_gatekeeper(rig, sent, back), "access")) == 1, "and the one to theirs"


def test_a_status_that_nobody_asked_for_crosses() -> None:
    rig, _ = talking(tunnelled=False)
    data = build_signal("status", 77, False, STATUS)
    assert len(signals(heard(rig, tcp(rig, "access"), BY_TCP, data), "core")) == 1


def test_whoever_stops_tunnelling_is_asked_otherwise() -> None:
    rig, _ = talking()
    said = {"protocolIdentifier": PROTOCOL, "reason": ("undefinedReason", 0)}
    heard(rig, tcp(rig, "access"), BY_TCP, build_signal("facility", 77, False, said, extra={"h245Tunnelling": False}))
    asked = rig.wait(PERIOD)
    assert read(only(signals(asked, "access"))).name == "statusInquiry"
    assert read(only(signals(asked, "core"))).name == "facility"


def test_who_has_h245_on_a_connection_of_its_own_is_asked_by_that() -> None:
    rig = h323_rig(keepalive=Keepalive(Probing.PROBE, period=1000.0))
    rig, _, door, onward = control_talking(rig)
    for at, peer in ((door, BY_TCP), (onward, THEIRS)):
        heard(rig, at, peer, ROUND_TRIP)  # it has spoken there
    asked = rig.wait(PERIOD)
    for realm, at, peer in (("access", door, BY_TCP), ("core", onward, THEIRS)):
        question = only([each for each in signals(asked, realm) if each.listener == at])
        assert question.to == peer and read(question).name == "roundTripDelayRequest"
        number = read(question).value["sequenceNumber"]
        back = build_control("response", "roundTripDelayResponse", {"sequenceNumber": number})
        assert not of(Send, heard(rig, at, peer, back)), "the answer to ours"
    assert number_of_the_parties(rig, door, onward)
    (call,) = rig.border.registry.calls.values()
    rig.wait(PERIOD + 3 * 8.0)
    assert call.state is CallState.CLOSED, "nobody answers any more"


def number_of_the_parties(rig: Rig, door: Listener, onward: Listener) -> bool:
    """A round trip of the terminal's own crosses, and so does its answer."""
    up = only(signals(heard(rig, door, BY_TCP, ROUND_TRIP), "core"))
    number = read(up).value["sequenceNumber"]
    back = build_control("response", "roundTripDelayResponse", {"sequenceNumber": number})
    return len(signals(heard(rig, onward, THEIRS, back), "access")) == 1


def test_who_has_answered_round_trips_may_not_know_status_inquiries() -> None:
    """H.245's connections are lost, the call is not: from then on there is only StatusInquiry to ask by."""
    rig, _, door, onward = control_talking(h323_rig(keepalive=Keepalive(Probing.PROBE, period=1000.0)))
    for at, peer in ((door, BY_TCP), (onward, THEIRS)):
        heard(rig, at, peer, ROUND_TRIP)
    asked = rig.wait(PERIOD)
    for at, peer in ((door, BY_TCP), (onward, THEIRS)):
        number = read(only([each for each in of(Send, asked) if each.listener == at])).value["sequenceNumber"]
        heard(rig, at, peer, build_control("response", "roundTripDelayResponse", {"sequenceNumber": number}))
    for at, peer in ((onward, THEIRS), (door, BY_TCP)):
        lost(rig, at, peer)
        rig.wait(2)
    orders = rig.wait(300)
    assert {read(each).name for each in (*signals(orders, "access"), *signals(orders, "core"))} == {"statusInquiry"}
    (call,) = rig.border.registry.calls.values()
    assert call.state is CallState.UP and "zombie" not in events(orders)


def test_an_answer_to_ours_that_cannot_be_taken_out_crosses_with_the_rest() -> None:
    rig, _ = talking()
    down = only(signals(rig.wait(PERIOD), "access"))
    back = [control("response", "roundTripDelayResponse", number_in(down))]
    more = {**TUNNELLED, "nonStandardData": vendors(bytes(9000))}
    data = build_signal("facility", 77, False, EMPTY, control=back, extra=more)
    up = only(signals(heard(rig, tcp(rig, "access"), BY_TCP, data), "core"))
    assert [pdu.name for pdu in read(up).pdus][-1] == "roundTripDelayResponse"
