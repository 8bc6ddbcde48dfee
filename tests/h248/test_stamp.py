"""What is our own in messages that cross."""

from __future__ import annotations

from sbc.core.message import Cause
from sbc.core.orders import Note, Send
from sbc.h248.options import H248Options, Identity
from tests.h248_calls import GATEWAY, RTP, gateway, gateway_rig, read, registers
from tests.h248_words import command, message, reply, transaction
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
