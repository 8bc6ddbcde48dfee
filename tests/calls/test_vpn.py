"""Two customers in VPNs of their own who have the same addresses, terminals, names and numbers of calls, in each
protocol: what one does the other does, too, and neither is in the way of the other."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from sbc.core.orders import Listener, OpenStream, Order, Send
from sbc.core.realm import Keepalive, Plan, Probing, Realm
from sbc.core.registry import Arrival
from sbc.core.vpn import VpnLabel
from sbc.policy.limits import Caps
from tests.edge import SPEAKERS, Speaker
from tests.rig import of

OTHER = {"access": "access'", "core": "core'"}
HERE = {theirs: ours for ours, theirs in OTHER.items()}


def named(listener: Listener, names: dict[str, str]) -> Listener:
    return attrs.evolve(listener, realm=names.get(listener.realm, listener.realm))


def placed(realm: Realm, namespace: str, name: str) -> Realm:
    """The realm in a namespace, and by another name."""
    label = VpnLabel(namespace=namespace)
    own = tuple(attrs.evolve(each, realm=name, vpn=label.vpn) for each in realm.listeners)
    limited = {"limits": attrs.evolve(realm.limits, exchanges_per_source=2)} if name.startswith("access") else {}
    return attrs.evolve(realm, name=name, listeners=own, network=label, terminals=Caps(calls=2), **limited)


def doubled(plan: Plan) -> Plan:
    """Both customers: each has an access realm, a core realm and a path, and may have two calls a terminal."""
    realms = {name: placed(realm, "red", name) for name, realm in plan.realms.items()}
    realms |= {OTHER[name]: placed(realm, "blue", OTHER[name]) for name, realm in plan.realms.items()}
    (path,) = plan.paths
    return attrs.evolve(plan, realms=realms, paths=(path, attrs.evolve(path, name="other", **OTHER)))


class Border:
    """A border as the second customer's tests know it: its realms have the names of the first one's."""

    def __init__(self, border: Any) -> None:
        self._border = border

    def __getattr__(self, name: str) -> Any:
        return getattr(self._border, name)

    @property
    def plan(self) -> Plan:
        plan: Plan = self._border.plan
        realms = {
            name: attrs.evolve(realm, listeners=tuple(named(own, HERE) for own in realm.listeners))
            for name, realm in ((ours, plan.realms[theirs]) for ours, theirs in OTHER.items())
        }
        return attrs.evolve(plan, realms=realms)

    def receive(self, arrival: Arrival) -> list[Order]:
        orders = self._border.receive(attrs.evolve(arrival, listener=named(arrival.listener, OTHER)))
        return [
            attrs.evolve(each, listener=named(each.listener, HERE)) if isinstance(each, Send) else each
            for each in orders
        ]


def customers(name: str) -> tuple[Speaker, Speaker]:
    """Both, at one border."""
    one, two = SPEAKERS[name](doubled), SPEAKERS[name](doubled)
    two.rig.border = Border(one.rig.border)  # type: ignore[assignment]
    two.rig.open_streams, two.rig.log = one.rig.open_streams, one.rig.log
    return one, two


@pytest.mark.parametrize("name", SPEAKERS)
def test_neither_is_in_the_others_way(name: str) -> None:
    one, two = customers(name)
    registry = one.rig.border.registry
    for who in (0, 1):
        assert one.register(who) == two.register(who) == ""
    bound = [binding for binding in registry.bindings.values() if binding.realm.name in OTHER]
    others = [binding for binding in registry.bindings.values() if binding.realm.name in HERE]
    assert [(each.user, each.place, each.seen) for each in bound] == [
        (each.user, each.place, each.seen) for each in others
    ]
    assert len(bound) == 2 and len(registry.bindings_by_source) == 4
    assert one.call(1) == two.call(1) == ""
    assert one.ring(2) == two.ring(2) == ""
    assert one.call(3) != "" and two.call(4) != "", "each has as many as it may"
    mine, theirs = (
        [call for call in registry.calls.values() if call.path.name == path and call.streams]
        for path in ("main", "other")
    )
    assert len(mine) == len(theirs) == 2
    for call, other in zip(mine, theirs, strict=True):
        ours = [stream.ours for stream in call.streams.values()]
        assert ours == [stream.ours for stream in other.streams.values()], "the same ports, of other networks"
        assert {leg.realm.vpn.namespace for leg in call.legs} == {"/run/netns/red"}
        assert {leg.realm.vpn.namespace for leg in other.legs} == {"/run/netns/blue"}
    one.end(1)
    one.end(2)
    assert all(call.streams for call in theirs), "who hangs up hangs up alone"
    assert one.call(5) == "" and two.call(6) != ""
    for speaker, number in ((two, 1), (two, 2), (one, 5)):
        speaker.end(number)
    assert not one.rig.open_streams


@pytest.mark.parametrize("name", SPEAKERS)
def test_streams_are_in_the_networks_of_their_calls(name: str) -> None:
    one, two = customers(name)
    for speaker, namespace in ((one, "/run/netns/red"), (two, "/run/netns/blue")):
        assert speaker.register(0) == ""
        del speaker.rig.log[:]
        assert speaker.call(1) == ""
        specs = [order.spec for order in of(OpenStream, speaker.rig.log)]
        assert {side.vpn.namespace for spec in specs for side in spec.sides} == ({namespace} if specs else set())


def test_what_is_learned_of_a_nat_is_learned_of_one_customers() -> None:
    def learning(plan: Plan) -> Plan:
        adaptive = Keepalive(Probing.ADAPTIVE)
        return doubled(
            attrs.evolve(plan, realms={n: attrs.evolve(r, keepalive=adaptive) for n, r in plan.realms.items()})
        )

    registry = SPEAKERS["sip"](learning).rig.border.registry
    host, who = ("udp", "203.0.113.50"), object()
    registry.learners["access"].survived(host, 20.0, who, 300.0)
    assert registry.learners["access"].period(host, 20.0) > registry.learners["access'"].period(host, 20.0) == 20.0
