"""H.248 gateways and their calls over a restart of the SBC: each transaction is carried out once, and calls go on."""

from __future__ import annotations

import pytest

from sbc.core.address import Address
from sbc.core.call import CallState
from sbc.core.orders import CloseStream, Send
from tests.h248_calls import FAR, NEAR, RTP, gateway, places, read
from tests.h248_words import LINE, WIRES, action, command, media, reply, sdp, transaction
from tests.kept import restarted
from tests.rig import of

wires = pytest.mark.parametrize("wire", WIRES)


@wires
def test_a_call_goes_on_and_is_subtracted(wire: str) -> None:
    found = gateway(wire=wire)
    found.call()
    found.rig, _ = restarted(found.rig)
    (call,) = found.calls
    (there,) = found.told(found.modify())
    (stream,) = call.streams.values()
    assert stream.remote[0] is not None and stream.remote[0].rtp == FAR and places(there) == [stream.ours[1].rtp]
    found.say(reply(read(there).transaction, 5, command(b"Modify", RTP)))
    gone = found.subtract()
    orders = found.say(reply(gone.transaction, 5, command(b"Subtract", LINE), command(b"Subtract", RTP)))
    assert of(CloseStream, orders) and call.state is CallState.CLOSED


@wires
def test_a_call_that_we_end_later_is_ended_by_the_names_that_each_side_knows(wire: str) -> None:
    found = gateway(wire=wire, mid=b"gw1")
    found.controller = b"mgc"
    found.call()
    found.rig, _ = restarted(found.rig)
    (call,) = found.calls
    orders = found.rig._take(found.rig.border.end_call(call.id, "kicked", found.rig.now))
    gone, told = ([read(each) for each in said(orders)] for said in (found.told, found.heard))
    assert {each.mid.text for each in gone} == {b"mgc"} and {each.mid.text for each in told} == {b"gw1"}
    assert {each.wire.value for each in (*gone, *told)} == {wire}


@wires
@pytest.mark.parametrize("answered", [False, True])
def test_a_transaction_that_was_under_way_is_carried_out_once(wire: str, answered: bool) -> None:
    """Its number at the gateway is the same as before, so that the gateway's own memory answers it; the context that
    its answer names is that of the call."""
    found = gateway(wire=wire)
    asked = found.add(remote=FAR)
    both = media(local=sdp(), remote=sdp(FAR.host, FAR.port))
    body = transaction(10, b"$", command(b"Add", LINE), command(b"Add", b"$", both))
    back = found.heard(found.added(asked)) if answered else []
    found.rig, _ = restarted(found.rig)
    orders = found.ask(body)
    if answered:
        assert [each.data for each in of(Send, orders)] == back
        return
    again = [read(each) for each in found.told(orders + found.rig.wait(5))]
    assert again and {each.transaction for each in again} == {asked.transaction}
    (back,) = found.heard(found.added(asked))
    (call,) = found.calls
    (stream,) = call.streams.values()
    assert read(back).transaction == 10 and [pair.rtp for pair in stream.remote if pair] == [FAR, NEAR]


@wires
@pytest.mark.parametrize("answered", [False, True])
def test_a_transaction_about_two_contexts_is_carried_out_once(wire: str, answered: bool) -> None:
    """Both calls have the ports that the gateway was told of before the restart."""
    found = gateway(wire=wire)
    add = command(b"Add", b"$", media(local=sdp(), remote=sdp(FAR.host, FAR.port)))
    body = b"Transaction = 10 { %b, %b }" % (action(b"$", add), action(b"$", add))
    (told,) = found.told(found.ask(body))
    number, second = read(told).transaction, Address(NEAR.host, 4002)
    near = [command(b"Add", name, media(local=sdp(at.host, at.port))) for name, at in ((RTP, NEAR), (b"rtp/2", second))]
    both = b"Reply = %d { %b, %b }" % (number, action(5, near[0]), action(6, near[1]))
    back = found.heard(found.say(both)) if answered else []
    found.rig, _ = restarted(found.rig)
    orders = found.ask(body)
    if answered:
        assert [each.data for each in of(Send, orders)] == back
    else:
        again = found.told(orders + found.rig.wait(5))
        assert again and {read(each).transaction for each in again} == {number}
        assert {tuple(places(each)) for each in again} == {tuple(places(told))}
        (back_,) = found.heard(found.say(both))
        assert read(back_).transaction == 10
    one, other = found.calls
    ends = [[pair.rtp for pair in stream.remote if pair] for call in (one, other) for stream in call.streams.values()]
    assert ends == [[FAR, NEAR], [FAR, second]]
    ours = [stream.ours[1].rtp for call in (one, other) for stream in call.streams.values()]
    assert ours == places(told) and {one.state, other.state} == {CallState.UP}
    found.rig.wait(200)
