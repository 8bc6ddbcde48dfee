"""Faults: each is one line that says where, what and what instead, whatever the file held."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.config.faults import ConfigError, Fault, Findings, joined, printable, shown

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes() | st.dates() | st.times(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def test_a_fault_says_file_key_value_problem_and_what_is_allowed() -> None:
    fault = Fault("a.toml", "realms.x.port", "70000", "is not allowed here", "1 to 65535")
    assert str(fault) == "a.toml: realms.x.port = 70000: is not allowed here (allowed: 1 to 65535)"


def test_a_fault_without_a_value_says_only_the_key() -> None:
    assert str(Fault("a.toml", "realms", "", "missing", "a table")) == "a.toml: realms: missing (allowed: a table)"


def test_a_syntax_fault_gives_line_and_column() -> None:
    assert str(Fault("a.toml", "", "", "is not TOML", line=3, column=7)) == "a.toml:3:7: is not TOML"


def test_the_error_is_one_fault_a_line() -> None:
    error = ConfigError([Fault("f", "a", "", "missing"), Fault("f", "b", "1", "wrong")])
    assert str(error).splitlines() == ["f: a: missing", "f: b = 1: wrong"]


def test_no_findings_settle_quietly_and_any_raise() -> None:
    findings = Findings("f")
    findings.settle()
    findings.add("a", 1, "wrong")
    with pytest.raises(ConfigError) as caught:
        findings.settle()
    assert [fault.key for fault in caught.value.faults] == ["a"]


@pytest.mark.parametrize(("name", "hint"), [("lissteners", 'did you mean "listeners"?'), ("zzz", "")])
def test_an_unknown_key_brings_the_nearest_known(name: str, hint: str) -> None:
    findings = Findings("f")
    findings.unknown("realms.x", {name: 1, "side": 2}, ["side", "listeners"])
    (fault,) = findings
    assert fault.key == f"realms.x.{name}"
    assert fault.problem.endswith(hint) and fault.problem.startswith("unknown key")
    assert fault.allowed == "side, listeners"
    assert ("did you mean" in fault.problem) == bool(hint)


@pytest.mark.parametrize(
    ("at", "name", "key"),
    [("", "a", "a"), ("a", "b-1_c", "a.b-1_c"), ("a", "b c", 'a."b c"'), ("a", "", 'a.""'), ("a", "ü\n", 'a."ü\\n"')],
)
def test_keys_are_quoted_where_toml_does(at: str, name: str, key: str) -> None:
    assert joined(at, name) == key


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (1, "1"),
        (1.5, "1.5"),
        (float("nan"), "nan"),
        ("a\nb\x1b", '"a\\nb\\u001b"'),
        ({"a": 1}, "a table of 1 key"),
        ([1, 2], "an array of 2 values"),
        pytest.param(1 << 20_000, "an integer of 20001 bits", id="huge"),
        ("x" * 500, '"' + "x" * 80 + '..."'),
        (None, ""),
    ],
)
def test_values_are_shown_as_toml_writes_them(value: object, text: str) -> None:
    assert shown(value) == text


@given(ANYTHING, st.text())
def test_every_fault_is_one_line_of_bounded_length(value: object, key: str) -> None:
    line = str(Fault("f", joined("a", key), shown(value), "wrong"))
    assert line.isprintable()
    assert len(line) < 2_500
    assert line.splitlines() == [line]


@given(st.text(st.characters()))  # surrogates too: a file name may hold some
def test_printable_makes_any_text_printable(text: str) -> None:
    assert printable(text).isprintable()
