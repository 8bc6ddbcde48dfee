"""A side that goes by the transport of another one: whither, by what socket and keys, and marked as what."""

from __future__ import annotations

from typing import Any

import attrs

from sbc.core.address import Address, Pair
from sbc.core.orders import OWN
from sbc.core.secured import Bundled, Dtls, SideSecurity
from sbc.media.side import Side
from sbc.media.srtp import Session
from sbc.media.stream import Stream
from tests.media.keys import key, security
from tests.media.specs import stream_spec

FAR = Pair(Address("198.51.100.9", 31000), Address("198.51.100.9", 31001))
CORE = Pair(Address("198.51.100.1", 30000), Address("198.51.100.1", 30001))
RIDER = SideSecurity(dtls=Dtls(client=False), bundled=Bundled("a", "1"))


def made(name: str, port: int, secured: SideSecurity, dscp: int = 0) -> tuple[Stream, Side, Any]:
    def send(data: bytes, to: Any) -> None:
        raise AssertionError("nothing is sent here")

    def other(data: bytes, to: Any) -> None:
        raise AssertionError("nor there")

    ours, theirs = (Pair(Address(host, port), Address(host, port + 1)) for host in ("203.0.113.1", "192.0.2.7"))
    spec = stream_spec(name, (ours, CORE), (theirs, FAR))
    first = attrs.evolve(spec.sides[0], security=secured, dscp=dscp)
    spec = attrs.evolve(spec, sides=(first, spec.sides[1]))
    stream = Stream(spec, ((send, other), (send, other)), 0.0, lambda *what: None, make_seal=Session)
    return stream, stream.sides[0], send


def test_it_follows_its_carrier_and_goes_back() -> None:
    _, audio, send = made("a", 20000, security("a"))
    _, video, _ = made("v", 20002, RIDER, dscp=34)
    assert video.to_rtp.to is None
    assert audio.ride("a", audio, Bundled("", "0")) and video.ride("v", audio, Bundled("a", "1"))
    for outlet in (video.to_rtp, video.to_rtcp):
        assert outlet.to == Address("192.0.2.7", 20000) and outlet.send is send and outlet.seals is audio.seals
        assert outlet.dscp == 34
    assert audio.to_rtp.dscp == OWN and video.view().security == "AES_CM_128_HMAC_SHA1_80"
    audio.aim(None, None, 1.0)
    assert video.to_rtp.to is None
    audio.key(key("c"), key("c-ours"), 2.0)
    video.walk()
    assert video.to_rtp.seals is video.seals and video.to_rtp.dscp == OWN and video.view().security == "unkeyed"
    audio.walk()
    assert audio.rtp.bundle is None


def test_there_is_room_for_so_many() -> None:
    _, audio, _ = made("a", 20000, security("a"))
    riders = [made(f"v{n}", 20002 + 2 * n, RIDER)[1] for n in range(9)]
    taken = [rider.ride(f"v{n}", audio, Bundled("a", str(n))) for n, rider in enumerate(riders)]
    assert taken == [True] * 8 + [False]
    assert riders[8].to_rtp.to is None
