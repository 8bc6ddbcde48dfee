"""`sbc cdr`: what it prints of records, and how it fails."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from sbc.admin.ctl import main
from sbc.config.values import CdrSync
from sbc.ledger.jsonlines import line_of
from sbc.ledger.sqlite import SqliteRecords
from tests.ledger.facts import entry, record_of

EXAMPLE = Path(__file__).parent.parent.parent / "etc" / "sbc.toml"

Output = pytest.CaptureFixture[str]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "cdr.json"
    path.write_bytes(line_of(record_of("b-one")) + line_of(record_of("b-two", caller="x\x1b[2J@y")))
    return path


@pytest.fixture
def database(tmp_path: Path) -> Path:
    sink = SqliteRecords(str(tmp_path / "cdr.sqlite"), CdrSync.END)
    sink.open()
    sink.write([entry("b-three")])
    sink.close()
    return tmp_path / "cdr.sqlite"


def test_a_table_for_people_steers_no_terminal(file: Path, capsys: Output) -> None:
    assert main(["cdr", "--file", str(file)]) == 0
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == ["START", "SECONDS", "CALLER", "CALLEE", "ENDING", "BY", "CODECS", "PACKETS", "MOS", "ID"]
    assert first.split() == [
        "2026-11-23T16:00:00", "8.0", "alice@example.com", "bob@example.com", "normal", "caller", "PCMU,PCMA", "152",
        "4.20", "one",
    ]  # fmt: skip
    assert "\x1b" not in second and "\\x1b" in second


def test_json_for_programs(file: Path, capsys: Output) -> None:
    assert main(["cdr", "--file", str(file), "--json", "--user", "ALICE"]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [record_of("b-one")]


def test_sums(file: Path, capsys: Output) -> None:
    assert main(["cdr", "--file", str(file), "--sum"]) == 0
    out = capsys.readouterr().out
    assert "2 calls, 2 answered, 0 incomplete" in out and "16.0 seconds" in out and "304 packets" in out
    assert "4 of 204 RTP packets lost (1.96 %)" in out and "MOS 4.20, the mean of the worse direction of 2 calls" in out
    assert main(["cdr", "--file", str(file), "--sum", "--json", "--id", "one"]) == 0
    assert json.loads(capsys.readouterr().out)["records"] == 1


def test_csv_for_spreadsheets(file: Path, capsys: Output) -> None:
    assert main(["cdr", "--file", str(file), "--csv", "--realm", "access", "--media", "audio"]) == 0
    text = capsys.readouterr().out
    rows = list(csv.DictReader(io.StringIO(text)))
    assert text.count("\r\n") == 3 and [row["call"] for row in rows] == ["one", "two"]
    assert (rows[0]["user"], rows[0]["in_packets"], rows[0]["in_ip_octets"]) == ("alice@example.com", "101", "20088")
    assert (rows[0]["audio_out_octets"], rows[0]["video_out_octets"]) == ("8660", "0")
    assert main(["cdr", "--file", str(file), "--csv", "--sum"]) == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (row["records"], row["endings"]) == ("2", "normal:2")


def test_a_summary_by_terminal_and_day(file: Path, capsys: Output) -> None:
    assert main(["cdr", "--file", str(file), "--by", "terminal,day"]) == 0
    head, line = (each.split() for each in capsys.readouterr().out.splitlines())
    assert head[:5] == ["TERMINAL", "DAY", "CALLS", "ANSWERED", "SECONDS"]
    assert line[:5] == ["alice@example.com", "2026-11-23", "2", "2", "16.000"] and line[5] == "202"
    assert main(["cdr", "--file", str(file), "--by", "media", "--json", "--terminal", "alice"]) == 0
    (told,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert told["media"] == "audio" and told["in"] == {"packets": 202, "octets": 34520, "ip_octets": 40176}
    assert main(["cdr", "--file", str(file), "--by", "realm", "--csv"]) == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (row["realm"], row["calls"], row["out_packets"]) == ("access", "2", "102")
    with pytest.raises(SystemExit):
        main(["cdr", "--file", str(file), "--by", "colour"])
    assert "'colour' is not some of terminal, realm, day, media" in capsys.readouterr().err


@pytest.mark.parametrize(("mos", "found"), [("4.3", 2), ("4.2", 0)])
def test_bad_calls_alone(file: Path, capsys: Output, mos: str, found: int) -> None:
    assert main(["cdr", "--file", str(file), "--mos-below", mos]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + found


def test_a_database(database: Path, capsys: Output) -> None:
    assert main(["cdr", "--sqlite", str(database), "--since", "2026-11-23", "--until", "2026-11-24"]) == 0
    assert capsys.readouterr().out.splitlines()[1].endswith("three")
    assert main(["cdr", "--sqlite", str(database), "--incomplete"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.mark.parametrize(("keys", "found"), [('json = "cdr.json"', 3), ('json = "cdr.json"\nsqlite = "cdr.sqlite"', 1)])
def test_the_files_of_a_configuration(file: Path, database: Path, capsys: Output, keys: str, found: int) -> None:
    """The database if there is one, else the JSON file and what it was rotated to."""
    (file.parent / "cdr.json.20261122T000000").write_bytes(line_of(record_of("b-zero")))
    (file.parent / "cdr.json.journal").write_bytes(line_of(record_of("b-never")))
    config = file.parent / "sbc.toml"
    config.write_text(EXAMPLE.read_text() + f"[cdr]\n{keys}\n")
    assert main(["cdr", "--config", str(config)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + found


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--file", "none.json"], "none.json: No such file"),
        (["--sqlite", "none.sqlite"], "none.sqlite: No such file"),
        (["--sqlite", "cdr.json"], "cdr.json: is no SQLite database"),
        (["--config", str(EXAMPLE)], "there is no [cdr]"),
        (["--config", "none.toml"], "none.toml: cannot be read"),
    ],
)
def test_what_cannot_be_asked_says_why(
    file: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(file.parent)
    assert main(["cdr", *arguments]) == 1
    captured = capsys.readouterr()
    assert said in captured.err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--file", "a", "--sqlite", "b"],
        ["--file", "a", "--since", "yesterday"],
        ["--file", "a", "--mos-below", "bad"],
        ["--file", "a", "--mos-below", "0.9"],
    ],
)
def test_what_is_not_understood_ends_with_2(arguments: list[str], capsys: Output) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["cdr", *arguments])
    assert ended.value.code == 2
    capsys.readouterr()
