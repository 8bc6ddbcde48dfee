"""The tables of those who pay in advance."""

from __future__ import annotations

import pytest

from sbc.config.diff import in_force
from sbc.config.faults import ConfigError
from sbc.config.load import load_text
from sbc.policy.quota import Prepaid, Unknown
from tests.config.test_load import SMALL

FILE = '[prepaid]\nfile = "p.sqlite"\n'
REALM = '[realms.a.prepaid]\nunknown = "refuse"\nincoming = false\n'


def test_a_realm_says_how_its_terminals_pay() -> None:
    config = load_text(SMALL + FILE + REALM, "/etc/sbc/x.toml")
    assert config.plan.realms["a"].prepaid == Prepaid(Unknown.REFUSE, incoming=False)
    assert config.plan.realms["c"].prepaid is None
    assert config.prepaid is not None and (config.prepaid.file, config.prepaid.pace) == ("/etc/sbc/p.sqlite", 0.5)


def test_without_the_tables_nobody_does() -> None:
    config = load_text(SMALL, "x.toml")
    assert config.prepaid is None and config.plan.realms["a"].prepaid is None


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (REALM, "realms.a.prepaid"),
        (FILE + "[realms.c.prepaid]\n", "realms.c.prepaid"),
        (FILE + '[realms.a.prepaid]\nunknown = "ask"\n', "realms.a.prepaid.unknown"),
        (FILE + "pace = 5.0\n", "prepaid.pace"),
        ("[prepaid]\n", "prepaid.file"),
        (FILE + '[store]\nsqlite = "p.sqlite"\n', "store.sqlite"),
    ],
)
def test_what_does_not_fit_is_said(text: str, key: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_text(SMALL + text, "x.toml")
    assert key in [fault.key for fault in error.value.faults]


def test_nobody_pays_before_accounts_are_kept() -> None:
    before, after = load_text(SMALL, "x.toml"), load_text(SMALL + FILE + REALM, "x.toml")
    assert in_force(before, after).plan.realms["a"].prepaid is None
    assert in_force(after, after).plan.realms["a"].prepaid is not None
