"""What phones and softswitch do: register, call, ring, fork, refuse, hold, take back, hang up, crash, by plan."""

from __future__ import annotations

from collections import Counter

import attrs

from sbc.core.address import Address
from tests.rig import SOFTSWITCH
from tests.soak.agent import Agent, Client, Dialogue, Server
from tests.soak.wire_sip import Read, sdp
from tests.soak.world import World

ANSWER, BUSY, SILENT, CRASH = "answer", "busy", "silent", "crash"
LIFETIME = 120  # seconds of a registration


@attrs.frozen
class Plan:
    """What is to become of one call; times in seconds, None where it does not come to that."""

    callee: str = ANSWER
    challenge: bool = False
    rings: float = 0.5
    answers: float = 2.0
    talks: float = 20.0
    branches: int = 1
    second: bool = False  # two branches answer
    hold: bool = False
    cancel: float | None = None
    crash: float | None = None  # when the caller is gone for good
    callee_hangs_up: bool = False

    @classmethod
    def draw(cls, random) -> Plan:  # type: ignore[no-untyped-def]
        branches = random.choice((1, 1, 1, 1, 2, 3))
        return cls(
            callee=random.choices((ANSWER, BUSY, SILENT, CRASH), (80, 10, 6, 4))[0],
            challenge=random.random() < 0.3,
            rings=random.uniform(0.0, 2.0),
            answers=random.uniform(0.0, 8.0),
            talks=random.uniform(0.0, 40.0),
            branches=branches,
            second=branches > 1 and random.random() < 0.3,
            hold=random.random() < 0.2,
            cancel=random.uniform(0.0, 10.0) if random.random() < 0.15 else None,
            crash=random.uniform(0.0, 40.0) if random.random() < 0.04 else None,
            callee_hangs_up=random.random() < 0.4,
        )


class Caller:
    """One call from its asker's end. `result` is how it went: up, cancelled, a status, timeout."""

    def __init__(self, agent: Agent, uri: bytes, plan: Plan, results: Counter[str]) -> None:
        self.agent = agent
        self.plan = plan
        self.uri = uri
        self.results = results
        self.result = ""
        tag = agent.new(b"t")
        self.dialogue = Dialogue(
            agent.new(b"c") + b"@" + agent.host,
            b"<sip:%b@example.com>;tag=%b" % (agent.user, tag),
            b"<" + uri + b">",
            uri,
            tag,
        )
        agent.dialogues[self.dialogue.call_id, tag] = self.dialogue
        self.invite: Client | None = None
        self.others: set[bytes] = set()  # who answered too

    def start(self) -> None:
        world, plan = self.agent.world, self.plan
        self._invite()
        if plan.cancel is not None:
            world.after(plan.cancel, self._cancel)
        if plan.crash is not None:
            world.after(plan.crash, self._crash)

    def _invite(self, *more: bytes) -> None:
        plan = b"X-Plan: %b" % self._header()
        body = sdp(self.agent.host, self.dialogue.port)
        data = self.agent.request(b"INVITE", self.uri, self.dialogue, plan, *more, body=body)
        self.invite = self.agent.ask(data, self._heard)

    def _header(self) -> bytes:
        """The plan travels with the call: the SBC passes on what it does not know."""
        plan = self.plan
        return b"%b %d %.3f %.3f %d %d %d" % (
            plan.callee.encode(), plan.challenge, plan.rings, plan.answers, plan.branches, plan.second,
            plan.callee_hangs_up,
        )  # fmt: skip

    def _cancel(self) -> None:
        if self.invite is None or self.invite.done:
            return
        if not self.invite.heard:  # it may not be taken back before it was heard of (RFC 3261 section 9.1)
            self.agent.world.after(0.2, self._cancel)
            return
        self.agent.take_back(self.invite)

    def _crash(self) -> None:
        self.agent.gone.add(self.dialogue.call_id)
        self._finish("crashed")

    def _finish(self, result: str) -> None:
        if not self.result:
            self.result = result
            self.results[result] += 1
        self.dialogue.ended = self.dialogue.ended or result

    def _heard(self, answer: Read | None) -> None:
        if answer is None:
            self._finish("timeout")
        elif answer.status >= 300:
            if answer.status == 407 and self.dialogue.seq == 1:
                self.dialogue.seq = 2
                self._invite(b"Proxy-Authorization: Digest response=ok")
            else:
                self._finish("cancelled" if answer.status == 487 else str(answer.status))
        elif answer.status >= 200:
            self._answered(answer)

    def _answered(self, answer: Read) -> None:
        agent, dialogue = self.agent, self.dialogue
        agent.confirm(dialogue, answer)
        if not dialogue.up:
            if dialogue.ended:
                return
            dialogue.up, dialogue.remote, dialogue.target = True, answer.headers[b"to"], answer.contact
            self.results["up"] += 1
            self.result = "up"
            if self.plan.hold:
                agent.world.after(self.plan.talks / 3, lambda: self._change(True))
                agent.world.after(self.plan.talks * 2 / 3, lambda: self._change(False))
            if not self.plan.callee_hangs_up:
                agent.world.after(self.plan.talks, self._hang_up)
            agent.world.after(200, self._hang_up)  # should the other have crashed
        elif answer.headers[b"to"] != dialogue.remote and answer.headers[b"to"] not in self.others:
            self.others.add(answer.headers[b"to"])
            other = attrs.evolve(dialogue, remote=answer.headers[b"to"], target=answer.contact, seq=dialogue.seq + 100)
            agent.within(b"BYE", other)

    def _change(self, held: bool) -> None:
        dialogue = self.dialogue
        if dialogue.ended or dialogue.busy:
            return
        dialogue.busy = True

        def told(answer: Read | None) -> None:
            if answer is not None and 200 <= answer.status < 300:
                self.agent.confirm(dialogue, answer)
            if answer is None or answer.status >= 200:
                dialogue.busy = False

        body = sdp(self.agent.host, dialogue.port, dialogue.seq + 1, held)
        self.agent.within(b"INVITE", dialogue, told, body)

    def _hang_up(self) -> None:
        if not self.dialogue.ended:
            self.dialogue.ended = "bye"
            self.agent.within(b"BYE", self.dialogue)


class Callee:
    """One call from the other end, by the plan that came with it."""

    def __init__(self, agent: Agent, server: Server, results: Counter[str]) -> None:
        self.agent = agent
        self.server = server
        self.results = results
        callee, _, rings, answers, branches, second, hangs_up = server.asked.headers[b"x-plan"].split()
        self.callee = callee.decode()
        self.rings, self.answers = float(rings), float(answers)
        self.second, self.hangs_up = bool(int(second)), bool(int(hangs_up))
        self.tags = [agent.new(b"t") for _ in range(int(branches))]
        for tag in self.tags:
            agent.dialogues[server.asked.headers[b"call-id"], tag] = Dialogue(
                server.asked.headers[b"call-id"],
                server.asked.headers[b"to"] + b";tag=" + tag,
                server.asked.headers[b"from"],
                server.asked.contact,
                tag,
                server,
            )

    def start(self) -> None:
        self.server.answer(b"100 Trying", b"")
        self.agent.world.after(self.rings, self._ring)

    def _ring(self) -> None:
        agent = self.agent
        if self.callee == CRASH:
            agent.gone.add(self.server.asked.headers[b"call-id"])
        elif not self.server.final:
            for number, tag in enumerate(self.tags):
                body = sdp(agent.host, 4100 + 2 * number) if number else b""
                self.server.answer(b"183 Session Progress" if body else b"180 Ringing", tag, body=body)
            agent.world.after(self.answers, self._answer)

    def _answer(self) -> None:
        if self.server.final or self.callee == SILENT:
            return
        if self.callee == BUSY:
            self.server.answer(b"486 Busy Here", self.tags[0])
            return
        self._accept(self.tags[-1])
        if self.second:
            self.agent.world.after(0.05, lambda: self._accept(self.tags[0]))
        if self.hangs_up:
            self.agent.world.after(self.answers * 3, self._hang_up)

    def _accept(self, tag: bytes) -> None:
        self.server.answer(b"200 OK", tag, body=sdp(self.agent.host, 4200))

    def _hang_up(self) -> None:
        dialogue = self.agent.dialogues[self.server.asked.headers[b"call-id"], self.tags[-1]]
        if not dialogue.ended and self.tags[-1] in self.server.acked:
            dialogue.ended = "bye"
            self.agent.within(b"BYE", dialogue)


class Phone(Agent):
    """A phone behind a NAT whose mapping may change between registrations."""

    def __init__(self, world: World, number: int, results: Counter[str]) -> None:
        self.nat_host = f"203.0.113.{10 + number % 200}"
        super().__init__(
            world, "access", Address(self.nat_host, 20_000 + number), f"192.168.{number // 250}.{1 + number % 250}",
            f"u{number}",
        )  # fmt: skip
        self.results = results
        self.incoming = self._incoming
        tag = self.new(b"r")
        aor = b"<sip:%b@sbc.example.com>" % self.user
        self.registration = Dialogue(self.new(b"reg"), aor + b";tag=" + tag, aor, b"sip:sbc.example.com", tag)

    def _incoming(self, server: Server) -> None:
        if server.asked.method == b"OPTIONS":
            server.answer(b"200 OK", b"x")
        else:
            Callee(self, server, self.results).start()

    def rebind(self) -> None:
        """The NAT gives the phone another port; the old one leads nowhere."""
        del self.world.agents[self.realm, self.seen]
        self.seen = Address(self.nat_host, self.seen.port + 250)
        self.world.agents[self.realm, self.seen] = self

    def register(self, lifetime: int = LIFETIME, *more: bytes) -> None:
        self.registration.seq += 1
        data = self.request(b"REGISTER", b"sip:sbc.example.com", self.registration, b"Expires: %d" % lifetime, *more)
        self.ask(data, lambda answer: self._registered(answer, lifetime))

    def _registered(self, answer: Read | None, lifetime: int) -> None:
        if answer is not None and answer.status == 401:
            self.register(lifetime, b"Authorization: Digest response=ok")
        else:
            self.results["registered" if answer is not None and answer.status == 200 else "not registered"] += 1


class Softswitch(Agent):
    """Registrar, callee of what phones dial, and caller of phones."""

    def __init__(self, world: World, results: Counter[str], at: Address = SOFTSWITCH) -> None:
        super().__init__(world, "core", at, at.host, "sw")
        self.results = results
        self.places: dict[bytes, tuple[bytes, float]] = {}  # users, their contact, and until when
        self.incoming = self._incoming
        self.cut = False
        self.full = False

    def send(self, data: bytes) -> None:
        if not self.cut:
            super().send(data)

    def receive(self, data: bytes) -> None:
        if not self.cut:
            super().receive(data)

    def pair(self, other: Softswitch) -> None:
        """Know each other's users and calls, as two of one cluster do."""
        other.places, other.dialogues = self.places, self.dialogues

    def _incoming(self, server: Server) -> None:
        asked = server.asked
        if asked.method == b"OPTIONS":
            server.answer(b"200 OK", b"x")
        elif self.full:
            self.results["503"] += 1
            server.answer(b"503 Service Unavailable", b"x", b"Retry-After: 5")
        elif asked.method == b"REGISTER":
            self._register(server)
        elif b" 1 " in asked.headers[b"x-plan"][:9] and b"proxy-authorization" not in asked.headers:
            server.answer(b"407 Proxy Authentication Required", b"x", b'Proxy-Authenticate: Digest realm="x",nonce="n"')
        else:
            Callee(self, server, self.results).start()

    def _register(self, server: Server) -> None:
        asked = server.asked
        if b"authorization" not in asked.headers:
            server.answer(b"401 Unauthorized", b"x", b'WWW-Authenticate: Digest realm="x",nonce="n"')
            return
        lifetime = int(asked.headers[b"expires"])
        user = asked.headers[b"to"].partition(b":")[2].partition(b"@")[0]
        if lifetime:
            self.places[user] = (asked.contact, self.world.now + lifetime)
            server.answer(b"200 OK", b"x", b"Expires: %d" % lifetime, contact=asked.contact)
        else:
            self.places.pop(user, None)
            server.last = b""
            server.answer(b"200 OK", b"x", contact=b"sip:nobody@198.51.100.2:5060")

    def reachable(self) -> list[bytes]:
        """Contacts of users whose registration lasts a while yet."""
        soon = self.world.now + 5
        return [contact for contact, until in self.places.values() if until > soon]
