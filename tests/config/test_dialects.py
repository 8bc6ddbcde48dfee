"""What dialects add to the configuration is found by their names."""

from __future__ import annotations

from sbc.config.dialects import all_tables, options_of
from sbc.config.load import load_text
from sbc.config.schema import PROTOCOLS, TABLES
from sbc.h323 import options as of_h323
from sbc.sip import options
from tests.config.test_load import SMALL


def test_a_dialect_with_options_is_found_and_one_without_adds_nothing() -> None:
    assert options_of("sip") is options and options_of("h323") is of_h323
    for unknown in ("toy", "text", "no.such", "", "../sip"):
        assert options_of(unknown) is None


def test_its_tables_stand_in_a_path() -> None:
    whole = all_tables(TABLES, PROTOCOLS)
    assert "sip" in {key.name for key in whole["paths[]"]} - {key.name for key in TABLES["paths[]"]}
    assert set(whole) - set(TABLES) == {*options.TABLES, *of_h323.TABLES}
    assert all_tables(TABLES, ()) == TABLES


def test_what_it_has_read_is_the_paths() -> None:
    (plain,) = load_text(SMALL, "x.toml").plan.paths
    assert plain.options == {} and options.of(plain) == options.DEFAULTS
    (path,) = load_text(SMALL + '[paths.sip]\nasserted = "keep"\n', "x.toml").plan.paths
    assert options.of(path).asserted is options.Asserted.KEEP
