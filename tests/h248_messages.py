"""Messages of H.248 for the tests: the recorded ones, in text and binary."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.corpora import ROOT, corpus

PRETTY, PRETTY_AGAIN, COMPACT, BINARY = (
    corpus("h248/otp", f"tt_{kind}_*") for kind in ("pretty", "prettyre", "compact", "ber")
)
needs_recorded = pytest.mark.skipif(not PRETTY, reason="../shared/corpora/h248 is not there")

IP, TCP, UDP = 4, 6, 17
ETHERNET, TPKT = 14, 4  # octets in front of each packet, each message


def captured(name: str) -> list[bytes]:
    """The messages of a captured conversation, in order of time as far as they were not in one stream."""
    found: list[bytes] = []
    streams: dict[bytes, bytes] = {}
    data = path.read_bytes() if (path := ROOT / "h248" / "pcap" / name).exists() else b""
    at = 24
    while at < len(data):
        size = int.from_bytes(data[at + 8 : at + 12], "little")
        packet = data[at + 16 : at + 16 + size]
        at += 16 + size
        ip = packet[ETHERNET:]
        segment = ip[20 : int.from_bytes(ip[2:4], "big")]
        if ip[9] == UDP:
            found.append(segment[8:])
        elif ip[9] == TCP:
            ports = segment[:4]
            streams[ports] = streams.get(ports, b"") + segment[segment[12] // 16 * 4 :]
            while len(stream := streams[ports]) > TPKT and len(stream) >= (end := int.from_bytes(stream[2:4], "big")):
                found.append(stream[TPKT:end])
                streams[ports] = stream[end:]
    return found


TEXT_TALKS = [data for name in ("text_udp", "compact_udp", "text_tcp") for data in captured(f"peer_{name}.pcap")]
BINARY_TALKS = [data for name in ("binary_udp", "binary_tcp") for data in captured(f"peer_{name}.pcap")]
TEXTS = [*(data for _, data in (*PRETTY, *PRETTY_AGAIN, *COMPACT)), *TEXT_TALKS]


def suffix(name: str) -> str:
    """What a message of the time test is called in every encoding."""
    return Path(name).name.rpartition("_")[2]
