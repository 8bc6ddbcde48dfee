"""The six laws that every dialect inherits: its tests subclass `DialectLaws` and say where its messages come from.

identity, there and back, no leak, refusal, replay, fuzz: DESIGN.md's words, one method each.
"""

from __future__ import annotations

from contextlib import suppress
from socket import AF_INET, AF_INET6, inet_pton
from typing import Any, ClassVar

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbc.core.address import Address
from sbc.core.message import MOST_AGENT, BadMessage, Cause, Phase, Place, Refused, Role
from sbc.core.orders import Listen, Note, Order, Record, Send, Wake
from sbc.core.realm import Callers, Plan, Registrations
from tests.circles import no_circles
from tests.rig import NAT, PHONE, SBC_ACCESS, SBC_CORE, SOFTSWITCH, Rig, make_plan, of, sends


@attrs.frozen
class Wire:
    """What the laws need of a protocol to hold a conversation. Built by hand in its tests, never by its codec.

    `opening(sender)` is a request that opens a call from the host and port given, with media at ports 4000 and 4001 of
    that host. `answer(request, host)` is its answer, given the request as it arrived and the answering host.
    `inside(request, answer)` is a further request of the opener, given what it had sent and what it got back.
    `binding(sender, number)` binds one place at the sender for 300 s, `granted(request)` is the registrar's yes to it.
    `controlled(sender)` opens a call whose control channel the sender takes at port 4500, and `spoken` is said on
    one; None where the protocol has none. `summons` says whether its terminals open a connection when asked to.
    """

    opening: Any
    answer: Any
    inside: Any
    binding: Any
    granted: Any
    controlled: Any = None
    spoken: bytes = b""
    summons: bool = False


def spellings(host: str) -> list[bytes]:
    """An address as text and packed, as a leak would show it."""
    packed = inet_pton(AF_INET6 if ":" in host else AF_INET, host)
    return [host.encode(), packed]


def assert_no_trace(data: bytes, *hosts: str) -> None:
    for host in hosts:
        for spelling in spellings(host):
            assert spelling not in data, f"{host} leaks in {data!r}"


class DialectLaws:
    """Subclass, set `dialect`, `wire`, and `samples()`: (name, bytes) of messages that decode."""

    dialect: ClassVar[Any]
    wire: ClassVar[Wire]

    @classmethod
    def samples(cls) -> list[tuple[str, bytes]]:
        raise NotImplementedError

    def rig(self) -> Rig:
        return Rig.make(self.dialect)

    def crossed(self) -> tuple[Rig, bytes, bytes, bytes, bytes]:
        """A rig in which a call was opened and answered: request and answer, each as it came and as it went on."""
        rig = self.rig()
        asked = self.wire.opening(PHONE)
        (sent,) = sends(rig.from_access(asked), "core")
        answer = self.wire.answer(sent, SOFTSWITCH.host)
        *_, back = sends(rig.from_core(answer), "access")
        return rig, asked, sent, answer, back

    def test_identity(self) -> None:
        samples = self.samples()
        assert samples
        for name, data in samples:
            assert self.dialect.encode(self.dialect.decode(data)) == data, name

    def test_describing_changes_nothing(self) -> None:
        for name, data in self.samples():
            message = self.dialect.decode(data)
            try:
                self.dialect.describe(message)
            except BadMessage:
                continue
            assert self.dialect.encode(message) == data, name

    def test_what_its_sender_says_of_itself_is_bounded(self) -> None:
        for name, data in self.samples():
            with suppress(BadMessage):
                intent = self.dialect.describe(self.dialect.decode(data))
                assert isinstance(intent.agent, bytes) and len(intent.agent) <= MOST_AGENT, name
                assert intent.priority >= 0, name

    def test_what_a_message_is_can_be_told(self) -> None:
        """People are shown every message in a few words, and what crossed reads like what came."""
        _, asked, sent, answer, back = self.crossed()
        for came, went in ((asked, sent), (answer, back)):
            assert self.dialect.tell(came).split()[0] == self.dialect.tell(went).split()[0]
        for name, data in self.samples():
            assert self.dialect.tell(data), name
            self.dialect.mask(data)

    def test_there_and_back(self) -> None:
        """What the opener loaded comes back to it, and what it is told leads to the other party."""
        rig, asked, sent, answer, back = self.crossed()
        inside = self.wire.inside(asked, back)
        (onward,) = sends(rig.from_access(inside), "core")
        intent = self.dialect.describe(self.dialect.decode(onward))
        assert intent.target is None or intent.target.place.address.host == SOFTSWITCH.host
        asked_call = self.dialect.describe(self.dialect.decode(asked))
        back_call = self.dialect.describe(self.dialect.decode(back))
        assert back_call.label == asked_call.label
        assert self.dialect.describe(self.dialect.decode(sent)).label == intent.label
        assert back_call.exchange == asked_call.exchange
        answered = self.dialect.describe(self.dialect.decode(answer))
        assert (intent.call, intent.party) == (answered.call, self.dialect.describe(self.dialect.decode(sent)).party)

    def test_no_leak(self) -> None:
        """Neither side ever sees an address of the other."""
        rig, asked, _, _, back = self.crossed()
        rig.from_access(self.wire.inside(asked, back))
        for data in sends(rig.log, "core"):
            assert_no_trace(data, PHONE.host, NAT.host, SBC_ACCESS.host)
        for data in sends(rig.log, "access"):
            assert_no_trace(data, SBC_CORE.host)
            assert_no_trace(data.replace(asked, b""), SOFTSWITCH.host)

    @pytest.mark.parametrize("cause", list(Cause))
    def test_refusal(self, cause: Cause) -> None:
        """A refusal is a message of the protocol, and a final answer to the very exchange it refuses."""
        asked = self.dialect.decode(self.wire.opening(PHONE))
        data = self.dialect.refuse(asked, Refused(cause, "because", 5), NAT)
        refusal = self.dialect.describe(self.dialect.decode(data))
        assert refusal.phase in (Phase.FAILURE, Phase.CHALLENGE)
        assert refusal.exchange == self.dialect.describe(asked).exchange

    def test_nothing_is_left_to_the_garbage_collector(self) -> None:
        """Of messages and of a call that is over nothing is kept by a circle of references, so memory is free at once
        and nobody ever waits for a long collection."""
        with no_circles():
            for _, data in self.samples():
                message = self.dialect.decode(data)
                with suppress(BadMessage):
                    self.dialect.describe(message)
                    self.dialect.slots(message)
            del message
            rig, asked, _, _, back = self.crossed()
            rig.from_access(self.wire.inside(asked, back))
            rig.log.clear()
            rig.wait(100_000)
            assert not rig.border.registry.calls

    def test_what_is_quoted(self) -> None:
        """The beginning of a request that we have sent tells its exchange, or nothing."""
        for sent in sends(self.crossed()[0].log, "core"):
            message = self.dialect.decode(sent)
            names = {self.dialect.quoted(sent[:size]) for size in range(len(sent) + 1)}
            assert names == {None, self.dialect.describe(message).exchange}

    def test_replay(self) -> None:
        """A retransmission gives the stored bytes and no new order; only our own timer sends onward again."""
        rig = self.rig()
        asked = self.wire.opening(PHONE)
        first = rig.from_access(asked)
        told = sends(first, "access")
        again = rig.from_access(asked)
        assert sends(again, "access") == told[-1:]
        assert only_sends(again)
        assert sends(again, "core") == []
        (sent,) = sends(first, "core")
        answer = self.wire.answer(sent, SOFTSWITCH.host)
        back = sends(rig.from_core(answer), "access")
        assert back
        replayed = rig.from_core(answer)
        assert sends(replayed, "access") == back
        assert only_sends(replayed)
        assert sends(rig.from_access(asked), "access") == back

    def test_probe(self) -> None:
        """What asks only whether a peer lives is read as that, and any answer to it is its own."""
        dialect, own = self.dialect, self.rig().border.plan.realms["access"].listeners[0]
        token = b"17" if dialect.numbers else b"abcdefghijklmnop"
        for place in (Place(PHONE), Place(PHONE, self.place_of(PHONE))):
            probe = dialect.decode(dialect.probe(place, own, token))
            intent = dialect.describe(probe)
            assert intent.probe and intent.phase is Phase.REQUEST and not intent.within
            other = dialect.describe(dialect.decode(dialect.probe(place, own, token[::-1])))
            assert other.exchange != intent.exchange
            for data in (dialect.accept(probe, NAT), dialect.refuse(probe, Refused(Cause.NOT_FOUND, "who?"), NAT)):
                reply = dialect.describe(dialect.decode(data))
                assert reply.phase.final and reply.exchange == intent.exchange

    def test_inquiry(self) -> None:
        """Who is asked whether a call lives is asked inside it, and says so if it knows of none."""
        dialect = self.dialect
        rig, asked, sent, answer, back = self.crossed()
        own = rig.border.plan.realms["access"].listeners[0]
        for to_asker, told, known in ((True, back, asked), (False, answer, sent)):
            data = dialect.inquire(told, to_asker, Place(PHONE, self.place_of(PHONE)), own, b"abcdefghijklmnop", 7)
            if data is None:
                return
            inquiry = dialect.decode(data)
            intent = dialect.describe(inquiry)
            assert intent.within and intent.phase is Phase.REQUEST and not intent.probe
            assert intent.label == dialect.describe(dialect.decode(known)).label
            assert not dialect.describe(dialect.decode(dialect.accept(inquiry, NAT))).gone
            unknown = dialect.describe(
                dialect.decode(dialect.refuse(inquiry, Refused(Cause.NO_CALL, "what call?"), NAT))
            )
            assert unknown.gone and unknown.phase.final and unknown.exchange == intent.exchange
            busy = dialect.describe(dialect.decode(dialect.refuse(inquiry, Refused(Cause.BUSY, "not now"), NAT)))
            assert not busy.gone

    def test_control_channel(self) -> None:
        """Where a party takes a further connection of its call is told as a door of ours; a terminal behind a NAT is
        asked to come to one, too, and what is said meanwhile reaches it then."""
        if self.wire.controlled is None:
            return
        rig = Rig.make(self.dialect, with_streams(make_plan(self.dialect.name, callers=Callers.ANY)))
        orders = rig.from_access(self.wire.controlled(PHONE))
        (sent,), (listen,) = sends(orders, "core"), of(Listen, orders)
        slots = self.dialect.slots(self.dialect.decode(sent))
        told = [slot.place.address for slot in slots if slot.role is Role.CONTROL]
        assert told == [listen.listener.advertised] and listen.listener.realm == "core"
        assert_no_trace(sent, PHONE.host, NAT.host, SBC_ACCESS.host)
        orders = rig._take(rig.border.accepted(listen.listener, SOFTSWITCH, rig.now))
        (asked,), (door,) = sends(orders, "access"), of(Listen, orders)
        slots = self.dialect.slots(self.dialect.decode(asked))
        assert door.listener.advertised in [slot.place.address for slot in slots if slot.role is Role.CONTROL]
        assert_no_trace(asked, SOFTSWITCH.host, SBC_CORE.host)
        assert not of(Send, rig.from_core(self.wire.spoken, at=listen.listener))
        (said,) = of(Send, rig._take(rig.border.accepted(door.listener, NAT, rig.now)))
        assert (said.listener, said.to) == (door.listener, NAT)
        (back,) = of(Send, rig.from_access(self.wire.spoken, at=door.listener))
        assert (back.listener, back.to) == (listen.listener, SOFTSWITCH)
        rig.wait(100_000)
        assert not rig.border.registry.controls.listeners()

    def test_summons(self) -> None:
        """Who is to open a connection is told where to, and for which call, by a request of its own."""
        dialect, own = self.dialect, self.rig().border.plan.realms["access"].listeners[0]
        intent = dialect.describe(dialect.decode(self.wire.opening(PHONE)))
        name, place = intent.heralds or intent.label, Place(PHONE, self.place_of(PHONE))
        tokens = [b"17", b"71"] if dialect.numbers else [b"abcdefghijklmnop", b"ponmlkjihgfedcba"]
        assert dialect.summon(b"", place, own, tokens[0]) is None
        told = [dialect.summon(name, place, own, token) for token in tokens]
        assert [data is not None for data in told] == [self.wire.summons] * 2
        if not self.wire.summons:
            return
        asked = [dialect.decode(data) for data in told]
        for data, message in zip(told, asked, strict=True):
            said = dialect.describe(message)
            assert said.phase is Phase.REQUEST and not (said.within or said.probe)
            refusal = dialect.decode(dialect.refuse(message, Refused(Cause.NOT_FOUND, "who?"), NAT))
            reply = dialect.describe(refusal)
            assert (reply.phase, reply.exchange) == (Phase.FAILURE, said.exchange)
            assert any(spelling in data for spelling in spellings(own.advertised.host)) and dialect.tell(data)
            assert_no_trace(data, SBC_CORE.host, SOFTSWITCH.host, NAT.host)
        assert dialect.describe(asked[0]).exchange != dialect.describe(asked[1]).exchange
        assert dialect.summon(name[::-1], place, own, tokens[0]) not in (None, told[0]), "another call is another word"

    def test_refresh(self) -> None:
        """What only refreshes a binding is answered by the SBC itself: the place, with what is left to it."""
        rig = Rig.make(self.dialect, make_plan(self.dialect.name, registrations=Registrations()))
        (sent,) = sends(rig.from_access(self.wire.binding(PHONE, 1)), "core")
        assert self.lifetimes(sent) == [3600]
        (back,) = sends(rig.from_core(self.wire.granted(sent)), "access")
        assert self.lifetimes(back) == [60]
        rig.now += 20
        asked = self.wire.binding(PHONE, 2)
        orders = rig.from_access(asked)
        (answer,) = sends(orders, "access")
        assert not sends(orders, "core")
        reply = self.dialect.describe(self.dialect.decode(answer))
        assert reply.phase is Phase.SUCCESS
        assert reply.exchange == self.dialect.describe(self.dialect.decode(asked)).exchange
        assert self.lifetimes(answer) == [60]
        assert_no_trace(answer, SOFTSWITCH.host, SBC_CORE.host)

    def lifetimes(self, data: bytes) -> list[int | None]:
        """For how long each place in a message is to live."""
        return [slot.expires for slot in self.dialect.slots(self.dialect.decode(data)) if slot.role is Role.SIGNAL]

    def place_of(self, sender: Address) -> bytes:
        """The name of the place that an opening from `sender` loads."""
        slots = self.dialect.slots(self.dialect.decode(self.wire.opening(sender)))
        name: bytes = next(slot.place.name for slot in slots if slot.role is Role.SIGNAL and slot.primary)
        return name

    def test_fuzz(self) -> None:
        """On whatever bytes, the functions that read raise BadMessage and nothing else, and the border never raises."""
        samples = [data for _, data in self.samples()]
        dialect, rig = self.dialect, self.rig()

        @settings(max_examples=300, deadline=None)
        @given(st.sampled_from(samples), st.lists(mutations, max_size=4))
        def fuzz(data: bytes, changes: list[tuple[float, int, bytes]]) -> None:
            for where, length, new in changes:
                at = int(where * len(data))
                data = data[:at] + new + data[at + length :]
            assert dialect.tell(data)
            dialect.mask(data)
            try:
                message = dialect.decode(data)
                dialect.describe(message)
                dialect.slots(message)
            except BadMessage as bad:
                dialect.complain(bad, NAT)
            rig.from_access(data)
            rig.from_core(data)

        fuzz()
        rig.wait(100_000)
        assert rig.border.registry.calls == {}
        assert not rig.border.registry.live_exchanges


mutations = st.tuples(
    st.floats(0, 1),
    st.integers(0, 40),
    st.one_of(
        st.binary(max_size=12),
        st.sampled_from(
            [b"\r\n", b"\x00", b"\xff" * 4, b"9" * 12, b";", b'"', b"<", b"[::1]", b" ", b"%00", b"\r\n ", b""]
        ),
    ),
)


def with_streams(plan: Plan, transport: str = "tcp") -> Plan:
    """The plan, with listeners for connections besides."""
    realms = {
        name: attrs.evolve(realm, listeners=(*realm.listeners, attrs.evolve(realm.listeners[0], transport=transport)))
        for name, realm in plan.realms.items()
    }
    return attrs.evolve(plan, realms=realms)


def only_sends(orders: list[Order]) -> bool:
    """Whether nothing but sending is asked for."""
    return not [order for order in orders if not isinstance(order, Send | Wake)]


def quiet(orders: list[Order]) -> bool:
    """Whether nothing is asked for at all."""
    return not [order for order in orders if not isinstance(order, Wake | Note | Record)]


__all__ = ["Address", "DialectLaws", "Wire", "assert_no_trace", "of", "only_sends", "quiet", "spellings"]
