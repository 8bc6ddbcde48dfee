"""The core calls who does not register, by the numbers that are configured; and is called from there."""

from __future__ import annotations

from typing import Any

import attrs

from sbc.core.address import Address
from sbc.core.orders import OpenStream
from sbc.core.realm import Callers
from sbc.core.trunk import Trunk
from sbc.policy.rule import Action, Pattern, Rule
from tests.rig import SOFTSWITCH, Rig, of, sends
from tests.toy_calls import bound, read, rig_by_connections, to_access, to_core, toy_rig
from tests.toy_records import CLOSE, FAILURE, PROBE, SUCCESS, answer, from_other, inside, opening

PBX, OTHER = Address("192.0.2.17", 5060), Address("192.0.2.18", 5070)


def trunked(*trunks: Trunk, rig: Rig | None = None, **realm: Any) -> Rig:
    rig = rig or toy_rig(callers=Callers.REGISTERED, sparing=True)
    access = attrs.evolve(rig.border.plan.realms["access"], trunks=trunks, **realm)
    rig.replan(attrs.evolve(rig.border.plan, realms={**rig.border.plan.realms, "access": access}))
    return rig


def for_whom(name: bytes, call: int = 1) -> bytes:
    target = b"198.51.100.1 5060 " + name
    return opening(SOFTSWITCH, call=call, exchange=call, target=target).pack()


def pattern(name: str) -> tuple[Pattern, ...]:
    return (Pattern(name),)


def test_a_call_of_the_core_reaches_a_trunk_and_is_ended_by_either() -> None:
    for by_trunk in (True, False):
        rig = trunked(Trunk("other", (OTHER,), "toy", pattern("4940")), Trunk("pbx", (PBX,), "toy", pattern("4930")))
        asked = for_whom(b"49301234")
        orders = rig.from_core(asked)
        (sent,) = to_access(orders)
        assert sent.to == PBX and of(OpenStream, orders)
        record = read([sent.data])[0]
        assert record.target.startswith(b"192.0.2.17 ") and record.target.endswith(b"49301234")
        said = answer(sent.data, PBX.host).pack()
        (back,) = [each.data for each in to_core(rig.from_access(said, PBX))]
        assert read([back])[0].stage == SUCCESS
        if by_trunk:
            (told,) = to_core(rig.from_access(from_other(sent.data, said).pack(), PBX))
        else:
            (told,) = to_access(rig.from_core(inside(asked, back, CLOSE, 9).pack()))
            assert told.to == PBX
        if by_trunk:
            rig.from_core(answer(told.data, SOFTSWITCH.host).pack())
        else:
            rig.from_access(answer(told.data, PBX.host).pack(), PBX)
        assert all(call.state.value == "closed" for call in rig.border.registry.calls.values())
        rig.wait(60.0)
        assert not rig.border.registry.calls


def test_the_first_that_takes_it_is_called_and_what_nobody_takes_is_not_found() -> None:
    rig = trunked(Trunk("pbx", (PBX,), "toy", pattern("4930")), Trunk("other", (OTHER,), "toy", pattern("49")))
    assert [each.to for each in to_access(rig.from_core(for_whom(b"4930")))] == [PBX]
    assert [each.to for each in to_access(rig.from_core(for_whom(b"4940", 2)))] == [OTHER]
    orders = rig.from_core(for_whom(b"1", 3))
    assert not to_access(orders) and read(sends(orders, "core"))[-1].stage == FAILURE
    rig = trunked(Trunk("pbx", (PBX,), "sip"))
    assert not to_access(rig.from_core(for_whom(b"4930"))), "it speaks another protocol"


def test_who_is_registered_is_called_by_its_name_all_the_same() -> None:
    rig = trunked(Trunk("pbx", (PBX,), "toy"))
    name = bound(rig)
    (sent,) = to_access(rig.from_core(opening(SOFTSWITCH, target=name).pack()))
    assert sent.to != PBX


def test_only_next_hops_call_a_trunk_and_only_calls_go_there() -> None:
    rig = trunked(Trunk("pbx", (PBX,), "toy"))
    assert not to_access(rig.from_core(for_whom(b"4930"), Address("198.51.100.66", 5060)))
    asked = opening(SOFTSWITCH, target=b"198.51.100.1 5060 4930").but(op=PROBE)
    assert not to_access(rig.from_core(asked.pack()))


def test_a_trunk_calls_without_being_registered_and_its_neighbours_do_not() -> None:
    rig = trunked(Trunk("pbx", (PBX,), "toy", pattern("4930")))
    assert not to_core(rig.from_access(opening(OTHER).pack(), OTHER))
    assert not to_core(rig.from_access(opening(PBX, call=2, exchange=2).pack(), PBX._replace(port=9))), "by datagrams"
    orders = rig.from_access(opening(PBX, call=3, exchange=3).pack(), PBX)
    assert len(to_core(orders)) == 1
    assert [read([each.data])[0].stage for each in to_access(orders)] != [], "it is told that we are at work"


def test_a_rule_about_who_is_registered_speaks_of_it_and_one_may_drop_it() -> None:
    strangers = Rule("strangers", Action.DROP, registered=False)
    rig = trunked(Trunk("pbx", (PBX,), "toy"), rules=(strangers,))
    (own,) = rig.border.plan.realms["access"].listeners
    assert rig.border.knock(own, PBX, 9, "", rig.now) == "" and rig.border.knock(own, OTHER, 9, "", rig.now) == "rule"


def test_a_trunk_that_is_silent_is_given_up_and_the_core_told() -> None:
    rig = trunked(Trunk("pbx", (PBX,), "toy"))
    rig.from_core(for_whom(b"4930"))
    orders = rig.wait(300.0)
    assert [record.stage for record in read(sends(orders, "core")) if record.stage == FAILURE]
    assert not rig.border.registry.calls and not rig.border.registry.live_exchanges


def test_what_was_taken_out_is_called_no_more_and_calls_there_go_on() -> None:
    rig = trunked(Trunk("pbx", (PBX,), "toy"))
    asked = for_whom(b"4930")
    (sent,) = to_access(rig.from_core(asked))
    (back,) = [each.data for each in to_core(rig.from_access(answer(sent.data, PBX.host).pack(), PBX))]
    trunked(rig=rig)
    assert not to_access(rig.from_core(for_whom(b"4930", 2)))
    assert to_access(rig.from_core(inside(asked, back, CLOSE, 9).pack()))


def test_calls_by_connections_of_their_own_go_to_a_trunk_by_one() -> None:
    rig, _ = rig_by_connections()
    rig = trunked(Trunk("pbx", (PBX,), "toy", transport="tcp"), rig=rig)
    (_, own) = rig.border.plan.realms["core"].listeners
    (sent,) = to_access(rig.from_core(for_whom(b"4930"), at=own))
    assert sent.to == PBX and sent.listener.lane and sent.listener.transport == "tcp"
