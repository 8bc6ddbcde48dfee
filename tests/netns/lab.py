"""The lab: network namespaces, cables, switches and NATs made from a `Topology`, and removed again whatever happens.

    with Lab(one_pair()) as lab:
        lab.host("phone-a").run(["ping", "-c1", "203.0.113.1"])

Everything made is noted in a journal (`journal.py`) before or as it is made. It is removed at the end of the `with`
block, at the interpreter's exit, by the lab's warden when the owner is killed, and failing all that by the next lab
that starts. Several labs may stand on one machine: every name holds the lab's id, and nothing is removed by pattern.
"""

from __future__ import annotations

import atexit
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.netns import journal as journals
from tests.netns import namespace
from tests.netns.capture import Capture
from tests.netns.journal import Journal
from tests.netns.processes import LabProcess
from tests.netns.topology import Host, Topology
from tests.netns.waiting import PATIENCE, wait_for

ROOT = Path(__file__).resolve().parents[2]
_RESERVED = {"net.ipv4.ip_local_reserved_ports": "40000-41999"}
"""Terminals' own ports: no connection that is made may happen to begin at one, or nobody could listen there."""
_QUIET = {"net.ipv6.conf.all.disable_ipv6": 1, "net.ipv6.conf.default.disable_ipv6": 1}


class LabHost:
    """A host of a running lab."""

    def __init__(self, lab: Lab, spec: Host) -> None:
        self.lab = lab
        self.spec = spec
        self.name = spec.name
        self.netns = f"sl-{lab.id}-{spec.name}"

    def __repr__(self) -> str:
        return f"<host {self.name} ({self.netns})>"

    def address(self, segment: str = "") -> str:
        """The host's first address, in the segment or in the first one, without prefix length."""
        for interface in self.spec.interfaces:
            if segment in ("", interface.segment, interface.device):
                return interface.addresses[0].partition("/")[0]
        raise KeyError(f"{self.name} is not attached to {segment}")

    def command(self, argv: Sequence[str]) -> list[str]:
        """`argv` as run inside this host. `ip netns exec` replaces itself by the program: one process, one pid."""
        return ["ip", "netns", "exec", self.netns, *argv]

    def run(self, argv: Sequence[str], timeout: float = 60.0, check: bool = True, stdin: str = "") -> str:
        """Run a program to its end and return what it wrote. RuntimeError, showing that, if it fails and `check` is
        set."""
        done = subprocess.run(
            self.command(argv), input=stdin, text=True, timeout=timeout, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        if check and done.returncode != 0:
            raise RuntimeError(f"{self.name}: {' '.join(argv)} ended with {done.returncode}\n{done.stdout}")
        return done.stdout

    def popen(
        self, argv: Sequence[str], log: str = "", env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> LabProcess:
        """Start a program; its output goes to a log file of the lab, called `log` or after the program."""
        return self.lab.start(f"{self.name}.{log or Path(argv[0]).name}", self.command(argv), env, cwd)

    def python(self, *arguments: str, log: str = "") -> LabProcess:
        """Start this interpreter inside the host, from the project's root: ``host.python("-m",
        "tests.netns.softphone")``."""
        return self.popen([sys.executable, *arguments], log or "python", {"PYTHONPATH": str(ROOT)}, ROOT)

    def udp(self, port: int = 0, address: str = "") -> socket.socket:
        """A UDP socket of this process inside the host; receiving has the usual time limit. The lab closes it at
        its end."""
        made = namespace.udp_socket(self.netns, (address or self.address(), port))
        self.lab.sockets.append(made)
        return made

    def tcp(self, address: str, port: int) -> socket.socket:
        """A TCP connection of this process from inside the host; the lab closes it at its end."""
        made = namespace.tcp_connection(self.netns, (address, port))
        self.lab.sockets.append(made)
        return made

    def wait_bound(
        self,
        port: int,
        address: str = "",
        transport: str = "udp",
        timeout: float = PATIENCE,
        by: LabProcess | None = None,
    ) -> None:
        """Wait until a program in the host listens on the port, at `address` or at any. RuntimeError, with its log's
        tail, if the program that should (`by`) ends instead."""

        def bound() -> bool:
            if by is not None and not by.running:
                raise RuntimeError(f"{by!r} did not come to listen on {port}\n{by.tail()}")
            return any(
                there == port and host in (address or host, "0.0.0.0", "::")
                for host, there in namespace.bound_ports(self.netns, transport)
            )

        wait_for(bound, timeout, f"{self.name} to listen on {transport} {address}:{port}")

    def capture(self, segment: str = "") -> Capture:
        """Begin to record what passes the host's attachment to the segment (its first one by default): at the other end
        of its cable, where also that is seen which a program hands over without its passing the host's own end."""
        for interface in self.spec.interfaces:
            if segment in ("", interface.segment, interface.device):
                return Capture.begin(self, interface.device, *self.lab.far_ends[self.name, interface.device])
        raise KeyError(f"{self.name} is not attached to {segment}")

    def flush_nat(self) -> None:
        """Make this NAT forget all its mappings, as a restart does."""
        if self.spec.nat is None:
            raise ValueError(f"{self.name} is no NAT")
        for command in self.spec.nat.flush():
            self.run(command)


class Lab:
    """A running lab. A context manager; `close` may be called at any time and twice."""

    def __init__(self, topology: Topology) -> None:
        _find_sbin()
        journals.remove_stale()
        self.id = f"{os.getpid():x}{secrets.token_hex(2)}"
        self.topology = topology
        self.hosts = {spec.name: LabHost(self, spec) for spec in topology.hosts}
        self.processes: list[LabProcess] = []
        self.captures: list[Capture] = []
        self.far_ends: dict[tuple[str, str], tuple[str, str]] = {}  # by host and device: namespace and device
        self.sockets: list[socket.socket] = []
        self.journal = Journal.open(self.id)
        self.directory = Path(tempfile.mkdtemp(prefix=f"sbc-lab-{self.id}-"))
        self.journal.note("directory", str(self.directory))
        self._warden = subprocess.Popen(
            [sys.executable, "-S", "-E", journals.__file__, str(self.journal.path)],
            stdin=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        atexit.register(self.close)
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def host(self, name: str) -> LabHost:
        return self.hosts[name]

    def start(
        self, name: str, argv: Sequence[str], env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> LabProcess:
        """Start a program in its own session, journalled, its output in a log file named after it."""
        log = self.directory / f"{name}.{len(self.processes)}.log"
        with log.open("wb") as sink:
            popen = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT, start_new_session=True,
                env={**os.environ, **(env or {})}, cwd=cwd or self.directory,
            )  # fmt: skip
        self.journal.note("process", [popen.pid, journals.started(popen.pid)])
        process = LabProcess(name, popen, log)
        self.processes.append(process)
        return process

    def logs(self, lines: int = 60) -> str:
        """The tails of all logs that hold anything: what to show when a test has failed. A closed lab has none."""
        written = [p for p in self.processes if p.log.exists() and p.log.stat().st_size]
        parts = [f"--- {p!r} {p.log.name}\n{p.tail(lines)}" for p in written]
        return "\n".join(parts)

    def close(self) -> None:
        """End every program (those that do not heed it within two seconds by force), delete every namespace and
        file."""
        for made in self.sockets:
            made.close()
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 2.0
        for process in self.processes:
            process.stop(patience=max(0.0, deadline - time.monotonic()))
        self.journal.remove()
        if self._warden.stdin is not None and not self._warden.stdin.closed:
            self._warden.stdin.close()
        self._warden.wait()
        atexit.unregister(self.close)

    def _build(self) -> None:
        """Few forks: one `ip` for all namespaces, one for all cables, one a host for its addresses, one a NAT for
        its rules."""
        segments = self.topology.segments()
        switch = f"sl-{self.id}-switch"
        switched = {name for name, members in segments.items() if len(members) != 2}
        made = [host.netns for host in self.hosts.values()] + ([switch] if switched else [])
        for name in made:
            self.journal.note("namespace", name)
        _ip([f"netns add {name}" for name in made])
        for host in self.hosts.values():
            nat = host.spec.nat
            addresses = [a for i in host.spec.interfaces for a in i.addresses]
            quiet = {} if any(":" in a for a in addresses) else _QUIET  # no router solicitations in the captures
            wanted = {**quiet, **_RESERVED, **(nat.sysctls() if nat else {}), **host.spec.sysctls}
            namespace.set_sysctls(host.netns, wanted)
        cables: list[str] = []
        bridges: list[str] = []
        if switched:
            namespace.set_sysctls(switch, _QUIET)
        for number, (segment, members) in enumerate(segments.items()):
            ends = [f"name {i.device} netns {self.hosts[h.name].netns}" for h, i in members]
            if segment not in switched:
                for (host, here), (peer, there) in (members, members[::-1]):
                    self.far_ends[host.name, here.device] = (self.hosts[peer.name].netns, there.device)
                cables.append(f"link add {ends[0]} type veth peer {ends[1]}")
                continue
            # A switch that takes part in multicast would put its own reports into the captures.
            bridge = f"link add name {segment} type bridge forward_delay 0 mcast_snooping 0"
            bridges += [bridge, f"link set {segment} up"]
            for place, ((host, here), end) in enumerate(zip(members, ends, strict=True)):
                port = f"s{number}p{place}"
                self.far_ends[host.name, here.device] = (switch, port)
                cables.append(f"link add {end} type veth peer name {port} netns {switch}")
                bridges.append(f"link set {port} master {segment} up")
        _ip(cables)
        if bridges:
            _ip(bridges, switch)
        for host in self.hosts.values():
            _ip(_setup(host.spec), host.netns)
            if host.spec.nat is not None:
                host.run(["nft", "-f", "-"], stdin=host.spec.nat.rules())
        wait_for(lambda: self._carries(switch if switched else ""), PATIENCE, "all links to carry traffic", 0.002)

    def _carries(self, switch: str) -> bool:
        """Whether every link is through and every port of the switch forwards."""
        for host in self.hosts.values():
            if not namespace.running(host.netns, [interface.device for interface in host.spec.interfaces]):
                return False
        if not switch:
            return True
        asked = ["ip", "-n", switch, "-d", "-j", "link", "show", "type", "bridge_slave"]
        ports = json.loads(subprocess.run(asked, capture_output=True, text=True, check=True).stdout)
        return all(port["linkinfo"]["info_slave_data"]["state"] == "forwarding" for port in ports if port)


def _find_sbin() -> None:
    """`ip`, `nft` and the like are in /usr/sbin, which not every root shell has on its path."""
    path = os.environ.get("PATH", os.defpath).split(os.pathsep)
    os.environ["PATH"] = os.pathsep.join(path + [each for each in ("/usr/sbin", "/sbin") if each not in path])


def _setup(spec: Host) -> list[str]:
    lines = ["link set lo up"]
    for interface in spec.interfaces:
        lines.append(f"link set {interface.device} up")
        for address in interface.addresses:
            lines.append(f"addr add {address} dev {interface.device}{' nodad' if ':' in address else ''}")
    if spec.gateway:
        lines.append(f"route add default via {spec.gateway}")
    return lines


def _ip(lines: list[str], netns: str = "") -> None:
    """Carry out `ip` commands in one process. RuntimeError with its words if one fails."""
    where = ["-n", netns] if netns else []
    done = subprocess.run(
        ["ip", *where, "-batch", "-"], input="\n".join(lines) + "\n", text=True, capture_output=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"ip {' '.join(where)}: {done.stderr}\n" + "\n".join(lines))
