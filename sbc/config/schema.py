"""Every key of the file that a configuration is read from, and what may be spoken."""

from __future__ import annotations

from sbc.config import accounting, bandwidth, hops, kinds, limits, marks, network, prepaid, security, trunks, wires
from sbc.config.flood import TABLES as FLOOD
from sbc.config.keys import Key
from sbc.config.rules import TABLES as RULES
from sbc.config.values import CdrSync, EngineName, LogFormat, LogLevel
from sbc.core.orders import Latch
from sbc.core.realm import Callers, Hosts, Lasting, Probing, Side, Signaling
from sbc.core.secured import MediaSecurity
from sbc.core.wires import ControlHosts

_ALL = ("udp", "tcp", "tls")
PROTOCOLS: dict[str, tuple[str, ...]] = {
    "sip": (*_ALL, "ws", "wss"),
    "h323": _ALL,
    "mgcp": ("udp",),
    "h248": _ALL,
}
"""What a listener may speak, and over what. A new dialect or transport is one word here."""
UNBUILT = {"sctp": "is not built: no protocol goes over SCTP here, whether the kernel has it or not"}
"""Transports that one might well expect, and what is said of them."""


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
        Key("accounting", kinds.table()),
        Key("prepaid", kinds.table()),
        Key("dns", kinds.table()),
        Key("store", kinds.table()),
        Key("drain", kinds.table()),
        Key("emergency", kinds.table()),
        Key("countries", kinds.table()),
        Key("priority", kinds.table()),
    ),
    "timers": (_timer("call_max"), _timer("audit"), _timer("unanswered"), _timer("silence", low=0.0), _timer("linger")),
    "realms.NAME": (
        Key("side", kinds.choice(Side), required=True),
        Key("domains", kinds.many(kinds.host_name(), 0, "names")),
        Key("sparing", kinds.boolean()),
        Key("media_security", kinds.choice(MediaSecurity)),
        Key("srtp", kinds.table()),
        Key("peers", kinds.many(kinds.network(), 0, "networks")),
        Key("alternates", kinds.many(kinds.ip_port(), 0, "addresses")),
        Key("media", kinds.table(), required=True),
        Key("marks", kinds.table()),
        Key("limits", kinds.table()),
        Key("prepaid", kinds.table()),
        Key("terminals", kinds.table()),
        Key("bandwidth", kinds.table()),
        Key("customers", kinds.tables("[[realms.NAME.customers]]")),
        Key("priority", kinds.boolean()),
        Key("registrations", kinds.table()),
        Key("connections", kinds.table()),
        Key("keepalive", kinds.table()),
        Key("flood", kinds.table()),
        Key("tls", kinds.table()),
        Key("websocket", kinds.table()),
        Key("network", kinds.table()),
        Key("listeners", kinds.tables("[[realms.NAME.listeners]]"), required=True),
        Key("rules", kinds.tables("[[realms.NAME.rules]]")),
        Key("trunks", kinds.tables("[[realms.NAME.trunks]]")),
    ),
    **FLOOD,
    **marks.TABLES,
    "realms.NAME.media": (
        Key("address", kinds.ip(), required=True),
        Key("advertised", kinds.ip()),
        Key("ports", kinds.pair_range(), required=True),
        Key("latch", kinds.choice(Latch)),
        Key("window", kinds.seconds(0.1, 3600.0)),
        Key("quarantine", kinds.seconds(0.0, 3600.0)),
        Key("stream_rate", kinds.integer(0, 10_000_000)),
        Key("realm_rate", kinds.integer(0, 1_000_000_000)),
        Key("shape", kinds.integer(0, 1_000)),
        Key("multiplexed", kinds.integer(0, 65_534)),
    ),
    **network.TABLES,
    "realms.NAME.registrations": (
        Key("front", kinds.boolean()),
        Key("behind_nat", kinds.integer(10, 86_400)),
        Key("direct", kinds.integer(10, 86_400)),
        Key("core", kinds.integer(60, 1_000_000)),
        Key("forward_after", kinds.fraction()),
    ),
    "realms.NAME.connections": (
        *(_limit(name, 10_000_000) for name in ("total", "per_source", "handshakes")),
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
    **wires.TABLES,
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
        Key("limits", kinds.table()),
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
        Key("dtls", kinds.table()),
    ),
    "media.dtls": (Key("certificate", _FILE, required=True), Key("key", _FILE, required=True)),
    "media.kernel": (
        Key("interfaces", kinds.many(kinds.device(), 0, "names")),
        Key("directory", kinds.pins()),
        Key("room", kinds.integer(64, 1_048_576)),
        Key("redirect_peer", kinds.boolean()),
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
    **{name: tuple(keys) for name, keys in accounting.TABLES.items()},
    "store": (
        Key("sqlite", _FILE, required=True),
        Key("silence", kinds.seconds(0.0, 86_400.0)),
        Key("key_file", _FILE),
    ),
    "drain": (
        Key("limit", kinds.seconds(0.0, 604_800.0)),
        Key("retry_after", kinds.integer(1, 86_400)),
        Key("hand_over", kinds.boolean()),
    ),
    **limits.TABLES,
    **prepaid.TABLES,
    **security.TABLES,
    **bandwidth.TABLES,
    **RULES,
    **hops.TABLES,
    **trunks.TABLES,
    "emergency": (Key("numbers", kinds.many(kinds.emergency(), 0, "numbers and services")),),
}
"""Every key there is, by the table it stands in. Loader, example file and documentation are all held to this."""
