"""What cannot be reached, with a protocol of the tests' own: whoever waits is told, once, and the books balance."""

from __future__ import annotations

import attrs
import pytest

from sbc.core.audit import audit
from sbc.core.exchange import ExchangeState
from sbc.core.message import Cause
from sbc.core.orders import Listener, Order
from tests.rig import NAT, SOFTSWITCH, Rig, events, make_plan
from tests.toy import CAUSES, ToyDialect
from tests.toy_calls import Talk, opened, read, to_access, to_core
from tests.toy_records import FAILURE, PENDING, PROVISIONAL, WITHDRAW, answer


def stream_rig() -> tuple[Rig, Listener]:
    """A rig whose core side takes connections."""
    plan = make_plan("toy")
    core = plan.realms["core"]
    own = attrs.evolve(core.listeners[0], transport="tcp")
    realms = {**plan.realms, "core": attrs.evolve(core, listeners=(own,))}
    return Rig.make(ToyDialect(), attrs.evolve(plan, realms=realms)), own


def lose(rig: Rig, own: Listener) -> list[Order]:
    return rig._take(rig.border.unreachable(own, SOFTSWITCH, "refused", rig.now))


def heard(talk: Talk, stage: int) -> None:
    talk.rig.from_core(answer(talk.sent, SOFTSWITCH.host, stage).pack())


@pytest.mark.parametrize("stage", [None, PENDING, PROVISIONAL])
def test_whoever_waits_is_told_once(stage: int | None) -> None:
    rig, own = stream_rig()
    talk = opened(rig)
    if stage is not None:
        heard(talk, stage)
    orders = lose(rig, own)
    (told,) = read([send.data for send in to_access(orders)])
    assert (told.stage, told.cause) == (FAILURE, 1 + CAUSES.index(Cause.UNREACHABLE))
    assert [read([send.data])[0].op for send in to_core(orders)] == ([WITHDRAW] if stage is not None else [])
    assert talk.exchange.state is not ExchangeState.TRYING and not talk.exchange.open
    assert not to_access(lose(rig, own)), "the second loss concerns the withdrawal alone"
    assert not lose(rig, own)
    rig.wait(200)
    assert not rig.border.registry.calls and not rig.border.registry.waits.all()


def test_a_loss_elsewhere_is_no_business_of_theirs() -> None:
    rig, own = stream_rig()
    talk = opened(rig)
    assert not rig.border.unreachable(own, NAT, "refused", rig.now)
    assert talk.exchange.state is ExchangeState.TRYING


def test_what_was_withdrawn_unheard_ends_so() -> None:
    rig, own = stream_rig()
    talk = opened(rig)
    talk.exchange.state = ExchangeState.WITHDRAWING
    orders = lose(rig, own)
    assert "gave-up" in events(orders) and not to_core(orders)


def test_the_auditor_sees_who_waits_in_vain() -> None:
    rig, _ = stream_rig()
    talk = opened(rig)
    registry = rig.border.registry
    registry.live_exchanges.discard(talk.exchange)
    assert any("is waited for but not alive" in fault for fault in audit(registry))
    registry.live_exchanges.add(talk.exchange)
    far, talk.exchange.far = talk.exchange.far, talk.exchange.near
    assert any("waits where nobody looks" in fault for fault in audit(registry))
    talk.exchange.far = far
    assert audit(registry, rig.open_streams) == []
