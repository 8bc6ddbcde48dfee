"""Datagrams of H.248, and what speaks it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sbc.core.address import Address
from sbc.h248.protocol import SPEECH
from sbc.octets import tpkt
from tests.certificates import Authority
from tests.h248_words import LINE, WRITERS, command, message, transaction
from tests.rig import SOFTSWITCH, make_plan
from tests.streams import open_bench
from tests.test_tls import say, security, trusting


def test_each_datagram_is_handed_on_but_empty_ones() -> None:
    heard: list[tuple[Address, bytes]] = []
    protocol = SPEECH.datagrams(lambda source, data: heard.append((source, data)))
    protocol.datagramReceived(b"x", ("192.0.2.1", 2944))
    protocol.datagramReceived(b"", ("192.0.2.1", 2944))
    assert heard == [(Address("192.0.2.1", 2944), b"x")]


def test_it_is_spoken_under_any_plan() -> None:
    assert SPEECH.dialect(make_plan("h248")).name == "h248"


@pytest.mark.parametrize("wire", WRITERS)
def test_a_gateway_is_heard_over_tls(tmp_path: Path, wire: str) -> None:
    """In packets, whatever pieces they come in, and by nobody who has no certificate where one is wanted."""
    authority = Authority(tmp_path)
    notify = transaction(1, b"-", *[command(b"Notify", LINE)] * 400)
    data = tpkt.wrap(WRITERS[wire](message(SOFTSWITCH, notify)))
    known = trusting(authority, "gateway")
    with open_bench(transport="tls", security=security(authority, require_peer=True), framer=SPEECH.framer) as bench:
        assert say(bench, known, data + data) == b"answer"
        assert [each for _, each in bench.heard.messages] == [data, data] and len(data) > 4_000
        with pytest.raises(OSError):
            say(bench, trusting(authority), data)
        assert len(bench.heard.messages) == 2
