"""Calls of MGCP gateways, in memory: connections made, joined and deleted, by whoever does it."""

from __future__ import annotations

import pytest

from sbc.admin import views
from sbc.core.call import CallState
from sbc.core.orders import CloseStream, OpenStream, Record, Send, UpdateStream
from tests.laws import assert_no_trace
from tests.mgcp_calls import AGENT, FAR, GATEWAY, OTHER, PRIVATE, Line, mgcp_rig, sent
from tests.mgcp_messages import command, crcx, created, dlcx, mdcx, number_of, response, rsip, sdp, value
from tests.rig import SBC_ACCESS, SBC_CORE, Rig, of


def live(rig: Rig) -> list[str]:
    """The states of all calls that are not over."""
    return [each.state.value for each in rig.border.registry.calls.values() if each.state is not CallState.CLOSED]


def no_leaks(rig: Rig) -> None:
    """Neither side has seen an address of the other."""
    for each in of(Send, rig.log):
        if each.listener.realm == "core":
            assert_no_trace(each.data, PRIVATE, GATEWAY.host, OTHER.host, SBC_ACCESS.host)
        else:
            assert_no_trace(each.data, AGENT.host, FAR, SBC_CORE.host)


def test_a_gateway_registers_and_is_known_by_a_port_of_its_own() -> None:
    rig = mgcp_rig()
    line = Line.register(rig)
    assert line.port.address.port in range(41000, 41100)
    assert line.name == f"[{SBC_CORE.host}]"
    (binding,) = rig.border.registry.bindings.values()
    assert (binding.place.address.host, binding.seen) == (PRIVATE, GATEWAY)
    no_leaks(rig)


def test_a_connection_is_created_joined_and_deleted() -> None:
    rig = mgcp_rig()
    line = Line.register(rig)
    heard = line.asked(crcx(7, line.at("aaln/$")))
    assert heard.split()[2] == f"aaln/$@[{PRIVATE}]".encode()
    orders = line.says(created(heard, "1F", PRIVATE, 4000, f"Z: aaln/1@[{PRIVATE}]"))
    (answer,) = sent(orders, "core")
    assert number_of(answer.data) == 7 and value(answer.data, "Z") == line.at()
    assert len(of(OpenStream, orders)) == 1 and live(rig) == ["up"]
    heard = line.asked(mdcx(8, line.at(), "1F", described=sdp(FAR, 6000)))
    assert f"c=IN IP4 {SBC_ACCESS.host}\r\n".encode() in heard and heard.split()[2] == f"aaln/1@[{PRIVATE}]".encode()
    (update,) = of(UpdateStream, rig.log[-3:])
    assert update.spec.remote is not None and update.spec.remote.rtp == (FAR, 6000)
    line.told(created(heard, "", PRIVATE, 4000))
    heard = line.asked(dlcx(9, line.at(), "2a", "1F"))
    orders = line.says(response(250, heard, "P: PS=24, OS=3876, PR=24, OR=3900, PL=-3, JI=4"))
    assert len(of(CloseStream, orders)) == 1 and live(rig) == []
    (close,) = [each for each in of(Record, orders) if each.event == "close"]
    assert close.fields["ending"] == "normal"
    no_leaks(rig)


def test_a_description_in_the_first_command_waits_for_the_connections_name() -> None:
    rig = mgcp_rig()
    line = Line.register(rig)
    (opened,) = of(OpenStream, line.agent(crcx(7, line.at(), described=sdp(FAR, 6000))))
    heard = sent(rig.log, "access")[-1].data
    line.told(created(heard, "1F", PRIVATE, 4000))
    (call,) = rig.border.registry.calls.values()
    (stream,) = call.streams.values()
    assert (stream.id, stream.key) == (opened.spec.id, "aaln/1 1F")
    assert stream.remote[0] is not None and stream.remote[0].rtp.port == 6000
    assert stream.remote[1] is not None and stream.remote[1].rtp == (PRIVATE, 4000)
    line.told(created(line.asked(mdcx(8, line.at(), "1F", described=sdp(FAR, 6002))), "", PRIVATE, 4000))
    assert len(call.streams) == 1 and stream.remote[0].rtp.port == 6002
    no_leaks(rig)


def test_two_gateways_of_one_address_and_one_agent_that_numbers_both_alike() -> None:
    """Behind two NATs: same private address, same transaction numbers, same call and connection names."""
    rig = mgcp_rig()
    one, other = Line.register(rig), Line.register(rig, OTHER)
    assert one.port != other.port
    to_one, to_other = one.asked(crcx(7, one.at())), other.asked(crcx(7, other.at()))
    assert number_of(one.told(created(to_one, "1F", PRIVATE, 4000))) == 7
    assert number_of(other.told(created(to_other, "1F", PRIVATE, 5000))) == 7
    calls = list(rig.border.registry.calls.values())
    ports = [stream.remote[1].rtp.port for call in calls for stream in call.streams.values() if stream.remote[1]]
    assert len(calls) == 2 and sorted(ports) == [4000, 5000]
    one.told(response(250, one.asked(dlcx(8, one.at(), "2a", "1F"))))
    assert live(rig) == ["up"]
    other.told(response(250, other.asked(dlcx(8, other.at(), "2a", "1F"))))
    assert live(rig) == []
    no_leaks(rig)


def test_an_answer_to_the_other_gateway_is_nobodys() -> None:
    rig = mgcp_rig()
    one, other = Line.register(rig), Line.register(rig, GATEWAY._replace(port=2500), "[192.168.1.11]")
    heard = one.asked(crcx(7, one.at()))
    assert sent(other.says(created(heard, "1F", PRIVATE, 4000)), "core") == []
    assert number_of(one.told(created(heard, "1F", PRIVATE, 4000))) == 7


def test_both_ends_of_a_call_at_two_gateways() -> None:
    """What the agent tells one of the other is an address of ours, which comes back as ours."""
    rig = mgcp_rig()
    one, other = Line.register(rig), Line.register(rig, OTHER)
    answer = one.told(created(one.asked(crcx(7, one.at())), "1F", PRIVATE, 4000))
    described = answer.partition(b"\r\n\r\n")[2]
    answer = other.told(created(other.asked(crcx(7, other.at(), described=described)), "2E", PRIVATE, 5000))
    described = answer.partition(b"\r\n\r\n")[2]
    one.told(created(one.asked(mdcx(8, one.at(), "1F", described=described)), "", PRIVATE, 4000))
    first, second = rig.border.registry.calls.values()
    (near,), (far,) = first.streams.values(), second.streams.values()
    assert near.remote[0] is not None and near.remote[0].rtp == far.ours[0].rtp
    assert far.remote[0] is not None and far.remote[0].rtp == near.ours[0].rtp
    no_leaks(rig)


@pytest.mark.parametrize(
    ("endpoint", "call", "connection"),
    [("aaln/1", "2a", "1F"), ("aaln/1", "2a", ""), ("aaln/1", "", ""), ("aaln/*", "2a", ""), ("*", "", "")],
)
def test_connections_are_deleted_in_every_form(endpoint: str, call: str, connection: str) -> None:
    rig = mgcp_rig()
    line = Line.register(rig)
    line.connect("1F")
    heard = line.asked(dlcx(line.next(), line.at(endpoint), call, connection))
    assert live(rig) == ["up"], "not before the gateway says so"
    line.told(response(250, heard))
    assert live(rig) == [] and not rig.open_streams


def test_who_deletes_one_of_two_connections_keeps_the_call() -> None:
    rig = mgcp_rig()
    line = Line.register(rig)
    line.connect("1F")
    line.connect("2E", port=4002, far=6002)
    assert live(rig) == ["up"] and len(rig.open_streams) == 2
    line.told(response(250, line.asked(dlcx(line.next(), line.at(), "2a", "1F"))))
    assert live(rig) == ["up"] and len(rig.open_streams) == 1
    line.told(response(250, line.asked(dlcx(line.next(), line.at(), "2a", "2E"))))
    assert live(rig) == [] and not rig.open_streams


def test_a_connection_that_is_gone_already_ends_its_call() -> None:
    rig = mgcp_rig()
    line = Line.register(rig)
    line.connect()
    line.told(response(515, line.asked(dlcx(line.next(), line.at(), "2a", "1F")), text="no such connection"))
    assert live(rig) == []


def test_a_gateway_deletes_a_connection_itself() -> None:
    rig = mgcp_rig()
    line = Line.register(rig)
    line.connect()
    said = dlcx(55, f"aaln/1@[{PRIVATE}]", "2a", "1F", "E: 900 - Hardware error", "P: PS=3, OS=480, PR=4, OR=640")
    told = line.told(said)
    assert told.split()[2] == line.at().encode() and value(told, "E") == "900 - Hardware error"
    (back,) = sent(line.agent(response(200, told)), "access")
    assert number_of(back.data) == 55 and live(rig) == []
    no_leaks(rig)


@pytest.mark.parametrize("method", ["restart", "forced"])
def test_a_restart_ends_calls(method: str) -> None:
    rig = mgcp_rig()
    line = Line.register(rig)
    line.connect()
    (asked,) = sent(line.says(rsip(77, f"[{PRIVATE}]", method)), "core")
    assert live(rig) == ["up"], "not before the call agent has heard"
    line.agent(response(200, asked.data))
    assert live(rig) == [] and not rig.open_streams
    assert len(rig.border.registry.bindings) == (method == "restart")


@pytest.mark.parametrize("method", ["graceful", "disconnected", "cancel-graceful"])
def test_other_restarts_do_not(method: str) -> None:
    rig = mgcp_rig()
    line = Line.register(rig)
    line.connect()
    line.agent(response(200, line.told(rsip(77, f"[{PRIVATE}]", method))))
    assert live(rig) == ["up"]


def test_a_restart_of_one_endpoint_ends_what_it_had() -> None:
    rig = mgcp_rig()
    line = Line.register(rig)
    line.connect("1F")
    heard = line.asked(crcx(line.next(), line.at("aaln/11"), "3b"))
    line.told(created(heard, "2E", PRIVATE, 4002))
    line.agent(response(200, line.told(rsip(77, f"[{PRIVATE}]", "restart", "aaln/1"))))
    (call,) = [each for each in rig.border.registry.calls.values() if each.state is not CallState.CLOSED]
    assert call.legs[0].label == b"3b"


def test_a_gateway_whose_nat_has_given_it_another_port_takes_its_calls_along() -> None:
    rig = mgcp_rig()
    line = Line.register(rig)
    line.connect()
    line.seen = GATEWAY._replace(port=33_333)
    line.agent(response(200, line.told(rsip(78, f"[{PRIVATE}]", "disconnected"))))
    heard = line.asked(mdcx(line.next(), line.at(), "1F", described=sdp(FAR, 6004)))
    line.told(created(heard, "", PRIVATE, 4000))
    line.told(response(250, line.asked(dlcx(line.next(), line.at(), "2a", "1F"))))
    assert live(rig) == [] and len(rig.border.registry.bindings) == 1


def test_a_connection_that_nobody_knows_of_is_not_modified() -> None:
    rig = mgcp_rig()
    line = Line.register(rig)
    (back,) = sent(line.agent(mdcx(7, line.at(), "1F", described=sdp(FAR, 6000))), "core")
    assert back.data.startswith(b"516 7 ")
    assert line.asked(dlcx(8, line.at(), "2a", "1F")), "but may be deleted all the same"


def test_a_refused_connection_leaves_nothing() -> None:
    rig = mgcp_rig()
    line = Line.register(rig)
    heard = line.asked(crcx(7, line.at(), described=sdp(FAR, 6000)))
    assert len(rig.open_streams) == 1
    back = line.told(response(403, heard, text=f"no room at {PRIVATE}"))
    assert back == f"403 7 no room at {SBC_CORE.host}\r\n".encode()
    assert live(rig) == [] and not rig.open_streams


def test_who_controls_no_gateway_is_refused() -> None:
    rig = mgcp_rig()
    Line.register(rig)
    (back,) = sent(rig.from_core(crcx(7, "aaln/1@gw"), AGENT), "core")
    assert back.data.startswith(b"500 7 ")


def test_a_gateway_that_is_not_registered_is_not_answered_when_it_notifies() -> None:
    rig = mgcp_rig()
    orders = rig.from_access(command("NTFY", 5, f"aaln/1@[{PRIVATE}]", "X: 1", "O: L/hd"), GATEWAY)
    assert not of(Send, orders)
    (back,) = sent(rig.from_access(command("AUEP", 6, f"aaln/1@[{PRIVATE}]"), GATEWAY), "access")
    assert back.data.startswith(b"500 6 ")


def test_an_audit_shows_each_side_its_own() -> None:
    rig = mgcp_rig()
    line = Line.register(rig)
    line.connect(port=4000, far=6000)
    (call,) = rig.border.registry.calls.values()
    (stream,) = call.streams.values()
    heard = line.ask("AUCX", "I: 1F", "F: C, LC, RC")
    described = (sdp(PRIVATE, 4000), sdp(SBC_ACCESS.host, stream.ours[1].rtp.port))
    told = line.told(response(200, heard, "C: 2a", described=described))
    _, local, remote = told.split(b"\r\n\r\n")
    assert f"m=audio {stream.ours[0].rtp.port} ".encode() in local and SBC_CORE.host.encode() in local
    assert b"m=audio 6000 " in remote and FAR.encode() in remote
    assert live(rig) == ["up"] and len(call.streams) == 1


@pytest.mark.parametrize("ends", ["agent", "gateway"])
def test_names_of_calls_are_the_same_in_any_case(ends: str) -> None:
    rig = mgcp_rig()
    line = Line.register(rig)
    line.connect("9a", call="5d")
    heard = line.asked(mdcx(line.next(), line.at(), "9A", "5D"))
    assert value(heard, "C") == "5D", "as it was written"
    line.told(response(200, heard))
    if ends == "agent":
        line.told(response(250, line.asked(dlcx(line.next(), line.at(), "5D", "9A"))))
    else:
        line.agent(response(250, line.told(dlcx(70, f"aaln/1@[{PRIVATE}]", "5D", "9a"))))
    assert live(rig) == [] and not rig.open_streams
    no_leaks(rig)


@pytest.mark.parametrize(("verb", "code"), [("MDCX", 515), ("MDCX", 516), ("AUCX", 515)])
def test_what_the_gateway_says_is_gone_is_gone(verb: str, code: int) -> None:
    rig = mgcp_rig()
    line = Line.register(rig)
    line.connect()
    heard = line.ask(verb, "C: 2a", "I: 1f")
    line.told(response(510, heard))
    assert live(rig) == ["up"]
    line.told(response(code, line.ask(verb, "C: 2a", "I: 1f")))
    assert live(rig) == [] and not rig.open_streams
    no_leaks(rig)


@pytest.mark.parametrize(
    ("local", "left"),
    [("aaln/[1-4]", []), ("AALN/[3,1]", []), ("aaln/[2-9]", ["up"]), ("*/1", ["up"]), ("aaln/*", []), ("*", [])],
)
def test_a_restart_ends_the_calls_of_the_endpoints_it_names(local: str, left: list[str]) -> None:
    rig = mgcp_rig()
    line = Line.register(rig)
    line.connect()
    told = line.told(rsip(50, f"[{PRIVATE}]", "restart", local))
    assert told.split()[2] == line.at(local).encode()
    line.agent(response(200, told))
    assert live(rig) == left


def test_an_operator_ends_a_call_on_both_sides() -> None:
    rig = mgcp_rig()
    line = Line.register(rig)
    line.connect()
    (call,) = rig.border.registry.calls.values()
    orders = rig._take(rig.border.end_call(call.id, "kicked", rig.now))
    (gateway,), (agent,) = sent(orders, "access"), sent(orders, "core")
    assert gateway.data.startswith(b"DLCX ") and gateway.data.split()[2] == f"aaln/1@[{PRIVATE}]".encode()
    assert agent.data.split()[2] == line.at().encode() and value(agent.data, "E") == "904 cleared"
    assert (value(gateway.data, "C"), value(gateway.data, "I")) == ("2a", "1F")
    line.says(response(250, gateway.data))
    line.agent(response(200, agent.data))
    rig.wait(100)
    assert live(rig) == [] and not rig.open_streams
    no_leaks(rig)


def test_what_people_are_shown_of_a_call() -> None:
    rig = mgcp_rig()
    line = Line.register(rig)
    line.told(response(200, line.asked(crcx(7, line.at())), "I: 1F"))  # it has no media yet
    (call,) = rig.border.registry.calls.values()
    shown = views.call_view(call, None, rig.now)
    assert (shown["target"], shown["dialect"], shown["state"]) == ("aaln/1", "mgcp", "up")
    assert views.call_matches(call, "AALN/1") and views.call_matches(call, "2a")
    (binding,) = rig.border.registry.bindings.values()
    assert views.binding_view(binding, rig.now)["user"] == PRIVATE
