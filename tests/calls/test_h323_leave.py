"""The gatekeeper hears of the end of each call that it has admitted, and ends calls itself."""

from __future__ import annotations

import pytest

from sbc.core.leave import RELEASE
from sbc.core.orders import HangUp, Listener, Record
from sbc.core.promises import GRACE, LASTS
from tests.calls.test_h323_calls import BY_TCP, answered, from_gatekeeper, heard, lost, only, opened, tcp
from tests.h323_calls import GATEKEEPER, GUID, acf, arq, drq, h323_rig, plain, read, registered, release, setup, to
from tests.kept import restarted
from tests.rig import NAT, Rig, events, of


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
