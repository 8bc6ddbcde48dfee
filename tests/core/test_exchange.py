"""Exchanges: their waits, whom they speak to, and which of them end their call."""

from __future__ import annotations

import attrs
import pytest

from sbc.core.exchange import Exchange, ExchangeState, Hop
from sbc.core.message import Intent, Kind, Phase, Timing
from sbc.core.orders import Send
from tests.rig import NAT, SOFTSWITCH, make_plan
from tests.toy_calls import answered

TIMING = Timing(0.5, 32.0, 32.0, 32.0, 180.0, quiet=True, confirmed=True, repeat=4.0)
PLAN = make_plan("toy")
NEAR = Hop(PLAN.realms["access"].listeners[0], NAT)
FAR = Hop(PLAN.realms["core"].listeners[0], SOFTSWITCH)


def exchange(kind: Kind = Kind.OPEN, **changes: object) -> Exchange:
    made = Exchange("toy", Intent(kind, Phase.REQUEST, b"call", b"id"), TIMING, b"token", NEAR, FAR)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def test_waits_double_up_to_the_cap_of_the_state() -> None:
    made = exchange()
    assert [made.next_wait() for _ in range(8)] == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 32.0]
    made = exchange(state=ExchangeState.REFUSED)
    assert [made.next_wait() for _ in range(6)] == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0]


@pytest.mark.parametrize("state", ExchangeState)
def test_open_until_it_has_its_answer(state: ExchangeState) -> None:
    assert exchange(state=state).open == (state.value in ("trying", "proceeding", "withdrawing", "withdrawn"))


def test_it_speaks_to_both_sides_by_their_own_sockets() -> None:
    assert exchange().back(b"x") == [Send(NEAR.listener, NAT, b"x")]
    assert exchange().onward(b"x") == [Send(FAR.listener, SOFTSWITCH, b"x")]
    assert exchange().listeners == [NEAR.listener, FAR.listener]


def test_where_there_is_nobody_or_nothing_to_say_nothing_is_said() -> None:
    assert exchange().back(None) == []
    assert exchange(near=None).back(b"x") == []
    assert exchange(far=None).onward(b"x") == []
    assert exchange(near=None, far=None).listeners == []


def test_what_is_sent_carries_its_call() -> None:
    call = answered().call
    assert exchange(call=call).back(b"x")[0].call == call.id


def test_only_what_asks_to_end_the_whole_call_ends_it() -> None:
    call = answered().call
    assert not exchange(Kind.CLOSE).ends_call  # of no call
    assert not exchange(Kind.MODIFY, call=call).ends_call
    assert exchange(Kind.CLOSE, call=call).ends_call
    assert exchange(Kind.CLOSE, call=call, party=call.answered_by).ends_call
    assert not exchange(Kind.CLOSE, call=call, party=b"another").ends_call
    call.answered_by = b""
    assert exchange(Kind.CLOSE, call=call, party=b"another").ends_call


def test_a_connection_is_reliable_and_a_datagram_is_not() -> None:
    assert not NEAR.reliable
    assert Hop(attrs.evolve(NEAR.listener, transport="tcp"), NAT).reliable


def test_exchanges_are_themselves_and_not_their_values() -> None:
    one, other = exchange(), exchange()
    assert one != other and len({one, other}) == 2
