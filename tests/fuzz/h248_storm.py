"""A storm of H.248: gateways that speak text or binary, a controller and strangers say what is half true and half
spoilt to a border whose time passes. What they say is made of what the border had told them, then spoilt, so that it
gets deep.
"""

from __future__ import annotations

from collections import deque

from sbc.core.address import Address
from sbc.core.border import Border
from sbc.core.message import BadMessage
from sbc.core.orders import Listener, Send
from sbc.h248 import binary, text
from sbc.h248.message import Body, Command, H248Message, Verb
from tests.fuzz.controlled import Controlled
from tests.fuzz.gale import Saying
from tests.fuzz.h248_mutate import spoilt
from tests.fuzz.mutate import mutated
from tests.fuzz.storm import Told
from tests.h248_calls import FAR
from tests.h248_messages import BINARY, TEXTS
from tests.h248_words import (
    WRITERS,
    action,
    command,
    failed,
    media,
    message,
    registration,
    sdp,
    statistics,
    transaction,
)
from tests.rig import SOFTSWITCH

GATEWAYS = tuple(Address(f"203.0.113.{11 + n % 5}", 2944 + n) for n in range(20))
NAMES: tuple[bytes | Address, ...] = tuple(
    (Address("192.168.1.10", 2944 + n), b"gw%d" % n, b"<gw%d.example>:2944" % n)[n % 3] for n in range(20)
)
METHODS = (b"Restart", b"Restart", b"Forced", b"Graceful", b"Disconnected", b"Failover", b"Handoff", b"X-odd")
NAMED = (b"aaln/1", b"aaln/2", b"rtp/1", b"rtp/2", b"rtp/3", b"root", b"*", b"$")
CODES = (400, 403, 412, 430, 431, 435, 500, 501, 510, 999)
WORDS = (
    b"$", b"*", b"{", b"}", b",", b"Context = 5 { Subtract = * }", b"T = 7 {", b"Local {\r\nv=0\r\n}", b"K { 1 - 99 }",
    b"[192.168.1.10]:2944", b"[::1]", b"MG = [10.0.0.1]:2944,", b"AD = 2945,", b"SM = 3 / 1 / END", b"PN = 4 {}",
)  # fmt: skip


class H248Storm(Controlled):
    """Gateways and the controller of H.248."""

    gateways, answers = GATEWAYS, 0.6
    unreadable = (BadMessage, IndexError)  # or it cannot be said in that wire

    def __init__(self, border: Border, seed: int) -> None:
        super().__init__(border, seed)
        registers = message(b"gw1", registration(1))
        self.seeds = {
            "text": TEXTS[::5] or [registers],
            "binary": [data for _, data in BINARY] or [WRITERS["binary"](registers)],
        }
        self._ports: deque[tuple[Listener, str]] = deque(maxlen=20)

    def settle(self) -> list[str]:
        left = super().settle()
        self._ports.clear()
        return left

    def _hear(self, send: Send) -> None:
        """What the border says is always a message: it is read to the end."""
        said = read(send.data)
        self.counted["heard"] += 1
        self.counted[said.body.value] += 1
        self.counted.update(each.verb.value for each in said.commands)
        if said.body is Body.REQUEST:
            self.asked[send.listener.realm].append(Told(send.data, send.to, send.listener))
            if send.listener.realm == "core":
                self._ports.append((send.listener, wire_of(send.data)))

    def _spoilt(self, data: bytes) -> bytes:
        random, changes = self.random, self.random.choice((1, 1, 2, 4))
        if wire_of(data) == "binary":
            return spoilt(data, random, self.seeds["binary"], changes)
        data = mutated(data, random, self.seeds["text"], changes)
        at = random.randrange(len(data) + 1)
        return data[:at] + random.choice((b"", b"", *WORDS)) + data[at:]

    def _answered(self, data: bytes, realm: str) -> bytes:
        random, asked, wire = self.random, read(data), wire_of(data)
        number, mid = asked.transaction, random.choice(NAMES) if realm == "access" else SOFTSWITCH
        kind = random.random()
        if kind < 0.06:
            said = failed(number, random.choice(CODES))
        elif kind < 0.1:
            said = b"Pending = %d { }" % number
        else:
            actions = []
            for each in asked.actions[: random.choice((1, 8, 8, 8))]:  # some leave out what comes after the first
                context = each.context if each.context != b"$" else b"%d" % random.randrange(1, 8)
                actions.append(action(context, *(self._to(one, asked, realm) for one in each.commands)))
            wants = b"ImmAckRequired, " if random.random() < 0.2 else b""
            said = b"Reply = %d { %b%b }" % (number, wants, b", ".join(actions))
        more = (b"TransactionResponseAck { %d }" % number,) if wire == "text" and random.random() < 0.05 else ()
        return WRITERS[wire](message(mid, said, *more))

    def _to(self, asked: Command, whole: H248Message, realm: str) -> bytes:
        """The part of an answer that belongs to a command."""
        random, verb = self.random, asked.verb.value.encode()
        name = as_text(asked.termination.key, whole)
        if random.random() < 0.04:
            return b'%b = %b { Error = %d { "no" } }' % (verb, name, random.choice(CODES))
        if asked.verb is Verb.SERVICE_CHANGE:
            more = random.choice((b"", b"", b", MgcIdToTry = [%b]:2944" % SOFTSWITCH.host.encode()))
            return command(verb, name, b"Services { Version = 1%b }" % more)
        if asked.verb is Verb.SUBTRACT:
            return command(verb, name, statistics(rtp_ps=random.randrange(99), nt_os=160))
        if asked.verb in (Verb.ADD, Verb.MOVE, Verb.MODIFY) and realm == "access":
            chosen = b"rtp/%d" % random.randrange(6) if b"$" in name else name
            local = sdp("192.168.1.10", 4000 + 2 * random.randrange(500))
            return command(verb, chosen, media(local=local)) if asked.streams else command(verb, chosen)
        return command(verb, name)

    def _of_gateway(self) -> Saying:
        random, which = self.random, self.random.randrange(len(GATEWAYS))
        number, wire = random.randrange(1, 2**32), ("text", "binary")[which % 2]
        kind = random.random()
        if kind < 0.55:
            said = registration(number, random.choice(METHODS[:-1] if wire == "binary" else METHODS))
        elif kind < 0.65:
            what = b'ServiceChange = aaln/1 { Services { Method = Forced, Reason = "905" } }'
            said = transaction(number, random.choice((b"-", b"5")), what)
        elif kind < 0.9:
            events = b"ObservedEvents = 1 { al/of }"
            said = transaction(number, random.choice((b"-", b"3")), command(b"Notify", b"aaln/1", events))
        else:
            said = b"TransactionResponseAck { %d }" % number
        data = WRITERS[wire](message(NAMES[which], said))
        return self.outside.border.plan.realms["access"].listeners[0], GATEWAYS[which], data

    def _of_controller(self) -> Saying:
        random = self.random
        shared = self.outside.border.plan.realms["core"].listeners[0]
        known = self._ports and random.random() < 0.95
        port, wire = random.choice(self._ports) if known else (shared, random.choice(("text", "binary")))
        number, context = random.randrange(1, 2**32), random.choice((b"$", b"%d" % random.randrange(1, 8), b"*", b"-"))
        actions = [action(context, *self._commands(context))]
        while random.random() < 0.25:
            context = random.choice((b"$", b"%d" % random.randrange(1, 8)))
            actions.append(action(context, *self._commands(context)))
        said = b"Transaction = %d { %b }" % (number, b", ".join(actions))
        data = WRITERS[wire](message(SOFTSWITCH, said))
        if wire == "text" and random.random() < 0.1:
            data += transaction(number % 1000 + 1, b"5", *self._commands(b"5"))
        return port, SOFTSWITCH, data

    def _commands(self, context: bytes) -> tuple[bytes, ...]:
        random, name = self.random, self.random.choice(NAMED)
        remote = sdp(FAR.host, 6000 + 2 * random.randrange(500)) if random.random() < 0.6 else b""
        kind = random.random()
        if kind < 0.45 or context == b"$":
            return command(b"Add", b"aaln/1"), command(b"Add", b"$", media(local=sdp(), remote=remote))
        if kind < 0.65:
            return (command(b"Modify", name, media(remote=remote or sdp(FAR.host, 6000))),)
        if kind < 0.85:
            return tuple(
                command(b"Subtract", each) for each in random.choice(((b"*",), (name,), (b"aaln/1", b"rtp/1")))
            )
        if kind < 0.9:
            return (command(b"Move", name),)
        if kind < 0.95:
            return (command(b"AuditValue", name, b"Audit { Media }"),)
        return (b'ServiceChange = ROOT { Services { Method = Handoff, Reason = "903" } }',)


def wire_of(data: bytes) -> str:
    return "binary" if data[:1] == b"\x30" else "text"


def read(data: bytes) -> H248Message:
    """A message, as its own codec reads it."""
    return binary.decode(data) if wire_of(data) == "binary" else text.decode(data)


def as_text(key: bytes, said: H248Message) -> bytes:
    """A termination as it is called in text: the names of binary ones were made of these (`tests.h248_words`)."""
    digits = bytes.fromhex(key.decode()) if said.wire.value == "binary" and not key.strip(b"0123456789abcdef") else b""
    return digits if digits.isascii() and digits.replace(b"/", b"").isalnum() else key
