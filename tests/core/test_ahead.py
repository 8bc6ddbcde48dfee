"""Bandwidth of leave for calls: of who asks, the leave, the call. The whole is in tests/calls/test_bandwidth.py."""

from __future__ import annotations

from sbc.core.ahead import begun
from tests.calls.test_bandwidth import G711, ahead, assert_held, h323
from tests.calls.test_h323_calls import admitted, opened


def test_a_call_without_leave_has_nothing_ahead() -> None:
    rig = ahead(200)
    admitted(rig, bandWidth=0)
    assert_held(rig, 0)
    opened(rig)
    (call,) = rig.border.registry.calls.values()
    assert begun(rig.border.registry, None, call) is None and not call.ticket.ahead
    assert_held(rig, G711)


def test_where_it_is_not_believed_nothing_is_held() -> None:
    rig = h323(200)
    admitted(rig, bandWidth=1280)
    assert_held(rig, 0)


def test_leave_that_is_asked_for_anew_holds_it_once() -> None:
    rig = ahead(200)
    own = admitted(rig, bandWidth=1280)
    assert own is not None
    assert_held(rig, G711)
    opened(rig)
    assert_held(rig, G711)
    (call,) = rig.border.registry.calls.values()
    assert call.ticket.total.into[0] == G711
