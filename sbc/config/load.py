"""Reads a configuration file into typed values, or says everything that is wrong with it."""

from __future__ import annotations

import os.path
import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from sbc.config import accounting, marks, network, prepaid, security
from sbc.config.bandwidth import bandwidth_of
from sbc.config.checks import Draft, DraftPath, DraftRealm, check
from sbc.config.dialects import all_tables, check_installed, check_ports, options_of
from sbc.config.faults import ConfigError, Fault, Findings, joined
from sbc.config.flood import read as read_flood
from sbc.config.hops import read_hops
from sbc.config.keys import Tables, read_keys
from sbc.config.kinds import is_word, word
from sbc.config.limits import read_customers, read_priority
from sbc.config.rules import read_countries, read_rules
from sbc.config.schema import PROTOCOLS, TABLES, UNBUILT
from sbc.config.trunks import read_trunks
from sbc.config.values import (
    AuditConfig,
    CdrConfig,
    Config,
    ConsoleConfig,
    ControlConfig,
    DnsConfig,
    DrainConfig,
    DtlsConfig,
    KernelConfig,
    LogConfig,
    MediaConfig,
    MetricsConfig,
    PrepaidConfig,
    StoreConfig,
    TraceConfig,
)
from sbc.config.wires import read_tls, read_websocket
from sbc.core.address import Address
from sbc.core.fan import Failover, Probes, in_order
from sbc.core.orders import Listener
from sbc.core.realm import EMERGENCY, Keepalive, Limits, Media, Path, Plan, Realm, Registrations, Sessions, Timers
from sbc.core.vpn import Vpn
from sbc.core.wires import Connections
from sbc.policy.limits import Caps

DNS_PORT = 53
Protocols = Mapping[str, Sequence[str]]

_SYNTAX = re.compile(r"(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)", re.DOTALL)


def load_file(path: str, protocols: Protocols = PROTOCOLS) -> Config:
    """The configuration in the file at `path`. Raises ConfigError, and nothing else, listing every fault."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except (OSError, ValueError) as error:  # ValueError: the name itself is impossible (a NUL)
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ConfigError([Fault(path, "", "", f"cannot be read: {why}")]) from error
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line, column = _place(data[: error.start])
        raise ConfigError([Fault(path, "", "", "is not UTF-8, as TOML must be", "", line, column)]) from error
    return load_text(text, path, protocols)


def load_text(text: str, source: str, protocols: Protocols = PROTOCOLS) -> Config:
    """The configuration that `text` spells. `source` names it in faults. Raises ConfigError, and nothing else."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([_syntax_fault(str(error), text, source)]) from error
    except (ValueError, RecursionError) as error:  # an integer beyond int()'s limit; arrays nested without end
        raise ConfigError([Fault(source, "", "", f"is no usable TOML: {error}")]) from error
    return load_table(table, source, protocols)


def load_table(table: Mapping[str, Any], source: str, protocols: Protocols = PROTOCOLS) -> Config:
    """The configuration in a TOML document already parsed. Raises ConfigError, and nothing else."""
    findings = Findings(source)
    draft = _Reader(
        findings, protocols, os.path.dirname(os.path.abspath(source)), all_tables(TABLES, protocols)
    ).document(table)
    check(draft, findings)
    check_ports(draft, findings)
    prepaid.check(draft, findings)
    check_installed((each for realm in draft.realms.values() for each in realm.listeners), findings)
    findings.settle()
    plan = Plan(
        realms={name: _realm(name, realm) for name, realm in draft.realms.items()},
        paths=tuple(Path(**path.values) for path in draft.paths),
        timers=draft.timers,
        emergency=draft.emergency,
        countries=draft.countries,
        priority=draft.priority,
    )
    return Config(
        plan=plan,
        console=draft.console,
        control=draft.control,
        audit=draft.audit,
        trace=draft.trace,
        media=draft.media,
        metrics=draft.metrics,
        log=draft.log,
        cdr=draft.cdr,
        accounting=draft.accounting,
        prepaid=draft.prepaid,
        dns=draft.dns,
        store=draft.store,
        drain=draft.drain,
        source=source,
    )


def _realm(name: str, draft: DraftRealm) -> Realm:
    """The finished realm. Only called when nothing is at fault, so every part is there."""
    listeners = tuple(listener for _, listener in draft.listeners)
    return Realm(name=name, listeners=listeners, media=Media(**draft.media), **draft.values)


@attrs.frozen
class _Reader:
    """Turns tables into drafts: the values that are right, each seen by itself. The rest goes into `findings`."""

    findings: Findings
    protocols: Protocols
    directory: str
    tables: Tables

    def keys(self, table: Mapping[str, Any], at: str, kind: str) -> dict[str, Any]:
        """Every key of `table`, which stands at `at` and holds what `tables[kind]` says, that is there and right."""
        return read_keys(table, at, self.tables[kind], self.findings)

    def document(self, table: Mapping[str, Any]) -> Draft:
        top = self.keys(table, "", "")
        return Draft(
            realms={name: self.realm(name, value) for name, value in top.get("realms", {}).items()},
            paths=[self.path(value, f"paths[{index}]") for index, value in enumerate(top.get("paths", ()))],
            timers=Timers(**self.keys(top.get("timers", {}), "timers", "timers")),
            console=self.console(top["console"]) if "console" in top else None,
            control=self.control(top["control"]) if "control" in top else None,
            audit=self.audit(top["audit"]) if "audit" in top else None,
            trace=TraceConfig(**self.keys(top.get("trace", {}), "trace", "trace")),
            media=self.media(top.get("media", {})),
            metrics=self.metrics(top["metrics"]) if "metrics" in top else None,
            log=LogConfig(**self.files(self.keys(top.get("log", {}), "log", "log"), "file")),
            cdr=self.cdr(top["cdr"]) if "cdr" in top else None,
            accounting=accounting.read(top["accounting"], self.files, self.findings) if "accounting" in top else None,
            prepaid=self.prepaid(top["prepaid"]) if "prepaid" in top else None,
            dns=self.dns(top.get("dns", {})),
            store=self.store(top["store"]) if "store" in top else None,
            drain=DrainConfig(**self.keys(top.get("drain", {}), "drain", "drain")),
            emergency=self.keys(top.get("emergency", {}), "emergency", "emergency").get("numbers", EMERGENCY),
            countries=read_countries(top["countries"], self.directory, self.findings) if "countries" in top else None,
            priority=read_priority(top.get("priority", {}), self.findings),
            has_realms="realms" in top,
        )

    def realm(self, name: str, value: object) -> DraftRealm:
        at = joined("realms", name)
        if not is_word(name):
            self.findings.add(at, name, "is no name for a realm", word().allowed)
        if not isinstance(value, dict):
            self.findings.add(at, value, "is not allowed here", f"a table, [{at}]")
            return DraftRealm(at)
        values = self.keys(value, at, "realms.NAME")
        if "domains" in values:
            values["domains"] = frozenset(values["domains"])
        told = values.pop("media", None)
        values["network"] = network.read(values.pop("network", {}), told or {}, at, self.findings)
        values["marks"] = marks.read(values.pop("marks", {}), told or {}, at, self.findings)
        media = (
            {}
            if told is None
            else self.keys(marks.not_moved(network.not_moved(told)), f"{at}.media", "realms.NAME.media")
        )
        if "address" in media:
            media.setdefault("advertised", media["address"])
        connections = self.keys(values.pop("connections", {}), f"{at}.connections", "realms.NAME.connections")
        if "tls" in values:
            tls = read_tls(values.pop("tls"), f"{at}.tls", self.files, self.findings)
            values |= {} if tls is None else {"tls": tls}
        values["websocket"] = read_websocket(values.pop("websocket", {}), at, self.findings)
        limits = self.keys(values.pop("limits", {}), f"{at}.limits", "realms.NAME.limits")
        terminals = self.keys(values.pop("terminals", {}), f"{at}.terminals", "realms.NAME.terminals")
        times = self.keys(values.pop("registrations", {}), f"{at}.registrations", "realms.NAME.registrations")
        listeners = []
        for index, each in enumerate(values.pop("listeners", ())):
            spot = f"{at}.listeners[{index}]"
            listener = self.listener(name, values["network"].vpn, each, spot)
            if listener is not None:
                listeners.append((spot, listener))
        own, srtp = [listener for _, listener in listeners], values.pop("srtp", {})
        values["protection"] = security.read(values, srtp, at, own, self.findings)
        width = self.keys(values.pop("bandwidth", {}), f"{at}.bandwidth", "realms.NAME.bandwidth")
        values["rules"] = read_rules(values.pop("rules", ()), f"{at}.rules", self.directory, self.findings)
        values["trunks"] = read_trunks(values.pop("trunks", ()), name, f"{at}.trunks", self.findings)
        alive = self.keys(values.pop("keepalive", {}), f"{at}.keepalive", "realms.NAME.keepalive")
        values["flood"] = read_flood(values.pop("flood", {}), f"{at}.flood", values.get("side"), self.findings)
        values["customers"] = read_customers(values.pop("customers", ()), f"{at}.customers", self.findings)
        if "prepaid" in values:
            values["prepaid"] = prepaid.read(values["prepaid"], f"{at}.prepaid", values.get("side"), self.findings)
        values |= {"limits": Limits(**limits), "terminals": Caps(**terminals), "registrations": Registrations(**times)}
        values["bandwidth"] = bandwidth_of(width, media)
        values |= {"connections": Connections(**connections), "keepalive": Keepalive(**alive)}
        faulty = frozenset({"tls"} if isinstance(value.get("tls"), dict) and "tls" not in values else ())
        return DraftRealm(at, values, media, listeners, faulty)

    def listener(self, realm: str, vpn: Vpn, table: Mapping[str, Any], at: str) -> Listener | None:
        """The listener, or None if too much of it is missing for any other check to use it."""
        values = self.keys(table, at, "realms.NAME.listeners[]")
        protocol, transport = values.get("protocol"), values.get("transport")
        if protocol is not None and protocol not in self.protocols:
            self.findings.add(f"{at}.protocol", protocol, "is not spoken here", _one_of(self.protocols))
        elif protocol is not None and transport is not None and transport not in self.protocols[protocol]:
            problem = UNBUILT.get(transport, f"does not carry {protocol} here")
            self.findings.add(f"{at}.transport", transport, problem, _one_of(self.protocols[protocol]))
        if not {"protocol", "transport", "address", "port"} <= values.keys():
            return None
        host, port = values.get("advertised", (values["address"], None))
        local, advertised = Address(values["address"], values["port"]), Address(host, port or values["port"])
        return Listener(realm, values["protocol"], values["transport"], local, advertised, vpn=vpn)

    def path(self, table: Mapping[str, Any], at: str) -> DraftPath:
        values = self.keys(table, at, "paths[]")
        values["failover"] = Failover(**self.keys(values.pop("failover", {}), f"{at}.failover", "paths[].failover"))
        values["probing"] = Probes(**self.keys(values.pop("probing", {}), f"{at}.probing", "paths[].probing"))
        values["limits"] = Caps(**self.keys(values.pop("limits", {}), f"{at}.limits", "paths[].limits"))
        if "next_hops" in values:
            keys = self.tables["paths[].next_hops[]"]
            values["next_hops"] = in_order(read_hops(values["next_hops"], f"{at}.next_hops", keys, self.findings))
        at_sessions = joined(at, "sessions")
        values["sessions"] = Sessions(**self.keys(values.pop("sessions", {}), at_sessions, "paths[].sessions"))
        options = {}
        for protocol in self.protocols:
            reader = options_of(protocol)
            if reader is not None and protocol in values:
                options[protocol] = reader.read(values.pop(protocol), joined(at, protocol), self.findings)
        return DraftPath(at, values | ({"options": options} if options else {}))

    def console(self, table: Mapping[str, Any]) -> ConsoleConfig | None:
        values = self.files(self.keys(table, "console", "console"), "host_key", "authorized_keys", "password_file")
        if not table.keys() & {"authorized_keys", "password_file"}:
            self.findings.missing("console.authorized_keys", "authorized_keys or password_file, or both")
        return ConsoleConfig(**values) if {"listen", "host_key"} <= values.keys() else None

    def control(self, table: Mapping[str, Any]) -> ControlConfig:
        return ControlConfig(**self.files(self.keys(table, "control", "control"), "socket"))

    def metrics(self, table: Mapping[str, Any]) -> MetricsConfig | None:
        values = self.keys(table, "metrics", "metrics")
        return MetricsConfig(**values) if "listen" in values else None

    def media(self, table: Mapping[str, Any]) -> MediaConfig:
        values = self.keys(table, "media", "media")
        kernel = KernelConfig(**self.keys(values.pop("kernel", {}), "media.kernel", "media.kernel"))
        dtls = None
        if "dtls" in values:
            files = self.files(self.keys(values.pop("dtls"), "media.dtls", "media.dtls"), "certificate", "key")
            dtls = DtlsConfig(**files) if {"certificate", "key"} <= files.keys() else None
        return MediaConfig(**values, kernel=kernel, dtls=dtls)

    def audit(self, table: Mapping[str, Any]) -> AuditConfig | None:
        values = self.files(self.keys(table, "audit", "audit"), "file")
        return AuditConfig(**values) if values else None

    def prepaid(self, table: Mapping[str, Any]) -> PrepaidConfig | None:
        values = self.files(self.keys(table, "prepaid", "prepaid"), "file")
        return PrepaidConfig(**values) if "file" in values else None

    def dns(self, table: Mapping[str, Any]) -> DnsConfig:
        values = self.keys(table, "dns", "dns")
        servers = tuple(Address(host, port or DNS_PORT) for host, port in values.pop("servers", ()))
        return DnsConfig(servers, **values)

    def cdr(self, table: Mapping[str, Any]) -> CdrConfig:
        if not table.keys() & {"json", "sqlite"}:
            self.findings.missing("cdr.json", "json or sqlite, or both")
        return CdrConfig(**self.files(self.keys(table, "cdr", "cdr"), "json", "sqlite"))

    def store(self, table: Mapping[str, Any]) -> StoreConfig | None:
        values = self.files(self.keys(table, "store", "store"), "sqlite", "key_file")
        return StoreConfig(**values) if "sqlite" in values else None

    def files(self, values: dict[str, Any], *names: str) -> dict[str, Any]:
        """`values` with those that are file names made absolute, so that a change of directory does not matter."""
        return {key: os.path.join(self.directory, value) if key in names else value for key, value in values.items()}


def _one_of(words: Mapping[str, Any] | Sequence[str]) -> str:
    return "one of " + ", ".join(f'"{each}"' for each in words)


def _syntax_fault(message: str, text: str, source: str) -> Fault:
    """tomllib's error as a fault. Python 3.11 gives the place in the message alone."""
    match = _SYNTAX.fullmatch(message)
    if match is None:
        return Fault(source, "", "", f"is not TOML: {message}")
    if match["line"]:
        line, column = int(match["line"]), int(match["column"])
    else:
        line, column = _place(text.encode())
    return Fault(source, "", "", f"is not TOML: {match['what']}", "", line, column)


def _place(before: bytes) -> tuple[int, int]:
    """Line and column, from 1, of what follows `before`."""
    return before.count(b"\n") + 1, len(before) - (before.rfind(b"\n") + 1) + 1
