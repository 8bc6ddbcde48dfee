"""Handshakes at one port: who is heard beside whom, how many at once, and what is let go of."""

from __future__ import annotations

from sbc.core.address import Address
from sbc.core.secured import Dtls, Ice, IcePair
from sbc.media.dtls import COOKIES, Association
from sbc.media.shaking import BEGINNINGS, LINGER, STALLED, TRIES
from tests.media.handshakes import OURS, STRANGE_TERMS, STRANGER, THEIRS
from tests.media.secured_rig import HERE, THERE, End, Net, agreed, ends, server, shaken

MOVED = Address("192.0.2.8", 41000)
WE, THEY = Ice("ours", "o" * 22), Ice("theirs", "t" * 22)
ICE = IcePair(WE, THEY)


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
    current = shaking.side.rtp._current
    assert current is not None and current._connection is None and us.observer.words() == ["secured"]
    assert not net.clock.getDelayedCalls()


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
