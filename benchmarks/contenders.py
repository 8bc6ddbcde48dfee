"""What the benchmark of SIP calls compares: the SBC and its peers, each run on the host between caller and callee."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.load import CALLEE, CALLER, CALLER_SIDE, CORE_SIDE, PORT
from benchmarks.rtpengine import NG, command
from tests.netns.softswitch import MODULES

if TYPE_CHECKING:
    from tests.netns.lab import LabHost
    from tests.netns.processes import LabProcess

ROOT = Path(__file__).resolve().parents[1]
DBTEXT = Path("/usr/share/kamailio/dbtext/kamailio")
PORTS = (20000, 59999)  # of media, on each side

_KAMAILIO = """#!KAMAILIO
debug=0
log_stderror=yes
fork=yes
children=2
auto_aliases=no
disable_tcp=yes
mhomed=1
listen=udp:{access}:{port}
listen=udp:{core}:{port}
mpath="{modules}"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
{more}
modparam("usrloc", "db_mode", 0)
modparam("registrar", "max_expires", 3600)

request_route {{
    {guard}
    if (!mf_process_maxfwd_header("16")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
    t_check_trans();
    if (has_totag()) {{
        {end}
        if (loose_route()) t_relay(); else sl_send_reply("404", "Not Here");
        exit;
    }}
    if (is_method("REGISTER")) {{ if (!save("location")) sl_reply_error(); exit; }}
    record_route();
    $du = "sip:{callee}:{port}";
    {relay}
    t_relay();
}}
{answer}
"""
_TOPOH = 'loadmodule "topoh.so"\nmodparam("topoh", "mask_key", "a benchmark")\nmodparam("topoh", "mask_callid", 1)\n'
_TOPOS = """loadmodule "db_text.so"
loadmodule "topos.so"
modparam("db_text", "db_mode", 0)
modparam("topos", "storage", "db")
modparam("topos", "db_url", "text://{directory}")
"""
_PIKE = """loadmodule "pike.so"
loadmodule "htable.so"
modparam("pike", "sampling_time_unit", 2)
modparam("pike", "reqs_density_per_unit", 6)
modparam("pike", "remove_latency", 30)
modparam("htable", "htable", "ban=>size=14;autoexpire=60;")
"""
_GUARD = f"""if ($si != "{CALLER}" && $si != "{CALLEE}") {{
        if ($sht(ban=>$si) != $null) exit;
        if ($ua =~ "friendly-scanner" || !pike_check_req()) {{ $sht(ban=>$si) = 1; exit; }}
    }}"""
"""What a carrier writes against floods: known peers pass, scanners and whoever sends much is dropped for a minute."""
_RTPENGINE = _TOPOH + 'loadmodule "rtpengine.so"\nmodparam("rtpengine", "rtpengine_sock", "udp:{}:{}")\n'.format(*NG)
"""What a carrier puts together: one hides the topology, the other carries the media."""
_MEDIA = {
    "relay": """rtpengine_offer("direction=access direction=core replace-origin replace-session-connection");
    t_on_reply("ANSWER");""",
    "answer": """onreply_route[ANSWER] {
    if (has_body("application/sdp")) rtpengine_answer("replace-origin replace-session-connection");
}""",
    "end": 'if (is_method("BYE")) rtpengine_delete();',
}
_NO_MEDIA = {"relay": "", "answer": "", "end": ""}
UNBOUND = """
[realms.access.limits]
calls = 100000
bindings = 100000
exchanges_per_source = 100000
lingering_per_source = 100000
[realms.access.flood]
trusted = ["0.0.0.0/0"]
[realms.core.limits]
calls = 100000
"""
"""One machine plays all terminals here, and all calls come at once."""
BEGINNING = """
[timers]
audit = 5.0
[drain]
limit = 0.0
[cdr]
json = "{directory}/cdr.json"
[realms.access]
side = "access"
"""
SBC = (
    BEGINNING
    + """
[[realms.access.listeners]]
protocol = "sip"
transport = "udp"
address = "{access}"
port = {port}
[realms.access.media]
address = "{access}"
ports = "20000-59999"
[realms.access.keepalive]
period = 600.0
[realms.core]
side = "core"
[[realms.core.listeners]]
protocol = "sip"
transport = "udp"
address = "{core}"
port = {port}
[realms.core.media]
address = "{core}"
ports = "20000-59999"
[[paths]]
name = "main"
access = "access"
core = "core"
next_hops = ["{callee}:{port}"]
callers = "any"
"""
)


@dataclass(frozen=True)
class Contender:
    """Something to take calls across. `start` runs it on a host and waits until it listens; `media`: whether the calls
    it gets describe media; `registers`: whether terminals can register through it."""

    name: str
    start: Callable[[LabHost], LabProcess]
    media: bool = True
    registers: bool = True


def kamailio(kind: str) -> Callable[[LabHost], LabProcess]:
    def start(host: LabHost) -> LabProcess:
        directory = host.lab.directory / f"kamailio-{kind}-{len(host.lab.processes)}"
        directory.mkdir()
        topos = _TOPOS.format(directory=directory)
        more = {"plain": "", "topoh": _TOPOH, "topos": topos, "rtpengine": _RTPENGINE, "pike": _PIKE}[kind]
        if kind == "topos":
            for table in ("version", "topos_d", "topos_t"):
                shutil.copy(DBTEXT / table, directory)
        config = directory / "kamailio.cfg"
        places = {"access": CALLER_SIDE, "core": CORE_SIDE, "callee": CALLEE, "port": PORT}
        steps = _MEDIA if kind == "rtpengine" else _NO_MEDIA
        guard = _GUARD if kind == "pike" else ""
        config.write_text(_KAMAILIO.format(more=more, guard=guard, modules=MODULES, **steps, **places))
        argv = ["kamailio", "-DD", "-E", "-f", str(config), "-m", "512", "-M", "8", "-Y", str(directory)]
        if kind == "rtpengine":  # beside it in one session, whose processor time and memory are measured
            media = shlex.join(command(CALLER_SIDE, CORE_SIDE, PORTS))
            argv = ["sh", "-c", f"{media} & sleep 1; exec {shlex.join(argv)}"]
        process = host.popen(argv, log=f"kamailio-{kind}")
        host.wait_bound(PORT, CORE_SIDE, by=process)
        return process

    return start


def _sippy(host: LabHost) -> LabProcess:
    """sippy's simple back-to-back user agent. It speaks from one address only, which callees can reach."""
    argv = [
        sys.executable,
        "-m",
        "sippy.b2bua_simple",
        "-f",
        "-l",
        CALLER_SIDE,
        "-p",
        str(PORT),
        "-n",
        f"{CALLEE}:{PORT}",
    ]
    oracles = Path(sys.executable).parents[1] / "oracles"
    log = {"SIPLOG_BEND": "none", "PYTHONPATH": str(oracles)}
    process = host.popen(argv, log="sippy", env=log)
    host.wait_bound(PORT, CALLER_SIDE, by=process)
    return process


def _sbc(host: LabHost) -> LabProcess:
    return start_sbc(host, SBC + UNBOUND, PORT)


def start_sbc(host: LabHost, toml: str, port: int, under: Sequence[str] = ()) -> LabProcess:
    """The SBC with a configuration that may name the addresses, SIP's port and its own directory; it serves when it
    listens on that UDP port in the core. twistd runs `under` another program, where that is said."""
    directory = host.lab.directory / f"sbc-{len(host.lab.processes)}"
    directory.mkdir()
    config = directory / "sbc.toml"
    places = {"access": CALLER_SIDE, "core": CORE_SIDE, "callee": CALLEE, "port": PORT, "directory": directory}
    config.write_text(toml.format(**places))
    twistd = Path(sys.executable).with_name("twistd")
    argv = [*PROFILER, *under, str(twistd), "-n", "--pidfile=", "sbc", "--config", str(config)]
    process = host.popen(argv, log="sbc", env={"PYTHONPATH": str(ROOT)})
    host.wait_bound(port, CORE_SIDE, timeout=90.0, by=process)  # others may have the processor
    return process


PROFILER = os.environ.get("SBC_PROFILER", "").split()
"""What to run twistd under, for who looks for hot places: ``SBC_PROFILER="python -X importtime"``, py-spy and such."""

CONTENDERS = (
    Contender("sbc", _sbc),
    Contender("sbc, no media", _sbc, media=False),
    Contender("kamailio", kamailio("plain")),
    Contender("kamailio topoh", kamailio("topoh")),
    Contender("kamailio topos", kamailio("topos")),
    Contender("kamailio rtpengine", kamailio("rtpengine")),
    Contender("sippy b2bua", _sippy, registers=False),
)
