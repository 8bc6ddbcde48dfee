"""SIP calls over a reload: each message of a live call says what it said before, whatever the new configuration has."""

from __future__ import annotations

import attrs

from sbc.core.address import Address
from sbc.core.orders import Unlisten
from sbc.core.realm import Plan
from sbc.sip.dialect import SipDialect
from tests.rig import NAT, PHONE, SBC_ACCESS, SOFTSWITCH, Rig, listener, make_plan, of, sends
from tests.sip_messages import answer, contact, header, inside, invite, plain_answer, register, registered, sdp, status

OTHER = Address("203.0.113.2", 5062)


def moved(plan: Plan) -> Plan:
    """The access realm at another address, its media too."""
    access = plan.realms["access"]
    media = attrs.evolve(access.media, address=OTHER.host, advertised=OTHER.host)
    access = attrs.evolve(access, listeners=(listener("access", OTHER, "sip"),), media=media)
    return attrs.evolve(plan, realms={**plan.realms, "access": access})


def up() -> tuple[Rig, bytes, bytes, bytes]:
    """A rig with a call: the INVITE as it came and as it went on, the 200 as the phone got it."""
    made = Rig.make(SipDialect(emergency=("112",)), make_plan("sip"))
    asked = invite(PHONE)
    (sent,) = sends(made.from_access(asked), "core")
    *_, back = sends(made.from_core(answer(sent, SOFTSWITCH.host)), "access")
    made.from_access(inside(asked, back, b"ACK", 1))
    return made, asked, sent, back


def test_a_call_goes_on_at_the_address_it_began_at() -> None:
    made, asked, _, back = up()
    (old,) = made.border.plan.realms["access"].listeners
    made.replan(moved(made.border.plan))
    (sent,) = sends(made.from_access(inside(asked, back, b"INVITE", 2, sdp(PHONE.host)), at=old), "core")
    said = sends(made.from_core(answer(sent, SOFTSWITCH.host)), "access")[-1]
    assert contact(said).endswith(b"@203.0.113.1:5060") and b"c=IN IP4 203.0.113.1\r\n" in said
    assert b"m=audio 20000 " in said
    made.from_access(inside(asked, said, b"ACK", 2), at=old)
    (bye,) = sends(made.from_access(inside(asked, back, b"BYE", 3), at=old), "core")
    assert status(sends(made.from_core(plain_answer(bye, b"200 OK")), "access")[-1]) == 200
    assert of(Unlisten, made.wait(120)) == [Unlisten(old)]


def test_a_new_call_begins_at_the_new_address() -> None:
    made, *_ = up()
    made.replan(moved(made.border.plan))
    (sent,) = sends(made.from_access(invite(PHONE, b"two", b"sip:bob@203.0.113.2:5062")), "core")
    said = sends(made.from_core(answer(sent, SOFTSWITCH.host)), "access")[-1]
    assert contact(said).endswith(b"@203.0.113.2:5062") and b"c=IN IP4 203.0.113.2\r\n" in said


def test_where_a_listener_fades_new_ones_are_sent_elsewhere_but_help_is_called() -> None:
    made, *_ = up()
    (old,) = made.border.plan.realms["access"].listeners
    made.replan(moved(made.border.plan))
    for data in (invite(PHONE, b"two"), register(PHONE)):
        (refused,) = sends(made.from_access(data, at=old), "access")
        assert status(refused) == 503 and header(refused, b"Retry-After") == b"30"
    assert len(sends(made.from_access(invite(PHONE, b"help", b"sip:112@sbc.example.com"), at=old), "core")) == 1


def test_a_phone_is_called_at_the_listener_it_registered_at() -> None:
    made = Rig.make(SipDialect(), make_plan("sip"))
    (old,) = made.border.plan.realms["access"].listeners
    (sent,) = sends(made.from_access(register(PHONE)), "core")
    made.from_core(registered(sent))
    made.replan(moved(made.border.plan))
    uri = contact(sent)
    orders = made.from_core(invite(SOFTSWITCH, b"in", uri))
    rung = [send for send in made.log if getattr(send, "to", None) == NAT and send.data.startswith(b"INVITE ")]
    assert [send.listener for send in rung] == [old] and orders
    assert SBC_ACCESS.host.encode() in rung[0].data
