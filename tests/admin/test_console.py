"""The console's commands on a running SBC: tables, limits, filters, prefixes, plain words where there is nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sbc.admin.console import COMMANDS
from sbc.admin.tables import Record, Table, Text
from sbc.core.realm import Limits
from tests.admin.desk import Desk, open_desk


@pytest.fixture(scope="module")
def busy() -> Iterator[Desk]:
    """Five calls, the last one not yet answered, and two terminals; nothing here changes them."""
    with open_desk() as desk:
        for name in (b"a1", b"a2", b"a3", b"a4"):
            desk.call(name)
        desk.call(b"a5", answered=False)
        desk.register(b"alice")
        desk.register(b"bob")
        yield desk


@pytest.fixture
def quiet() -> Iterator[Desk]:
    with open_desk(Limits(calls=7)) as desk:
        yield desk


def titles(table: object) -> str:
    return " ".join(repr(table).splitlines()[0].split())


# -- calls


def test_calls_are_listed_newest_first(busy: Desk) -> None:
    calls = busy.console.calls()
    assert isinstance(calls, Table)
    assert [row["from"]["label"].partition("@")[0] for row in calls] == ["a5", "a4", "a3", "a2", "a1"]
    assert [row["state"] for row in calls] == ["opening", "up", "up", "up", "up"]
    assert titles(calls) == "ID STATE AGE PATH USER TARGET FROM LABEL TO LABEL STREAMS PACKETS"
    assert f"access {busy.phone.address}" in repr(calls)
    assert f"core {busy.softswitch.address}" in repr(calls)


def test_the_first_rows_are_shown_and_the_rest_counted(busy: Desk) -> None:
    calls = busy.console.calls(limit=2)
    assert len(calls) == 2
    assert repr(calls).splitlines()[-1] == "... and 3 more"
    assert "more" not in repr(busy.console.calls(limit=None))


@pytest.mark.parametrize(
    ("find", "count"), [("", 5), ("A3@192", 1), ("alice@", 5), ("opening", 1), ("no such thing", 0)]
)
def test_calls_are_found_by_part_of_what_names_them(busy: Desk, find: str, count: int) -> None:
    assert len(busy.console.calls(find)) == count


def test_calls_are_chosen_by_realm_and_state(busy: Desk) -> None:
    assert len(busy.console.calls(realm="core")) == 5
    assert len(busy.console.calls(realm="access", state="up")) == 4
    assert len(busy.console.calls("a5@", state="up")) == 0  # no token has that in it


def test_an_unknown_realm_is_said_so(busy: Desk) -> None:
    for answer in (
        busy.console.calls(realm="acces"),
        busy.console.bindings(realm="acces"),
        busy.console.streams(realm="acces"),
    ):
        assert isinstance(answer, Text)
        assert answer == "no realm 'acces'; there are access, core"


# -- call


def test_the_beginning_of_an_id_is_enough(busy: Desk) -> None:
    for id in busy.border.registry.calls:
        shortest = next(
            id[:size]
            for size in range(1, len(id) + 1)
            if sum(other.startswith(id[:size]) for other in busy.border.registry.calls) == 1
        )
        for name in (id, shortest):
            record = busy.console.call(name)
            assert isinstance(record, Record)
            assert record["id"] == id
            assert repr(record).startswith(f"call {id}: ")


def test_a_beginning_of_several_ids_lists_them(quiet: Desk) -> None:
    first = quiet.call(b"one")
    registry = quiet.border.registry
    for number in range(12):
        registry.calls[f"{first}{number}"] = registry.calls[first]
    assert repr(quiet.console.call(first)).startswith(f"call {first}: ")  # a whole id is no beginning
    answer = quiet.console.call(first[:-1])
    assert isinstance(answer, Text)
    assert answer.startswith(f"13 calls begin with {first[:-1]!r}: {first} ")
    assert answer.endswith(" ...")


@pytest.mark.parametrize("name", ["nosuch", "", "\x1b[2J"])
def test_an_unknown_call_is_said_so(busy: Desk, name: str) -> None:
    answer = busy.console.call(name)
    assert isinstance(answer, Text)
    assert answer.startswith(f"no call {name!r}; ")
    assert "\x1b" not in answer


# -- the others


def test_bindings(busy: Desk) -> None:
    bindings = busy.console.bindings()
    assert titles(bindings) == "ID USER REALM PLACE SEEN NAT PRESENTED AS EXPIRES GRANTED SILENT STATE"
    assert [row["user"] for row in bindings] == ["alice@sbc.example.com", "bob@sbc.example.com"]
    line = repr(bindings).splitlines()[1]
    for part in ("192.168.1.10:5060", str(busy.phone.address), " yes ", str(busy.core.advertised), "bound"):
        assert part in line
    assert len(busy.console.bindings("bob")) == 1
    assert len(busy.console.bindings(realm="core")) == 0
    assert repr(busy.console.bindings(limit=1)).endswith("... and 1 more")


def test_realms(quiet: Desk) -> None:
    quiet.call()
    table = quiet.console.realms()
    lines = repr(table).splitlines()
    assert titles(table) == "REALM SIDE CALLS BINDINGS EXCHANGES MEDIA FREE USED RESTING"
    assert lines[1].split()[:3] == ["access", "access", "1/7"]
    assert lines[1].split()[-3:] == ["99", "1", "0"]
    assert lines[4].split("  ")[0] == "LISTENER"
    assert lines[5].startswith(str(quiet.access))
    assert len(table) == 2


def test_streams(busy: Desk) -> None:
    streams = busy.console.streams()
    assert isinstance(streams, Table)
    assert titles(streams) == "STREAM KIND REALM MEDIA TO IN OUT DROPPED REALM MEDIA TO IN OUT DROPPED"
    assert len(streams) == 5
    assert "(192.168.1.10:4000)" in repr(streams)  # signalled; nothing has come from there
    assert len(busy.console.streams("a3@")) == 1
    assert len(busy.console.streams(streams[0]["id"])) == 1
    assert repr(busy.console.streams(limit=1)).endswith("... and 4 more")


def test_media_shows_in_calls_and_streams(quiet: Desk) -> None:
    quiet.talk(quiet.call(), there=5, back=3)
    assert repr(quiet.console.calls()).splitlines()[1].endswith(" 5/3")
    line = repr(quiet.console.streams()).splitlines()[1]
    assert f"{quiet.phone.address.host}:50000" in line
    assert "(" not in line


def test_the_books_balance_or_every_fault_is_listed(quiet: Desk) -> None:
    quiet.call()
    assert repr(quiet.console.audit()) == "the books balance"
    quiet.border.registry.media_ports["core"].take(0.0)
    faults = quiet.console.audit()
    assert [row["fault"] for row in faults] == ["media port 20002 of realm core is taken by nobody"]
    assert repr(faults).splitlines() == ["FAULT", "media port 20002 of realm core is taken by nobody"]


def test_counters(busy: Desk) -> None:
    counters = {row["counter"]: row["count"] for row in busy.console.counters()}
    assert counters["call-open"] == 5
    assert counters["call-answer"] == 4
    assert [row["counter"] for row in busy.console.counters("call-")] == ["call-answer", "call-open"]
    assert repr(busy.console.counters("zzz")) == "nothing counted"


def test_an_idle_sbc_says_so_in_words(quiet: Desk) -> None:
    console = quiet.console
    assert repr(console.calls()) == "no calls"
    assert repr(console.bindings()) == "no bindings"
    assert repr(console.streams()) == "no streams"
    assert repr(console.counters()) == "nothing counted"


# -- the prompt's namespace


def test_help_lists_every_command(busy: Desk) -> None:
    text = busy.console.help()
    assert isinstance(text, Text)
    assert [line.partition("(")[0] for line in text.splitlines()[: len(COMMANDS)]] == list(COMMANDS)
    assert all("  " in line for line in text.splitlines()[: len(COMMANDS)])


def test_help_about_something_is_what_it_says_and_never_a_pager(busy: Desk) -> None:
    assert busy.console.help(busy.console.calls).startswith("calls(find, realm=, state=, limit=): ")
    assert busy.console.help(object.__new__(type("Bare", (), {}))) == "Bare says nothing of itself"


def test_the_namespace_holds_the_commands_and_the_parts(busy: Desk) -> None:
    names = busy.console.namespace()
    assert set(COMMANDS) <= set(names)
    assert names["border"] is busy.border
    assert names["runner"] is busy.runner
    with pytest.raises(RuntimeError):
        names["input"]("waits for whom?")
