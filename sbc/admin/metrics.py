"""The metrics by name, as Prometheus has them, and how each is read from the running SBC when it is asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import attrs
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    SummaryMetricFamily,
)
from prometheus_client.metrics_core import Metric as Family

from sbc import __version__
from sbc.admin import certificates, guarded, limits, prepaid, rules
from sbc.admin.lag import Lag
from sbc.core.border import Border
from sbc.core.ports import PortPool
from sbc.core.registry import Registry
from sbc.media.totals import Totals
from sbc.media.udp import Port
from sbc.policy.flood import Flood
from sbc.runner import Runner

Sample = tuple[tuple[str, ...], Any]
"""The values of the labels, and the number; of a histogram, itself (sbc.media.histogram)."""

MOST_EVENTS = 200
"""Events that have a sample of their own; they are words of ours, and this is only to be sure."""
_CDR = ("written", "skipped", "lost", "failures", "incomplete")
_RADIUS = "radius-"
_ACCOUNTING = ("radius-waiting", "accounting-lost", "accounting-dropped")
_ELSEWHERE = frozenset({"messages", *_ACCOUNTING, *(f"cdr-{word}" for word in (*_CDR, "waiting"))})
_ENDING = "ending-"
_TALLY = ("kind", "realm", "name")


@attrs.frozen
class Sources:
    """What is read."""

    border: Border
    runner: Runner
    totals: Totals
    lag: Lag
    clock: Callable[[], float]
    state: Callable[[], str] = lambda: "running"


@attrs.frozen
class Metric:
    """One metric: its name, kind (counter, gauge, summary or histogram), labels, what it is, and how it is read."""

    name: str
    kind: str
    labels: tuple[str, ...]
    what: str
    read: Callable[[Sources], Iterable[Sample]]


def _one(read: Callable[[Sources], float]) -> Callable[[Sources], Iterable[Sample]]:
    return lambda sources: [((), read(sources))]


def _counted(key: str) -> Callable[[Sources], Iterable[Sample]]:
    return _one(lambda sources: sources.runner.counted[key])


def _events(sources: Sources) -> Iterable[Sample]:
    events = {
        name: count
        for name, count in sources.runner.counted.items()
        if name not in _ELSEWHERE and not name.startswith((_ENDING, _RADIUS, "call-"))
    }
    return [((name,), count) for name, count in sorted(events.items())[:MOST_EVENTS]]


def _radius(sources: Sources) -> Iterable[Sample]:
    counted = sources.runner.counted
    names = sorted(name for name in counted if name.startswith(_RADIUS) and name not in _ACCOUNTING)
    return [((name.removeprefix(_RADIUS),), counted[name]) for name in names]


def _reasons(prefix: str) -> Callable[[Sources], Iterable[Sample]]:
    def read(sources: Sources) -> Iterable[Sample]:
        counted = sources.runner.counted
        return [((name.removeprefix(prefix),), counted[name]) for name in sorted(counted) if name.startswith(prefix)]

    return read


def _calls(sources: Sources) -> Iterable[Sample]:
    found = Counter((call.legs[0].realm.name, call.state.value) for call in sources.border.registry.calls.values())
    return list(found.items())


def _bindings(sources: Sources) -> Iterable[Sample]:
    bindings = sources.border.registry.bindings.values()
    return list(Counter((binding.realm.name, binding.state.value) for binding in bindings).items())


def _gateways(sources: Sources) -> Iterable[Sample]:
    bindings = sources.border.registry.bindings.values()
    return list(Counter((each.realm.name, each.state.value) for each in bindings if each.lasting).items())


def _members(sources: Sources) -> Iterable[Sample]:
    registry, found = sources.border.registry, Counter[tuple[str, ...]]()
    for gateway, (calls, members) in registry.members.all().items():
        if calls and (binding := registry.bindings.get(gateway)) is not None:
            found[binding.realm.name,] += len(members)
    return list(found.items())


def _held(what: str) -> Callable[[Sources], Iterable[Sample]]:
    def read(sources: Sources) -> Iterable[Sample]:
        registry = sources.border.registry
        return [((name,), registry.crowd.in_realm[what, name]) for name in registry.plan.realms]

    return read


def _limits(sources: Sources) -> Iterable[Sample]:
    for name, realm in sources.border.registry.plan.realms.items():
        for what in ("calls", "bindings", "exchanges"):
            yield (name, what), getattr(realm.limits, what)


def _ports(pools: Callable[[Registry], Mapping[str, PortPool]]) -> Callable[[Sources], Iterable[Sample]]:
    def read(sources: Sources) -> Iterable[Sample]:
        now = sources.clock()
        for name, pool in pools(sources.border.registry).items():
            used, resting = len(pool.used), pool.resting(now)
            for state, count in (("used", used), ("resting", resting), ("free", pool.size - used - resting)):
                yield (name, state), count

    return read


def _guards(sources: Sources) -> Flood:
    return sources.border.registry.gate.flood


def _flood(read: Callable[[Flood], Iterable[Sample]]) -> Callable[[Sources], Iterable[Sample]]:
    return lambda sources: read(_guards(sources))


def _choice(sources: Sources) -> Iterable[Sample]:
    choice = sources.runner.choice
    return [((choice.engine.value, choice.why), 1)]


def _taps(sources: Sources) -> Iterable[Sample]:
    kernel = sources.runner.engine.in_kernel()
    return [((tap.interface, tap.mode), 1) for tap in kernel.taps] if kernel else []


def _flows(sources: Sources) -> Iterable[Sample]:
    kernel = sources.runner.engine.in_kernel()
    return [((), kernel.flows)] if kernel else []


def _room(sources: Sources) -> Iterable[Sample]:
    kernel = sources.runner.engine.in_kernel()
    return [((), kernel.room)] if kernel else []


def _streams(sources: Sources) -> Iterable[Sample]:
    found = {sources.runner.engine.name: 0} | sources.totals.engines()
    return [((name,), found[name]) for name in sorted(found)]


def _volume(what: str) -> Callable[[Sources], Iterable[Sample]]:
    def read(sources: Sources) -> Iterable[Sample]:
        for name in sources.border.registry.plan.realms:
            for way in ("in", "out"):
                yield (name, way), sources.totals.counted[what, name, way]

    return read


def _lost(what: str) -> Callable[[Sources], Iterable[Sample]]:
    def read(sources: Sources) -> Iterable[Sample]:
        for name in sources.border.registry.plan.realms:
            yield (name,), getattr(sources.totals, what)[name]

    return read


def _figures(figure: str) -> Callable[[Sources], Iterable[Sample]]:
    return lambda sources: [((realm,), of) for (what, realm), of in sources.totals.figures.items() if what == figure]


def _listeners(read: Callable[[Port], int]) -> Callable[[Sources], Iterable[Sample]]:
    """Of the configured sockets for datagrams; those of single terminals come and go."""

    def sample(sources: Sources) -> Iterable[Sample]:
        ports = sources.runner.listeners()
        for realm in sources.border.registry.plan.realms.values():
            for listener in realm.listeners:
                port = ports.get(listener)
                if isinstance(port, Port):
                    yield (realm.name, listener.dialect, str(listener.address)), read(port)

    return sample


def _connections(sources: Sources) -> Iterable[Sample]:
    counted: Counter[tuple[str, ...]] = Counter()
    for realm in sources.border.registry.plan.realms.values():
        for listener in realm.listeners:
            if listener.reliable:
                counted[realm.name, listener.dialect, listener.transport] += 0
    for connection in sources.runner.connections.books().connections:
        at = connection.listener
        counted[at.realm, at.dialect, at.transport] += 1
    return list(counted.items())


def _hops(read: Callable[[Any], float]) -> Callable[[Sources], Iterable[Sample]]:
    def sample(sources: Sources) -> Iterable[Sample]:
        for neighbour in sources.border.registry.hops.neighbours.values():
            own = neighbour.hop.listener
            yield (own.realm, own.transport, str(neighbour.hop.peer)), read(neighbour)

    return sample


def _lag(sources: Sources) -> Iterable[Sample]:
    return [((), sources.lag.sum), ((), sources.lag.count)]


_HOP = ("realm", "transport", "hop")
_SOCKET = ("realm", "protocol", "address")
METRICS = (
    Metric("sbc_build_info", "gauge", ("version",), "1, for what runs", lambda _: [((__version__,), 1)]),
    Metric("sbc_state", "gauge", ("state",), "1, for how it runs", lambda sources: [((sources.state(),), 1)]),
    Metric("sbc_messages_total", "counter", (), "Signalling messages received", _counted("messages")),
    Metric("sbc_events_total", "counter", ("event",), "What happened, by the words of the log", _events),
    Metric("sbc_calls", "gauge", ("realm", "state"), "Calls, by the realm they came from", _calls),
    Metric("sbc_calls_opened_total", "counter", (), "Calls begun", _counted("call-open")),
    Metric("sbc_calls_answered_total", "counter", (), "Calls answered", _counted("call-answer")),
    Metric("sbc_calls_ended_total", "counter", ("ending",), "Calls ended, by how (as records say)", _reasons(_ENDING)),
    Metric("sbc_bindings", "gauge", ("realm", "state"), "Registered terminals", _bindings),
    Metric("sbc_gateways", "gauge", ("realm", "state"), "Those that have registered for good", _gateways),
    Metric("sbc_members", "gauge", ("realm",), "Members of calls at gateways there", _members),
    Metric("sbc_exchanges", "gauge", ("realm",), "Requests under way, by the realm they came from", _held("exchanges")),
    Metric("sbc_limit", "gauge", ("realm", "what"), "The most a realm may hold at once", _limits),
    Metric(
        "sbc_rule_hits_total", "counter", ("realm", "rule"), "How often a rule of the realm has decided, or would have",
        lambda sources: rules.hits(sources.border.registry),
    ),
    Metric("sbc_dropped_total", "counter", ("reason",), "What was dropped unanswered there", _reasons("dropped-")),
    Metric("sbc_denied_total", "counter", ("reason",), "What was refused at the edge", _reasons("denied-")),
    Metric("sbc_admission_used", "gauge", (*_TALLY, "what"), "What is used of what may be limited", limits.used),
    Metric("sbc_admission_limit", "gauge", (*_TALLY, "what"), "The most of it, where it is limited", limits.most),
    Metric("sbc_admission_refused_total", "counter", (*_TALLY, "what"), "What was too much", limits.refused),
    Metric("sbc_admission_passed_total", "counter", _TALLY, "Calls that went past a limit", limits.passed),
    Metric("sbc_next_hop_up", "gauge", _HOP, "Whether a next hop is used in its turn", _hops(lambda n: n.usable)),
    Metric("sbc_next_hop_requests_total", "counter", _HOP, "Requests sent to it", _hops(lambda n: n.sent)),
    Metric("sbc_next_hop_failures_total", "counter", _HOP, "Those it did not take", _hops(lambda n: n.failures)),
    Metric("sbc_connections", "gauge", ("realm", "protocol", "transport"), "Signalling connections", _connections),
    Metric("sbc_certificate_days", "gauge", ("realm", "name"), "Until ours expires", certificates.days),
    Metric(
        "sbc_receive_drops_total", "counter", _SOCKET, "Datagrams the kernel dropped at a signalling socket",
        _listeners(lambda port: port.kernel_drops()),
    ),
    Metric(
        "sbc_read_errors_total", "counter", _SOCKET, "Reads from a signalling socket that failed",
        _listeners(lambda port: port.read_errors),
    ),
    Metric(
        "sbc_media_ports", "gauge", ("realm", "state"), "Pairs of media ports: used, resting or free",
        _ports(lambda registry: registry.media_ports),
    ),
    Metric(
        "sbc_control_ports", "gauge", ("realm", "state"), "Ports for control channels: used, resting or free",
        _ports(lambda registry: registry.controls.pools),
    ),
    Metric("sbc_bans", "gauge", ("realm", "what"), "Bans of transport addresses and hosts", _flood(guarded.bans)),
    Metric("sbc_bans_unpushed", "gauge", (), "Bans that only the process itself keeps", _flood(guarded.unpushed)),
    Metric("sbc_sources", "gauge", ("realm", "rank"), "Sources that the guards remember", _flood(guarded.sources)),
    Metric(
        "sbc_banned_packets_total", "counter", ("by",), "Packets of banned sources dropped below the sockets",
        _flood(guarded.dropped),
    ),
    Metric("sbc_prepaid_accounts", "gauge", ("realm", "state"), "Accounts that were paid for", prepaid.accounts),
    Metric("sbc_prepaid_refused_total", "counter", ("realm",), "Calls not let in for want of one", prepaid.refused),
    Metric("sbc_prepaid_cut_total", "counter", ("realm",), "Calls ended when theirs was used up", prepaid.cut),
    Metric("sbc_load", "gauge", (), "The part of its time spent on messages", _one(lambda s: _guards(s).load.level)),
    Metric("sbc_media_engine_info", "gauge", ("engine", "reason"), "1, for the media engine that was chosen", _choice),
    Metric("sbc_media_streams", "gauge", ("engine",), "Media streams, by the engine that forwards them now", _streams),
    Metric(
        "sbc_media_strays_total", "counter", (), "Packets at ports that streams share, which had the number of none",
        lambda sources: [((), sources.runner.engine.strays())],
    ),
    Metric(
        "sbc_media_handshakes_total", "counter", ("event",), "What checks and handshakes of media have come to",
        lambda sources: [((event,), count) for event, count in sources.runner.handshakes.items()],
    ),
    Metric("sbc_media_interface_info", "gauge", ("interface", "mode"), "1, where the kernel forwards media", _taps),
    Metric("sbc_media_kernel_flows", "gauge", (), "Flows of media that the kernel forwards", _flows),
    Metric("sbc_media_kernel_room", "gauge", (), "Flows of media that the kernel can hold", _room),
    Metric(
        "sbc_media_forwards_total", "counter", ("engine", "reason"), "Streams that another engine has taken over",
        lambda sources: list(sources.totals.forwarded.items()),
    ),
    Metric(
        "sbc_media_packets_total", "counter", ("realm", "direction"),
        "Media packets taken from (in) and sent to (out) peers there, RTP and RTCP", _volume("packets"),
    ),
    Metric("sbc_media_bytes_total", "counter", ("realm", "direction"), "Octets of their payloads", _volume("octets")),
    Metric(
        "sbc_media_ip_bytes_total", "counter", ("realm", "media", "direction"),
        "Octets of whole IP packets of media, by its kind", lambda sources: list(sources.totals.by_media.items()),
    ),
    Metric(
        "sbc_media_dropped_packets_total", "counter", ("realm", "reason"), "Media packets that were not relayed",
        lambda sources: list(sources.totals.dropped.items()),
    ),
    Metric("sbc_media_expected_packets_total", "counter", ("realm",), "RTP packets sent to us", _lost("expected")),
    Metric("sbc_media_lost_packets_total", "counter", ("realm",), "Those that never came", _lost("lost")),
    *(
        Metric(f"sbc_media_{name}", "histogram", ("realm",), what, _figures(name.partition("_")[0]))
        for name, what in (
            ("mos", "MOS of what came from there, of each stream at its end"),
            ("loss_ratio", "Lost to expected RTP packets from there, of each stream at its end"),
            ("jitter_seconds", "Mean interarrival jitter of RTP from there, of each stream at its end"),
            ("rtt_seconds", "Mean round trip to there by RTCP, of each stream at its end"),
        )
    ),
    *(
        Metric(f"sbc_cdr_{word}_total", "counter", (), what, _counted(f"cdr-{word}"))
        for word, what in zip(
            _CDR,
            (
                "Call detail records written, summed over the files",
                "Interim states passed over for later ones",
                "Records lost",
                "Failures to write",
                "Records that a crash had left incomplete",
            ),
            strict=True,
        )
    ),
    Metric("sbc_cdr_waiting", "gauge", (), "Records not written yet", _counted("cdr-waiting")),
    Metric("sbc_accounting_waiting", "gauge", (), "Requests that wait for RADIUS servers", _counted("radius-waiting")),
    Metric("sbc_accounting_lost_total", "counter", (), "Those there was no room for", _counted("accounting-lost")),
    Metric(
        "sbc_accounting_dropped_total", "counter", (), "Interim ones that made room", _counted("accounting-dropped")
    ),
    Metric("sbc_radius_total", "counter", ("what",), "What became of requests to RADIUS servers", _radius),
    Metric("sbc_trace_calls", "gauge", (), "Calls that are remembered", _one(lambda s: len(s.runner.memory))),
    Metric("sbc_trace_bytes", "gauge", (), "Octets that is counted for", _one(lambda s: s.runner.memory.octets)),
    Metric("sbc_event_loop_lag_seconds", "summary", (), "How late the event loop was, each quarter of a second", _lag),
    Metric(
        "sbc_event_loop_lag_worst_seconds", "gauge", (), "The worst of it in the last minute or two",
        _one(lambda sources: sources.lag.worst),
    ),
)  # fmt: skip
"""Every metric there is but those of the process itself. docs/metrics.rst is held to this."""


class Reader:
    """A collector as prometheus_client has it: reads everything when it is asked, and keeps nothing."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def describe(self) -> list[Family]:
        """Nothing: what it has is not to be read to find out its names."""
        return []

    def collect(self) -> Iterator[Family]:
        """All metrics, as they are now."""
        for metric in METRICS:
            yield family(metric, metric.read(self._sources))


def family(metric: Metric, samples: Iterable[Sample]) -> Family:
    """A metric as prometheus_client has it."""
    if metric.kind == "summary":
        (_, total), (_, count) = samples
        return SummaryMetricFamily(metric.name, metric.what, count_value=int(count), sum_value=total)
    if metric.kind == "histogram":
        shown = HistogramMetricFamily(metric.name, metric.what, labels=metric.labels)
        for labels, histogram in samples:
            shown.add_metric(list(labels), histogram.buckets(), histogram.sum)
        return shown
    kind: Any = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    made = kind(metric.name, metric.what, labels=metric.labels)
    for labels, value in samples:
        made.add_metric(list(labels), float(value))
    found: Family = made
    return found
