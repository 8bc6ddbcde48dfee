"""Sides secured by handshakes: two shake hands, with and without ICE; what engine and core hear of it."""

from __future__ import annotations

import random

import attrs
import pytest

from sbc.core.address import Address, Pair
from sbc.core.orders import Latch
from sbc.core.secured import Dtls, Ice, IcePair, OwnRtcp, SideSecurity
from sbc.media.dtls import PATIENCE, Association
from sbc.media.ice import CONSENT
from sbc.media.stun import Kind, read
from tests.media.handshakes import OURS, STRANGER, THEIR_TERMS, THEIRS
from tests.media.secured_rig import HERE, THERE, End, Net, agreed, ends, server, shaken
from tests.media.test_ice import Peer

MOVED = Address("192.0.2.8", 41000)
WE, THEY = Ice("ours", "o" * 22), Ice("theirs", "t" * 22)
ICE = IcePair(WE, THEY)


def check(us: End, source: Address = THERE, nominate: bool = True, pair: IcePair = ICE) -> int | Address | None:
    """Let the peer check us, and say what it is told."""
    us.engine.handshake(us.stream, 0, False, Peer(pair, pair.ours.password).check(nominate), source)
    (answer,) = [data for _, to, data in us.net.waiting if to == source and data[0] == 1]
    us.net.waiting = [each for each in us.net.waiting if each[2] is not answer]
    said = read(answer)
    return said.mapped if said.kind is Kind.SUCCESS else said.error


def test_two_shake_hands() -> None:
    us, peer = shaken(Net())
    assert us.noted.aims == [(us.stream, 0, THERE, None)]
    assert us.keys is not None
    keyed = ("keyed", us.stream, 0, *us.keys, (THEIRS.fingerprint,), False)
    assert us.observer.heard == [keyed, ("secured", us.stream, 0, us.keys[0].suite)]
    assert peer.observer.words() == ["secured"]
    assert us.counted["keyed"] == 1 and "unsecured" not in str(us.observer.heard)


def test_who_is_not_proven_by_ice_shows_a_cookie_first() -> None:
    """Nothing is kept, and less is sent than has come, for who only claims to be there."""
    net = Net()
    us, _ = ends(net)
    us.open(server(THEIRS.fingerprint))
    del net.ends[THERE]
    hello = Association(THEIR_TERMS, True, (), 0).begin()[0]
    for _ in range(50):
        us.engine.handshake(us.stream, 0, False, hello, THERE)
    net.run()
    assert 0 < net.sent[THERE] < 50 * len(hello)
    peer = End(net, THEIRS, THERE, HERE)
    peer.open(Dtls(True, (OURS.fingerprint,)))
    net.run()
    assert agreed(us, peer)


@pytest.mark.parametrize("seed", range(5))
def test_datagrams_may_be_late_and_doubled(seed: int) -> None:
    net, chance = Net(), random.Random(seed)
    late: list[tuple[Address, Address, bytes]] = []
    doubled = 6

    def passed(waiting: list[tuple[Address, Address, bytes]]) -> list[tuple[Address, Address, bytes]]:
        nonlocal doubled
        if doubled > 0:
            doubled -= 1
            late[:] = waiting
            return chance.sample(waiting * 2, 2 * len(waiting))
        return waiting

    net.passed = passed
    us, peer = shaken(net)
    assert us.observer.words() == peer.observer.words() == ["secured"]


def test_another_certificate_than_promised_gets_no_keys() -> None:
    net = Net()
    us, peer = End(net, OURS, HERE, THERE), End(net, STRANGER, THERE, HERE)
    us.open(server(THEIRS.fingerprint))
    peer.open(Dtls(True, (OURS.fingerprint,)))
    net.run()
    assert us.keys is None and us.counted["fingerprint"] >= 1
    assert us.observer.words() == ["unsecured fingerprint"] and us.observer.failures() == ["fingerprint"]
    assert us.noted.aims == [] and us.counted["failed"] == 1


def test_a_stranger_with_another_certificate_is_no_failure() -> None:
    net = Net()
    us, stranger = End(net, OURS, HERE, THERE), End(net, STRANGER, MOVED, HERE)
    us.open(server(THEIRS.fingerprint), behind_nat=True)
    stranger.open(Dtls(True, (OURS.fingerprint,)))
    net.run()
    assert us.observer.words() == ["unsecured fingerprint"] and us.observer.failures() == []
    us, _ = shaken(net)
    assert us.observer.words() == ["secured"]


def test_the_handshake_may_come_before_the_fingerprint() -> None:
    """RFC 5763 section 6.2: keys are held back until the answer is there."""
    net = Net()
    us, peer = ends(net)
    us.open(server())
    peer.open(Dtls(True, (OURS.fingerprint,)))
    net.run()
    assert peer.keys is not None and us.keys is None and us.observer.heard == []
    us.update(server(THEIRS.fingerprint))
    assert agreed(us, peer) and us.observer.words() == ["secured"]


def test_held_keys_of_another_certificate_are_thrown_away() -> None:
    net = Net()
    us, peer = End(net, OURS, HERE, THERE), End(net, STRANGER, THERE, HERE)
    us.open(server())
    peer.open(Dtls(True, (OURS.fingerprint,)))
    net.run()
    us.update(server(THEIRS.fingerprint))
    net.run()
    assert us.keys is None and us.counted["fingerprint"] == 1 and us.observer.words() == ["unsecured fingerprint"]
    assert peer.observer.words() == ["secured", "unsecured closed"]


def test_from_where_a_handshake_may_come() -> None:
    """As media may: the signalled address; behind a NAT any, or by `strict` only the host of the signalling."""
    hello = Association(THEIR_TERMS, True, (), 0).begin()[0]
    for changes, source, taken in (
        ({}, THERE, True),
        ({}, MOVED, False),
        ({"behind_nat": True}, MOVED, True),
        ({"behind_nat": True, "latch": Latch.STRICT}, MOVED, False),
        ({"behind_nat": True, "latch": Latch.STRICT, "seen_host": MOVED.host}, MOVED, True),
        ({"behind_nat": True, "latch": Latch.OFF}, MOVED, False),
        ({"remote": None, "seen_host": MOVED.host}, MOVED, True),
        ({"remote": None}, MOVED, False),
    ):
        net = Net()
        us, _ = ends(net)
        us.open(server(THEIRS.fingerprint), **changes)  # type: ignore[arg-type]
        us.engine.handshake(us.stream, 0, False, hello, source)
        assert bool(net.waiting) is taken, (changes, source)
        assert us.counted["unproven"] == (not taken)


def test_with_ice_only_who_was_checked_is_spoken_to() -> None:
    net = Net()
    us, peer = ends(net)
    us.open(server(THEIRS.fingerprint), ICE)
    peer.open(Dtls(True, (OURS.fingerprint,)))
    net.run()
    assert net.sent[THERE] == 0 and us.counted["unproven"] == 1
    assert check(us) == THERE
    assert us.noted.aims == [(us.stream, 0, THERE, None)]
    peer.update(Dtls(True, (OURS.fingerprint,)))
    peer.engine.close(peer.stream)
    peer = End(net, THEIRS, THERE, HERE)
    peer.open(Dtls(True, (OURS.fingerprint,)))
    net.run()
    assert agreed(us, peer) and us.observer.words() == ["secured"]


def test_we_begin_when_we_are_to_and_the_peer_is_found() -> None:
    net = Net()
    us, peer = ends(net)
    peer.open(server(OURS.fingerprint))
    us.open(Dtls(True, (THEIRS.fingerprint,)), ICE)
    net.run()
    assert net.sent[THERE] == 0
    assert check(us, nominate=False) == THERE and net.waiting == []
    check(us)
    net.run()
    assert agreed(us, peer)


def test_media_follows_the_nominated_pair_and_the_keys_stay() -> None:
    net = Net()
    us, peer = ends(net)
    us.open(server(THEIRS.fingerprint), ICE)
    check(us)
    peer.open(Dtls(True, (OURS.fingerprint,)))
    net.run()
    net.clock.advance(2)
    check(us, MOVED)
    assert us.noted.aims[-1] == (us.stream, 0, MOVED, None) and len(us.noted.keys) == 1
    us.update(server(THEIRS.fingerprint), ICE, remote=Pair(MOVED, None))
    assert us.observer.heard[-1] == ("latched", us.stream, 0, MOVED, "nominated")  # the core has it anew


def test_without_checks_the_side_is_paused_until_they_come_again() -> None:
    net = Net()
    us, peer = ends(net)
    us.open(server(THEIRS.fingerprint), ICE)
    check(us)
    peer.open(Dtls(True, (OURS.fingerprint,)))
    net.run()
    net.clock.advance(CONSENT - 5)
    check(us)
    net.clock.pump([1] * (int(CONSENT) - 1))
    assert us.observer.words() == ["secured"]
    net.clock.pump([1] * 2)
    assert us.observer.words() == ["secured", "unsecured consent"] and us.noted.aims[-1][2:] == (None, None)
    check(us)
    assert us.observer.words() == ["secured", "unsecured consent", "secured"]
    assert us.noted.aims[-1] == (us.stream, 0, THERE, None) and us.counted["consent"] == 1


def test_who_speaks_need_not_check() -> None:
    """RFC 5245 knows no consent: after the nomination only media comes."""
    net = Net()
    us, peer = ends(net)
    us.open(server(THEIRS.fingerprint), ICE)
    check(us)
    peer.open(Dtls(True, (OURS.fingerprint,)))
    net.run()
    for _ in range(100):
        us.noted.packets += 50
        net.clock.advance(1)
    assert us.observer.words() == ["secured"]
    net.clock.pump([1] * 2 * int(CONSENT))
    assert us.observer.words() == ["secured", "unsecured consent"] and us.noted.aims[-1][2:] == (None, None)


def test_where_the_peer_is_lite_too_media_goes_where_it_is_signalled() -> None:
    """RFC 8445 section 8.2: nobody checks, and both have one candidate."""
    net = Net()
    us, peer = ends(net)
    us.open(server(THEIRS.fingerprint), IcePair(WE, Ice("theirs", "t" * 22, lite=True)))
    assert us.noted.aims == [(us.stream, 0, THERE, None)]
    peer.open(Dtls(True, (OURS.fingerprint,)))
    net.run()
    assert agreed(us, peer)


def test_a_handshake_that_does_not_come_is_told_of() -> None:
    net = Net()
    us, _ = ends(net)
    us.open(server())
    net.clock.pump([10.0] * 10)
    assert us.observer.heard == []  # the peer has not answered yet
    us.update(server(THEIRS.fingerprint))
    net.clock.pump([1.0] * (int(PATIENCE) + 1))
    assert us.observer.words() == ["unsecured timeout"] and us.observer.failures() == ["timeout"]
    net.clock.pump([10.0] * 10)
    assert us.observer.words() == ["unsecured timeout"]


def test_another_role_or_certificate_is_another_association() -> None:
    """RFC 8842 section 4; the keys in force serve until there are others."""
    net = Net()
    us, peer = shaken(net)
    first = us.keys
    peer.engine.close(peer.stream)
    net.waiting.clear()  # its close_notify is lost
    other = End(net, STRANGER, THERE, HERE)
    us.update(server(STRANGER.fingerprint))
    assert us.keys == first
    other.open(Dtls(True, (OURS.fingerprint,)))
    net.run()
    assert agreed(us, other) and us.keys != first
    other.update(server(OURS.fingerprint))
    us.update(Dtls(True, (STRANGER.fingerprint,)))
    net.run()
    assert agreed(us, other) and len(us.noted.keys) == 3


def test_what_is_taken_back_leaves_the_keys_that_were() -> None:
    """An offer inside the call is answered early, and refused: the session is as it was (RFC 3261 section 14.1)."""
    net = Net()
    us, _ = shaken(net)
    assert us.keys is not None
    before = SideSecurity(*us.keys, server(THEIRS.fingerprint))
    us.update(server(STRANGER.fingerprint))
    other = End(net, STRANGER, THERE, HERE)
    other.open(Dtls(True, (OURS.fingerprint,)))
    net.run()
    assert agreed(us, other) and us.observer.heard[-2][5] == (STRANGER.fingerprint,)
    us.update(None, security=before)
    assert us.noted.specs[us.stream].sides[0].security == before
    net.clock.pump([1.0] * (int(PATIENCE) + 1))
    assert us.observer.words() == ["secured", "secured"]
    us.update(None, security=attrs.evolve(before, receive=None, send=None))
    security = us.noted.specs[us.stream].sides[0].security
    assert security == before and us.observer.heard[-1] == (
        "keyed",
        us.stream,
        0,
        before.receive,
        before.send,
        (THEIRS.fingerprint,),
        False,
    )


def test_keys_on_other_terms_serve_until_the_handshake_is_done() -> None:
    us, _ = shaken(Net())
    keys = us.keys
    us.update(server(STRANGER.fingerprint))
    security = us.noted.specs[us.stream].sides[0].security
    assert security is not None and (security.receive, security.send) == keys
    assert us.observer.heard[-1][5] == (THEIRS.fingerprint,), "the core is not to take them for those of the new terms"


def test_the_same_again_changes_nothing() -> None:
    net = Net()
    us, peer = shaken(net)
    us.update(server(THEIRS.fingerprint))
    peer.update(Dtls(True, (OURS.fingerprint,)))
    net.run()
    assert len(us.noted.keys) == len(peer.noted.keys) == 1


def test_the_peer_may_end_it() -> None:
    net = Net()
    us, peer = shaken(net)
    assert peer.engine.close(peer.stream) == "volume"
    net.run()
    assert us.observer.words() == ["secured", "unsecured closed"] and us.counted["closed"] == 1


def test_what_an_earlier_process_had_goes_on() -> None:
    us, _ = shaken(Net())
    assert us.keys is not None
    net = Net()
    again = End(net, OURS, HERE, THERE)
    security = SideSecurity(us.keys[0], us.keys[1], server(THEIRS.fingerprint), ICE)
    again.open(None, security=security, latched=THERE)
    assert again.noted.aims == [(again.stream, 0, THERE, None)]
    net.clock.pump([1.0] * (int(PATIENCE) - 1))
    assert again.observer.heard == [] and net.sent[THERE] == 0
    check(again)
    peer = End(net, THEIRS, THERE, HERE)
    peer.open(Dtls(True, (OURS.fingerprint,)))
    net.run()
    assert agreed(again, peer)


def test_what_is_for_nobody() -> None:
    net = Net()
    us, _ = ends(net)
    us.open(server(THEIRS.fingerprint))
    us.engine.handshake(us.stream, 0, False, b"\x80" + bytes(40), THERE)
    us.engine.handshake(us.stream, 0, False, Peer().check(), THERE)  # no ICE was agreed on
    us.engine.handshake(us.stream, 0, True, b"\x16\xfe\xfd" + bytes(60), THERE)  # not on RTCP's own port
    us.engine.handshake(us.stream, 1, False, b"\x16\xfe\xfd" + bytes(60), THERE)
    us.engine.handshake("other", 0, False, b"\x16\xfe\xfd" + bytes(60), THERE)
    assert us.counted["stray"] == 5 and net.waiting == []


def test_both_components_of_ice() -> None:
    net = Net()
    us, _ = ends(net)
    us.open(None, ICE, local=Pair(HERE, Address(HERE.host, 20001)))
    us.engine.handshake(us.stream, 0, True, Peer(ICE, WE.password).check(True), Address(THERE.host, 40001))
    assert net.waiting[-1][0] == Address(HERE.host, 20001)
    check(us)
    assert us.noted.aims == [(us.stream, 0, THERE, Address(THERE.host, 40001))]


RTCP_HERE, RTCP_THERE = Address(HERE.host, HERE.port + 1), Address(THERE.host, THERE.port + 1)


def parted(net: Net, ice: IcePair | None = None) -> tuple[End, End]:
    """Both, whose RTCP has ports of its own."""
    us, peer = ends(net)
    net.ends |= {RTCP_HERE: us, RTCP_THERE: peer}
    net.rtcp = {RTCP_HERE, RTCP_THERE}
    here, there = Pair(HERE, RTCP_HERE), Pair(THERE, RTCP_THERE)
    us.open(None, local=here, remote=there, security=own(server(THEIRS.fingerprint), ice))
    peer.open(None, local=there, remote=here, security=own(Dtls(True, (OURS.fingerprint,))))
    return us, peer


def own(dtls: Dtls | None, ice: IcePair | None = None, rtcp: OwnRtcp | None = OwnRtcp()) -> SideSecurity:  # noqa: B008
    return SideSecurity(dtls=dtls, ice=ice, rtcp=rtcp)


def test_rtcp_has_a_handshake_of_its_own() -> None:
    """RFC 5764 section 4.1: an association for each port, and none is taken for the other's."""
    net = Net()
    us, peer = parted(net)
    net.run()
    assert agreed(us, peer) and us.observer.words() == peer.observer.words() == ["secured"]
    ((*_, receive, send),), ((*_, received, sent),) = us.noted.rtcp_keys, peer.noted.rtcp_keys
    assert (receive, send) == (sent, received) and us.keys not in ((receive, send), (send, receive))
    assert ("keyed", us.stream, 0, receive, send, (THEIRS.fingerprint,), True) in us.observer.heard
    assert us.noted.aims[-1] == (us.stream, 0, THERE, RTCP_THERE) and us.counted["keyed"] == 2


def test_that_of_rtcp_is_waited_for_and_harms_nobody() -> None:
    """Who makes none has no RTCP, and the call goes on; nor does a stranger's certificate end it."""
    net = Net()
    us, _ = parted(net)
    net.passed = lambda waiting: [each for each in waiting if each[1] not in net.rtcp]
    net.run()
    assert us.noted.rtcp_keys == [] and us.counted["keyed"] == 1
    net.clock.pump([1.0] * (int(PATIENCE) + 1))
    assert us.counted["no-rtcp"] == us.counted["timeout"] == 1
    assert us.observer.words() == ["secured"] and us.observer.failures() == []
    net.waiting.clear()
    stranger = End(net, STRANGER, RTCP_THERE, RTCP_HERE)
    stranger.open(Dtls(True, (OURS.fingerprint,)))
    net.passed = lambda waiting: waiting
    net.rtcp = {RTCP_HERE}
    net.run()
    assert us.counted["fingerprint"] >= 1 and us.observer.failures() == [] and us.noted.rtcp_keys == []


def test_an_answer_may_say_that_rtcp_goes_with_rtp() -> None:
    net = Net()
    us, peer = parted(net)
    net.run()
    for end, dtls in ((us, server(THEIRS.fingerprint)), (peer, Dtls(True, (OURS.fingerprint,)))):
        spec = end.noted.specs[end.stream].sides[0]
        end.update(None, local=spec.local, security=own(dtls, rtcp=None))
    net.run()
    (shaking,) = us.engine._sides.values()
    assert shaking.side.rtcp is None and agreed(us, peer) and us.observer.words() == ["secured"]
    before = us.counted["stray"]
    us.engine.handshake(us.stream, 0, True, Association(THEIR_TERMS, True, (), 0).begin()[0], RTCP_THERE)
    assert us.counted["stray"] == before + 1


def test_each_component_is_checked_and_shakes_hands() -> None:
    net = Net()
    us, _ = parted(net, ICE)
    net.waiting.clear()
    hello = Association(THEIR_TERMS, True, (), 0).begin()[0]
    us.engine.handshake(us.stream, 0, True, hello, RTCP_THERE)
    assert us.counted["unproven"] == 1 and net.waiting == []
    check(us)
    assert us.noted.aims == [(us.stream, 0, THERE, None)]
    us.engine.handshake(us.stream, 0, True, Peer(ICE, WE.password).check(True), RTCP_THERE)
    assert us.noted.aims[-1] == (us.stream, 0, THERE, RTCP_THERE)
    net.waiting.clear()
    us.engine.handshake(us.stream, 0, True, hello, RTCP_THERE)
    assert {(source, to) for source, to, _ in net.waiting} == {(RTCP_HERE, RTCP_THERE)}


def test_the_keys_of_rtcp_outlive_the_process_and_what_the_core_says() -> None:
    net = Net()
    us, peer = parted(net)
    net.run()
    assert us.keys is not None
    (*_, receive, send) = us.noted.rtcp_keys[-1]
    us.update(None, security=own(server(THEIRS.fingerprint)))
    security = us.noted.specs[us.stream].sides[0].security
    assert security is not None and security.rtcp == OwnRtcp(receive, send) and security.receive == us.keys[0]
    assert [each[-1] for each in us.observer.heard if each[0] == "keyed"][-2:] == [False, True]
    later, _ = ends(net)
    later.open(None, security=attrs.evolve(security))
    net.clock.pump([1.0] * (int(PATIENCE) + 1))
    assert later.observer.words() == [] and later.counted["timeout"] == 0
    assert peer.observer.words() == ["secured"]


def test_where_rtcp_goes_with_rtp_again_nothing_goes_to_a_component_of_before() -> None:
    net = Net()
    us, _ = parted(net, ICE)
    check(us)
    us.engine.handshake(us.stream, 0, True, Peer(ICE, WE.password).check(True), RTCP_THERE)
    local = us.noted.specs[us.stream].sides[0].local
    us.update(None, local=local, security=own(server(THEIRS.fingerprint), ICE, rtcp=None))
    assert us.noted.aims[-2:] == [(us.stream, 0, THERE, RTCP_THERE), (us.stream, 0, THERE, None)]


def test_an_association_of_rtp_made_anew_after_a_restart_does_not_take_rtcp_away() -> None:
    net = Net()
    us, _ = parted(net)
    net.run()
    us.update(None, local=Pair(HERE, RTCP_HERE), security=own(server(THEIRS.fingerprint)))
    security = us.noted.specs[us.stream].sides[0].security
    again, peer = ends(net)
    there = Pair(THERE, RTCP_THERE)
    again.open(None, local=Pair(HERE, RTCP_HERE), remote=there, security=security, latched=THERE)
    peer.open(Dtls(True, (OURS.fingerprint,)))
    net.run()
    assert agreed(again, peer)
    assert again.noted.aims[-1] == (again.stream, 0, THERE, RTCP_THERE)


@pytest.mark.parametrize("latched", [None, MOVED])
def test_with_ice_rtcp_goes_on_after_a_restart_where_it_went(latched: Address | None) -> None:
    """Who has nominated once need not do so again; that it came from where it was signalled is not kept."""
    net = Net()
    us, _ = parted(net)
    net.run()
    assert us.keys is not None
    security = SideSecurity(*us.keys, server(THEIRS.fingerprint), ICE, rtcp=OwnRtcp(*us.noted.rtcp_keys[-1][2:]))
    again, _ = ends(net)
    here, there = Pair(HERE, RTCP_HERE), Pair(THERE, RTCP_THERE)
    again.open(None, local=here, remote=there, security=security, latched=THERE, latched_rtcp=latched)
    assert again.noted.aims == [(again.stream, 0, THERE, latched or RTCP_THERE)]
