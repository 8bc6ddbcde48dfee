"""Kamailio as the lab's softswitch: registrar in memory, digest authentication, record-routing stateful proxy with
forking.

It knows nothing of NATs or media: what a phone behind a NAT tells it, it believes. That is the SBC's work, and without
the SBC such calls must fail.
"""

from __future__ import annotations

import json
import re
import secrets
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.netns.waiting import PATIENCE, wait_for

if TYPE_CHECKING:
    from tests.netns.lab import LabHost
    from tests.netns.processes import LabProcess

DOMAIN = "voice.example"
USERS = ("alice", "bob", "carol", "dave", "erin", "frank")
MODULES = "/usr/lib/x86_64-linux-gnu/kamailio/modules"

_CONFIG = """#!KAMAILIO
debug=2
log_stderror=yes
fork=yes
# one: of two the 200 that comes right behind its 180 may be done with first
children=1
auto_aliases=no
{disable_tcp}
alias="{domain}"
{listen}
mpath="{modules}"
loadmodule "jsonrpcs.so"
loadmodule "kex.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "htable.so"
loadmodule "auth.so"
loadmodule "xlog.so"
{more_modules}

modparam("jsonrpcs", "transport", 4)
modparam("jsonrpcs", "dgram_socket", "{socket}")
modparam("usrloc", "db_mode", 0)
modparam("usrloc", "timer_interval", 2)
modparam("registrar", "max_expires", 3600)
modparam("registrar", "min_expires", 1)
modparam("registrar", "max_contacts", 4)
modparam("htable", "htable", "passwords=>size=6;")
modparam("auth", "nonce_expire", 300)
modparam("tm", "fr_timer", 5000)
modparam("tm", "fr_inv_timer", 30000)
{more_parameters}

event_route[htable:mod-init] {{
{passwords}
}}

request_route {{
    xlog("L_NOTICE", "got $rm $ru from $si:$sp by $proto\\n");
    {noting}
    if (!mf_process_maxfwd_header("16")) {{
        sl_send_reply("483", "Too Many Hops");
        exit;
    }}
    if (is_method("CANCEL")) {{
        if (t_check_trans()) t_relay();
        exit;
    }}
    t_check_trans();
    if (has_totag()) {{
        if (loose_route()) {{
            {following}
            route(RELAY);
        }} else if (is_method("ACK")) {{
            if (t_check_trans()) t_relay();
        }} else {{
            sl_send_reply("404", "Not Here");
        }}
        exit;
    }}
    if (is_method("REGISTER")) {{
        # who is trusted may take registrations off in anybody's name
        $var(off) = $si == "{trusts}" && $au == $null && $hdr(Contact) =~ "expires=0";
        if (!$var(off) && ($au == $null || !pv_www_authenticate("{domain}", "$sht(passwords=>$au)", "0"))) {{
            www_challenge("{domain}", "1");
            exit;
        }}
        if (!$var(off) && $au != $tU) {{
            sl_send_reply("403", "Forbidden");
            exit;
        }}
        if (!save("location")) sl_reply_error();
        exit;
    }}
    remove_hf("Route");
    if ({challenge} && is_method("INVITE|MESSAGE|SUBSCRIBE") && from_uri == myself) {{
        if ($au == $null || !pv_proxy_authenticate("{domain}", "$sht(passwords=>$au)", "0")) {{
            proxy_challenge("{domain}", "1");
            exit;
        }}
        consume_credentials();
    }}
    if (is_method("INVITE|SUBSCRIBE")) record_route();
    if ($rU == $null) {{
        if (is_method("OPTIONS")) {{
            sl_send_reply("200", "OK");
        }} else {{
            sl_send_reply("484", "Address Incomplete");
        }}
        exit;
    }}
    {gateway}
    if (!lookup("location")) {{
        t_newtran();
        t_reply("404", "Not Found");
        exit;
    }}
    route(RELAY);
}}

route[RELAY] {{
    if (!t_relay()) sl_reply_error();
    exit;
}}
"""

_WEBSOCKET = """
reply_route {
    if (proto == WS || proto == WSS) add_contact_alias();
}

event_route[xhttp:request] {
    xlog("L_NOTICE", "got HTTP $hu from $si:$sp\\n");
    if ($hu == "/sip" && $hdr(Upgrade) =~ "websocket" && ws_handle_handshake()) exit;
    xhttp_reply("404", "Not Found", "text/plain", "nothing here");
}
"""
"""Who has made a WebSocket is reached by that alone: what it says of where it is, is noted with where it came from."""
_NOTING = """if (proto == WS || proto == WSS) {
        force_rport();
        if (is_method("REGISTER")) fix_nated_register();
        else add_contact_alias();
    }"""
_FOLLOWING = 'if ($du == "") handle_ruri_alias();'


@dataclass(frozen=True)
class SoftswitchPlan:
    """How the softswitch behaves. `challenge`: INVITEs are challenged by 407. `gateway`: "host:port" to which users
    that are numbers beginning with 9 are sent. `tcp`: listens on TCP as well. `tls`: and on TLS, at the next port, with
    this certificate and key, and asks peers for one that this authority has signed. `websocket`: over WebSockets, too,
    at the path "/sip" of its ports for connections. `modules`, `parameters`: further lines of configuration. `trusts`:
    the address whose REGISTER without credentials may take contacts off."""

    domain: str = DOMAIN
    users: tuple[str, ...] = USERS
    challenge: bool = True
    gateway: str = ""
    tcp: bool = False
    tls: tuple[Path, Path, Path] | None = None
    websocket: bool = False
    trusts: str = ""
    port: int = 5060
    modules: tuple[str, ...] = ()
    parameters: tuple[str, ...] = field(default=())


def password(user: str) -> str:
    """Each user's password in the lab."""
    return f"{user}-secret"


class Softswitch:
    """A running Kamailio."""

    def __init__(self, host: LabHost, address: str, plan: SoftswitchPlan, process: LabProcess, rpc: str) -> None:
        self.host, self.address, self.plan, self.process, self._rpc = host, address, plan, process, rpc

    @classmethod
    def start(cls, host: LabHost, address: str = "", plan: SoftswitchPlan | None = None) -> Softswitch:
        """Start Kamailio on the host's address and wait until it answers."""
        address, plan = address or host.address(), plan or SoftswitchPlan()
        # UNIX sockets belong to no network namespace, so the test can ask directly.
        rpc = str(host.lab.directory / f"{secrets.token_hex(3)}.rpc")
        config = host.lab.directory / f"{host.name}.kamailio.cfg"
        config.write_text(config_text(address, plan, rpc))
        argv = ["kamailio", "-DD", "-E", "-f", str(config), "-m", "32", "-M", "4", "-Y", str(host.lab.directory)]
        process = host.popen(argv, log="kamailio")
        switch = cls(host, address, plan, process, rpc)
        host.wait_bound(plan.port, address, by=process)
        if plan.tcp:
            host.wait_bound(plan.port, address, "tcp", by=process)
        if plan.tls:
            host.wait_bound(plan.port + 1, address, "tcp", by=process)
        wait_for(Path(rpc).exists, what="Kamailio to take questions")  # last of all it makes, in a process of its own
        return switch

    def rpc(self, method: str, *parameters: Any) -> Any:
        """Ask Kamailio over JSON-RPC. RuntimeError if it answers with an error."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as asker:
            asker.bind(f"{self._rpc}.{secrets.token_hex(3)}")
            asker.settimeout(PATIENCE)
            question = {"jsonrpc": "2.0", "method": method, "params": list(parameters), "id": 1}
            asker.sendto(json.dumps(question).encode(), self._rpc)
            answer = json.loads(asker.recv(1 << 20))
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def contacts(self, user: str) -> list[str]:
        """The contact URIs registered for a user."""
        try:
            found = self.rpc("ul.lookup", "location", user)
        except RuntimeError:
            return []
        return [contact["Contact"]["Address"] for contact in found["Contacts"]]

    def complaints(self) -> list[str]:
        """What Kamailio logged as an error."""
        return re.findall(r"(?m)^.*(?:ERROR|CRITICAL|BUG):.*$", self.process.output())


def config_text(address: str, plan: SoftswitchPlan, rpc: str) -> str:
    """The configuration file."""
    listen = [f"listen={t}:{address}:{plan.port}" for t in (["udp", "tcp"] if plan.tcp else ["udp"])]
    modules, parameters = [*plan.modules], [*plan.parameters]
    if plan.tls is not None:
        listen += [f"listen=tls:{address}:{plan.port + 1}", "enable_tls=yes"]
        modules.append("tls")
        names = ("certificate", "private_key", "ca_list")
        parameters += [f'modparam("tls", "{name}", "{path}")' for name, path in zip(names, plan.tls, strict=True)]
        parameters += [f'modparam("tls", "{name}_certificate", 1)' for name in ("verify", "require")]
        parameters.append('modparam("tls", "tls_method", "TLSv1.2+")')
    if plan.websocket:
        modules += ["xhttp", "websocket", "nathelper"]
        listen.append("tcp_accept_no_cl=yes")
        parameters += ['modparam("nathelper|registrar", "received_avp", "$avp(RECEIVED)")', _WEBSOCKET]
    gateway = f'if ($rU =~ "^9[0-9]*$") {{ $du = "sip:{plan.gateway}"; route(RELAY); }}' if plan.gateway else ""
    return _CONFIG.format(
        domain=plan.domain,
        modules=MODULES,
        socket=rpc,
        listen="\n".join(listen),
        disable_tcp="tcp_children=1" if plan.tcp or plan.tls else "disable_tcp=yes",
        challenge="1==1" if plan.challenge else "1==0",
        gateway=gateway,
        noting=_NOTING if plan.websocket else "",
        following=_FOLLOWING if plan.websocket else "",
        trusts=plan.trusts,
        passwords="\n".join(f'    $sht(passwords=>{user}) = "{password(user)}";' for user in plan.users),
        more_modules="\n".join(f'loadmodule "{name}.so"' for name in modules),
        more_parameters="\n".join(parameters),
    )
