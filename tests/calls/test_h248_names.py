"""Answers of the SBC's own are in the name of the other party, where both know each other by name."""

from __future__ import annotations

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.call import CallState
from sbc.core.orders import Send
from sbc.core.realm import Signaling
from sbc.h248.message import Body, Form
from tests.h248_calls import DIALECT, FAR, GATEWAY, Gateway, answer_to, gateway, gateway_rig, read, registers
from tests.h248_words import WIRES, WRITERS, command, media, message, sdp, transaction
from tests.rig import NAT, SBC_ACCESS, Rig, make_plan, of


def named(wire: str) -> Gateway:
    """A gateway and its controller that call themselves by names."""
    rig = gateway_rig()
    sent = registers(rig, NAT, wire, b"gw1")
    found = Gateway(rig, NAT, sent.listener, wire, b"gw1", b"mgc")
    found.ask(answer_to(sent.data))
    return found


@pytest.mark.parametrize("wire", ["text", "binary"])
def test_a_refusal_is_in_the_name_of_the_gateway(wire: str) -> None:
    found = named(wire)
    (sent,) = found.heard(
        found.ask(transaction(7, 99, command(b"Modify", b"rtp/1", media(remote=sdp("192.0.2.9", 4000)))))
    )
    told = read(sent)
    assert (told.body, told.transaction, told.mid.name) == (Body.REPLY, 7, b"gw1")
    assert told.error is not None and told.error.code == 411


def test_a_complaint_is_in_its_name_too() -> None:
    found = named("text")
    data = b"!/1 mgc T=8{C=1{MF=}}"
    (sent,) = of(Send, found.rig.from_core(data, at=found.own))
    assert (read(sent.data).mid.name, read(sent.data).transaction) == (b"gw1", 8)


@pytest.mark.parametrize("wire", ["text", "binary"])
def test_a_gateway_is_told_in_the_name_of_its_controller(wire: str) -> None:
    found = named(wire)
    (sent,) = found.told(
        found.say(transaction(7, 99, command(b"Modify", b"rtp/1", media(remote=sdp("192.0.2.9", 4000)))))
    )
    assert read(sent).mid.name == b"mgc"
    assert found.binding.kept


@pytest.mark.parametrize("wire", ["text", "binary"])
def test_who_gives_up_on_a_gateway_does_so_in_its_name(wire: str) -> None:
    found = named(wire)
    found.ask(transaction(9, b"-", command(b"AuditValue", b"aaln/1", b"Audit { Media }")))
    orders = found.rig.wait(25.0)
    (sent,) = found.heard(orders)
    assert (read(sent).transaction, read(sent).mid.name) == (9, b"gw1")


def test_who_has_no_name_is_answered_by_address() -> None:
    found = gateway()
    (sent,) = found.heard(
        found.ask(transaction(7, 99, command(b"Modify", b"rtp/1", media(remote=sdp("192.0.2.9", 4000)))))
    )
    told = read(sent).mid
    assert told.address == found.own.advertised
    assert GATEWAY.host.encode() not in sent


@pytest.mark.parametrize("wire", ["text", "binary"])
@pytest.mark.parametrize("name", ["access", "lobby"])
def test_each_of_two_access_realms_is_answered_by_its_own_address(name: str, wire: str) -> None:
    plan = make_plan("h248", signaling=Signaling.PORT_PER_TERMINAL)
    first, own = plan.realms["access"], Address("203.0.114.1", 2944)
    at = attrs.evolve(first.listeners[0], realm="lobby", address=own, advertised=own)
    media = attrs.evolve(first.media, address=own.host, advertised=own.host)
    lobby = attrs.evolve(first, name="lobby", listeners=(at,), media=media)
    way = attrs.evolve(plan.paths[0], name="second", access="lobby", signaling_ports=range(42000, 42100))
    rig = Rig.make(DIALECT, attrs.evolve(plan, realms={**plan.realms, "lobby": lobby}, paths=(*plan.paths, way)))
    asked = WRITERS[wire](message(GATEWAY, transaction(7, b"-", command(b"Notify", b"aaln/1"))))
    for data in (asked, *([asked[:-2]] if wire == "text" else [])):  # of binary that is cut off nothing can be read
        where = rig.border.plan.realms[name].listeners[0]
        (sent,) = of(Send, rig.from_access(data, NAT, at=where))
        assert (sent.listener, read(sent.data).mid.address) == (where, where.advertised)


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    ("mid", "form"),
    [
        (GATEWAY, Form.IP4),
        (Address("2001:db8::10", 2944), Form.IP6),
        (b"<gw7.example.net>:2944", Form.DOMAIN),
        (b"<gw7.example.net>", Form.DOMAIN),
        (b"MG7", Form.DEVICE),
        (b"MTP{00a1b2c3}", Form.MTP),
    ],
)
def test_gateways_of_every_form_of_identifier_have_calls(wire: str, mid: bytes | Address, form: Form) -> None:
    """Names pass; addresses become those of the gateway's own port. What it is answered by us, and what we ask by
    ourselves, bear what each knows the other by."""
    found = gateway(wire=wire, mid=mid)
    asked = found.add(remote=FAR)
    (back,) = found.heard(found.added(asked))
    said = read(back).mid
    if isinstance(mid, Address):
        assert said.address == found.own.advertised
    else:
        assert (said.form, said.text.lower()) == (form, mid.lower())
    (call,) = found.calls
    assert call.state is CallState.UP
    orders = found.rig._take(found.rig.border.end_call(call.id, "kicked", found.rig.now))
    told = [read(each).mid for each in found.heard(orders)]
    assert told == [said] * 2 and {read(each).mid.address for each in found.told(orders)} == {SBC_ACCESS}
    if not isinstance(mid, Address):  # another that calls itself so is another, at its own port
        other = gateway(found.rig, Address("203.0.113.12", 40001), wire, mid)
        assert other.own != found.own and other.binding is not found.binding
