"""Calls and registrations by the thousand, by hosts that lose, repeat, mutilate and fall silent, through faults of
ours, restarts and other limits: the book is the sum of its tickets all the time, no limit is passed, and nothing is
left over.

Seeded, so that a failure is found again: SBC_TICKETS_SEED chooses the seed, SBC_TICKETS_CALLS how many calls.
"""

from __future__ import annotations

import os
from collections import Counter
from ipaddress import ip_network
from random import Random
from typing import Any

import attrs

from sbc.core.address import Address
from sbc.core.border import Border
from sbc.core.message import Role, Slot
from sbc.core.mint import Mint
from sbc.core.orders import Listener, OpenStream, Send
from sbc.core.realm import Keepalive, Limits, Plan, Probing, Registrations, Timers
from sbc.core.taking import Mishap
from sbc.policy.customers import Customer
from sbc.policy.limits import Caps
from sbc.policy.tally import WORDS, Tally
from tests.kept import Kept
from tests.outside import Outside
from tests.rig import SECRET, SOFTSWITCH, make_plan
from tests.toy import HEAD, ToyDialect, ToyMessage
from tests.toy_records import (
    BIND,
    CHALLENGE,
    CHANGE,
    CLOSE,
    FAILURE,
    OPEN,
    PROVISIONAL,
    SUCCESS,
    WITHDRAW,
    Record,
    answer,
    audio,
    binding,
    fax,
    granted,
    inside,
    number,
    opening,
)

SEED = int(os.environ.get("SBC_TICKETS_SEED", "20261126"))
CALLS = int(os.environ.get("SBC_TICKETS_CALLS", "2500"))
HELP = b"203.0.113.1 5060 help"
PHONES = [Address("192.168.1.10", 5060 + each) for each in range(12)]


class Faulty(ToyDialect):
    """The made-up protocol, if it said what flows, with a fault in one message of `often`, where `random` wants it."""

    def __init__(self, random: Random, often: int) -> None:
        super().__init__()
        self._random = random
        self._often = often

    def slots(self, message: ToyMessage) -> list[Slot]:
        found = super().slots(message)
        for slot in found:
            if slot.role is Role.RTP:
                slot.media = "audio PCMA/8000 G729/8000" if slot.place.address.port == 4000 else "audio G729/8000"
        return found

    def fill(self, message: ToyMessage, slot: Slot, place: Any) -> None:
        if not self._random.randrange(self._often):
            raise ZeroDivisionError("a fault of ours")
        super().fill(message, slot, place)


def seen(which: int) -> Address:
    return Address("203.0.113.11" if which % 2 else f"203.0.113.{20 + which}", 40000 + which)


class Luck:
    """Whoever speaks, and what happens to what is said. `counted` tells what came of it."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.counted: Counter[str] = Counter()
        border = Border(self.plan(), {"toy": self.dialect(seed)}, Mint(SECRET))
        self.outside = Outside(border, self.hear, 1000.0)
        self.outside.refuses = lambda order: isinstance(order, OpenStream) and not self.random.randrange(300)
        self.kept = Kept(border)
        self.sent: list[Send] = []
        self.dialogues: list[tuple[str, Address, bytes, bytes, Listener]] = []
        self.asked: dict[bytes, tuple[str, Address, bytes]] = {}
        self.places: list[bytes] = []
        self.exchange = 0
        self.urgent = False

    def dialect(self, seed: int) -> Faulty:
        return Faulty(Random(seed), 400)

    def plan(self) -> Plan:
        """Some limits, of all that may have some."""
        pick = self.random.choice
        base = make_plan("toy", Limits(), 60, Registrations(), Keepalive(Probing.PROBE, 15.0, 5.0))

        def caps(most: int) -> Caps:
            wide = pick((0, most * 100, most * 200))
            return Caps(pick((0, most, 2 * most)), pick((0.0, 0.3, 5.0)), pick((0, 1, 4)), pick((0, most)), wide, wide)

        customers = (
            Customer("office", networks=(ip_network("203.0.113.11"),), caps=caps(4), each=pick((None, caps(2)))),
            Customer("users", ("user1*",), caps=caps(3)),
        )
        access = attrs.evolve(base.realms["access"], terminals=caps(1), customers=customers)
        limits = attrs.evolve(access.limits, calls=pick((6, 20)), bindings=pick((4, 30)), bandwidth_in=pick((0, 900)))
        realms = {**base.realms, "access": attrs.evolve(access, limits=limits)}
        paths = (attrs.evolve(base.paths[0], limits=caps(8)),)
        return attrs.evolve(base, realms=realms, paths=paths, timers=Timers(call_max=600.0))

    # -- what is said

    def hear(self, send: Send) -> None:
        self.sent.append(send)

    def say(self, realm: str, source: Address, record: Record, at: Listener | None = None) -> None:
        """A message sets out: it may be lost, come twice, or come as something else."""
        data, way = record.pack(), self.random.random()
        if way < 0.04:
            self.counted["lost"] += 1
            return
        if way < 0.08:
            spoiled = bytearray(data)
            for _ in range(self.random.randrange(1, 6)):
                spoiled[self.random.randrange(len(spoiled))] = self.random.randrange(256)
            data = bytes(spoiled[: self.random.choice((HEAD - 9, len(spoiled), len(spoiled)))])
        own = at if at in self.outside.listeners else self.outside.border.plan.realms[realm].listeners[0]
        assert own is not None
        self.urgent |= record.target == HELP
        for _ in range(2 if way > 0.95 else 1):
            try:
                self.outside.receive(own, source, data)
            except Mishap as mishap:
                self.counted["fault of ours"] += 1
                self.outside.carry_out(mishap.orders)
        self.answer_some()

    def answer_some(self) -> None:
        """What was sent is heard by whom it was for, who mostly answers; what that draws is heard later."""
        heard, self.sent = self.sent, []
        for send in heard:
            record = Record.read(send.data)
            realm, host = send.listener.realm, "198.51.100.2" if send.listener.realm == "core" else "192.168.1.10"
            if record.stage:
                self.take_answer(send, record)
            elif record.op == BIND and realm == "core" and self.random.random() < 0.9:
                self.places += [text for text, _ in record.places][:1]
                del self.places[:-20]
                said = granted(send.data) if self.random.random() < 0.8 else answer(send.data, host, FAILURE)
                self.say(realm, send.to, said, send.listener)
            elif record.op in (OPEN, CHANGE, CLOSE, WITHDRAW) and self.random.random() < 0.85:
                stages = (PROVISIONAL, SUCCESS, SUCCESS, SUCCESS, FAILURE, CHALLENGE)
                stage = SUCCESS if record.op in (CLOSE, WITHDRAW) else self.random.choice(stages)
                said = answer(send.data, host, stage, 9)
                if record.op == OPEN and stage == SUCCESS and self.random.random() < 0.3:
                    said = said.but(media=())
                self.say(realm, send.to, said, send.listener)

    def take_answer(self, send: Send, record: Record) -> None:
        self.counted[f"answered {record.op} {record.stage}"] += 1
        known = self.asked.get(record.exchange)
        if record.op == OPEN and record.stage == SUCCESS and record.places and known is not None:
            self.dialogues.append((*known, send.data, send.listener))
            del self.dialogues[:-60]

    def media(self, host: str) -> tuple[Any, ...]:
        kinds = ((audio(host),), (audio(host), fax(host, key=1)), (audio(host), audio(host, 4100, 2)), ())
        return self.random.choice(kinds)

    def next_exchange(self) -> int:
        self.exchange += 1
        return self.exchange

    # -- what happens

    def call(self) -> None:
        """Somebody calls: a terminal, or the core one of them."""
        self.counted["calls"] += 1
        which, exchange = self.random.randrange(12), self.next_exchange()
        if self.places and self.random.random() < 0.4:
            realm, source, target = "core", SOFTSWITCH, self.random.choice(self.places)
        else:
            realm, source = "access", seen(which)
            target = HELP if not self.random.randrange(25) else b"203.0.113.1 5060 bob"
        sender = PHONES[which] if realm == "access" else SOFTSWITCH
        record = opening(sender, exchange, exchange, 7, target).but(user=b"user%d" % which)
        record = record.but(media=self.media(sender.host))
        if not self.random.randrange(15):
            record = record.but(lifetime=40)
        self.asked[record.exchange] = (realm, source, record.pack())
        while len(self.asked) > 200:
            del self.asked[next(iter(self.asked))]
        self.say(realm, source, record)
        if not self.random.randrange(12):
            again = number(self.next_exchange())
            taken = record.but(op=WITHDRAW, withdrawn=record.exchange, exchange=again, places=(), media=())
            self.say(realm, source, taken)

    def bind(self) -> None:
        which = self.random.randrange(12)
        phone = attrs.evolve(binding(PHONES[self.random.randrange(12)], self.next_exchange(), b"user%d" % which))
        self.say("access", seen(which), phone.but(lifetime=self.random.choice((0, 60, 600))))

    def go_on(self) -> None:
        """A party of a call that is up hangs up, or offers something else."""
        if not self.dialogues:
            return
        realm, source, asked, back, own = self.random.choice(self.dialogues)
        op = self.random.choice((CLOSE, CLOSE, CHANGE))
        record = inside(asked, back, op, self.next_exchange())
        if op == CHANGE:
            record = record.but(media=self.media("192.168.1.10"))
        self.say(realm, source, record, own)

    def end(self) -> None:
        calls = [call.id for call in self.outside.border.registry.calls.values()]
        if calls:
            id = self.random.choice(calls)
            self.outside.carry_out(self.outside.border.end_call(id, "cleared", self.outside.now))

    def reload(self) -> None:
        self.counted["reloads"] += 1
        self.outside.replan(self.plan())

    def crash(self) -> None:
        """The process is gone, and with it what was not written yet."""
        self.counted["crashes"] += 1
        self.sent.clear()
        self.kept.restart(self.outside, self.random.choice((0.0, 2.0, 30.0)))

    def step(self) -> None:
        before = {id(tally): tally.calls for tally in self.tallies()}
        self.urgent = False
        what = self.random.random()
        if what < 0.45:
            self.call()
        elif what < 0.6:
            self.bind()
        elif what < 0.96:
            self.go_on()
        elif what < 0.99:
            self.end()
        self.outside.advance(self.outside.now + self.random.expovariate(4.0))
        self.answer_some()
        for tally in self.tallies() if not self.urgent else ():
            more = tally.calls > before.get(id(tally), 0)
            assert not (more and tally.caps.calls) or tally.calls <= tally.caps.calls + tally.passed, repr(tally)

    def faults(self) -> list[str]:
        """What does not add up."""
        return self.outside.faults()

    def tallies(self) -> list[Tally]:
        return list(self.outside.border.registry.gate.book.tallies())


def run(luck: Luck, calls: int) -> Counter[str]:
    """So many calls, and then silence; what was refused. Nothing is left over."""
    refused: Counter[str] = Counter()
    steps = 0

    def tell() -> None:
        for tally in luck.tallies():
            refused.update(tally.refused)
            tally.refused.clear()

    while luck.counted["calls"] < calls:
        steps += 1
        luck.step()
        if steps % 20 == 0:
            assert (faults := luck.faults()) == [], (steps, faults[:5])
        if steps % 30 == 0:
            luck.kept.flush()
        if steps % 500 == 250:
            luck.reload()
        if steps % 700 == 333:
            tell()
            luck.crash()
    tell()
    luck.outside.replan(attrs.evolve(make_plan("toy", ports=60), timers=Timers(call_max=600.0)))
    luck.outside.advance(luck.outside.now + 100_000)
    assert luck.faults() == [] and luck.outside.leftovers() == []
    print(f"\n{steps} steps", dict(refused), dict(luck.counted), luck.outside.events)  # noqa: T201
    return refused


def test_nothing_is_left_over_of_anything_that_was_let_in() -> None:
    luck = Luck(SEED)
    refused = run(luck, CALLS)
    assert set(WORDS) <= set(refused) and luck.counted["crashes"] and luck.counted["fault of ours"], (
        refused,
        luck.counted,
    )
