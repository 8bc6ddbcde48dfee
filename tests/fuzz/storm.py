"""A storm: phones, softswitch and strangers say what is half true and half spoilt to a border whose time passes.

What they say is spoilt after it was made of what the border had told them, so that it gets deep: answers, requests
inside calls, credentials, repetitions, and among them recorded messages that have nothing to do with it.
"""

from __future__ import annotations

from collections import deque

import attrs

from sbc.core.address import Address
from sbc.core.border import Border
from sbc.core.habits import Learner
from sbc.core.orders import Listener, Send
from tests.fuzz.gale import Gale
from tests.fuzz.mutate import mutated, seeds
from tests.rig import SOFTSWITCH
from tests.sip_messages import answer, header, hop_request, inside, invite, register, registered, request, sdp

PHONES = tuple(Address(f"203.0.113.{11 + n % 9}", 40001 + n // 9) for n in range(45))
STRANGER = Address("198.51.100.66", 5060)
METHODS = (b"OPTIONS", b"MESSAGE", b"SUBSCRIBE", b"NOTIFY", b"PUBLISH", b"INFO", b"REFER", b"UPDATE", b"ODD.method")
WITHIN = (b"BYE", b"INVITE", b"ACK", b"UPDATE", b"PRACK", b"INFO", b"REFER", b"NOTIFY", b"CANCEL")
STATUSES = (
    b"100 Trying", b"180 Ringing", b"183 Session Progress", b"200 OK", b"200 OK", b"200 OK", b"202 Accepted",
    b"302 Moved", b"401 Unauthorized", b"407 Proxy Authentication Required", b"408 Timeout", b"422 Too Small",
    b"486 Busy Here", b"487 Request Terminated", b"503 Service Unavailable", b"600 Busy Everywhere",
)  # fmt: skip


@attrs.frozen
class Told:
    """A message of the border's as somebody got it: at which address, on which listener of ours it can be answered."""

    data: bytes
    at: Address
    listener: Listener


MORE_ASKED = (
    b"Supported: timer, 100rel\r\nSession-Expires: 90;refresher=uas",
    b"Supported: timer\r\nSession-Expires: 30",
    b"P-Asserted-Identity: <sip:0049@192.168.1.10>, <tel:0049>\r\nPrivacy: id",
    b"User-Agent: Phone/1 192.168.1.10\r\nDiversion: <sip:0049@x>;reason=unknown",
)
MORE_SAID = (
    b"Require: 100rel\r\nRSeq: 7",
    b"Require: 100rel, timer\r\nRSeq: 8\r\nSession-Expires: 120",
    b"Session-Expires: 90;refresher=uac",
    b"Server: switch\r\nP-Asserted-Identity: <sip:x@198.51.100.2>",
)


class Storm(Gale):
    """Phones and softswitch of SIP."""

    def __init__(self, border: Border, seed: int) -> None:
        super().__init__(border, seed)
        self.seeds = seeds() or [invite(SOFTSWITCH)]
        self._requests: dict[str, deque[Told]] = {name: deque(maxlen=60) for name in border.plan.realms}
        self._replies: dict[str, deque[Told]] = {name: deque(maxlen=60) for name in border.plan.realms}
        self._said: dict[bytes, bytes] = {}  # requests as they were said, by Call-ID and CSeq

    def settle(self) -> list[str]:
        """What is remembered of NATs, for ever but of so many, is forgotten."""
        registry = self.outside.border.registry
        registry.learners = {name: Learner(each.longest) for name, each in registry.learners.items()}
        left = super().settle()
        for table in (*self._requests.values(), *self._replies.values(), self._said):
            table.clear()
        return left

    def _hear(self, send: Send) -> None:
        self.counted["heard"] += 1
        table = self._replies if send.data.startswith(b"SIP/") else self._requests
        table[send.listener.realm].append(Told(send.data, send.to, send.listener))

    def _next(self) -> tuple[Listener, Address, bytes]:
        random = self.random
        if self._recent and random.random() < 0.05:
            self.counted["repeated"] += 1
            listener, source, data = random.choice(self._recent)
            return self._open(listener), source, data
        realm = random.choice(tuple(self._requests))
        made = self._made(realm)
        if made is None:
            listener = self.outside.border.plan.realms[realm].listeners[0]
            self.counted["spoilt"] += 1
            data = mutated(random.choice(self.seeds), random, self.seeds, random.choice((1, 1, 2, 4)))
            return listener, self._source(realm), data
        listener, source, data = made
        listener = self._open(listener)
        if random.random() < 0.05:  # whoever moves, or pretends
            source = self._source(realm)
        if random.random() < 0.45:
            self.counted["spoilt"] += 1
            data = mutated(data, random, self.seeds, random.choice((1, 1, 2, 5)))
        return listener, source, data

    def _source(self, realm: str) -> Address:
        random = self.random
        if realm == "core":
            return STRANGER if random.random() < 0.1 else SOFTSWITCH
        if random.random() < 0.02:
            return Address(f"203.0.{random.randrange(256)}.{random.randrange(256)}", random.randrange(1, 65536))
        return random.choice(PHONES)

    def _made(self, realm: str) -> tuple[Listener, Address, bytes] | None:
        """A sound message in reply to something heard, or a new one; None where there is none."""
        kind = self.random.random()
        if kind < 0.2:
            return None
        try:
            if kind < 0.5 and self._requests[realm]:
                return self._answered(self.random.choice(self._requests[realm]), realm)
            if kind < 0.75 and self._replies[realm]:
                return self._followed(self.random.choice(self._replies[realm]))
            return self._begun(realm)
        except (AssertionError, IndexError, ValueError):
            # what the border was told was spoilt, it had to pass it on, and these simple hands cannot read it
            self.counted["unreadable"] += 1
            return None

    def _begun(self, realm: str) -> tuple[Listener, Address, bytes]:
        random, number = self.random, b"%d" % self.counted["said"]
        source = self._source(realm)
        listener = self.outside.border.plan.realms[realm].listeners[0]
        claimed = source if realm == "core" else Address("192.168.1.10", 5060)
        user = b"user%d" % random.randrange(20)
        kind = random.random()
        if realm == "access" and kind < 0.4:
            contact = random.choice((300, 60, 0))
            data = register(claimed, call=b"r" + user, seq=int(number) + 1, user=user, expires=contact)
        elif kind < 0.8:
            data = self._with_more(invite(claimed, b"c" + number, self._target(realm)), MORE_ASKED)
        else:
            data = request(random.choice(METHODS), self._target(realm), claimed, call=b"q" + number, user=user)
        return listener, source, self._noted(data)

    def _target(self, realm: str) -> bytes:
        """From the core a place that somebody has registered or loaded, if any is known."""
        known = [one for one in self._requests[realm] if b"\r\nContact: <" in one.data]
        if known and self.random.random() < 0.9:
            contact = header(self.random.choice(known).data, b"Contact")
            return contact[contact.find(b"<") + 1 : contact.find(b">")] or b"sip:x@sbc.example.com"
        return b"sip:bob@sbc.example.com"

    def _answered(self, told: Told, realm: str) -> tuple[Listener, Address, bytes]:
        random, data = self.random, told.data
        if data.startswith(b"REGISTER ") and random.random() < 0.7:
            return told.listener, told.at, registered(data)
        if random.random() < 0.1:  # a request of the called party, inside the dialogue it makes of it
            reply = answer(data, told.at.host)
            turned = request(random.choice(WITHIN), contact_of(data), told.at, call=header(data, b"Call-ID"), seq=7)
            turned = turned.replace(header(turned, b"From"), header(reply, b"To"), 1)
            return told.listener, told.at, turned.replace(header(turned, b"To"), header(data, b"From"), 1)
        host = told.at.host if realm == "core" else "192.168.1.10"
        body = random.choice((None, None, b"", sdp(host)))
        tag = random.choice((b"b", b"b", b"c"))
        reply = answer(data, host, random.choice(STATUSES), tag, body)
        return told.listener, told.at, self._with_more(reply, MORE_SAID)

    def _with_more(self, data: bytes, lines: tuple[bytes, ...]) -> bytes:
        """Now and then a message says more: what a path's rules, identities, timers and receipts are about."""
        if self.random.random() < 0.6:
            return data
        return data.replace(b"CSeq:", self.random.choice(lines) + b"\r\nCSeq:", 1)

    def _followed(self, told: Told) -> tuple[Listener, Address, bytes]:
        """ACK, BYE, or whatever comes next, of whoever had asked."""
        random, reply = self.random, told.data
        asked = self._said.get(self._key(reply), b"")
        if not asked:
            raise ValueError("nobody asked for it")
        if reply.startswith((b"SIP/2.0 3", b"SIP/2.0 4", b"SIP/2.0 5", b"SIP/2.0 6")):
            if reply.startswith((b"SIP/2.0 401", b"SIP/2.0 407")) and random.random() < 0.5:
                number = int(header(asked, b"CSeq").split()[0])
                again = asked.replace(b"CSeq: %d" % number, b"CSeq: %d" % (number + 1)).replace(b"z9hG4bK", b"z9hG4bKz")
                return told.listener, told.at, self._noted(again)
            return told.listener, told.at, hop_request(b"ACK", asked, reply)
        if reply.startswith(b"SIP/2.0 1") and random.random() < 0.5:
            return told.listener, told.at, hop_request(b"CANCEL", asked)
        method, number = random.choice(WITHIN), 1 if random.random() < 0.5 else random.randrange(2, 9)
        body = sdp("192.168.1.10") if method in (b"INVITE", b"UPDATE", b"ACK") and random.random() < 0.5 else b""
        data = inside(asked, reply, method, number, body)
        return told.listener, told.at, self._noted(data)

    def _noted(self, data: bytes) -> bytes:
        if len(self._said) > 500:
            self._said.clear()
        self._said[self._key(data)] = data
        return data

    @staticmethod
    def _key(data: bytes) -> bytes:
        return header(data, b"Call-ID") + header(data, b"CSeq")


def contact_of(data: bytes) -> bytes:
    """The URI of a message's Contact."""
    value = header(data, b"Contact")
    return value[value.index(b"<") + 1 : value.index(b">")]
