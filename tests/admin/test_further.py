"""Control channels and holds on the console."""

from __future__ import annotations

from sbc.admin.further import further_lines, further_view
from sbc.core.exchange import Hop
from tests.laws import with_streams
from tests.rig import NAT, PHONE, SOFTSWITCH, Rig, make_plan, sends
from tests.toy import ToyDialect
from tests.toy_calls import answered
from tests.toy_records import controlled


def test_a_call_without_one_says_nothing_of_it() -> None:
    talk = answered()
    view = further_view(talk.call, talk.rig.border.registry.controls)
    assert view == [{"paused": False, "control": None}] * 2 and list(further_lines(view)) == []


def test_where_it_is_taken_and_who_is_there_or_waited_for() -> None:
    rig = Rig.make(ToyDialect(), with_streams(make_plan("toy")))
    assert sends(rig.from_access(controlled(PHONE).pack()), "core")
    (call,) = rig.border.registry.calls.values()
    controls = rig.border.registry.controls
    (door,) = controls.listeners()
    rig._take(rig.border.accepted(door, SOFTSWITCH, rig.now))
    controls.of(call).ends[0].waiting.append(b"x")
    call.paused[1] = True
    view = further_view(call, controls)
    access, core = view[0]["control"], view[1]["control"]
    assert (access["takes"], access["connections"], access["waiting"]) == (f"{PHONE.host}:4500", [], 1)
    assert (core["door"], core["connections"]) == (str(door.advertised), [f"from {SOFTSWITCH}"])
    text = "\n".join(further_lines(view))
    assert "leg 1 has paused the other" in text and "control channel 0: not there, 1 messages wait" in text
    assert f"control channel 1: from {SOFTSWITCH}; our port {door.advertised}" in text
    assert controls.at(Hop(door, NAT)) is None
