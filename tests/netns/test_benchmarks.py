"""The benchmarks of calls run, and their calls succeed. How fast they are is not asked here."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from benchmarks import connections, flood, gateway_calls, h323_calls
from benchmarks.sip_calls import main

NAMES = ("sbc", "kamailio", "sippy b2bua")  # one of each kind: the others differ from these by a setting


def test_the_benchmark_of_sip_calls_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "figures.json"
    assert main(["--quick", "--json", str(out), "--only", *NAMES]) == 0
    whole = json.loads(out.read_text())
    printed = capsys.readouterr().out
    assert "ratios to kamailio" in printed
    hottest = printed.partition("three hottest places: sbc, no media\n")[2].splitlines()[:3]
    assert all(re.fullmatch(r" *[0-9]+%  .+", line) for line in hottest) and len(hottest) == 3
    assert set(whole["medians"]) == set(NAMES)
    for name, found in whole["medians"].items():
        assert found["cpu"] > 0 and found["setup_p50"] > 0, name
    assert not [note for note in whole["notes"] if note.startswith("sbc")], whole["notes"]
    assert "kb_binding" in whole["medians"]["sbc"]  # of so few it may be negative


def test_the_benchmark_of_h323_calls_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call of it succeeds and hides its caller; a contender that is not on this machine is left out, and that is
    said."""
    out = tmp_path / "figures.json"
    monkeypatch.setenv("GNUGK", str(tmp_path / "there-is-none"))
    assert h323_calls.main(["--quick", "--json", str(out), "--only", "sbc", "gnugk"]) == 0
    whole = json.loads(out.read_text())
    assert whole["notes"] == ["gnugk: left out, there is no gnugk on the path or in GNUGK"]
    found = whole["medians"]["sbc"]
    assert found["cpu"] > 0 and found["answer_p50"] > 0
    assert {"cpu_registration", "cpu_keepalive", "kb_call", "kb_binding"} <= set(found)


def test_the_benchmark_of_gateways_runs(tmp_path: Path) -> None:
    """No call of it fails, and the codecs are told."""
    out, names = tmp_path / "figures.json", {"sbc mgcp", "sbc h248 binary", "osmo-mgw"}
    assert gateway_calls.main(["--quick", "--json", str(out), "--only", *names]) == 0
    whole = json.loads(out.read_text())
    assert set(whole["medians"]) == names and not whole["notes"]
    assert all(found["rate"] > 0 for found in whole["medians"].values())
    assert set(whole["codecs"]) == {"binary"} and all(cost > 0 for cost in whole["codecs"]["binary"].values())


def test_the_benchmark_of_floods_runs(tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    assert flood.main(["--quick", "--json", str(out), "--only", "sbc, own bans"]) == 0
    (found,) = json.loads(out.read_text()).values()
    assert found["calls"] == 10 and found["junk"] > 0


def test_the_benchmark_of_connections_runs(tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    assert connections.main(["--quick", "--json", str(out), "--only", "sbc wss"]) == 0
    whole = json.loads(out.read_text())
    assert not whole["notes"] and set(whole["medians"]["sbc wss"]) == set(connections.MEASURES)
