"""The keys of bandwidth."""

from __future__ import annotations

import attrs
import pytest

from sbc.config.bandwidth import TABLES, bandwidth_of
from sbc.config.faults import ConfigError
from sbc.config.load import load_text
from sbc.policy.demand import Bandwidth, Fit, Police
from tests.config.test_load import SMALL


def test_every_key_is_a_field() -> None:
    assert {key.name for key in TABLES["realms.NAME.bandwidth"]} == {each.name for each in attrs.fields(Bandwidth)}


def test_a_realm_says_how_it_takes_bandwidth() -> None:
    table = (
        "[realms.a.bandwidth]\naudio = 24\nvideo = 500\nother = 8\nmost = 900\n"
        'fit = "cheapest"\npolice = "all"\nmargin = 50\nahead = true\n'
        "burst = 0.5\n"
    )
    realms = load_text(SMALL + table, "x.toml").plan.realms
    assert realms["a"].bandwidth == Bandwidth(24, 500, 8, 900, Fit.CHEAPEST, Police.ALL, 50, 0.5, True)
    assert realms["c"].bandwidth == Bandwidth()


def test_no_stream_need_have_more_reserved_than_the_engine_lets_it_have() -> None:
    assert bandwidth_of({"most": 5_000}, {"stream_rate": 3_000}).most == 3_000
    assert (bandwidth_of({}, {}).most, bandwidth_of({"most": 9}, {}).most) == (20_000, 9)


@pytest.mark.parametrize(
    "line", ["audio = 0", 'fit = "squeeze"', "margin = -1", "burst = 0", 'police = "yes"', "rate = 1"]
)
def test_what_is_no_such_value_is_refused(line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_text(f"{SMALL}[realms.a.bandwidth]\n{line}\n", "x.toml")
    assert [fault.key for fault in caught.value.faults] == [f"realms.a.bandwidth.{line.split()[0]}"]
