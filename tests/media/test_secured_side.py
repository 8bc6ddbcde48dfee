"""Sides secured by handshakes: two shake hands, with and without ICE; what engine and core hear of it."""

from __future__ import annotations

import random

import attrs
import pytest

from sbc.core.address import Address, Pair
from sbc.core.orders import Latch
from sbc.core.secured import Dtls, Ice, IcePair, SideSecurity
from sbc.media.dtls import COOKIES, PATIENCE, Association
from sbc.media.ice import CONSENT
from sbc.media.secured_side import BEGINNINGS, LINGER, STALLED, TRIES
from sbc.media.stun import Kind, read
from tests.media.handshakes import OURS, STRANGE_TERMS, STRANGER, THEIR_TERMS, THEIRS
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
    keyed = ("keyed", us.stream, 0, *us.keys, (THEIRS.fingerprint,))
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


def test_a_peer_may_begin_anew_by_itself() -> None:
    """RFC 6347 section 4.2.8: what was agreed on stands until the new handshake is done."""
    net = Net()
    us, peer = shaken(net)
    first = us.keys
    del net.ends[THERE]
    peer = End(net, THEIRS, THERE, HERE)
    peer.open(Dtls(True, (OURS.fingerprint,)))
    net.run()
    assert agreed(us, peer) and us.keys != first


def test_what_openssl_holds_is_let_go_of() -> None:
    net = Net()
    us, _ = shaken(net)
    net.clock.pump([1.0] * (int(LINGER) + 1))
    (shaking,) = us.engine._sides.values()
    current = shaking.side._current
    assert current is not None and current._connection is None and us.observer.words() == ["secured"]
    assert not net.clock.getDelayedCalls()


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


def test_a_stranger_keeps_nobody_out() -> None:
    """Behind a NAT any host may try. Who shows only that it is there is given a few handshakes, and the peer more."""
    net = Net()
    us, peer = ends(net)
    us.open(server(THEIRS.fingerprint), behind_nat=True)
    strangers = []
    for port in range(1, 30):
        stranger = End(net, STRANGER, Address("198.51.100.66", port), HERE)
        stranger.open(Dtls(True, (OURS.fingerprint,)))
        strangers.append(stranger)
    net.run()
    assert not any(us.keys == each.keys for each in strangers if each.keys) and us.keys is None
    assert us.counted["fingerprint"] <= BEGINNINGS and us.counted["limited"] > 0
    peer.open(Dtls(True, (OURS.fingerprint,)))
    net.run()
    assert agreed(us, peer)


def begun(net: Net, us: End, at: Address) -> list[bytes]:
    """Have somebody at an address begin; what it sends when it has got its cookie."""
    association = Association(STRANGE_TERMS, True, (), 0)
    us.engine.handshake(us.stream, 0, False, association.begin()[0], at)
    (asked,) = [data for _, to, data in net.waiting if to == at]
    net.waiting.clear()
    return association.take(asked)


def test_neighbours_behind_one_nat_keep_nobody_out_for_long() -> None:
    net = Net()
    us, peer = ends(net)
    us.open(server(THEIRS.fingerprint), behind_nat=True)
    for port in range(1, TRIES + 1):
        for data in begun(net, us, Address(THERE.host, port)):
            us.engine.handshake(us.stream, 0, False, data, Address(THERE.host, port))
    net.waiting.clear()
    peer.open(Dtls(True, (OURS.fingerprint,)))
    net.run()
    assert us.keys is None and us.counted["limited"] == 1
    net.clock.advance(STALLED)
    peer = End(net, THEIRS, THERE, HERE)
    peer.open(Dtls(True, (OURS.fingerprint,)))
    net.run()
    assert agreed(us, peer)


def test_who_was_at_an_address_once_does_not_speak_for_it_for_ever() -> None:
    for later, counts in ((0, True), (COOKIES - 1, True), (2 * COOKIES, False)):
        net = Net()
        us, _ = ends(net)
        us.open(server(THEIRS.fingerprint))
        (hello,) = begun(net, us, THERE)
        net.clock.advance(later)
        us.engine.handshake(us.stream, 0, False, hello, THERE)
        answer = b"".join(data for _, to, data in net.waiting if to == THERE)
        assert (len(answer) > len(hello)) is counts  # a flight with our certificate, or one more request for a cookie


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
