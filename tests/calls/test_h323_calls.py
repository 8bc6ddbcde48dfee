"""Calls of H.323 through the SBC: each by a connection of its own on each side, their media by fast start."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from sbc.core.address import Address, Pair
from sbc.core.audit import audit
from sbc.core.call import CallState
from sbc.core.fan import Failover, NextHop
from sbc.core.orders import CloseStream, HangUp, Listener, Note, OpenStream, Order, Record, Send
from sbc.core.realm import Callers, Keepalive
from sbc.core.registry import Arrival
from sbc.h323.codec import build_control, build_signal
from sbc.h323.per import decode
from tests.h323_calls import (
    CALLS,
    GATEKEEPER,
    GUID,
    PROTOCOL,
    TERMINAL_CALLS,
    acf,
    addresses,
    arq,
    fast_start,
    h323_plan,
    h323_rig,
    media,
    read,
    registered,
    release,
    said_back,
    setup,
    to,
    tunnel,
)
from tests.laws import assert_no_trace
from tests.rig import NAT, PHONE, SBC_ACCESS, SBC_CORE, SOFTSWITCH, Rig, events, of

BY_TCP = NAT._replace(port=52001)
GATEKEEPER_CALLS = GATEKEEPER._replace(port=CALLS)
SECOND = Address("198.51.100.3", CALLS)


def only(found: list[Any]) -> Any:
    (one,) = found
    return one


def tcp(rig: Rig, realm: str) -> Listener:
    return next(own for own in rig.border.plan.realms[realm].listeners if own.transport == "tcp")


def heard(rig: Rig, at: Listener, source: Address, data: bytes) -> list[Order]:
    return rig._take(rig.border.receive(Arrival(at, source, data, rig.now)))


def lost(rig: Rig, at: Listener, peer: Address) -> list[Order]:
    return rig._take(rig.border.unreachable(at, peer, "the connection is lost", rig.now))


def admitted(rig: Rig, calls: Address = GATEKEEPER_CALLS, **more: Any) -> Listener:
    """A terminal that is registered and has leave to call; its port in the core realm."""
    own = registered(rig)
    sent = only(to(rig.from_access(arq(20, **more)), "core"))
    rig.from_core(acf(sent.data, calls), GATEKEEPER, at=own)
    return own


def opened(rig: Rig, **more: Any) -> Send:
    """A Setup from the terminal; as it went on."""
    found: Send = only(to(heard(rig, tcp(rig, "access"), BY_TCP, setup(**more)), "core"))
    return found


def from_gatekeeper(rig: Rig, sent: Send, data: bytes) -> list[Order]:
    return heard(rig, sent.listener, sent.to, data)


def answered(rig: Rig) -> tuple[Send, Send]:
    """A call that is up: its Setup as it went on, and the Connect as it went back."""
    admitted(rig)
    sent = opened(rig)
    back = only(to(from_gatekeeper(rig, sent, said_back("connect", sent.data, SOFTSWITCH.host)), "access"))
    return sent, back


def test_a_call_goes_where_leave_was_given_by_a_connection_of_its_own() -> None:
    rig = h323_rig()
    elsewhere = Address("198.51.100.77", 1730)
    own = admitted(rig, elsewhere)
    sent = opened(rig)
    assert sent.to == elsewhere and sent.listener.transport == "tcp"
    assert (sent.listener.address, bool(sent.listener.lane)) == (own.address, True)
    found = addresses(sent.data)
    assert found["destCallSignalAddress"] == [elsewhere]
    assert found["sourceCallSignalAddress"] == [own.address]
    assert read(sent).value["callIdentifier"]["guid"] == GUID
    assert_no_trace(sent.data, PHONE.host, NAT.host, SBC_ACCESS.host)


def test_calls_come_by_connections_and_ras_by_datagrams() -> None:
    rig = h323_rig()
    admitted(rig)
    for orders in (rig.from_access(setup(), NAT), heard(rig, tcp(rig, "access"), BY_TCP, arq(21))):
        assert not of(Send, orders) and not of(OpenStream, orders)
        assert [note.event for note in of(Note, orders)] == ["bad-message"]
    assert not rig.border.registry.calls
    assert opened(rig)


def test_a_source_route_to_the_called_is_told_to_nobody() -> None:
    rig = h323_rig()
    admitted(rig)
    parts = {"ip": b"\xc0\xa8\x01\x63", "port": 1720, "route": [b"\xc0\xa8\x01\x62"], "routing": ("strict", 0)}
    sent = opened(rig, destCallSignalAddress=("ipSourceRoute", parts))
    (spot,) = (spot for spot in read(sent).spots if spot.field == "destCallSignalAddress")
    assert (spot.value, spot.route) == (sent.to, (sent.to.host,))
    assert_no_trace(sent.data, "192.168.1.99", "192.168.1.98", SBC_ACCESS.host)


def test_media_of_fast_start_is_relayed() -> None:
    rig = h323_rig()
    admitted(rig)
    orders = heard(rig, tcp(rig, "access"), BY_TCP, setup())
    spec = only(of(OpenStream, orders)).spec
    sent = only(to(orders, "core"))
    ours = spec.sides[1].local
    assert addresses(sent.data)["mediaChannel"] == [ours.rtp]
    assert set(addresses(sent.data)["mediaControlChannel"]) == {ours.rtcp}
    assert spec.sides[0].remote is not None and spec.sides[0].remote.rtp == Address(PHONE.host, 4000)
    assert spec.sides[0].behind_nat
    back = only(to(from_gatekeeper(rig, sent, said_back("connect", sent.data, SOFTSWITCH.host)), "access"))
    stream = only(list(only(list(rig.border.registry.calls.values())).streams.values()))
    assert stream.remote[1].rtp == Address(SOFTSWITCH.host, 4000)
    assert addresses(back.data)["mediaChannel"] == [stream.ours[0].rtp]
    assert_no_trace(back.data, SOFTSWITCH.host, SBC_CORE.host)


def test_what_flows_is_known_by_its_name_and_clock() -> None:
    rig = h323_rig()
    answered(rig)
    (call,) = rig.border.registry.calls.values()
    (stream,) = call.streams.values()
    assert stream.media == ["audio PCMA/8000", "audio PCMA/8000"] and stream.clock == 8000


def test_a_call_rings_is_answered_and_hung_up_by_either_party() -> None:
    for who in ("caller", "callee"):
        rig = h323_rig()
        admitted(rig)
        sent = opened(rig)
        for name in ("callProceeding", "alerting"):
            back = only(to(from_gatekeeper(rig, sent, said_back(name, sent.data)), "access"))
            assert (read(back).name, back.to, back.listener) == (name, BY_TCP, tcp(rig, "access"))
        orders = from_gatekeeper(rig, sent, said_back("connect", sent.data, SOFTSWITCH.host))
        assert "answer" in events(orders)
        call = only(list(rig.border.registry.calls.values()))
        assert call.state is CallState.UP
        rig.now += 60
        if who == "caller":
            orders = heard(rig, tcp(rig, "access"), BY_TCP, release(setup()))
            assert read(only(to(orders, "core"))).q931.cause == 16  # type: ignore[union-attr]
        else:
            orders = from_gatekeeper(rig, sent, release(sent.data, back=True))
            assert read(only(to(orders, "access"))).q931.cause == 16  # type: ignore[union-attr]
        closed = only([each for each in of(Record, orders) if each.event == "close"]).fields
        assert (closed["cause"], closed["ending"], closed["who"]) == ("Q.850 16", "normal", who)
        assert closed["answered_for"] == 60 and len(of(CloseStream, orders)) == 1
        hung_up = {(each.listener, each.peer) for each in of(HangUp, orders)}
        assert hung_up == {(tcp(rig, "access"), BY_TCP), (sent.listener, sent.to)}
        assert orders.index(only(of(Send, orders))) < orders.index(of(HangUp, orders)[0])


@pytest.mark.parametrize(("cause", "ending"), [(17, "busy"), (19, "no-answer"), (1, "not-found"), (42, "congestion")])
def test_a_call_that_is_refused_has_the_cause_of_who_refused(cause: int, ending: str) -> None:
    rig = h323_rig()
    admitted(rig)
    sent = opened(rig)
    orders = from_gatekeeper(rig, sent, release(sent.data, cause, back=True))
    back = only(to(orders, "access"))
    assert read(back).q931.cause == cause  # type: ignore[union-attr]
    closed = only([each for each in of(Record, orders) if each.event == "close"]).fields
    assert (closed["cause"], closed["ending"], closed["answered_for"]) == (f"Q.850 {cause}", ending, None)
    assert len(of(HangUp, orders)) == 2 and len(of(CloseStream, orders)) == 1


def test_who_hangs_up_before_the_answer_has_cancelled() -> None:
    rig = h323_rig()
    admitted(rig)
    sent = opened(rig)
    from_gatekeeper(rig, sent, said_back("alerting", sent.data))
    orders = heard(rig, tcp(rig, "access"), BY_TCP, release(setup()))
    assert read(only(to(orders, "core"))).name == "releaseComplete"
    closed = only([each for each in of(Record, orders) if each.event == "close"]).fields
    assert (closed["ending"], closed["who"]) == ("cancelled", "caller")


def test_nobody_answers_in_time() -> None:
    rig = h323_rig()
    admitted(rig)
    sent = opened(rig)
    orders = rig.wait(16)
    assert read(next(iter(to(orders, "access")))).q931.cause == 102  # type: ignore[union-attr]
    assert [read(each).name for each in to(orders, "core") if each.listener == sent.listener] == ["releaseComplete"]
    assert len(of(HangUp, orders)) == 2


def test_a_connection_that_is_lost_ends_its_call_and_the_other_party_hears_of_it() -> None:
    for side in ("access", "core"):
        rig = h323_rig()
        sent, _ = answered(rig)
        if side == "access":
            orders = lost(rig, tcp(rig, "access"), BY_TCP)
            assert read(only(to(orders, "core"))).name == "releaseComplete" and not to(orders, "access")
        else:
            orders = lost(rig, sent.listener, sent.to)
            assert read(only(to(orders, "access"))).name == "releaseComplete" and not to(orders, "core")
        closed = only([each for each in of(Record, orders) if each.event == "close"]).fields
        assert closed["ending"] == "vanished" and side in closed["cause"]


def test_a_gatekeeper_that_takes_no_connection_is_told_by_a_cause() -> None:
    rig = h323_rig()
    admitted(rig)
    sent = opened(rig)
    orders = lost(rig, sent.listener, sent.to)
    assert read(only(to(orders, "access"))).q931.cause == 38  # type: ignore[union-attr]
    assert not to(orders, "core")


def test_a_caller_whose_connection_is_lost_before_the_answer_has_cancelled() -> None:
    rig = h323_rig()
    admitted(rig)
    sent = opened(rig)
    from_gatekeeper(rig, sent, said_back("alerting", sent.data))
    orders = lost(rig, tcp(rig, "access"), BY_TCP)
    assert read(only(to(orders, "core"))).name == "releaseComplete"
    closed = only([each for each in of(Record, orders) if each.event == "close"]).fields
    assert (closed["ending"], closed["who"]) == ("cancelled", "caller")


AUDIO: Any = ("audioData", ("g711Alaw64k", 20))


def olc(host: str, port: int, session: int = 1, carries: Any = AUDIO) -> bytes:
    """A channel that its sender opens, with RTCP at `port` (H.245)."""
    parameters = {"sessionID": session, "mediaControlChannel": media(Address(host, port))}
    parameters["mediaGuaranteedDelivery"] = False
    forward = {"dataType": carries}
    forward["multiplexParameters"] = ("h2250LogicalChannelParameters", parameters)
    said = {"forwardLogicalChannelNumber": 3, "forwardLogicalChannelParameters": forward}
    return build_control("request", "openLogicalChannel", said, tpkt=False)


def olc_ack(host: str, port: int, session: int = 1) -> bytes:
    parameters = {"sessionID": session, "mediaChannel": media(Address(host, port))}
    parameters["mediaControlChannel"] = media(Address(host, port + 1))
    multiplex = ("h2250LogicalChannelAckParameters", parameters)
    said = {"forwardLogicalChannelNumber": 3, "forwardMultiplexAckParameters": multiplex}
    return build_control("response", "openLogicalChannelAck", said, tpkt=False)


def test_channels_that_are_opened_in_the_tunnel_are_relayed() -> None:
    """Slow start: each side opens its own channel, and both meet in one stream by their session."""
    rig = h323_rig()
    admitted(rig)
    sent = opened(rig, fast=False)
    from_gatekeeper(rig, sent, said_back("connect", sent.data))
    access = tcp(rig, "access")
    orders = heard(rig, access, BY_TCP, tunnel(setup(), [olc(PHONE.host, 4001)]))
    assert len(of(OpenStream, orders)) == 1
    assert_no_trace(only(to(orders, "core")).data, PHONE.host, NAT.host)
    orders = from_gatekeeper(rig, sent, tunnel(sent.data, [olc_ack(SOFTSWITCH.host, 5000)], back=True))
    stream = only(list(only(list(rig.border.registry.calls.values())).streams.values()))
    told = addresses(only(to(orders, "access")).data)
    assert (told["mediaChannel"], told["mediaControlChannel"]) == ([stream.ours[0].rtp], [stream.ours[0].rtcp])
    assert stream.remote[1].rtp == Address(SOFTSWITCH.host, 5000)
    from_gatekeeper(rig, sent, tunnel(sent.data, [olc(SOFTSWITCH.host, 5001)], back=True))
    heard(rig, access, BY_TCP, tunnel(setup(), [olc_ack(PHONE.host, 4000)]))
    assert stream.remote[0].rtp == Address(PHONE.host, 4000) and len(rig.open_streams) == 1


def for_fax() -> Any:
    profile = {"fillBitRemoval": False, "transcodingJBIG": False, "transcodingMMR": False, "version": 0}
    profile |= {"t38FaxRateManagement": ("transferredTCF", 0)}
    profile |= {"t38FaxUdpOptions": {"t38FaxUdpEC": ("t38UDPRedundancy", 0)}}
    application = ("t38fax", {"t38FaxProtocol": ("udp", 0), "t38FaxProfile": profile})
    return "data", {"application": application, "maxBitRate": 144}


def fax(host: str, port: int | None) -> bytes:
    """A channel for T.38 over UDP, in the session for data, that its sender opens."""
    parameters: Any = {"sessionID": 3, "mediaGuaranteedDelivery": False}
    if port is not None:
        parameters["mediaChannel"] = media(Address(host, port))
    forward: Any = {"dataType": for_fax()}
    forward["multiplexParameters"] = ("h2250LogicalChannelParameters", parameters)
    said = {"forwardLogicalChannelNumber": 9, "forwardLogicalChannelParameters": forward}
    return build_control("request", "openLogicalChannel", said, tpkt=False)


def test_a_channel_for_fax_is_one_for_t38_and_so_is_its_answer() -> None:
    rig = h323_rig()
    sent, _ = answered(rig)
    access = tcp(rig, "access")
    orders = heard(rig, access, BY_TCP, tunnel(setup(), [fax(PHONE.host, 6000)]))
    spec = only(of(OpenStream, orders)).spec
    assert (spec.kind, spec.sides[0].remote.rtp) == ("t38", Address(PHONE.host, 6000))
    acked = tunnel(sent.data, [olc_ack(SOFTSWITCH.host, 7000, session=3)], back=True)
    orders = from_gatekeeper(rig, sent, acked)
    streams = only(list(rig.border.registry.calls.values())).streams
    assert set(streams) == {(1, "rtp"), (3, "t38")} and not of(OpenStream, orders)
    assert streams[3, "t38"].remote[1].rtp == Address(SOFTSWITCH.host, 7000)
    assert addresses(only(to(orders, "access")).data)["mediaChannel"] == [streams[3, "t38"].ours[0].rtp]


def test_a_channel_for_fax_without_addresses_is_one_for_t38_too() -> None:
    """H.323 Annex D: who opens it says nothing, and the answer not what it is for; the session tells."""
    for addressless in (fax(PHONE.host, None), olc(PHONE.host, 6001, 3, for_fax())):
        rig = h323_rig()
        sent, _ = answered(rig)
        orders = heard(rig, tcp(rig, "access"), BY_TCP, tunnel(setup(), [addressless]))
        assert not of(OpenStream, orders)
        assert_no_trace(only(to(orders, "core")).data, PHONE.host, NAT.host)
        acked = tunnel(sent.data, [olc_ack(SOFTSWITCH.host, 7000, session=3)], back=True)
        spec = only(of(OpenStream, from_gatekeeper(rig, sent, acked))).spec
        assert (spec.kind, spec.sides[1].remote) == ("t38", Pair(Address(SOFTSWITCH.host, 7000), None))


def test_what_else_a_channel_for_data_carries_keeps_its_rtcp_in_the_answer() -> None:
    """An answer does not say that it is for data: the stream that is there does."""
    rig = h323_rig()
    sent, _ = answered(rig)
    heard(rig, tcp(rig, "access"), BY_TCP, tunnel(setup(), [olc(PHONE.host, 6001, 3)]))
    acked = tunnel(sent.data, [olc_ack(SOFTSWITCH.host, 7000, session=3)], back=True)
    assert not of(OpenStream, from_gatekeeper(rig, sent, acked))
    stream = only(list(rig.border.registry.calls.values())).streams[3, "rtp"]
    assert stream.remote[1] == Pair(Address(SOFTSWITCH.host, 7000), Address(SOFTSWITCH.host, 7001))


def test_information_crosses_both_ways_and_nothing_is_kept_of_it() -> None:
    rig = h323_rig()
    sent, _ = answered(rig)
    kept = len(rig.border.registry.live_exchanges)
    for data, at, source, there in (
        (tunnel(setup(), []), tcp(rig, "access"), BY_TCP, "core"),
        (tunnel(sent.data, [], back=True), sent.listener, sent.to, "access"),
    ):
        assert read(only(to(heard(rig, at, source, data), there))).name == "facility"
    assert len(rig.border.registry.live_exchanges) == kept


@pytest.mark.parametrize("name", ["information", "notify", "status", "statusInquiry", "facility"])
def test_every_message_within_a_call_crosses_both_ways(name: str) -> None:
    """What the call references say of who has begun the call (their flag) is the other way round in each direction."""
    rig = h323_rig()
    sent, _ = answered(rig)
    call = only(list(rig.border.registry.calls.values()))
    said: dict[str, Any] = {"protocolIdentifier": PROTOCOL, "callIdentifier": {"guid": GUID}}
    said |= {"reason": ("undefinedReason", 0)} if name == "facility" else {}
    further = {0x14: b"\x0a"} if name == "status" else {}
    kept = len(rig.border.registry.live_exchanges)
    for asked, back, at, source, there in (
        (setup(), False, tcp(rig, "access"), BY_TCP, "core"),
        (sent.data, True, sent.listener, sent.to, "access"),
    ):
        head = read(asked).q931
        assert head is not None
        data = build_signal(name, head.call_reference, back, said, further)
        onward = read(only(to(heard(rig, at, source, data), there)))
        assert onward.name == name and onward.value["callIdentifier"]["guid"] == GUID
    assert len(rig.border.registry.live_exchanges) == kept and call.state is CallState.UP


@pytest.mark.parametrize("name", ["callProceeding", "progress", "alerting"])
def test_every_message_before_the_answer_crosses(name: str) -> None:
    rig = h323_rig()
    admitted(rig)
    sent = opened(rig)
    back = only(to(from_gatekeeper(rig, sent, said_back(name, sent.data, SOFTSWITCH.host)), "access"))
    assert read(back).name == name
    call = only(list(rig.border.registry.calls.values()))
    assert call.answered_at is None and only(list(call.streams.values())).remote[1] is not None
    assert_no_trace(back.data, SOFTSWITCH.host)


def test_an_address_of_ours_that_a_peer_repeats_is_the_others_own() -> None:
    rig = h323_rig()
    admitted(rig)
    sent = opened(rig)
    (ours,) = addresses(sent.data)["mediaChannel"]
    echo = said_back("connect", sent.data, fastStart=fast_start(ours.host, ours.port, offers=False))
    back = only(to(from_gatekeeper(rig, sent, echo), "access"))
    assert addresses(back.data)["mediaChannel"] == [Address(PHONE.host, 4000)]
    stream = only(list(only(list(rig.border.registry.calls.values())).streams.values()))
    assert stream.remote[1] is None


def test_two_calls_of_the_same_names_are_two() -> None:
    """What a hostile terminal, or a gatekeeper that sends a call back to us, may well do."""
    rig = h323_rig()
    admitted(rig)
    first, other = opened(rig), BY_TCP._replace(port=52002)
    second = only(to(heard(rig, tcp(rig, "access"), other, setup()), "core"))
    assert first.listener.lane != second.listener.lane and len(rig.border.registry.calls) == 2
    back = only(to(from_gatekeeper(rig, second, said_back("alerting", second.data)), "access"))
    assert back.to == other
    back = only(to(from_gatekeeper(rig, first, said_back("alerting", first.data)), "access"))
    assert back.to == BY_TCP


def unanswered() -> tuple[Rig, Send]:
    """A Setup that went to the first of two next hops for calls, which says nothing."""
    plan, rig = h323_plan(callers=Callers.ANY), h323_rig()
    calls = (NextHop(GATEKEEPER_CALLS, transport="tcp"), NextHop(SECOND, transport="tcp"))
    hops, failover = (NextHop(GATEKEEPER), *calls), Failover(patience=3.0)
    paths = tuple(attrs.evolve(path, next_hops=hops, failover=failover) for path in plan.paths)
    rig.replan(attrs.evolve(plan, paths=paths))
    return rig, opened(rig)


def test_a_setup_that_fails_over_leaves_nobody_ringing_and_no_connection() -> None:
    rig, first = unanswered()
    orders = [each for each in rig.wait(30) if isinstance(each, Send | HangUp) and each.listener.transport == "tcp"]
    down, hung, up = orders[:3]
    assert isinstance(down, Send) and isinstance(up, Send)
    assert (down.listener, down.to, read(down).name) == (first.listener, first.to, "releaseComplete")
    assert hung == HangUp(first.listener, first.to)
    assert (up.to, read(up).name) == (SECOND if first.to == GATEKEEPER_CALLS else GATEKEEPER_CALLS, "setup")
    late = from_gatekeeper(rig, first, said_back("connect", first.data, SOFTSWITCH.host))
    assert not of(Send, late)


def test_nothing_is_said_by_a_connection_that_is_lost() -> None:
    rig, first = unanswered()
    orders = lost(rig, first.listener, first.to)
    up = only(to(orders, "core"))
    assert up.to != first.to and read(up).name == "setup"


def test_next_hops_for_calls_are_not_asked_whether_they_live() -> None:
    """What asks that is RAS, which nobody understands on a connection."""
    plan = h323_plan()
    hops = (NextHop(GATEKEEPER), NextHop(GATEKEEPER_CALLS, transport="tcp"))
    rig = h323_rig()
    rig.replan(attrs.evolve(plan, paths=tuple(attrs.evolve(path, next_hops=hops) for path in plan.paths)))
    rig._take(rig.border.start(rig.now))
    asked = {(each.to, read(each).name) for each in to(rig.wait(120), "core")}
    assert asked == {(GATEKEEPER, "gatekeeperRequest")}


def test_nothing_is_asked_on_the_connections_of_a_call_where_that_is_not_wanted() -> None:
    rig = h323_rig(keepalive=Keepalive(period=20.0, calls=0.0))
    realms = rig.border.plan.realms
    realms["core"] = attrs.evolve(realms["core"], keepalive=Keepalive(calls=0.0))
    sent, _ = answered(rig)
    said = {(each.listener.transport, read(each).name) for each in of(Send, rig.wait(2000))}
    assert said == {("udp", "infoRequest")} and sent.listener.lane


def test_who_calls_in_anothers_name_is_refused() -> None:
    rig = h323_rig()
    registered(rig)
    data = setup(endpointIdentifier="18_endp")
    no = read(only(to(heard(rig, tcp(rig, "access"), BY_TCP, data), "access")))
    assert (no.name, no.q931.cause) == ("releaseComplete", 21)  # type: ignore[union-attr]


PUBLIC = Address("203.0.113.50", 1719)


def test_a_terminal_without_a_nat_is_called_where_it_takes_calls() -> None:
    rig = h323_rig()
    calls = PUBLIC._replace(port=CALLS)
    own = registered(rig, PUBLIC, ras=PUBLIC, calls=calls)
    by_tcp = attrs.evolve(own, transport="tcp")
    caller = SOFTSWITCH._replace(port=33000)
    data = setup(GATEKEEPER_CALLS, own.address)
    down = only(to(heard(rig, by_tcp, caller, data), "access"))
    assert down.to == calls and down.listener.lane and down.listener.address == Address(SBC_ACCESS.host, CALLS)
    assert addresses(down.data)["destCallSignalAddress"] == [calls]
    assert_no_trace(down.data, SOFTSWITCH.host, SBC_CORE.host)
    up = only(to(heard(rig, down.listener, calls, said_back("connect", down.data, PUBLIC.host)), "core"))
    assert (up.listener, up.to, read(up).name) == (by_tcp, caller, "connect")
    orders = heard(rig, down.listener, calls, release(down.data, back=True))
    assert read(only(to(orders, "core"))).name == "releaseComplete" and len(of(HangUp, orders)) == 2


def test_no_connection_leads_to_a_terminal_behind_a_nat() -> None:
    rig = h323_rig()
    own = registered(rig)
    data = setup(GATEKEEPER_CALLS, own.address)
    orders = heard(rig, attrs.evolve(own, transport="tcp"), SOFTSWITCH._replace(port=33000), data)
    assert read(only(to(orders, "core"))).q931.cause == 20  # type: ignore[union-attr]


def test_the_core_sends_a_call_back_to_another_terminal_of_ours() -> None:
    """Direct calls: the gatekeeper names the other terminal, which is one of ours, and both calls go through us."""
    rig = h323_rig()
    calls = PUBLIC._replace(port=CALLS)
    other = registered(rig, PUBLIC, "18_endp", ras=PUBLIC, calls=calls)
    admitted(rig, other.address)
    sent = opened(rig)
    assert sent.to == other.address
    local = Address(SBC_CORE.host, 60123)  # our own end of that connection, as we see it come in
    down = only(to(heard(rig, attrs.evolve(other, transport="tcp"), local, sent.data), "access"))
    assert down.to == calls
    up = only(to(heard(rig, down.listener, calls, said_back("connect", down.data, PUBLIC.host)), "core"))
    back = only(to(from_gatekeeper(rig, sent, up.data), "access"))
    assert read(back).name == "connect" and len(rig.border.registry.calls) == 2
    assert_no_trace(back.data, PUBLIC.host)
    assert TERMINAL_CALLS.host == PHONE.host


def test_an_operator_ends_a_call_and_both_are_told() -> None:
    rig = h323_rig()
    sent, _ = answered(rig)
    call = only(list(rig.border.registry.calls.values()))
    orders = rig._take(rig.border.end_call(call.id, "cleared", rig.now))
    up, down = only(to(orders, "core")), only(to(orders, "access"))
    assert (up.listener, up.to, down.to) == (sent.listener, sent.to, BY_TCP)
    assert not read(up).q931.from_destination and read(down).q931.from_destination  # type: ignore[union-attr]
    assert len(of(HangUp, orders)) == 2


def test_nothing_is_left_of_calls() -> None:
    rig = h323_rig()
    sent, _ = answered(rig)
    from_gatekeeper(rig, sent, release(sent.data, back=True))
    rig.wait(100_000)
    registry = rig.border.registry
    assert not registry.calls and not registry.live_exchanges and not registry.ties.all()


@pytest.mark.parametrize("says", [Address("203.0.113.99", 22), Address(SBC_ACCESS.host, CALLS)])
def test_we_connect_to_where_the_terminal_is_and_nowhere_else(says: Address) -> None:
    rig = h323_rig()
    own = registered(rig, PUBLIC, ras=PUBLIC, calls=says)
    data = setup(GATEKEEPER_CALLS, own.address)
    orders = heard(rig, attrs.evolve(own, transport="tcp"), SOFTSWITCH._replace(port=33000), data)
    assert not to(orders, "access") and read(only(to(orders, "core"))).q931.cause == 20  # type: ignore[union-attr]


def test_leave_of_ones_own_lets_nobody_call_in_anothers_name() -> None:
    rig = h323_rig()
    admitted(rig)
    registered(rig, NAT._replace(port=40009), "18_endp", number=7, terminalAlias=[("h323-ID", "bob")])
    orders = heard(rig, tcp(rig, "access"), BY_TCP, setup(endpointIdentifier="18_endp"))
    assert not to(orders, "core") and read(only(to(orders, "access"))).name == "releaseComplete"
    assert only(to(heard(rig, tcp(rig, "access"), BY_TCP, setup(endpointIdentifier="17_endp")), "core"))


def test_what_comes_after_the_end_of_a_call_opens_no_connection() -> None:
    for name in ("facility", "releaseComplete"):
        rig = h323_rig()
        sent, _ = answered(rig)
        heard(rig, tcp(rig, "access"), BY_TCP, release(setup()))
        data = release(sent.data, back=True) if name == "releaseComplete" else tunnel(sent.data, [], back=True)
        assert not of(Send, from_gatekeeper(rig, sent, data))
        late = heard(rig, tcp(rig, "access"), BY_TCP, tunnel(setup(), []))
        assert not to(late, "core")


def test_two_calls_of_one_port_of_the_gatekeeper_are_two_where_they_are_for_two_terminals() -> None:
    rig = h323_rig()
    caller, other = SOFTSWITCH._replace(port=33000), PUBLIC._replace(host="203.0.113.51")
    for source, name in ((PUBLIC, "17_endp"), (other, "18_endp")):
        own = registered(rig, source, name, ras=source, calls=source._replace(port=CALLS))
        orders = heard(rig, attrs.evolve(own, transport="tcp"), caller, setup(GATEKEEPER_CALLS, own.address))
        assert only(to(orders, "access")).to == source._replace(port=CALLS)
    assert len(rig.border.registry.calls) == 2


def test_an_answer_with_channels_that_nobody_has_proposed_leaks_nothing_and_leaves_nothing() -> None:
    """Fast connect has to be proposed in the Setup (H.323 clause 8.1.7.1). Who answers so all the same is taken across;
    the caller takes no notice, and what H.245 opens then in that session is the one stream that there is."""
    rig = h323_rig()
    admitted(rig)
    sent = opened(rig, fast=False)
    back = only(to(from_gatekeeper(rig, sent, said_back("connect", sent.data, SOFTSWITCH.host)), "access"))
    assert_no_trace(back.data, SOFTSWITCH.host, SBC_CORE.host)
    assert audit(rig.border.registry) == []
    own = decode("OpenLogicalChannel", fast_start(PHONE.host)[1])
    channel = build_control("request", "openLogicalChannel", own, tpkt=False)
    orders = heard(rig, tcp(rig, "access"), BY_TCP, tunnel(setup(), [channel]))
    assert not of(OpenStream, orders)
    stream = only(list(only(list(rig.border.registry.calls.values())).streams.values()))
    assert addresses(only(to(orders, "core")).data)["mediaControlChannel"] == [stream.ours[1].rtcp]
    assert stream.remote[1].rtp == Address(SOFTSWITCH.host, 4000)
    from_gatekeeper(rig, sent, release(sent.data, back=True))
    assert not rig.border.registry.gate.book.streams() and audit(rig.border.registry) == []
