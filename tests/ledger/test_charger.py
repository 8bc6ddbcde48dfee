"""What calls use is booked on accounts, and ends them."""

from __future__ import annotations

import attrs

from sbc.core.call import Call, CallState
from sbc.core.message import Ending
from sbc.core.orders import CloseStream, Note, Order, Record
from sbc.ledger.charger import SPENT, Charger, octets_of
from sbc.media.counters import SideCounters, StreamCounters, Volume
from sbc.policy.quota import Account, Prepaid
from tests.rig import NAT, PHONE, Rig
from tests.toy_calls import Talk, answered, opened, toy_rig
from tests.toy_records import opening

WHOSE = ("access", NAT.host.encode())
HEADER = 28


def carried(packets: int, octets: int, rtcp: int = 0) -> StreamCounters:
    """A stream of which the terminal's side has sent so much and got the same."""
    one = Volume(packets, octets)
    near = SideCounters(received_rtp=one, sent_rtp=one, received_rtcp=Volume(rtcp, 100 * rtcp))
    return StreamCounters((near, SideCounters()))


@attrs.define
class Desk:
    """A rig whose orders a charger hears, and a media engine as far as it needs one."""

    rig: Rig
    volumes: dict[str, StreamCounters] = attrs.field(factory=dict)
    notes: list[Note] = attrs.field(factory=list)
    charger: Charger = attrs.field(init=False)
    heard: int = 0

    def __attrs_post_init__(self) -> None:
        self.rig.replan(paying(self.rig))
        self.charger = Charger(
            self.rig.border, self.volumes.__getitem__, lambda: self.rig.now, self.notes.append, self._end
        )

    @property
    def account(self) -> Account:
        return self.rig.border.registry.gate.quota.accounts[WHOSE]

    def grant(self, octets: int | None = None, seconds: float | None = None) -> None:
        self.rig.border.registry.gate.quota.grant(WHOSE, octets, seconds, False, self.rig.now)

    def hear(self) -> None:
        """The runner carries out what was ordered since."""
        while self.heard < len(self.rig.log):
            order: Order = self.rig.log[self.heard]
            self.heard += 1
            if isinstance(order, Record):
                self.charger.record(order)
            elif isinstance(order, CloseStream):
                self.charger.closed(order.stream, self.volumes.pop(order.stream, carried(0, 0)))

    def _end(self, call: str, cause: str) -> None:
        self.rig._take(self.rig.border.end_call(call, cause, self.rig.now, Ending.SPENT))


def paying(rig: Rig) -> object:
    plan = rig.border.plan
    access = attrs.evolve(plan.realms["access"], prepaid=Prepaid())
    return attrs.evolve(plan, realms={**plan.realms, "access": access})


def desk() -> Desk:
    return Desk(toy_rig())


def talk(desk: Desk, number: int = 1) -> Talk:
    found = answered(desk.rig, opening(PHONE, call=number, exchange=number))
    desk.hear()
    *_, call = calls(desk)
    (stream,) = call.streams.values()
    desk.volumes[stream.id] = carried(0, 0)
    return found


def calls(desk: Desk) -> list[Call]:
    return list(desk.rig.border.registry.calls.values())


def stream_of(found: Talk) -> str:
    (stream,) = found.call.streams.values()
    return stream.id


def test_octets_of_whole_packets_both_ways_and_seconds_since_the_answer() -> None:
    own = desk()
    own.grant(octets=10**6, seconds=3600.0)
    found = talk(own)
    own.volumes[stream_of(found)] = carried(10, 1720, rtcp=1)
    own.rig.wait(5.0)
    own.charger.look()
    assert own.account.used_octets == 2 * (1720 + 10 * HEADER) + 100 + HEADER and own.account.used_seconds == 5.0
    own.charger.look()
    assert own.account.used_octets == 2 * (1720 + 10 * HEADER) + 100 + HEADER  # nothing twice
    assert octets_of(SideCounters(received_rtp=Volume(1, 100)), 48) == 148


def test_what_came_after_the_last_look_is_booked_when_the_call_ends() -> None:
    own = desk()
    own.grant(octets=10**6)
    found = talk(own)
    call = found.call
    own.charger.look()
    own.volumes[stream_of(found)] = carried(3, 300)
    own.rig.wait(7.5)
    own._end(call.id, "over")
    own.hear()
    assert own.account.used_octets == 2 * (300 + 3 * HEADER) and own.account.used_seconds == 7.5
    assert len(own.charger) == 0 and own.charger.faults() == []


def test_a_clock_that_is_set_in_mid_call_costs_nothing_and_gives_nothing() -> None:
    """The core's clock is the system's, which may be set on or back; what is charged is the time that passed."""
    own, passed = desk(), 0.0
    own.charger = Charger(
        own.rig.border, own.volumes.__getitem__, lambda: own.rig.now, own.notes.append, own._end, steady=lambda: passed
    )
    own.grant(seconds=600.0)
    own.rig.now += 3_600.0
    found = talk(own)
    own.charger.look()
    for set_by in (0.0, 3_600.0, -7_200.0, 86_400.0):
        own.rig.now += 5.0 + set_by
        passed += 5.0
        own.charger.look()
    assert own.account.used_seconds == 20.0 and found.call.state is CallState.UP
    own.rig.now, passed = own.rig.now + 1_000_000.0, passed + 2.5
    own._end(found.call.id, "over")
    own.hear()
    assert own.account.used_seconds == 22.5 and not own.account.is_spent


def test_an_account_that_is_used_up_ends_all_its_calls() -> None:
    own = desk()
    own.grant(octets=1000)
    found = talk(own)
    call = found.call
    own.volumes[stream_of(found)] = carried(1, 422)
    own.charger.look()
    assert [note.event for note in own.notes] == ["quota-low"] and call.state is CallState.UP
    own.volumes[stream_of(found)] = carried(2, 844)
    own.charger.look()
    own.hear()
    assert call.state is CallState.CLOSED and call.cause.endswith(SPENT) and call.ending is Ending.SPENT
    assert [note.event for note in own.notes] == ["quota-low", "quota-spent"]
    assert own.account.used_octets == 1800 and own.rig.border.registry.gate.quota.cut["access"] == 1
    assert own.charger.faults() == [] and len(own.charger) == 0


def test_a_call_that_nobody_has_answered_uses_octets_and_no_time() -> None:
    own = desk()
    own.grant(octets=10**6, seconds=1.0)
    found = opened(own.rig)
    own.hear()
    own.volumes[stream_of(found)] = carried(1, 100)
    own.rig.wait(1.0)
    own.charger.look()
    assert own.account.used_octets == 2 * (100 + HEADER) and own.account.used_seconds == 0.0


def test_a_call_is_free_whose_account_is_opened_while_it_is_live() -> None:
    own = desk()
    talk(own)
    own.rig.wait(1.0)
    own.grant(octets=1)
    own.charger.look()
    assert len(own.charger) == 0 and own.account.used_octets == 0
    own.charger = Charger(own.rig.border, own.volumes.__getitem__, lambda: own.rig.now, own.notes.append, own._end)
    own.rig.wait(3.0)
    own.charger.resume()
    own.charger.look()
    assert len(own.charger) == 0 and own.account.used_seconds == 0.0, "nor is it after a restart"


def test_an_account_that_is_filled_anew_is_no_other() -> None:
    own = desk()
    own.grant(seconds=3600.0)
    talk(own)
    own.rig.wait(1.0)
    own.rig.border.registry.gate.quota.grant(WHOSE, None, 60.0, True, own.rig.now)
    own.charger = Charger(own.rig.border, own.volumes.__getitem__, lambda: own.rig.now, own.notes.append, own._end)
    own.rig.wait(3.0)
    own.charger.resume()
    own.charger.look()
    assert own.account.used_seconds == 3.0


def test_after_a_restart_nothing_is_booked_twice() -> None:
    own = desk()
    own.grant(octets=10**6, seconds=3600.0)
    found = talk(own)
    own.volumes[stream_of(found)] = carried(5, 500)
    own.rig.wait(10.0)
    own.charger.look()
    used = own.account.used_octets
    own.charger = Charger(own.rig.border, own.volumes.__getitem__, lambda: own.rig.now, own.notes.append, own._end)
    own.volumes[stream_of(found)] = carried(2, 200)  # the engine of another process counts anew, or from a record on
    own.rig.wait(3.0)
    own.charger.resume()
    own.charger.look()
    assert own.account.used_octets == used and own.account.used_seconds == 13.0
    own.volumes[stream_of(found)] = carried(5, 500)
    own.charger.look()
    assert own.account.used_octets == used + 2 * (300 + 3 * HEADER)


def test_a_stream_whose_ports_are_not_open_has_carried_nothing() -> None:
    own = desk()
    own.grant(octets=10**6)
    found = talk(own)
    own.volumes.clear()
    own.charger.look()
    assert own.account.used_octets == 0 and found.call.state is CallState.UP


def test_the_auditor_hears_of_a_call_that_is_charged_for_ever() -> None:
    own = desk()
    own.grant(octets=10**6)
    found = talk(own)
    own._end(found.call.id, "over")  # whose record nobody has heard
    assert len(own.charger.faults()) == 1


def test_a_fault_with_one_call_costs_no_other_its_look(capfd: object) -> None:
    own = desk()
    own.grant(octets=10**6, seconds=1.0)
    first = talk(own)
    own.charger._counters = lambda stream: 1 / 0  # type: ignore[assignment,return-value]
    own.charger.look()
    own.charger.look()
    assert own.account.used_octets == 0 and len(own.charger) == 1
    own.charger._counters = own.volumes.__getitem__
    own.volumes[stream_of(first)] = carried(1, 100)
    own.charger.look()
    assert own.account.used_octets == 2 * (100 + HEADER)


def test_an_account_that_is_filled_or_closed_in_time_ends_no_call() -> None:
    own = desk()
    own.grant(octets=1000)
    found = talk(own)
    own.charger.closed(stream_of(found), carried(10, 1000))
    own.grant(octets=10**6)
    own.charger.look()
    assert found.call.state is CallState.UP and own.notes == []
    own.charger.closed(stream_of(found), carried(10**5, 10**7))
    own.rig.border.registry.gate.quota.revoke(WHOSE)
    own.charger.look()
    assert found.call.state is CallState.UP


class Kept:
    """What an engine has noted of what was paid for."""

    def __init__(self, owed: dict[str, Volume]) -> None:
        self._owed = owed
        self.noted: list[str] = []

    def owed(self, stream: str) -> Volume:
        return self._owed.get(stream, Volume())

    def note(self, stream: str) -> None:
        self.noted.append(stream)


def test_what_was_forwarded_while_there_was_no_process_is_paid_for() -> None:
    own = desk()
    own.grant(octets=10**6, seconds=3600.0)
    found = talk(own)
    stream = stream_of(found)
    own.charger.look()
    kept = Kept({stream: Volume(50, 8600)})
    own.charger = Charger(
        own.rig.border, own.volumes.__getitem__, lambda: own.rig.now, own.notes.append, own._end, kept
    )
    own.volumes[stream] = carried(70, 7000)  # some of it was booked by the process before, nobody knows how much
    own.charger.resume()
    assert own.account.used_octets == 8600 + 50 * HEADER and kept.noted == [stream]
    own.volumes[stream] = carried(71, 7100)
    own.charger.look()
    assert own.account.used_octets == 8600 + 50 * HEADER + 2 * (100 + HEADER) and len(kept.noted) == 2


def test_a_fault_with_one_resumed_call_lets_the_others_be_taken_up() -> None:
    own = desk()
    own.grant(octets=10**6)
    for number in (1, 2, 3):
        talk(own, number)
    own.charger = Charger(own.rig.border, own.volumes.__getitem__, lambda: own.rig.now, own.notes.append, own._end)
    take = own.charger.take

    def fail(call: object, since: float | None = None) -> None:
        if call is calls(own)[0]:
            raise ZeroDivisionError
        take(call, since)  # type: ignore[arg-type]

    own.charger.take = fail  # type: ignore[method-assign]
    own.charger.resume()
    assert len(own.charger) == 2


def test_a_look_may_be_spread_and_comes_to_each_call_once_a_round() -> None:
    own = desk()
    own.grant(octets=10**6)
    for number in range(1, 8):
        talk(own, number)
    streams = [stream.id for call in calls(own) for stream in call.streams.values()]
    asked: list[str] = []

    def counters(stream: str) -> StreamCounters:
        asked.append(stream)
        return own.volumes[stream]

    own.charger._counters = counters
    looks = []
    for _ in range(8):
        own.charger.look(parts=4)
        looks.append(len(asked))
    assert looks == [2, 4, 6, 7, 9, 11, 13, 14] and asked == streams * 2
