"""What dialects add to the configuration is found by their names."""

from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path

import pytest

from sbc.config import dialects
from sbc.config.dialects import all_tables, check_installed, options_of
from sbc.config.faults import ConfigError, Findings
from sbc.config.load import load_text
from sbc.config.schema import PROTOCOLS, TABLES
from sbc.core.address import Address
from sbc.core.orders import Listener
from sbc.core.secured import SUITES
from sbc.h323 import options as of_h323
from sbc.h323 import srtp
from sbc.sip import options
from tests.config.test_load import SMALL


def test_a_dialect_with_options_is_found_and_one_without_adds_nothing() -> None:
    assert options_of("sip") is options and options_of("h323") is of_h323
    for unknown in ("toy", "text", "no.such", "", "../sip"):
        assert options_of(unknown) is None


def test_which_protocols_say_how_media_is_secured() -> None:
    assert {each for each in PROTOCOLS if not dialects.says_handshakes(each)} == {"h323"}
    assert {each for each in PROTOCOLS if set(dialects.suites_of(each)) != set(SUITES)} == {"h323"}
    assert set(dialects.suites_of("h323")) == set(srtp.OIDS)
    assert dialects.says_handshakes("toy") and dialects.suites_of("toy"), "who says nothing of it has words"


def test_its_tables_stand_in_a_path() -> None:
    whole = all_tables(TABLES, PROTOCOLS)
    assert "sip" in {key.name for key in whole["paths[]"]} - {key.name for key in TABLES["paths[]"]}
    added = [found.TABLES for each in PROTOCOLS if (found := options_of(each)) is not None]
    assert set(whole) - set(TABLES) == {name for tables in added for name in tables}
    assert all_tables(TABLES, ()) == TABLES


def test_what_it_has_read_is_the_paths() -> None:
    (plain,) = load_text(SMALL, "x.toml").plan.paths
    assert plain.options == {} and options.of(plain) == options.DEFAULTS
    (path,) = load_text(SMALL + '[paths.sip]\nasserted = "keep"\n', "x.toml").plan.paths
    assert options.of(path).asserted is options.Asserted.KEEP


BOTH = SMALL.replace('"sip"', '"h323"')


@pytest.mark.parametrize(("found", "said"), [("", "which is not installed"), ("0.7.0", "not 0.7.0")])
def test_a_protocol_whose_packages_are_missing_is_said_at_once(
    found: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialects, "_installed", lambda package: found)
    assert load_text(SMALL, "x.toml")
    with pytest.raises(ConfigError) as raised:
        load_text(BOTH, "x.toml")
    (fault,) = raised.value.faults  # said once, however many listeners speak it
    assert (fault.key, fault.problem) == (
        "realms.a.listeners[0].protocol",
        f"needs the package pycrate 0.8.1, {said}",
    )
    assert "pip install 'sbc[h323]'" in fault.allowed


def test_whose_terminals_are_told_apart_by_ports_needs_them() -> None:
    gateways = SMALL.replace('"sip"', '"mgcp"')
    with pytest.raises(ConfigError) as raised:
        load_text(gateways, "x.toml")
    (fault,) = raised.value.faults
    assert (fault.key, fault.value) == ("paths[0].signaling", '"shared"') and "mgcp" in fault.problem
    assert load_text(gateways + 'signaling = "port-per-terminal"\nsignaling_ports = "41000-41999"\n', "x.toml")


def test_such_ports_may_be_for_connections() -> None:
    own = 'signaling = "port-per-terminal"\nsignaling_ports = "41000-41999"\n'
    by_tcp = SMALL.replace('"udp"', '"tcp"') + own
    assert load_text(by_tcp.replace('"sip"', '"h248"'), "x.toml")
    with pytest.raises(ConfigError) as raised:
        load_text(by_tcp, "x.toml")
    assert [fault.key for fault in raised.value.faults] == ["paths[0].signaling"]


def test_what_is_installed_is_asked_of_the_interpreter() -> None:
    assert load_text(BOTH, "x.toml")
    listener = Listener("a", "h323", "udp", Address("192.0.2.1", 1719), Address("192.0.2.1", 1719))
    findings = Findings("x.toml")
    check_installed([("x", listener)], findings)
    assert not findings.faults and dialects._installed("no-such-package-at-all") == ""


def test_the_extra_of_a_dialect_brings_what_it_needs() -> None:
    setup = ConfigParser()
    setup.read(Path(__file__).parents[2] / "setup.cfg")
    wanted = [f"{name}=={version}" for name, version in of_h323.NEEDS.items()]
    assert setup["options.extras_require"]["h323"].split() == wanted
    assert set(wanted) <= set(setup["options.extras_require"]["test"].split())
    assert "pycrate" not in setup["options"]["install_requires"]
