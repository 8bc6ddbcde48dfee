"""Connections that terminals have open: one for each, which several may share."""

from __future__ import annotations

import attrs

from sbc.core.exchange import Hop
from sbc.core.lines import Line, Lines
from tests.rig import NAT, SOFTSWITCH
from tests.toy_calls import bound, toy_rig

LISTENER = toy_rig().border.plan.realms["access"].listeners[0]
TCP = attrs.evolve(LISTENER, transport="tcp")
ONE, TWO = Hop(TCP, NAT), Hop(TCP, SOFTSWITCH)


def bindings():  # type: ignore[no-untyped-def]
    rig = toy_rig()
    bound(rig)
    bound(rig, sender=SOFTSWITCH, source=NAT._replace(port=40009), user=b"other")
    return list(rig.border.registry.bindings.values())


def test_the_last_that_it_has_opened_counts() -> None:
    lines, (one, _) = Lines(), bindings()
    assert lines.give(one, Line(ONE, True)) is None and lines.of(one) == Line(ONE, True)
    assert lines.give(one, Line(ONE, False)) is None, "the same"
    assert lines.give(one, Line(TWO, True)) == ONE
    assert lines.holds(TWO) and not lines.holds(ONE) and len(lines) == 1


def test_what_others_are_called_by_stays() -> None:
    lines, (one, two) = Lines(), bindings()
    for each in (one, two):
        lines.give(each, Line(ONE, True))
    assert lines.take(one) is None and lines.holds(ONE) and lines.owners() == {two}
    assert lines.take(two) == ONE and lines.take(two) is None and not lines.holds(ONE)


def test_a_lost_one_is_nobodys() -> None:
    lines, (one, two) = Lines(), bindings()
    for each in (one, two):
        lines.give(each, Line(ONE, True))
    lines.lost(ONE)
    lines.lost(TWO)
    assert not lines and lines.of(one) is None
