"""Ways that phones keep open themselves (RFC 5626), in memory: how often they are to show that, and what the core hears
when one is gone."""

from __future__ import annotations

import pytest

from sbc.core.address import Address
from sbc.core.orders import Send
from sbc.core.realm import Keepalive, Probing, Registrations
from sbc.core.registry import Arrival
from tests.calls.test_transports import TCP, UDP, Talk, plan_with
from tests.rig import NAT, PHONE, of, sends
from tests.sip_messages import answer, contact, invite, plain_answer, register, status

FLOW = b';+sip.instance="<urn:uuid:0>";reg-id=%d;expires'
OUTBOUND = b"Require: outbound"
OTHER = Address(NAT.host, 40999)


def talk(transport: str = TCP, **keepalive: object) -> Talk:
    plan = plan_with((transport,), (UDP,), keepalive=Keepalive(**keepalive), registrations=Registrations())  # type: ignore[arg-type]
    return Talk.make(transport, UDP, plan)


def bind(made: Talk, flow: int | None, *more: bytes, seq: int = 1, source: Address = NAT) -> tuple[bytes, bytes]:
    """A phone registers by the way of that number, if any; what the registrar and the phone hear."""
    asked = register(PHONE, seq=seq).replace(b"SIP/2.0/UDP", b"SIP/2.0/" + made.phone.transport.upper().encode())
    asked = asked if flow is None else asked.replace(b";expires", FLOW % flow)
    orders = made.rig._take(made.rig.border.receive(Arrival(made.phone, source, asked, made.rig.now)))
    (sent,) = sends(orders, "core")
    said = next(line for line in sent.split(b"\r\n") if line.startswith(b"Contact:"))
    (back,) = sends(made.reply(plain_answer(sent, b"200 OK", said, *more)), "access")
    return sent, back


def timer(data: bytes) -> list[bytes]:
    return [line for line in data.split(b"\r\n") if line.lower().startswith(b"flow-timer")]


@pytest.mark.parametrize(("transport", "seconds"), [(TCP, b"90"), (UDP, b"15")])
def test_who_keeps_its_way_open_is_told_how_often(transport: str, seconds: bytes) -> None:
    """Three quarters of the silence after which it would be asked, so that it is not."""
    made = talk(transport)
    _, back = bind(made, 1, OUTBOUND)
    assert timer(back) == [b"Flow-Timer: " + seconds]
    made.rig.now += 30
    (again,) = sends(made.say(register(PHONE, seq=2).replace(b";expires", FLOW % 1)), "access")
    assert timer(again) == [b"Flow-Timer: " + seconds], "when its refresh ends here, too"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ([b"Flow-Timer: 60"], [b"Flow-Timer: 60"]),
        ([b"Flow-Timer: 900"], [b"Flow-Timer: 90"]),
        ([b"Flow-Timer: 0", b"Flow-Timer: x"], [b"Flow-Timer: 90"]),
        ([b"Flow-Timer: " + b"9" * 200], [b"Flow-Timer: 90"]),
    ],
)
def test_a_registrar_may_want_to_hear_of_it_more_often_and_not_less(said: list[bytes], told: list[bytes]) -> None:
    _, back = bind(talk(), 1, OUTBOUND, *said)
    assert timer(back) == told


def test_who_is_not_asked_or_has_no_such_way_is_told_what_the_registrar_says() -> None:
    assert timer(bind(talk(mode=Probing.OFF), 1, OUTBOUND, b"Flow-Timer: 900")[1]) == [b"Flow-Timer: 900"]
    assert timer(bind(talk(), None, b"Flow-Timer: 900")[1]) == [b"Flow-Timer: 900"]
    assert timer(bind(talk(), None)[1]) == []


def called(made: Talk, bound: bytes) -> tuple[int, str]:
    """The softswitch calls whom the contact is of; its answer, and by which way the phone was called, if it was."""
    orders = made.reply(invite(made.switch.address, call=b"in", to=contact(bound)))
    (said,) = [order for order in of(Send, orders) if not order.data.startswith(b"SIP/2.0 100")]
    return (0, str(said.to)) if said.listener.realm == "access" else (status(said.data), "")


@pytest.mark.parametrize(
    ("flow", "said", "code"),
    [(1, [OUTBOUND], 430), (1, [b"Require: path, Outbound"], 430), (1, [], 480), (None, [OUTBOUND], 480)],
)
def test_a_way_that_is_lost_is_told_to_the_registrar_that_knows_of_others(
    flow: int | None, said: list[bytes], code: int
) -> None:
    """It tries them then (RFC 5626 section 5.3.1); to any other that is a phone that is not there."""
    made = talk()
    bound, _ = bind(made, flow, *said)
    (sent,) = [
        o for o in of(Send, made.reply(invite(made.switch.address, call=b"in", to=contact(bound)))) if o.to == NAT
    ]
    orders = made.lose(made.phone, NAT)
    (told,) = [data for data in sends(orders, "core") if status(data) > 100]
    assert status(told) == code and sent.listener == made.phone
    assert (b"430 Flow Failed" in told) is (code == 430)


def test_the_other_way_is_as_it_was() -> None:
    made = talk(UDP, answer_within=1.0, misses=1)
    first, _ = bind(made, 1, OUTBOUND)
    second, _ = bind(made, 2, OUTBOUND, seq=2, source=OTHER)
    assert len(made.rig.border.registry.bindings) == 2
    for _ in range(40):
        for order in of(Send, made.rig.wait(1)):
            if order.to == OTHER and order.data.startswith(b"OPTIONS"):
                answered = answer(order.data, PHONE.host, body=b"")
                made.rig._take(made.rig.border.receive(Arrival(made.phone, OTHER, answered, made.rig.now)))
    assert called(made, first) == (430, "")
    assert called(made, second) == (0, str(OTHER))


def test_what_says_430_is_heard_by_who_has_asked_either_way() -> None:
    made = talk()
    (sent,) = sends(made.say(invite(PHONE)), "core")
    *_, back = sends(made.reply(answer(sent, "198.51.100.9", b"430 Flow Failed", body=b"")), "access")
    assert status(back) == 430
    bound, _ = bind(made, None)
    (sent,) = [
        o for o in of(Send, made.reply(invite(made.switch.address, call=b"in", to=contact(bound)))) if o.to == NAT
    ]
    *_, back = sends(made.say(answer(sent.data, PHONE.host, b"430 Flow Failed", body=b"")), "core")
    assert status(back) == 430
