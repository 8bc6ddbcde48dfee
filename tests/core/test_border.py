"""The border's loop: what is refused half-way leaves nothing, what cannot be opened is taken back, nobody sleeps in."""

from __future__ import annotations

from typing import Any

import pytest

from sbc.core.audit import audit
from sbc.core.border import Border
from sbc.core.call import CallState
from sbc.core.hops import Target
from sbc.core.message import BadMessage, Cause
from sbc.core.mint import Mint
from sbc.core.orders import CloseStream, Listen, Note, OpenStream, Order, Record, Send, Unlisten, UpdateStream, Wake
from sbc.core.realm import Limits, Signaling, Timers
from sbc.core.registry import Arrival
from sbc.core.taking import Mishap
from tests.rig import NAT, PHONE, SECRET, SOFTSWITCH, Rig, events, make_plan, of, sends
from tests.toy import CAUSES, HOPS, STAGE, TARGET, ToyDialect, ToyMessage
from tests.toy_calls import answered, bound, opened, read, to_access, to_core, toy_rig
from tests.toy_records import (
    CHALLENGE,
    CHANGE,
    CONFIRM,
    FAILURE,
    PROBE,
    PROVISIONAL,
    SUCCESS,
    TELL,
    WITHDRAW,
    answer,
    audio,
    binding,
    fax,
    from_other,
    granted,
    inside,
    number,
    opening,
)
from tests.toy_records import Record as ToyRecord


def cause(data: bytes) -> Cause:
    """Of a refusal."""
    (record,) = read([data])
    assert record.stage == FAILURE
    return CAUSES[record.cause - 1]


# -- refused half-way


def test_a_call_without_ports_is_refused_and_nothing_stays() -> None:
    rig = toy_rig(ports=2)
    several = opening(PHONE).but(media=(audio(PHONE.host), audio(PHONE.host, 4100, key=1)))
    orders = rig.from_access(several.pack())
    assert [cause(data) for data in sends(orders, "access")] == [Cause.NO_PORTS]
    assert events(orders) == ["open", "close", "refused"]
    assert not sends(orders, "core") and not of(OpenStream, orders)
    registry = rig.border.registry
    assert not registry.calls and not registry.live_exchanges and not len(registry.names)
    assert all(not pool.used for pool in registry.media_ports.values())


def test_a_second_attempt_that_is_refused_closes_what_it_had_opened() -> None:
    talk = opened(toy_rig(ports=2))
    talk.rig.from_core(answer(talk.sent, SOFTSWITCH.host, CHALLENGE).pack())
    assert not talk.rig.open_streams  # the attempt is expected again, and its ports are anybody's until then
    again = opening(PHONE, exchange=2).but(media=(audio(PHONE.host), audio(PHONE.host, 4100, key=1)))
    orders = talk.rig.from_access(again.pack())
    assert cause(sends(orders, "access")[0]) is Cause.NO_PORTS
    assert not talk.rig.open_streams
    assert talk.call.state is CallState.CLOSED and talk.call.cause.startswith("no media ports")


def test_a_change_without_ports_is_refused_and_the_call_goes_on_as_it_was() -> None:
    talk = answered(toy_rig(ports=2))
    more = (audio(PHONE.host, 4040), audio(PHONE.host, 4100, key=1))
    orders = talk.rig.from_access(inside(talk.asked, talk.back, CHANGE, media=more).pack())
    assert cause(sends(orders, "access")[0]) is Cause.NO_PORTS
    assert talk.call.state is CallState.UP
    (stream,) = talk.call.streams.values()
    assert stream.remote[0] is not None and stream.remote[0].rtp.port == 4000


class Narrow(ToyDialect):
    """A dialect whose own output may be more than it can read, as a message that has grown past its longest."""

    def encode(self, message: ToyMessage) -> bytes:
        data = super().encode(message)
        if (data[HOPS] == 6 and not data[STAGE]) or (data[STAGE] and message.text(TARGET).endswith(b"too-long")):
            raise BadMessage("too long")
        return data


def test_a_request_that_has_grown_too_long_is_refused_and_nothing_stays() -> None:
    rig = toy_rig(Narrow())
    orders = rig.from_access(opening(PHONE).but(hops=7).pack())
    (said,) = sends(orders, "access")
    assert cause(said) is Cause.UNSUPPORTED
    assert read([said])[0].exchange == opening(PHONE).exchange
    assert not rig.border.registry.calls and not rig.border.registry.live_exchanges


def test_an_answer_that_has_grown_too_long_refuses_the_request() -> None:
    talk = opened(toy_rig(Narrow()), opening(PHONE, target=b"203.0.113.1 5060 too-long"))
    orders = talk.rig.from_core(answer(talk.sent, SOFTSWITCH.host).pack())
    assert cause(sends(orders, "access")[0]) is Cause.UNSUPPORTED
    assert talk.call.state is CallState.CLOSED


def test_bad_bytes_are_noted_with_the_reason_and_their_source() -> None:
    (note,) = toy_rig().from_access(b"\0" * 300)
    assert isinstance(note, Note)
    assert (note.event, note.reason, note.fields["source"]) == ("bad-message", "no record", str(NAT))


def test_an_answer_to_nothing_is_noted() -> None:
    talk = opened()
    rig = toy_rig()
    assert events(rig.from_core(answer(talk.sent, SOFTSWITCH.host).pack())) == ["stray-reply"]


# -- faults of ours


class Clumsy(ToyDialect):
    """A dialect with a fault: some of what it is to stamp, once it is told to `trip`."""

    trip = 0

    def stamp(self, message: ToyMessage, crossing: Any) -> None:
        if message.octets[STAGE] == self.trip - 1:
            raise ZeroDivisionError
        super().stamp(message, crossing)


def spoiled(rig: Rig, data: bytes, core: bool = False) -> list[Order]:
    """What is to be done after the fault that a message meets."""
    with pytest.raises(Mishap) as caught:
        arrives(rig, data, core)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    return rig._take(caught.value.orders)


def test_a_fault_in_a_request_leaves_the_call_it_belongs_to_as_it_was() -> None:
    dialect = Clumsy()
    talk = answered(toy_rig(dialect))
    dialect.trip = 1
    more = (audio(PHONE.host, 4040), audio(PHONE.host, 4100, key=1))
    assert not of(Send, spoiled(talk.rig, inside(talk.asked, talk.back, CHANGE, media=more).pack()))
    (stream,) = talk.call.streams.values()
    assert talk.call.state is CallState.UP
    assert stream.remote[0] is not None and stream.remote[0].rtp.port == 4000


def test_a_fault_after_the_streams_were_changed_is_taken_back_in_the_engine_too(monkeypatch: Any) -> None:
    dialect = Clumsy()
    talk = answered(toy_rig(dialect))

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr("sbc.core.exchange.Exchange.onward", broken)
        more = (audio(PHONE.host, 4040), audio(PHONE.host, 4100, key=1))
        orders = spoiled(talk.rig, inside(talk.asked, talk.back, CHANGE, media=more).pack())
    assert [order.spec.remote.rtp.port for order in of(UpdateStream, orders) if order.spec.remote] == [4000]
    assert len(talk.call.streams) == 1


def test_a_fault_in_a_later_attempt_ends_the_call_and_its_record() -> None:
    dialect = Clumsy()
    talk = opened(toy_rig(dialect))
    talk.rig.from_core(answer(talk.sent, SOFTSWITCH.host, CHALLENGE).pack())
    dialect.trip = 1
    assert events(spoiled(talk.rig, opening(PHONE, exchange=2).pack())) == ["close"]
    assert talk.call.state is CallState.CLOSED


def test_a_fault_in_an_answer_refuses_the_request_and_closes_what_was_open() -> None:
    dialect = Clumsy()
    rig = toy_rig(dialect)
    talk = opened(rig)
    dialect.trip = 1 + SUCCESS
    orders = spoiled(rig, answer(talk.sent, SOFTSWITCH.host).pack(), core=True)
    assert [cause(data) for data in sends(orders, "access")] == [Cause.UNSUPPORTED]
    assert talk.call.state is CallState.CLOSED and not rig.open_streams


def test_a_fault_in_a_provisional_answer_costs_that_answer() -> None:
    dialect = Clumsy()
    rig = toy_rig(dialect)
    talk = opened(rig, opening(PHONE).but(media=()))
    dialect.trip = 1 + PROVISIONAL
    early = answer(talk.sent, SOFTSWITCH.host, PROVISIONAL, media=(audio(SOFTSWITCH.host),))
    assert spoiled(rig, early.pack(), core=True) == []
    assert not talk.call.streams
    (sent,) = sends(rig.from_core(answer(talk.sent, SOFTSWITCH.host, media=()).pack()), "access")
    assert read([sent])[0].stage == SUCCESS


def test_a_fault_in_what_is_due_keeps_nobody_waiting(monkeypatch: Any) -> None:
    rig = toy_rig()
    for each in (1, 2, 3):
        rig.from_access(opening(PHONE, each, each, each).pack())
    real, asked = ToyDialect.refuse, []

    def refuse(*args: Any) -> bytes | None:
        asked.append(args)
        if len(asked) == 2:
            raise ZeroDivisionError
        return real(*args)

    monkeypatch.setattr(ToyDialect, "refuse", refuse)
    rig.now += 11  # all are given up at once
    with pytest.raises(Mishap) as caught:
        rig.border.wake(rig.now)
    assert len(sends(rig._take(caught.value.orders), "access")) == 1
    assert rig.border.restless() <= rig.now
    assert len(sends(rig.wait(0), "access")) == 1
    assert len(sends(rig.wait(Timers().linger), "access")) >= 1  # it is tried again, later
    rig.wait(100)
    assert not rig.border.registry.live_exchanges


# -- answers that cannot be taken across


def late_offer(rig: Rig) -> Any:
    return opened(rig, opening(PHONE).but(media=()))


def use_up(rig: Rig) -> None:
    rig.from_access(opening(PHONE, call=99, exchange=99, party=99).pack())


def test_a_late_offer_without_ports_refuses_the_opening() -> None:
    rig = toy_rig(ports=2)
    talk = late_offer(rig)
    call = talk.call
    use_up(rig)
    said = answer(talk.sent, SOFTSWITCH.host, media=(audio(SOFTSWITCH.host),)).pack()
    orders = rig.from_core(said)
    assert [cause(data) for data in sends(orders, "access")] == [Cause.NO_PORTS]
    assert call.state is CallState.CLOSED
    assert not to_core(orders)  # what is answered cannot be withdrawn


def test_an_early_late_offer_without_ports_is_withdrawn_from_the_other_side_too() -> None:
    rig = toy_rig(ports=2)
    talk = late_offer(rig)
    use_up(rig)
    early = answer(talk.sent, SOFTSWITCH.host, PROVISIONAL, media=(audio(SOFTSWITCH.host),)).pack()
    orders = rig.from_core(early)
    assert [cause(data) for data in sends(orders, "access")] == [Cause.NO_PORTS]
    assert [record.op for record in read(sends(orders, "core"))] == [WITHDRAW]
    # the other side ends it, and is acknowledged
    failed = answer(talk.sent, SOFTSWITCH.host, FAILURE).pack()
    assert [record.op for record in read(sends(rig.from_core(failed), "core"))] == [CONFIRM]


def test_what_was_withdrawn_is_not_withdrawn_again() -> None:
    rig = toy_rig(ports=2)
    talk = late_offer(rig)
    use_up(rig)
    rig.from_core(answer(talk.sent, SOFTSWITCH.host, PROVISIONAL, media=()).pack())
    asked = read([talk.asked])[0]
    withdrawn = asked.but(op=WITHDRAW, exchange=b"w" * 10, withdrawn=asked.exchange, places=())
    assert len(to_core(rig.from_access(withdrawn.pack()))) == 1
    early = answer(talk.sent, SOFTSWITCH.host, PROVISIONAL, media=(audio(SOFTSWITCH.host),)).pack()
    orders = rig.from_core(early)
    assert [cause(data) for data in sends(orders, "access")] == [Cause.NO_PORTS] and not to_core(orders)


def test_what_can_be_withdrawn_by_nobody_is_only_refused() -> None:
    rig = toy_rig(Narrow())
    told = opening(PHONE, target=b"203.0.113.1 5060 too-long").but(op=TELL, media=())
    (sent,) = sends(rig.from_access(told.pack()), "core")
    orders = rig.from_core(answer(sent, SOFTSWITCH.host, PROVISIONAL).pack())
    assert [cause(data) for data in sends(orders, "access")] == [Cause.UNSUPPORTED] and not to_core(orders)


def test_who_has_its_answer_is_not_refused_afterwards() -> None:
    rig = toy_rig(ports=2)
    talk = answered(rig)
    more = answer(talk.sent, SOFTSWITCH.host, media=(audio(SOFTSWITCH.host), audio(SOFTSWITCH.host, 4100, key=1)))
    orders = rig.from_core(more.pack())
    assert events(orders) == ["refused"] and not of(Send, orders)
    assert talk.call.state is CallState.UP


# -- ports that cannot be opened


class Engine:
    """Carries out orders as the runner does; the ports of the streams at the places in `fails` cannot be had."""

    def __init__(self, border: Border, *fails: int) -> None:
        self.border = border
        self.fails = fails
        self.opened: list[str] = []
        self.tried = 0
        self.sent: list[Send] = []
        self.wake_at: float | None = None
        self.events: list[str] = []

    def carry_out(self, orders: list[Order], now: float) -> None:
        for order in orders:
            if isinstance(order, OpenStream):
                self.tried += 1
                if self.tried in self.fails:
                    instead, go_on = self.border.unopened(order.spec.id, "in use", now)
                    self.carry_out(instead, now)
                    if not go_on:
                        return
                else:
                    self.opened.append(order.spec.id)
            elif isinstance(order, CloseStream):
                self.opened.remove(order.stream)
            elif isinstance(order, UpdateStream):
                assert order.stream in self.opened
            elif isinstance(order, Send):
                self.sent.append(order)
            elif isinstance(order, Wake):
                self.wake_at = order.at
            elif isinstance(order, Note | Record):
                self.events.append(order.event)


def run(rig: Rig, orders: list[Order], *fails: int) -> Engine:
    """What becomes of `orders` where those streams cannot be opened; the books must balance afterwards."""
    engine = Engine(rig.border, *fails)
    engine.carry_out(orders, rig.now)
    assert audit(rig.border.registry, engine.opened) == []
    return engine


def arrives(rig: Rig, data: bytes, core: bool = False) -> list[Order]:
    """The orders on a message, not yet carried out."""
    realm = rig.border.plan.realms["core" if core else "access"]
    return rig.border.receive(Arrival(realm.listeners[0], SOFTSWITCH if core else NAT, data, rig.now))


THREE = (audio(PHONE.host), audio(PHONE.host, 4100, key=1), fax(PHONE.host, key=2))


@pytest.mark.parametrize("fails", [1, 2, 3])
def test_the_opening_is_refused_when_one_of_its_streams_cannot_be_opened(fails: int) -> None:
    rig = toy_rig()
    engine = run(rig, arrives(rig, opening(PHONE).but(media=THREE).pack()), fails)
    assert engine.opened == []
    assert engine.tried == fails
    assert not [send for send in engine.sent if send.listener.realm == "core"]
    assert cause(engine.sent[-1].data) is Cause.NO_PORTS
    assert "gave-up" in engine.events and "close" in engine.events
    # the refusal is repeated: somebody must wake the border for that
    assert engine.wake_at == rig.border.registry.timers.next() == rig.now + 1


def test_a_change_whose_stream_cannot_be_opened_leaves_the_call_as_it_was() -> None:
    talk = answered()
    rig = talk.rig
    engine = Engine(rig.border, 1)
    engine.opened = list(rig.open_streams)
    change = inside(talk.asked, talk.back, CHANGE, media=(audio(PHONE.host, 4040), *THREE[1:]))
    engine.carry_out(arrives(rig, change.pack()), rig.now)
    assert engine.opened == list(rig.open_streams)
    (stream,) = talk.call.streams.values()
    assert stream.remote[0] is not None and stream.remote[0].rtp.port == 4000
    assert talk.call.state is CallState.UP


def test_an_answer_whose_stream_cannot_be_opened_crosses_without_it() -> None:
    rig = toy_rig()
    talk = late_offer(rig)
    said = answer(talk.sent, SOFTSWITCH.host, media=THREE).pack()
    engine = run(rig, arrives(rig, said, core=True), 2)
    assert len(engine.opened) == 2 and "stream-lost" in engine.events
    assert [send.listener.realm for send in engine.sent] == ["access"]
    assert talk.call.state is CallState.UP and len(talk.call.streams) == 2


def test_a_stream_nobody_knows_is_no_trouble() -> None:
    orders, go_on = toy_rig().border.unopened("gone/1", "in use", 1000.0)
    assert go_on and events(orders) == ["stream-lost"]


def test_whoever_needs_a_port_that_cannot_be_listened_on_is_refused() -> None:
    rig = toy_rig(signaling=Signaling.PORT_PER_TERMINAL)
    orders = arrives(rig, binding(PHONE).pack())
    (listen,) = of(Listen, orders)
    assert isinstance(orders[0], Wake)  # the rest is dropped
    instead = rig.border.unlistened(listen.listener, "in use", rig.now)
    assert [cause(send.data) for send in of(Send, instead)] == [Cause.BUSY]
    assert [order.listener for order in of(Unlisten, instead)] == [listen.listener]
    assert not rig.border.registry.bindings and not rig.border.registry.terminal_ports
    rig.wait(0)  # audits
    bound(rig, exchange=2)  # and the next port will do


# -- probes


def test_a_probe_of_the_core_that_asks_for_us_is_answered_here() -> None:
    rig = toy_rig()
    probe = ToyRecord(PROBE, sender=7, call=number(8), exchange=number(8), target=b"198.51.100.1 5060")
    orders = rig.from_core(probe.pack())
    assert [record.stage for record in read(sends(orders, "core"))] == [SUCCESS]
    assert not rig.border.registry.live_exchanges


def test_a_probe_with_no_hops_left_is_answered_here_and_others_cross() -> None:
    rig = toy_rig()
    probe = ToyRecord(PROBE, sender=7, call=number(8), exchange=number(8), target=b"203.0.113.1 5060 bob")
    assert [record.stage for record in read(sends(rig.from_access(probe.but(hops=0).pack()), "access"))] == [SUCCESS]
    assert to_core(rig.from_access(probe.pack()))


# -- next hops


def test_by_what_name_a_next_hop_was_found() -> None:
    rig = toy_rig()
    core = rig.border.plan.realms["core"].listeners[0]
    (path,) = rig.border.plan.paths
    assert rig.border.named(core, SOFTSWITCH) == "" == rig.border.named(core, PHONE)
    for name, host in (("softswitch.example:0", "softswitch.example"), ("[2001:db8::1]:5060", "")):
        rig.border.resolved(path, [Target(SOFTSWITCH, name=name)], rig.now)
        rig.border.resolved(path, [Target(PHONE)], rig.now)
        rig.border.resolved(path, [Target(SOFTSWITCH, name=name)], rig.now)
        assert rig.border.named(core, SOFTSWITCH) == host


# -- waking


def test_a_later_wake_is_not_asked_for_and_an_earlier_one_is() -> None:
    rig = toy_rig()
    assert [order.at for order in of(Wake, rig.from_access(binding(PHONE).pack()))] == [1001.0]
    rig.now += 0.5
    assert not of(Wake, rig.from_access(opening(PHONE, exchange=2).pack()))
    rig.now = 1001.0
    orders = rig.border.wake(1001.0)
    assert [order.at for order in of(Wake, orders)] == [1001.5]


def test_a_wake_too_early_asks_for_the_same_again() -> None:
    rig = toy_rig()
    rig.from_access(opening(PHONE).pack())
    assert rig.border.wake(1000.999) == [Wake(1001.0)]


def test_a_wake_much_too_late_does_everything_that_was_due() -> None:
    rig = toy_rig()
    rig.from_access(opening(PHONE).pack())
    rig.now += 3600
    for _ in range(4):
        rig.wait(0)
    assert not rig.open_streams


# -- several realms, several dialects


def test_each_listener_speaks_its_own_dialect() -> None:
    dialect = ToyDialect()
    border = Border(make_plan("toy"), {"toy": dialect}, Mint(SECRET))
    own = border.plan.realms["access"].listeners[0]
    assert of(Send, border.receive(Arrival(own, NAT, opening(PHONE).pack(), 1.0)))


def test_what_is_over_the_limit_is_refused_until_there_is_room() -> None:
    rig = toy_rig(limits=Limits(calls=1))
    talk = opened(rig)
    refused = rig.from_access(opening(PHONE, 2, 2).pack())
    assert [cause(data) for data in sends(refused, "access")] == [Cause.BUSY]
    rig.from_core(answer(talk.sent, SOFTSWITCH.host, FAILURE).pack())
    rig.from_access(inside(talk.asked, talk.asked, CONFIRM).pack())
    rig.wait(40)
    assert sends(rig.from_access(opening(PHONE, 2, 2).pack()), "core")


def test_the_books_of_a_long_talk_balance() -> None:
    talk = answered()
    for each in range(5, 15):
        change = inside(talk.asked, talk.back, CHANGE, each, media=(audio(PHONE.host, 4000 + 2 * each),))
        (sent,) = to_core(talk.rig.from_access(change.pack()))
        talk.rig.from_core(answer(sent.data, SOFTSWITCH.host).pack())
        (sent,) = to_access(talk.rig.from_core(from_other(talk.sent, talk.said, CHANGE, each + 20).pack()))
        talk.rig.from_access(answer(sent.data, PHONE.host).pack())
    talk.rig.wait(60)
    assert len(talk.rig.border.registry.calls) == 1 and not talk.rig.border.registry.live_exchanges


def test_a_binding_is_confirmed_by_the_registrar_alone() -> None:
    rig = toy_rig()
    (sent,) = sends(rig.from_access(binding(PHONE).pack()), "core")
    rig.from_core(granted(sent).pack(), source=NAT)
    assert not [b for b in rig.border.registry.bindings.values() if b.state.value == "bound"]


# -- whose a message was


def test_a_message_is_known_to_be_of_its_call_whether_it_crosses_or_not() -> None:
    talk = opened()
    border, call = talk.rig.border, talk.call
    assert border.concerned == call.id
    talk.rig.from_access(talk.asked)
    assert border.concerned == call.id, "the same again"
    failed = answer(talk.sent, SOFTSWITCH.host, stage=FAILURE).pack()
    talk.rig.from_core(failed)
    assert border.concerned == call.id
    talk.rig.from_core(failed)
    assert border.concerned == call.id, "the same answer again"
    talk.rig.from_access(opening(PHONE).but(op=CONFIRM).pack())
    assert border.concerned == call.id, "what is only absorbed"
    talk.rig.from_access(binding(PHONE, exchange=77).pack())
    assert border.concerned == ""
    talk.rig.from_access(b"nonsense")
    assert border.concerned == ""


def test_what_was_refused_of_a_call_is_said_of_it() -> None:
    rig = toy_rig(ports=2)
    orders = rig.from_access(opening(PHONE).but(media=(audio(PHONE.host), audio(PHONE.host, 4100, key=1))).pack())
    (note,) = of(Note, orders)
    (record, _) = of(Record, orders)
    assert note.event == "refused"
    assert note.call == record.call == rig.border.concerned != ""
