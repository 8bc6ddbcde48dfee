"""The console's commands on a running SBC: tables, limits, filters, prefixes, plain words where there is nothing."""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Iterator
from time import sleep
from typing import Any

import attrs
import pytest

from sbc import __version__
from sbc.admin.commands import COMMANDS, Misused
from sbc.admin.console import Console
from sbc.admin.limited import limited
from sbc.admin.tables import No, Record, Table, Text, plain
from sbc.config.values import Config, EngineName
from sbc.core.address import Address
from sbc.core.call import CallState
from sbc.core.message import Ending, Who
from sbc.core.probing import failed
from sbc.core.realm import Limits
from sbc.core.trunk import Trunk
from sbc.media.choose import Choice
from sbc.media.flow import KernelView, Tap
from tests.admin import scenes
from tests.admin.desk import Desk, open_desk, turn


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
    assert titles(table) == "REALM SIDE NETWORK CALLS BINDINGS EXCHANGES MEDIA FREE USED RESTING MARKS"
    assert lines[1].split()[:4] == ["access", "access", "-", "1/7"]
    assert lines[1].split()[-4:] == ["99", "1", "0", "-"]
    assert lines[4].split("  ")[0] == "LISTENER"
    assert lines[5].startswith(str(quiet.access))
    assert len(table) == 2


def test_streams(busy: Desk) -> None:
    streams = busy.console.streams()
    assert isinstance(streams, Table)
    assert titles(streams) == "STREAM KIND" + 2 * " REALM MEDIA TO IN OUT DROPPED MOS DSCP SECURITY"
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


# -- what changes something


def test_kick_ends_a_call_and_says_so_to_both(quiet: Desk) -> None:
    id = quiet.call()
    assert repr(quiet.console.kick(id)) == f"call {id} is ended"
    got: dict[str, list[bytes]] = {"phone": [], "softswitch": []}

    def both() -> bool:
        got["phone"] += quiet.phone.data()
        got["softswitch"] += quiet.softswitch.data()
        return all(any(data.startswith(b"BYE ") for data in each) for each in got.values())

    turn(quiet.reactor, both, "BYE on both sides")
    call = quiet.border.registry.calls[id]
    assert (call.cause, call.ending, call.ended_by) == ("Q.850 31: cleared from the console", Ending.CLEARED, Who.SBC)
    assert repr(quiet.console.audit()) == "the books balance"
    again = quiet.console.kick(id)
    assert isinstance(again, No) and again == f"call {id} is over: Q.850 31: cleared from the console"


def test_a_call_that_nobody_has_answered_can_be_kicked(quiet: Desk) -> None:
    id = quiet.call(answered=False)
    quiet.console.kick(id)
    call = quiet.border.registry.calls[id]
    assert (call.state, call.ending, call.ended_by) == (CallState.CLOSED, Ending.CLEARED, Who.SBC)
    assert "cleared from the console" in call.cause


def test_kick_meets_the_call_that_was_meant_or_none(quiet: Desk) -> None:
    id = quiet.call()
    quiet.register()
    (binding,) = quiet.border.registry.bindings
    for wanted, said in (
        (id[:5], f"kick wants the whole id, so that no other call is met: {id}"),
        ("nosuch", "no call 'nosuch'; calls('nosuch') looks for it in labels and users"),
        (binding, "that is a terminal; its registration is the registrar's to end"),
    ):
        answer = quiet.console.kick(wanted)
        assert isinstance(answer, No) and answer == said
    assert quiet.border.registry.calls[id].state is CallState.UP


@attrs.define
class Done:
    ok: bool
    lines: list[str]


class Wheel:
    """Operations that only remember what was asked."""

    state = "draining"

    def __init__(self) -> None:
        self.asked: list[object] = []

    def reload(self) -> Done:
        self.asked.append("reload")
        return Done(False, ["sbc.toml: wrong", "and more"])

    def drain(self, limit: float | None) -> Done:
        self.asked.append(("drain", limit))
        return Done(True, ["2 calls are left"])

    def undrain(self) -> Done:
        self.asked.append("undrain")
        return Done(True, [])


def test_operations_are_asked_and_their_outcome_told(quiet: Desk) -> None:
    wheel = Wheel()
    console = Console(quiet.border, quiet.runner, Config(quiet.border.plan), quiet.reactor.seconds, wheel)
    failed = console.answer(["reload"])
    assert isinstance(failed, No) and failed == "sbc.toml: wrong\nand more"
    assert console.answer(["drain", "30"]) == console.drain() == "2 calls are left"
    assert console.answer(["undrain"]) == "done"
    assert console.status()["state"] == "draining"
    assert wheel.asked == ["reload", ("drain", 30), ("drain", None), "undrain"]


def test_a_reload_is_not_broken_off_in_the_middle(quiet: Desk) -> None:
    class Slow(Wheel):
        def reload(self) -> Done:
            sleep(0.1)
            return super().reload()

    console = Console(quiet.border, quiet.runner, Config(quiet.border.plan), quiet.reactor.seconds, Slow())
    answers: list[object] = []
    limited(0.05, lambda: answers.append(console.answer(["reload"])))
    assert answers == ["sbc.toml: wrong\nand more"]


@pytest.mark.parametrize("name", ["reload", "drain", "undrain"])
def test_operations_that_are_not_there_are_said_to_be_so(quiet: Desk, name: str) -> None:
    answer = quiet.console.answer([name])
    assert isinstance(answer, No) and answer.startswith("not available")


# -- plain words


def test_plain_words_do_what_python_does(busy: Desk) -> None:
    console = busy.console

    def ids(answer: Any) -> list[str]:
        return [row["id"] for row in answer]

    assert ids(console.answer(["calls", "a3", "--limit", "1"])) == ids(console.calls("a3", limit=1))
    assert ids(console.answer(["calls", "state=up", "--realm=access"])) == ids(console.calls(state="up"))
    assert len(console.answer(["streams", "--limit", "all"])) == 5
    with pytest.raises(Misused):
        console.answer(["nonsense"])


@pytest.mark.parametrize("name", [name for name, each in COMMANDS.items() if not each.changes])
def test_every_command_answers_in_data_fit_for_json(busy: Desk, name: str) -> None:
    (id, *_) = busy.border.registry.calls
    words = [name, *(id for each in COMMANDS[name].arguments if each.needed)]
    json.dumps(plain(busy.console.answer(words)))


def test_status(quiet: Desk) -> None:
    quiet.console.kick(quiet.call())
    scenes.settle(quiet)
    quiet.softswitch.data()
    quiet.phone.data()
    quiet.call(b"two")
    status = quiet.console.status()
    assert (status["state"], status["calls"], status["streams"], status["remembered"]) == ("running", 1, 1, 2)
    assert (status["engine"], status["process"]) == ("twisted", os.getpid())
    assert repr(status).startswith(f"sbc {__version__}, running, up for ")


def test_paths(busy: Desk) -> None:
    (row,) = busy.console.paths()
    (hop,) = row.pop("neighbours")
    assert [row] == [
        {
            "name": "main",
            "access": "access",
            "core": "core",
            "transport": "",
            "next_hops": [
                {"to": str(busy.softswitch.address), "priority": 0, "weight": 1, "transport": ""},
            ],
            "domain": "",
            "signaling": "shared",
            "calls": 5,
            "trunks": [],
        }
    ]
    assert (hop["hop"], hop["transport"], hop["priority"]) == (str(busy.softswitch.address), "udp", "0")
    assert (hop["state"], hop["failures"], hop["probed"]) == ("up", 0, False)
    assert hop["sent"] >= 5 and hop["heard"] < 60.0 and hop["answer"].startswith("success to ")
    shown = repr(busy.console.paths())
    assert "NEXT HOP" in shown and "\nmain" in shown


def test_the_addresses_of_trunks_stand_beside_other_next_hops(busy: Desk) -> None:
    plan = busy.border.plan
    trunk = Trunk("pbx", (Address("192.0.2.17", 5060), Address("192.0.2.18", 5060)), "sip")
    access = attrs.evolve(plan.realms["access"], trunks=(trunk,))
    busy.border.replan(attrs.evolve(plan, realms={**plan.realms, "access": access}), 0.0)
    shown = repr(busy.console.paths())
    (told,) = plain(busy.console.paths())[0]["trunks"]
    busy.border.replan(plan, 0.0)
    assert (told["name"], told["protocol"], told["called"]) == ("pbx", "sip", [])
    assert [hop["to"] for hop in told["next_hops"]] == [hop["hop"] for hop in told["neighbours"]]
    assert told["neighbours"][0]["path"] == "access/pbx" and told["neighbours"][0]["state"] == "up"
    assert shown.count("\naccess/pbx") == 2 and "192.0.2.18:5060" in shown


def test_a_next_hop_that_is_down_says_why(busy: Desk) -> None:
    registry = busy.border.registry
    (neighbour,) = registry.hops.neighbours.values()
    failed(registry, neighbour, "silent for 4.0 s", busy.runner._reactor.seconds())
    (hop,) = busy.console.paths()[0]["neighbours"]
    assert (hop["state"], hop["why"]) == ("down", "silent for 4.0 s")
    assert "silent for 4.0 s" in repr(busy.console.paths())


def test_media(quiet: Desk) -> None:
    quiet.talk(quiet.call(), there=5, back=3)
    access, core = quiet.console.media()
    assert (access["streams"], access["received"]["packets"], access["sent"]["packets"]) == (1, 5, 3)
    assert (core["streams"], core["received"]["packets"], core["sent"]["packets"]) == (1, 3, 5)
    assert (core["used"], core["free"]) == (1, 99)
    assert (access["expected"], access["lost"], access["mos"]) == (5, 0, None)  # too few to judge by
    assert repr(quiet.console.media()).endswith("\nengine twisted, 1 streams")
    quiet.runner.choice = Choice(EngineName.TWISTED, "kernel: no bpf here")
    assert repr(quiet.console.media()).endswith("\nengine twisted, 1 streams\nkernel: no bpf here")


def test_media_says_where_the_kernel_forwards(quiet: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = KernelView(
        (Tap("eth0", "native", ""), Tap("eth1", "tc", "it is somebody else's"), Tap("eth2", "tc", "", to_peer=True)),
        7,
        100,
        "/sys/fs/bpf/sbc",
    )
    monkeypatch.setattr(quiet.runner.engine, "in_kernel", lambda: kernel)
    assert repr(quiet.console.media()).endswith(
        "\n7 flows in the kernel, of 100 there can be (/sys/fs/bpf/sbc)"
        "\neth0: native\neth1: tc (it is somebody else's)\neth2: tc, to its peer"
    )


def test_media_says_what_came_to_shared_ports_for_nobody(quiet: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quiet.runner.engine, "strays", lambda: 3)
    assert repr(quiet.console.media()).endswith("\n3 packets at shared ports had the number of no stream")


def test_media_says_what_handshakes_have_come_to(quiet: Desk) -> None:
    quiet.runner.handshakes.update(fingerprint=1, keyed=5)
    assert repr(quiet.console.media()).endswith("\nhandshakes: keyed 5, fingerprint 1")


# -- the prompt's namespace


def test_help_lists_every_command(busy: Desk) -> None:
    text = busy.console.help()
    assert isinstance(text, Text)
    assert [line.partition(" ")[0] for line in text.splitlines()[: len(COMMANDS)]] == list(COMMANDS)
    assert all("  " in line for line in text.splitlines()[: len(COMMANDS)])


def test_help_about_something_is_what_it_says_and_never_a_pager(busy: Desk) -> None:
    assert busy.console.help(busy.console.calls) == busy.console.help("calls") == COMMANDS["calls"].help()
    assert isinstance(busy.console.help("nonsense"), No)
    assert busy.console.help(str) == inspect.getdoc(str)
    assert busy.console.help(object.__new__(type("Bare", (), {}))) == "Bare says nothing of itself"


def test_the_namespace_holds_the_commands_and_the_parts(busy: Desk) -> None:
    names = busy.console.namespace()
    assert set(COMMANDS) <= set(names)
    assert names["border"] is busy.border
    assert names["runner"] is busy.runner
    with pytest.raises(RuntimeError):
        names["input"]("waits for whom?")
