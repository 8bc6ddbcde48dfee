"""osmo-mgw as a real gateway of MGCP in a lab, with a telephone beside it.

osmo-mgw announces itself to nobody. So the lab sends its RSIP, from the very port that osmo-mgw takes afterwards: NATs
and borders see one gateway. It joins the two connections of an endpoint; the telephone's is made from beside it, as a
gateway would by itself when the telephone is lifted, and the call agent makes the other.
"""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING

from tests.netns.mgcp_wire import AGENT_PORT, GATEWAY_PORT, MgcpMessage, compose, description, parse
from tests.netns.rtp_phone import RtpPhone
from tests.netns.waiting import PATIENCE

if TYPE_CHECKING:
    from tests.netns.lab import LabHost
    from tests.netns.processes import LabProcess

_CONFIG = """log stderr
 logging filter all 1
 logging color 0
 logging print category 1
 logging level set-all {level}
line vty
 no login
 bind 127.0.0.1
mgcp
 domain [{address}]
 bind ip {address}
 bind port 2427
 rtp bind-ip {address}
 rtp port-range 4002 4999
 no rtp keep-alive
 no rtcp-omit
 no rtp-patch ssrc
 no rtp-patch timestamp
 number endpoints 512
"""
_OPTIONS = "L: p:20, a:PCMA, nt:IN"


def osmo_mgw(host: LabHost, address: str, level: str = "notice") -> LabProcess:
    """Run osmo-mgw at an address of a host until it listens; what of `level` and above happens is in its log."""
    config = host.lab.directory / f"mgw-{host.name}.cfg"
    config.write_text(_CONFIG.format(address=address, level=level))
    process = host.popen(["osmo-mgw", "-c", str(config)], log="osmo-mgw")
    host.wait_bound(GATEWAY_PORT, address, by=process)
    return process


class Gateway:
    """A gateway on a host whose call agent is at `agent`."""

    def __init__(self, host: LabHost, agent: str) -> None:
        self.host, self.agent = host, agent
        self.domain = f"[{host.address()}]"  # of its endpoints (RFC 3435 section 2.1.2)
        self.phones: list[RtpPhone] = []
        self._process: LabProcess | None = None
        self._numbers = itertools.count(1)

    def announce(self, method: str = "restart") -> MgcpMessage:
        """Send RSIP for all endpoints, once more each half second until it is answered; osmo-mgw must not run yet. The
        response."""
        with self.host.udp(GATEWAY_PORT) as sock:
            sock.settimeout(0.5)
            number = str(next(self._numbers))
            data = compose(f"RSIP {number} *@{self.domain} MGCP 1.0", (f"RM: {method}",))
            deadline, due = time.monotonic() + PATIENCE, 0.0
            while time.monotonic() < deadline:
                if time.monotonic() >= due:
                    sock.sendto(data, (self.agent, AGENT_PORT))
                    due = time.monotonic() + 0.5
                try:
                    came = parse(*sock.recvfrom(65535))
                except TimeoutError:
                    continue
                if came.code >= 200 and came.transaction == number:  # no command, and no answer to what was sent before
                    return came
        raise TimeoutError(f"{self.host.name}: no answer to RSIP")

    def start(self) -> Gateway:
        """Run osmo-mgw until it listens."""
        self._process = osmo_mgw(self.host, self.host.address())
        return self

    def stop(self) -> None:
        """End osmo-mgw: its port is free again."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def log(self) -> str:
        """What osmo-mgw wrote since it was started last."""
        return self._process.output() if self._process else ""

    def phone(self, call: str, port: int = 6000) -> tuple[str, RtpPhone]:
        """Lift a telephone: an endpoint is taken for it in the call, and connected to it. The endpoint's name, and the
        telephone, which sends to it."""
        made = RtpPhone(self.host, port)
        self.phones.append(made)
        lines = (f"C: {call}", _OPTIONS, "M: sendrecv")
        answer = self.locally("CRCX", f"rtpbridge/*@{self.domain}", *lines, body=description(made.address, port))
        made.towards(*answer.media)
        return answer["Z"], made

    def locally(self, verb: str, endpoint: str, *lines: str, body: str = "") -> MgcpMessage:
        """A command from beside the gateway; its response. RuntimeError unless that is a success."""
        with self.host.udp() as sock:
            number = 900_000 + next(self._numbers)  # no id that the call agent uses: osmo-mgw does not ask who sent it
            data = compose(f"{verb} {number} {endpoint} MGCP 1.0", lines, body)
            sock.sendto(data, (self.host.address(), GATEWAY_PORT))
            answer = parse(*sock.recvfrom(65535))
        if not 200 <= answer.code < 300:
            raise RuntimeError(f"{self.host.name}: {verb} was answered {answer.text}")
        return answer

    def close(self) -> None:
        """End osmo-mgw and the telephones. RuntimeError if something went wrong in one."""
        self.stop()
        for each in self.phones:
            each.close()
