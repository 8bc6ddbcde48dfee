"""What passed an interface: tcpdump while it runs, and afterwards questions about the packets."""

from __future__ import annotations

import re
import secrets
import signal
import socket
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from tests.netns.namespace import send_frame
from tests.netns.pcap import End, Packet, read_pcap, tcp_streams
from tests.netns.sip import SipMessage
from tests.netns.waiting import wait_for

if TYPE_CHECKING:
    from tests.netns.lab import LabHost
    from tests.netns.processes import LabProcess

_SIP_START = re.compile(rb"(?:SIP/2\.0 [1-6]\d\d |[A-Z]{2,20} (?:sips?|tel|urn):\S* SIP/2\.0\r?\n)")


@dataclass(frozen=True)
class SeenSip:
    """A SIP message as it was on the wire."""

    time: float
    src: End
    dst: End
    data: bytes

    @property
    def message(self) -> SipMessage:
        return SipMessage.parse(self.data)


class Capture:
    """A recording of what passes one interface. Questions may be asked after `stop`, `so_far` before it."""

    def __init__(self, host: LabHost, device: str, process: LabProcess, path: Path) -> None:
        self.host, self.device = host, device
        self.process = process
        self.path = path
        self._packets: list[Packet] | None = None

    @classmethod
    def begin(cls, host: LabHost, device: str, namespace: str, end: str) -> Capture:
        """Start tcpdump at the device's other `end` in a namespace, and wait until it listens."""
        path = host.lab.directory / f"{host.name}-{device}-{len(host.lab.captures)}.pcap"
        argv = [
            *("ip", "netns", "exec", namespace),
            "tcpdump",
            "-i",
            end,
            "-n",
            "-U",
            "--immediate-mode",
            "-s",
            "0",
            "-B",
            "16384",
            "-Z",
            "root",
            "-w",
            str(path),
        ]
        capture = cls(host, device, host.lab.start(f"{host.name}.tcpdump-{device}", argv), path)
        capture.process.wait_output(r"listening on")
        host.lab.captures.append(capture)
        return capture

    def so_far(self) -> list[Packet]:
        """The IP packets that are in the file by now; the recording goes on."""
        return read_pcap(self.path) if self._packets is None else self._packets

    def wait_message(self, cseq: str, status: int = 0, src: str = "") -> None:
        """Wait until a request (or, with a `status`, an answer) with that CSeq has passed; the recording goes on."""

        def passed() -> bool:
            return any(
                one.message.get("cseq") == cseq and one.message.status == status and src in ("", one.src[0])
                for one in sip_of(self.so_far())
            )

        wait_for(passed, what=f"{status or 'the request'} of {cseq} in {self.path.name}", step=0.02)

    def stop(self) -> Capture:
        """End the recording once the file has stopped growing and holds all that has passed. RuntimeError if the kernel
        dropped packets meanwhile."""
        if self._packets is None:
            sizes = [-1, -1, -1]

            def settled() -> bool:
                sizes.append(self.path.stat().st_size)
                return len(set(sizes[-3:])) == 1

            wait_for(settled, what="the capture to settle", step=0.02)
            self._catch_up()
            self.process.stop(signal.SIGINT)
            dropped = re.search(r"(\d+) packets dropped by kernel", self.process.output())
            if dropped is None or dropped[1] != "0":
                raise RuntimeError(f"the capture is not whole\n{self.process.tail()}")
            self._packets = read_pcap(self.path)
        return self

    def _catch_up(self) -> None:
        """Wait until tcpdump has written all that has passed: what it has not read when it is ended is lost, and a file
        that does not grow may only be one that nobody had the time to write. So a frame follows that no host takes."""
        mark, written = secrets.token_bytes(16), self.path.stat().st_size
        send_frame(self.host.netns, self.device, mark)

        def come() -> bool:
            with self.path.open("rb") as file:
                file.seek(written)
                return mark in file.read()

        wait_for(come, what="the capture to be written")

    @property
    def packets(self) -> list[Packet]:
        """All IP packets; ends the recording if it still runs."""
        self.stop()
        return self._packets or []

    def hosts(self) -> set[str]:
        """Every host in the IP headers."""
        return {end[0] for packet in self.packets for end in (packet.src, packet.dst)}

    def find(self, needle: bytes, src: str = "", dst: str = "", apart: re.Pattern[bytes] | None = None) -> list[Packet]:
        """The packets (from or to a host, if given) whose IP header or body holds `needle`, or, where it spells an
        IP address, that address' packed form. As text an address counts only as a whole: 10.0.0.1 is not found in
        10.0.0.12. What `apart` matches is not looked into."""
        try:
            packed = ip_address(needle.decode()).packed
        except ValueError:
            packed = b""
        text = re.compile(rb"(?<![\d.])" + re.escape(needle) + rb"(?![\d]|\.\d)" if packed else re.escape(needle))
        return [
            packet
            for packet in self.packets
            if src in ("", packet.src[0]) and dst in ("", packet.dst[0])
            for raw in [packet.raw if apart is None else apart.sub(b"", packet.raw)]
            if (packed and packed in raw) or text.search(raw)
        ]

    def contains(self, needle: bytes) -> bool:
        """Whether any packet holds `needle`; see `find`."""
        return bool(self.find(needle))

    def sip_messages(self, src: str = "", dst: str = "", method: str = "") -> list[SeenSip]:
        """The SIP messages over UDP and TCP, in order of time; of one sender, receiver, or method (of the CSeq) if
        given. What was sent again counts again: see `first_of_each`."""
        return [
            one
            for one in sip_of(self.packets)
            if src in ("", one.src[0]) and dst in ("", one.dst[0])
            if not method or one.message.method == method
        ]

    def rtp_counts(self, tag: bytes = b"") -> Counter[tuple[End, End]]:
        """RTP packets per (source, destination); only those whose payload begins with `tag`, if given."""
        return media_counts(self.packets, "rtp", tag)

    def rtcp_counts(self, tag: bytes = b"") -> Counter[tuple[End, End]]:
        """RTCP packets per (source, destination); only those that hold `tag`, if given."""
        return media_counts(self.packets, "rtcp", tag)


def media_counts(packets: list[Packet], kind: str, tag: bytes = b"") -> Counter[tuple[End, End]]:
    """Packets of RTP or RTCP per (source, destination); only those that hold `tag`, RTP at its payload's beginning."""
    return Counter(
        (packet.src, packet.dst)
        for packet in packets
        if packet.protocol == "udp" and media_kind(packet.payload) == kind
        if (tag in packet.payload if kind == "rtcp" else packet.payload[12:].startswith(tag))
    )


def sip_of(packets: list[Packet]) -> list[SeenSip]:
    """The SIP messages in packets, over UDP and TCP, in order of time."""
    seen = [
        SeenSip(packet.time, packet.src, packet.dst, packet.payload)
        for packet in packets
        if packet.protocol == "udp" and _SIP_START.match(packet.payload)
    ]
    for (source, target), chunks in tcp_streams(packets).items():
        seen += [SeenSip(time, source, target, data) for time, data in _split(chunks)]
    return sorted(seen, key=lambda one: one.time)


def media_kind(data: bytes) -> str:
    """ "rtp", "rtcp" or "" for a UDP payload, told apart as RFC 5761 section 4 does."""
    if len(data) < 8 or data[0] >> 6 != 2:
        return ""
    if 192 <= data[1] <= 223:
        return "rtcp"
    return "rtp" if len(data) >= 12 else ""


def _split(chunks: Iterable[tuple[float, bytes]]) -> list[tuple[float, bytes]]:
    """The SIP messages of one direction of a TCP connection, each with the time of its last byte."""
    found, held = [], b""
    for time, data in chunks:
        held += data
        while True:
            held = held.lstrip(b"\r\n")  # keepalives (RFC 5626 section 3.5.1)
            head, blank, rest = held.partition(b"\r\n\r\n")
            length = re.search(rb"(?im)^(?:content-length|l)[ \t]*:[ \t]*(\d+)", head)
            size = int(length[1]) if length else 0
            if not blank or len(rest) < size or not _SIP_START.match(held):
                break
            found.append((time, held[: len(head) + 4 + size]))
            held = rest[size:]
    return found


def port_of(sock: socket.socket) -> int:
    """The local port of a socket."""
    return int(sock.getsockname()[1])
