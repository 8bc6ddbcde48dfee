"""The metrics over HTTP: one page, in either format, for a few clients at once, and gone when it is stopped."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import attrs
import pytest
from prometheus_client.parser import text_string_to_metric_families
from twisted.internet.defer import Deferred

from sbc.admin import exporter
from sbc.admin.exporter import MetricsService
from sbc.admin.lag import Lag
from sbc.admin.metrics import METRICS, Sources
from sbc.config.values import MetricsConfig
from sbc.core.address import Address
from sbc.media.totals import Totals
from tests.admin.desk import Desk, open_desk, turn


@attrs.define
class Scraper:
    """One who asks a desk for its metrics."""

    desk: Desk
    service: MetricsService

    def connect(self) -> socket.socket:
        sock = socket.create_connection(("127.0.0.1", self.service.port()))
        sock.setblocking(False)
        return sock

    def get(self, path: str, *headers: str, method: str = "GET") -> tuple[str, str]:
        """Head and body of an answer."""
        with self.connect() as sock:
            lines = (f"{method} {path} HTTP/1.1", "Host: x", "Connection: close", *headers, "", "")
            sock.sendall("\r\n".join(lines).encode())
            head, _, body = self.heard(sock).partition("\r\n\r\n")
            return head, body

    def heard(self, sock: socket.socket) -> str:
        got = bytearray()

        def whole() -> bool:
            try:
                while piece := sock.recv(65536):
                    got.extend(piece)
            except BlockingIOError:
                return False
            except ConnectionResetError:
                pass
            return True

        turn(self.desk.reactor, whole, "an answer")
        return got.decode()


def stop(desk: Desk, service: MetricsService) -> None:
    gone: list[object] = []
    stopped = service.stopService()
    if isinstance(stopped, Deferred):
        stopped.addBoth(gone.append)
        turn(desk.reactor, lambda: gone and not service._door.protocols, "the end of the server")


@pytest.fixture
def scraper() -> Iterator[Scraper]:
    with open_desk() as desk:
        sources = Sources(desk.border, desk.runner, Totals(), Lag(desk.reactor), desk.reactor.seconds)
        service = MetricsService(desk.reactor, MetricsConfig(Address("127.0.0.1", 0)), sources)
        service.startService()
        yield Scraper(desk, service)
        stop(desk, service)


def test_everything_is_there_with_what_the_process_uses(scraper: Scraper) -> None:
    scraper.desk.call()
    head, body = scraper.get("/metrics")
    assert head.startswith("HTTP/1.1 200 OK") and "text/plain; version=0.0.4" in head
    families = {found.name: found for found in text_string_to_metric_families(body)}
    for metric in METRICS:
        assert metric.name.removesuffix("_total") in families
    assert families["process_resident_memory_bytes"].samples[0].value > 1_000_000
    assert "process_cpu_seconds" in families and "process_open_fds" in families


def test_openmetrics_for_those_who_prefer_it(scraper: Scraper) -> None:
    head, body = scraper.get("/metrics", "Accept: application/openmetrics-text; version=1.0.0")
    assert "application/openmetrics-text" in head
    assert body.rstrip().rstrip("0").rstrip().endswith("# EOF")


def test_nothing_else_is_there(scraper: Scraper) -> None:
    for path in ("/", "/metric", "/../etc/passwd"):
        assert scraper.get(path)[0].startswith("HTTP/1.1 404")
    assert scraper.get("/metrics", method="POST")[0].startswith("HTTP/1.1 405")
    head, body = scraper.get("/metrics", method="HEAD")
    assert head.startswith("HTTP/1.1 200") and body == ""


def test_what_somebody_brings_is_kept_nowhere(scraper: Scraper, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[bytes] = []
    render = exporter.Page.render

    def look(self: exporter.Page, request: Any) -> bytes:
        request.content.seek(0)
        kept.append(request.content.read())
        return render(self, request)

    monkeypatch.setattr(exporter.Page, "render", look)
    for length in (10, 120_000):
        with scraper.connect() as sock:
            sock.setblocking(True)
            sock.sendall(b"POST /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n")
            sock.sendall(b"Content-Length: %d\r\n\r\n" % length + bytes(length))
            sock.setblocking(False)
            assert scraper.heard(sock).startswith("HTTP/1.1 405")
    assert kept == [b"", b""]


def test_nonsense_is_shown_out(scraper: Scraper) -> None:
    with scraper.connect() as sock:
        sock.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
        assert scraper.heard(sock).startswith("HTTP/1.1 400")


def test_whoever_says_nothing_is_shown_out(scraper: Scraper) -> None:
    with scraper.connect() as sock:
        for _ in range(3):
            scraper.desk.reactor.iterate(0.01)
        scraper.desk.reactor.ahead += exporter.SECONDS + 1
        assert scraper.heard(sock) == ""


def test_only_so_many_at_once(scraper: Scraper) -> None:
    socks = [scraper.connect() for _ in range(exporter.MOST)]
    for _ in range(5):
        scraper.desk.reactor.iterate(0.01)
    with scraper.connect() as sock:
        assert scraper.heard(sock) == ""
    for sock in socks:
        sock.close()
    for _ in range(5):
        scraper.desk.reactor.iterate(0.01)
    assert scraper.get("/metrics")[0].startswith("HTTP/1.1 200")


def test_one_that_never_ran_stops_too(scraper: Scraper) -> None:
    config = MetricsConfig(Address("127.0.0.1", 0))
    sources = Sources(scraper.desk.border, scraper.desk.runner, Totals(), Lag(scraper.desk.reactor), lambda: 0.0)
    assert MetricsService(scraper.desk.reactor, config, sources).stopService() is None
