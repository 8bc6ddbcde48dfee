"""JSON lines and their journal: whatever happens, one record a call."""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zope.interface.verify import verifyObject

from sbc.config.values import CdrSync
from sbc.interfaces import ICdrSink
from sbc.ledger.disk import Disk
from sbc.ledger.jsonlines import JsonLines, family, line_of
from sbc.ledger.volume import Plain
from tests.ledger.disks import FAIL, KILL, Killed, TrickyDisk
from tests.ledger.facts import START, entry, in_part, record_of

DAY = 86_400.0


class Wall:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


def sink_at(directory: Path, disk: Disk | None = None, wall: Wall | None = None, **more: object) -> JsonLines:
    return JsonLines(str(directory / "cdr.json"), CdrSync.END, wall or Wall(), disk=disk, **more)  # type: ignore[arg-type]


def records(directory: Path) -> list[Plain]:
    """Every record in the file and what it was rotated to."""
    paths = family(str(directory / "cdr.json"))
    return [json.loads(line) for path in paths for line in Path(path).read_bytes().splitlines()]


def keys(directory: Path) -> list[str]:
    return [record["record"] for record in records(directory)]


def die(sink: JsonLines) -> None:
    """What the system does for a process that was killed."""
    for file in (sink._rotating.file, sink._journal):
        if file >= 0:
            os.close(file)
    if sink._lock is not None:
        sink._lock.free()


def test_it_is_a_sink(tmp_path: Path) -> None:
    verifyObject(ICdrSink, sink_at(tmp_path))


def test_only_what_is_over_is_in_the_file_one_object_a_line(tmp_path: Path) -> None:
    sink = sink_at(tmp_path)
    assert sink.open() == 0
    sink.write([entry("b-1", final=False), entry("b-2", final=False)])
    assert records(tmp_path) == []
    sink.write([entry("b-1"), entry("b-3")])
    sink.close()
    assert records(tmp_path) == [record_of("b-1"), record_of("b-3")]
    assert (tmp_path / "cdr.json").read_bytes() == line_of(record_of("b-1")) + line_of(record_of("b-3"))


def test_what_a_crash_left_open_is_written_as_incomplete_once(tmp_path: Path) -> None:
    sink = sink_at(tmp_path)
    sink.open()
    sink.write([entry(f"b-{n}", final=False) for n in range(3)])
    sink.write([entry("b-1")])
    die(sink)
    for left in (2, 0, 0):
        sink = sink_at(tmp_path)
        assert sink.open() == left
        die(sink)
    found = {record["record"]: record for record in records(tmp_path)}
    assert len(found) == len(records(tmp_path)) == 3
    assert found["b-1"]["complete"] and not found["b-0"]["complete"]
    assert found["b-0"]["ending"] == "incomplete" and found["b-0"]["duration"] == 8.0


def test_a_second_sbc_is_kept_off(tmp_path: Path) -> None:
    sink = sink_at(tmp_path)
    sink.open()
    with pytest.raises(OSError, match="another SBC"):
        sink_at(tmp_path).open()
    sink.close()
    again = sink_at(tmp_path)
    again.open()
    again.close()


def test_a_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "cdr.json").write_bytes(b"dear diary")
    with pytest.raises(OSError, match="no file of records"):
        sink_at(tmp_path).open()
    assert (tmp_path / "cdr.json").read_bytes() == b"dear diary"


@pytest.mark.parametrize("cut", [1, 5, 9, 12, 200, 70_000])
def test_half_a_line_is_taken_back(tmp_path: Path, cut: int) -> None:
    whole = line_of(record_of("b-1"))
    half = line_of({**record_of("b-2"), "cause": "x" * 100_000})[:cut]
    (tmp_path / "cdr.json").write_bytes(whole + half)
    sink = sink_at(tmp_path)
    assert sink.open() == 0
    sink.close()
    assert (tmp_path / "cdr.json").read_bytes() == whole


def test_a_batch_that_does_not_fit_is_written_when_it_does_and_then_once(tmp_path: Path) -> None:
    disk = TrickyDisk()
    sink = sink_at(tmp_path, disk)
    sink.open()
    sink.write([entry("b-1", final=False)])
    disk.full = True
    for _ in range(3):
        with pytest.raises(OSError, match="No space"):
            sink.write([entry("b-1"), entry("b-2")])
    assert records(tmp_path) == []
    disk.full = False
    sink.write([entry("b-1"), entry("b-2")])
    sink.close()
    assert keys(tmp_path) == ["b-1", "b-2"]
    sink = sink_at(tmp_path)
    assert sink.open() == 0
    sink.close()


def test_a_disk_that_does_not_say_whether_it_wrote_is_written_again(tmp_path: Path) -> None:
    disk = TrickyDisk()
    sink = sink_at(tmp_path, disk)
    sink.open()
    disk.plan = {disk.changes + 2: FAIL}  # the write, then fsync
    with pytest.raises(OSError, match="No space"):
        sink.write([entry("b-1")])
    sink.write([entry("b-1")])
    sink.close()
    assert keys(tmp_path) == ["b-1"]


@pytest.mark.parametrize(("sync", "begun", "ended"), [("never", 0, 0), ("end", 0, 1), ("always", 1, 1)])
def test_what_is_forced_to_the_disk(tmp_path: Path, sync: str, begun: int, ended: int) -> None:
    class Counting(Disk):
        syncs = 0

        def sync(self, file: int) -> None:
            self.syncs += 1
            super().sync(file)

    disk = Counting()
    sink = JsonLines(str(tmp_path / "cdr.json"), CdrSync(sync), Wall(), disk=disk)
    sink.open()
    counts = [disk.syncs]
    for final in (False, True):
        sink.write([entry("b-1", final)])
        counts.append(disk.syncs)
    sink.close()
    assert (counts[1] - counts[0], counts[2] - counts[1]) == (begun, ended)


def test_a_journal_that_is_long_is_begun_anew_and_forgets_nothing(tmp_path: Path) -> None:
    sink = sink_at(tmp_path, long=20_000)
    sink.open()
    sink.write([entry("b-live", final=False)])
    longest = 0
    for number in range(100):
        sink.write([entry(f"b-{number}", final=False)])
        sink.write([entry(f"b-{number}")])
        longest = max(longest, (tmp_path / "cdr.json.journal").stat().st_size)
    assert longest < 30_000
    die(sink)
    sink = sink_at(tmp_path)
    assert sink.open() == 1
    sink.close()
    assert Counter(keys(tmp_path)) == Counter(["b-live", *(f"b-{n}" for n in range(100))])


def test_an_end_stands_in_the_journal_once(tmp_path: Path) -> None:
    sink = sink_at(tmp_path)
    sink.open()
    for number in range(20):
        sink.write([entry(f"b-{number}", final=False)])
        sink.write([entry(f"b-{number}")])
    journal = (tmp_path / "cdr.json.journal").read_bytes().splitlines()
    sink.close()
    assert sum(line.startswith(b"-") for line in journal) == 20


def test_a_file_that_was_emptied_in_place_is_searched_from_its_beginning(tmp_path: Path) -> None:
    """As logrotate's copytruncate does it."""
    (tmp_path / "cdr.json").write_bytes(line_of(record_of("b-0")) * 10)
    disk = TrickyDisk()
    sink = sink_at(tmp_path, disk)
    sink.open()
    sink.write([entry("b-1", final=False)])
    os.truncate(tmp_path / "cdr.json", 0)
    disk.plan = {disk.changes + 3: KILL}
    with pytest.raises(Killed):
        sink.write([entry("b-1")])
    die(sink)
    sink = sink_at(tmp_path)
    assert sink.open() == 0
    sink.close()
    assert keys(tmp_path) == ["b-1"]


def test_rotation_by_size_and_by_day(tmp_path: Path) -> None:
    wall, size = Wall(), len(line_of(record_of("b-1")))
    sink = sink_at(tmp_path, wall=wall, rotate_size=2 * size, rotate_daily=True)
    sink.open()
    for number in range(5):
        sink.write([entry(f"b-{number}")])
    wall.now += DAY
    sink.write([entry("b-5")])
    sink.close()
    files = {Path(path).name: Path(path).read_bytes().count(b"\n") for path in family(str(tmp_path / "cdr.json"))}
    assert files == {
        "cdr.json.20261123T160000": 2,
        "cdr.json.20261123T160000-1": 2,
        "cdr.json.20261124T160000": 1,
        "cdr.json": 1,
    }
    assert sorted(keys(tmp_path)) == [f"b-{n}" for n in range(6)]


def test_a_file_that_was_moved_away_is_begun_anew(tmp_path: Path) -> None:
    sink = sink_at(tmp_path)
    sink.open()
    sink.write([entry("b-1")])
    os.rename(tmp_path / "cdr.json", tmp_path / "taken")
    sink.write([entry("b-2")])
    sink.close()
    assert keys(tmp_path) == ["b-2"] and b'"b-1"' in (tmp_path / "taken").read_bytes()


def test_records_that_were_rotated_away_are_not_written_again_after_a_crash(tmp_path: Path) -> None:
    disk = TrickyDisk()
    sink = sink_at(tmp_path, disk, rotate_size=1)
    sink.open()
    sink.write([entry("b-1", final=False)])
    disk.plan = {disk.changes + 3: KILL}  # the line, its fsync, then the journal's mark that it is there
    with pytest.raises(Killed):
        sink.write([entry("b-1")])
    die(sink)
    os.rename(tmp_path / "cdr.json", tmp_path / "cdr.json.20261123T170000")
    sink = sink_at(tmp_path)
    assert sink.open() == 0
    sink.close()
    assert keys(tmp_path) == ["b-1"]


def test_a_journal_full_of_rubbish_stops_nobody(tmp_path: Path) -> None:
    good = line_of(record_of("b-1", ended=False))
    (tmp_path / "cdr.json.journal").write_bytes(b"\x00\xff\n{}\n-\n" + good + b"[1]\n" + good[:50])
    sink = sink_at(tmp_path)
    assert sink.open() == 1
    sink.close()
    assert keys(tmp_path) == ["b-1"]


CALLS = st.integers(0, 5)
STEPS = st.lists(st.tuples(st.sets(CALLS, max_size=3), st.sets(CALLS, max_size=3)), min_size=1, max_size=12)
ACCIDENTS = st.lists(st.tuples(st.integers(1, 12), st.sampled_from([KILL, FAIL])), max_size=6)


@settings(max_examples=300)
@given(STEPS, st.lists(ACCIDENTS, min_size=1, max_size=6), st.floats(0, 1), st.booleans(), st.integers(200, 20_000))
def test_wherever_it_is_killed_no_record_is_lost_and_none_is_there_twice(
    steps: list[tuple[set[int], set[int]]],
    lives: list[list[tuple[int, str]]],
    share: float,
    rotate: bool,
    long: int,
) -> None:
    """Each life of the process has its accidents; what a `write` took before is in the files in the end, once."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        begun: set[str] = set()
        ended: set[str] = set()
        tried: set[str] = set()
        for life, accidents in enumerate(lives):
            disk = TrickyDisk(dict(accidents), share)
            sink = sink_at(directory, disk, long=long, rotate_size=5_000 if rotate else 0)
            try:
                sink.open()
                for begin, end in steps:
                    finals = {f"{life}-{n}" for n in end} - ended
                    states = {f"{life}-{n}" for n in begin} - ended - finals
                    tried |= finals | states
                    batch = [entry(key, final=False) for key in sorted(states)] + [entry(key) for key in sorted(finals)]
                    try:
                        sink.write(batch)
                    except OSError:
                        continue
                    begun |= states
                    ended |= finals
                sink.close()
            except Killed:
                die(sink)
            except OSError:  # the disk failed at the start: that SBC did not run
                continue
        last = sink_at(directory)
        last.open()
        last.close()
        counted = Counter(keys(directory))
        assert set(counted.values()) <= {1}
        assert begun | ended <= set(counted) <= tried
        assert {r["record"] for r in records(directory) if r["complete"]} >= ended


def test_records_of_calls_that_go_on_stay_open_and_those_of_others_do_not(tmp_path: Path) -> None:
    sink = sink_at(tmp_path)
    sink.open()
    sink.write([entry("b-c1", final=False), entry("b-c2", final=False), entry("b-c3")])
    die(sink)
    again = sink_at(tmp_path)
    assert again.open({"c1", "c3", "c9"}) == 1
    assert set(again.kept) == {"c1"} and again.kept["c1"]["record"] == "b-c1" and again.over == {"c3"}
    assert sorted(keys(tmp_path)) == ["b-c2", "b-c3"]
    again.write([entry("b-c1")])
    die(again)
    last = sink_at(tmp_path)
    assert last.open({"c1"}) == 0 and last.over == {"c1"} and last.kept == {}
    assert Counter(keys(tmp_path)) == {"b-c1": 1, "b-c2": 1, "b-c3": 1}
    last.close()


def test_an_end_that_is_in_the_file_alone_is_known_and_so_is_one_of_before_a_new_journal(tmp_path: Path) -> None:
    sink = sink_at(tmp_path, long=1)  # a new journal after each batch
    sink.open()
    sink.write([entry("b-c1", final=False)])
    sink.write([entry("b-c1")])
    sink.write([entry("b-c2", final=False)])
    with open(tmp_path / "cdr.json", "ab") as file:  # killed between the line and the journal
        file.write(line_of(record_of("b-c2")))
    die(sink)
    again = sink_at(tmp_path)
    assert again.open({"c1", "c2"}) == 0 and again.over == {"c1", "c2"} and again.kept == {}
    again.close()


@pytest.mark.parametrize("known", [True, False], ids=["its opening in the journal", "its opening nowhere"])
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("resumed", ["b", "c"], ids=["under its key", "under another"])
def test_killed_between_any_two_steps_a_call_that_a_store_keeps_has_one_line(
    tmp_path: Path, known: bool, share: float, resumed: str
) -> None:
    """The store has not heard of its end. Unless `over` says that it has ended it goes on, under the key that this
    journal or another file still has, or a new one; and ends in that life, which is killed as well."""
    for first in range(1, 8):
        for second in range(1, 14):
            directory = tmp_path / f"{first}-{second}"
            directory.mkdir()
            key, life = "b-c1", 0
            for plan in ({first: KILL}, {second: KILL}, {}):
                disk, life = TrickyDisk(share=share), life + 1
                sink = sink_at(directory, disk)
                try:
                    if life == 1:
                        sink.open()
                        sink.write([entry("b-c1", final=False)] if known else [])
                        disk.changes = 0
                    disk.plan = plan
                    if life > 1:
                        sink.open({"c1"})
                        if "c1" in sink.over:
                            sink.close()
                            continue
                        key = sink.kept["c1"]["record"] if sink.kept else f"{resumed}-c1"
                    sink.write([entry(key)])
                    sink.close()
                except Killed:
                    die(sink)
            assert len(keys(directory)) == 1, (first, second, keys(directory))


@pytest.mark.parametrize("journalled", [True, False])
def test_an_end_that_is_not_whole_has_what_the_journal_knows_besides(tmp_path: Path, journalled: bool) -> None:
    sink = sink_at(tmp_path)
    sink.open()
    if journalled:
        sink.write([entry(final=False)])
    sink.write([in_part()])
    (record,) = records(tmp_path)
    assert (record["complete"], record["ending"]) == (False, "normal")
    assert record["streams"] == (entry(final=False).record["streams"] if journalled else [])
    sink.close()
    assert sink_at(tmp_path).open() == 0, "it has ended"
