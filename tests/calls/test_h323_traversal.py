"""Calls to terminals of H.323 behind NATs: those that open a connection for each when they are told of it."""

from __future__ import annotations

from typing import Any

import attrs

from sbc.core.address import Address
from sbc.core.call import CallState
from sbc.core.message import Ending
from sbc.core.orders import Adopt, HangUp, Listener, OpenStream, Order, Record, Send
from sbc.core.registry import Arrival
from sbc.h323.codec import build_ras, build_signal
from sbc.h323.per import decode as decode_plain
from sbc.h323.per import encode
from sbc.h323.ras import PROTOCOL
from tests.h323_calls import (
    GATEKEEPER,
    GUID,
    TERMINAL_CALLS,
    TERMINAL_RAS,
    address_in,
    address_of,
    fast_start,
    grq,
    h323_rig,
    keepalive,
    plain,
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

TRAVERSAL: Any = {"replacementFeatureSet": False, "supportedFeatures": [{"id": ("standard", 18)}]}
CALLER = SOFTSWITCH._replace(port=33000)
BY_TCP = NAT._replace(port=53001)
STRANGER = Address("203.0.113.66", 53001)


def only(found: list[Any]) -> Any:
    (one,) = found
    return one


def by_tcp(own: Listener) -> Listener:
    return attrs.evolve(own, transport="tcp")


def access(rig: Rig) -> Listener:
    return next(own for own in rig.border.plan.realms["access"].listeners if own.transport == "tcp")


def heard(rig: Rig, at: Listener, source: Address, data: bytes) -> list[Order]:
    return rig._take(rig.border.receive(Arrival(at, source, data, rig.now)))


def coming(guid: bytes = GUID) -> bytes:
    """What a terminal says first on a connection that it has opened for a call (H.460.18 clause 8.1.1)."""
    said = {"protocolIdentifier": PROTOCOL, "reason": ("undefinedReason", 0), "callIdentifier": {"guid": guid}}
    return build_signal("facility", 0, False, said)


def called(rig: Rig, **more: Any) -> tuple[Listener, Send, Send]:
    """A call for a terminal that comes by itself: its port in the core, the Setup that waits, and what it was told."""
    own = registered(rig, featureSet=TRAVERSAL)
    asked = setup(SOFTSWITCH, own.address, **more)
    down, told = to(heard(rig, by_tcp(own), CALLER, asked), "access")
    return own, down, told


def came(rig: Rig, orders: list[Order]) -> Adopt:
    """The connection that was made counts as the one that was awaited."""
    adopt: Adopt = only(of(Adopt, orders))
    assert adopt.made_at == access(rig) and not of(HangUp, orders)
    return adopt


def test_the_feature_is_answered_by_us_and_hidden_from_the_gatekeeper() -> None:
    rig = h323_rig()
    for asked, confirm in ((grq(5, featureSet=TRAVERSAL), "gatekeeperConfirm"), (rrq(featureSet=TRAVERSAL), "")):
        sent = only(to(rig.from_access(asked), "core"))
        assert "featureSet" not in read(sent).value and read(sent).pdu.understood  # type: ignore[union-attr]
        assert_no_trace(sent.data, PHONE.host, NAT.host)
        if confirm:
            more: Any = {"protocolIdentifier": PROTOCOL, "rasAddress": ("ipAddress", {"ip": bytes(4), "port": 1719})}
            answer, at = plain(confirm, sent.data, **more), sent.listener
        else:
            answer, at = rcf(sent.data), sent.listener
        back = only(to(rig.from_core(answer, GATEKEEPER, at=at), "access"))
        assert read(back).value["featureSet"] == TRAVERSAL
    again = only(to(rig.from_access(keepalive(9)), "access"))
    assert read(again).value["featureSet"] == TRAVERSAL, "said by us, as the gatekeeper would say it again"


def test_other_features_pass() -> None:
    rig = h323_rig()
    offered: Any = {"replacementFeatureSet": False, "supportedFeatures": [{"id": ("standard", n)} for n in (18, 9)]}
    sent = only(to(rig.from_access(rrq(featureSet=offered)), "core"))
    assert read(sent).value["featureSet"]["supportedFeatures"] == [{"id": ("standard", 9)}]


def test_who_offers_nothing_is_answered_nothing() -> None:
    rig = h323_rig()
    sent = only(to(rig.from_access(rrq()), "core"))
    assert "featureSet" not in read(sent).value


def test_a_terminal_is_told_comes_and_gets_the_call() -> None:
    rig = h323_rig()
    own, down, told = called(rig)
    assert down.listener.awaited and down.to == NAT, "it waits until the connection is there"
    assert told.to == NAT and told.listener.transport == "udp", "by the mapping of its registration"
    indication = read(told)
    assert indication.name == "serviceControlIndication"
    child = only(list(indication.pdu.children))  # type: ignore[union-attr]
    assert child.whole["callID"]["guid"] == GUID
    assert address_of(child.whole["callSignallingAddress"]) == Address(SBC_ACCESS.host, 1720)
    assert_no_trace(told.data, SOFTSWITCH.host)
    rig.from_access(plain("serviceControlResponse", told.data))
    adopt = came(rig, heard(rig, access(rig), BY_TCP, coming()))
    assert (adopt.listener, adopt.peer, adopt.source) == (down.listener, down.to, BY_TCP)
    connect = heard(rig, adopt.listener, adopt.peer, said_back("connect", down.data, PHONE.host))
    spec = only(of(OpenStream, rig.log)).spec
    assert spec.sides[1].seen_host == NAT.host and spec.sides[1].behind_nat
    assert_no_trace(only(to(connect, "core")).data, PHONE.host, NAT.host, SBC_ACCESS.host)
    orders = heard(rig, by_tcp(own), CALLER, release(setup(SOFTSWITCH, own.address)))
    assert [each.peer for each in of(HangUp, orders)] == [CALLER, NAT]
    assert read(only(to(orders, "access"))).name == "releaseComplete"


def test_who_comes_before_it_has_answered_is_welcome() -> None:
    rig = h323_rig()
    _, down, _ = called(rig)
    came(rig, heard(rig, access(rig), BY_TCP, coming()))
    heard(rig, down.listener, down.to, said_back("alerting", down.data))
    rig.wait(30.0)
    (call,) = rig.border.registry.calls.values()
    assert call.state is CallState.EARLY, "that its answer was lost ends nothing"


def test_nobody_gets_the_call_of_another() -> None:
    """Only the host that was told, only by the name that it was told, only once."""
    rig = h323_rig()
    called(rig)
    at = access(rig)
    for source, guid in ((STRANGER, GUID), (BY_TCP, bytes(reversed(GUID))), (BY_TCP, bytes(15) + b"\1")):
        orders = heard(rig, at, source, coming(guid))
        assert not of(Adopt, orders) and not of(Send, orders)
        assert [each.peer for each in of(HangUp, orders)] == [source]
        assert "uninvited" in events(orders)
    came(rig, heard(rig, at, BY_TCP, coming()))
    again = heard(rig, at, BY_TCP._replace(port=53002), coming())
    assert not of(Adopt, again) and [each.peer.port for each in of(HangUp, again)] == [53002]


def test_from_the_core_nobody_comes() -> None:
    rig = h323_rig()
    own, *_ = called(rig)
    assert not of(Adopt, heard(rig, by_tcp(own), CALLER._replace(port=33009), coming()))


def test_a_terminal_that_does_not_answer_is_not_there() -> None:
    rig = h323_rig()
    called(rig)
    orders = rig.wait(10.0)
    assert [read(each).name for each in to(orders, "access")].count("serviceControlIndication") == 2, "twice more"
    assert read(only(to(orders, "core"))).q931.cause == 20  # type: ignore[union-attr]
    assert "unsummoned" in events(orders)
    assert (
        only([each for each in of(Record, orders) if each.event == "close"]).fields["ending"]
        == Ending.UNREACHABLE.value
    )
    assert "uninvited" in events(heard(rig, access(rig), BY_TCP, coming())), "too late"


def test_a_terminal_that_will_not_come_is_not_there_either() -> None:
    rig = h323_rig()
    _, _, told = called(rig)
    number = read(told).value["requestSeqNum"]
    said = {"requestSeqNum": number, "messageNotUnderstood": b"\x5a"}
    orders = rig.from_access(build_ras("unknownMessageResponse", said))
    assert read(only(to(orders, "core"))).q931.cause == 20  # type: ignore[union-attr]


def test_a_terminal_that_answers_and_does_not_come_is_not_there() -> None:
    rig = h323_rig()
    _, down, told = called(rig)
    rig.from_access(plain("serviceControlResponse", told.data))
    why = "the peer has not made the connection that it was asked for"
    orders = rig._take(rig.border.unreachable(down.listener, down.to, why, rig.now))
    assert read(only(to(orders, "core"))).q931.cause == 20  # type: ignore[union-attr]
    assert why in only([each for each in of(Record, orders) if each.event == "close"]).fields["cause"]


def test_a_caller_that_gives_up_has_nobody_come() -> None:
    rig = h323_rig()
    own, down, _ = called(rig)
    orders = heard(rig, by_tcp(own), CALLER, release(setup(SOFTSWITCH, own.address)))
    assert {each.listener for each in of(HangUp, orders)} == {by_tcp(own), down.listener}
    assert "uninvited" in events(heard(rig, access(rig), BY_TCP, coming()))


def test_two_behind_one_nat_are_not_called_by_one_name() -> None:
    """Nobody could tell whose the connection is that comes for it."""
    rig = h323_rig()
    called(rig)
    home = NAT._replace(port=NAT.port + 1)
    ras, calls = TERMINAL_RAS._replace(host="192.168.1.11"), TERMINAL_CALLS._replace(host="192.168.1.11")
    other = registered(rig, home, "18_endp", 7, ras=ras, calls=calls, featureSet=TRAVERSAL)
    orders = heard(rig, by_tcp(other), CALLER._replace(port=33001), setup(SOFTSWITCH, other.address))
    assert not to(orders, "access") and read(only(to(orders, "core"))).q931.cause == 25  # type: ignore[union-attr]


def test_a_terminal_that_offers_nothing_is_not_reached_and_the_log_says_what_it_lacks() -> None:
    rig = h323_rig()
    own = registered(rig)
    orders = heard(rig, by_tcp(own), CALLER, setup(SOFTSWITCH, own.address))
    assert read(only(to(orders, "core"))).q931.cause == 20  # type: ignore[union-attr]
    said = only([each for each in orders if getattr(each, "event", "") == "no-way"])
    assert "behind a NAT" in said.reason and "has not said" in said.reason


def test_what_comes_for_a_call_that_is_up_is_a_message_of_it() -> None:
    """A Facility in a call has its callIdentifier, too."""
    rig = h323_rig()
    _, down, _ = called(rig)
    adopt = came(rig, heard(rig, access(rig), BY_TCP, coming()))
    heard(rig, adopt.listener, adopt.peer, said_back("connect", down.data, PHONE.host))
    crossed = heard(rig, adopt.listener, adopt.peer, tunnel(down.data, [], back=True))
    assert read(only(to(crossed, "core"))).name == "facility"


def test_media_of_such_a_terminal_is_kept_open_by_itself_and_the_core_hears_nothing_of_it() -> None:
    """H.460.19: the SBC offers it, names its own RTP port of each channel, and takes out what the terminal says."""
    rig = h323_rig()
    own, down, _ = called(rig)
    spec = only(of(OpenStream, rig.log)).spec
    (said,) = [pdu.whole for pdu in read(down).pdus if pdu.type == "TraversalParameters"]
    assert address_in(said["keepAliveChannel"]) == spec.sides[1].local.rtp
    assert [each["id"] for each in read(down).value["supportedFeatures"]] == [("standard", 19)]
    came(rig, heard(rig, access(rig), BY_TCP, coming()))
    features = {"replacementFeatureSet": False, "supportedFeatures": [{"id": ("standard", 19)}]}
    octets = encode("TraversalParameters", {"keepAlivePayloadType": 127})
    parameter = {"parameterIdentifier": ("standard", 1), "parameterValue": ("octetString", octets)}
    information = {"messageIdentifier": ("standard", (0, 0, 8, 460, 19, 0, 1)), "messageContent": [parameter]}
    channels = [decode_plain("OpenLogicalChannel", each) for each in fast_start(PHONE.host, offers=False)]
    answers = [encode("OpenLogicalChannel", {**each, "genericInformation": [information]}) for each in channels]
    connect = said_back("connect", down.data, featureSet=features, fastStart=answers)
    (up,) = to(heard(rig, down.listener, down.to, connect), "core")
    assert "featureSet" not in read(up).value and not [p for p in read(up).pdus if p.type == "TraversalParameters"]
    assert all("genericInformation" not in pdu.value for pdu in read(up).pdus if pdu.type == "OpenLogicalChannel")
    assert_no_trace(up.data, PHONE.host, NAT.host, SBC_ACCESS.host)
    later = [each for each in to(heard(rig, by_tcp(own), CALLER, tunnel(setup(), [])), "access")]
    assert not [pdu for pdu in read(only(later)).pdus if pdu.type == "TraversalParameters"]


def test_other_terminals_are_told_nothing_of_it() -> None:
    rig = h323_rig()
    public = Address("203.0.113.50", 1719)
    own = registered(rig, public, ras=public, calls=public._replace(port=1720))
    down = only(to(heard(rig, by_tcp(own), CALLER, setup(SOFTSWITCH, own.address)), "access"))
    assert "supportedFeatures" not in read(down).value
    assert not [pdu for pdu in read(down).pdus if pdu.type == "TraversalParameters"]
