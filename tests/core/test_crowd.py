"""Counts by realm and source: what is too much is refused, what has ended counts no more, all is given back."""

from __future__ import annotations

from ipaddress import ip_network

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.crowd import Crowd
from sbc.core.exchange import Exchange, Hop
from sbc.core.message import Cause, Intent, Kind, Phase, Refused
from sbc.core.realm import Limits
from sbc.core.trunk import Trunk
from sbc.policy.flooding import Flooding
from tests.rig import NAT, SOFTSWITCH, make_plan
from tests.toy import PLAIN

PLAN = make_plan("toy", Limits(exchanges=3, exchanges_per_source=2, lingering=1))
OTHER = Address("203.0.113.66", 5060)


def asked(source: Address = NAT, realm: str = "access", phase: Phase = Phase.REQUEST) -> Exchange:
    near = Hop(PLAN.realms[realm].listeners[0], source)
    return Exchange("toy", Intent(Kind.OTHER, phase, b"call", b"x"), PLAIN, b"token", near, None)


def test_a_source_is_refused_what_others_may_and_taking_back_is_always_let_in() -> None:
    crowd = Crowd(PLAN)
    for _ in range(2):
        crowd.add_exchange(asked())
    with pytest.raises(Refused) as refused:
        crowd.add_exchange(asked())
    assert refused.value.cause is Cause.BUSY and "source" in refused.value.why
    crowd.add_exchange(asked(OTHER))
    with pytest.raises(Refused, match="too many exchanges"):
        crowd.add_exchange(asked(SOFTSWITCH))
    crowd.add_exchange(asked(phase=Phase.WITHDRAW))
    assert crowd.per_source == {("access", NAT): 3, ("access", OTHER): 1}


def test_a_trunk_and_who_is_trusted_may_ask_more_at_once_and_are_held_to_that() -> None:
    limits = Limits(exchanges=20, exchanges_per_source=2, exchanges_per_trunk=4)
    plan, strangers = make_plan("toy", limits), Crowd(make_plan("toy", limits))
    trusts = Flooding(trusted=(ip_network(f"{OTHER.host}/32"),))
    access = attrs.evolve(plan.realms["access"], trunks=(Trunk("pbx", (NAT,), "toy"),), flood=trusts)
    plan = attrs.evolve(plan, realms={**plan.realms, "access": access})
    known = Crowd(plan)
    for crowd, source, most in ((known, NAT, 4), (known, OTHER, 4), (strangers, NAT, 2), (strangers, OTHER, 2)):
        for _ in range(most):
            crowd.add_exchange(asked(source))
        with pytest.raises(Refused, match="from one source"):
            crowd.add_exchange(asked(source))
        assert crowd.per_source["access", source] == most
    strangers.replan(plan)
    strangers.add_exchange(asked(OTHER))


def test_core_hosts_are_held_to_the_realms_limit_alone() -> None:
    crowd = Crowd(PLAN)
    for _ in range(3):
        crowd.add_exchange(asked(SOFTSWITCH, "core"))
    assert not crowd.per_source and crowd.in_realm == {("exchanges", "core"): 3}


def test_what_asks_by_itself_counts_against_nobody() -> None:
    crowd = Crowd(PLAN)
    own = Exchange("toy", Intent(Kind.OTHER, Phase.REQUEST, b"", b"x"), PLAIN, b"token", None, None)
    crowd.add_exchange(own)
    assert crowd.end_exchange(own) == []
    crowd.drop_exchange(own)
    assert not crowd.in_realm and not len(crowd.late_exchanges)


def test_what_has_ended_counts_no_more_and_makes_room() -> None:
    crowd = Crowd(PLAN)
    first, second = asked(), asked()
    for each in (first, second):
        crowd.add_exchange(each)
    assert (crowd.end_exchange(first), crowd.end_exchange(first)) == ([], [])
    assert crowd.per_source["access", NAT] == crowd.in_realm["exchanges", "access"] == 1
    crowd.move_exchange(first, Hop(PLAN.realms["access"].listeners[0], OTHER))  # it is counted where it ended
    assert crowd.end_exchange(second) == [first]
    for each in (first, second):
        crowd.drop_exchange(each)
    assert not crowd.per_source and not +crowd.in_realm and not len(crowd.late_exchanges)


def test_what_is_under_way_is_counted_where_it_is_now() -> None:
    crowd = Crowd(PLAN)
    one = asked()
    crowd.add_exchange(one)
    there = Hop(PLAN.realms["access"].listeners[0], OTHER)
    crowd.move_exchange(one, there)
    one.near = there
    assert crowd.per_source == {("access", OTHER): 1}
    crowd.drop_exchange(one)
    assert not crowd.per_source


def test_who_means_its_connections_counts_for_its_host() -> None:
    crowd = Crowd(PLAN)
    for port in (1, 2, 3):
        exchange = asked(NAT._replace(port=port))
        exchange.intent.bound = True
        if port == 3:
            with pytest.raises(Refused, match="one source"):
                crowd.add_exchange(exchange)
        else:
            crowd.add_exchange(exchange)
    assert crowd.per_source == {("access", NAT._replace(port=0)): 2}
