"""A storm of MGCP: gateways, a call agent and strangers say what is half true and half spoilt to a border whose time
passes. What they say is made of what the border had told them, then spoilt, so that it gets deep.
"""

from __future__ import annotations

from collections import deque

from sbc.core.address import Address
from sbc.core.border import Border
from sbc.core.orders import Listener, Send
from tests.fuzz.controlled import Controlled
from tests.fuzz.gale import Saying
from tests.fuzz.mutate import mutated
from tests.fuzz.storm import Told
from tests.mgcp_calls import AGENT, FAR
from tests.mgcp_messages import RECORDED, command, crcx, created, dlcx, mdcx, response, rsip, sdp

GATEWAYS = tuple(Address(f"203.0.113.{11 + n % 5}", 2427 + n) for n in range(20))
NAMES = tuple(f"gw{n}.example" if n % 2 else f"[192.168.1.{10 + n // 10}]" for n in range(20))
LOCALS = ("aaln/1", "aaln/2", "AALN/1", "aaln/*", "*", "aaln/$")
METHODS = ("restart", "restart", "forced", "graceful", "disconnected", "disconnected", "cancel-graceful", "x-odd")
CODES = (100, 101, 200, 200, 200, 250, 400, 403, 500, 510, 515, 516, 521, 801, 0)
WORDS = (
    b"\r\n.\r\n", b".\n", b"K:\r\n", b"K: 1-99\r\n", b"MGCP 1.0", b"$", b"*", b"@", b"C: 2a\r\n", b"I: 1F\r\n",
    b"\r\n\r\nv=0\r\n", b"[192.168.1.10]", b"[::1]", b"I2: 2\r\nZ2: a@b\r\n", b"N: ca@[198.51.100.2]:2727\r\n",
    b"N:\r\n", b"000 7\r\n", b"; 10.0.0.1\r\n",
)  # fmt: skip


class MgcpStorm(Controlled):
    """Gateways and the call agent of MGCP."""

    gateways, answers = GATEWAYS, 0.55
    unreadable = (IndexError, ValueError)

    def __init__(self, border: Border, seed: int) -> None:
        super().__init__(border, seed)
        self.seeds = [data for _, data in RECORDED] or [crcx(7, "aaln/1@gw")]
        self._ports: deque[Listener] = deque(maxlen=20)

    def settle(self) -> list[str]:
        left = super().settle()
        self._ports.clear()
        return left

    def _hear(self, send: Send) -> None:
        self.counted["heard"] += 1
        realm, word = send.listener.realm, send.data[:4].decode("latin-1")
        self.counted[word if word[:1].isalpha() else word[:3]] += 1
        if send.data[:1].isalpha():
            self.asked[realm].append(Told(send.data, send.to, send.listener))
            if realm == "core":
                self._ports.append(send.listener)

    def _joined(self, data: bytes) -> bytes:
        return data + b".\r\n" + self.random.choice(self.seeds) if self.random.random() < 0.04 else data

    def _spoilt(self, data: bytes) -> bytes:
        random = self.random
        data = mutated(data, random, self.seeds, random.choice((1, 1, 2, 4)))
        at = random.randrange(len(data) + 1)
        return data[:at] + random.choice((b"", b"", *WORDS)) + data[at:]

    def _answered(self, data: bytes, realm: str) -> bytes:
        random = self.random
        if data.startswith(b"RSIP") and random.random() < 0.8:
            more = random.choice(((), (f"N: ca@[{AGENT.host}]:2727",), ("N: ca@ca1.example",)))
            return response(200, data, *more)
        if realm == "access" and data.startswith((b"CRCX", b"MDCX")) and random.random() < 0.8:
            lines = ("K:",) if random.random() < 0.2 else ()
            name = data.split()[2].decode("latin-1").partition("@")[2]
            where = (f"Z: {random.choice(LOCALS)}@{name}",) if random.random() < 0.3 else ()
            port = 4000 + 2 * random.randrange(500)
            return created(data, self._connection(), "192.168.1.10", port, *lines, *where)
        if data.startswith(b"DLCX") and random.random() < 0.8:
            return response(250, data, "P: PS=1, OS=160, PR=2, OR=320, PL=0, JI=1, LA=5")
        shown = (sdp("192.168.1.10", 4000), sdp(FAR, 6000))[: random.randrange(3)]
        return response(random.choice(CODES), data, described=shown if data.startswith(b"AUCX") else ())

    def _of_gateway(self) -> Saying:
        random, which = self.random, self.random.randrange(len(GATEWAYS))
        number, name = random.randrange(1, 10**9), NAMES[which]
        kind = random.random()
        if kind < 0.5:
            data = rsip(number, name, random.choice(METHODS), random.choice(LOCALS))
        elif kind < 0.7:
            data = dlcx(number, f"aaln/1@{name}", self._call(), self._connection(), "E: 900", "P: PS=1, OS=2")
        else:
            data = command("NTFY", number, f"aaln/1@{name}", "X: 1F", "O: L/hd", "N: ca@[203.0.113.1]:2727")
        return self.outside.border.plan.realms["access"].listeners[0], GATEWAYS[which], data

    def _of_controller(self) -> Saying:
        random = self.random
        shared = self.outside.border.plan.realms["core"].listeners[0]
        port = random.choice(self._ports) if self._ports and random.random() < 0.95 else shared
        at = f"{random.choice(LOCALS)}@[198.51.100.1]"
        number, described = random.randrange(1, 10**9), sdp(FAR, 6000) if random.random() < 0.6 else b""
        verb = random.choice(
            ("CRCX", "CRCX", "CRCX", "MDCX", "MDCX", "DLCX", "AUCX", "AUEP", "RQNT", "EPCF", "MESG", "RSIP")
        )
        if verb == "CRCX":
            data = crcx(number, at, self._call(), described)
        elif verb == "MDCX":
            data = mdcx(number, at, self._connection(), self._call(), described)
        elif verb == "DLCX":
            data = dlcx(number, at, *random.choice((("", ""), (self._call(), ""), (self._call(), self._connection()))))
        else:
            more = ("F: LC, RC",) if verb == "AUCX" else ("RM: restart",) if verb == "RSIP" else ()
            data = command(verb, number, at, f"I: {self._connection()}", "X: 1", f"N: ca@[{AGENT.host}]:2727", *more)
        return port, AGENT, data

    def _call(self) -> str:
        return f"{self.random.randrange(8):x}"

    def _connection(self) -> str:
        return f"{self.random.randrange(12):X}"
