"""Bindings: what names one, and when its terminal stands behind a NAT."""

from __future__ import annotations

import attrs

from sbc.core.address import Address
from sbc.core.binding import ABSENT, Binding, BindingState
from sbc.core.message import Place
from sbc.core.realm import Side
from tests.rig import NAT, PHONE, make_plan


def binding(**changes: object) -> Binding:
    plan = make_plan("toy")
    access, core = plan.realms["access"], plan.realms["core"]
    made = Binding(
        id="b",
        dialect="toy",
        path=plan.paths[0],
        realm=access,
        user=b"alice",
        place=Place(PHONE, b"name"),
        seen=NAT,
        listener=access.listeners[0],
        onward=core.listeners[0],
    )
    return attrs.evolve(made, **changes)


def test_behind_a_nat_is_who_was_seen_elsewhere_than_it_believes_to_be() -> None:
    assert binding().behind_nat
    assert not binding(seen=PHONE).behind_nat
    assert binding(seen=Address(PHONE.host, PHONE.port + 1)).behind_nat
    core = attrs.evolve(binding().realm, side=Side.CORE)
    assert not binding(realm=core).behind_nat, "there are no terminals there"


def test_a_new_binding_waits_for_the_registrar_and_is_not_counted_absent() -> None:
    made = binding()
    assert made.state is BindingState.PENDING and made.state not in ABSENT
    assert BindingState.BOUND not in ABSENT
    assert "alice" in repr(made) and str(NAT) in repr(made)
