"""Connections of H.323 that outlive their calls: what was said for one call is not for the next, nor is a call that is
refused or over what the next goes by."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from sbc.core.orders import Connect, HangUp, Listener, OpenStream, Send
from sbc.core.realm import Limits
from sbc.h323.carried import wrap
from tests.calls.test_h323_lines import KEEPS, OTHER, OWN, calling, incoming, tunnelled
from tests.calls.test_h323_traversal import CALLER, access, by_tcp, heard, only
from tests.h323_calls import (
    GATEKEEPER,
    acf,
    arq,
    h323_rig,
    read,
    registered,
    release,
    said_back,
    setup,
    to,
)
from tests.rig import PHONE, SOFTSWITCH, Rig, events, of

ONE, TWO = bytes((1,)) * 16, bytes((2,)) * 16


def leave(rig: Rig, number: int, guid: bytes, carried: bool = True) -> None:
    """The terminal asks for leave for a call, by its connection or by datagram, and gets it."""
    asked = arq(number, callIdentifier={"guid": guid})
    orders = heard(rig, access(rig), OWN, wrap(asked)) if carried else rig.from_access(asked)
    sent = only(to(orders, "core"))
    rig.from_core(acf(sent.data, GATEKEEPER._replace(port=1720)), GATEKEEPER, at=sent.listener)


def names(sent: list[Send]) -> list[str]:
    return [read(each).name for each in sent]


def sets_up(rig: Rig, guid: bytes) -> Send:
    """A Setup of the terminal crosses, and nothing is said for the other side; as it went on."""
    orders = heard(rig, access(rig), OWN, setup(callIdentifier={"guid": guid}, **KEEPS))
    assert not [each for each in names(to(orders, "access")) if each != "callProceeding"]
    sent = only(to(orders, "core"))
    assert read(sent).name == "setup" and of(OpenStream, orders)
    return sent


@pytest.mark.parametrize("busy", [False, True])
@pytest.mark.parametrize("carried", [False, True])
def test_a_call_reference_names_another_call_when_its_own_is_over(carried: bool, busy: bool) -> None:
    rig = h323_rig()
    if carried:
        tunnelled(rig)
    else:
        registered(rig)
    for number, guid in enumerate((ONE, TWO, OTHER), 31):
        leave(rig, number, guid, carried)
    for guid in (ONE, TWO, OTHER):  # each sooner after the last than late messages are absorbed
        sent = sets_up(rig, guid)
        again = heard(rig, access(rig), OWN, setup(callIdentifier={"guid": guid}, **KEEPS))
        assert not to(again, "core"), "while it is there its Setup is known again"
        if busy:
            refused = heard(rig, sent.listener, sent.to, release(sent.data, 17, back=True))
            assert names(to(refused, "access")) == ["releaseComplete"]
        else:
            up = heard(rig, sent.listener, sent.to, said_back("connect", sent.data, SOFTSWITCH.host, **KEEPS))
            assert names(to(up, "access")) == ["connect"]
            over = heard(rig, access(rig), OWN, release(setup()))
            assert names(to(over, "core")) == ["releaseComplete"]
    rig.wait(1000)
    assert not rig.border.registry.calls


def test_a_call_that_is_refused_takes_no_connection_from_its_terminal() -> None:
    rig = h323_rig(limits=attrs.evolve(Limits(), calls=1))
    own, sent = calling(rig)
    heard(rig, sent.listener, sent.to, said_back("connect", sent.data, SOFTSWITCH.host, **KEEPS))
    heard(rig, access(rig), OWN, release(setup()))
    leave(rig, 31, ONE, carried=False)
    leave(rig, 32, TWO, carried=False)
    second, third = (OWN._replace(port=port) for port in (54002, 54003))
    taken = heard(rig, access(rig), second, setup(callIdentifier={"guid": ONE}, **KEEPS))
    assert [each.peer for each in of(HangUp, taken)] == [OWN], "it is called by the other from now on"
    full = heard(rig, access(rig), third, setup(callIdentifier={"guid": TWO}, **KEEPS))
    assert "refused" in events(full) and [each.peer for each in of(HangUp, full)] == [third]
    over = heard(rig, access(rig), second, release(setup(callIdentifier={"guid": ONE})))
    assert second not in [each.peer for each in of(HangUp, over)]
    assert only(to(incoming(rig, own), "access")).to == second


def late(rig: Rig, own: Listener, way: str) -> tuple[Send, list[Any]]:
    """A call to the terminal that its caller, or we, have given up; the Setup as it went to the terminal."""
    asked = setup(SOFTSWITCH, own.address, callIdentifier={"guid": OTHER})
    down = only(to(incoming(rig, own), "access"))
    if way == "timeout":
        return down, rig.wait(16)
    return down, heard(rig, by_tcp(own), CALLER, release(asked))


@pytest.mark.parametrize("way", ["timeout", "cancelled"])
@pytest.mark.parametrize("carried", [False, True])
def test_who_answers_too_late_is_heard_by_nobody(carried: bool, way: str) -> None:
    """Its connection stays, and so its answer comes; that of its caller is closed, and not opened for it."""
    rig = h323_rig()
    if carried:
        own, *_ = tunnelled(rig)
    else:
        own, sent = calling(rig)
        heard(rig, sent.listener, sent.to, said_back("connect", sent.data, SOFTSWITCH.host))
        heard(rig, access(rig), OWN, release(setup()))
        rig.wait(30)
    down, given_up = late(rig, own, way)
    assert names(to(given_up, "access")) == ["releaseComplete"], "the terminal has been told"
    for _ in range(2):
        orders = heard(rig, access(rig), OWN, said_back("connect", down.data, PHONE.host))
        assert events(orders) == ["too-late"] and not of(Send, orders) and not of(Connect, orders)
        assert not of(HangUp, orders) and not of(OpenStream, orders)
    assert only(to(incoming(rig, own, guid=ONE), "access")).to == OWN, "it is called as before"
    rig.wait(1000)
    assert not rig.border.registry.live_exchanges and not rig.border.registry.calls
