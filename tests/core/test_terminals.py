"""Own ports: given to a binding, kept by whatever speaks by them, closed once, rested before its next use."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.address import Address
from sbc.core.message import Cause, Refused
from sbc.core.orders import Listen, Listener, Unlisten
from sbc.core.realm import Plan, Signaling
from sbc.core.terminals import TerminalPorts
from tests.core.test_binding import binding
from tests.rig import SBC_CORE, make_plan


def own_plan(ports: int = 3) -> Plan:
    return make_plan("toy", signaling=Signaling.PORT_PER_TERMINAL, signaling_ports=range(41000, 41000 + ports))


def taken(ports: TerminalPorts, plan: Plan, now: float = 0.0) -> Listener:
    own, orders = ports.take(plan.paths[0], plan.realms["core"].listeners[0], now)
    assert orders == [Listen(own)]
    return own


def test_a_path_without_them_shares_its_listener() -> None:
    plan = make_plan("toy")
    shared = plan.realms["core"].listeners[0]
    ports = TerminalPorts(plan)
    assert ports.take(plan.paths[0], shared, 0.0) == (shared, [])
    ports.hold("somebody", [shared])
    assert ports.let_go("somebody", [shared], 0.0) == [] and ports.find(shared) is None


def test_each_is_another_port_of_the_same_host() -> None:
    plan = own_plan()
    ports = TerminalPorts(plan)
    assert [taken(ports, plan).address for _ in range(3)] == [Address(SBC_CORE.host, 41000 + n) for n in range(3)]


def test_none_left() -> None:
    plan = own_plan(1)
    ports = TerminalPorts(plan)
    taken(ports, plan)
    with pytest.raises(Refused) as refused:
        taken(ports, plan)
    assert refused.value.cause is Cause.BUSY and "path main" not in refused.value.why


def test_what_arrives_there_is_for_the_binding_as_long_as_that_lives() -> None:
    plan = own_plan()
    ports = TerminalPorts(plan)
    made = binding(onward=taken(ports, plan))
    ports.give_to(made)
    port = ports.find(made.onward)
    assert port is not None and port.binding is made
    ports.hold("a call", [made.onward])
    assert ports.let_go(made, [made.onward], 1.0) == []  # the call still speaks by it
    assert port.binding is None and ports.find(made.onward) is port
    assert ports.let_go("a call", [made.onward], 2.0) == [Unlisten(made.onward)]
    assert ports.find(made.onward) is None and not len(ports)
    assert ports.let_go("a call", [made.onward], 3.0) == []


def test_a_port_rests_before_it_is_another_terminals() -> None:
    plan = own_plan(1)
    ports = TerminalPorts(plan)
    own = taken(ports, plan)
    ports.hold("x", [own])
    ports.let_go("x", [own], 0.0)
    with pytest.raises(Refused):
        taken(ports, plan, 9.9)
    assert taken(ports, plan, 10.0) == own


def test_two_core_realms_may_use_the_same_address() -> None:
    plan = own_plan()
    core = plan.realms["core"]
    other = attrs.evolve(core, name="other", listeners=(attrs.evolve(core.listeners[0], realm="other"),))
    second = attrs.evolve(plan.paths[0], name="second", core="other")
    both = attrs.evolve(plan, realms={**plan.realms, "other": other}, paths=(*plan.paths, second))
    ports = TerminalPorts(both)
    first, _ = ports.take(plan.paths[0], core.listeners[0], 0.0)
    ports.hold("x", [first])
    again, _ = ports.take(second, other.listeners[0], 0.0)
    assert again.address == first.address
    ports.let_go("x", [first], 0.0)
    assert ports.find(again) is not None and len(ports) == 1


@given(st.lists(st.tuples(st.sampled_from(["take", "hold", "go"]), st.integers(0, 3), st.integers(0, 2)), max_size=50))
def test_a_port_is_open_exactly_as_long_as_somebody_holds_it(script: list[tuple[str, int, int]]) -> None:
    plan = own_plan(4)
    ports = TerminalPorts(plan)
    model: list[tuple[Listener, set[int]]] = []
    now = 0.0
    for what, which, who in script:
        now += 20.0
        if what == "take" and len(model) < 4:
            own = taken(ports, plan, now)
            ports.hold(who, [own])
            model.append((own, {who}))
        elif model:
            own, holders = model[which % len(model)]
            if what == "hold":
                ports.hold(who, [own])
                holders.add(who)
            elif what == "go":
                holders.discard(who)
                assert ports.let_go(who, [own], now) == ([] if holders else [Unlisten(own)])
        model = [(own, holders) for own, holders in model if holders]
        assert {port.listener for port in ports.values()} == {own for own, _ in model}
        assert len(ports.pools["main"].used) == len(model) and ports.pools["main"].balanced()


def test_a_port_of_before_a_restart_is_taken_again_once_and_given_to_nobody_else() -> None:
    plan = own_plan(2)
    ports, shared = TerminalPorts(plan), plan.realms["core"].listeners[0]
    before = attrs.evolve(shared, address=Address(SBC_CORE.host, 41000))
    own, orders = ports.retake(plan.paths[0], shared, before)
    assert orders == [Listen(own)] and own.address == Address(SBC_CORE.host, 41000)
    assert ports.retake(plan.paths[0], shared, before) == (own, [])
    assert taken(ports, plan).address.port == 41001
    assert ports.let_go("nobody", [own], 0.0) == [Unlisten(own)]


@pytest.mark.parametrize("port", [41002, 5060])
def test_a_port_that_is_no_longer_the_paths_is_not_taken(port: int) -> None:
    for plan in (own_plan(2), make_plan("toy")):
        ports = TerminalPorts(plan)
        with pytest.raises(Refused, match="not to be had"):
            shared = plan.realms["core"].listeners[0]
            ports.retake(plan.paths[0], shared, attrs.evolve(shared, address=Address(SBC_CORE.host, port)))
        assert len(ports) == 0


def test_a_port_may_be_open_over_further_transports_and_is_one_port_all_the_same() -> None:
    plan = make_plan(
        "toy",
        signaling=Signaling.PORT_PER_TERMINAL,
        signaling_ports=range(41000, 41001),
        signaling_transports=("tcp",),
    )
    ports, shared = TerminalPorts(plan), plan.realms["core"].listeners[0]
    own, orders = ports.take(plan.paths[0], shared, 0.0)
    twin = attrs.evolve(own, transport="tcp")
    assert orders == [Listen(own), Listen(twin)] and ports.listeners() == {own, twin}
    made = binding(onward=own)
    ports.give_to(made)
    port = ports.find(twin)
    assert port is not None and port.binding is made and port.over("tcp") == twin and port.over("tls") == own
    ports.hold("a call", [twin])
    assert ports.let_go(made, [own], 0.0) == []
    assert ports.let_go("a call", [twin], 0.0) == [Unlisten(own), Unlisten(twin)]
    back, orders = TerminalPorts(plan).retake(plan.paths[0], shared, twin)
    assert back == twin and orders == [Listen(own), Listen(twin)]
