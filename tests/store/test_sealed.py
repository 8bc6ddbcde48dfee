"""A store that is sealed: nothing in it can be read, moved or changed; its key is the SBC's alone."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from sbc.config.faults import ConfigError
from sbc.ledger.writer import Entry
from sbc.store.memory import MemoryStore, Table
from sbc.store.sealed import OCTETS, SealedStore, take_key
from sbc.store.service import ALIVE, PACE
from tests.store.test_service import Process

KEY = bytes(range(OCTETS))
VALUE = b'{"secret":"of a call"}'


def kept(*entries: tuple[str, str, bytes]) -> MemoryStore:
    store = MemoryStore()
    sealed = SealedStore(store, KEY)
    sealed.open()
    sealed.write([Entry((kind, id), value, False) for kind, id, value in entries])
    return store


def test_what_is_sealed_comes_back_in_another_process_and_nothing_of_it_is_seen() -> None:
    store = kept(("call", "one", VALUE), ("run", "", VALUE), ("call", "two", b""))
    raw = {(kind, id): value for kind, id, value in store.load()}
    assert not any(b"secret" in value for value in raw.values())
    assert raw["call", "one"][17:] != raw["run", ""][17:]
    again = SealedStore(store, KEY)
    assert sorted(again.load()) == [("call", "one", VALUE), ("call", "two", b""), ("run", "", VALUE)]
    again.write([Entry(("call", "one"), None, True)])
    assert len(list(again.load())) == 2


def test_what_was_changed_moved_or_sealed_otherwise_is_no_value() -> None:
    store = kept(("call", "one", VALUE))
    ((_, _, sealed),) = store.load()
    store.write(
        [
            Entry(("call", "moved"), sealed, False),
            Entry(("binding", "one"), sealed, False),
            Entry(("call", "cut"), sealed[:20], False),
            Entry(("call", "changed"), sealed[:-1] + bytes((sealed[-1] ^ 1,)), False),
        ]
    )
    found = {(kind, id): value for kind, id, value in SealedStore(store, KEY).load()}
    assert found.pop(("call", "one")) == VALUE and set(found.values()) == {b""}
    assert all(value == b"" for *_, value in SealedStore(store, KEY[::-1]).load())


def test_what_was_kept_before_there_was_a_key_is_read() -> None:
    store = MemoryStore()
    store.write([Entry(("call", "old"), VALUE, False)])
    assert list(SealedStore(store, KEY).load()) == [("call", "old", VALUE)]
    assert all(b"secret" not in value for *_, value in store.load()), "and is sealed from then on"
    assert list(SealedStore(store, KEY).load()) == [("call", "old", VALUE)]


def test_what_is_not_sealed_beside_what_is_was_put_there_by_somebody_without_the_key() -> None:
    store = kept(("call", "one", VALUE), ("call", "two", VALUE))
    store.write([Entry(("call", "one"), VALUE.replace(b"secret", b"theirs"), False), Entry(("ban", "x"), b"{}", False)])
    assert sorted(SealedStore(store, KEY).load()) == [("ban", "x", b""), ("call", "one", b""), ("call", "two", VALUE)]


def test_a_key_is_made_once_for_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "key"
    key = take_key(str(path))
    assert len(key) == OCTETS and path.read_bytes() == key and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert take_key(str(path)) == key and os.listdir(tmp_path) == ["key"]


@pytest.mark.parametrize("fault", ["mode", "short", "long", "link", "directory", "owner"])
def test_a_key_that_may_be_anybody_s_is_refused(tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "key"
    take_key(str(path))
    if fault == "mode":
        path.chmod(0o640)
    elif fault in ("short", "long"):
        path.write_bytes(bytes(OCTETS + (1 if fault == "long" else -1)))
    elif fault == "link":
        path.rename(tmp_path / "other")
        path.symlink_to(tmp_path / "other")
    elif fault == "directory":
        path = tmp_path / "nowhere" / "key"
    else:
        os.chown(path, 4711, 4711)
    with pytest.raises(ConfigError) as error:
        take_key(str(path), "x.toml")
    assert [each.key for each in error.value.faults] == ["store.key_file"]
    assert KEY.hex() not in str(error.value)


def test_a_fault_with_the_counters_of_a_stream_spares_all_else() -> None:
    table: Table = {}
    process = Process(table, sealed=True)
    stream = process.secured()
    asked: list[str] = []

    def rollovers(id: str) -> Any:
        asked.append(id)
        raise KeyError(id)

    process.engine.rollovers = rollovers  # type: ignore[attr-defined]
    process.runner.used(stream.id)
    process.reactor.advance(PACE)
    assert asked == [stream.id] and not process.service._used  # it is not asked for it again for ever
    process.written()
    before = json.loads(table["run", ""])
    process.reactor.pump([ALIVE, ALIVE])
    process.written()
    assert json.loads(table["run", ""])["at"] >= before["at"] + 2 * ALIVE  # it still says that it lives
    assert process.runner.counted["internal-error"] == len(asked) == 3
    process.kill()
