"""What the benchmark of media compares: our engines, rtpengine, and the kernel's own forwarding and NAT."""

from __future__ import annotations

import json
import os
import shutil
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import media_network as network
from benchmarks.media_network import Places
from benchmarks.rtpengine import Rtpengine
from benchmarks.traffic import FAVOUR, Flow
from sbc.config.values import EngineName
from sbc.media.choose import missing
from tests.netns.waiting import wait_for

if TYPE_CHECKING:
    from tests.netns.processes import LabProcess

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Opened:
    """How long it took to open or close `count` streams, and the relay's own processor time for it."""

    count: int
    seconds: float
    cpu: float


class Relay:
    """Something that forwards, on the host `sbc`. Made running; `stop` ends it."""

    process: LabProcess | None = None
    source = network.SBC_CORE  # what the server sees as the sender
    calls = True  # whether it knows streams at all, that take memory and time to open
    hidden = False  # whether the client is behind a NAT
    mux = False  # whether RTCP comes and goes on the ports of RTP,
    muxes = True  # and whether that saves sockets

    def __init__(self, places: Places) -> None:
        self.places = places
        self.there: list[Flow] = []  # flows towards the server, one a stream
        self.back: list[Flow] = []

    def open(self, count: int) -> Opened:
        """Open `count` streams more."""
        raise NotImplementedError

    def close(self) -> Opened:
        """Close all streams."""
        raise NotImplementedError

    def settle(self) -> str:
        """Called when both ends have sent: wait until it forwards as it will; who forwards, if that is a question."""
        return ""

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop()


class Engine(Relay):
    """One of our engines, in `benchmarks.media_host`."""

    name = ""
    how = ""
    latch = "nat"

    def __init__(self, places: Places) -> None:
        super().__init__(places)
        path = places.lab.directory / f"orders-{self.name}-{len(places.lab.processes)}"
        what = f"{self.name}:{self.how}"
        self.process = places.sbc.python("-m", "benchmarks.media_host", what, str(path), log=f"engine-{self.name}")
        _favour(self.process)
        wait_for(lambda: path.exists() or not self.process.running, 20.0, "the engine's orders")  # type: ignore[union-attr]
        if not self.process.running:
            raise RuntimeError(f"{self.name} did not start\n{self.process.tail()}")
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(120.0)
        self._socket.connect(str(path))
        self._answers = self._socket.makefile("rb")

    def open(self, count: int) -> Opened:
        first = len(self.there)
        for number in range(first, first + count):
            port = network.SBC_PORT + 2 * number
            self.there.append(Flow(network.client_place(number), (network.SBC_ACCESS, port)))
            self.back.append(Flow(network.server_place(number), (network.SBC_CORE, port)))
        answer = self._ask(**self._order(), first=first, count=count)
        return Opened(count, answer["seconds"], answer["cpu"])

    def _order(self) -> dict[str, Any]:
        """What it is asked for flows to be opened, but for how many."""
        return {"do": "open", "hidden": self.hidden, "latch": self.latch, "mux": self.mux}

    def close(self) -> Opened:
        answer = self._ask(do="close")
        return Opened(answer["found"], answer["seconds"], answer["cpu"])

    def settle(self) -> str:
        """Until it forwards all streams itself, or ten seconds have passed."""
        deadline = time.monotonic() + 10.0
        while True:
            found = self._ask(do="forwarders")["found"]
            if (
                not found
                or (len(found) == 1 and next(iter(found)).startswith(self.name))
                or time.monotonic() > deadline
            ):
                return ", ".join(f"{count} {who}" for who, count in sorted(found.items()))
            time.sleep(0.05)

    def stop(self) -> None:
        self._answers.close()
        self._socket.close()
        super().stop()

    def _ask(self, **what: Any) -> dict[str, Any]:
        self._socket.sendall(json.dumps(what).encode() + b"\n")
        line = self._answers.readline()
        if not line:
            raise RuntimeError(f"{self.process!r} has gone\n{self.process.tail() if self.process else ''}")
        return dict(json.loads(line))


class Twisted(Engine):
    name = "twisted"


class Native(Engine):
    name = "native"


class Kernel(Engine):
    name = "kernel"


class Peer(Relay):
    """rtpengine, in user space, with its defaults."""

    ports = (20_000, 64_999)
    muxes = False  # it keeps RTCP's sockets, though it is told that they are not needed

    def __init__(self, places: Places) -> None:
        super().__init__(places)
        self._engine = Rtpengine(places.sbc, network.SBC_ACCESS, network.SBC_CORE, self.ports)
        self.process = self._engine.process
        _favour(self.process)

    def open(self, count: int) -> Opened:
        began, before = time.perf_counter(), _cpu(self._engine.process.pid)
        for number in range(len(self.there), len(self.there) + count):
            client, server = network.client_place(number), network.server_place(number)
            access, core = self._engine.open(f"c{number}", network.signalled(number, self.hidden), server)
            self.there.append(Flow(client, access))
            self.back.append(Flow(server, core))
        return Opened(count, time.perf_counter() - began, _cpu(self._engine.process.pid) - before)

    def close(self) -> Opened:
        began, before = time.perf_counter(), _cpu(self._engine.process.pid)
        for number in range(len(self.there)):
            self._engine.close(f"c{number}")
        return Opened(len(self.there), time.perf_counter() - began, _cpu(self._engine.process.pid) - before)


class Forwarding(Relay):
    """The kernel's plain forwarding, from the client to the server itself."""

    calls = False
    source = network.CLIENT

    def __init__(self, places: Places) -> None:
        super().__init__(places)
        _forward(places, True)

    def open(self, count: int) -> Opened:
        for number in range(len(self.there), len(self.there) + count):
            client, server = network.client_place(number), network.server_place(number)
            self.there.append(Flow(client, server))
            self.back.append(Flow(server, client))
        return Opened(count, 0.0, 0.0)

    def close(self) -> Opened:
        return Opened(len(self.there), 0.0, 0.0)

    def stop(self) -> None:
        _forward(self.places, False)


class Nat(Relay):
    """The kernel's NAT by nft: both addresses and ports rewritten, by maps from our ports to the peers'."""

    calls = False
    _TABLE = "bench"

    def __init__(self, places: Places) -> None:
        super().__init__(places)
        _forward(places, True)
        inside, outside = network.SBC_ACCESS, network.SBC_CORE
        self._nft(
            f"""table ip {self._TABLE} {{
            map there {{ type inet_service : ipv4_addr . inet_service; }}
            map back {{ type inet_service : ipv4_addr . inet_service; }}
            map from_core {{ type inet_service : inet_service; }}
            map from_access {{ type inet_service : inet_service; }}
            chain prerouting {{
                type nat hook prerouting priority dstnat;
                meta l4proto udp ip daddr {inside} dnat ip to udp dport map @there
                meta l4proto udp ip daddr {outside} dnat ip to udp dport map @back
            }}
            chain postrouting {{
                type nat hook postrouting priority srcnat;
                meta l4proto udp ip daddr {network.SERVER} snat ip to {outside} : udp dport map @from_core
                meta l4proto udp ip daddr {network.CLIENT} snat ip to {inside} : udp dport map @from_access
            }}
        }}"""
        )
        # 10,000 streams need as many entries; the default is by the machine's memory
        places.sbc.run(["sysctl", "-qw", "net.netfilter.nf_conntrack_udp_timeout=120"])

    def open(self, count: int) -> Opened:
        began = time.perf_counter()
        elements: dict[str, list[str]] = {"there": [], "back": [], "from_core": [], "from_access": []}
        for number in range(len(self.there), len(self.there) + count):
            client, server = network.client_place(number), network.server_place(number)
            port = network.SBC_PORT + 2 * number
            elements["there"].append(f"{port} : {server[0]} . {server[1]}")
            elements["back"].append(f"{port} : {client[0]} . {client[1]}")
            elements["from_core"].append(f"{server[1]} : {port}")
            elements["from_access"].append(f"{client[1]} : {port}")
            self.there.append(Flow(client, (network.SBC_ACCESS, port)))
            self.back.append(Flow(server, (network.SBC_CORE, port)))
        for name, listed in elements.items():
            self._nft(f"add element ip {self._TABLE} {name} {{ {', '.join(listed)} }}")
        return Opened(count, time.perf_counter() - began, 0.0)

    def close(self) -> Opened:
        return Opened(len(self.there), 0.0, 0.0)

    def stop(self) -> None:
        self._nft(f"delete table ip {self._TABLE}")
        _forward(self.places, False)

    def _nft(self, text: str) -> None:
        self.places.sbc.run(["nft", "-f", "-"], stdin=text)


CONTENDERS: dict[str, type[Relay]] = {
    "twisted": Twisted,
    "native": Native,
    "kernel": Kernel,
    "rtpengine": Peer,
    "forwarding": Forwarding,
    "nft": Nat,
}


def why_not(name: str) -> str:
    """What keeps a contender from running here; empty if nothing does."""
    if name == "rtpengine" and shutil.which("rtpengine") is None:
        return "the Debian package rtpengine-daemon is not installed"
    kind = name.partition(":")[0]
    return missing(EngineName(kind)) if issubclass(CONTENDERS[kind], Engine) else ""


def contender(name: str, **settings: Any) -> type[Relay]:
    """The contender of that name; ``native:epoll`` is the engine told how to do it. KeyError where there is none."""
    kind, _, how = name.partition(":")
    return type(kind, (CONTENDERS[kind],), {"how": how, **settings})


def _forward(places: Places, on: bool) -> None:
    places.sbc.run(["sysctl", "-qw", f"net.ipv4.ip_forward={int(on)}"])


def _favour(process: LabProcess) -> None:
    """All contenders and the generator alike, so that what else the machine does is in nobody's figures."""
    for thread in Path(f"/proc/{process.pid}/task").iterdir():
        os.setpriority(os.PRIO_PROCESS, int(thread.name), FAVOUR)


def _cpu(pid: int) -> float:
    return sum(nanoseconds for _, nanoseconds in threads(pid)) / 1e9


def threads(pid: int) -> list[tuple[int, int]]:
    """Each thread of a process, and the nanoseconds it has run."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            found.append((int(task.name), int((task / "schedstat").read_text().split()[0])))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found
