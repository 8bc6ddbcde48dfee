"""Calls at gateways as the console shows them, and gateways in its tables and in the metrics."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

from sbc.admin import views
from sbc.admin.columns import BINDINGS
from sbc.admin.gathered import MOST, gathered_lines, gathered_view
from sbc.admin.metrics import METRICS
from sbc.core.binding import BindingState
from sbc.core.realm import Keepalive
from tests.core.test_lost import with_a_call
from tests.core.test_meeting import Reporting, made, two
from tests.rig import Rig
from tests.toy_calls import answered
from tests.toy_gateway import gateway, gateway_rig, opens, takes_off, yes


def test_its_members_what_was_counted_and_whom_it_has_met() -> None:
    one, other = two(gateway_rig(Reporting()))
    first, told, _ = made(one, 1)
    second, _, _ = made(other, 2, told)
    one.gather(opens(exchange=6), b"2")
    (asked,) = one.told(one.ask(takes_off(b"2", exchange=7)))
    one.say(yes(asked))
    view = gathered_view(first, one.rig.border.registry)
    assert view == {
        "gateway": one.binding.id,
        "user": "gw1",
        "state": "bound",
        "name": "00000000000000000001",
        "members": ["1"],
        "reported": {"2": {"packets_sent": "700", "packets_received": "50"}},
        "joined": [second.id],
    }
    assert json.dumps(view)
    text = "\n".join(gathered_lines(view))
    for part in (one.binding.id, "gw1, bound", "member 1", "counted 2: packets_sent 700", f"one with call {second.id}"):
        assert part in text
    assert list(gathered_lines({**view, "members": [str(each) for each in range(MOST + 3)]}))[MOST + 1].endswith(
        "3 more"
    )


def test_one_without_its_gateway_and_one_that_gathers_nobody() -> None:
    one = gateway()
    call = one.gather()
    del one.rig.border.registry.bindings[one.binding.id]
    view = gathered_view(call, one.rig.border.registry)
    assert view is not None and (view["state"], view["user"]) == ("gone", "")
    talk = answered()
    assert gathered_view(talk.call, talk.rig.border.registry) is None and list(gathered_lines(None)) == []


def test_a_gateway_never_expires_and_is_seen_to_be_lost() -> None:
    one = with_a_call(Keepalive())
    view = views.binding_view(one.binding, one.rig.now)
    cells = {column.title: column.cell(view) for column in BINDINGS}
    assert view["lasting"] and view["expires_in"] is None and cells["EXPIRES"] == "never"
    one.binding.state = BindingState.DEAD
    assert {column.title: column.cell(views.binding_view(one.binding, 0.0)) for column in BINDINGS}["STATE"] == "dead"


def read(rig: Rig, name: str) -> Any:
    (metric,) = [each for each in METRICS if each.name == name]
    return dict(metric.read(SimpleNamespace(border=rig.border)))  # type: ignore[arg-type]


def test_gateways_and_members_are_counted() -> None:
    one = with_a_call(Keepalive())
    one.gather(opens(exchange=6), b"2 3")
    assert read(one.rig, "sbc_gateways") == {("access", "bound"): 1}
    assert read(one.rig, "sbc_members") == {("access",): 3}
    one.binding.state = BindingState.DEAD
    assert read(one.rig, "sbc_gateways") == {("access", "dead"): 1}
    assert read(answered().rig, "sbc_gateways") == read(answered().rig, "sbc_members") == {}
