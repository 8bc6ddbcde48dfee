"""The metrics: named as Prometheus wants, true to the SBC, bounded in their labels, and told of in the manual."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from sbc.admin.lag import Lag
from sbc.admin.metrics import METRICS, MOST_EVENTS, Reader, Sources
from sbc.core.address import Address
from sbc.core.message import Ending
from sbc.core.probing import failed
from sbc.core.trunk import Trunk
from sbc.media.flow import KernelView, Tap
from sbc.media.totals import Totals
from tests.admin import scenes
from tests.admin.desk import Desk, open_desk

MANUAL = Path(__file__).parents[2] / "docs" / "metrics.rst"


@pytest.fixture
def desk() -> Iterator[Desk]:
    with open_desk() as desk:
        desk.runner.totals = Totals()
        yield desk


def scraped(desk: Desk) -> str:
    assert desk.runner.totals is not None
    registry = CollectorRegistry()
    registry.register(
        Reader(Sources(desk.border, desk.runner, desk.runner.totals, Lag(desk.reactor), desk.reactor.seconds))
    )
    return generate_latest(registry).decode()


def samples(desk: Desk) -> dict[str, float]:
    return {
        f"{sample.name}{{{','.join(f'{k}={v}' for k, v in sorted(sample.labels.items()))}}}": sample.value
        for found in text_string_to_metric_families(scraped(desk))
        for sample in found.samples
    }


def test_a_stream_counts_with_the_engine_that_forwards_it(desk: Desk) -> None:
    stream = f"{desk.call()}/1"
    desk.runner.forwards(stream, "kernel", "latched")
    desk.runner.forwards(stream, "twisted", "re-offer")
    desk.runner.forwards(stream, "kernel", "latched")
    found = samples(desk)
    assert found["sbc_media_streams{engine=kernel}"] == 1
    assert found["sbc_media_streams{engine=twisted}"] == 0
    assert found["sbc_media_forwards_total{engine=kernel,reason=latched}"] == 2
    assert found["sbc_media_forwards_total{engine=twisted,reason=re-offer}"] == 1


def test_they_tell_what_is_so(desk: Desk) -> None:
    desk.register(b"alice")
    busy = scenes.refused(desk, b"486 Busy Here")
    id = desk.call(b"two")
    desk.talk(id, 5, 3)
    desk.console.kick(id)
    scenes.settle(desk)
    desk.softswitch.data()  # the BYE
    desk.phone.data()
    desk.call(b"three")
    found = samples(desk)
    assert busy
    assert found["sbc_calls{realm=access,state=up}"] == 1
    assert found["sbc_calls{realm=access,state=closed}"] == 2
    assert found["sbc_calls_opened_total{}"] == 3
    assert found["sbc_calls_answered_total{}"] == 2
    assert found["sbc_calls_ended_total{ending=busy}"] == found["sbc_calls_ended_total{ending=cleared}"] == 1
    assert found["sbc_bindings{realm=access,state=bound}"] == 1
    assert found["sbc_messages_total{}"] == desk.runner.counted["messages"]
    assert found["sbc_events_total{event=latched}"] == 2
    assert found["sbc_media_packets_total{direction=in,realm=access}"] == 5
    assert found["sbc_media_packets_total{direction=out,realm=access}"] == 3
    assert found["sbc_media_bytes_total{direction=in,realm=core}"] == 3 * 172
    assert found["sbc_media_ports{realm=access,state=used}"] == 1
    assert found["sbc_media_streams{engine=twisted}"] == 1
    assert found["sbc_media_engine_info{engine=twisted,reason=}"] == 1
    assert found["sbc_limit{realm=access,what=calls}"] == 10_000
    assert found[f"sbc_receive_drops_total{{address={desk.access.address},protocol=sip,realm=access}}"] == 0
    assert found["sbc_trace_calls{}"] == 3
    assert found["sbc_event_loop_lag_seconds_count{}"] == 0


def test_where_the_kernel_forwards(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "sbc_media_kernel_flows{}" not in samples(desk)
    kernel = KernelView((Tap("eth0", "native", ""), Tap("eth1", "tc", "")), 7, 100, "/sys/fs/bpf/sbc")
    monkeypatch.setattr(desk.runner.engine, "in_kernel", lambda: kernel)
    found = samples(desk)
    assert found["sbc_media_kernel_flows{}"] == 7
    assert found["sbc_media_kernel_room{}"] == 100
    assert found["sbc_media_interface_info{interface=eth0,mode=native}"] == 1
    assert found["sbc_media_interface_info{interface=eth1,mode=tc}"] == 1


def test_packets_of_no_stream_at_shared_ports(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert samples(desk)["sbc_media_strays_total{}"] == 0
    monkeypatch.setattr(desk.runner.engine, "strays", lambda: 5)
    assert samples(desk)["sbc_media_strays_total{}"] == 5


def test_next_hops_and_the_addresses_of_trunks(desk: Desk) -> None:
    plan = desk.border.plan
    trunk = Trunk("pbx", (Address("192.0.2.17", 5060), Address("192.0.2.18", 5060)), "sip")
    access = attrs.evolve(plan.realms["access"], trunks=(trunk,))
    desk.border.replan(attrs.evolve(plan, realms={**plan.realms, "access": access}), 0.0)
    first = next(each for key, each in desk.border.registry.hops.neighbours.items() if key[2] == trunk.next_hops[0].to)
    failed(desk.border.registry, first, "silent for 4.0 s", 0.0)
    up = {key: value for key, value in samples(desk).items() if key.startswith("sbc_next_hop_up{")}
    assert sorted(up.values()) == [0.0, 1.0, 1.0]
    assert [value for key, value in up.items() if "192.0.2.17:5060" in key and "access" in key] == [0.0]


def test_what_handshakes_come_to(desk: Desk) -> None:
    desk.runner.handshakes["keyed"] += 2
    assert samples(desk)["sbc_media_handshakes_total{event=keyed}"] == 2


def test_what_is_counted_elsewhere_is_no_event(desk: Desk) -> None:
    desk.call()
    desk.runner.counted["cdr-written"] = 7
    found = samples(desk)
    assert found["sbc_cdr_written_total{}"] == 7
    events = {name for name in found if name.startswith("sbc_events_total")}
    assert not any("cdr" in name or "call-" in name or "messages" in name for name in events)


def test_labels_are_bounded(desk: Desk) -> None:
    for number in range(5000):
        desk.runner.counted[f"made-up-{number}"] = 1
    for number in range(30):
        desk.call(b"bounded%d" % number)
    assert sum(name.startswith("sbc_events_total{") for name in samples(desk)) == MOST_EVENTS
    del desk.runner.counted
    desk.runner.counted = desk.runner._journal.counted
    assert len(scraped(desk)) < 100_000


def test_every_ending_may_be_counted(desk: Desk) -> None:
    for ending in Ending:
        desk.runner.counted[f"ending-{ending.value}"] += 1
    found = samples(desk)
    assert all(found[f"sbc_calls_ended_total{{ending={ending.value}}}"] == 1 for ending in Ending)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_names_follow_the_conventions(metric: object) -> None:
    name, kind = metric.name, metric.kind  # type: ignore[attr-defined]
    assert re.fullmatch(r"sbc_[a-z]+(_[a-z]+)*", name)
    assert name.endswith("_total") == (kind == "counter")
    assert all(re.fullmatch(r"[a-z]+", label) for label in metric.labels)  # type: ignore[attr-defined]
    assert not set(name.split("_")) & {"ms", "milliseconds", "octets", "minutes", "kb"}, "base units: seconds, bytes"


@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool, of Debian's package prometheus")
def test_promtool_has_nothing_to_say(desk: Desk) -> None:
    desk.talk(desk.call(), 2, 2)
    run = subprocess.run(
        ["promtool", "check", "metrics"], input=scraped(desk), capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_the_manual_has_every_metric_and_no_other() -> None:
    described = dict(re.findall(r"^``(sbc_\w+)(?:\{([\w, ]+)\})?`` ", MANUAL.read_text(), flags=re.MULTILINE))
    assert {name: tuple(filter(None, labels.split(", "))) for name, labels in described.items()} == {
        metric.name: metric.labels for metric in METRICS
    }


def test_the_manual_has_their_kinds() -> None:
    described = dict(re.findall(r"^``(sbc_\w+)(?:\{[\w, ]+\})?`` \((\w+)\)$", MANUAL.read_text(), flags=re.MULTILINE))
    assert described == {metric.name: metric.kind for metric in METRICS}
