"""The table of commands: what is plain and what Python, what words mean, and what is said to a mistake."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.admin.commands import COMMANDS, Misused, is_plain, read, split
from sbc.admin.console import Console


@pytest.mark.parametrize(
    ("line", "plain"),
    [
        ("calls", True),
        ("  calls  ", True),
        ("calls alice", True),
        ("calls --limit 3", True),
        ("calls limit=3", True),
        ("calls -1", True),
        ("calls @example.com", True),
        ("call 74g3jtke3u", True),
        ("call 123", True),
        ("trace 74g --full", True),
        ("kick 'no end", True),
        ("calls()", False),
        ("calls ('alice')", False),
        ("calls(", False),
        ("calls (", False),
        ("calls().more", False),
        ("calls = 3", False),
        ("calls == 3", False),
        ("calls; 1", False),
        ("calling", False),
        ("x = calls", False),
        ("", False),
        ("[calls]", False),
        ("help", True),
        ("help calls", True),
        ("calls\x00x", False),
    ],
)
def test_what_is_plain(line: str, plain: bool) -> None:
    assert is_plain(line) is (plain and line.split()[0] in COMMANDS)


@given(st.text(max_size=60))
def test_no_line_is_too_much(rest: str) -> None:
    assert is_plain(f"calls {rest}") in (True, False)
    try:
        read(split(f"calls {rest}"))
    except Misused as misused:
        assert str(misused)


@pytest.mark.parametrize(
    ("line", "arguments"),
    [
        ("calls", {}),
        ("calls alice", {"find": "alice"}),
        ("calls 'two words'", {"find": "two words"}),
        ("calls find=alice", {"find": "alice"}),
        ("calls --limit 5 a=b", {"find": "a=b", "limit": 5}),
        ("calls --limit=none", {"limit": None}),
        ("calls realm=core --state up", {"realm": "core", "state": "up"}),
        ("drain", {}),
        ("drain 2.5", {"seconds": 2.5}),
    ],
)
def test_what_words_mean(line: str, arguments: dict[str, Any]) -> None:
    command, read_as = read(split(line))
    assert command.name == line.partition(" ")[0]
    assert read_as == arguments


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "no command; help lists them"),
        ("nonsense", "no command 'nonsense'; help lists them"),
        ("call", "call wants id: call ID"),
        ("call a b", "call knows nothing to do with 'b': call ID"),
        ("calls --nonsense", "calls has no option '--nonsense'"),
        ("calls --limit", "--limit wants a value"),
        ("calls --limit x", "limit: 'x' is no number"),
        ("calls --limit -1", "limit: '-1' is no number"),
        ("calls --limit nan", "limit: 'nan' is no number"),
        ("calls --limit 1 --limit 2", "limit is there twice"),
        ("call 'no end", "cannot be taken apart: No closing quotation"),
    ],
)
def test_what_is_not_understood_is_said_with_the_usage(line: str, said: str) -> None:
    with pytest.raises(Misused) as caught:
        read(split(line))
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_is_what_the_console_has(name: str) -> None:
    """Each argument is one of the method's, by that name, named or not as it is there."""
    command, method = COMMANDS[name], getattr(Console, name)
    parameters = [each for each in inspect.signature(method).parameters.values() if each.name != "self"]
    assert [each.name for each in command.arguments] == [each.name for each in parameters]
    for argument, parameter in zip(command.arguments, parameters, strict=True):
        named = argument.option or argument.flag
        assert named == (parameter.kind is inspect.Parameter.KEYWORD_ONLY), argument.name
        assert argument.needed == (parameter.default is inspect.Parameter.empty), argument.name


def test_help_of_a_command_has_its_usage_both_ways_and_its_arguments() -> None:
    lines = COMMANDS["calls"].help().splitlines()
    assert lines[0] == "calls [FIND] [--realm REALM] [--state STATE] [--limit LIMIT]"
    assert lines[1] == "  calls(find, realm=, state=, limit=) in Python"
    assert sum(line.startswith(("  find", "  realm", "  state", "  limit")) for line in lines) == 4
    assert "audit log before it is done" in COMMANDS["kick"].help()
    assert "audit log" not in COMMANDS["calls"].help()
