"""baresip as a phone: a second independent SIP and RTP stack, commanded over its control connection.

It has no sound card: it sends a sine tone and throws away what it hears; its RTCP goes out every few seconds.
"""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.netns.softswitch import password
from tests.netns.waiting import PATIENCE, wait_for

if TYPE_CHECKING:
    from tests.netns.lab import LabHost

MODULES = Path("/usr/lib/baresip/modules")
_CONTROL = 4444

_CONFIG = """
poll_method epoll
sip_listen {address}:{port}
net_interface {interface}
dns_server 127.0.0.1:53
call_local_timeout 120
call_max_calls 4
audio_player aubridge,heard
audio_source ausine,440
audio_alert aubridge,alert
ausrc_srate 48000
auplay_srate 8000
ausrc_channels 2
auplay_channels 1
audio_txmode thread
audio_buffer 20-160
rtp_tos 184
rtp_ports 16384-16484
rtcp_mux {mux}
jitter_buffer_delay 1-20
rtp_stats yes
rtp_timeout 60
module_path {modules}
module g711.so
module ausine.so
module aubridge.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
redial_attempts 0
statmode_default off
"""


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


class BaresipPhone:
    """A running baresip with one account that registers by itself at the start and answers calls (`answer`: auto or
    manual). `more` is put at the end of its configuration file. `secured` are parameters of its account: how media is
    encrypted and found; its RTCP then comes by the port of its RTP (`mux`)."""

    def __init__(
        self,
        host: LabHost,
        user: str,
        proxy: str,
        domain: str,
        port: int = 5060,
        answer: str = "auto",
        transport: str = "udp",
        more: str = "",
        secured: str = "mediaenc=",
        mux: bool = True,
    ) -> None:
        self.host, self.user, self.domain = host, user, domain
        self.events: list[dict[str, Any]] = []
        self.directory = host.lab.directory / f"baresip-{host.name}-{user}"
        self.directory.mkdir()
        interface = host.spec.interfaces[0].device
        (self.directory / "config").write_text(
            _CONFIG.format(
                address=_bracketed(host.address()),
                port=port,
                interface=interface,
                modules=MODULES,
                control=_CONTROL,
                mux="no" if secured == "mediaenc=" or not mux else "yes",
            )
            + more
        )
        (self.directory / "accounts").write_text(
            f"<sip:{user}@{domain};transport={transport}>;auth_user={user};auth_pass={password(user)};answermode={answer};"
            f'outbound="sip:{proxy};transport={transport}";regint=600;audio_codecs=pcmu;{secured};ptime=20\n'
        )
        for name in ("contacts", "uuid"):
            (self.directory / name).write_text("")
        self.process = host.popen(
            ["baresip", "-6" if ":" in host.address() else "-4", "-f", str(self.directory)], log="baresip"
        )
        host.wait_bound(_CONTROL, "127.0.0.1", "tcp", by=self.process)
        self._control: socket.socket = host.tcp("127.0.0.1", _CONTROL)
        self._control.setblocking(False)
        self._held = b""

    def command(self, name: str, parameters: str = "") -> str:
        """Give a command of baresip's menu (dial, hangup, hold, resume, ...); its answer's text. RuntimeError if it
        is refused."""
        token = f"{name}-{len(self.events)}"
        body = json.dumps({"command": name, "params": parameters, "token": token}).encode()
        self._control.sendall(str(len(body)).encode() + b":" + body + b",")

        def answered() -> dict[str, Any] | None:
            return next((e for e in self._read() if e.get("response") and e.get("token") == token), None)

        answer = wait_for(answered, what=f"baresip to answer {name}")
        if not answer.get("ok"):
            raise RuntimeError(f"baresip refuses {name} {parameters}: {answer}")
        return str(answer.get("data", ""))

    def wait_event(self, kind: str, count: int = 1, timeout: float = PATIENCE) -> dict[str, Any]:
        """Wait until an event (REGISTER_OK, CALL_RINGING, CALL_ESTABLISHED, CALL_CLOSED, ...) has come `count`
        times; the last one."""

        def come() -> dict[str, Any] | None:
            found = [e for e in self._read() if e.get("event") and e.get("type") == kind]
            return found[count - 1] if len(found) >= count else None

        try:
            return wait_for(come, timeout, f"{self.user}'s baresip to tell {kind}")
        except TimeoutError as error:
            told = [e.get("type") for e in self.events if e.get("event")]
            raise TimeoutError(f"{error}; it told {told}\n{self.process.tail()}") from None

    def count_events(self, kind: str) -> int:
        """How often an event has come so far."""
        return sum(e.get("event", False) and e.get("type") == kind for e in self._read())

    def wait_registered(self, timeout: float = PATIENCE) -> None:
        """Wait until the registrar has said 200 (told in the log: the control connection may come too late for the
        event)."""
        self.process.wait_output(rf"{self.user}@\S+ .*200 OK", timeout)

    def dial(self, callee: str) -> None:
        self.command("dial", f"sip:{callee}@{self.domain}")

    def hold(self) -> None:
        self.command("hold")

    def resume(self) -> None:
        self.command("resume")

    def hangup(self) -> None:
        self.command("hangup")

    def _read(self) -> list[dict[str, Any]]:
        """Everything told so far: netstrings of JSON."""
        while True:
            try:
                data = self._control.recv(65536)
            except BlockingIOError:
                break
            if not data:
                raise RuntimeError(f"baresip closed its control connection\n{self.process.tail()}")
            self._held += data
        while b":" in self._held:
            size, _, rest = self._held.partition(b":")
            if len(rest) < int(size) + 1:
                break
            self.events.append(json.loads(rest[: int(size)]))
            self._held = rest[int(size) + 1 :]
        return self.events
