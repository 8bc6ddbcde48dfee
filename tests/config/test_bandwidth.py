"""The keys of bandwidth."""

from __future__ import annotations

import attrs
import pytest

from sbc.config.bandwidth import TABLES
from sbc.config.faults import ConfigError
from sbc.config.load import load_text
from sbc.policy.demand import Bandwidth, Fit, Police
from tests.config.test_load import SMALL


def test_every_key_is_a_field() -> None:
    assert {key.name for key in TABLES["realms.NAME.bandwidth"]} == {each.name for each in attrs.fields(Bandwidth)}


def test_a_realm_says_how_it_takes_bandwidth() -> None:
    table = (
        '[realms.a.bandwidth]\naudio = 24\nvideo = 500\nother = 8\nfit = "cheapest"\npolice = "all"\nmargin = 50\n'
        "burst = 0.5\n"
    )
    realms = load_text(SMALL + table, "x.toml").plan.realms
    assert realms["a"].bandwidth == Bandwidth(24, 500, 8, Fit.CHEAPEST, Police.ALL, 50, 0.5)
    assert realms["c"].bandwidth == Bandwidth()


@pytest.mark.parametrize(
    "line", ["audio = 0", 'fit = "squeeze"', "margin = -1", "burst = 0", 'police = "yes"', "rate = 1"]
)
def test_what_is_no_such_value_is_refused(line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_text(f"{SMALL}[realms.a.bandwidth]\n{line}\n", "x.toml")
    assert [fault.key for fault in caught.value.faults] == [f"realms.a.bandwidth.{line.split()[0]}"]
