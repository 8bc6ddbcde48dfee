"""What the engine tells of keys and counters is kept with the call."""

from __future__ import annotations

from itertools import pairwise

import attrs
import pytest

from sbc.core import keyed
from sbc.core.call import Said, Stream
from sbc.core.keyed import MARGIN
from sbc.core.orders import OpenStream
from sbc.core.plain import Unfit
from sbc.core.secured import Fingerprint, Key, MediaSecurity, OwnRtcp, SideSecurity
from tests.calls.test_secured import Pair, browser
from tests.kept import restarted
from tests.rig import SOFTSWITCH, of
from tests.sip_messages import sdp

RECEIVE, SEND = Key("AEAD_AES_128_GCM", b"r" * 28), Key("AEAD_AES_128_GCM", b"s" * 28)
PRINTS = (Fingerprint("sha-256", bytes(range(100, 132))),)


def up() -> tuple[Pair, str]:
    pair = Pair.make(MediaSecurity.DTLS, MediaSecurity.NONE)
    pair.call(browser(), sdp(SOFTSWITCH.host))
    (call,) = pair.rig.border.registry.calls.values()
    (stream,) = call.streams.values()
    pair.rig.border.registry.changed = {}
    return pair, stream.id


def test_keys_of_a_handshake_are_the_sides() -> None:
    pair, id = up()
    registry = pair.rig.border.registry
    pair.rig.border.secured(id, 0, RECEIVE, SEND, PRINTS)
    call, stream = keyed.find(registry, id)
    assert call is not None and stream is not None and list(registry.changed or ()) == [call]
    ((_, side, force),) = keyed.forces(call)
    assert side == 0 and (force.receive, force.send) == (RECEIVE, SEND) and stream.side(call, 0).security == force


def test_keys_that_may_come_in_force_again_are_passed_over_after_a_restart_too() -> None:
    """Of two who have answered, the second is in force when the SBC dies, and the first is who takes the call."""
    pair, id = up()
    pair.rig.border.secured(id, 0, RECEIVE, SEND, PRINTS)
    keyed.rolled(pair.rig.border.registry, id, ((((1, 8, 80_000, 5),)), ()))
    _, stream = keyed.find(pair.rig.border.registry, id)
    assert stream is not None and stream.wards is not None
    first = stream.wards
    stream.early[b"first"] = Said(stream.remote[0], stream.media[0], stream.held[0], stream.flows[0], first)
    second = attrs.evolve(first[0], force=SideSecurity(RECEIVE, Key("AEAD_AES_128_GCM", b"t" * 28)))
    stream.wards = second, first[1]
    keyed.reopen(stream, 2)
    stream.settle(b"first", 0)
    assert stream.wards is not None and stream.wards[0].force is not None
    force = stream.wards[0].force
    assert force.send == SEND and force.begins >= 2 * keyed.MARGIN
    assert force.rollover == ((1, 8, 80_000, 5 + 2 * keyed.MARGIN),)


def test_keys_of_who_had_another_certificate_are_not_kept() -> None:
    """The engine goes on with them until who is meant now has shaken hands; who takes the call up waits for that."""
    pair, id = up()
    pair.rig.border.secured(id, 0, RECEIVE, SEND, (Fingerprint("sha-256", bytes(32)),))
    _, stream = keyed.find(pair.rig.border.registry, id)
    assert stream is not None and stream.wards is not None and stream.wards[0].force is not None
    assert not stream.wards[0].force.keyed and not pair.rig.border.registry.changed


def test_keys_that_are_told_again_keep_what_is_known_of_them() -> None:
    pair, id = up()
    rows = (((0, 7, 70_000, 3), (1, 8, 80_000, 5)), ())
    pair.rig.border.secured(id, 0, RECEIVE, SEND, PRINTS)
    keyed.rolled(pair.rig.border.registry, id, rows)
    for send, kept in ((SEND, rows[0]), (RECEIVE, rows[0][:1])):
        pair.rig.border.secured(id, 0, RECEIVE, send, PRINTS)
        _, stream = keyed.find(pair.rig.border.registry, id)
        assert stream is not None and stream.wards is not None and stream.wards[0].force is not None
        assert stream.wards[0].force.rollover == kept


def test_counters_are_kept_while_there_are_keys() -> None:
    pair, id = up()
    registry = pair.rig.border.registry
    rows = (((0, 7, 70_000, 3), (1, 8, 80_000, 5)), ())
    keyed.rolled(registry, id, rows)
    assert not registry.changed, "there is nothing to count with"
    pair.rig.border.secured(id, 0, RECEIVE, SEND, PRINTS)
    keyed.rolled(registry, id, rows)
    call, stream = keyed.find(registry, id)
    assert stream is not None and call is not None
    spec = stream.side(call, 0)
    assert spec.security is not None and spec.security.rollover == rows[0]
    again = keyed.beyond(spec.security)
    assert again.rollover == ((0, 7, 70_000, 3), (1, 8, 80_000, 5 + keyed.MARGIN)) and again.begins == keyed.MARGIN


def test_what_is_gone_or_plain_is_left_alone() -> None:
    pair, id = up()
    pair.rig.border.secured("gone/1", 0, RECEIVE, SEND, PRINTS)
    pair.rig.border.secured(id, 1, RECEIVE, SEND, PRINTS)
    call, _ = keyed.find(pair.rig.border.registry, id)
    assert call is not None
    ((_, side, force),) = keyed.forces(call)
    assert side == 0 and force.receive is None


def test_a_call_goes_on_after_a_restart_with_its_keys_and_counters() -> None:
    pair, id = up()
    registry = pair.rig.border.registry
    pair.rig.border.secured(id, 0, RECEIVE, SEND, PRINTS)
    keyed.rolled(registry, id, (((0, 7, 70_000, 3), (1, 8, 80_000, 5)), ()))
    call, stream = keyed.find(registry, id)
    assert call is not None and stream is not None
    again, orders = restarted(pair.rig)
    (opened,) = of(OpenStream, orders)
    access, core = (each.security for each in opened.spec.sides)
    before = stream.side(call, 0).security
    assert core is None and access is not None and before is not None and access == keyed.beyond(before) != before
    other, same = keyed.find(again.border.registry, id)
    assert other is not None and same is not None and same.side(other, 0).security == access, "it is kept as it is used"


def test_what_one_process_may_have_used_the_next_does_not() -> None:
    """Also if it was killed before it had told anything, or had known of a source that it had told nothing of."""
    pair, id = up()
    pair.rig.border.secured(id, 0, RECEIVE, SEND, PRINTS)
    keyed.rolled(pair.rig.border.registry, id, (((1, 8, 80_000, 5), (1, 9, 10, -1)), ()))
    used, kept = [[5, -1, -1]], 1
    for run, writes in ((2, True), (3, False), (4, False), (5, True), (6, True)):
        made, orders = restarted(pair.rig, number=run, kept=kept)
        (opened,) = of(OpenStream, orders)
        security = opened.spec.sides[0].security
        assert security is not None
        used.append([*(row[3] for row in security.rollover), security.begins])
        if writes:
            pair.rig, kept = made, run
    for numbers in zip(*used, strict=True):
        assert all(later - one >= keyed.MARGIN for one, later in pairwise(numbers))


def test_a_call_with_keys_is_not_taken_up_by_a_process_that_does_not_know_which_it_is() -> None:
    pair, id = up()
    pair.rig.border.secured(id, 0, RECEIVE, SEND, PRINTS)
    with pytest.raises(Unfit, match="further than is known"):
        restarted(pair.rig, number=0)


def test_numbers_of_rtcp_end() -> None:
    far = keyed.beyond(SideSecurity(RECEIVE, SEND, rollover=((1, 8, 80_000, keyed.MOST_RTCP - 7),)), 4000)
    assert far.rollover == ((1, 8, 80_000, keyed.MOST_RTCP),) and far.begins == keyed.MOST_RTCP


def test_counters_are_kept_anew_before_they_come_in_doubt() -> None:
    pair, id = up()
    registry = pair.rig.border.registry
    pair.rig.border.secured(id, 0, RECEIVE, SEND, PRINTS)
    _, stream = keyed.find(registry, id)
    assert stream is not None and not keyed.has_moved(stream, ((), ()))
    first = (((0, 7, 70_000, 3),), ())
    assert keyed.has_moved(stream, first)
    keyed.rolled(registry, id, first)
    assert not keyed.has_moved(stream, (((0, 7, 70_000 + keyed.DOUBT - 1, 9),), ()))
    assert keyed.has_moved(stream, (((0, 7, 70_000 + keyed.DOUBT, 9),), ()))
    assert not keyed.has_moved(stream, (((0, 7, 70_000, 3 + keyed.DOUBT - 1),), ()))
    assert keyed.has_moved(stream, (((0, 7, 70_000, 3 + keyed.DOUBT),), ())), "a number of RTCP is used once, too"
    assert keyed.has_moved(stream, (((0, 7, 70_000, 3), (1, 9, 1, 1)), ()))


def test_rtcp_has_keys_of_its_own() -> None:
    """Where it has a port of its own; what is known of the others stays."""
    pair, id = up()
    border = pair.rig.border
    border.secured(id, 0, RECEIVE, SEND, PRINTS, True)
    _, stream = keyed.find(border.registry, id)
    assert stream is not None and stream.wards is not None and stream.wards[0].force is not None
    assert stream.wards[0].force.rtcp is None, "it goes by the port of RTP"
    put(stream, attrs.evolve(stream.wards[0].force, rtcp=OwnRtcp()))
    border.secured(id, 0, RECEIVE, SEND, PRINTS)
    keyed.rolled(border.registry, id, (((0, 7, 70_000, 3), (2, 7, -1, 9), (3, 8, -1, 5)), ()))
    border.secured(id, 0, SEND, RECEIVE, PRINTS, True)
    force = stream.wards[0].force
    assert force is not None and force.rtcp == OwnRtcp(SEND, RECEIVE)
    assert (force.receive, force.send, force.rollover) == (RECEIVE, SEND, ((0, 7, 70_000, 3),))
    rolled = ((0, 7, 70_000, 3), (2, 7, -1, 9), (3, 8, -1, 5))
    keyed.rolled(border.registry, id, (rolled, ()))
    keyed.reopen(stream)
    force = stream.wards[0].force
    assert force is not None and force.rollover == (*rolled[:2], (3, 8, -1, 5 + MARGIN)), "what we send skips numbers"


ONE_WAY = [
    (SideSecurity(None, SEND), ((1, 8, 80_000, 5),)),
    (SideSecurity(RECEIVE), ((0, 7, 70_000, 3),)),
    (SideSecurity(rtcp=OwnRtcp(RECEIVE, SEND)), ((2, 7, -1, 9), (3, 8, -1, 5))),
]


@pytest.mark.parametrize(("force", "kept"), ONE_WAY, ids=["sends", "receives", "rtcp alone"])
def test_counters_of_keys_in_one_direction_are_kept_and_of_those_alone(force: SideSecurity, kept: keyed.Rows) -> None:
    """Who is sent to before it sends has one key; begun anew with it, every packet's keystream would be used again."""
    pair, id = up()
    registry = pair.rig.border.registry
    _, stream = keyed.find(registry, id)
    assert stream is not None and stream.wards is not None
    put(stream, force)
    strange = ((0, 1, 2, 3), (1, 1, 2, 3), (2, 1, 2, 3), (3, 1, 2, 3))
    strange = tuple(row for row in strange if row[0] not in {each[0] for each in kept})
    assert keyed.has_moved(stream, (kept, ()))
    keyed.rolled(registry, id, ((*kept, *strange), ()))
    assert registry.changed and stream.wards[0].force is not None and stream.wards[0].force.rollover == kept
    assert not keyed.has_moved(stream, ((*kept, *strange), ())), "there is no key that those are of"
    keyed.reopen(stream)
    again = stream.wards[0].force
    assert again is not None and again.begins == MARGIN
    assert [row[:3] for row in again.rollover] == [row[:3] for row in kept]


def put(stream: Stream, force: SideSecurity) -> None:
    assert stream.wards is not None
    stream.wards = attrs.evolve(stream.wards[0], force=force), stream.wards[1]
