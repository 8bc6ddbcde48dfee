"""sipp as a phone: an independent SIP stack, driven by the scenarios beside this file.

It behaves as an ordinary phone behind a NAT: its own private address stands in Via, Contact, Call-ID and SDP.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from tests.netns.softswitch import password
from tests.netns.waiting import PATIENCE, wait_for

if TYPE_CHECKING:
    from tests.netns.lab import LabHost
    from tests.netns.processes import LabProcess

SCENARIOS = Path(__file__).with_name("scenarios")
AUDIO_SECONDS = 20
FAX_PORT = 30000
UNTIL_TOLD = -1
"""Instead of milliseconds: a pause ends when `go_on` says so."""
_ECHO = ("uas", "uas_early", "uas_reliable", "uas_ring")


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
        self.runs = self.told = 0
        (self.directory / "audio.ul").write_bytes(b"\xff" * 8000 * AUDIO_SECONDS)  # silence in PCMU

    def register(self, expires: int = 60, timeout: float = PATIENCE) -> None:
        """Register, answering the challenge. RuntimeError if that fails."""
        self._run("register", {"expires": str(expires)}, timeout, "-m", "1").check_exit(timeout + 2)

    def call(
        self,
        callee: str,
        scenario: str = "uac",
        talk: int = 1000,
        timeout: float = 60.0,
        calls: int = 1,
        rate: float = 10.0,
    ) -> LabProcess:
        """Begin to call somebody (a scenario whose name begins with `uac`); `talk` is in milliseconds, of a pause in
        it, or `UNTIL_TOLD`. So many `calls` are made, `rate` a second. Its exit code says how it went: 0 if all went
        well."""
        more = ("-r", f"{rate:g}", "-l", "200") if calls > 1 else ()
        if talk != UNTIL_TOLD:
            more += ("-d", str(talk))
        return self._run(scenario, {"callee": callee}, timeout, "-m", str(calls), *more, told=talk == UNTIL_TOLD)

    def go_on(self, calling: LabProcess) -> None:
        """End the pause that the one call of a run is in, once it has begun: by an INFO that the host sends itself."""
        self.told += 1
        address = self.host.address()
        here = self.host.udp()
        lines = [
            f"INFO sip:{self.user}@{address} SIP/2.0",
            f"Via: SIP/2.0/UDP {address}:{here.getsockname()[1]};branch=z9hG4bKgo{self.told}",
            f"From: <sip:test@{address}>;tag=test",
            f"To: <sip:{self.user}@{address}>",
            f"Call-ID: 1-{calling.pid}@{address}",  # sipp's own way to name its first call
            f"CSeq: {self.told} INFO",
            "Content-Length: 0\r\n\r\n",
        ]
        here.sendto("\r\n".join(lines).encode(), (address, self.port))

    def take(self, scenario: str = "uas", talk: int = 500, timeout: float = 60.0, calls: int = 1) -> LabProcess:
        """Take so many calls; returns when sipp listens. `uas`, `uas_early` and `uas_reliable` only echo RTP, which
        suits a host that can be reached; behind a NAT one that sends its own is wanted: `uas_talk`, `uas_update`,
        `uas_fax`. `uas_ring` never answers."""
        echo = ("-rtp_echo", "-mp", str(self.media_port)) if scenario in _ECHO else ()
        process = self._run(scenario, {}, timeout, "-m", str(calls), "-d", str(talk), *echo)
        self.host.wait_bound(self.port, self.host.address(), self.transport, by=process)
        return process

    def fax_peer(self, timeout: float = PATIENCE) -> tuple[str, int]:
        """Where the other end wants its fax (T.38), as the last run of a fax scenario was told."""

        def told() -> re.Match[str] | None:
            logs = sorted(self.directory.glob(f"{self.runs}.*_fax.log"))
            return re.search(r"fax to (\S+) (\d+)", logs[0].read_text()) if logs else None

        found = wait_for(told, timeout, f"{self.user} to be told where to send the fax")
        return found[1], int(found[2])

    def _run(self, scenario: str, keys: dict[str, str], timeout: float, *more: str, told: bool = False) -> LabProcess:
        address, file = self.host.address(), SCENARIOS / f"{scenario}.xml"
        if told:
            text = file.read_text()
            assert "<pause/>" in text
            file = self.directory / f"{scenario}.until-told.xml"
            file.write_text(text.replace("<pause/>", '<recv request="INFO"/>'))
        argv = ["sipp", self.proxy, "-sf", str(file), "-nostdin"]
        argv += ["-i", address, "-mi", address, "-p", str(self.port), "-s", self.user]
        argv += ["-au", self.user, "-ap", password(self.user), "-auth_uri", self.domain]
        argv += ["-t", f"{self.transport[0]}1"]
        argv += ["-timeout", f"{timeout:g}s", "-timeout_error"]
        self.runs += 1
        argv += ["-trace_err", "-error_file", str(self.directory / f"{self.runs}.{scenario}.errors")]
        argv += ["-trace_logs", "-log_file", str(self.directory / f"{self.runs}.{scenario}.log")]
        for name, value in {"domain": self.domain, "fax_port": str(FAX_PORT), **keys}.items():
            argv += ["-key", name, value]
        return self.host.popen([*argv, *more], log=f"sipp-{scenario}", cwd=self.directory)
