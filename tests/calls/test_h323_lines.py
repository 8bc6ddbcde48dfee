"""Terminals of H.323 that are called by a connection that they have open: for their calls, or for all that they say."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from sbc.core.orders import HangUp, Listener, OpenStream, Send
from sbc.h323.carried import unwrap, wrap
from sbc.h323.codec import decode
from tests.calls.test_h323_calls import olc
from tests.calls.test_h323_traversal import CALLER, access, by_tcp, heard, only
from tests.h323_calls import (
    GATEKEEPER,
    GUID,
    acf,
    arq,
    h323_plan,
    h323_rig,
    rcf,
    read,
    registered,
    release,
    rrq,
    said_back,
    setup,
    to,
    tunnel,
)
from tests.laws import assert_no_trace
from tests.rig import NAT, PHONE, SBC_ACCESS, SOFTSWITCH, Rig, events, of

OWN = NAT._replace(port=54001)
KEEPS: Any = {"maintainConnection": True, "multipleCalls": True}
NO: Any = dict.fromkeys(KEEPS, False)
OTHER = bytes(reversed(GUID))


def calling(rig: Rig, **more: Any) -> tuple[Listener, Send]:
    """A registered terminal, not behind a way that we could open, calls by a connection of its own; its port, and the
    Setup as it went on."""
    own = registered(rig)
    rig.from_core(
        acf(only(to(rig.from_access(arq(20)), "core")).data, GATEKEEPER._replace(port=1720)), GATEKEEPER, at=own
    )
    return own, only(to(heard(rig, access(rig), OWN, setup(**{**KEEPS, **more})), "core"))


def flags(data: bytes) -> tuple[bool, bool]:
    value = decode(data).value
    return value["maintainConnection"], value["multipleCalls"]


def incoming(rig: Rig, own: Listener, source: Any = CALLER, reference: int = 77, guid: bytes = OTHER) -> list[Any]:
    asked = setup(SOFTSWITCH, own.address, reference=reference, callIdentifier={"guid": guid}, **NO)
    return heard(rig, by_tcp(own), source, asked)


def test_its_connection_stays_when_the_call_is_over_and_is_the_way_for_the_next() -> None:
    rig = h323_rig()
    own, sent = calling(rig)
    assert flags(sent.data) == (False, False), "what we have opened is for one call"
    (back,) = to(
        heard(rig, sent.listener, sent.to, said_back("connect", sent.data, SOFTSWITCH.host, **KEEPS)), "access"
    )
    assert flags(back.data) == (True, True)
    over = heard(rig, access(rig), OWN, release(setup()))
    assert [each.peer for each in of(HangUp, over)] == [sent.to], "towards the core alone"
    down = only(to(incoming(rig, own), "access"))
    assert (down.listener, down.to) == (access(rig), OWN) and read(down).name == "setup"
    assert flags(down.data) == (True, True)
    (up,) = to(heard(rig, access(rig), OWN, said_back("connect", down.data, PHONE.host)), "core")
    assert read(up).q931.call_reference == 77  # type: ignore[union-attr]
    assert_no_trace(up.data, PHONE.host, NAT.host, SBC_ACCESS.host)
    assert of(OpenStream, rig.log)[-1].spec.sides[1].behind_nat
    end = heard(rig, access(rig), OWN, release(down.data, back=True))
    assert read(only(to(end, "core"))).q931.call_reference == 77  # type: ignore[union-attr]
    assert not [each for each in of(HangUp, end) if each.peer == OWN]


def test_several_calls_go_by_it_and_are_told_apart() -> None:
    """Two callers name their calls alike, and the terminal has one of that name, too."""
    rig = h323_rig()
    own, sent = calling(rig)
    heard(rig, sent.listener, sent.to, said_back("connect", sent.data, SOFTSWITCH.host))
    downs = [
        only(to(incoming(rig, own, CALLER._replace(port=33000 + n), 77, bytes((n,)) * 16), "access")) for n in (1, 2)
    ]
    references = {read(each).q931.call_reference for each in downs}  # type: ignore[union-attr]
    assert len(references) == 2
    for n, down in enumerate(downs, 1):
        (up,) = to(heard(rig, access(rig), OWN, said_back("alerting", down.data)), "core")
        assert up.to.port == 33000 + n and read(up).q931.call_reference == 77  # type: ignore[union-attr]
    (up,) = to(heard(rig, access(rig), OWN, release(setup())), "core")
    assert (up.listener, up.to) == (sent.listener, sent.to), "its own call of that number"
    gone = rig._take(rig.border.unreachable(access(rig), OWN, "lost", rig.now))
    assert sorted(each.to.port for each in to(gone, "core")) == [33001, 33002]
    assert not rig.border.registry.lines
    assert read(only(to(incoming(rig, own, CALLER._replace(port=33009)), "core"))).q931.cause == 20  # type: ignore


@pytest.mark.parametrize("says", [{"multipleCalls": False}, {"maintainConnection": False}, {"both": False}])
def test_only_what_it_says_that_it_can_is_asked_of_it(says: Any) -> None:
    rig = h323_rig()
    said = {name: False for name in KEEPS} if "both" in says else says
    own, sent = calling(rig, **said)
    heard(rig, sent.listener, sent.to, said_back("connect", sent.data, SOFTSWITCH.host))
    busy = incoming(rig, own)
    assert not to(busy, "access") and read(only(to(busy, "core"))).q931.cause == 20  # type: ignore[union-attr]
    over = heard(rig, access(rig), OWN, release(setup()))
    kept = said.get("maintainConnection", True)
    assert (OWN in [each.peer for each in of(HangUp, over)]) is not kept
    again = incoming(rig, own, CALLER._replace(port=33001))
    assert bool(to(again, "access")) is kept


def test_where_nothing_is_kept_it_is_told_so() -> None:
    plan = h323_plan()
    realm = plan.realms["access"]
    connections = attrs.evolve(realm.connections, keep=False)
    rig = h323_rig()
    rig.border.registry.networks.plan.realms["access"] = attrs.evolve(realm, connections=connections)  # type: ignore[index]
    _, sent = calling(rig)
    (back,) = to(
        heard(rig, sent.listener, sent.to, said_back("connect", sent.data, SOFTSWITCH.host, **KEEPS)), "access"
    )
    assert flags(back.data) == (False, False)
    assert OWN in [each.peer for each in of(HangUp, heard(rig, access(rig), OWN, release(setup())))]


def test_who_only_says_to_be_a_terminal_gets_none_of_its_calls() -> None:
    """A neighbour behind the same public address calls by the name of another, without leave."""
    rig = h323_rig()
    own = registered(rig)
    heard(rig, access(rig), OWN, setup(callIdentifier={"guid": OTHER}, **KEEPS))
    assert not rig.border.registry.lines
    assert read(only(to(incoming(rig, own), "core"))).q931.cause == 20  # type: ignore[union-attr]


def test_when_the_terminal_is_gone_its_connection_is_closed() -> None:
    rig = h323_rig()
    _, sent = calling(rig)
    heard(rig, sent.listener, sent.to, said_back("connect", sent.data, SOFTSWITCH.host))
    heard(rig, access(rig), OWN, release(setup()))
    orders = rig.wait(100_000)
    assert OWN in [each.peer for each in of(HangUp, orders)] and not rig.border.registry.lines


# -- RAS by a connection (H.460.17)


def tunnelled(rig: Rig, **more: Any) -> tuple[Listener, Send, Send]:
    """A terminal that registers by a connection; its port, its registration as it went on, and its confirmation."""
    (sent,) = to(heard(rig, access(rig), OWN, wrap(rrq(**more))), "core")
    (back,) = to(rig.from_core(rcf(sent.data), GATEKEEPER, at=sent.listener), "access")
    return sent.listener, sent, back


def inner(data: bytes) -> Any:
    found = unwrap(decode(data))
    assert found is not None
    return found


def test_a_terminal_registers_by_a_connection() -> None:
    rig = h323_rig()
    own, sent, back = tunnelled(rig)
    assert sent.listener.transport == "udp" and read(sent).name == "registrationRequest"
    assert_no_trace(sent.data, PHONE.host, NAT.host)
    assert (back.listener, back.to) == (access(rig), OWN)
    assert inner(back.data).name == "registrationConfirm" and inner(back.data).value["requestSeqNum"] == 6
    again = only(to(heard(rig, access(rig), OWN, wrap(rrq(9))), "access"))
    assert inner(again.data).value["requestSeqNum"] == 9, "refreshed by us"
    asked = only(to(rig.from_access(rrq(10), NAT), "core"))
    assert read(asked).name == "registrationRequest", "from elsewhere it goes to the gatekeeper"
    assert own.transport == "udp"


def test_what_the_gatekeeper_asks_goes_by_it() -> None:
    from sbc.h323.codec import build_ras

    rig = h323_rig()
    own, *_ = tunnelled(rig)
    (asked,) = to(
        rig.from_core(build_ras("infoRequest", {"requestSeqNum": 3, "callReferenceValue": 0}), GATEKEEPER, at=own),
        "access",
    )
    assert (asked.listener, asked.to) == (access(rig), OWN) and inner(asked.data).name == "infoRequest"


def test_all_its_calls_go_by_it() -> None:
    rig = h323_rig()
    own, *_ = tunnelled(rig)
    rig.from_core(
        acf(only(to(heard(rig, access(rig), OWN, wrap(arq(20))), "core")).data, GATEKEEPER), GATEKEEPER, at=own
    )
    sent = only(to(heard(rig, access(rig), OWN, setup()), "core"))
    assert sent.listener.lane
    down = only(to(incoming(rig, own), "access"))
    assert (down.listener, down.to) == (access(rig), OWN)
    (up,) = to(heard(rig, access(rig), OWN, said_back("connect", down.data, PHONE.host)), "core")
    assert up.to == CALLER
    for end in (release(setup()), release(down.data, back=True)):
        orders = heard(rig, access(rig), OWN, end)
        assert to(orders, "core") and OWN not in [each.peer for each in of(HangUp, orders)]


def test_when_it_is_lost_the_terminal_is_not_reached() -> None:
    rig = h323_rig()
    own, *_ = tunnelled(rig)
    rig._take(rig.border.unreachable(access(rig), OWN, "lost", rig.now))
    down = only(to(incoming(rig, own), "access"))
    lost = rig._take(rig.border.unreachable(down.listener, down.to, "its connection is closed", rig.now))
    assert read(only(to(lost, "core"))).q931.cause == 20  # type: ignore[union-attr]


def test_it_need_not_say_where_it_is() -> None:
    rig = h323_rig()
    _, sent, _ = tunnelled(rig, rasAddress=[], callSignalAddress=[])
    assert read(sent).value["rasAddress"] and read(sent).value["callSignalAddress"]


def test_what_is_carried_is_not_the_datagram_of_another_from_the_same_port_of_a_nat() -> None:
    """Whose request had the same number: its answer was told to both."""
    rig, other = h323_rig(), PHONE._replace(host="192.168.1.77")
    registered(rig, OWN, number=6)
    orders = heard(rig, access(rig), OWN, wrap(rrq(6, ras=other._replace(port=1719), calls=other._replace(port=1720))))
    assert len(to(orders, "core")) == 1 and len(rig.border.registry.bindings) == 2


def test_by_datagram_nothing_is_carried() -> None:
    rig = h323_rig()
    orders = rig.from_access(wrap(rrq()))
    assert events(orders) == ["bad-message"] and not of(Send, orders)


@pytest.mark.parametrize("kind", ["refused", "late"])
@pytest.mark.parametrize("by", ["registered", "kept"])
def test_the_connection_that_a_terminal_is_reached_by_stays_whatever_is_refused_on_it(by: str, kind: str) -> None:
    rig = h323_rig()
    if by == "registered":
        own, *_ = tunnelled(rig)
    else:
        own, sent = calling(rig)
        heard(rig, sent.listener, sent.to, said_back("connect", sent.data, SOFTSWITCH.host, **KEEPS))
        heard(rig, access(rig), OWN, release(setup()))
        rig.wait(70)
    if kind == "refused":
        orders = heard(rig, access(rig), OWN, setup(reference=78, endpointIdentifier="nobody", **KEEPS))
    else:
        facility = said_back("facility", setup(reference=78), reason=("undefinedReason", 0))
        orders = heard(rig, access(rig), OWN, facility)
    assert "refused" in events(orders) and not of(HangUp, orders)
    down = only(to(incoming(rig, own), "access"))
    assert (down.listener, down.to) == (access(rig), OWN)


@pytest.mark.parametrize("port", [0, 1])
def test_a_channel_that_tells_no_port_of_its_rtcp_crosses_without_a_word_on_the_way_of_its_media(port: int) -> None:
    rig = h323_rig()
    own, *_ = tunnelled(rig)
    asked = setup(SOFTSWITCH, own.address, fast=False, callIdentifier={"guid": OTHER}, **NO)
    down = only(to(heard(rig, by_tcp(own), CALLER, asked), "access"))
    heard(rig, access(rig), OWN, said_back("connect", down.data))
    orders = heard(rig, by_tcp(own), CALLER, tunnel(asked, [olc(SOFTSWITCH.host, port)]))
    assert "openLogicalChannel" in [pdu.name for pdu in read(only(to(orders, "access"))).pdus]
