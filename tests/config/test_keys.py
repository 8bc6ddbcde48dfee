"""Reading the keys of a table: what is right comes back, what is wrong is a fault, each once."""

from __future__ import annotations

from sbc.config import kinds
from sbc.config.faults import Findings
from sbc.config.keys import Key, read_keys

KEYS = (Key("name", kinds.word(), required=True), Key("count", kinds.integer(1, 9)), Key("yes", kinds.boolean()))


def test_what_is_right_comes_back_and_what_is_left_out_does_not() -> None:
    findings = Findings("x.toml")
    assert read_keys({"name": "a", "yes": False}, "at", KEYS, findings) == {"name": "a", "yes": False}
    assert not findings.faults


def test_every_fault_is_found() -> None:
    findings = Findings("x.toml")
    assert read_keys({"count": 10, "yes": True, "cuont": 1}, "at[0]", KEYS, findings) == {"yes": True}
    assert {fault.key: fault.problem for fault in findings} == {
        "at[0].cuont": 'unknown key; did you mean "count"?',
        "at[0].name": "missing",
        "at[0].count": "is not allowed here",
    }
