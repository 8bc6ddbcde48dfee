"""The example file and the documentation: both hold every key there is and no other, and say the true defaults."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from sbc.config import values
from sbc.config.dialects import all_tables
from sbc.config.load import load_file, load_text
from sbc.config.schema import PROTOCOLS, TABLES
from sbc.config.values import CdrConfig, DrainConfig, LogConfig
from sbc.core.fan import Failover, NextHop, Probes
from sbc.core.realm import Keepalive, Limits, Media, Registrations, Timers
from sbc.core.realm import Path as RealmPath
from sbc.core.wires import Connections
from sbc.h323.options import H323Options
from sbc.mgcp.options import MgcpOptions
from sbc.policy.demand import Bandwidth
from sbc.policy.flooding import Flooding
from sbc.policy.limits import Caps, Priority
from sbc.policy.quota import Prepaid
from sbc.sip.options import SipOptions

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = ROOT / "etc" / "sbc.toml"
MANUAL = ROOT / "docs" / "configuration.rst"


def plain(default: Any) -> Any:
    """A default as TOML has it; None where it is a table of its own."""
    if isinstance(default, tuple):
        return [plain(each) for each in default]
    return None if attrs.has(type(default)) else getattr(default, "value", default)  # an enumeration's word


def uncommented() -> str:
    """The example with every key that is commented out ("#key", "#[table]") in force."""
    return re.sub(r"^#(?=[a-z_]+ = |\[)", "", EXAMPLE.read_text(), flags=re.MULTILINE)


def keys_in(table: dict[str, Any], at: str = "") -> Iterator[tuple[str, str]]:
    """Every (table, key) of a document, tables named as in TABLES."""
    for name, value in table.items():
        yield at, name
        if isinstance(value, list) and value and isinstance(value[0], dict):
            for each in value:
                yield from keys_in(each, f"{at}.{name}[]".lstrip("."))
        elif isinstance(value, dict) and at == "" and name == "realms":
            for realm in value.values():
                yield from keys_in(realm, "realms.NAME")
        elif isinstance(value, dict):
            yield from keys_in(value, f"{at}.{name}".lstrip("."))


ALL_TABLES = all_tables(TABLES, PROTOCOLS)
ALL_KEYS = {(table, key.name) for table, keys in ALL_TABLES.items() for key in keys}


def test_the_example_loads_and_stays_on_loopback() -> None:
    config = load_file(str(EXAMPLE))
    hosts = [realm.media.address for realm in config.plan.realms.values()]
    hosts += [each.address.host for realm in config.plan.realms.values() for each in realm.listeners]
    hosts += [hop.to.host for path in config.plan.paths for hop in path.next_hops]
    assert len(hosts) == 5
    assert all(host.startswith("127.") for host in hosts)


def test_the_example_needs_no_privilege() -> None:
    config = load_file(str(EXAMPLE))
    assert all(each.address.port >= 1024 for realm in config.plan.realms.values() for each in realm.listeners)
    assert config.log.file is None


def test_the_example_holds_every_key_and_no_other() -> None:
    assert set(keys_in(tomllib.loads(uncommented()))) == ALL_KEYS


def test_the_example_loads_with_every_key_in_force() -> None:
    config = load_text(uncommented(), str(Path(__file__).parent / "files" / "sbc.toml"))  # what it names is there
    assert config.console is not None
    assert config.log.file is not None


@pytest.mark.parametrize(
    ("table", "values"),
    [
        ("timers", Timers),
        ("control", values.ControlConfig),
        ("trace", values.TraceConfig),
        ("realms.access.media", Media),
        ("realms.access.limits", Limits),
        ("realms.access.terminals", Caps),
        ("paths.limits", Caps),
        ("realms.access.bandwidth", Bandwidth),
        ("realms.access.registrations", Registrations),
        ("realms.access.connections", Connections),
        ("realms.access.keepalive", Keepalive),
        ("realms.access.flood", Flooding),
        ("priority", Priority),
        ("paths", RealmPath),
        ("paths.next_hops", NextHop),
        ("paths.failover", Failover),
        ("paths.probing", Probes),
        ("paths.sip", SipOptions),
        ("paths.h323", H323Options),
        ("paths.mgcp", MgcpOptions),
        ("media", values.MediaConfig),
        ("media.kernel", values.KernelConfig),
        ("log", LogConfig),
        ("cdr", CdrConfig),
        ("prepaid", values.PrepaidConfig),
        ("realms.access.prepaid", Prepaid),
        ("accounting", values.AccountingConfig),
        ("accounting.csv", values.AccountsCsvConfig),
        ("accounting.radius", values.RadiusConfig),
        ("store", values.StoreConfig),
        ("drain", DrainConfig),
    ],
)
def test_what_the_example_comments_out_is_the_default(table: str, values: type[Any]) -> None:
    said: Any = tomllib.loads(uncommented())
    for part in table.split("."):
        said = said[part]
        said = said[0] if isinstance(said, list) else said
    compared = 0
    for field in attrs.fields(values):
        default = plain(field.default)
        if has_default(field) and default not in (None, "", range(0)):
            assert said[field.name] == default, field.name
            compared += 1
    assert compared


def has_default(field: Any) -> bool:
    """Whether there is one of its own; what holds tables has keys with defaults instead."""
    return field.default is not attrs.NOTHING and not isinstance(field.default, attrs.Factory)  # type: ignore[arg-type]


def manual_sections() -> dict[str, str]:
    """The manual's text by the table it is about, named as in TABLES."""
    parts = re.split(r"^``\[+([a-zA-Z0-9._]+)(\]+)``\n-+\n", MANUAL.read_text(), flags=re.MULTILINE)[1:]
    titles = [
        (
            re.sub(r"^(paths|realms\.NAME\.customers|realms\.NAME\.trunks)\.", r"\1[].", name)
            + ("[]" if len(close) == 2 else ""),
            text,
        )
        for name, close, text in zip(*[iter(parts)] * 3, strict=True)
    ]
    return dict(titles)


@pytest.mark.parametrize("table", [table for table in ALL_TABLES if table])
def test_the_manual_holds_every_key_and_no_other(table: str) -> None:
    described = re.findall(r"^``(\w+)``(?: \(.*\))?\n    \S", manual_sections()[table], flags=re.MULTILINE)
    assert sorted(described) == sorted(key.name for key in ALL_TABLES[table])


@pytest.mark.parametrize("table", [table for table in ALL_TABLES if table])
def test_the_manual_says_which_keys_are_required(table: str) -> None:
    required = re.findall(r"^``(\w+)`` \(required\)", manual_sections()[table], flags=re.MULTILINE)
    assert sorted(required) == sorted(key.name for key in ALL_TABLES[table] if key.required)


@pytest.mark.parametrize(
    ("table", "values"),
    [
        ("timers", Timers),
        ("control", values.ControlConfig),
        ("trace", values.TraceConfig),
        ("realms.NAME.media", Media),
        ("realms.NAME.limits", Limits),
        ("realms.NAME.terminals", Caps),
        ("paths[].limits", Caps),
        ("realms.NAME.bandwidth", Bandwidth),
        ("realms.NAME.registrations", Registrations),
        ("realms.NAME.connections", Connections),
        ("realms.NAME.keepalive", Keepalive),
        ("realms.NAME.flood", Flooding),
        ("priority", Priority),
        ("paths[]", RealmPath),
        ("paths[].next_hops[]", NextHop),
        ("paths[].failover", Failover),
        ("paths[].probing", Probes),
        ("paths[].sip", SipOptions),
        ("paths[].h323", H323Options),
        ("media", values.MediaConfig),
        ("media.kernel", values.KernelConfig),
        ("log", LogConfig),
        ("cdr", CdrConfig),
        ("prepaid", values.PrepaidConfig),
        ("realms.NAME.prepaid", Prepaid),
        ("accounting", values.AccountingConfig),
        ("accounting.csv", values.AccountsCsvConfig),
        ("accounting.radius", values.RadiusConfig),
        ("store", values.StoreConfig),
        ("drain", DrainConfig),
    ],
)
def test_the_manual_says_the_true_defaults(table: str, values: type[Any]) -> None:
    said = dict(re.findall(r"^``(\w+)`` \(([^`]*?|``.*``)\)$", manual_sections()[table], flags=re.MULTILINE))
    for field in attrs.fields(values):
        default = plain(field.default)
        if not has_default(field) or default in (None, "", range(0)):
            continue
        text = {True: "true", False: "false"}[default] if isinstance(default, bool) else None
        if isinstance(default, list):
            text = "``[" + ", ".join(f'"{each}"' for each in default) + "]``"
        text = text or (f'``"{default}"``' if isinstance(default, str) else f"{default:g}")
        if isinstance(default, int | float) and not isinstance(default, bool):
            assert float(said[field.name]) == default, field.name
        else:
            assert said[field.name] == text, field.name
