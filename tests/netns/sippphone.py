"""sipp as a phone: an independent SIP stack, driven by the scenarios beside this file.

It behaves as an ordinary phone behind a NAT: its own private address stands in Via, Contact, Call-ID and SDP.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.netns.softswitch import password

if TYPE_CHECKING:
    from tests.netns.lab import LabHost
    from tests.netns.processes import LabProcess

SCENARIOS = Path(__file__).with_name("scenarios")
AUDIO_SECONDS = 20


class SippPhone:
    """A user's phone on a host. Every action is one run of sipp from the same port, so that NAT mappings last from
    one to the next."""

    def __init__(
        self,
        host: LabHost,
        user: str,
        proxy: str,
        domain: str,
        port: int = 5060,
        media_port: int = 6000,
        transport: str = "udp",
    ) -> None:
        self.transport = transport
        self.host, self.user, self.proxy, self.domain = host, user, proxy, domain
        self.port, self.media_port = port, media_port
        self.directory = host.lab.directory / f"sipp-{host.name}-{user}"
        self.directory.mkdir()
        self.runs = 0
        (self.directory / "audio.ul").write_bytes(b"\xff" * 8000 * AUDIO_SECONDS)  # silence in PCMU

    def register(self, expires: int = 60, timeout: float = 10.0) -> None:
        """Register, answering the challenge. RuntimeError if that fails."""
        self._run("register", {"expires": str(expires)}, timeout).check_exit(timeout + 2)

    def call(self, callee: str, scenario: str = "uac", talk: int = 1000, timeout: float = 20.0) -> LabProcess:
        """Begin to call somebody (`uac`, `uac_hold`, `uac_cancel`); `talk` is in milliseconds. Its exit code says
        how it went."""
        return self._run(scenario, {"callee": callee}, timeout, "-d", str(talk))

    def take(self, scenario: str = "uas", talk: int = 500, timeout: float = 30.0) -> LabProcess:
        """Take one call; returns when sipp listens. `uas` and `uas_early` only echo RTP, which suits a host that can
        be reached; behind a NAT `uas_talk` is wanted, which sends its own. `uas_ring` never answers."""
        echo = () if scenario == "uas_talk" else ("-rtp_echo", "-mp", str(self.media_port))
        process = self._run(scenario, {}, timeout, "-d", str(talk), *echo)
        self.host.wait_bound(self.port, self.host.address(), self.transport, by=process)
        return process

    def _run(self, scenario: str, keys: dict[str, str], timeout: float, *more: str) -> LabProcess:
        address = self.host.address()
        argv = ["sipp", self.proxy, "-sf", str(SCENARIOS / f"{scenario}.xml"), "-m", "1", "-nostdin"]
        argv += ["-i", address, "-mi", address, "-p", str(self.port), "-s", self.user]
        argv += ["-au", self.user, "-ap", password(self.user), "-auth_uri", self.domain]
        argv += ["-t", f"{self.transport[0]}1"]
        argv += ["-timeout", f"{timeout:g}s", "-timeout_error"]
        self.runs += 1
        argv += ["-trace_err", "-error_file", str(self.directory / f"{self.runs}.{scenario}.errors")]
        for name, value in {"domain": self.domain, **keys}.items():
            argv += ["-key", name, value]
        return self.host.popen([*argv, *more], log=f"sipp-{scenario}", cwd=self.directory)
