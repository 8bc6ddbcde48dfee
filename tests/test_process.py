"""The process that twistd runs: signals reload, drain and end it, and the service manager hears of all that."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest

from sbc.core.address import Address
from tests.loopback import loopback, sbc_on
from tests.sip_messages import answer, header, inside, invite, plain_answer, register, registered, request, status
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
NET = loopback("process")
ACCESS, CORE, SOFTSWITCH, PHONE, SECOND = (f"{NET}.{last}" for last in range(1, 6))
CONFIG = sbc_on(NET, "[timers]\naudit = 1.0\n[drain]\nlimit = 600.0\nretry_after = 17\n", access="sparing = false")
MORE = f"""
[[realms.access.listeners]]
protocol = "sip"
transport = "udp"
address = "{SECOND}"
port = 5062
"""


def udp(host: str, port: int = 0) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((host, port))
    sock.settimeout(PATIENCE)
    return sock


@attrs.define
class Running:
    """The process, a phone and a softswitch beside it, and what the service manager has heard."""

    process: subprocess.Popen[bytes]
    config: Path
    output: Path
    manager: socket.socket
    phone: socket.socket
    softswitch: socket.socket
    heard: list[str] = attrs.field(factory=list)

    @property
    def at(self) -> Address:
        return Address(*self.phone.getsockname())

    def wait(self, done: Callable[[], object], what: str) -> None:
        def found() -> object:
            assert self.process.poll() is None, self.output.read_text()
            return done()

        until(found, what)

    def hears(self, line: str) -> bool:
        """Whether the service manager has been told `line` by now."""
        while True:
            try:
                self.heard += self.manager.recv(4096).decode().splitlines()
            except BlockingIOError:
                return line in self.heard

    def says(self, text: str) -> bool:
        return text in self.output.read_text()

    def ask(self, data: bytes, to: str = ACCESS, port: int = 5060) -> bytes:
        """What the phone is answered first."""
        self.phone.sendto(data, (to, port))
        return self.answer(data, 100)

    def answer(self, asked: bytes, least: int = 200) -> bytes:
        """The first answer to a request whose status is at least so much. Others come again meanwhile: nobody has
        acknowledged them."""
        while True:
            said = self.phone.recv(4000)
            same = all(header(said, name) == header(asked, name) for name in (b"Call-ID", b"CSeq"))
            if same and said.startswith(b"SIP/2.0 ") and status(said) >= least:
                return said

    def call(self) -> tuple[bytes, bytes]:
        """A call that the softswitch has answered: as the phone asked, and what it was answered."""
        asked = invite(self.at)
        assert status(self.ask(asked)) == 100
        self.softswitch.sendto(answer(self.asked(b"INVITE "), SOFTSWITCH), (CORE, 5060))
        said = self.answer(asked)
        assert status(said) == 200
        self.phone.sendto(inside(asked, said, b"ACK", 1), (ACCESS, 5060))
        self.asked(b"ACK ")
        return asked, said

    def asked(self, start: bytes) -> bytes:
        """The next that the softswitch hears and that begins so: what is late may have been said again meanwhile."""
        while not (data := self.softswitch.recv(4000)).startswith(start):
            pass
        return data

    def hang_up(self, asked: bytes, said: bytes) -> bytes:
        """The phone ends a call, and the softswitch agrees; the BYE."""
        bye = inside(asked, said)
        self.phone.sendto(bye, (ACCESS, 5060))
        self.softswitch.sendto(plain_answer(self.asked(b"BYE "), b"200 OK"), (CORE, 5060))
        return bye

    def ended(self) -> int:
        """The exit status. It is not waited for as long as a drain may take."""
        return self.process.wait(PATIENCE)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    config, output = tmp_path / "sbc.toml", tmp_path / "output"
    config.write_text(CONFIG)
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(tmp_path / "notify"))
    manager.setblocking(False)
    twistd = Path(sys.executable).with_name("twistd")  # of the environment the tests run in
    argv = [str(twistd), "-n", "--pidfile=", "sbc", "--config", str(config)]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "NOTIFY_SOCKET": str(tmp_path / "notify"),
        "WATCHDOG_USEC": "1000000",
    }
    with output.open("wb") as out, manager, udp(PHONE) as phone, udp(SOFTSWITCH, 5060) as softswitch:
        process = subprocess.Popen(argv, stdout=out, stderr=out, env=environment, cwd=tmp_path)
        made = Running(process, config, output, manager, phone, softswitch)
        try:
            made.wait(lambda: made.hears("READY=1"), "start")
            yield made
            assert not made.says("Traceback") and not made.says("do not balance"), output.read_text()
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(PATIENCE)


def test_hup_takes_a_whole_configuration_or_nothing_of_it(running: Running) -> None:
    asked, said = running.call()
    running.config.write_text(CONFIG.replace("20000-20099", "20001-20099") + "\n[log]\nlevel = 7\n")
    running.process.send_signal(signal.SIGHUP)
    running.wait(lambda: running.says("log.level = 7"), "faults")
    for fault in ("realms.access.media.ports", "realms.core.media.ports", "log.level"):
        assert f"{fault} = " in running.output.read_text()
    assert not running.says("] reloaded: ") and not running.hears("RELOADING=1")

    running.config.write_text(CONFIG + MORE)
    running.process.send_signal(signal.SIGHUP)
    running.wait(lambda: running.says(f"listening on sip/udp {SECOND}:5062"), "a new listener")
    running.wait(lambda: running.hears("RELOADING=1"), "the service manager")
    again = invite(running.at, b"two")
    assert status(running.ask(again, SECOND, 5062)) == 100
    while b"-two" not in running.asked(b"INVITE "):
        pass  # the second call, which rings
    assert status(running.answer(running.hang_up(asked, said))) == 200
    running.process.send_signal(signal.SIGINT)
    assert running.ended() == 0


def test_term_lets_the_last_call_finish(running: Running) -> None:
    asked, said = running.call()
    running.process.send_signal(signal.SIGTERM)
    running.wait(lambda: running.hears("STOPPING=1"), "the service manager")
    refused = running.ask(invite(running.at, b"new"))
    assert status(refused) == 503 and header(refused, b"Retry-After") == b"17"
    assert status(running.ask(register(running.at))) == 503
    help_wanted = invite(running.at, b"help", b"sip:112@sbc.example.com")
    assert status(running.ask(help_wanted)) == 100
    while b"sip:112@" not in (data := running.asked(b"INVITE ")):
        pass
    running.softswitch.sendto(plain_answer(data, b"486 Busy Here"), (CORE, 5060))
    assert status(running.answer(help_wanted)) == 486
    probe = request(b"OPTIONS", f"sip:{CORE}".encode(), Address(SOFTSWITCH, 5060))
    running.softswitch.sendto(probe, (CORE, 5060))
    assert status(running.asked(b"SIP/2.0")) == 503
    running.hang_up(asked, said)
    assert running.ended() == 0
    assert running.says("drained: no call is left")


def test_a_second_term_ends_it_at_once_and_the_parties_are_told(running: Running) -> None:
    running.call()
    running.process.send_signal(signal.SIGTERM)
    running.wait(lambda: running.hears("STOPPING=1"), "the first")
    running.process.send_signal(signal.SIGTERM)
    assert running.ended() == 0
    assert running.asked(b"BYE ")
    while not running.phone.recv(4000).startswith(b"BYE "):
        pass


def test_without_calls_term_ends_it_at_once(running: Running) -> None:
    asked = register(running.at)
    running.phone.sendto(asked, (ACCESS, 5060))
    running.softswitch.sendto(registered(running.asked(b"REGISTER ")), (CORE, 5060))
    assert status(running.answer(asked)) == 200
    running.wait(lambda: running.hears("WATCHDOG=1"), "signs of life")
    running.process.send_signal(signal.SIGTERM)
    assert running.ended() == 0
