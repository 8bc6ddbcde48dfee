"""The gatekeeper hears of the end of each call that it has admitted, and ends calls itself."""

from __future__ import annotations

from typing import Any

import pytest

from sbc.core import leave
from sbc.core.call import CallState
from sbc.core.leave import RELEASE
from sbc.core.orders import HangUp, Listener, Record
from sbc.core.promises import GRACE, LASTS
from sbc.h323.codec import build_ras, decode
from sbc.h323.options import H323Options, Tokens
from tests.calls.test_h323_calls import BY_TCP, answered, from_gatekeeper, heard, lost, only, opened, tcp
from tests.h323_calls import GATEKEEPER, GUID, acf, arq, drq, h323_rig, plain, read, registered, release, setup, to
from tests.kept import restarted
from tests.rig import NAT, PHONE, Rig, events, of

BOB = NAT._replace(port=40999)
_HASH: Any = {"algorithmOID": (0, 0, 8, 235, 0, 2, 6), "paramS": {}, "hash": (0, 96)}
_TOKEN: Any = {"tokenOID": (0, 0, 8, 235, 0, 2, 1), "hashedVals": {"tokenOID": (0, 0, 8, 235, 0, 2, 5)}, "token": _HASH}
HASHED: Any = ("nestedcryptoToken", ("cryptoHashedToken", _TOKEN))


def disengaged(rig: Rig) -> None:
    """The SBC tells the gatekeeper, by the terminal's own port, and has its answer."""
    told = only(to(rig.wait(GRACE), "core"))
    said = read(told).value
    assert (read(told).name, told.to) == ("disengageRequest", GATEKEEPER)
    assert (said["endpointIdentifier"], said["callIdentifier"]["guid"]) == ("17_endp", GUID)
    assert "terminationCause" in said
    assert "returned" in events(rig.from_core(plain("disengageConfirm", told.data), GATEKEEPER, at=told.listener))
    assert not rig.border.registry.promises.all()


@pytest.mark.parametrize("how", ["terminal vanished", "gatekeeper vanished", "kicked", "silent", "expired", "hung up"])
def test_a_call_that_ends_however_is_disengaged(how: str) -> None:
    rig = h323_rig()
    sent, _ = answered(rig)
    call = only(list(rig.border.registry.calls.values()))
    if how == "terminal vanished":
        lost(rig, tcp(rig, "access"), BY_TCP)
    elif how == "gatekeeper vanished":
        lost(rig, sent.listener, sent.to)
    elif how == "kicked":
        rig._take(rig.border.end_call(call.id, "kicked", rig.now))
    elif how == "silent":
        for stream in list(call.streams.values()):
            rig._take(rig.border.silent(stream.id, 30.0, rig.now))
    elif how == "expired":
        assert len(of(HangUp, rig.wait(rig.border.plan.timers.call_max))) == 2
    else:
        from_gatekeeper(rig, sent, release(sent.data, back=True))
    disengaged(rig)


def test_so_is_one_that_nobody_answers() -> None:
    rig = h323_rig()
    registered(rig)
    sent = only(to(rig.from_access(arq(20)), "core"))
    rig.from_core(acf(sent.data), GATEKEEPER, at=sent.listener)
    opened(rig)
    orders = rig.wait(16.0)
    assert "gave-up" in events(orders)
    told = [read(each).name for each in to(orders + rig.wait(GRACE), "core")]
    assert "disengageRequest" in told


def test_a_called_terminal_is_disengaged_as_who_was_called() -> None:
    rig = h323_rig()
    own = registered(rig, source=NAT._replace(port=1719), ras=NAT._replace(port=1719), calls=NAT._replace(port=1720))
    tcp_own = next(each for each in rig.border.registry.terminal_ports.listeners() if each.transport == "tcp")
    down = only(to(heard(rig, tcp_own, GATEKEEPER._replace(port=40000), setup(calls=GATEKEEPER)), "access"))
    asked = only(to(rig.from_access(arq(21, answerCall=True), NAT._replace(port=1719)), "core"))
    rig.from_core(acf(asked.data), GATEKEEPER, at=own)
    assert len(rig.border.registry.promises) == 1
    lost(rig, down.listener, down.to)
    orders = rig.wait(GRACE)
    told = only([each for each in to(orders, "core") if read(each).name == "disengageRequest"])
    assert read(told).value["answeredCall"] is True


def test_leave_that_no_call_comes_of_is_the_gatekeepers_to_forget() -> None:
    rig = h323_rig()
    registered(rig)
    sent = only(to(rig.from_access(arq(20)), "core"))
    rig.from_core(acf(sent.data), GATEKEEPER, at=sent.listener)
    orders = rig.wait(LASTS + 1)
    assert not rig.border.registry.promises.all()
    assert not [each for each in to(orders, "core") if read(each).name == "disengageRequest"]


def terminals_port(rig: Rig) -> Listener:
    return only(list(rig.border.registry.bindings.values())).onward


@pytest.mark.parametrize("terminal", ["ends it", "only confirms", "says nothing"])
def test_the_gatekeeper_ends_a_call(terminal: str) -> None:
    rig = h323_rig()
    sent, _ = answered(rig)
    call = only(list(rig.border.registry.calls.values()))
    down = only(to(rig.from_core(drq(900), GATEKEEPER, at=terminals_port(rig)), "access"))
    assert (read(down).name, down.to) == ("disengageRequest", NAT)
    if terminal != "says nothing":
        rig.from_access(plain("disengageConfirm", down.data))
    if terminal == "ends it":
        heard(rig, tcp(rig, "access"), BY_TCP, release(sent.data))
    orders = rig.wait(RELEASE)
    ended = [each.fields["ending"] for each in of(Record, orders) if each.event == "close"]
    up = [read(each).name for each in to(orders, "core")]
    if terminal == "ends it":
        assert not ended and not up
    else:
        assert ended == ["cleared"] and len(of(HangUp, orders)) == 2
        assert up == ["releaseComplete", *(["disengageConfirm"] if terminal == "says nothing" else [])]
    assert call.id not in {each.id for each in rig.border.registry.calls.values() if each.state.value != "closed"}
    assert not rig.border.registry.promises.all()
    assert "disengageRequest" not in [read(each).name for each in to(rig.wait(60), "core")], "the gatekeeper knows"


def test_after_a_restart_the_gatekeeper_hears_of_the_calls_that_are_gone_and_leave_still_leads() -> None:
    rig = h323_rig()
    answered(rig)
    again, _ = restarted(rig)
    assert not again.border.registry.calls
    disengaged(again)
    sent = only(to(again.from_access(arq(40, callIdentifier={"guid": bytes(range(50, 66))})), "core"))
    again.from_core(acf(sent.data), GATEKEEPER, at=sent.listener)

    rig = h323_rig()
    registered(rig)
    sent = only(to(rig.from_access(arq(20)), "core"))
    rig.from_core(acf(sent.data), GATEKEEPER, at=sent.listener)
    again, _ = restarted(rig)
    assert opened(again).to.host == GATEKEEPER.host


def two(rig: Rig) -> tuple[Listener, Listener]:
    """Two registered terminals behind one NAT; the ports that are theirs."""
    first, place = registered(rig), PHONE._replace(host="192.168.1.66")
    second = registered(
        rig, BOB, "18_endp", 7, ras=place._replace(port=45000), calls=place._replace(port=1720),
        terminalAlias=[("h323-ID", "bob")],
    )  # fmt: skip
    return first, second


@pytest.mark.parametrize("has_leave", [True, False])
def test_what_the_gatekeeper_wants_of_one_terminal_ends_no_call_of_its_neighbour(has_leave: bool) -> None:
    """Both are behind one NAT; the gatekeeper speaks of the call to the other's port."""
    rig = h323_rig()
    first, second = two(rig)
    sent = only(to(rig.from_access(arq(20)), "core"))
    rig.from_core(acf(sent.data, GATEKEEPER._replace(port=1720)), GATEKEEPER, at=first)
    opened(rig)
    (promise,) = rig.border.registry.promises.all()
    if not has_leave:
        rig._take(leave.forget(rig.border.registry, promise, rig.now))
    told = only(to(rig.from_core(drq(55, "18_endp"), GATEKEEPER, at=second), "access"))
    assert told.to == BOB and rig.border.registry.promises.all() == ([promise] if has_leave else [])
    assert "recalled" not in events(rig.wait(RELEASE))


def test_leave_of_a_call_that_the_gatekeeper_takes_back_from_its_own_terminal_is_not_given_up_for_another() -> None:
    """The terminal has registered anew since, under another name."""
    rig = h323_rig()
    answered(rig)
    (promise,) = rig.border.registry.promises.all()
    promise.binding = "another"
    rig.from_core(drq(900), GATEKEEPER, at=terminals_port(rig))
    assert rig.border.registry.promises.all() == [promise] and "recalled" in events(rig.wait(RELEASE))


def test_what_the_gatekeeper_wants_but_may_not_ask_for_ends_no_call() -> None:
    rig = h323_rig(options={"h323": H323Options(tokens=Tokens.REFUSE)})
    answered(rig)
    said = {**decode(drq(5)).value, "cryptoTokens": [HASHED]}
    orders = rig.from_core(build_ras("disengageRequest", said), GATEKEEPER, at=terminals_port(rig))
    assert read(only(to(orders, "core"))).name == "disengageReject"
    assert "recalled" not in events(rig.wait(RELEASE + 1))
    (call,) = rig.border.registry.calls.values()
    assert call.state is CallState.UP


@pytest.mark.parametrize("is_heard", [True, False])
def test_while_the_gatekeeper_has_not_answered_the_terminal_it_is_not_told_the_same_by_us(is_heard: bool) -> None:
    rig = h323_rig()
    answered(rig)
    said = only(to(rig.from_access(drq(30)), "core"))
    heard(rig, tcp(rig, "access"), BY_TCP, release(setup()))
    orders = rig.wait(GRACE + 1)
    asked = {each.data for each in to(orders, "core") if read(each).name == "disengageRequest"}
    assert asked <= {said.data}, "said again, but not anew"
    if is_heard:
        rig.from_core(plain("disengageConfirm", said.data), GATEKEEPER, at=said.listener)
    orders = rig.wait(60)
    asked = {each.data for each in to(orders, "core") if read(each).name == "disengageRequest"}
    assert asked <= {said.data} and not rig.border.registry.promises.all()
