"""Serves the metrics to Prometheus over HTTP, on loopback unless told otherwise."""

# What these classes inherit from Twisted has no annotations, and mypy counts it as their own.
# mypy: disallow-untyped-calls=False

from __future__ import annotations

from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.logger import Logger
from twisted.protocols.policies import WrappingFactory
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from sbc.admin.metrics import Reader, Sources
from sbc.config.values import MetricsConfig

MOST = 20
"""Connections at once."""
SECONDS = 30
"""How long a connection may be idle, or a request take to come."""


class Page(Resource):
    """``/metrics``: everything, as it is now."""

    isLeaf = True

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__()
        self._registry = registry

    def render(self, request: Any) -> bytes:
        """Only asking is allowed."""
        if request.method in (b"GET", b"HEAD"):
            page: bytes = super().render(request)
            return page
        request.setResponseCode(405)
        request.setHeader("allow", "GET, HEAD")
        return b""

    def render_GET(self, request: Request) -> bytes:
        """In the format the client prefers: Prometheus' own, or OpenMetrics."""
        accept = (request.getHeader("accept") or "")[:1000]
        encode, kind = choose_encoder(accept)
        request.setHeader("content-type", kind)
        return bytes(encode(self._registry))


class Nothing(Resource):
    """Whatever else is asked for."""

    def getChild(self, path: bytes, request: Any) -> Resource:
        """There is nothing below, either."""
        return self

    def render(self, request: Any) -> bytes:
        """404, in plain words."""
        request.setResponseCode(404)
        request.setHeader("content-type", "text/plain; charset=utf-8")
        return b"only /metrics is here\n"


class Question(Request):
    """A request. Nobody who asks has anything to bring: Twisted would keep it on the disk, as much as comes."""

    def handleContentChunk(self, data: bytes) -> None:
        """Passed over."""


class MetricsSite(Site):
    """The server. It logs no requests."""

    noisy = False
    requestFactory = Question

    def log(self, request: Any) -> None:
        """Not a line for each scrape."""


class Door(WrappingFactory):
    """Lets clients in, as many as there may be at once."""

    noisy = False
    protocols: dict[Any, Any]

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """None, by which Twisted closes the connection, where there are too many."""
        untyped: Any = super()
        return None if len(self.protocols) >= MOST else untyped.buildProtocol(addr)


class MetricsService(Service):
    """Listens for Prometheus."""

    _log = Logger()

    def __init__(self, reactor: Any, config: MetricsConfig, sources: Sources) -> None:
        self.setName("metrics")
        self._reactor = reactor
        self._listen = config.listen
        self.registry = CollectorRegistry()
        self.registry.register(Reader(sources))
        ProcessCollector(registry=self.registry)
        root = Nothing()
        root.putChild(b"metrics", Page(self.registry))
        self._door = Door(MetricsSite(root, timeout=SECONDS, reactor=reactor))
        self._port: Any = None

    def startService(self) -> None:
        """@raises twisted.internet.error.CannotListenError."""
        super().startService()
        host, port = self._listen
        self._port = self._reactor.listenTCP(port, self._door, backlog=MOST, interface=host)
        at = self._port.getHost()
        self._log.info("metrics on {host} port {port}", host=at.host, port=at.port)

    def port(self) -> int:
        """The port that is really taken. Only while it runs."""
        return int(self._port.getHost().port)

    def stopService(self) -> Deferred[None] | None:
        super().stopService()
        port, self._port = self._port, None
        for client in list(self._door.protocols):
            client.transport.abortConnection()
        stopped: Deferred[None] | None = None if port is None else port.stopListening()
        return stopped
