"""Parties that have agreed on nothing are asked inside their call whether it lives, and who vanished is found."""

from __future__ import annotations

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.call import CallState
from sbc.core.fan import Asking, Probes
from sbc.core.orders import Note, Send
from sbc.core.probing import failed
from sbc.core.realm import Lasting, Sessions
from sbc.sip.dialect import SipDialect
from tests.calls.test_calls import answered, bye_from_core, only_call
from tests.core.test_sessions import ended, with_timer
from tests.laws import assert_no_trace
from tests.rig import NAT, PHONE, SBC_ACCESS, SBC_CORE, SOFTSWITCH, Rig, events, make_plan, of, sends
from tests.sip_messages import header, inside, plain_answer, sdp
from tests.toy import ToyDialect
from tests.toy_records import Record, answer, opening


def rig(mode: Lasting = Lasting.REFRESH, period: float = 900.0) -> Rig:
    return Rig.make(SipDialect(), make_plan("sip", sessions=Sessions(mode, period=period)))


def asked_both(made: Rig) -> tuple[bytes, bytes]:
    """What the phone and the core are asked when the time has come."""
    orders = made.wait(900)
    (phone,), (core,) = sends(orders, "access"), sends(orders, "core")
    return phone, core


def test_both_are_asked_each_in_its_own_dialogue() -> None:
    made, asked, sent, back = answered(rig())
    made.wait(890)
    made.log.clear()
    orders = made.wait(11)
    to_phone, to_core = (next(o for o in of(Send, orders) if o.listener.realm == realm) for realm in ("access", "core"))
    assert to_phone.to == NAT and to_phone.data.startswith(b"OPTIONS sip:alice@192.168.1.10:5060;ob SIP/2.0\r\n")
    assert header(to_phone.data, b"From") == header(back, b"To")
    assert header(to_phone.data, b"To") == header(asked, b"From")
    assert header(to_phone.data, b"CSeq") == b"1 OPTIONS"
    assert_no_trace(to_phone.data, SOFTSWITCH.host, SBC_CORE.host)
    assert to_core.to == SOFTSWITCH and to_core.data.startswith(b"OPTIONS sip:bob@198.51.100.2:5060 SIP/2.0\r\n")
    assert header(to_core.data, b"From") == header(sent, b"From")
    assert header(to_core.data, b"Call-ID") == header(sent, b"Call-ID")
    assert header(to_core.data, b"Route") == b"<sip:198.51.100.2;lr>" and header(to_core.data, b"CSeq") == b"2 OPTIONS"
    assert_no_trace(to_core.data, PHONE.host, NAT.host, SBC_ACCESS.host)


@pytest.mark.parametrize("said", [b"200 OK", b"405 Method Not Allowed", b"501 Not Implemented", b"401 Unauthorized"])
def test_whatever_they_say_they_live_and_are_asked_again_later(said: bytes) -> None:
    made, *_ = answered(rig())
    for _ in range(3):
        phone, core = asked_both(made)
        assert "refreshed" not in events(made.from_access(plain_answer(phone, said)))
        assert "refreshed" in events(made.from_core(plain_answer(core, b"200 OK")))
        assert made.from_core(plain_answer(core, b"200 OK")) == []  # said twice
    assert only_call(made).state is CallState.UP and ended(made) is None
    assert not made.border.registry.exchanges or len(made.border.registry.live_exchanges) <= 3


@pytest.mark.parametrize("said", [b"481 Call/Transaction Does Not Exist", b"408 Request Timeout"])
@pytest.mark.parametrize("where", ["access", "core"])
def test_who_knows_of_no_call_ends_it_for_both(said: bytes, where: str) -> None:
    made, *_ = answered(rig())
    phone, core = asked_both(made)
    if where == "access":
        made.from_access(plain_answer(phone, said))
    else:
        made.from_core(plain_answer(core, said))
    orders = made.wait(0)
    assert sends(orders, "access")[0].startswith(b"BYE ") and sends(orders, "core")[0].startswith(b"BYE ")
    assert header(sends(orders, "core")[0], b"CSeq") == b"3 BYE"
    (note,) = [each for each in of(Note, orders) if each.event == "zombie"]
    assert note.reason == f"vanished in {where}: {said.decode()}"
    assert ended(made) == "vanished" and only_call(made).state is CallState.CLOSED
    made.wait(300)
    assert not made.border.registry.calls and not made.border.registry.live_exchanges


def test_who_does_not_answer_has_vanished() -> None:
    made, *_ = answered(rig())
    phone, core = asked_both(made)
    assert len(sends(made.wait(31), "access")) >= 9  # it is asked again and again
    made.from_core(plain_answer(core, b"200 OK"))
    assert ended(made) is None
    made.wait(3)
    assert ended(made) == "vanished" and phone.startswith(b"OPTIONS")


def test_a_lost_connection_may_come_back_once() -> None:
    made, *_ = answered(rig())
    made.wait(900)
    (own,) = [e for e in only_call(made).exchanges if e.asks == 0 and e.open]
    from sbc.core import transact
    from sbc.core.message import Cause, Refused

    lost = Refused(Cause.ABSENT, "connection lost")
    transact.give_up(made.border.registry, made.border.dialects["sip"], own, lost, made.now)
    (core,) = [o for o in made.log if isinstance(o, Send) and o.data.startswith(b"OPTIONS sip:bob")][-1:]
    made.from_core(plain_answer(core.data, b"200 OK"))
    assert ended(made) is None
    orders = made.wait(32)
    (again,) = [data for data in sends(orders, "access") if data.startswith(b"OPTIONS")]
    (more,) = [data for data in sends(orders, "core") if data.startswith(b"OPTIONS")]
    made.from_core(plain_answer(more, b"200 OK"))
    assert "refreshed" in events(made.from_access(plain_answer(again, b"200 OK")))
    made.wait(850)
    assert ended(made) is None
    made.wait(50)
    (own,) = [e for e in only_call(made).exchanges if e.asks == 0 and e.open]
    only_call(made).session.missed.add(0)
    transact.give_up(made.border.registry, made.border.dialects["sip"], own, lost, made.now)
    made.wait(0)
    assert ended(made) == "vanished"


def test_a_next_hop_that_is_down_is_no_party_that_has_vanished() -> None:
    other = Address("198.51.100.3", 5060)
    plan = make_plan("sip", sessions=Sessions(Lasting.REFRESH, period=900.0), probing=Probes(Asking.OFF))
    paths = (attrs.evolve(plan.paths[0], next_hops=(SOFTSWITCH, other)),)
    made, *_ = answered(Rig.make(SipDialect(), attrs.evolve(plan, paths=paths)))
    phone, _ = asked_both(made)
    made.from_access(plain_answer(phone, b"200 OK"))
    made.wait(30)
    registry = made.border.registry
    made._take(failed(registry, registry.hops.of(paths[0])[0][1], "silent", made.now))
    orders = made.wait(35)
    assert ended(made) is None
    (again,) = {each.data for each in of(Send, orders) if each.to == other}
    assert again.startswith(b"OPTIONS ")
    (phone,) = {data for data in sends(orders, "access") if data.startswith(b"OPTIONS ")}
    made.from_access(plain_answer(phone, b"200 OK"))
    assert "refreshed" in events(made.from_core(plain_answer(again, b"200 OK"), other))


def test_parties_that_refresh_are_not_asked() -> None:
    made = rig()
    _, asked, _, back = answered(made)
    made.wait(600)
    (sent,) = sends(made.from_access(with_timer(inside(asked, back, b"UPDATE", 2))), "core")
    made.from_core(with_timer(plain_answer(sent, b"200 OK")))
    assert not [data for data in sends(made.wait(1000), "core") if data.startswith(b"OPTIONS")]


@pytest.mark.parametrize("mode", [Lasting.OFF, Lasting.END])
def test_nobody_is_asked_unless_that_is_wanted(mode: Lasting) -> None:
    made, *_ = answered(rig(mode))
    assert not sends(made.wait(40_000), "core")


def test_what_crosses_afterwards_is_numbered_on_and_a_call_ends_as_ever() -> None:
    made, asked, sent, back = answered(rig())
    phone, core = asked_both(made)
    made.from_access(plain_answer(phone, b"200 OK"))
    made.from_core(plain_answer(core, b"200 OK"))
    (again,) = sends(made.from_access(inside(asked, back, b"INVITE", 2, sdp(PHONE.host))), "core")
    assert header(again, b"CSeq") == b"3 INVITE"
    made.from_core(plain_answer(again, b"488 Not Acceptable Here"))
    (bye,) = sends(made.from_core(bye_from_core(sent)), "access")
    assert header(bye, b"CSeq") == b"3 BYE"
    made.from_access(plain_answer(bye, b"200 OK"))
    assert ended(made) == "normal"


def test_a_call_that_ends_while_they_are_asked_is_over() -> None:
    made, _, sent, _ = answered(rig())
    phone, core = asked_both(made)
    (bye,) = sends(made.from_core(bye_from_core(sent)), "access")
    made.from_access(plain_answer(bye, b"200 OK"))
    made.from_access(plain_answer(phone, b"481 No"))
    made.from_core(plain_answer(core, b"481 No"))
    made.wait(300)
    assert ended(made) == "normal" and events(made.log).count("zombie") == 0
    assert not made.border.registry.calls and not made.border.registry.live_exchanges


def test_it_is_the_cores_doing_whatever_the_protocol() -> None:
    made = Rig.make(ToyDialect(), make_plan("toy", sessions=Sessions(Lasting.REFRESH)))
    (sent,) = sends(made.from_access(opening(PHONE).pack()), "core")
    made.from_core(answer(sent, SOFTSWITCH.host).pack())
    orders = made.wait(900)
    (phone,), (core,) = sends(orders, "access")[-1:], sends(orders, "core")[-1:]
    dialect = made.border.dialects["toy"]
    for data in (phone, core):
        assert dialect.describe(dialect.decode(data)).within
    made.from_access(dialect.accept(dialect.decode(phone), NAT))
    assert Record.read(core)
