"""What the program is handed of a configuration: plain values, with the defaults that the file need not say."""

from __future__ import annotations

from enum import Enum

import attrs

from sbc.core.address import Address
from sbc.core.realm import Plan


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
    """Interfaces that media comes in by though they do not hold its address, where maps are pinned, room for flows, and
    whether a veth's other end is handed packets at once."""

    interfaces: tuple[str, ...] = ()
    directory: str = "/sys/fs/bpf/sbc"
    room: int = 65_536
    redirect_peer: bool = True


@attrs.frozen
class DtlsConfig:
    """The files (absolute paths) of the certificate that is shown in DTLS handshakes, and of its key."""

    certificate: str
    key: str


@attrs.frozen
class MediaConfig:
    """Which engine forwards media, and its threads: how many (0: one a core), and whether they may run in real time.
    Without `dtls` a certificate is made at each start."""

    engine: EngineName = EngineName.AUTO
    threads: int = 0
    realtime: bool = True
    kernel: KernelConfig = KernelConfig()
    dtls: DtlsConfig | None = None


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


class Event(Enum):
    """What is told of a terminal's account."""

    START = "start"  # the call was answered
    INTERIM = "interim"  # what it has come to, at a period or when another codec flows
    STOP = "stop"


class Octets(Enum):
    """Which octets are the volume."""

    IP = "ip"  # whole IP packets
    PAYLOAD = "payload"  # UDP payloads


@attrs.frozen
class AccountsCsvConfig:
    """Accounts as CSV: the file (absolute path), and which turns of an account have rows; `rotate_size` in octets."""

    file: str
    events: tuple[Event, ...] = (Event.STOP,)
    rotate_size: int = 0
    rotate_daily: bool = False


@attrs.frozen
class RadiusConfig:
    """RADIUS accounting: servers in the order in which they are tried, and how; `timeout` and `rest` in seconds,
    `window` is how many requests are on their way to a server at once, `spool` how many may wait for one."""

    servers: tuple[Address, ...]
    secret_file: str
    nas_identifier: str = "sbc"
    octets: Octets = Octets.IP
    timeout: float = 3.0
    tries: int = 3
    rest: float = 30.0
    window: int = 64
    spool: int = 1_000_000


@attrs.frozen
class AccountingConfig:
    """Accounts of terminals: the book they are kept in (absolute path), seconds between interim turns (0: none), and
    whether calls count that nobody has answered. See docs/charging.rst."""

    book: str
    interim: float = 300.0
    attempts: bool = False
    csv: AccountsCsvConfig | None = None
    radius: RadiusConfig | None = None


@attrs.frozen
class PrepaidConfig:
    """Where the accounts of terminals that pay in advance are kept: an SQLite file (absolute path), and how often it is
    looked at what their calls have used; seconds. See docs/charging.rst."""

    file: str
    pace: float = 0.5


@attrs.frozen
class DnsConfig:
    """Who is asked for next hops: the system's servers if none are given. An answer is believed for `least` seconds."""

    servers: tuple[Address, ...] = ()
    least: float = 15.0


@attrs.frozen
class StoreConfig:
    """Where calls and registrations outlive the process: an SQLite file (absolute path). See docs/restart.rst.
    A call in which nobody speaks for `silence` seconds after a restart is ended; 0 for never. With the key in
    `key_file` all that is kept is sealed; empty: calls whose media has keys are not kept."""

    sqlite: str
    silence: float = 60.0
    key_file: str = ""


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
    accounting: AccountingConfig | None = None
    prepaid: PrepaidConfig | None = None
    dns: DnsConfig = DnsConfig()
    store: StoreConfig | None = None
    drain: DrainConfig = DrainConfig()
    source: str = ""
