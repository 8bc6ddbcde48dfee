"""SecuredEngine: what it passes on, keeps from being undone, and lets go of."""

from __future__ import annotations

import attrs

from sbc.core.secured import Dtls
from tests.media.handshakes import OURS, THEIRS
from tests.media.secured_rig import THERE, Net, agreed, ends, server, shaken


def test_everything_else_is_the_engines() -> None:
    net = Net()
    us, peer = shaken(net)
    assert us.engine.name == "noted" and us.engine.streams() == [us.stream]
    us.update(None)
    assert us.engine._sides == {}
    us.engine.latched(us.stream, 0, THERE, "why")
    us.engine.silent(us.stream, 3.0)
    us.engine.resumed(us.stream)
    us.engine.policed(us.stream, 1)
    us.engine.expired(us.stream, 1)
    us.engine.used(us.stream)
    us.engine.forwards(us.stream, "noted", "why")
    assert us.observer.words()[1:] == ["latched", "silent", "resumed", "policed", "expired", "used", "forwards"]
    net.waiting.clear()
    peer.engine.stop(keep=True)
    assert peer.noted.stopped is True and net.waiting == [] and not net.clock.getDelayedCalls()


def test_what_the_peer_signals_undoes_no_keys() -> None:
    """The core may not have heard of them yet."""
    us, _ = shaken(Net())
    us.update(server(THEIRS.fingerprint), held=True)
    told = us.noted.specs[us.stream].sides[0]
    assert told.held and told.security is not None and us.keys == (told.security.receive, told.security.send)
    assert us.observer.heard[-1] == ("keyed", us.stream, 0, *us.keys, (THEIRS.fingerprint,), False)
    heard = len(us.observer.heard)
    us.update(None, security=told.security)
    assert len(us.observer.heard) == heard
    other = attrs.evolve(THEIRS.fingerprint, digest=bytes(32))
    us.update(server(other))
    assert us.observer.heard[-1] == ("keyed", us.stream, 0, *us.keys, (THEIRS.fingerprint,), False), (
        "they are no other's"
    )
    us.update(None, security=None)
    assert us.noted.specs[us.stream].sides[0].security is None


def test_what_is_opened_without_handshakes_has_none() -> None:
    net = Net()
    us, _ = shaken(net)
    plain = attrs.evolve(us.noted.specs[us.stream], id="call/1")
    sides = tuple(attrs.evolve(each, security=None) for each in plain.sides)
    us.engine.open(attrs.evolve(plain, sides=sides))
    assert len(us.engine._sides) == 1 and set(us.engine.streams()) == {us.stream, "call/1"}


def test_what_the_engine_cannot_is_not_agreed_on() -> None:
    net = Net()
    us, peer = ends(net)
    us.noted.can = ("AES_CM_128_HMAC_SHA1_80",)  # type: ignore[assignment]
    us.engine.stand_before(us.noted)
    us.open(server(THEIRS.fingerprint))
    peer.open(Dtls(True, (OURS.fingerprint,)))
    net.run()
    assert agreed(us, peer) and us.keys is not None and us.keys[0].suite == "AES_CM_128_HMAC_SHA1_80"
    assert us.engine.fingerprints == (OURS.fingerprint,)
    us.noted.can = ()  # type: ignore[assignment]
    us.engine.stand_before(us.noted)
    assert us.engine.fingerprints == ()
