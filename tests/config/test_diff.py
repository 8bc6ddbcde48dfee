"""What differs between two configurations: nothing between equals, each change in words, and when it counts."""

from __future__ import annotations

import re
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.config import diff
from sbc.config.diff import EFFECTS, Effect, compare, effect_of, in_force, table_of
from sbc.config.load import load_text
from sbc.config.schema import TABLES
from sbc.config.values import Config

EXAMPLE = Path(__file__).parent.parent.parent / "etc" / "sbc.toml"
TEXT = re.sub(r"^#(?=[a-z_]+ = |\[)", "", EXAMPLE.read_text(), flags=re.MULTILINE)
GUESTS = """
[realms.guests]
side = "access"
[[realms.guests.listeners]]
protocol = "sip"
transport = "udp"
address = "127.0.0.9"
port = 5060
[realms.guests.media]
address = "127.0.0.9"
ports = "20000-20999"
[[paths]]
name = "second"
access = "guests"
core = "core"
next_hops = ["127.0.0.3:5060"]
"""


def config(text: str = TEXT) -> Config:
    return load_text(text, str(Path(__file__).parent / "files" / "sbc.toml"))  # what it names is there


def said(old: str, new: str) -> list[str]:
    return [str(change) for change in compare(config(old), config(new))]


def test_nothing_differs_between_equals() -> None:
    assert compare(config(), config()) == []
    assert compare(config(EXAMPLE.read_text()), config(EXAMPLE.read_text())) == []


def keys() -> list[tuple[str, str]]:
    """Every key of the schema that holds a value and no table."""
    found = []
    for table, held in TABLES.items():
        for key in held if not table.startswith("paths[].") else ():
            inner = f"{table}.{key.name}".lstrip(".")
            if not {inner, f"{inner}[]", f"{inner}.NAME"} & TABLES.keys():
                found.append((table, key.name))
    return found


@pytest.mark.parametrize(("table", "name"), keys())
def test_of_every_key_it_is_known_when_it_counts(table: str, name: str) -> None:
    assert name in EFFECTS[table], f"say in sbc/config/diff.py when a change of {table}.{name} counts"


def test_no_other_key_is_known() -> None:
    either = {("paths[]", "next_hops"), ("realms.NAME.trunks[]", "next_hops")}  # an array of values or of tables
    assert {(table, name) for table, names in EFFECTS.items() for name in names} == set(keys()) | either


CHANGES = [
    ("call_max = 43200.0", "call_max = 60.0", ["timers.call_max: 43200 -> 60"]),
    (
        'ports = "20000-29999"\n# Whose',
        'ports = "20000-20999"\n# Whose',
        ["realms.access.media.ports: 20000-29999 -> 20000-20999"],
    ),
    (
        'domains = ["sbc.example.net"]',
        'domains = ["b.example", "a.example"]',
        ["realms.access.domains: sbc.example.net -> a.example, b.example"],
    ),
    ('mode = "probe"', 'mode = "adaptive"', ["realms.access.keepalive.mode: probe -> adaptive"]),
    ("require_peer = false", "require_peer = true", ["realms.access.tls.require_peer: false -> true"]),
    ('level = "info"', 'level = "warn"', ["log.level: info -> warn"]),
    (
        'numbers = ["urn:service:sos", "112", "911", "110", "999", "000"]',
        "numbers = []",
        ["emergency.numbers: urn:service:sos, 112, 911, 110, 999, 000 -> none"],
    ),
    (
        '\nto = "127.0.0.3:5060"',
        '\nto = "127.0.0.4:5060"',
        ["paths.main.next_hops: 127.0.0.3:5060 weight=1 transport=udp -> 127.0.0.4:5060 weight=1 transport=udp"],
    ),
    ('name = "main"', 'name = "other"', ["paths.main: removed", "paths.other: added"]),
    ("retry_after = 30", "retry_after = 60", ["drain.retry_after: 30 -> 60"]),
]


@pytest.mark.parametrize(("old", "new", "words"), CHANGES)
def test_a_change_in_words(old: str, new: str, words: list[str]) -> None:
    assert old in TEXT
    assert said(TEXT, TEXT.replace(old, new)) == words


def test_what_comes_and_goes_as_a_whole_is_one_line() -> None:
    assert said(TEXT, TEXT + GUESTS) == ["realms.guests: added", "paths.second: added"]
    assert said(TEXT + GUESTS, TEXT) == ["realms.guests: removed", "paths.second: removed"]


def test_sockets_are_told_by_where_they_are() -> None:
    new = TEXT.replace("port = 5060\n# What peers", "port = 5070\n# What peers").replace(
        'advertised = "127.0.0.1:5060"', 'advertised = "127.0.0.1:5070"'
    )
    assert said(TEXT, new) == [
        "realms.access.listeners.sip/udp 127.0.0.1:5060: removed",
        "realms.access.listeners.sip/udp 127.0.0.1:5070: added",
    ]


def test_a_table_may_be_missing() -> None:
    without = re.sub(r"^\[cdr\](.|\n)*?(?=^\[|\Z)", "", TEXT, flags=re.MULTILINE)
    (change,) = compare(config(), config(without))
    assert (str(change), change.effect) == ("cdr: removed", Effect.RESTART)


@pytest.mark.parametrize(
    ("spot", "effect"),
    [
        (("timers", "audit"), Effect.NOW),
        (("realms", "x", "side"), Effect.REFUSED),
        (("realms", "x", "media", "ports"), Effect.NEXT),
        (("realms", "x", "listeners", "sip/udp 127.0.0.1:5060", "advertised"), Effect.RESTART),
        (("paths", "x", "hosts"), Effect.NEXT),
        (("cdr", "json"), Effect.RESTART),
        (("what", "nobody", "knows"), Effect.RESTART),
    ],
)
def test_when_it_counts(spot: tuple[str, ...], effect: Effect) -> None:
    assert effect_of(spot) is effect


def test_the_table_of_a_whole() -> None:
    assert table_of(("realms", "a.b", "tls")) == "realms.NAME.tls"


def test_secrets_are_not_shown() -> None:
    assert diff._shown(("x", "shared_secret"), "abc") == "(not shown)"
    assert diff._shown(("x", "password_file"), "abc") == "abc"


def test_in_force_is_all_but_what_waits_for_the_next_start() -> None:
    old = config()
    new = config(
        TEXT.replace('level = "info"', 'level = "warn"')
        .replace('format = "text"', 'format = "json"')
        .replace('json = "/var/lib/sbc/cdr.json"', 'json = "/elsewhere"')
        .replace('advertised = "127.0.0.1:5060"', 'advertised = "127.0.0.7:5060"')
        .replace("call_max = 43200.0", "call_max = 60.0")
    )
    runs = in_force(old, new)
    assert (runs.log.level, runs.log.format) == (new.log.level, old.log.format)
    assert runs.cdr == old.cdr
    assert runs.plan.timers.call_max == 60.0
    assert runs.plan.realms["access"].listeners == old.plan.realms["access"].listeners
    assert all(change.effect is Effect.RESTART for change in compare(runs, new))
    assert len(compare(runs, new)) == 3


@given(st.sets(st.sampled_from(range(len(CHANGES)))))
def test_what_is_in_force_differs_only_in_what_waits(chosen: set[int]) -> None:
    text = TEXT
    for index in chosen:
        old, new, _ = CHANGES[index]
        text = text.replace(old, new)
    old_config, new_config = config(), config(text)
    runs = in_force(old_config, new_config)
    assert compare(new_config, new_config) == compare(runs, runs) == []
    assert runs == attrs.evolve(new_config, log=runs.log)
    told = [str(change) for change in compare(old_config, new_config)]
    renamed = any("paths.other" in line for line in told)
    for index in chosen:  # a path that is gone says nothing of its keys
        assert all(line in told for line in CHANGES[index][2] if not (renamed and line.startswith("paths.main.")))
