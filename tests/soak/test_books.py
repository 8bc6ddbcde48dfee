"""Anything in any order, by hosts on both sides who may guess, lie, repeat and fall silent: the books must balance."""

from __future__ import annotations

from base64 import b32decode
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sbc.core.address import Address
from sbc.core.border import Border
from sbc.core.message import Ending, Place
from sbc.core.mint import Mint
from sbc.core.orders import Listener, OpenStream, Send
from sbc.core.realm import Keepalive, Limits, Plan, Probing, Realm, Registrations, Side, Signaling
from tests.laws import assert_no_trace
from tests.outside import Outside
from tests.rig import NAT, PHONE, SBC_ACCESS, SBC_CORE, SECRET, SOFTSWITCH, listener, make_plan
from tests.toy import ToyDialect
from tests.toy_records import (
    BIND,
    CHANGE,
    CLOSE,
    CONFIRM,
    FAILURE,
    NEVER,
    OPEN,
    PENDING,
    PROBE,
    PROVISIONAL,
    SUCCESS,
    TELL,
    WITHDRAW,
    Media,
    Record,
    answer,
    audio,
    fax,
    number,
    packed,
    place,
)

LIMITS = Limits(calls=4, bindings=3, exchanges=30, exchanges_per_source=20, names_per_call=3, streams_per_call=3)
ACCESS = (NAT, Address(NAT.host, 40002), Address("203.0.113.66", 5060))
CORE = (SOFTSWITCH, Address("198.51.100.66", 5060))
PHONES = ("192.168.1.10", "192.168.1.11")
MEDIA = ("203.0.113.2", "203.0.113.3")
PROXIES = ("198.51.100.2", "198.51.100.3")

sides = st.sampled_from(["access", "core"])
small = st.integers(1, 3)
index = st.integers(0, 10_000)
media_kinds = st.sampled_from(["audio", "fax", "rejected", "hold", "further", "one port"])
medias = st.lists(st.tuples(media_kinds, st.integers(0, 2)), max_size=3)
lifetimes = st.sampled_from([NEVER, NEVER, 0, 5, 40])
plans = st.fixed_dictionaries(
    {
        "there": st.sampled_from([True, True, True, False]),  # the access realm
        "guests": st.booleans(),
        "access_at": st.sampled_from([5060, 5060, 5070]),
        "core_at": st.sampled_from([5060, 5060, 5080]),
        "media_host": st.sampled_from(["203.0.113.1", "203.0.113.1", "203.0.113.2"]),
        "first": st.sampled_from([20000, 20000, 20004]),
        "ports": st.sampled_from([4, 6, 40]),
        "own": st.sampled_from([None, range(41000, 41003), range(41002, 41004)]),
        "hops": st.sampled_from([(SOFTSWITCH,), (Address("198.51.100.3", 5060), SOFTSWITCH)]),
        "probing": st.sampled_from(list(Probing)),
        "calls": st.sampled_from([1, 4]),
    }
)


def entry(kind: str, key: int, host: str) -> Media:
    if kind == "fax":
        return fax(host, key=key)
    if kind == "one port":
        return Media(key, packed(host, 4000), packed(host, 4000))
    if kind == "further":
        return audio(host, 4200, key, further=1)
    return audio("0.0.0.0" if kind == "hold" else host, 0 if kind == "rejected" else 4000, key)


class Closing(ToyDialect):
    """The made-up protocol, if the SBC could end its calls: by a request to either party."""

    def close(
        self,
        answer: bytes,
        to_asker: bool,
        place: Place,
        listener: Listener,
        token: bytes,
        sequence: int | None,
        ending: Ending | None = None,
    ) -> bytes:
        said = Record.read(answer)
        record = Record(
            CONFIRM if sequence is None else CLOSE,
            sender=said.sender if to_asker else said.receiver,
            receiver=said.receiver if to_asker else said.sender,
            call=said.call,
            exchange=said.exchange if sequence is None else b32decode(token.upper()),
            target=place.name,
            visit=place.route.hops[0] if place.route.hops else b"",
        )
        return record.pack()


class Books(RuleBasedStateMachine):
    """`seen` holds, for each side, what was sent there; `came` what came from there, and from whom."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[str, list[Send]] = {"access": [], "core": []}
        self.came: dict[str, list[tuple[Address, bytes]]] = {"access": [], "core": []}
        self.broken = 0

    @initialize(
        signaling=st.sampled_from(list(Signaling)),
        ports=st.sampled_from([4, 40]),
        front=st.booleans(),
        probing=st.sampled_from(list(Probing)),
        dialect=st.sampled_from([ToyDialect, Closing]),
        transport=st.sampled_from(["udp", "tcp"]),
    )
    def make(
        self, signaling: Signaling, ports: int, front: bool, probing: Probing, dialect: Any, transport: str
    ) -> None:
        ranges = range(41000, 41003) if signaling is Signaling.PORT_PER_TERMINAL else range(0)
        registrations, keepalive = Registrations(front), Keepalive(probing, 15.0, 5.0, tell_core=True)
        plan = make_plan("toy", LIMITS, ports, registrations, keepalive, signaling=signaling, signaling_ports=ranges)
        core = plan.realms["core"]
        self.front, self.transport, self.at_old = front, transport, 0
        own = attrs.evolve(core.listeners[0], transport=transport)
        plan = attrs.evolve(plan, realms={**plan.realms, "core": attrs.evolve(core, listeners=(own,))})
        self.outside = Outside(Border(plan, {"toy": dialect()}, Mint(SECRET)), self.deliver, 1000.0)
        self.outside.refuses = self.refuses

    def plan(self, **want: Any) -> Plan:
        """Another plan, with the same realms or others."""
        own = want["own"]
        base = make_plan(
            "toy",
            attrs.evolve(LIMITS, calls=want["calls"]),
            want["ports"],
            Registrations(self.front),
            Keepalive(want["probing"], 15.0, 5.0),
            signaling=Signaling.SHARED if own is None else Signaling.PORT_PER_TERMINAL,
            signaling_ports=own or range(0),
        )
        access, core = base.realms["access"], base.realms["core"]
        ports = range(want["first"], want["first"] + want["ports"])
        media = attrs.evolve(access.media, address=want["media_host"], advertised=want["media_host"], ports=ports)
        access = attrs.evolve(
            access, listeners=(listener("access", Address(SBC_ACCESS.host, want["access_at"]), "toy"),), media=media
        )
        at_core = listener("core", Address(SBC_CORE.host, want["core_at"]), "toy")
        core = attrs.evolve(core, listeners=(attrs.evolve(at_core, transport=self.transport),))
        guests = Realm(
            "guests",
            Side.ACCESS,
            (listener("guests", Address(SBC_ACCESS.host, 5090), "toy"),),
            attrs.evolve(media, address="203.0.113.3", advertised="203.0.113.3"),
            limits=LIMITS,
        )
        main = attrs.evolve(base.paths[0], next_hops=want["hops"])
        realms, paths = {"core": core}, []
        if want["there"]:
            realms["access"] = access
            paths.append(main)
        if want["guests"]:
            realms["guests"] = guests
            paths.append(attrs.evolve(main, name="second", access="guests", signaling=Signaling.SHARED))
        return Plan(realms, tuple(paths))

    @rule(want=plans, at_old=index)
    def reload(self, want: dict[str, Any], at_old: int) -> None:
        """Another plan counts; from now on messages come to any of the listeners there are."""
        self.outside.replan(self.plan(**want))
        self.at_old = at_old

    def deliver(self, send: Send) -> None:
        side = "core" if send.listener.realm == "core" else "access"
        self.seen[side].append(send)
        if side == "core":
            assert_no_trace(send.data, PHONE.host, NAT.host, "203.0.113.66", SBC_ACCESS.host, *MEDIA)
        else:
            assert_no_trace(send.data, SBC_CORE.host, *PROXIES, "198.51.100.66")

    def refuses(self, order: object) -> bool:
        self.broken -= 1
        return self.broken >= 0 if isinstance(order, OpenStream) else self.broken >= 1

    def arrive(self, side: str, source: Address, record: Record, at: Listener | None = None) -> None:
        data = record.pack()
        self.came[side].append((source, data))
        terminals = {port.listener for port in self.outside.border.registry.terminal_ports.values()}
        realms = ("core",) if side == "core" else ("access", "guests")
        shared = sorted((own for own in self.outside.listeners - terminals if own.realm in realms), key=str)
        own = at if at in self.outside.listeners else shared[self.at_old % len(shared)] if shared else None
        if own is not None:
            self.outside.receive(own, source, data)

    def target(self, side: str, which: int) -> bytes:
        """A place of ours that somebody on that side has been told, or none in particular."""
        told = [text for send in self.seen[side][-30:] for text, _ in Record.read(send.data).places]
        choice = which % (len(told) + 1)
        nobody = b"203.0.113.1 5060 bob" if side == "access" else b"198.51.100.1 5060 bob"
        return told[choice] if choice < len(told) else nobody

    # -- what may happen

    @rule(who=index, ids=st.tuples(small, st.integers(1, 12), small), media=medias, life=lifetimes, hop=st.booleans())
    def call_out(self, who: int, ids: tuple[int, ...], media: Any, life: int, hop: bool) -> None:
        self.ask("access", who, OPEN, (*ids, 0), 10_000, media, life, hop)

    @rule(who=index, ids=st.tuples(small, st.integers(1, 12), small), where=index, media=medias, hop=st.booleans())
    def call_in(self, who: int, ids: tuple[int, ...], where: int, media: Any, hop: bool) -> None:
        """To a place of ours, if somebody has loaded one."""
        self.ask("core", 0, OPEN, (*ids, 0), where, media, NEVER, hop)

    @rule(side=sides, stage=st.sampled_from([PROVISIONAL, SUCCESS, SUCCESS]), which=st.integers(0, 1), media=medias)
    def answer_the_last(self, side: str, stage: int, which: int, media: Any) -> None:
        """The last that was asked of a side, by whom it was asked, as one of two parties."""
        self.reply(side, -1, stage, 1 + which, media, True)

    @rule(
        side=sides,
        who=index,
        op=st.sampled_from([OPEN, CHANGE, CLOSE, PROBE, TELL]),
        ids=st.tuples(small, st.integers(1, 8), small, st.integers(0, 3)),
        where=index,
        media=medias,
        life=lifetimes,
        hop=st.booleans(),
    )
    def ask(
        self, side: str, who: int, op: int, ids: tuple[int, ...], where: int, media: Any, life: int, hop: bool
    ) -> None:
        """Any request, with ids out of so few that they often meet."""
        sources, hosts = (ACCESS, PHONES) if side == "access" else (CORE, PROXIES)
        source, host = sources[who % len(sources)], hosts[who % 2]
        call, exchange, sender, receiver = ids
        record = Record(
            op,
            sender=sender,
            receiver=receiver,
            lifetime=life,
            call=number(call),
            exchange=number(exchange + (100 if side == "core" else 0)),
            believed=packed(host, 5060),
            user=b"user %d" % (who % 2),
            identity=host.encode(),
            target=self.target(side, where),
            hop=f"{host} 5060 hop".encode() if hop else b"",
            places=((place(host, 5060, f"at{where % 3}"), life),),
            media=tuple(entry(kind, key, host) for kind, key in media),
        )
        self.arrive(side, source, record)

    @rule(who=index, exchange=st.integers(20, 24), places=st.lists(st.integers(0, 2), max_size=3), life=lifetimes)
    def bind(self, who: int, exchange: int, places: list[int], life: int) -> None:
        record = Record(
            BIND,
            sender=9,
            lifetime=life,
            call=number(9),
            exchange=number(exchange),
            believed=packed(PHONES[0], 5060),
            user=b"user %d" % (who % 2),
            target=b"sbc.example.com 5060",
            places=tuple((place(PHONES[0], 5060 + each, "terminal"), life) for each in places),
        )
        self.arrive("access", ACCESS[who % 3], record)

    @rule(
        side=sides,
        which=index,
        stage=st.sampled_from([PENDING, PROVISIONAL, SUCCESS, SUCCESS, FAILURE, 5]),
        party=small,
        media=medias,
        honest=st.sampled_from([True, True, True, False]),
    )
    def reply(self, side: str, which: int, stage: int, party: int, media: Any, honest: bool) -> None:
        """An answer to what was sent to a side lately, mostly by who it was sent to."""
        asked = [send for send in self.seen[side][-20:] if Record.read(send.data).stage == 0]
        if not asked:
            return
        send = asked[which % len(asked)]
        host = (PHONES if side == "access" else PROXIES)[which % 2]
        entries = tuple(entry(kind, key, host) for kind, key in media)
        record = answer(send.data, host, stage, party, media=entries if stage in (PROVISIONAL, SUCCESS) else ())
        if record.op == BIND:
            record = record.but(places=Record.read(send.data).places if stage == SUCCESS else ())
        self.arrive(side, send.to if honest else Address("203.0.113.99", 9), record, send.listener)

    @rule(
        side=sides,
        which=index,
        op=st.sampled_from([CHANGE, CLOSE, CLOSE, TELL, CONFIRM]),
        exchange=st.integers(30, 35),
        media=medias,
    )
    def go_on(self, side: str, which: int, op: int, exchange: int, media: Any) -> None:
        """A request within a call, as its party knows it: by the parties and the place it was told last."""
        told = [send for send in self.seen[side][-20:] if Record.read(send.data).places]
        if not told:
            return
        send = told[which % len(told)]
        other = Record.read(send.data)
        host = (PHONES if side == "access" else PROXIES)[which % 2]
        record = Record(
            op,
            sender=other.receiver or 2,
            receiver=other.sender,
            call=other.call,
            exchange=other.exchange if op == CONFIRM else number(exchange + (100 if side == "core" else 0)),
            target=other.places[0][0],
            media=tuple(entry(kind, key, host) for kind, key in media),
        )
        self.arrive(side, send.to, record)

    @rule(side=sides, which=index, op=st.sampled_from([WITHDRAW, CONFIRM]))
    def take_back_or_confirm(self, side: str, which: int, op: int) -> None:
        """Of what a side has asked lately."""
        if not self.came[side]:
            return
        source, data = self.came[side][-1 - which % min(len(self.came[side]), 15)]
        record = Record.read(data)
        if op == WITHDRAW:
            own = bytes(octet ^ 0x55 for octet in record.exchange)
            record = record.but(op=op, stage=0, withdrawn=record.exchange, exchange=own, places=(), media=())
        else:
            record = record.but(op=op, stage=0, receiver=record.receiver or 2, places=(), media=())
        self.arrive(side, source, record)

    @rule(side=sides, which=index)
    def repeat(self, side: str, which: int) -> None:
        if self.came[side]:
            source, data = self.came[side][-1 - which % min(len(self.came[side]), 15)]
            self.arrive(side, source, Record.read(data))

    @rule(seconds=st.sampled_from([0.5, 1.0, 3.0, 10.0, 25.0, 40.0]))
    def wait(self, seconds: float) -> None:
        self.outside.advance(self.outside.now + seconds)

    @rule(which=index, heard=st.sampled_from([False, False, True]))
    def hear_nobody_on_a_stream(self, which: int, heard: bool) -> None:
        streams = sorted(self.outside.streams)
        if streams and heard:
            self.outside.border.resumed(streams[which % len(streams)])
        elif streams:
            self.outside.carry_out(self.outside.border.silent(streams[which % len(streams)], 30.0, self.outside.now))

    @rule(which=index)
    def end_a_call(self, which: int) -> None:
        calls = sorted(self.outside.border.registry.calls)
        if calls:
            self.outside.carry_out(self.outside.border.end_call(calls[which % len(calls)], "why not", self.outside.now))

    @rule(who=st.sampled_from(CORE))
    def lose_a_connection(self, who: Address) -> None:
        own = self.outside.border.plan.realms["core"].listeners[0]
        self.outside.carry_out(self.outside.border.unreachable(own, who, "lost", self.outside.now))

    @rule(after=st.integers(1, 3))
    def break_ports(self, after: int) -> None:
        """The next few streams and listeners cannot be opened."""
        self.broken = after

    @invariant()
    def the_books_balance(self) -> None:
        if hasattr(self, "outside"):
            assert self.outside.faults() == []

    def teardown(self) -> None:
        if not hasattr(self, "outside"):
            return
        last: dict[str, Any] = dict.fromkeys(("there", "guests"), True)
        last |= {"access_at": 5060, "core_at": 5060, "media_host": SBC_ACCESS.host, "first": 20000, "ports": 40}
        last |= {"own": None, "hops": (SOFTSWITCH,), "probing": Probing.OFF, "calls": 4}
        self.outside.replan(self.plan(**last))  # several next hops would be asked for ever whether they live
        self.outside.advance(self.outside.now + 100_000)
        assert self.outside.faults() == []
        assert self.outside.leftovers() == []


# `pytest --hypothesis-profile=ci` or an example database finds more; this is what every run can afford
Books.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestBooks = pytest.mark.slow(Books.TestCase)
