"""What is lost on the way in MGCP is said again, and each command is carried out once (RFC 3435 section 3.5)."""

from __future__ import annotations

from sbc.core.orders import Note, OpenStream, Send
from sbc.core.realm import Keepalive, Registrations
from sbc.mgcp.dialect import MgcpDialect
from sbc.mgcp.options import Asked, MgcpOptions
from tests.mgcp_calls import FAR, GATEWAY, PRIVATE, Line, mgcp_plan, mgcp_rig, sent
from tests.mgcp_messages import command, crcx, created, dlcx, number_of, response, rsip, sdp
from tests.rig import Rig, of


def begun() -> tuple[Rig, Line, bytes]:
    """A rig, a gateway, and a CreateConnection of number 7 as it hears it."""
    rig = mgcp_rig()
    line = Line.register(rig)
    return rig, line, line.asked(crcx(7, line.at(), described=sdp(FAR, 6000)))


def times(rig: Rig, seconds: float, realm: str, data: bytes) -> list[float]:
    """After how many of so many seconds that was said again."""
    before, found = rig.now, []
    while rig.now < before + seconds:
        at = min(rig.border.registry.timers.next() or before + seconds, before + seconds)
        orders = rig.wait(max(at - rig.now, 0.001))
        found += [round(rig.now - before, 1) for each in sent(orders, realm) if each.data == data]
    return found


def test_a_command_is_repeated_until_it_is_answered_or_given_up() -> None:
    rig, _, heard = begun()
    said = times(rig, 30, "access", heard)
    assert said == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5]
    back = sent(rig.log, "core")[-1].data
    assert back.startswith(b"406 7 ") and not rig.open_streams


def test_a_command_that_comes_again_is_not_carried_out_again() -> None:
    rig, line, heard = begun()
    again = line.agent(crcx(7, line.at(), described=sdp(FAR, 6000)))
    assert not of(Send, again) and not of(OpenStream, again)
    answer = line.told(created(heard, "1F", PRIVATE, 4000))
    for _ in range(3):
        (back,) = sent(line.agent(crcx(7, line.at(), described=sdp(FAR, 6000))), "core")
        assert back.data == answer
        rig.wait(9)
    assert not of(Send, line.says(created(heard, "1F", PRIVATE, 4000))), "and an answer that comes again is for nobody"
    rig.wait(10)
    (late,) = sent(line.agent(crcx(7, line.at(), "2b")), "access")
    assert late.data.startswith(b"CRCX "), "a number may be used again after T-HIST"


def test_an_answer_that_comes_too_late_leaves_no_connection() -> None:
    rig, line, heard = begun()
    rig.wait(25)
    (delete,) = sent(line.says(created(heard, "1F", PRIVATE, 4000)), "access")
    assert delete.data.startswith(b"DLCX ") and b"C: 2a\r\nI: 1F\r\n" in delete.data
    line.says(response(250, delete.data))
    rig.wait(100)
    assert not rig.open_streams and not rig.border.registry.calls


def test_who_needs_time_is_asked_slowly_and_acknowledged() -> None:
    rig, line, heard = begun()
    assert line.told(response(100, heard, text="working")) == b"100 7 working\r\n"
    assert times(rig, 22, "access", heard) == [5.0, 10.0, 15.0, 20.0]
    again = created(heard, "1F", PRIVATE, 4000, "K:")
    orders = line.says(again)
    (ack,), (answer,) = sent(orders, "access"), sent(orders, "core")
    assert ack.data == b"000 %d\r\n" % number_of(heard)
    assert answer.data.startswith(b"200 7 OK\r\nK:\r\n")
    assert [each.data for each in sent(line.says(again), "access")] == [ack.data], "each time it is said"
    assert len(times(rig, 8, "core", answer.data)) >= 3
    assert not of(Send, line.agent(response(0, 7, text="")))
    assert times(rig, 60, "core", answer.data) == []


def test_who_does_not_acknowledge_is_left_alone_in_the_end() -> None:
    rig, line, heard = begun()
    line.told(response(100, heard))
    (answer,) = sent(line.says(created(heard, "1F", PRIVATE, 4000, "K:")), "core")
    said = times(rig, 60, "core", answer.data)
    assert said and said[-1] <= 25
    rig.wait(60)
    assert not rig.border.registry.live_exchanges


def test_provisional_answers_each_win_time() -> None:
    rig, line, heard = begun()
    for _ in range(4):
        line.says(response(100, heard))
        rig.wait(25)
    assert line.told(created(heard, "1F", PRIVATE, 4000)).startswith(b"200 7 ")


def test_an_acknowledgement_of_nothing_is_dropped() -> None:
    rig = mgcp_rig()
    line = Line.register(rig)
    assert not of(Send, line.agent(response(0, 99, text="")))
    assert not of(Send, line.says(response(0, 99, text="")))


def test_a_gateway_whose_nat_forgets_it_notifies_and_deletes_once() -> None:
    """It repeats by another mapping what it had said by the former; and hears there what it was asked before."""
    rig = mgcp_rig()
    line = Line.register(rig)
    line.connect()
    notify = command("NTFY", 5, f"aaln/1@[{PRIVATE}]", "X: 1", "O: L/hd")
    delete = dlcx(6, f"aaln/1@[{PRIVATE}]", "2a", "1F", "E: 900 fault")
    notified, deleted, heard = line.told(notify), line.told(delete), line.ask("RQNT", "X: 2", "S: L/rg")
    (answer,) = sent(line.agent(response(250, deleted)), "access")
    line.seen = GATEWAY._replace(port=61_000)
    assert not of(Send, line.says(notify)), "nobody there is registered yet"
    (asked,) = sent(line.says(rsip(32, f"[{PRIVATE}]", "disconnected")), "core")
    line.agent(response(200, asked.data))
    assert not of(Send, line.says(notify))
    (back,) = sent(line.agent(response(200, notified)), "access")
    assert (back.data, back.to) == (b"200 5 OK\r\n", line.seen)
    assert [(each.data, each.to) for each in sent(line.says(delete), "access")] == [(answer.data, line.seen)]
    assert {(each.data, each.to) for each in sent(rig.wait(4), "access")} == {(heard, line.seen)}
    assert line.told(response(200, heard)).startswith(b"200 ")


def test_piggybacked_messages_cross_each_by_itself() -> None:
    rig = mgcp_rig()
    line = Line.register(rig)
    notify = line.told(command("NTFY", 5, f"aaln/1@[{PRIVATE}]", "X: 1", "O: L/hd"))
    both = response(200, notify) + b".\r\n" + command("RQNT", 8, line.at(), "X: 2", "R: L/hu(N)")
    first, second = sent(line.agent(both), "access")
    assert first.data == b"200 5 OK\r\n" and second.data.startswith(b"RQNT ")
    spoilt = b"garbage\r\n.\r\n" + response(200, second.data)
    assert line.told(spoilt) == b"200 8 OK\r\n"


def test_any_answer_to_a_question_is_a_sign_of_life() -> None:
    rig = mgcp_rig(keepalive=Keepalive(), registrations=Registrations(front=False, core=120))
    Line.register(rig)
    for code in (200, 500, 510, 504, 100):
        rig.log.clear()
        while not (probes := [each for each in sent(rig.log, "access") if each.data.startswith(b"AUEP ")]):
            rig.wait(1)
        rig.from_access(response(code, probes[-1].data), GATEWAY)
    assert "dead" not in [each.event for each in of(Note, rig.log)] and rig.border.registry.bindings


def test_a_gateway_may_be_asked_by_a_request_for_nothing() -> None:
    """One that answers nothing but NotificationRequest has a path that says so."""
    plan = mgcp_plan(keepalive=Keepalive(), registrations=Registrations(front=False, core=120))
    rig = Rig.make(MgcpDialect({"access": MgcpOptions(Asked.RQNT, "null")}), plan)
    Line.register(rig)
    for code in (200, 500, 400):
        rig.log.clear()
        rig.wait(60)
        probes = [each for each in sent(rig.log, "access") if each.data.startswith(b"RQNT ")]
        assert probes[-1].data.split()[2] == f"null@[{PRIVATE}]".encode() and b"\r\nX: 0\r\n" in probes[-1].data
        rig.from_access(response(code, probes[-1].data), GATEWAY)
    assert not [each for each in sent(rig.log, "access") if each.data.startswith(b"AUEP ")]
    rig.log.clear()
    rig.wait(120)
    assert "dead" in [each.event for each in of(Note, rig.log)]


def test_a_gateway_that_answers_nothing_is_dead_and_its_calls_end() -> None:
    rig = mgcp_rig(keepalive=Keepalive(), registrations=Registrations(front=False, core=120))
    line = Line.register(rig)
    line.connect()
    rig.log.clear()
    rig.wait(60)
    probes = [each.data for each in sent(rig.log, "access") if each.data.startswith(b"AUEP ")]
    assert probes and all(each.split()[2] == f"*@[{PRIVATE}]".encode() for each in probes)
    rig.wait(60)
    assert "dead" in [each.event for each in of(Note, rig.log)]
    (back,) = sent(line.agent(command("RQNT", 8, line.at(), "X: 1")), "core")
    assert back.data.startswith(b"501 8 ")
    rig.wait(400)
    assert not rig.border.registry.bindings and not rig.open_streams
    deletes = [each.data for each in sent(rig.log, "core") if each.data.startswith(b"DLCX ")]
    assert len(set(deletes)) == 1 and b"\r\nE: 902 " in deletes[0]


def test_a_registration_outlives_any_time_while_its_gateway_answers() -> None:
    rig = mgcp_rig(keepalive=Keepalive(), registrations=Registrations(front=False, core=120))
    line = Line.register(rig, domain="gw44.example")
    for _ in range(60):
        rig.log.clear()
        rig.wait(30)
        for probe in {each.data for each in sent(rig.log, "access") if each.data.startswith(b"AUEP ")}:
            line.says(response(200, probe))
    assert len(rig.border.registry.bindings) == 1
    (asked,) = sent(line.says(rsip(32, "gw44.example", "disconnected")), "core")
    assert asked.listener == line.port
