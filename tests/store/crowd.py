"""Many live calls with media through a real SBC process on loopback, by sockets and messages written by hand."""

from __future__ import annotations

import os
import select
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from time import monotonic

from sbc.core.address import Address
from tests.loopback import loopback, sbc_on
from tests.sip_messages import answer, inside, invite, plain_answer, status
from tests.waiting import PATIENCE, until

ROOT = Path(__file__).parent.parent.parent
NET = loopback("crowd")
ACCESS, CORE, SOFTSWITCH, PHONE = (f"{NET}.{number}" for number in (1, 2, 3, 4))
BEHIND_NAT = Address("192.168.1.10", 5060)
AGAIN = 4.0  # seconds after which is said again what nobody has answered
PACE = 0.1  # seconds between two packets of a stream, so that a test with many takes no whole machine

CONFIG = (
    sbc_on(NET, ports="20000-20999")
    + """
[cdr]
json = "cdr.json"
sqlite = "cdr.sqlite"
interim = 0.5

[store]
sqlite = "state.sqlite"
silence = 900.0  # nobody hangs up for us, however long a machine that others load takes to start
"""
)


class Party:
    """A socket that speaks SIP."""

    def __init__(self, host: str, port: int = 5060) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((host, port))
        self.sock.settimeout(PATIENCE)

    def send(self, data: bytes, host: str, port: int = 5060) -> None:
        self.sock.sendto(data, (host, port))

    def get(self, start: bytes, holding: bytes, say: Callable[[], None] = lambda: None) -> bytes:
        """The next message that begins so and holds that; others, of earlier calls maybe, are passed over. What it is
        the answer to (`say`) is said before, and again where nothing comes, as everybody does who speaks by UDP."""
        say()
        said = began = monotonic()
        while True:
            ready, _, _ = select.select([self.sock], [], [], max(0.0, said + AGAIN - monotonic()))
            if ready:
                data = self.sock.recv(65535)
                if data.startswith(start) and holding in data:
                    return data
            if monotonic() >= said + AGAIN:
                if monotonic() >= began + PATIENCE:
                    raise TimeoutError(f"no {start.decode()} with {holding.decode()} has come")
                say()
                said = monotonic()


class Media:
    """One end of one stream: a socket, where it sends to, what it has sent, heard, and when last."""

    def __init__(self, host: str, port: int) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((host, port))
        self.sock.setblocking(False)
        self.to: tuple[str, int] | None = None
        self.sent = self.heard = 0
        self.heard_at = 0.0

    def send(self) -> None:
        if self.to is not None:
            self.sock.sendto(b"\x80\x00" + self.sent.to_bytes(4, "big")[2:] + bytes(168), self.to)
            self.sent += 1

    def read(self) -> None:
        try:
            while True:
                self.sock.recv(2048)
                self.heard, self.heard_at = self.heard + 1, monotonic()
        except OSError:
            return


class Talk(Thread):
    """Lets all media talk, each end all the time."""

    def __init__(self) -> None:
        super().__init__(name="talk", daemon=True)
        self._ends: list[Media] = []
        self._selector = selectors.DefaultSelector()
        self._over = Event()

    def add(self, end: Media) -> None:
        self._selector.register(end.sock, selectors.EVENT_READ, end)
        self._ends.append(end)

    def run(self) -> None:
        due = monotonic()
        while not self._over.is_set():
            for key, _ in self._selector.select(max(0.0, min(due - monotonic(), PACE))):
                key.data.read()
            if monotonic() >= due:
                due += PACE
                for end in list(self._ends):
                    end.send()

    def stop(self) -> None:
        self._over.set()
        self.join()
        for end in self._ends:
            end.sock.close()


class LiveCall:
    """A call as its two parties know it: `asked` and `reply` the phone's, `sent` and `said` the softswitch's."""

    def __init__(self, crowd: Crowd, number: int) -> None:
        port = 5100 + 2 * number
        self.tag = b"tag=a-k%d\r" % number
        self.name = b"k%d" % number
        self.near, self.far = Media(PHONE, port), Media(SOFTSWITCH, port)
        self.asked = self._at(invite(BEHIND_NAT, call=self.name), port)
        crowd.phone.send(self.asked, ACCESS)
        self.sent = crowd.softswitch.get(b"INVITE", self.tag)
        self.said = self._at(answer(self.sent, SOFTSWITCH), port)
        crowd.softswitch.send(self.said, CORE)
        self.reply = crowd.phone.get(b"SIP/2.0 200", self.tag)
        crowd.phone.send(inside(self.asked, self.reply, b"ACK", 1), ACCESS)
        crowd.softswitch.get(b"ACK", self.tag)
        self.near.to = (ACCESS, _port(self.reply))
        self.far.to = (CORE, _port(self.sent))

    @staticmethod
    def _at(data: bytes, port: int) -> bytes:
        return data.replace(b"m=audio 4000", b"m=audio %d" % port)

    def hang_up(self, crowd: Crowd) -> None:
        """By the phone."""
        bye = inside(self.asked, self.reply)
        asked = crowd.softswitch.get(b"BYE", self.tag, lambda: crowd.phone.send(bye, ACCESS))
        crowd.softswitch.send(plain_answer(asked, b"200 OK"), CORE)
        assert status(crowd.phone.get(b"SIP/2.0 ", b" BYE\r")) == 200

    def be_hung_up(self, crowd: Crowd) -> None:
        """By the softswitch."""
        head, _, _ = inside(self.sent, self.said).partition(b"\r\n\r\n")
        lines = {line.partition(b":")[0]: line for line in head.split(b"\r\n")[1:]}
        swapped = [
            b"BYE " + _contact(self.sent) + b" SIP/2.0",
            b"Via: SIP/2.0/UDP %b:5060;branch=z9hG4bKcore-%b;rport" % (SOFTSWITCH.encode(), self.name),
            b"Max-Forwards: 70",
            b"From:" + lines[b"To"].partition(b":")[2],
            b"To:" + lines[b"From"].partition(b":")[2],
            lines[b"Call-ID"],
            b"CSeq: 7 BYE",
            b"Content-Length: 0",
        ]
        bye = b"\r\n".join((*swapped, b"", b""))
        asked = crowd.phone.get(b"BYE", self.name, lambda: crowd.softswitch.send(bye, CORE))
        crowd.phone.send(plain_answer(asked, b"200 OK"), ACCESS)
        assert status(crowd.softswitch.get(b"SIP/2.0 ", b"7 BYE\r")) == 200

    def flows_since(self, moment: float) -> bool:
        """Whether both have heard something since."""
        return min(self.near.heard_at, self.far.heard_at) > moment


def _port(data: bytes) -> int:
    return int(data.partition(b"m=audio ")[2].split()[0])


def _contact(data: bytes) -> bytes:
    return data.partition(b"Contact:")[2].partition(b"<")[2].partition(b">")[0]


class World:
    """An SBC process that listens at `core`, in a directory with its configuration."""

    def __init__(self, directory: Path, config: str, core: str) -> None:
        self.directory = directory
        (directory / "sbc.toml").write_text(config)
        self.process: subprocess.Popen[bytes] | None = None
        self.took = 0.0  # seconds, the last start
        self._listening = f"listening on sip/udp {core}:5060 "

    def start(self) -> None:
        twistd = Path(sys.executable).with_name("twistd")
        before, began = self.log().count(self._listening), monotonic()
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(
                [twistd, "-n", "--pidfile=", "sbc", "--config", "sbc.toml"],
                cwd=self.directory,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=log,
                stderr=log,
            )
        until(lambda: self._listens(before), "listening")
        self.took = monotonic() - began

    def _listens(self, before: int) -> bool:
        """Whether it has said so once more: to try its port would be in its way."""
        assert self.process is not None and self.process.poll() is None, self.log()
        return self.log().count(self._listening) > before

    def end(self, how: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        code = self.process.wait(PATIENCE)
        self.process = None
        return code

    def log(self) -> str:
        there = self.directory / "log"
        return there.read_text() if there.exists() else ""

    def close(self) -> None:
        if self.process is not None:
            self.end(signal.SIGKILL)


class Crowd(World):
    """An SBC process, and around it a phone and a softswitch with many calls."""

    def __init__(self, directory: Path, config: str = CONFIG) -> None:
        super().__init__(directory, config, CORE)
        self.phone, self.softswitch = Party(PHONE), Party(SOFTSWITCH)
        self.talk = Talk()
        self.talk.start()

    def call(self, number: int) -> LiveCall:
        made = LiveCall(self, number)
        for end in (made.near, made.far):
            self.talk.add(end)
        return made

    def close(self) -> None:
        super().close()
        self.talk.stop()
        for party in (self.phone, self.softswitch):
            party.sock.close()
