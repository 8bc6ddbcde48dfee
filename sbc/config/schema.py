"""What can be configured: the values the program is handed, and every key of the file they are read from."""

from __future__ import annotations

from enum import Enum

import attrs

from sbc.config import kinds
from sbc.config.keys import Key
from sbc.core.address import Address
from sbc.core.message import Elsewhere
from sbc.core.orders import Latch
from sbc.core.realm import Asking, Callers, ControlHosts, Hosts, Lasting, Plan, Probing, Side, Signaling

_ALL = ("udp", "tcp", "tls")
PROTOCOLS: dict[str, tuple[str, ...]] = {"sip": _ALL, "h323": _ALL, "mgcp": ("udp",), "h248": ("udp", "tcp")}
"""What a listener may speak, and over what. A new dialect or transport is one word here."""


class LogLevel(Enum):
    """The least that is logged, in `twisted.logger`'s words."""

    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"
    CRITICAL = "critical"


class LogFormat(Enum):
    """How a log line is written."""

    TEXT = "text"
    JSON = "json"


@attrs.frozen
class ConsoleConfig:
    """The SSH console. `host_key`, `authorized_keys` and `password_file` are absolute file paths.

    One of the latter two is given, or both. The host key is made at the first start if there is none.
    """

    listen: Address
    host_key: str
    authorized_keys: str | None = None
    password_file: str | None = None
    allow_remote: bool = False


@attrs.frozen
class ControlConfig:
    """The socket by which `sbc ctl` asks: an absolute path, only for the SBC's own user and root."""

    socket: str = "/run/sbc/control"


@attrs.frozen
class AuditConfig:
    """Where the audit log of the console is kept, beside the log: an absolute path."""

    file: str


@attrs.frozen
class LogConfig:
    """What is logged, how, and where to: `file` None means twistd's own log alone."""

    level: LogLevel = LogLevel.INFO
    format: LogFormat = LogFormat.TEXT
    file: str | None = None


@attrs.frozen
class MetricsConfig:
    """Where Prometheus may ask."""

    listen: Address
    allow_remote: bool = False


@attrs.frozen
class TraceConfig:
    """What is remembered of each call; see sbc.core.memory.Sizes. Not `enabled`: nothing."""

    enabled: bool = True
    messages: int = 200
    octets: int = 262_144
    total: int = 67_108_864
    refusals: int = 1_000


class EngineName(Enum):
    """What forwards media."""

    AUTO = "auto"  # the fastest that can run here
    TWISTED = "twisted"
    NATIVE = "native"
    KERNEL = "kernel"


@attrs.frozen
class KernelConfig:
    """Interfaces that media comes in by though they do not hold its address, where maps are pinned, room for flows."""

    interfaces: tuple[str, ...] = ()
    directory: str = "/sys/fs/bpf/sbc"
    room: int = 65_536


@attrs.frozen
class MediaConfig:
    """Which engine forwards media, and its threads: how many (0: one a core), and whether they may run in real time."""

    engine: EngineName = EngineName.AUTO
    threads: int = 0
    realtime: bool = True
    kernel: KernelConfig = KernelConfig()


class CdrSync(Enum):
    """When call detail records are forced to the disk, besides being written."""

    NEVER = "never"
    END = "end"  # when a call has ended
    ALWAYS = "always"


@attrs.frozen
class CdrConfig:
    """Call detail records: to which files (absolute paths, one or both), and how. See docs/cdr.rst.

    `interim` is in seconds, `rotate_size` in octets; 0 turns either off. `pending` counts records.
    """

    json: str | None = None
    sqlite: str | None = None
    sync: CdrSync = CdrSync.END
    interim: float = 60.0
    pending: int = 100_000
    rotate_size: int = 0
    rotate_daily: bool = False


@attrs.frozen
class DnsConfig:
    """Who is asked for next hops: the system's servers if none are given. An answer is believed for `least` seconds."""

    servers: tuple[Address, ...] = ()
    least: float = 15.0


@attrs.frozen
class StoreConfig:
    """Where calls and registrations outlive the process: an SQLite file (absolute path). See docs/restart.rst.
    A call in which nobody speaks for `silence` seconds after a restart is ended; 0 for never."""

    sqlite: str
    silence: float = 60.0


@attrs.frozen
class DrainConfig:
    """How the SBC lets calls go. `limit` is in seconds: what is live then is ended; `retry_after`, in seconds, is said
    to whoever is turned away. `hand_over`: where a store keeps live calls, a stop leaves them to the next start."""

    limit: float = 3600.0
    retry_after: int = 30
    hand_over: bool = True


@attrs.frozen
class Config:
    """A whole configuration. `source` is the file it was read from, for reloading."""

    plan: Plan
    console: ConsoleConfig | None = None
    control: ControlConfig | None = None
    audit: AuditConfig | None = None
    trace: TraceConfig = TraceConfig()
    media: MediaConfig = MediaConfig()
    metrics: MetricsConfig | None = None
    log: LogConfig = LogConfig()
    cdr: CdrConfig | None = None
    dns: DnsConfig = DnsConfig()
    store: StoreConfig | None = None
    drain: DrainConfig = DrainConfig()
    source: str = ""


def _limit(name: str, highest: int) -> Key:
    return Key(name, kinds.integer(1, highest))


def _timer(name: str, low: float = 0.1, high: float = 10_000_000.0) -> Key:
    return Key(name, kinds.seconds(low, high))


_NO_PROBING = {
    "crlf": "elicits no answer over UDP (RFC 5626 section 3.5.1), so it tells nothing, and many NATs do not count it",
    "options": 'is what "probe" sends in SIP',
}

_NEXT_HOPS = kinds.either(kinds.many(kinds.host_maybe_port(), 1, "next hops"), kinds.tables("[[paths.next_hops]]"))

_FILE = kinds.text("the path of a file; a relative one starts at the configuration file's directory")

TABLES: dict[str, tuple[Key, ...]] = {
    "": (
        Key("timers", kinds.table()),
        Key("realms", kinds.table(), required=True),
        Key("paths", kinds.tables("[[paths]]"), required=True),
        Key("console", kinds.table()),
        Key("control", kinds.table()),
        Key("audit", kinds.table()),
        Key("trace", kinds.table()),
        Key("media", kinds.table()),
        Key("metrics", kinds.table()),
        Key("log", kinds.table()),
        Key("cdr", kinds.table()),
        Key("dns", kinds.table()),
        Key("store", kinds.table()),
        Key("drain", kinds.table()),
        Key("emergency", kinds.table()),
    ),
    "timers": (_timer("call_max"), _timer("audit"), _timer("unanswered"), _timer("silence", low=0.0), _timer("linger")),
    "realms.NAME": (
        Key("side", kinds.choice(Side), required=True),
        Key("domains", kinds.many(kinds.host_name(), 0, "names")),
        Key("sparing", kinds.boolean()),
        Key("peers", kinds.many(kinds.network(), 0, "networks")),
        Key("media", kinds.table(), required=True),
        Key("limits", kinds.table()),
        Key("registrations", kinds.table()),
        Key("connections", kinds.table()),
        Key("keepalive", kinds.table()),
        Key("tls", kinds.table()),
        Key("listeners", kinds.tables("[[realms.NAME.listeners]]"), required=True),
    ),
    "realms.NAME.media": (
        Key("address", kinds.ip(), required=True),
        Key("advertised", kinds.ip()),
        Key("ports", kinds.pair_range(), required=True),
        Key("latch", kinds.choice(Latch)),
        Key("window", kinds.seconds(0.1, 3600.0)),
        Key("quarantine", kinds.seconds(0.0, 3600.0)),
        Key("dscp", kinds.integer(0, 63)),
        Key("stream_rate", kinds.integer(0, 10_000_000)),
        Key("realm_rate", kinds.integer(0, 1_000_000_000)),
        Key("mark", kinds.integer(0, 0xFFFFFFFF)),
        Key("device", kinds.device()),
        Key("multiplexed", kinds.integer(0, 65_534)),
    ),
    "realms.NAME.limits": (
        *(_limit(name, 10_000_000) for name in ("calls", "bindings")),
        _limit("exchanges", 100_000_000),
        _limit("exchanges_per_source", 10_000_000),
        _limit("lingering", 100_000_000),
        _limit("lingering_per_source", 10_000_000),
        _limit("names_per_call", 10_000),
        _limit("streams_per_call", 1_000),
    ),
    "realms.NAME.registrations": (
        Key("front", kinds.boolean()),
        Key("behind_nat", kinds.integer(10, 86_400)),
        Key("direct", kinds.integer(10, 86_400)),
        Key("core", kinds.integer(60, 1_000_000)),
        Key("forward_after", kinds.fraction()),
    ),
    "realms.NAME.connections": (
        *(_limit(name, 10_000_000) for name in ("total", "per_source")),
        Key("message", kinds.seconds(0.1, 600.0)),
        Key("idle", kinds.seconds(1.0, 10_000_000.0)),
        Key("connect", kinds.seconds(0.1, 60.0)),
        Key("queue", kinds.integer(65_536, 1_000_000_000)),
        *(Key(name, kinds.boolean()) for name in ("keep", "alias")),
        Key("control_ports", kinds.port_range()),
        Key("control_hosts", kinds.choice(ControlHosts)),
    ),
    "realms.NAME.keepalive": (
        Key("mode", kinds.choice_but(Probing, _NO_PROBING)),
        *(Key(name, kinds.seconds(1.0, 3600.0)) for name in ("period", "direct")),
        Key("answer_within", kinds.seconds(0.5, 30.0)),
        Key("misses", kinds.integer(1, 100)),
        Key("tell_core", kinds.boolean()),
        Key("longest", kinds.seconds(10.0, 7200.0)),
        Key("calls", kinds.seconds(0.0, 3600.0)),
    ),
    "realms.NAME.tls": (
        Key("certificate", _FILE, required=True),
        Key("key", _FILE, required=True),
        Key("ca", _FILE),
        Key("require_peer", kinds.boolean()),
        Key("server_name", kinds.host_name()),
    ),
    "realms.NAME.listeners[]": (
        Key("protocol", kinds.text("a protocol"), required=True),
        Key("transport", kinds.text("a transport"), required=True),
        Key("address", kinds.ip(unspecified=True), required=True),
        Key("port", kinds.port(), required=True),
        Key("advertised", kinds.ip_maybe_port()),
    ),
    "paths[]": (
        Key("name", kinds.word(), required=True),
        Key("access", kinds.word(), required=True),
        Key("core", kinds.word(), required=True),
        Key("next_hops", _NEXT_HOPS, required=True),
        Key("domain", kinds.host_name()),
        Key("signaling", kinds.choice(Signaling)),
        Key("signaling_ports", kinds.port_range()),
        Key("signaling_transports", kinds.many(kinds.text("a transport"), 0, "transports")),
        Key("hosts", kinds.choice(Hosts)),
        Key("hide_labels", kinds.boolean()),
        Key("callers", kinds.choice(Callers)),
        Key("transport", kinds.text("a transport")),
        Key("large_over_stream", kinds.boolean()),
        Key("failover", kinds.table()),
        Key("probing", kinds.table()),
        Key("sessions", kinds.table()),
    ),
    "paths[].failover": (
        Key("on", kinds.many(kinds.choice(Elsewhere), 0, "words")),
        Key("patience", kinds.seconds(0.5, 32.0)),
        Key("tries", kinds.integer(1, 10)),
    ),
    "paths[].probing": (
        Key("mode", kinds.choice(Asking)),
        Key("period", kinds.seconds(1.0, 3600.0)),
        Key("answer_within", kinds.seconds(0.5, 30.0)),
        Key("misses", kinds.integer(1, 100)),
    ),
    "paths[].next_hops[]": (
        Key("to", kinds.host_maybe_port(), required=True),
        Key("priority", kinds.integer(0, 65_535)),
        Key("weight", kinds.integer(0, 65_535)),
        Key("transport", kinds.text("a transport")),
    ),
    "paths[].sessions": (
        Key("mode", kinds.choice(Lasting)),
        Key("shortest", kinds.integer(90, 86_400)),
        Key("period", kinds.seconds(10.0, 86_400.0)),
    ),
    "console": (
        Key("listen", kinds.ip_port(unspecified=True), required=True),
        Key("host_key", _FILE, required=True),
        Key("authorized_keys", _FILE),
        Key("password_file", _FILE),
        Key("allow_remote", kinds.boolean()),
    ),
    "control": (Key("socket", _FILE),),
    "audit": (Key("file", _FILE, required=True),),
    "trace": (
        Key("enabled", kinds.boolean()),
        Key("messages", kinds.integer(50, 100_000)),
        Key("octets", kinds.integer(131_072, 1_000_000_000)),
        Key("total", kinds.integer(1_048_576, 1_000_000_000_000)),
        Key("refusals", kinds.integer(0, 1_000_000)),
    ),
    "media": (
        Key("engine", kinds.choice(EngineName)),
        Key("threads", kinds.integer(0, 1_024)),
        Key("realtime", kinds.boolean()),
        Key("kernel", kinds.table()),
    ),
    "media.kernel": (
        Key("interfaces", kinds.many(kinds.device(), 0, "names")),
        Key("directory", kinds.pins()),
        Key("room", kinds.integer(64, 1_048_576)),
    ),
    "metrics": (
        Key("listen", kinds.ip_port(unspecified=True), required=True),
        Key("allow_remote", kinds.boolean()),
    ),
    "log": (
        Key("level", kinds.choice(LogLevel)),
        Key("format", kinds.choice(LogFormat)),
        Key("file", _FILE),
    ),
    "dns": (Key("servers", kinds.many(kinds.ip_maybe_port(), 1, "servers")), Key("least", kinds.seconds(1.0, 3600.0))),
    "cdr": (
        Key("json", _FILE),
        Key("sqlite", _FILE),
        Key("sync", kinds.choice(CdrSync)),
        Key("interim", kinds.seconds(0.0, 86_400.0)),
        Key("pending", kinds.integer(1_000, 10_000_000)),
        Key("rotate_size", kinds.integer(0, 2**40)),
        Key("rotate_daily", kinds.boolean()),
    ),
    "store": (Key("sqlite", _FILE, required=True), Key("silence", kinds.seconds(0.0, 86_400.0))),
    "drain": (
        Key("limit", kinds.seconds(0.0, 604_800.0)),
        Key("retry_after", kinds.integer(1, 86_400)),
        Key("hand_over", kinds.boolean()),
    ),
    "emergency": (Key("numbers", kinds.many(kinds.emergency(), 0, "numbers and services")),),
}
"""Every key there is, by the table it stands in. Loader, example file and documentation are all held to this."""
