"""Whatever is said by whomever in whatever order: the books balance after every message, and nothing stays for ever."""

from __future__ import annotations

import random

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.orders import Listener, Send
from sbc.core.realm import Keepalive
from sbc.core.registry import Arrival
from sbc.h323.carried import wrap
from sbc.h323.codec import decode
from tests.calls.test_h323_traversal import coming
from tests.h323_calls import (
    CALLS,
    GATEKEEPER,
    arq,
    drq,
    h323_rig,
    keepalive,
    plain,
    registered,
    release,
    rrq,
    said_back,
    setup,
    tunnel,
    urq,
)
from tests.h323_messages import RECORDED
from tests.rig import NAT, SOFTSWITCH, of

PUBLIC = Address("203.0.113.50", 1719)
SAID = [
    *(data for _, data in RECORDED),
    *(setup(), said_back("alerting", setup()), said_back("connect", setup(), SOFTSWITCH.host), release(setup())),
    *(release(setup(), 17, back=True), tunnel(setup(), []), rrq(6), arq(20), keepalive(7), urq(9), drq(10)),
]
SAID += [wrap(rrq(6)), wrap(arq(20)), coming(), setup(maintainConnection=True, multipleCalls=True)]
TRAVERSAL = {"replacementFeatureSet": False, "supportedFeatures": [{"id": ("standard", 18)}]}
SAID += [rrq(6, featureSet=TRAVERSAL), plain("serviceControlResponse", rrq(1))]
STEPS = 2000


@pytest.mark.parametrize("seed", [1, 2])
def test_the_books_balance_whatever_comes(seed: int) -> None:
    """The rig looks over the books after every step."""
    chance, rig = random.Random(seed), h323_rig(keepalive=Keepalive(period=20.0))
    ports = [registered(rig), registered(rig, PUBLIC, "18_endp", ras=PUBLIC, calls=PUBLIC._replace(port=CALLS))]
    access, core = rig.border.plan.realms["access"].listeners, rig.border.plan.realms["core"].listeners
    opened: list[tuple[Listener, Address]] = []

    def somebody() -> tuple[Listener, Address]:
        ways = [
            (access[0], NAT),
            (chance.choice([*ports, core[0]]), GATEKEEPER),
            (access[1], NAT._replace(port=52000 + chance.randrange(4))),
            (
                attrs.evolve(chance.choice(ports), transport="tcp"),
                SOFTSWITCH._replace(port=33000 + chance.randrange(4)),
            ),
        ]
        return chance.choice([*ways, *opened[-8:]])

    for _ in range(STEPS):
        listener, peer = somebody()
        data = bytearray(chance.choice(SAID))
        if chance.random() < 0.3:
            data[chance.randrange(len(data))] = chance.randrange(256)
        what = chance.random()
        if what < 0.03:
            orders = rig._take(rig.border.unreachable(listener, peer, "lost", rig.now))
        elif what < 0.06:
            orders = rig.wait(chance.choice([1, 5, 20, 200]))
        else:
            orders = rig._take(rig.border.receive(Arrival(listener, peer, bytes(data), rig.now)))
        for send in of(Send, orders):
            decode(send.data)  # nothing is sent that we could not read ourselves
            if send.listener.lane and (send.listener, send.to) not in opened:
                opened.append((send.listener, send.to))
    assert opened
    rig.wait(200_000)
    registry = rig.border.registry
    assert not registry.calls and not registry.live_exchanges and not registry.bindings and not registry.ties.all()
    assert not registry.lines and not registry.waits.expected()
