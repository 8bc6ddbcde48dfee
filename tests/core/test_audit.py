"""The auditor: each way in which the books can be cooked is found, named, and nothing is changed by looking."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest

from sbc.core.audit import CHECKS, audit, audit_streams
from sbc.core.binding import BindingState
from sbc.core.exchange import ExchangeState
from sbc.core.realm import Signaling
from sbc.core.registry import Registry
from tests.rig import NAT, PHONE, Rig, sends
from tests.toy_calls import Talk, answered, bound, toy_rig
from tests.toy_records import CHANGE, TELL, answer, audio, inside, opening


def busy() -> Talk:
    """A registry with something of everything: a binding on its own port, a call with streams, an open exchange."""
    rig = toy_rig(signaling=Signaling.PORT_PER_TERMINAL)
    bound(rig)
    asked = opening(PHONE, exchange=2).but(media=(audio(PHONE.host), audio(PHONE.host, 4100, key=1))).pack()
    (sent,) = sends(rig.from_access(asked), "core")
    own = next(iter(rig.border.registry.terminal_ports.values())).listener
    said = answer(sent, "198.51.100.2").pack()
    (back,) = sends(rig.from_core(said, at=own), "access")
    rig.from_access(inside(asked, back, CHANGE, 5).pack())
    rig.from_access(inside(asked, back, TELL, 6).pack())
    return Talk(rig, asked, sent, said, back)


def lose_a_stream(registry: Registry) -> None:
    next(iter(registry.calls.values())).streams.popitem()


def forget_a_call(registry: Registry) -> None:
    registry.calls.popitem()


def forget_an_exchange(registry: Registry) -> None:
    registry.live_exchanges.pop()


def forget_a_binding(registry: Registry) -> None:
    registry.bindings.popitem()


def a_port_too_many(registry: Registry) -> None:
    registry.media_ports["access"].take(0.0)


def a_port_too_few(registry: Registry) -> None:
    registry.media_ports["core"].used.pop()


def a_port_out_of_nowhere(registry: Registry) -> None:
    registry.media_ports["core"].used.add(7)


def two_streams_on_one_port(registry: Registry) -> None:
    first, second = next(iter(registry.calls.values())).streams.values()
    registry.media_ports["access"].give(first.ours[0].rtp.port, 0.0)
    first.ours = second.ours


def lose_a_key(registry: Registry) -> None:
    registry.calls_by_key.popitem()


def a_key_to_many(registry: Registry) -> None:
    next(iter(registry.calls.values())).keys.pop()


def lose_an_exchanges_keys(registry: Registry) -> None:
    registry.exchanges.clear()


def leave_the_call(registry: Registry) -> None:
    next(iter(registry.calls.values())).exchanges.pop()


def lose_a_name(registry: Registry) -> None:
    next(iter(registry.calls.values())).tokens.popitem()


def a_name_of_nobody(registry: Registry) -> None:
    registry.names.all()[0].owner = object()  # type: ignore[assignment]


def unsee_a_terminal(registry: Registry) -> None:
    registry.bindings_by_source.clear()


def unuser_a_terminal(registry: Registry) -> None:
    registry.bindings_by_user.clear()


def wait_though_confirmed(registry: Registry) -> None:
    (binding,) = list(registry.bindings.values())[:1]
    registry.pending.leave(binding)
    binding.state, kept = BindingState.PENDING, binding.state
    registry.pending.enter(binding)
    binding.state = kept


def let_go_of_a_port(registry: Registry) -> None:
    next(iter(registry.terminal_ports.values())).holders.clear()


def hold_a_port_for_nobody(registry: Registry) -> None:
    next(iter(registry.terminal_ports.values())).holders.add(object())


def misdirect_a_port(registry: Registry) -> None:
    port = next(iter(registry.terminal_ports.values()))
    port.holders.discard(port.binding)


def a_signalling_port_too_many(registry: Registry) -> None:
    registry.terminal_ports.pools["main"].take(0.0)


def lose_a_deadline(registry: Registry) -> None:
    next(iter(registry.calls.values())).due = None


def wait_in_vain(registry: Registry) -> None:
    entry = next(iter(registry.calls.values())).entry
    assert entry is not None
    entry[-1] = None


def a_timer_of_nobody(registry: Registry) -> None:
    class Stranger:
        due = entry = None

    registry.timers.set(Stranger(), 1e9)  # type: ignore[arg-type]


def miscount_calls(registry: Registry) -> None:
    registry.crowd.in_realm["calls", "access"] += 1


def miscount_bindings(registry: Registry) -> None:
    registry.crowd.in_realm["bindings", "access"] -= 1


def miscount_exchanges(registry: Registry) -> None:
    registry.crowd.in_realm["exchanges", "core"] += 1


def miscount_connections(registry: Registry) -> None:
    leg = next(iter(registry.calls.values())).legs[0]
    registry.waits.join(attrs.evolve(leg, listener=attrs.evolve(leg.listener, transport="tcp")))


def an_end_that_is_not_told(registry: Registry) -> None:
    next(each for each in registry.live_exchanges if each.open).state = ExchangeState.DONE


def miscount_a_source(registry: Registry) -> None:
    registry.crowd.per_source["access", NAT] += 1


COOKED: dict[Callable[[Registry], None], str] = {
    lose_a_stream: "is taken by nobody",
    forget_a_call: "forgotten",
    forget_an_exchange: "keyed but not alive",
    forget_a_binding: "forgotten",
    a_port_too_many: "is taken by nobody",
    a_port_too_few: "is used but not taken",
    a_port_out_of_nowhere: "do not add up",
    two_streams_on_one_port: "is in two streams",
    lose_a_key: "believes in key",
    a_key_to_many: "has a stray",
    lose_an_exchanges_keys: "alive but cannot be found",
    leave_the_call: "is not known to its call",
    lose_a_name: "does not know its name",
    a_name_of_nobody: "a name belongs to the forgotten",
    unsee_a_terminal: "is not found by its source",
    unuser_a_terminal: "is not found by its user",
    wait_though_confirmed: "not both",
    let_go_of_a_port: "belongs to nobody",
    hold_a_port_for_nobody: "is held by forgotten",
    misdirect_a_port: "leads to the forgotten",
    a_signalling_port_too_many: "signalling ports are taken",
    lose_a_deadline: "has no timer",
    wait_in_vain: "waits in vain",
    a_timer_of_nobody: "timers belong to nobody",
    miscount_calls: "calls are counted",
    miscount_bindings: "bindings are counted",
    miscount_exchanges: "exchanges are counted",
    miscount_a_source: "exchanges are counted for",
    miscount_connections: "connections of calls do not add up",
    an_end_that_is_not_told: "has ended and is counted",
}


@pytest.mark.parametrize(("cook", "found"), COOKED.items(), ids=[cook.__name__ for cook in COOKED])
def test_cooked_books_are_found(cook: Callable[[Registry], None], found: str) -> None:
    registry = busy().rig.border.registry
    assert audit(registry) == []
    cook(registry)
    faults = audit(registry)
    assert any(found in fault for fault in faults), faults


def test_the_engine_and_the_calls_must_agree_on_the_streams() -> None:
    talk = busy()
    registry, streams = talk.rig.border.registry, sorted(talk.rig.open_streams)
    assert len(streams) == 2 and audit(registry, streams) == []
    assert audit_streams(registry, streams[:1]) == [f"stream {streams[1]} of a call is not open in the engine"]
    assert audit(registry, [*streams, "else"]) == ["stream else is open in the engine but in no call"]
    assert audit(registry, None) == []


def test_each_check_is_whole_in_itself() -> None:
    """A running SBC asks one at a time, with messages in between."""
    talk = answered()
    for check in CHECKS:
        assert check(talk.rig.border.registry) == []
        talk.rig.from_access(inside(talk.asked, talk.back, TELL, 40 + CHECKS.index(check)).pack())


def test_an_empty_registry_balances() -> None:
    rig: Rig = toy_rig()
    assert audit(rig.border.registry, []) == []
