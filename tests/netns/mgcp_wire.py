"""Messages of MGCP (RFC 3435) as the lab's call agent and gateways write and read them. Shares no code with `sbc`."""

from __future__ import annotations

import re
from dataclasses import dataclass

Peer = tuple[str, int]
AGENT_PORT, GATEWAY_PORT = 2727, 2427  # RFC 3435 section 3.5


@dataclass(frozen=True)
class MgcpMessage:
    """A command or a response, as it came. `verb` is the command's, or the response's code."""

    verb: str
    transaction: str
    endpoint: str  # of a command
    lines: tuple[tuple[str, str], ...]  # parameters: name in capitals, value
    bodies: tuple[str, ...]  # session descriptions
    source: Peer
    text: str

    @property
    def code(self) -> int:
        """Of a response; 0 is a command."""
        return int(self.verb) if self.verb.isdigit() else 0

    def __getitem__(self, name: str) -> str:
        """A parameter's first value; KeyError if there is none."""
        return dict(reversed(self.lines))[name]

    def get(self, name: str) -> str:
        return dict(reversed(self.lines)).get(name, "")

    @property
    def media(self) -> Peer:
        """Where the first description wants audio."""
        return media_of(self.bodies[0])

    @property
    def counted(self) -> dict[str, int]:
        """The connection parameters (`P:`): PS, OS, PR, OR, PL, JI, LA."""
        pairs = (each.partition("=") for each in self["P"].split(","))
        return {name.strip().upper(): int(value) for name, _, value in pairs if value.strip().isdigit()}


def media_of(body: str) -> Peer:
    """The address and port of a description's first m-line. ValueError if it has none."""
    place = re.search(r"^c=IN IP[46] ([^\s/]+)", body, re.MULTILINE)
    port = re.search(r"^m=\w+ (\d+)", body, re.MULTILINE)
    if place is None or port is None:
        raise ValueError(f"no address of media in {body!r}")
    return place[1], int(port[1])


def parse(data: bytes, source: Peer) -> MgcpMessage:
    """Read one message. Everything after the first empty line is descriptions (section 3.4)."""
    text = data.decode("latin-1").replace("\r\n", "\n")
    head, *bodies = text.split("\n\n")
    first, *rest = head.strip("\n").split("\n")
    words = first.split()
    pairs = [line.partition(":") for line in rest]
    return MgcpMessage(
        words[0].upper(), words[1], words[2] if len(words) > 2 and not words[0].isdigit() else "",
        tuple((name.strip().upper(), value.strip()) for name, _, value in pairs),
        tuple(body for body in bodies if body.strip()), source, text,
    )  # fmt: skip


def compose(first: str, lines: tuple[str, ...] = (), body: str = "") -> bytes:
    """A message with its parameters as they are to be written (``C: 2a``), and a description."""
    text = "\r\n".join((first, *lines)) + "\r\n"
    return (text + (f"\r\n{body}" if body else "")).encode()


def description(host: str, port: int) -> str:
    """Audio in G.711 A-law at an address."""
    lines = ("v=0", f"o=- 1 1 IN IP4 {host}", "s=-", f"c=IN IP4 {host}", "t=0 0", f"m=audio {port} RTP/AVP 8")
    return "\r\n".join((*lines, "a=rtpmap:8 PCMA/8000", "a=ptime:20", ""))
