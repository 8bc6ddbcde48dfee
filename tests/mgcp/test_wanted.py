"""LocalConnectionOptions: what a connection may be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.message import Flow, Width
from sbc.mgcp.codec import decode
from sbc.mgcp.wanted import MOST, wanted
from tests.mgcp_messages import command


def said(*lines: str) -> tuple[Flow, ...]:
    return wanted(decode(command("CRCX", 7, "aaln/1@gw.example", "C: 2a", *lines, "M: sendrecv")))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("L: p:20, a:PCMU", (Flow("audio PCMU", Width(packing=20)),)),
        (
            "L: a:G729;PCMU, p:10-20, b:64-128, e:on",
            tuple(Flow(f"audio {name}", Width(wire=64_000, packing=10)) for name in ("G729", "PCMU")),
        ),
        ("L: A: G723 ;; PCMA", (Flow("audio G723"), Flow("audio PCMA"))),
        ("L: e:on, s:off", ()),
        ("L: p:soon, b:-, a:", ()),
        ("L:", ()),
        ("N: agent@example.com", ()),
    ],
)
def test_codecs_packets_and_bandwidth_are_read(line: str, expected: tuple[Flow, ...]) -> None:
    assert said(line) == expected


def test_so_many_codecs_count() -> None:
    assert len(said("L: a:" + ";".join(["PCMU"] * 100))) == MOST


@given(st.text("apbxLe:;,-/ .0123456789GPCMU", max_size=300))
def test_anything_is_read(text: str) -> None:
    for flow in said(f"L: {text}"):
        assert flow.media.startswith("audio ") and flow.media.count(" ") == 1
        assert 0 <= flow.width.wire < 10**9 and 0 <= flow.width.packing < 10**6
