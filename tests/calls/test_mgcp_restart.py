"""MGCP calls and gateways over a restart of the SBC: who was bound still is, and calls go on, or end, on both sides."""

from __future__ import annotations

import pytest

from sbc.core.call import CallState
from sbc.core.orders import CloseStream, Send
from tests.kept import restarted
from tests.mgcp_calls import FAR, OTHER, PRIVATE, Line, mgcp_rig, sent
from tests.mgcp_messages import command, crcx, created, dlcx, mdcx, number_of, response, sdp, value
from tests.rig import of


def test_a_call_goes_on_and_is_ended_by_its_agent() -> None:
    before = mgcp_rig()
    line = Line.register(before)
    line.connect()
    line.rig, _ = restarted(before)
    line.told(created(line.asked(mdcx(8, line.at(), "1F", described=sdp(FAR, 6002))), "", PRIVATE, 4000))
    (call,) = line.rig.border.registry.calls.values()
    (stream,) = call.streams.values()
    assert stream.remote[0] is not None and stream.remote[0].rtp.port == 6002
    heard = line.asked(dlcx(9, line.at(), "2a", "1F"))
    assert heard.split()[2] == f"aaln/1@[{PRIVATE}]".encode()
    assert of(CloseStream, line.says(response(250, heard))) and call.state is CallState.CLOSED


def test_a_gateway_notifies_and_is_reached_at_the_same_port() -> None:
    before = mgcp_rig()
    line = Line.register(before)
    line.rig, _ = restarted(before)
    told = line.told(command("NTFY", 5, f"aaln/1@[{PRIVATE}]", "X: 1", "O: L/hd"))
    (back,) = sent(line.agent(response(200, told)), "access")
    assert number_of(back.data) == 5
    assert line.ask("RQNT", "X: 2").split()[2] == f"aaln/1@[{PRIVATE}]".encode()


def test_an_operator_ends_it_with_the_names_that_each_side_knows() -> None:
    before = mgcp_rig()
    line = Line.register(before)
    line.connect()
    line.rig, _ = restarted(before)
    (call,) = line.rig.border.registry.calls.values()
    orders = line.rig._take(line.rig.border.end_call(call.id, "kicked", line.rig.now))
    (gateway,), (agent,) = sent(orders, "access"), sent(orders, "core")
    assert gateway.data.split()[2] == f"aaln/1@[{PRIVATE}]".encode() and agent.data.split()[2] == line.at().encode()
    assert value(gateway.data, "I") == value(agent.data, "I") == "1F"


@pytest.mark.parametrize("answered", [False, True])
def test_a_command_that_was_under_way_is_carried_out_once(answered: bool) -> None:
    """Its number at the gateway is the same as before, so that the gateway's own memory answers it."""
    before = mgcp_rig()
    line = Line.register(before)
    asked = crcx(7, line.at(), described=sdp(FAR, 6000))
    heard = line.asked(asked)
    if answered:
        answer = line.told(created(heard, "1F", PRIVATE, 4000))
    line.rig, _ = restarted(before)
    orders = line.agent(asked)
    if answered:
        assert [each.data for each in of(Send, orders)] == [answer]
        return
    again = sent(orders + line.rig.wait(5), "access")
    assert again and {each.data for each in again} == {heard}
    assert line.told(created(heard, "1F", PRIVATE, 4000)).startswith(b"200 7 ")
    line.told(response(250, line.asked(dlcx(9, line.at(), "2a", "1F"))))
    assert not line.rig.open_streams


def test_an_answer_that_comes_again_after_a_restart_is_acknowledged() -> None:
    """Its gateway repeats it until it hears of it (RFC 3435 section 3.5.6), and may have heard nothing before."""
    line = Line.register(mgcp_rig())
    asked = crcx(7, line.at(), described=sdp(FAR, 6000))
    heard = line.asked(asked)
    answer = created(heard, "1F", PRIVATE, 4000).replace(b"\r\nI:", b"\r\nK:\r\nI:", 1)
    first = line.says(answer)
    (ack,), (back,) = sent(first, "access"), sent(first, "core")
    assert ack.data.split() == [b"000", b"%d" % number_of(heard)]
    line.rig, _ = restarted(line.rig)
    line.rig, _ = restarted(line.rig)
    for _ in range(3):
        again = line.says(answer)
        assert [each.data for each in of(Send, again)] == [ack.data]
    assert not of(Send, line.says(answer.replace(b"4000", b"4002"))), "another than the one that has crossed"
    assert not of(Send, line.rig.from_access(answer, OTHER)), "nobody else is told"
    assert [each.data for each in of(Send, line.agent(asked))] == [back.data]
    line.rig.wait(70)
    assert not of(Send, line.says(answer))


def test_an_answer_that_had_not_crossed_before_the_restart_is_not_acknowledged() -> None:
    """Its gateway may forget what is acknowledged, and do nothing when it is asked again."""
    line = Line.register(mgcp_rig())
    asked = crcx(7, line.at(), described=sdp(FAR, 6000))
    heard = line.asked(asked)
    answer = created(heard, "1F", PRIVATE, 4000).replace(b"\r\nI:", b"\r\nK:\r\nI:", 1)
    line.rig, _ = restarted(line.rig)
    orders = line.agent(asked)
    first = line.says(answer)
    assert [each.data.split()[0] for each in sent(first, "access")] == [b"000"]
    assert [each.data.split()[:2] for each in sent(first, "core")] == [[b"200", b"7"]], orders
