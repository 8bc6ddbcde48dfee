"""A gateway and its call agent, by sockets, around a real SBC process that is killed between their words."""

from __future__ import annotations

import select
import sqlite3
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from time import monotonic

from tests.loopback import loopback
from tests.mgcp_messages import number_of
from tests.store.crowd import AGAIN, Party, World
from tests.waiting import PATIENCE, until

NET = loopback("gateways")
ACCESS, CORE, AGENT, GATEWAY = (f"{NET}.{number}" for number in (1, 2, 3, 4))
_REALM = """
[realms.{name}]
side = "{name}"
[[realms.{name}.listeners]]
protocol = "mgcp"
transport = "udp"
address = "{host}"
port = {port}
[realms.{name}.media]
address = "{host}"
ports = "20000-20099"
"""
CONFIG = (
    _REALM.format(name="access", host=ACCESS, port=2727)
    + _REALM.format(name="core", host=CORE, port=2427)
    + f"""
[[paths]]
name = "lines"
access = "access"
core = "core"
next_hops = ["{AGENT}:2727"]
signaling = "port-per-terminal"
signaling_ports = "26000-26009"

[realms.access.keepalive]
mode = "off"

[cdr]
json = "cdr.json"
sqlite = "cdr.sqlite"

[store]
sqlite = "state.sqlite"
silence = 900.0
"""
)


class Lines(World):
    """An SBC process with a store, a gateway in front of it and a call agent behind."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, CONFIG, CORE)
        self._listening = f"listening on mgcp/udp {CORE}:2427 "
        self.gateway, self.agent = Party(GATEWAY, 2427), Party(AGENT, 2727)
        self.heard: dict[bytes, set[int]] = defaultdict(set)  # the gateway: by the verb, under which numbers
        self.said: dict[int, bytes] = {}  # by the gateway, by their numbers
        self.port, self.last = 0, b""

    def register(self, data: bytes, answer: bytes) -> None:
        """The gateway registers, and is known by a port of its own from then on."""
        self.gateway.send(data, ACCESS, 2727)
        asked, (_, self.port) = self.agent.sock.recvfrom(65535)
        self.agent.send(answer % number_of(asked), CORE, self.port)
        self.gateway.get(b"200 ", b"")

    def command(self, data: bytes) -> None:
        self.agent.send(data, CORE, self.port)
        self.last = data

    def asked(self, verb: bytes) -> bytes:
        """The next command of that verb that the gateway hears and has not answered."""
        while True:
            data = self._heard()
            if data.startswith(verb) and number_of(data) not in self.said:
                return data

    def says(self, response: bytes) -> None:
        """The gateway answers, and does so again whenever it is asked the same: a machine may be so slow that the SBC
        has forgotten the answer."""
        self.said[number_of(response)] = response
        self.gateway.send(response, ACCESS, 2727)

    def answered(self, number: int) -> bytes:
        """The response that the agent gets; where none comes it says its last command again, as agents do."""
        end, again = monotonic() + PATIENCE, monotonic() + AGAIN
        while monotonic() < end:
            if monotonic() > again:
                self.agent.send(self.last, CORE, self.port)
                again = monotonic() + AGAIN
            ready, _, _ = select.select([self.agent.sock, self.gateway.sock], [], [], 1.0)
            if self.gateway.sock in ready:
                self._heard()
            if self.agent.sock in ready:
                data = self.agent.sock.recv(65535)
                if data[:1] in b"2345" and number_of(data) == number:
                    return data
        raise AssertionError(f"nobody has answered {number}: {self.log()[-2000:]}")

    def _heard(self) -> bytes:
        data = self.gateway.sock.recv(65535)
        self.heard[data[:4]].add(number_of(data))
        if number_of(data) in self.said:
            self.gateway.send(self.said[number_of(data)], ACCESS, 2727)
        return data

    def stored(self, kind: str, what: str) -> None:
        """Wait until the store holds that."""

        def there() -> bool:
            with closing(sqlite3.connect(self.directory / "state.sqlite")) as database:
                rows = database.execute("SELECT id, value FROM kept WHERE kind = ?", (kind,)).fetchall()
            return any(what in id or what in value.decode("latin-1") for id, value in rows)

        until(there, f"{what} in the store")

    def recorded(self) -> bool:
        """Whether the one call has its record in both files."""
        with closing(sqlite3.connect(self.directory / "cdr.sqlite")) as database:
            (count,) = database.execute("SELECT count(*) FROM calls WHERE state = 'complete'").fetchone()
        return bool(count == 1 == (self.directory / "cdr.json").read_bytes().count(b"\n"))

    def close(self) -> None:
        super().close()
        for party in (self.gateway, self.agent):
            party.sock.close()
