"""Names that count at one gateway alone: others use the same, and a gateway takes its names along when it moves."""

from __future__ import annotations

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.fan import NextHop
from sbc.core.message import Route
from sbc.core.orders import OpenStream, Send, UpdateStream
from sbc.core.realm import Signaling
from tests.kept import Kept, restarted
from tests.rig import NAT, SOFTSWITCH, Rig, events, make_plan, of
from tests.toy_calls import read
from tests.toy_gateway import (
    Gateway,
    GatewayDialect,
    adjusts,
    gateway,
    gateway_rig,
    joined,
    opens,
    registers,
    takes_off,
    yes,
)
from tests.toy_records import FAILURE, TELL, Record, number

MOVED = Address("203.0.113.99", 50000)
NEIGHBOUR = NAT._replace(port=NAT.port + 1)
OTHER_AGENT = Address("198.51.100.3", 5060)


def two() -> tuple[Gateway, Gateway]:
    """Two gateways behind one NAT, that call themselves differently and believe to be at the same address."""
    rig = gateway_rig()
    return gateway(rig), gateway(rig, NEIGHBOUR, b"gw2", 91)


def test_two_gateways_use_the_same_names() -> None:
    """The agent asks both by the same number, about calls of the same number; one is answered, and only that one."""
    one, other = two()
    first, second = one.ask(opens()), other.ask(opens())
    (to_one,), (to_other,) = one.told(first), other.told(second)
    assert to_one != to_other  # they have numbers of our own
    assert one.heard(one.say(joined(to_one))) and other.heard(other.say(joined(to_other)))
    calls = list(one.rig.border.registry.calls.values())
    assert len(calls) == 2 and {each.gathering.gateway for each in calls if each.gathering} == {
        one.binding.id,
        other.binding.id,
    }
    (asked,) = one.told(one.ask(takes_off()))
    assert "close" in events(one.say(yes(asked)))
    assert other.rig.border.registry.members.of(other.binding.id) == [calls[1]]


def test_two_gateways_ask_by_the_same_number() -> None:
    one, other = two()
    tell = Record(TELL, exchange=number(5), user=b"off-hook")
    (first,), (second,) = one.heard(one.say(tell)), other.heard(other.say(tell))
    assert Record.read(first).exchange != Record.read(second).exchange
    assert one.told(one.ask(yes(first))) and not other.told(one.ask(yes(first)))
    assert other.told(other.ask(yes(second)))


def test_a_gateway_does_not_answer_for_its_neighbour() -> None:
    one, other = two()
    (asked,) = one.told(one.ask(opens()))
    assert "stray-reply" in events(other.say(joined(asked)))
    assert one.heard(one.say(joined(asked)))


def test_who_is_not_bound_is_refused() -> None:
    rig = gateway_rig()
    orders = rig.from_access(Record(TELL, exchange=number(5)).pack())
    (refusal,) = read([each.data for each in of(Send, orders)])
    assert refusal.stage == FAILURE and "refused" in events(orders)
    assert not rig.border.registry.live_exchanges


def test_the_shared_port_of_the_core_leads_to_no_gateway() -> None:
    one, _ = two()
    (refusal,) = read([each.data for each in of(Send, one.rig.from_core(opens().pack()))])
    assert refusal.stage == FAILURE


def test_what_must_be_in_a_call_is_refused_without() -> None:
    one, _ = two()
    (refusal,) = read(one.heard(one.ask(adjusts())))
    assert refusal.stage == FAILURE
    call = one.gather()
    assert one.told(one.ask(adjusts()))
    (asked,) = one.told(one.ask(takes_off()))
    one.say(yes(asked))
    assert not one.told(one.ask(adjusts(exchange=8))) and call.streams == {}


def test_a_message_may_name_a_member_alone() -> None:
    one, _ = two()
    call = one.gather()
    orders = one.ask(adjusts(call=0))
    assert one.told(orders) and {each.call for each in of(Send, orders)} == {call.id}
    assert one.rig.border.concerned == call.id
    assert of(UpdateStream, orders) and not of(OpenStream, orders)


def test_what_takes_members_off_passes_whatever_is_known() -> None:
    one, _ = two()
    assert one.told(one.ask(takes_off(call=44)))
    assert one.told(one.ask(takes_off(b"*", 45, 4)))


def test_a_gateway_that_moves_takes_its_calls_along() -> None:
    """It registers from another port and host of the NAT: the call, its media and what is asked in it follow."""
    one, _ = two()
    call = one.gather()
    (asked,) = one.told(one.ask(adjusts()))
    record_at = len(one.rig.log)
    again = moves(one)
    assert again.binding is one.binding
    updates = of(UpdateStream, one.rig.log[record_at:])
    assert {each.spec.seen_host for each in updates if each.spec.realm == "access"} == {MOVED.host}
    assert (call.legs[1].seen, call.legs[1].listener) == (MOVED, one.binding.listener)
    assert again.heard(again.say(yes(asked)))
    assert again.told(again.ask(adjusts(exchange=6)))
    assert not one.heard(one.say(Record(TELL, exchange=number(9))))  # nobody is there any more


def moves(one: Gateway, to: Address = MOVED) -> Gateway:
    """It registers from elsewhere, and is there."""
    registers(one.rig, to, one.name, 95, call=number(77))
    return attrs.evolve(one, at=to)


@pytest.mark.parametrize("to", [MOVED, NAT._replace(port=50000)])
def test_what_a_gateway_says_again_from_elsewhere_it_has_said_before(to: Address) -> None:
    """Its NAT gives it another mapping while a request of its is open, and once more when that is answered."""
    one, _ = two()
    tell = Record(TELL, exchange=number(5), user=b"off-hook")
    (told,) = one.heard(one.say(tell))
    there = moves(one, to)
    assert not of(Send, there.say(tell))
    (back,) = there.told(there.ask(yes(told)))
    assert there.told(there.say(tell)) == [back]
    again = moves(there, to._replace(port=51000))
    assert again.told(again.say(tell)) == [back]
    assert not again.heard(again.say(tell))


@pytest.mark.parametrize("to", [MOVED, NAT._replace(port=50000)])
def test_what_a_gateway_is_asked_outside_calls_follows_it(to: Address) -> None:
    one, _ = two()
    asked = Record(TELL, exchange=number(5), user=b"ring")
    (told,) = one.told(one.ask(asked))
    there = moves(one, to)
    assert set(there.told(there.rig.wait(2))) == {told} and not one.told(there.rig.wait(5))
    (back,) = there.heard(there.say(yes(told)))
    assert there.heard(there.ask(asked)) == [back]


def test_who_has_got_the_mapping_of_another_does_not_get_its_answers_along() -> None:
    """A NAT has given the mapping to another gateway, who was answered there and moves on."""
    one, _ = two()
    tell = Record(TELL, exchange=number(5), user=b"off-hook")
    (told,) = one.heard(one.say(tell))
    one.ask(yes(told))
    moves(one)
    third = gateway(one.rig, NAT, b"gw3", 92)
    last = moves(third, MOVED._replace(port=51000))
    assert len(last.heard(last.say(tell))) == 1


def test_a_gateway_keeps_its_numbers_over_a_restart_and_a_move() -> None:
    """What was not answered is asked by the number that it had: whoever is asked knows it again."""
    one, _ = two()
    tell, done = (Record(TELL, exchange=number(each), user=b"off-hook") for each in (5, 6))
    (open_, answered) = (one.heard(one.say(each))[0] for each in (tell, done))
    (back,) = one.told(one.ask(yes(answered)))
    one.rig, _ = restarted(one.rig)
    there = moves(one)
    assert there.heard(there.say(tell)) == [open_]
    assert there.told(there.say(done)) == [back] and not there.heard(there.say(done))


def test_a_call_stays_at_the_new_place_of_its_gateway_over_a_restart() -> None:
    rig = gateway_rig()
    kept = Kept(rig.border)
    one = gateway(rig)
    one.gather()
    kept.flush()
    there = moves(one)
    kept.flush()
    assert there.binding.seen == MOVED and kept.faults() == []


def test_a_repeated_request_is_absorbed_wherever_its_call_has_come() -> None:
    """It opened the call, which is live by now: that makes it no other request."""
    one, _ = two()
    (asked,) = one.told(one.ask(opens()))
    (back,) = one.heard(one.say(joined(asked)))
    again = one.ask(opens())
    assert one.heard(again) == [back] and not one.told(again)


def test_a_gateway_speaks_to_whom_it_is_registered_with() -> None:
    """Of two next hops, whatever it says goes to the one whose yes it lives by, as long as that is well."""
    plan = make_plan("toy", signaling=Signaling.PORT_PER_TERMINAL)
    path = attrs.evolve(plan.paths[0], next_hops=(NextHop(SOFTSWITCH), NextHop(OTHER_AGENT)))
    rig = Rig.make(GatewayDialect(), attrs.evolve(plan, paths=(path,)))
    homes = set()
    for index in range(12):
        at = NAT._replace(port=50000 + index)
        one = gateway(rig, at, b"gw%d" % index, 100 + index)
        said = [one.say(Record(TELL, exchange=number(each), call=number(each))) for each in range(1, 8)]
        (to,) = {each.to for orders in said for each in of(Send, orders) if each.listener == one.own}
        assert one.binding.granted_by is not None and to == one.binding.granted_by[2]
        homes.add(to)
    assert homes == {SOFTSWITCH, OTHER_AGENT}


def test_a_command_may_tell_a_gateway_whom_to_speak_to() -> None:
    """From then on it speaks to that host, if the realm trusts it; when that does not answer its registration it begins
    where it had begun."""
    one, _ = two()
    one.gather(opens(hop=b"198.51.100.2 5070 agent"))
    assert one.binding.service == Route((b"198.51.100.2 5070 agent",), SOFTSWITCH._replace(port=5070))
    (tell,) = [each for each in of(Send, one.say(Record(TELL, exchange=number(5)))) if each.listener == one.own]
    assert tell.to == SOFTSWITCH._replace(port=5070)
    one.gather(opens(2, 6, hop=b"192.0.2.66 5070 evil"), b"2")
    assert one.binding.service.first == SOFTSWITCH._replace(port=5070)
