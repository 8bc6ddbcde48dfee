"""Loading: what a file spells comes back as values; what is wrong with it comes back all at once; nothing escapes."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.config.faults import ConfigError, Fault
from sbc.config.load import load_file, load_table, load_text
from sbc.config.schema import TABLES
from sbc.config.values import (
    Config,
    ConsoleConfig,
    DtlsConfig,
    KernelConfig,
    LogConfig,
    LogFormat,
    LogLevel,
    MediaConfig,
)
from sbc.core.address import Address
from sbc.core.fan import NextHop
from sbc.core.orders import Latch, Listener
from sbc.core.realm import Hosts, Keepalive, Limits, Media, Probing, Realm, Registrations, Side, Signaling, Timers
from sbc.core.realm import Path as RealmPath
from sbc.core.secured import Protection
from sbc.core.vpn import VpnLabel
from sbc.policy.flooding import Flooding
from sbc.policy.limits import Caps, Priority

SMALL = """
[realms.a]
side = "access"
[[realms.a.listeners]]
protocol = "sip"
transport = "udp"
address = "192.0.2.1"
port = 5060
[realms.a.media]
address = "192.0.2.1"
ports = "20000-20999"

[realms.c]
side = "core"
[[realms.c.listeners]]
protocol = "sip"
transport = "udp"
address = "198.51.100.1"
port = 5060
[realms.c.media]
address = "198.51.100.1"
ports = "20000-20999"

[[paths]]
name = "p"
access = "a"
core = "c"
next_hops = ["198.51.100.9:5060"]
"""

FULL = """
[timers]
call_max = 7200
audit = 2.5
unanswered = 90
linger = 16
[realms.a]
side = "access"
domains = ["SBC.example.net", "192.0.2.77"]
sparing = false
[[realms.a.listeners]]
protocol = "sip"
transport = "udp"
address = "0.0.0.0"
port = 5062
advertised = "203.0.113.1"
[[realms.a.listeners]]
protocol = "sip"
transport = "udp"
address = "10.0.0.1"
port = 5064
advertised = "203.0.113.1:5070"
[realms.a.media]
address = "10.0.0.1"
advertised = "203.0.113.1"
ports = "30000-30001"
latch = "strict"
window = 2
quarantine = 0
[realms.a.limits]
calls = 1
bindings = 2
exchanges = 3
exchanges_per_source = 4
exchanges_per_trunk = 14
lingering = 7
lingering_per_source = 8
names_per_call = 5
streams_per_call = 6
dialogues = 9
calls_per_second = 2.5
burst = 10
bandwidth_in = 11
bandwidth_out = 12
[realms.a.terminals]
calls = 3
bindings = 4
calls_per_second = 0.5
burst = 5
bandwidth_in = 6
bandwidth_out = 7
[realms.a.registrations]
front = false
behind_nat = 40
direct = 50
core = 70
forward_after = 0.25
[realms.a.keepalive]
mode = "adaptive"
period = 15
answer_within = 2.5
misses = 5
longest = 1800
tell_core = true
[realms.c]
side = "core"
[[realms.c.listeners]]
protocol = "sip"
transport = "udp"
address = "2001:DB8::1"
port = 5060
[realms.c.media]
address = "2001:db8::1"
ports = "30000-30001"
[[paths]]
name = "p"
access = "a"
core = "c"
next_hops = ["[2001:db8::9]:5060", "[2001:db8::a]:5060"]
domain = "Example.net"
signaling = "port-per-terminal"
signaling_ports = "7000-7999"
hosts = "all"
hide_labels = false
[console]
listen = "10.0.0.1:2222"
allow_remote = true
authorized_keys = "keys"
password_file = "/etc/passwords"
host_key = "sub/key"
[log]
level = "debug"
format = "json"
file = "sbc.log"
"""


def faults_of(text: str, **more: Any) -> list[Fault]:
    with pytest.raises(ConfigError) as caught:
        load_text(text, "x.toml", **more)
    return list(caught.value.faults)


def test_a_small_file_gets_every_default() -> None:
    config = load_text(SMALL, "x.toml")
    listener = Listener("a", "sip", "udp", Address("192.0.2.1", 5060), Address("192.0.2.1", 5060))
    media = Media("192.0.2.1", "192.0.2.1", range(20000, 21000))
    assert config.plan.realms["a"] == Realm("a", Side.ACCESS, (listener,), media, flood=Flooding())
    assert config.plan.paths == (RealmPath("p", "a", "c", (Address("198.51.100.9", 5060),)),)
    assert config.plan.timers == Timers()
    assert (config.console, config.log, config.source) == (None, LogConfig(), "x.toml")


def test_a_full_file_is_read_key_by_key(tmp_path: Path) -> None:
    file = tmp_path / "sbc.toml"
    file.write_text(FULL)
    config = load_file(str(file))
    plan = config.plan
    assert plan.timers == Timers(call_max=7200.0, audit=2.5, unanswered=90.0, linger=16.0)
    assert plan.realms["a"] == Realm(
        name="a",
        side=Side.ACCESS,
        listeners=(
            Listener("a", "sip", "udp", Address("0.0.0.0", 5062), Address("203.0.113.1", 5062)),
            Listener("a", "sip", "udp", Address("10.0.0.1", 5064), Address("203.0.113.1", 5070)),
        ),
        media=Media("10.0.0.1", "203.0.113.1", range(30000, 30002), Latch.STRICT, 2.0, 0.0),
        domains=frozenset({"sbc.example.net", "192.0.2.77"}),
        limits=Limits(1, 2, 3, 4, 7, 8, 5, 6, 9, 2.5, 10, 11, 12, 14),
        terminals=Caps(3, 0.5, 5, 4, 6, 7),
        registrations=Registrations(False, 40, 50, 70, 0.25),
        keepalive=Keepalive(Probing.ADAPTIVE, 15.0, 2.5, 5, 1800.0, True),
        sparing=False,
        flood=Flooding(),
    )
    assert plan.paths == (
        RealmPath(
            name="p",
            access="a",
            core="c",
            next_hops=(NextHop(Address("2001:db8::9", 5060)), NextHop(Address("2001:db8::a", 5060), priority=1)),
            domain="example.net",
            signaling=Signaling.PORT_PER_TERMINAL,
            signaling_ports=range(7000, 8000),
            hosts=Hosts.ALL,
            hide_labels=False,
        ),
    )
    keys, key = str(tmp_path / "keys"), str(tmp_path / "sub/key")
    assert config.console == ConsoleConfig(Address("10.0.0.1", 2222), key, keys, "/etc/passwords", True)
    assert config.log == LogConfig(LogLevel.DEBUG, LogFormat.JSON, str(tmp_path / "sbc.log"))
    assert config.source == str(file)


def test_every_field_of_the_values_can_be_set_and_every_key_is_a_field() -> None:
    def names(table: str) -> set[str]:
        return {key.name for key in TABLES[table]}

    def fields(values: type[Any], *derived: str) -> set[str]:
        return {field.name for field in attrs.fields(values)} - set(derived)

    assert names("timers") == fields(Timers)
    derived = ("name", "addresses", "trunk_sources", "protection")
    assert names("realms.NAME") == fields(Realm, *derived) | {"media_security", "srtp"}
    assert names("realms.NAME.srtp") == fields(Protection, "mode", "demands")
    assert names("realms.NAME.media") == fields(Media)
    assert names("realms.NAME.network") == fields(VpnLabel, "vpn")
    assert names("realms.NAME.limits") == fields(Limits)
    assert names("realms.NAME.terminals") == names("paths[].limits") == fields(Caps, "limited")
    assert names("realms.NAME.customers[]") == fields(Caps, "limited") | {"name", "users", "networks", "each"}
    assert names("realms.NAME.customers[].each") == fields(Caps, "limited")
    assert names("priority") == fields(Priority)
    assert names("realms.NAME.registrations") == fields(Registrations)
    assert names("realms.NAME.keepalive") == fields(Keepalive)
    assert names("paths[]") == fields(RealmPath, "options")
    assert names("console") == fields(ConsoleConfig)
    assert names("log") == fields(LogConfig)
    assert names("media") == fields(MediaConfig)
    assert names("media.kernel") == fields(KernelConfig)
    assert names("media.dtls") == fields(DtlsConfig)
    assert names("realms.NAME.listeners[]") == fields(
        Listener, "realm", "dialect", "reliable", "lane", "awaited", "vpn"
    ) | {
        "protocol",
        "port",
    }
    of_plan = {"timers", "realms", "paths", "emergency", "countries", "priority"}
    assert names("") == fields(Config, "plan", "source") | of_plan


def test_all_faults_of_a_file_come_at_once() -> None:
    text = SMALL.replace("20000-20999", "20001-20999", 1).replace("port = 5060", "port = true", 1)
    text = text.replace('core = "c"', 'core = "d"').replace('side = "core"', 'side = "core"\nlimit = 1')
    text += "[timers]\naudit = nan\nlinger = -1\n[log]\nlevel = 3\n[extra]\n"
    found = {fault.key: fault.value for fault in faults_of(text)}
    assert found == {
        "extra": "",
        "realms.a.media.ports": '"20001-20999"',
        "realms.a.listeners[0].port": "true",
        "realms.c.limit": "",
        "paths[0].core": '"d"',
        "timers.audit": "nan",
        "timers.linger": "-1",
        "log.level": "3",
    }


def test_an_unknown_key_is_a_fault_that_names_the_nearest() -> None:
    (fault,) = faults_of(SMALL + "[log]\nlevl = 'info'")
    assert fault.key == "log.levl"
    assert 'did you mean "level"?' in fault.problem


def test_an_empty_file_lacks_the_sections_that_must_be() -> None:
    assert {fault.key for fault in faults_of("") if fault.problem == "missing"} == {"realms", "paths"}


def test_an_empty_realm_lacks_the_keys_that_must_be() -> None:
    missing = {fault.key for fault in faults_of(SMALL + "[realms.b]") if fault.problem == "missing"}
    assert missing == {"realms.b.side", "realms.b.media", "realms.b.listeners"}


@pytest.mark.parametrize("name", ["'a b'", "''", "'x.y'", "'" + "n" * 65 + "'"])
def test_a_realm_needs_a_proper_name(name: str) -> None:
    (fault,) = [each for each in faults_of(SMALL + f"[realms.{name}]") if "no name" in each.problem]
    assert fault.key.startswith("realms.")


def test_a_realm_that_is_no_table_is_one_fault() -> None:
    (fault,) = faults_of("realms.x = 1\n" + SMALL)
    assert (fault.key, fault.value) == ("realms.x", "1")


@pytest.mark.parametrize(
    ("protocol", "transport", "key", "allowed"),
    [
        ("iax2", "udp", "protocol", 'one of "sip", "h323", "mgcp", "h248"'),
        ("sip", "sctp", "transport", 'one of "udp", "tcp", "tls", "ws", "wss"'),
        ("sip", "", "transport", "a transport"),
    ],
)
def test_only_what_is_spoken_can_be_configured(protocol: str, transport: str, key: str, allowed: str) -> None:
    text = SMALL.replace(
        'protocol = "sip"\ntransport = "udp"', f'protocol = "{protocol}"\ntransport = "{transport}"', 1
    )
    (fault,) = [each for each in faults_of(text) if each.key.startswith("realms")]
    assert (fault.key, fault.allowed) == (f"realms.a.listeners[0].{key}", allowed)


def test_that_sctp_is_not_built_is_said_in_plain_words() -> None:
    (fault,) = faults_of(SMALL.replace('transport = "udp"', 'transport = "sctp"', 1))
    assert "is not built: no protocol goes over SCTP here" in str(fault)


def test_what_is_spoken_is_the_callers_choice() -> None:
    text = SMALL.replace('"sip"', '"iax2"').replace('transport = "udp"', 'transport = "tcp"')
    config = load_text(text, "x.toml", {"iax2": ("udp", "tcp")})
    assert config.plan.realms["a"].listeners[0].dialect == "iax2"
    assert config.plan.realms["a"].listeners[0].transport == "tcp"


def test_the_console_needs_a_way_in() -> None:
    (fault,) = faults_of(SMALL + '[console]\nlisten = "127.0.0.1:22"\nhost_key = "k"')
    assert (fault.key, fault.problem) == ("console.authorized_keys", "missing")
    assert load_text(SMALL + '[console]\nlisten = "[::1]:22"\nhost_key = "k"\npassword_file = "p"', "x").console


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [("a = 1\nb = = 2\n", 2, 5), ("a = 1\n\n[x", 3, 3), ("a = [1,\n2", 2, 2), ("[a]\n[a]\n", 2, 3)],
)
def test_a_syntax_error_gives_its_place(text: str, line: int, column: int) -> None:
    (fault,) = faults_of(text)
    assert (fault.line, fault.column) == (line, column)
    assert str(fault).startswith(f"x.toml:{line}:{column}: is not TOML: ")


@pytest.mark.parametrize("text", ["a = " + "9" * 5000, "a = " + "[" * 100_000, "a = 0x" + "f" * 9000, "a.b = 1\n" * 3])
def test_toml_that_strains_the_parser_is_a_fault(text: str) -> None:
    assert faults_of(text)


def test_a_file_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    for path in (str(tmp_path / "none.toml"), str(tmp_path), "a\0b"):
        with pytest.raises(ConfigError) as caught:
            load_file(path)
        (fault,) = caught.value.faults
        assert fault.problem.startswith("cannot be read: ")
        assert str(fault).isprintable()


def test_a_file_that_is_not_utf8_is_a_fault_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_bytes(b"# fine\na = '\xff'\n")
    with pytest.raises(ConfigError) as caught:
        load_file(str(file))
    (fault,) = caught.value.faults
    assert (fault.line, fault.column) == (2, 6)


SCALAR = (
    st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(
        ["sip", "udp", "access", "core", "192.0.2.1", "0.0.0.0", "::", "192.0.2.1:9", "20000-20001", "nat", "a"]
    )
    | st.sampled_from([5060, 20000, 0, 1])
    | st.datetimes()
    | st.just(datetime.date(2026, 1, 1))
)
KEYS = st.sampled_from(sorted({key.name for keys in TABLES.values() for key in keys})) | st.text(max_size=6)
TREE = st.recursive(SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5))


def table_of(name: str, extra: dict[str, st.SearchStrategy[Any]] | None = None) -> st.SearchStrategy[Any]:
    """A table with the right keys, some of them, and nearly right or wild values."""
    known = {key.name: SCALAR | st.lists(SCALAR, max_size=3) for key in TABLES[name]} | (extra or {})
    return st.fixed_dictionaries({}, optional=known) | TREE


REALM = table_of(
    "realms.NAME",
    {
        "media": table_of("realms.NAME.media"),
        "limits": table_of("realms.NAME.limits"),
        "listeners": st.lists(table_of("realms.NAME.listeners[]"), max_size=3),
    },
)
DOCUMENT = st.fixed_dictionaries(
    {},
    optional={
        "timers": table_of("timers"),
        "realms": st.dictionaries(
            st.sampled_from(["a", "core", "access", "x y"]) | st.text(max_size=4), REALM, max_size=3
        ),
        "paths": st.lists(table_of("paths[]"), max_size=3) | TREE,
        "console": table_of("console"),
        "log": table_of("log"),
    },
)


@given(DOCUMENT | st.dictionaries(KEYS, TREE))
def test_no_document_raises_anything_but_the_one_error(document: dict[str, Any]) -> None:
    try:
        config = load_table(document, "x.toml")
    except ConfigError as error:
        assert error.faults
        assert all(line.isprintable() for line in str(error).splitlines())
        assert len(str(error).splitlines()) == len(error.faults)
    else:
        assert config.plan.paths


@given(st.text(max_size=200))
def test_no_text_raises_anything_but_the_one_error(text: str) -> None:
    with pytest.raises(ConfigError):
        load_text(text, "x.toml")
