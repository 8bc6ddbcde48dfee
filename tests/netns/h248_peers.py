"""Erlang's megaco application as a media gateway controller or a media gateway in a lab (`h248_peer.erl`), and what its
replies say."""

from __future__ import annotations

import functools
import re
import signal
import socket
import struct
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.netns.mgcp_wire import Peer, media_of
from tests.netns.rtp_phone import RtpPhone

if TYPE_CHECKING:
    from tests.netns.lab import LabHost

TEXT_PORT, BINARY_PORT = 2944, 2945  # H.248.1 annex D
PHYSICAL = "11111111/00000000/11111111"  # a termination that is always there; binary messages have eight bits a level
_CONTROL = 4200
_EBIN = tempfile.TemporaryDirectory(prefix="sbc-h248-")  # it is removed when this interpreter ends


@functools.cache
def ebin() -> str:
    """The folder of the compiled program. RuntimeError if it cannot be compiled."""
    source = Path(__file__).with_name("h248_peer.erl")
    done = subprocess.run(
        ["erlc", "-Werror", "-o", _EBIN.name, str(source)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{source.name}: {done.stdout}{done.stderr}")
    return _EBIN.name


def erlang(function: str, *arguments: str) -> list[str]:
    """The command that runs a function of it, on one processor and without waiting busily."""
    return ["erl", "+S", "1:1", "+sbwt", "none", "-noshell", "-pa", ebin(), "-run", "h248_peer", function, *arguments]


@dataclass(frozen=True)
class Reply:
    """A transaction reply, as pretty text."""

    text: str

    @property
    def context(self) -> int:
        return int(self._find(r"Context = (\d+)"))

    @property
    def terminations(self) -> list[str]:
        """The terminations of its commands, in order."""
        return re.findall(r"(?:Add|Modify|Subtract|AuditValue|ServiceChange|Notify) = (\S+?)[\s,{}]", self.text)

    @property
    def version(self) -> int:
        """That of the message, and of a Services descriptor in it, which is to say the same."""
        (version,) = set(re.findall(r"(?:MEGACO/|Version = )(\d+)", self.text))
        return int(version)

    @property
    def error(self) -> int:
        """The first error's code; 0 if there is none."""
        found = re.search(r"Error = (\d+)", self.text)
        return int(found[1]) if found else 0

    @property
    def media(self) -> Peer:
        """The address of the first Local descriptor."""
        return media_of(self._find(r"Local \{([^}]*)\}"))

    @property
    def statistics(self) -> dict[str, int]:
        """The first Statistics descriptor, by the names that it has there (rtp/ps)."""
        pairs = re.findall(r"([\w/]+) = (\d+)", self._find(r"Statistics \{([^}]*)\}"))
        return {name: int(value) for name, value in pairs}

    def _find(self, pattern: str) -> str:
        found = re.search(pattern, self.text)
        if found is None:
            raise ValueError(f"no {pattern} in {self.text}")
        return found[1]


class H248Peer:
    """A controller (`mgc`) that listens by `ways`, or a gateway (`mg`) that goes to `agent` by its one way. A way is
    ``udp:2944:pretty``: transport, port, encoding (pretty, compact, binary); a gateway's may end in the version that it
    speaks, as ``udp:2944:pretty:3``: a controller speaks to each as that does."""

    def __init__(self, host: LabHost, role: str, *ways: str, agent: Peer | None = None) -> None:
        self.host, self.role = host, role
        self.version = int([*ways[0].split(":"), "1"][3])
        self.phones: list[RtpPhone] = []
        more = [agent[0], str(agent[1])] if agent else []
        argv = erlang("main", role, host.address(), str(_CONTROL), *ways, *more)
        self.process = host.popen(argv, log=f"h248-{role}", env={"ERL_CRASH_DUMP": "/dev/null"})
        self._control: socket.socket | None = None

    def ask(self, words: str) -> str:
        """Tell it to do something, and wait until it has. RuntimeError if that failed."""
        if self._control is None:
            self.process.wait_output(r"^ready$")
            self._control = self.host.tcp("127.0.0.1", _CONTROL)
        data = words.encode()
        self._control.sendall(struct.pack(">I", len(data)) + data)
        answer = self._take(*struct.unpack(">I", self._take(4))).decode()
        if answer.startswith("failed"):
            raise RuntimeError(f"{self.host.name}: {words}: {answer}")
        return answer

    def request(self, actions: str, peer: int = 1) -> Reply:
        """Send a transaction to a peer; its reply. RuntimeError if none came."""
        return Reply(self.ask(f"request {peer} {actions}"))

    def register(self, method: str = "Restart", reason: str = "901 Cold Boot") -> Reply:
        """A gateway announces itself; the reply."""
        said = f'Method={method},Version={self.version},Reason="{reason}"'
        return self.request(f"Context=-{{ServiceChange=ROOT{{Services{{{said}}}}}}}")

    def peers(self) -> list[str]:
        """The MIDs of all it knows, as Erlang writes them."""
        return self.ask("peers").split("\n")[:-1]

    def requests(self) -> list[Reply]:
        """All requests that came to it."""
        return [Reply(each) for each in self.ask("requests").split("MEGACO/") if each]

    def phone(self, port: int) -> RtpPhone:
        """Media at a port that it chooses for a termination (`media`), to where it was told last."""
        made = RtpPhone(self.host, port)
        self.phones.append(made)
        return made

    def remote(self, termination: str) -> Peer:
        """Where it was told to send a termination's media."""
        return media_of(self.ask(f"remote {termination}"))

    def close(self) -> None:
        """End it. RuntimeError if it took a message for faulty, or one of its telephones had a fault."""
        faults = [line for line in self.process.output().splitlines() if line.startswith("FAULT")]
        self.process.stop(signal.SIGKILL)  # Erlang takes a second to end by itself
        for each in self.phones:
            each.close()
        if faults:
            raise RuntimeError(f"{self.host.name}: {faults[:3]}")

    def _take(self, count: int) -> bytes:
        assert self._control is not None
        data = b""
        while len(data) < count:
            more = self._control.recv(count - len(data))
            if not more:
                raise RuntimeError(f"{self.host.name}: it has ended\n{self.process.tail()}")
            data += more
        return data
