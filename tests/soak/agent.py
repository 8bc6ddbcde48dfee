"""A SIP user agent for tests: transactions with the timers of RFC 3261 on a simulated clock, and dialogues."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from sbc.core.address import Address
from tests.soak.wire_sip import Read, read, reply, same_hop, sdp, write
from tests.soak.world import World

T1, T2, LIMIT = 0.5, 4.0, 32.0


@attrs.define(eq=False)
class Client:
    """A request of ours until its final answer. `tell` gets each answer, None when there was none in time."""

    agent: Agent
    data: bytes
    sent: Read
    tell: Callable[[Read | None], None]
    heard: bool = False
    done: bool = False
    wait: float = T1

    def start(self) -> None:
        self.agent.clients[self.sent.branch, self.sent.method] = self
        self.agent.send(self.data)
        self.agent.world.after(T1, self._again)
        self.agent.world.after(LIMIT, self._give_up)

    def _again(self) -> None:
        if not self.done and not (self.heard and self.sent.method == b"INVITE"):
            self.agent.send(self.data)
            self.wait = self.wait * 2 if self.sent.method == b"INVITE" else min(self.wait * 2, T2)
            self.agent.world.after(self.wait, self._again)

    def _give_up(self) -> None:
        if not self.done and not (self.heard and self.sent.method == b"INVITE"):
            self.finish()
            self.tell(None)

    def finish(self) -> None:
        self.done = True
        self.agent.world.after(LIMIT, lambda: self.agent.clients.pop((self.sent.branch, self.sent.method), None))

    def take(self, answer: Read) -> None:
        if answer.status < 200:
            self.heard = True
            if not self.done:
                self.tell(answer)
            return
        success = answer.status < 300
        if self.sent.method == b"INVITE" and not success:
            self.agent.send(same_hop(b"ACK", self.data, answer.headers[b"to"]))
        first = not self.done
        if first:
            self.finish()
        if first or (success and self.sent.method == b"INVITE"):
            self.tell(answer)


@attrs.define(eq=False)
class Server:
    """A request of somebody else and what it was answered; finals of an INVITE are repeated until acknowledged."""

    agent: Agent
    asked: Read
    last: bytes = b""
    final: int = 0
    acked: set[bytes] = attrs.field(factory=set)  # tags whose 2xx, or b"" where any other final, has been acknowledged

    def answer(self, status: bytes, tag: bytes, *more: bytes, body: bytes = b"", contact: bytes = b"") -> None:
        self.last = reply(self.asked, status, contact or self.agent.contact, tag, *more, body=body)
        self.agent.send(self.last)
        code = int(status[:3])
        if code >= 200:
            if not self.final:
                self.agent.world.after(2 * LIMIT, lambda: self.agent.servers.pop(self.key, None))
            self.final = code
            if self.asked.method == b"INVITE":
                data, awaited = self.last, tag if code < 300 else b""
                self.agent.world.after(T1, lambda: self._again(data, awaited, T1, self.agent.world.now + LIMIT))

    @property
    def key(self) -> tuple[bytes, bytes]:
        return self.asked.branch, self.asked.method

    def _again(self, data: bytes, awaited: bytes, wait: float, until: float) -> None:
        agent = self.agent
        if awaited in self.acked:
            return
        if agent.world.now >= until:
            agent.unconfirmed(self, awaited)
            return
        agent.send(data)
        wait = min(wait * 2, T2)
        agent.world.after(wait, lambda: self._again(data, awaited, wait, until))


@attrs.define(eq=False)
class Dialogue:
    """One end of a call as its agent sees it. `ended` says how it ended, empty while it goes on."""

    call_id: bytes
    local: bytes  # From of our requests
    remote: bytes  # To of them
    target: bytes
    tag: bytes
    server: Server | None = None  # of the INVITE, where somebody else has sent that
    seq: int = 1
    port: int = 4000
    up: bool = False
    ended: str = ""
    busy: bool = False  # an offer is open


class Agent:
    """Sends, repeats, answers; what it does with calls is its script's business (tests/soak/script.py)."""

    def __init__(self, world: World, realm: str, seen: Address, host: str, user: str) -> None:
        self.world = world
        self.realm = realm
        self.seen = seen
        self.host = host.encode()
        self.user = user.encode()
        self.contact = b"sip:%b@%b:5060" % (self.user, self.host)
        self.clients: dict[tuple[bytes, bytes], Client] = {}
        self.servers: dict[tuple[bytes, bytes], Server] = {}
        self.dialogues: dict[tuple[bytes, bytes], Dialogue] = {}
        self.gone: set[bytes] = set()  # Call-IDs of which this agent hears and says no more: it has crashed
        self.incoming: Callable[[Server], None] = lambda server: None
        self._numbers = 0
        world.agents[realm, seen] = self

    def new(self, what: bytes) -> bytes:
        self._numbers += 1
        return b"%b-%b-%d" % (what, self.user, self._numbers)

    def send(self, data: bytes) -> None:
        if self.gone and self._call_id(data) in self.gone:
            return
        self.world.to_border(self.realm, self.seen, data)

    @staticmethod
    def _call_id(data: bytes) -> bytes:
        return data.split(b"\r\nCall-ID: ", 1)[1].split(b"\r\n", 1)[0]

    # -- asking

    def request(
        self, method: bytes, uri: bytes, dialogue: Dialogue, *more: bytes, body: bytes = b"", seq: int = 0
    ) -> bytes:
        """A request of a dialogue, or of one to be."""
        lines = [
            b"Via: SIP/2.0/UDP %b:5060;rport;branch=z9hG4bK%b" % (self.host, self.new(b"b")),
            b"Max-Forwards: 70",
            b"From: " + dialogue.local,
            b"To: " + dialogue.remote,
            b"Call-ID: " + dialogue.call_id,
            b"CSeq: %d %b" % (seq or dialogue.seq, method),
            b"Contact: <" + self.contact + b">",
            *more,
        ]
        return write(b"%b %b SIP/2.0" % (method, uri), lines, body)

    def ask(self, data: bytes, tell: Callable[[Read | None], None]) -> Client:
        client = Client(self, data, read(data), tell)
        client.start()
        return client

    def within(
        self,
        method: bytes,
        dialogue: Dialogue,
        tell: Callable[[Read | None], None] = lambda answer: None,
        body: bytes = b"",
    ) -> None:
        dialogue.seq += 1
        self.ask(self.request(method, dialogue.target, dialogue, body=body), tell)

    def take_back(self, invite: Client) -> None:
        """CANCEL, unless it has its answer."""
        if not invite.done:
            self.ask(same_hop(b"CANCEL", invite.data, invite.sent.headers[b"to"]), lambda answer: None)

    def confirm(self, dialogue: Dialogue, answer: Read) -> None:
        """ACK of a 2xx: sent once for each copy of it that comes."""
        remote = attrs.evolve(dialogue, remote=answer.headers[b"to"], server=None)
        self.send(self.request(b"ACK", answer.contact, remote, seq=answer.number))

    # -- answering

    def receive(self, data: bytes) -> None:
        message = read(data)
        if message.headers[b"call-id"] in self.gone:
            return
        if message.status:
            client = self.clients.get((message.branch, message.method))
            if client is not None:
                client.take(message)
            return
        self._asked(message)

    def _asked(self, message: Read) -> None:
        method = message.method
        if method == b"ACK":
            self._confirmed(message)
            return
        known = self.servers.get((message.branch, method))
        if known is not None:
            if known.last:
                self.send(known.last)
            return
        server = self.servers[message.branch, method] = Server(self, message)
        if method == b"CANCEL":
            self._taken_back(server)
        elif message.tag(b"to"):
            self._asked_within(server)
        else:
            self.incoming(server)

    def _confirmed(self, message: Read) -> None:
        hop = self.servers.get((message.branch, b"INVITE"))
        if hop is not None:
            hop.acked.add(b"")
            return
        dialogue = self.dialogues.get((message.headers[b"call-id"], message.tag(b"to")))
        if dialogue is not None and dialogue.server is not None:
            dialogue.server.acked.add(message.tag(b"to"))

    def _taken_back(self, server: Server) -> None:
        invite = self.servers.get((server.asked.branch, b"INVITE"))
        if invite is None:
            server.answer(b"481 No Such Call", b"x")
            return
        server.answer(b"200 OK", b"x")
        if not invite.final:
            invite.answer(b"487 Request Terminated", b"x")
            self._end_of(invite, "cancelled")

    def _end_of(self, invite: Server, how: str) -> None:
        for dialogue in self.dialogues.values():
            if dialogue.server is invite and not dialogue.ended:
                dialogue.ended = how

    def _asked_within(self, server: Server) -> None:
        asked = server.asked
        dialogue = self.dialogues.get((asked.headers[b"call-id"], asked.tag(b"to")))
        if dialogue is None or (dialogue.ended and asked.method != b"BYE"):
            server.answer(b"481 No Such Call", b"")
        elif asked.method == b"BYE":
            dialogue.ended = dialogue.ended or "bye"
            server.answer(b"200 OK", b"")
        elif asked.method == b"INVITE":
            if dialogue.busy:
                server.answer(b"491 Request Pending", b"")
            elif self.world.random.random() < 0.1:
                server.answer(b"488 Not Acceptable Here", b"")
            else:
                dialogue.server = server
                server.answer(b"200 OK", b"", body=sdp(self.host, dialogue.port, dialogue.seq + 1))
        else:
            server.answer(b"200 OK", b"")

    def unconfirmed(self, server: Server, tag: bytes) -> None:
        """Nobody has acknowledged a final answer: after a 2xx that ends the call (RFC 3261 section 13.3.1.4)."""
        dialogue = self.dialogues.get((server.asked.headers[b"call-id"], tag or server.asked.tag(b"to")))
        if 200 <= server.final < 300 and dialogue is not None and not dialogue.ended:
            dialogue.ended = "unconfirmed"
            self.within(b"BYE", dialogue)
