"""What the lab's H.323 peers put on wires: Q.931 messages in TPKTs, and the values that many messages hold."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.netns.h323_per import PerError
from tests.netns.h323_types import H225

Peer = tuple[str, int]
PROTOCOL = "0.0.8.2250.0.7"  # H.225.0 version 7
H245_PROTOCOL = "0.0.8.245.0.15"
VENDOR = {"vendor": {"t35CountryCode": 181, "t35Extension": 0, "manufacturerCode": 1}, "productId": b"lab endpoint"}
TERMINAL = {"vendor": VENDOR, "terminal": {}, "mc": False, "undefinedNode": False}
GATEKEEPER = {"gatekeeper": {}, "mc": False, "undefinedNode": False}

# Q.931 table 4-2, and section 4.5.
TYPES = {
    0x01: "alerting", 0x02: "callProceeding", 0x03: "progress", 0x05: "setup", 0x07: "connect",
    0x0D: "setupAcknowledge", 0x5A: "releaseComplete", 0x62: "facility", 0x6E: "notify", 0x75: "statusInquiry",
    0x7B: "information", 0x7D: "status",
}  # fmt: skip
NUMBERS = {name: number for number, name in TYPES.items()}
BEARER, CAUSE, DISPLAY, CALLED, USER_USER = 0x04, 0x08, 0x28, 0x70, 0x7E


@dataclass
class Q931:
    """A call signalling message: its type, call reference (`answering`: the flag of section 4.3), information
    elements in their order, and the decoded user-user element."""

    kind: str
    reference: int
    answering: bool = False
    elements: list[tuple[int, bytes]] = field(default_factory=list)
    uu: dict[str, Any] = field(default_factory=dict)

    @property
    def pdu(self) -> dict[str, Any]:
        return self.uu["h323-uu-pdu"]

    @property
    def name(self) -> str:
        """The name of the H.225.0 body, which for a Facility may be "empty"."""
        return self.pdu["h323-message-body"][0] if self.uu else ""

    @property
    def body(self) -> dict[str, Any]:
        """The H.225.0 body; an empty one has no components."""
        return (self.pdu["h323-message-body"][1] or {}) if self.uu else {}

    @property
    def cause(self) -> int:
        """The cause value (Q.850), or 0."""
        for name, value in self.elements:
            if name == CAUSE and len(value) >= 2:
                return value[1] & 127
        return 0

    def encode(self) -> bytes:
        data = bytes([8, 2]) + (self.reference | (0x8000 if self.answering else 0)).to_bytes(2, "big")
        data += bytes([NUMBERS[self.kind]])
        for name, value in self.elements:
            data += bytes([name, len(value)]) + value
        if self.uu:
            value = b"\x05" + H225.encode("UserInformation", self.uu)
            data += bytes([USER_USER]) + len(value).to_bytes(2, "big") + value
        return data

    @classmethod
    def decode(cls, data: bytes) -> Q931:
        """PerError if it is none: a peer of the lab that sends such a thing has failed."""
        if len(data) < 5 or data[0] != 8 or data[1] != 2 or data[4] not in TYPES:
            raise PerError(f"not a Q.931 message: {data[:8].hex()}")
        message = cls(TYPES[data[4]], int.from_bytes(data[2:4], "big") & 0x7FFF, bool(data[2] & 128))
        at = 5
        while at < len(data):
            name = data[at]
            if name & 128:  # an element of one octet (section 4.5.1)
                at += 1
                continue
            wide = 2 if name == USER_USER else 1
            start = at + 1 + wide
            end = start + int.from_bytes(data[at + 1 : start], "big")
            if end > len(data):
                raise PerError("an information element is cut off")
            if name == USER_USER:
                if data[start] != 5:
                    raise PerError("the user-user element is not X.680's")
                message.uu = H225.decode("UserInformation", data[start + 1 : end])
            else:
                message.elements.append((name, data[start:end]))
            at = end
        return message


def tpkt(data: bytes) -> bytes:
    """RFC 1006 section 6."""
    return b"\3\0" + (len(data) + 4).to_bytes(2, "big") + data


def split_tpkt(held: bytes) -> tuple[list[bytes], bytes]:
    """The whole packets in what was received, and the rest. PerError if it is no TPKT."""
    found = []
    while len(held) >= 4:
        size = int.from_bytes(held[2:4], "big")
        if held[0] != 3 or size < 4:
            raise PerError(f"not a TPKT: {held[:8].hex()}")
        if len(held) < size:
            break
        if size > 4:  # an empty one keeps the connection alive
            found.append(held[4:size])
        held = held[size:]
    return found, held


def user_information(
    name: str, body: dict[str, Any] | None, tunnel: bool, control: list[bytes] | None = None
) -> dict[str, Any]:
    """The user-user element with a body, and H.245 messages in the tunnel."""
    pdu: dict[str, Any] = {"h323-message-body": (name, body), "h245Tunneling": tunnel}
    if control:
        pdu["h245Control"] = control
    return {"h323-uu-pdu": pdu}


def address(peer: Peer) -> tuple[str, dict[str, Any]]:
    """A TransportAddress of H.225.0."""
    host, port = peer
    if ":" in host:
        return "ip6Address", {"ip": socket.inet_pton(socket.AF_INET6, host), "port": port}
    return "ipAddress", {"ip": socket.inet_aton(host), "port": port}


def channel(peer: Peer) -> tuple[str, Any]:
    """A TransportAddress of H.245."""
    host, port = peer
    if ":" in host:
        six = {"network": socket.inet_pton(socket.AF_INET6, host), "tsapIdentifier": port}
        return "unicastAddress", ("iP6Address", six)
    return "unicastAddress", ("iPAddress", {"network": socket.inet_aton(host), "tsapIdentifier": port})


def peer_of(value: tuple[str, Any]) -> Peer:
    """The host and port in a TransportAddress of either recommendation."""
    name, inner = value
    if name == "unicastAddress":
        name, inner = inner
    packed = inner.get("ip") or inner.get("network")
    port = inner["port"] if "port" in inner else inner["tsapIdentifier"]
    return socket.inet_ntop(socket.AF_INET6 if len(packed) == 16 else socket.AF_INET, packed), port


def addresses(value: Any) -> Iterator[Peer]:
    """Every transport address in a decoded message, H.245 messages in it included by the caller."""
    if isinstance(value, tuple) and value and value[0] in ("ipAddress", "ip6Address", "iPAddress", "iP6Address"):
        yield peer_of(value)
    elif isinstance(value, dict):
        for inner in value.values():
            yield from addresses(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from addresses(inner)


def alias(name: str) -> tuple[str, str]:
    """An alias: digits are dialled, all else is an H.323 ID."""
    return ("dialedDigits" if name and set(name) <= set("0123456789#*,") else "h323-ID", name)


def alias_names(value: dict[str, Any], key: str) -> list[str]:
    """The names in a list of aliases that a message may hold."""
    return [name for _, name in value.get(key, []) if isinstance(name, str)]


def guid() -> bytes:
    return secrets.token_bytes(16)
