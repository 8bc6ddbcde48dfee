"""The benchmark of SIP calls runs, and its calls succeed. How fast they are is not asked here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.sip_calls import main

NAMES = ("sbc", "kamailio", "sippy b2bua")  # one of each kind: the others differ from these by a setting


def test_the_benchmark_of_sip_calls_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "figures.json"
    assert main(["--quick", "--json", str(out), "--only", *NAMES]) == 0
    whole = json.loads(out.read_text())
    printed = capsys.readouterr().out
    assert "ratios to kamailio" in printed
    assert set(whole["medians"]) == set(NAMES)
    for name, found in whole["medians"].items():
        assert found["cpu"] > 0 and found["setup_p50"] > 0, name
    assert not [note for note in whole["notes"] if note.startswith("sbc")], whole["notes"]
    assert whole["medians"]["sbc"]["kb_binding"] > 0
