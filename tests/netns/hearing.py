"""Whether two phones heard each other, however slow the machine was: what is missing was sent too early or too late."""

from __future__ import annotations

from collections import Counter

from tests.netns.capture import Capture, media_kind
from tests.netns.pcap import Packet
from tests.netns.topology import PHONE

BATCH = 0.1
"""Seconds. The SBC reads what has come in meanwhile from one socket after the other: of what was sent so shortly before
the end it may read the end first."""


def assert_heard(one: Capture, other: Capture, kind: str = "rtp") -> None:
    """What either phone sent the other got, once and as it was; `one` and `other` are recordings at the phones
    themselves.

    A NAT lets nothing in before its phone has sent, so what a phone sends before it hears the other's first packet may
    be lost; of what it sends once the other has begun to speak only the less. So may what crosses the BYE. All else has
    come.
    """
    for here, there in ((one, other), (other, one)):
        sent, heard = _media(here, kind, outgoing=True), _media(there, kind, outgoing=False)
        answers, spoken = _media(here, kind, outgoing=False), _media(there, kind, outgoing=True)
        assert sent and heard and answers and spoken, (kind, len(sent), len(heard), len(answers), len(spoken))
        missing = _without(sent, heard)
        assert len(heard) + len(missing) == len(sent), f"{kind}: something came twice, or was never sent"
        opened = answers[0].time
        ended = min((seen.time for seen in here.sip_messages(method="BYE")), default=float("inf"))
        lost = [packet.time - opened for packet in missing if opened <= packet.time < ended - BATCH]
        assert not lost, f"{kind}: {len(lost)} of {len(sent)} lost, at {lost[:5]} s after both could be heard"
        both = [packet for packet in sent if packet.time >= spoken[0].time]
        late = [packet for packet in missing if packet.time >= spoken[0].time]
        assert 2 * len(late) <= len(both), f"{kind}: {len(late)} of {len(both)} lost after the other had begun to speak"


def _media(wire: Capture, kind: str, outgoing: bool) -> list[Packet]:
    """The packets of that kind that a phone sent, or got, in order of time."""
    return [
        packet
        for packet in wire.packets
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
