"""Chromium in a lab: a page of ours in it, which says by HTTP what becomes of its call, and what it looks like."""

from __future__ import annotations

import base64
import json
import math
import socket
import struct
import threading
import wave
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, Event, Request, TextMessage

from tests.netns import namespace
from tests.netns.waiting import PATIENCE, wait_for

if TYPE_CHECKING:
    from tests.netns.lab import LabHost

PAGE = Path(__file__).with_name("webrtc.html")
TONE = 1000
"""Hz of what its microphone hears."""
HEARD = 100
"""Packets of audio that are enough, each way: two seconds."""
LOUD = 0.01
"""Of 1: less is noise."""
_DEBUGGING = 9222
_LONGEST_REPORT = 65_536


class PageServer(HTTPServer):
    """Serves the page, tells it what to do, and keeps what it says. Its socket is made by whoever knows where."""

    def __init__(self, sock: socket.socket, script: str, settings: dict[str, Any]) -> None:
        super().__init__(sock.getsockname(), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = sock
        self.server_address = sock.getsockname()
        self.script, self.settings = script, settings
        self.reports: list[dict[str, Any]] = []
        self.commands: list[str] = []
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://{self.server_address[0]}:{self.server_address[1]}/"

    def close(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: PageServer

    def do_GET(self) -> None:
        kind, body = "application/json", b"[]"
        if self.path == "/":
            kind, body = "text/html; charset=utf-8", PAGE.read_bytes()
        elif self.path == "/jssip.js":
            kind, body = "text/javascript; charset=utf-8", self.server.script.encode()
        elif self.path == "/settings":
            body = json.dumps(self.server.settings).encode()
        elif self.path == "/commands":
            body, self.server.commands[:] = json.dumps(self.server.commands).encode(), []
        self._answer(kind, body)

    def do_POST(self) -> None:
        said = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), _LONGEST_REPORT))
        self.server.reports.append(json.loads(said))
        self._answer("application/json", b"{}")

    def _answer(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing: the reports say all."""


class Browser:
    """A running Chromium with the page in it, which calls as `settings` say. It trusts the one `certificate` (a file),
    whoever has signed it, and hears a tone by its microphone. The page is served at `port` of its own loopback (0: at
    any)."""

    def __init__(self, host: LabHost, script: str, settings: dict[str, Any], certificate: Path, port: int = 0) -> None:
        self.host = host
        self.page = PageServer(_listening(host, port), script, {"commands": True, **settings})
        tone = host.lab.directory / "tone.wav"
        _write_tone(tone)
        self.process = host.popen(
            [
                "chromium",
                "--headless=new",
                "--no-sandbox",  # the lab is root
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--no-first-run",
                "--window-size=900,640",
                "--autoplay-policy=no-user-gesture-required",
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-audio-capture={tone}",
                f"--user-data-dir={host.lab.directory / 'chromium'}",
                f"--ignore-certificate-errors-spki-list={_key_hash(certificate)}",
                f"--remote-debugging-port={_DEBUGGING}",
                "--enable-logging=stderr",
                self.page.url,
            ],
            log="chromium",
            env={"HOME": str(host.lab.directory)},
        )

    def wait(self, event: str, count: int = 1, timeout: float = 2 * PATIENCE, **like: Any) -> dict[str, Any]:
        """The report of that `event`, and with these values, that has come as the so many-th. What must not come ends
        the waiting."""

        def come() -> dict[str, Any] | None:
            found = [each for each in self.said(event) if like.items() <= each.items()]
            return found[count - 1] if len(found) >= count else None

        try:
            return wait_for(come, timeout, f"the page to say {event} {like or ''}", 0.05)
        except TimeoutError as error:
            said = [each for each in self.page.reports if each["event"] != "stats"]
            raise TimeoutError(f"{error}; it said {said}\n{self.process.tail(30)}") from None

    def said(self, event: str) -> list[dict[str, Any]]:
        return [each for each in list(self.page.reports) if each["event"] == event]

    def wait_hearing(self) -> dict[str, Any]:
        """Wait until the page has heard and sent enough, and a voice that is loud; what it then says of its call."""
        try:
            return wait_for(self._hears, 2 * PATIENCE, "the page to hear", 0.1)
        except TimeoutError as error:
            raise TimeoutError(f"{error}; it said {self.page.reports[-3:]}\n{self.process.tail(30)}") from None

    def _hears(self) -> dict[str, Any] | None:
        for said in reversed(self.said("stats")):
            heard, spoken = said.get("heard") or {}, said.get("spoken") or {}
            enough = min(heard.get("packets") or 0, spoken.get("packets") or 0) >= HEARD
            if enough and min(each.get(what) or 0 for each in (heard, spoken) for what in ("energy", "level")) > LOUD:
                return said
        return None

    def tell(self, word: str) -> None:
        """Have the page do something: ``hangup``."""
        self.page.commands.append(word)

    def screenshot(self, path: Path) -> None:
        """What the page looks like, as PNG, by the DevTools protocol."""
        (page,) = [each for each in json.loads(self._ask_http("/json/list")) if each["type"] == "page"]
        target = urlsplit(page["webSocketDebuggerUrl"]).path
        with self.host.tcp("127.0.0.1", _DEBUGGING) as end:
            wire = WSConnection(ConnectionType.CLIENT)
            end.sendall(wire.send(Request(host=f"127.0.0.1:{_DEBUGGING}", target=target)))
            assert isinstance(_next_event(end, wire), AcceptConnection)
            end.sendall(wire.send(TextMessage(data=json.dumps({"id": 1, "method": "Page.captureScreenshot"}))))
            answer = ""
            while not answer.endswith("}") or "result" not in json.loads(answer):
                event = _next_event(end, wire)
                assert isinstance(event, TextMessage), event
                answer = event.data if event.message_finished and not answer else answer + event.data
        path.write_bytes(base64.b64decode(json.loads(answer)["result"]["data"]))

    def _ask_http(self, path: str) -> str:
        with self.host.tcp("127.0.0.1", _DEBUGGING) as end:
            end.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
            data = b""
            while b"\r\n\r\n" not in data or b"]" not in data:
                data += end.recv(65536)
        return data.partition(b"\r\n\r\n")[2].decode()

    def close(self) -> None:
        self.process.stop()
        self.page.close()


def _listening(host: LabHost, port: int) -> socket.socket:
    return namespace.inside(host.netns, lambda: socket.create_server(("127.0.0.1", port)))


def _next_event(end: socket.socket, wire: WSConnection) -> Event:
    while True:
        for event in wire.events():
            return event
        wire.receive_data(end.recv(65536))


def _key_hash(certificate: Path) -> str:
    key = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    digest = Hash(SHA256())
    digest.update(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    return base64.b64encode(digest.finalize()).decode()


def _write_tone(path: Path, seconds: int = 2, rate: int = 48_000) -> None:
    """A sine tone, which Chromium plays again and again."""
    samples = (int(12_000 * math.sin(2 * math.pi * TONE * each / rate)) for each in range(seconds * rate))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"".join(struct.pack("<h", each) for each in samples))
