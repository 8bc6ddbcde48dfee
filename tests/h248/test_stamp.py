"""What is our own in messages that cross."""

from __future__ import annotations

import pytest

from sbc.core.address import Address
from sbc.core.message import Cause
from sbc.core.orders import Note, Send
from sbc.h248.options import H248Options, Identity
from tests.h248_calls import FAR, GATEWAY, RTP, Gateway, answer_to, gateway, gateway_rig, read, registers
from tests.h248_words import LINE, WIRES, command, media, message, registration, reply, sdp, transaction
from tests.rig import NAT, PHONE, SBC_ACCESS, SBC_CORE, SOFTSWITCH, of, sends

NOTIFY = command(b"Notify", RTP, b"ObservedEvents = 1 { al/of }")


def test_each_side_has_its_own_numbers() -> None:
    found = gateway()
    (there,) = found.heard(found.say(transaction(7, b"-", NOTIFY)))
    assert read(there).transaction != 7
    (back,) = found.told(found.ask(reply(read(there).transaction, b"-", command(b"Notify", RTP))))
    assert read(back).transaction == 7


def test_a_name_is_given_up_for_an_address_where_a_path_wants_that() -> None:
    rig = gateway_rig(options={"h248": H248Options(mid=Identity.ADDRESS)})
    found = gateway(rig, mid=b"gw1")
    (there,) = found.heard(found.say(transaction(7, b"-", NOTIFY)))
    assert read(there).mid.address == found.own.advertised
    kept = gateway(mid=b"gw1")
    (there,) = kept.heard(kept.say(transaction(7, b"-", NOTIFY)))
    assert read(there).mid.text == b"gw1"


def test_what_a_call_remembers() -> None:
    found = gateway()
    found.controller = b"mgc"
    call = found.call()
    assert call.memo.mids == (f"[{found.own.advertised.host}]:{found.own.advertised.port}".encode(), b"mgc")
    assert not call.memo.binary and call.memo.version == 1
    shouted = gateway(gateway_rig())
    shouted.added(shouted.add(), name=b"RTP/1")
    assert shouted.calls[0].memo.names == (b"RTP/1",)


def test_what_is_said_between_neighbours_does_not_cross() -> None:
    found = gateway()
    orders = found.say(b"TransactionResponseAck { 77 }")
    assert not of(Send, orders) and [each.fields["cause"] for each in of(Note, orders)] == [Cause.NO_CALL.value]


def test_an_error_about_no_transaction_crosses_and_shows_no_address() -> None:
    rig = gateway_rig()
    sent = registers(rig, NAT)
    wrong = message(SOFTSWITCH, b'Error = 406 { "%b speaks version 3" }' % SOFTSWITCH.host.encode())
    orders = rig.from_core(wrong, SOFTSWITCH, at=sent.listener)
    (told,) = sends(orders, "access")
    assert read(told).error is not None and SOFTSWITCH.host.encode() not in told and PHONE.host.encode() not in told
    assert read(told).mid.address == SBC_ACCESS != SBC_CORE and GATEWAY.port == 2944
    assert "swept" in [each.event for each in of(Note, orders)]


@pytest.mark.parametrize("wire", WIRES)
def test_nobody_speaks_in_the_name_of_another_gateway(wire: str) -> None:
    rig = gateway_rig()
    gateway(rig, wire=wire, mid=b"gw1")
    other = gateway(rig, Address("203.0.113.55", 2944), wire, b"gw2", 2)
    for mid in (b"gw1", b"<gw1.example>", b"MTP{0a0b}"):
        other.mid = mid
        for said in (transaction(7, b"-", NOTIFY), registration(8, b"Forced", b"905 gone")):
            orders = other.say(said)
            assert not [each for each in of(Send, orders) if each.listener.realm == "core"]
            (no,) = map(read, other.told(orders))
            assert no.error is not None and no.error.code == 504
            rig.wait(40)
    stranger = Gateway(rig, Address("203.0.113.66", 2944), other.own, wire, b"gw1")
    orders = stranger.say(registration(9, b"Forced", b"905 gone"))
    assert not [each for each in of(Send, orders) if each.listener.realm == "core"] and stranger.told(orders)
    other.mid = b"GW2"
    assert other.heard(other.say(transaction(9, b"-", NOTIFY)))


def test_a_gateway_may_register_anew_by_another_name() -> None:
    found = gateway(mid=b"gw1")
    found.mid = b"gw9"
    (sent,) = [each for each in of(Send, found.say(registration(8))) if each.listener.realm == "core"]
    again = Gateway(found.rig, NAT, sent.listener, mid=b"gw9")
    again.ask(answer_to(sent.data))
    assert again.heard(again.say(transaction(9, b"-", NOTIFY))) or found.heard(again.say(transaction(10, b"-", NOTIFY)))


def test_hosts_of_a_description_are_hidden_where_else_it_says_them() -> None:
    found = gateway()
    line, far = command(b"Add", LINE), sdp(FAR.host, 6000, b"a=X-nat:198.51.100.77:6000\r\n")
    rtp = command(b"Add", b"$", media(local=sdp(), remote=far))
    (told,) = found.told(found.ask(transaction(11, b"$", line, rtp)))
    assert FAR.host.encode() not in told
    near = media(local=sdp("192.168.7.7", 4000, b"a=X-nat:192.168.7.7:4000\r\n"))
    (said,) = found.heard(found.say(reply(read(told).transaction, 5, line, command(b"Add", RTP, near))))
    assert b"192.168.7.7" not in said


def test_where_a_gateway_is_bound_is_hidden_though_it_has_a_name() -> None:
    rig = gateway_rig()
    sent = registers(
        rig, NAT, "text", b"gw1", 1, b"Restart", b"901 at 192.168.1.99", b"ServiceChangeAddress = [192.168.1.99]:2944"
    )
    assert b"192.168.1.99" not in sent.data
    found = Gateway(rig, NAT, sent.listener, mid=b"gw1")
    found.ask(answer_to(sent.data))
    event = b'ObservedEvents = 1 { g/cause { x = "192.168.1.99 said" } }'
    (said,) = found.heard(found.say(transaction(7, b"-", command(b"Notify", b"ROOT", event))))
    assert b"192.168.1.99" not in said


@pytest.mark.parametrize("wire", WIRES)
def test_no_call_is_in_a_transaction_about_the_whole_gateway(wire: str) -> None:
    found = gateway(wire=wire)
    change = b'Context = - { ServiceChange = ROOT { Services { Method = HandOff, Reason = "903 x" } } }'
    add = b"Context = $ { %b }" % command(b"Add", b"$", media(local=sdp(), remote=sdp(FAR.host, 6000)))
    orders = found.ask(b"Transaction = 50 { %b, %b }" % (change, add))
    assert not found.told(orders)
    (no,) = map(read, found.heard(orders))
    assert no.error is not None and no.error.code == 421
