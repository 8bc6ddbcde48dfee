"""The configuration of accounts by volume: the table ``[accounting]`` and those within it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sbc.config import kinds
from sbc.config.dialects import lacking
from sbc.config.faults import Findings
from sbc.config.keys import Key, Tables, read_keys
from sbc.config.values import AccountingConfig, AccountsCsvConfig, Event, Octets, RadiusConfig
from sbc.core.address import Address

PORT = 1813
"""Where RADIUS servers take accounting (RFC 2866 section 3)."""

NEEDS = {"pyrad": "2.6.0"}
"""What RADIUS needs beyond the rest; it comes with the extra ``radius``."""

_FILE = kinds.text("the path of a file; a relative one starts at the configuration file's directory")

TABLES: Tables = {
    "accounting": (
        Key("book", _FILE, required=True),
        Key("interim", kinds.seconds(0.0, 86_400.0)),
        Key("attempts", kinds.boolean()),
        Key("csv", kinds.table()),
        Key("radius", kinds.table()),
    ),
    "accounting.csv": (
        Key("file", _FILE, required=True),
        Key("events", kinds.many(kinds.choice(Event), 1, "words")),
        Key("rotate_size", kinds.integer(0, 2**40)),
        Key("rotate_daily", kinds.boolean()),
    ),
    "accounting.radius": (
        Key("servers", kinds.many(kinds.ip_maybe_port(), 1, "servers"), required=True),
        Key("secret_file", _FILE, required=True),
        Key("nas_identifier", kinds.text("a name")),
        Key("octets", kinds.choice(Octets)),
        Key("timeout", kinds.seconds(0.1, 60.0)),
        Key("tries", kinds.integer(1, 10)),
        Key("rest", kinds.seconds(0.1, 3600.0)),
        Key("window", kinds.integer(1, 200)),
        Key("spool", kinds.integer(1_000, 100_000_000)),
    ),
}

Files = Callable[..., dict[str, Any]]


def read(table: Mapping[str, Any], files: Files, findings: Findings) -> AccountingConfig | None:
    """The value of ``[accounting]``; None where too much of it is wrong. `files` makes paths absolute."""
    values = files(read_keys(table, "accounting", TABLES["accounting"], findings), "book")
    if not table.keys() & {"csv", "radius"}:
        findings.missing("accounting.csv", "[accounting.csv] or [accounting.radius], or both: who is to be told")
    if "csv" in values:
        values["csv"] = _csv(values["csv"], files, findings)
    if "radius" in values:
        values["radius"] = _radius(values["radius"], files, findings)
    return AccountingConfig(**values) if "book" in values else None


def _csv(table: Mapping[str, Any], files: Files, findings: Findings) -> AccountsCsvConfig | None:
    values = files(read_keys(table, "accounting.csv", TABLES["accounting.csv"], findings), "file")
    return AccountsCsvConfig(**values) if "file" in values else None


def _radius(table: Mapping[str, Any], files: Files, findings: Findings) -> RadiusConfig | None:
    values = files(read_keys(table, "accounting.radius", TABLES["accounting.radius"], findings), "secret_file")
    problem = lacking(NEEDS)
    if problem:
        findings.add("accounting.radius", None, problem, "after: pip install 'sbc[radius]'")
    if not {"servers", "secret_file"} <= values.keys():
        return None
    servers = tuple(Address(host, port or PORT) for host, port in values.pop("servers"))
    if len(set(servers)) < len(servers):
        findings.add("accounting.radius.servers", table["servers"], "has one server twice", "each once")
    return RadiusConfig(servers=servers, **values)
