"""The SBC under test: its configuration for a lab, and the `twistd sbc` process that runs it on a host."""

from __future__ import annotations

import re
import signal
import sys
import time
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tests.netns.softswitch import DOMAIN
from tests.netns.topology import FIRST, RealmPair
from tests.netns.waiting import PATIENCE, wait_for

if TYPE_CHECKING:
    from tests.netns.lab import LabHost
    from tests.netns.processes import LabProcess

_WRONG = re.compile(r"Traceback|Unhandled|books do not balance|CRITICAL|\[critical\]|BUG")

START = 180.0
"""Seconds for it to listen: its first start, before anything is compiled, took 40 s on a machine with ten times as much
to do as it had processors. Who ends instead is not waited for."""
_PORTS = {"tls": 5061, "ws": 8080, "wss": 8443}

_REALM = """
[realms.{name}]
side = "{side}"

[realms.{name}.media]
address = "{address}"
ports = "{ports}"
latch = "{latch}"
window = {window}
"""

_LISTENER = """
[[realms.{name}.listeners]]
protocol = "sip"
transport = "{transport}"
address = "{address}"
port = {port}
"""

_PATH = """
[[paths]]
name = "{access}-{core}"
access = "{access}"
core = "{core}"
next_hops = ["{softswitch}:5060"]
domain = "{domain}"
callers = "{callers}"
signaling = "{signaling}"
{signaling_ports}
"""


def sbc_config(
    *pairs: RealmPair,
    signaling: str = "shared",
    latch: str = "nat",
    window: float = 3.0,
    ports: str = "20000-20999",
    domain: str = DOMAIN,
    extra: str = "",
    extra_realm: str = "",
    access: tuple[str, ...] = ("udp",),
    core: tuple[str, ...] = ("udp",),
    callers: str = "any",
) -> str:
    """A configuration (TOML) that joins each pair's access realm to its core realm, whose softswitch is the next
    hop. `extra` is put in front: its tables stand beside these. `access` and `core` are the transports listened to."""
    text = "[drain]\nlimit = 0.0\n[timers]\naudit = 1.0\n" + extra
    for pair in pairs or (FIRST,):
        shared = {"ports": ports, "latch": latch, "window": float(window)}
        for name, side, address, transports in (
            (pair.access, "access", pair.sbc_access, access),
            (pair.core, "core", pair.sbc_core, core),
        ):
            text += _REALM.format(name=name, side=side, address=address, **shared)
            for transport in transports:
                port = _PORTS.get(transport, 5060)
                text += _LISTENER.format(name=name, transport=transport, address=address, port=port)
        text += _PATH.format(
            access=pair.access,
            core=pair.core,
            softswitch=pair.softswitch_address,
            domain=domain,
            callers=callers,
            signaling=signaling,
            signaling_ports='signaling_ports = "40000-40999"' if signaling == "port-per-terminal" else "",
        )
    return text + extra_realm


class SbcProcess:
    """A running SBC."""

    def __init__(self, host: LabHost, config: Path, process: LabProcess, took: float, env: Mapping[str, str]) -> None:
        self.host, self.config, self.process, self.env = host, config, process, env
        self.took = took  # seconds until it listened: how fast the machine is

    @classmethod
    def start(cls, host: LabHost, toml: str, env: Mapping[str, str] = {}) -> SbcProcess:
        """Run `twistd -n sbc` on the host, in that environment, and wait until all its listeners listen."""
        config = host.lab.directory / "sbc.toml"
        config.write_text(toml)
        root = Path(__file__).parents[2]
        twistd = Path(sys.executable).with_name("twistd")  # of the environment the tests run in
        argv = [str(twistd), "-n", "--pidfile=", "sbc", "--config", str(config)]
        began = time.monotonic()
        process = host.popen(argv, log="sbc", env={"PYTHONPATH": str(root), "PYTHONUNBUFFERED": "1", **env})
        for realm in tomllib.loads(toml)["realms"].values():
            for listener in realm["listeners"]:
                kind = "udp" if listener["transport"] == "udp" else "tcp"
                host.wait_bound(listener["port"], listener["address"], kind, START, by=process)
        return cls(host, config, process, time.monotonic() - began, env)

    def reload(self, toml: str) -> None:
        """Give it another configuration (SIGHUP) and wait until that counts; RuntimeError if it is refused."""
        already = self.process.output().count("] reloaded: ")
        self.config.write_text(toml)
        self.process.send_signal(signal.SIGHUP)

        def done() -> bool:
            if "not reloaded" in self.process.output():
                raise RuntimeError(f"the SBC refuses the configuration\n{self.process.tail()}")
            return self.process.output().count("] reloaded: ") > already

        wait_for(done, what="the SBC to reload")

    def kill_and_restart(self) -> SbcProcess:
        """End it by SIGKILL, as a fault would, and start another with the same configuration."""
        self.check()
        self.process.stop(signal.SIGKILL)
        return SbcProcess.start(self.host, self.config.read_text(), self.env)

    def complaints(self) -> list[str]:
        """Lines of its log that must not be there: tracebacks, unhandled errors, books that do not balance."""
        return [line for line in self.process.output().splitlines() if _WRONG.search(line)]

    def check(self) -> None:
        """RuntimeError, with the log's tail, if it has ended or its log holds a complaint."""
        if not self.process.running:
            raise RuntimeError(f"the SBC has ended\n{self.process.tail(80)}")
        if self.complaints():
            raise RuntimeError(f"the SBC complains: {self.complaints()[:10]}\n{self.process.tail(80)}")

    def stop(self) -> None:
        """End it as an operator does (SIGTERM). RuntimeError if it complained before or while ending, or had to be
        killed."""
        self.check()
        code = self.process.stop(patience=PATIENCE)
        if code not in (0, -signal.SIGTERM) or self.complaints():
            raise RuntimeError(f"the SBC ended badly ({code}): {self.complaints()[:10]}\n{self.process.tail(80)}")
