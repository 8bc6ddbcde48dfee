"""The benchmark of media runs, and packets get through all contenders. How fast they are is not asked here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.bleed import Plan, attack
from benchmarks.media import TINY, main
from benchmarks.media_contenders import contender
from benchmarks.media_network import ATTACKED, Places
from benchmarks.rtpengine import bdecode, bencode
from tests.netns.lab import Lab


def test_the_benchmark_of_media_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "figures.json"
    assert main(["--json", str(out)], TINY) == 0  # it raises where nothing gets through, or not as it should
    whole = json.loads(out.read_text())
    assert "ratios to rtpengine" in capsys.readouterr().out
    assert {"twisted", "rtpengine", "forwarding", "nft"} <= set(whole["medians"]), whole["notes"]
    for name in ("twisted", "rtpengine"):
        assert whole["medians"][name]["opened"] > 0 and whole["medians"][name]["closed"] > 0


def test_what_is_said_to_rtpengine_is_bencoded() -> None:
    whole = {"command": "offer", "replace": ["origin", "x"], "n": -3, "sdp": "v=0\r\n"}
    assert bencode(whole) == b"d7:command5:offer1:ni-3e7:replacel6:origin1:xe3:sdp5:v=0\r\ne"
    assert bdecode(bencode(whole)) == whole
    with pytest.raises(ValueError, match="more than one"):
        bdecode(b"i1ei2e")


def test_rtp_bleed_takes_from_rtpengine_and_not_from_us() -> None:
    """That the attack is one is seen of who lets anybody latch. How our engines bear it is asked in the contract."""
    found = {}
    for name, settings in (("twisted", {}), ("rtpengine", {"ports": Plan.ports})):
        with Lab(ATTACKED) as lab:
            plan = Plan(streams=20, ports=(20_000, 20_199), seconds=1.0)
            found[name] = attack(Places(lab), contender(name, **settings), plan)
    ours, theirs = found["twisted"], found["rtpengine"]
    assert ours.sprayed > 0 and ours.heard_back > 0 and ours.heard_there > 0
    assert ours.stolen == ours.injected_client == ours.injected_server == 0
    assert theirs.stolen > 0
