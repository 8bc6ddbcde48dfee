"""What a message says of security is agreed on stream by stream; of calls see tests/calls/test_secured.py."""

from __future__ import annotations

import attrs

from sbc.core.address import Address
from sbc.core.agreeing import Agreeing
from sbc.core.message import Place, Role, Slot
from sbc.core.secured import MediaSecurity, Secured
from tests.calls.test_secured import OURS, Pair, browser, line
from tests.rig import SOFTSWITCH
from tests.sip_messages import sdp


def test_what_is_late_changes_nothing_and_who_only_repeats_is_told_its_own() -> None:
    pair = Pair.make(MediaSecurity.DTLS, MediaSecurity.NONE)
    _, told, _ = pair.call(browser(), sdp(SOFTSWITCH.host))
    registry = pair.rig.border.registry
    (call,) = registry.calls.values()
    (stream,) = call.streams.values()
    assert call.opening is not None and stream.wards is not None
    slot = Slot(Role.RTP, Place(Address("192.0.2.1", 4000)), None, stream=0)
    agreeing = Agreeing(registry.networks, call.opening, 1, (call.legs[1].realm, call.legs[0].realm), True, ())
    assert agreeing.translates and agreeing.bars_foreign
    agreeing.slots[slot] = stream
    assert agreeing.secure(True, True) == [(slot, stream.wards[0].told)] and agreeing.wards == {}
    assert line(told, b"fingerprint") and OURS in (stream.wards[0].told or Secured()).fingerprints
    ours = Slot(Role.RTP, Place(stream.ours[1].rtp), None, stream=0)
    assert not agreeing.repeats(stream, ours), "nothing is repeated of what is secured"
    stream.wards = None
    assert agreeing.repeats(stream, ours) and not agreeing.repeats(stream, slot)


def test_what_is_turned_down_is_told_by_its_profile_and_is_nowhere() -> None:
    pair = Pair.make(MediaSecurity.DTLS, MediaSecurity.NONE)
    pair.call(browser(), sdp(SOFTSWITCH.host))
    registry = pair.rig.border.registry
    (call,) = registry.calls.values()
    (stream,) = call.streams.values()
    assert stream.wards is not None and stream.wards[0].told is not None and call.opening is not None
    told = attrs.evolve(stream.wards[0].told, at=Address("203.0.113.1", 20000))
    stream.wards = attrs.evolve(stream.wards[0], told=told), stream.wards[1]
    realms = call.legs[1].realm, call.legs[0].realm
    agreeing = Agreeing(registry.networks, call.opening, 1, realms, False, ())
    slot = Slot(Role.RTP, Place(Address("192.0.2.1", 0)), None, stream=0)
    agreeing.slots[slot] = None
    ((_, said),) = agreeing.secure(True, True)
    assert said is not None and said.at is None and said.fingerprints
