"""The same calls by the thousand as in test_tickets, in realms that secure media each in its own way, and change that:
no word of keys goes from one party to another, nothing in the clear is let pass where that is not to be, what was in
force before a crash is so after it, and of no key anything is left over.

A record has no field for keys: the word that its maker writes into its agent stands for them.
"""

from __future__ import annotations

from hashlib import blake2b
from random import Random
from typing import Any

import attrs

from sbc.core.call import Call, CallState
from sbc.core.keyed import forces
from sbc.core.message import Role, Slot
from sbc.core.orders import CloseStream, Listener, OpenStream, Order, Send, UpdateStream
from sbc.core.realm import Plan
from sbc.core.secured import Fingerprint, Ice, Key, MediaSecurity, Protection, Secured, SideSecurity
from tests.soak.test_tickets import CALLS, SEED, Faulty, Luck, run
from tests.toy import AGENT, ToyMessage
from tests.toy_records import CHALLENGE, CHANGE, CONFIRM, FAILURE, OPEN, Record

OURS = Fingerprint("sha-256", bytes(32))
SUITE, SECRET_OCTETS = "AES_CM_128_HMAC_SHA1_80", 30
MODES = (MediaSecurity.NONE, MediaSecurity.SDES, MediaSecurity.DTLS, MediaSecurity.OPTIONAL)
ROLES = {b"A": "actpass", b"a": "active", b"p": "passive"}
WORDS = (b"sdes", b"best", b"dtls", b"web ")
OWN = b"!"
"""With it begins what the SBC has written."""


def key_of(word: bytes) -> Key:
    """That a party says with that word."""
    return Key(SUITE, b"theirs" + blake2b(word, digest_size=SECRET_OCTETS - 6).digest())


def read(word: bytes) -> Secured | None:
    """What a party says with its word; None: nothing."""
    kind, role = word[:4], ROLES.get(word[4:5], "actpass")
    if kind == b"sdes":
        return Secured(keys=(key_of(word),))
    if kind == b"best":
        return Secured(keys=(key_of(word),), best_effort=True)
    if kind not in (b"dtls", b"web "):
        return None
    prints = (Fingerprint("sha-256", blake2b(word, digest_size=32).digest()),)
    ice = Ice(word[5:].decode("latin-1"), "theirs" + word.hex()) if kind == b"web " else None
    return Secured(fingerprints=prints, setup=role, ice=ice, mux=ice is not None)


def written(secured: Secured | None) -> bytes:
    """The word for what the SBC says."""
    if secured is None:
        return OWN + b"none"
    if secured.fingerprints:
        return OWN + (b"web " if secured.ice else b"dtls") + secured.setup[:1].encode()
    return OWN + (b"best" if secured.best_effort else b"sdes")


class Secretive(Faulty):
    """Says how media is secured by one word for all streams of a message."""

    def slots(self, message: ToyMessage) -> list[Slot]:
        found = super().slots(message)
        said = read(message.text(AGENT))
        for slot in found:
            if slot.role is Role.RTP:
                slot.secured = said
        return found

    def secure(self, message: ToyMessage, slot: Slot, secured: Secured | None) -> bool:
        assert secured is None or not any(key.secret.startswith(b"theirs") for key in secured.keys), "a key of theirs"
        assert secured is None or secured.ice is None or not secured.ice.password.startswith("theirs"), "and of ICE"
        if slot.role is Role.RTP:
            message.write(AGENT, written(secured))
        return True


class Secrets(Luck):
    """As others, but they say how media is to be secured, and answer what they are offered, mostly."""

    def __init__(self, seed: int) -> None:
        self.words = 0
        self.offered: dict[bytes, bytes] = {}
        self.engine: dict[str, list[SideSecurity | None]] = {}
        self.resumed: set[str] = set()  # calls that go on as they were, whatever is demanded by now
        super().__init__(seed)
        self.outside.border.registry.networks.fingerprints = (OURS,)
        carry_out = self.outside.carry_out

        def watched(orders: list[Order]) -> None:
            self.heard_by_engine(orders)
            carry_out(orders)
            for id in self.engine.keys() - self.outside.streams:  # it was refused
                del self.engine[id]

        self.outside.carry_out = watched  # type: ignore[method-assign]

    def dialect(self, seed: int) -> Faulty:
        return Secretive(Random(seed), 400)

    def plan(self) -> Plan:
        plan = super().plan()
        for name, realm in plan.realms.items():
            protection = Protection(self.random.choice(MODES), sdes_over_clear=True, fax_in_clear=True)
            plan.realms[name] = attrs.evolve(realm, protection=protection)
        return plan

    # -- what is said

    def word(self, offered: bytes) -> bytes:
        """A word of a party, to what it was offered."""
        self.words += 1
        number = b"%d" % self.words
        if not offered or not self.random.randrange(12):  # it offers, or answers something else
            return self.random.choice((b"", b"sdes", b"best", b"dtlsA", b"web A")) + number
        kind = offered[1:5]
        if kind in (b"dtls", b"web "):
            return kind + (b"p" if offered[5:6] == b"a" and offered[6:7] == b"c" else b"a") + number
        return b"" if kind == b"none" or (kind == b"best" and not self.random.randrange(3)) else b"sdes" + number

    def say(self, realm: str, source: Any, record: Record, at: Listener | None = None) -> None:
        if record.media:
            record = record.but(agent=self.word(self.offered.get(record.exchange, b"") if record.stage else b""))
        super().say(realm, source, record, at)

    def hear(self, send: Send) -> None:
        record = Record.read(send.data)
        record = record.but(agent=record.agent.rstrip(b"\0"))
        streams = [each for each in record.media if each.kind == 1 and not each.further]
        if streams and record.op in (OPEN, CHANGE, CONFIRM) and record.stage not in (FAILURE, CHALLENGE):
            assert record.agent[:4] not in WORDS, (record, "what a party has said of its keys")
            self.counted["told " + record.agent[1:5].decode("latin-1")] += 1
        if not record.stage:
            self.offered[record.exchange] = record.agent
            while len(self.offered) > 500:
                del self.offered[next(iter(self.offered))]
        super().hear(send)

    # -- the engine

    def heard_by_engine(self, orders: list[Order]) -> None:
        for order in orders:
            if isinstance(order, OpenStream):
                self.engine[order.spec.id] = [side.security for side in order.spec.sides]
            elif isinstance(order, UpdateStream):
                self.engine[order.stream][order.side] = order.spec.security
            elif isinstance(order, CloseStream):
                self.engine.pop(order.stream, None)

    def shake_hands(self) -> None:
        """Of some of the sides that wait for a handshake it is over, and others have gone on counting."""
        for id, sides in list(self.engine.items()):
            for side, security in enumerate(sides):
                if security is None or self.random.random() < 0.7:
                    continue
                if security.dtls is not None and security.dtls.fingerprints and not security.keyed:
                    receive, send = (Key(SUITE, self.random.randbytes(SECRET_OCTETS)) for _ in "rs")
                    self.counted["handshakes"] += 1
                    sides[side] = attrs.evolve(security, receive=receive, send=send)
                    self.outside.border.secured(id, side, receive, send, security.dtls.fingerprints)

    def step(self) -> None:
        super().step()
        if not self.random.randrange(5):
            self.shake_hands()

    def crash(self) -> None:
        self.kept.flush()
        before = {call.id: self.keys(call) for call in self.lasting()}
        self.engine.clear()
        super().crash()
        self.outside.border.registry.networks.fingerprints = (OURS,)
        for call in self.lasting():
            there = {stream.id for stream in call.streams.values()}  # some ports could not be opened again
            had = {place: keys for place, keys in before.get(call.id, {}).items() if place[0] in there}
            assert call.id not in before or self.keys(call) == had, "what was in force is so no more"
            self.counted["kept with keys"] += bool(had)
        self.resumed |= set(self.outside.border.registry.calls)
        for id, sides in self.engine.items():
            for side, security in enumerate(sides):
                if security is not None:
                    self.counted["opened again secured"] += security.keyed
                    assert self.force(id, side) is not None

    def lasting(self) -> list[Call]:
        return [each for each in self.outside.border.registry.calls.values() if each.state is CallState.UP]

    def keys(self, call: Call) -> dict[tuple[str, int], tuple[Key | None, Key | None]]:
        return {(stream.id, side): (force.receive, force.send) for stream, side, force in forces(call)}

    def force(self, id: str, side: int) -> SideSecurity | None:
        call = self.outside.border.registry.calls[id.partition("/")[0]]
        found = {(stream.id, at): force for stream, at, force in forces(call)}
        return found.get((id, side))

    # -- what is to be so

    def faults(self) -> list[str]:
        found = super().faults()
        for call in self.lasting():
            for stream in call.streams.values():
                if stream.kind != "rtp" or stream.id not in self.engine:
                    continue
                for side, leg in enumerate(call.legs):
                    has = self.engine[stream.id][side]
                    demands = leg.realm.protection.demands and call.id not in self.resumed
                    if demands and has is None and stream.agreed != ((), ()):
                        found.append(f"side {side} of {stream.id} is in the clear, in {leg.realm.protection.mode}")
                    ward = None if stream.wards is None else stream.wards[side].force
                    if _keys(has) != _keys(ward):
                        found.append(f"side {side} of {stream.id} has other keys in the engine")
        return found


def _keys(security: SideSecurity | None) -> Any:
    return None if security is None else (security.receive, security.send, security.dtls, security.ice)


def test_nothing_is_left_over_of_any_key() -> None:
    secrets = Secrets(SEED)
    run(secrets, CALLS)
    secrets.kept.flush()
    assert not secrets.engine and not any(kind == "call" for kind, _ in secrets.kept.values)
    assert not [value for value in secrets.kept.values.values() if b"theirs" in value]
    wanted = {"told none", "told sdes", "told best", "told dtls", "told web ", "handshakes", "kept with keys"}
    assert wanted <= set(secrets.counted) and secrets.counted["opened again secured"], secrets.counted
