"""What the benchmark of H.323 calls compares: the SBC, and GNU Gatekeeper as a proxy where that is on this machine."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.contenders import BEGINNING, UNBOUND, Contender, start_sbc
from benchmarks.h323_callee import CALLS, RAS
from benchmarks.h323_octets import CALLEE_NAME
from benchmarks.load import CALLEE, CALLER_SIDE, CORE_SIDE
from tests.netns.h323_scene import LISTENERS

if TYPE_CHECKING:
    from tests.netns.lab import LabHost
    from tests.netns.processes import LabProcess

_LISTENERS = (
    LISTENERS
    + """
[realms.{name}.media]
address = "{address}"
ports = "20000-39999"
[realms.{name}.connections]
per_source = 20000
"""
)
_SBC = (
    BEGINNING
    + _LISTENERS.format(name="access", address=CALLER_SIDE)
    + """
[realms.access.registrations]
direct = 3600
behind_nat = 3600
[realms.access.keepalive]
period = 600.0
[realms.core]
side = "core"
"""
    + _LISTENERS.format(name="core", address=CORE_SIDE)
    + f"""
[[paths]]
name = "main"
access = "access"
core = "core"
next_hops = ["{CALLEE}:{RAS}"]
signaling = "port-per-terminal"
signaling_ports = "4000-19999"
signaling_transports = ["tcp"]
"""
)
_GNUGK = f"""[Gatekeeper::Main]
Fortytwo=42
Name=bench
TimeToLive=3600
Home={CALLER_SIDE},{CORE_SIDE}
[RoutedMode]
GKRouted=1
H245Routed=1
CallSignalPort={CALLS}
AcceptUnregisteredCalls=0
[Proxy]
Enable=1
ProxyAlways=1
RTPPortRange=20000-59999
[RasSrv::PermanentEndpoints]
{CALLEE}=callee;{CALLEE_NAME}
[Gatekeeper::Auth]
default=allow
"""


@dataclass(frozen=True)
class H323Contender(Contender):
    """Something to take H.323 calls across. `hides`: who is called must not see where the caller is."""

    hides: bool = True


def gnugk() -> str:
    """The program ``gnugk``: as the environment's GNUGK says, or on the path; empty where there is none."""
    return shutil.which(os.environ.get("GNUGK", "gnugk")) or ""


def _sbc(host: LabHost) -> LabProcess:
    return start_sbc(host, _SBC + UNBOUND, RAS)


def _gnugk(host: LabHost) -> LabProcess:
    directory = host.lab.directory / f"gnugk-{len(host.lab.processes)}"
    directory.mkdir()
    config: Path = directory / "gnugk.ini"
    config.write_text(_GNUGK)
    process = host.popen([gnugk(), "-c", str(config)], log="gnugk", cwd=directory)
    host.wait_bound(RAS, CALLER_SIDE, by=process)
    host.wait_bound(CALLS, CALLER_SIDE, transport="tcp", by=process)
    return process


H323_CONTENDERS = (
    H323Contender("sbc", _sbc),
    H323Contender("sbc, no media", _sbc, media=False),
    H323Contender("gnugk", _gnugk),
    H323Contender("gnugk, no media", _gnugk, media=False),
)
