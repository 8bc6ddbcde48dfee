"""Whether two phones heard each other, however slow the machine was: what is missing was sent too early or too late."""

from __future__ import annotations

from collections import Counter
from weakref import WeakKeyDictionary

from tests.netns.capture import Capture, media_counts, media_kind
from tests.netns.pcap import Packet
from tests.netns.topology import PHONE
from tests.netns.waiting import wait_for

_awaited: WeakKeyDictionary[Capture, set[str]] = WeakKeyDictionary()
"""The kinds that `wait_heard` has seen come in each recording."""


def wait_heard(one: Capture, other: Capture, kind: str = "rtp", packets: int = 25) -> None:
    """Wait until either phone has got so many packets from now on; `one` and `other` are recordings at the phones
    themselves, which go on."""
    counts = {wire: len(media_of(wire.so_far(), kind, outgoing=False)) + packets for wire in (one, other)}
    for wire, wanted in counts.items():
        wait_for(
            lambda wire=wire, wanted=wanted: len(media_of(wire.so_far(), kind, outgoing=False)) >= wanted,
            what=f"{packets} more packets of {kind} in {wire.path.name}",
            step=0.05,
        )
        _awaited.setdefault(wire, set()).add(kind)


def wait_media_both_ways(wire: Capture, packets: int = 11) -> None:
    """Wait until so many RTP packets have passed each way of one stream; the recording goes on."""

    def passed() -> bool:
        counts = media_counts(wire.so_far(), "rtp")
        return len(counts) >= 2 and min(counts.values()) >= packets

    wait_for(passed, what=f"media both ways in {wire.path.name}", step=0.05)


def assert_heard(one: Capture, other: Capture, kind: str = "rtp") -> None:
    """What either phone sent the other got, once and as it was; `one` and `other` are recordings at the phones
    themselves.

    A NAT lets nothing in before its phone has sent, so what a phone sends before it hears the other's first packet may
    be lost. So may what crosses the BYE, which is what it sent after the last that was heard. A stream that ended too
    early looks the same, so `wait_heard` must have been called before: do it last before hanging up. All else has come.
    """
    for wire in (one, other):
        assert kind in _awaited.get(wire, ()), f"{kind} was not waited for at {wire.path.name}: the end may be missing"
    for here, there in ((one, other), (other, one)):
        sent, heard = media_of(here.packets, kind, outgoing=True), media_of(there.packets, kind, outgoing=False)
        answers = media_of(here.packets, kind, outgoing=False)
        assert sent and heard and answers, (kind, len(sent), len(heard), len(answers))
        missing = _without(sent, heard)
        assert len(heard) + len(missing) == len(sent), f"{kind}: something came twice, or was never sent"
        gone = {id(packet) for packet in missing}
        first, last = answers[0].time, max(packet.time for packet in sent if id(packet) not in gone)
        lost = [packet.time - first for packet in missing if first <= packet.time < last]
        assert not lost, f"{kind}: {len(lost)} of {len(sent)} lost, at {lost[:5]} s after both could be heard"


def media_of(packets: list[Packet], kind: str, outgoing: bool) -> list[Packet]:
    """Those of that kind that a phone sent, or got, in order of time."""
    return [
        packet
        for packet in packets
        if packet.protocol == "udp"
        and media_kind(packet.payload) == kind
        and (packet.src if outgoing else packet.dst)[0] == PHONE
    ]


def _without(sent: list[Packet], heard: list[Packet]) -> list[Packet]:
    """Of what was sent all that was not heard; where the same was sent several times, the first of them."""
    left = Counter(packet.payload for packet in heard)
    missing = []
    for packet in reversed(sent):
        if left[packet.payload]:
            left[packet.payload] -= 1
        else:
            missing.append(packet)
    return missing[::-1]
