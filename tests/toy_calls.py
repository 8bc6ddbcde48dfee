"""Conversations in the made-up protocol that many tests of the core begin with."""

from __future__ import annotations

from typing import Any

import attrs

from sbc.core.call import Call
from sbc.core.exchange import Exchange
from sbc.core.message import Intent, Phase
from sbc.core.orders import Listener, Order, Send
from sbc.core.promises import LASTS, Promise
from sbc.core.realm import Callers
from tests.rig import NAT, PHONE, SOFTSWITCH, Rig, make_plan, of, sends
from tests.toy import BIND, LEAVE, OP, QUIET, TELL, ToyDialect, ToyMessage
from tests.toy_records import Record, answer, binding, granted, opening


def toy_rig(dialect: ToyDialect | None = None, **plan: Any) -> Rig:
    """A rig that speaks the made-up protocol; `plan` as for make_plan."""
    dialect = dialect or ToyDialect()
    return Rig.make(dialect, make_plan(dialect.name, **plan))


@attrs.frozen
class Talk:
    """A call in a rig: its opening as it came and as it went on, its last answer as it came and as it went back."""

    rig: Rig
    asked: bytes
    sent: bytes
    said: bytes = b""
    back: bytes = b""

    @property
    def call(self) -> Call:
        (call,) = self.rig.border.registry.calls.values()
        return call

    @property
    def exchange(self) -> Exchange:
        """The exchange of the opening."""
        assert self.call.opening is not None
        return self.call.opening


def opened(rig: Rig | None = None, record: Record | None = None) -> Talk:
    """A call that the phone has opened and nobody has answered."""
    rig = rig or toy_rig()
    asked = (record or opening(PHONE)).pack()
    *_, sent = sends(rig.from_access(asked), "core")
    return Talk(rig, asked, sent)


def answered(rig: Rig | None = None, record: Record | None = None, **changes: Any) -> Talk:
    """A call that the softswitch has answered."""
    talk = opened(rig, record)
    said = answer(talk.sent, SOFTSWITCH.host, **changes).pack()
    *_, back = sends(talk.rig.from_core(said), "access")
    return attrs.evolve(talk, said=said, back=back)


def bound(rig: Rig, sender: Any = PHONE, source: Any = NAT, life: int = 60, **changes: Any) -> bytes:
    """Bind a terminal; returns the place it is presented with on the core side."""
    (send,) = to_core(rig.from_access(binding(sender, life=life, **changes).pack(), source))
    rig.from_core(granted(send.data).pack(), at=send.listener)
    return Record.read(send.data).places[0][0]


def to_core(orders: list[Order]) -> list[Send]:
    return [order for order in of(Send, orders) if order.listener.realm == "core"]


def to_access(orders: list[Order]) -> list[Send]:
    return [order for order in of(Send, orders) if order.listener.realm == "access"]


def read(data: list[bytes]) -> list[Record]:
    return [Record.read(each) for each in data]


def promised(rig: Rig, name: bytes, **more: Any) -> Promise:
    """Leave for who is at the NAT, to make a call of that name."""
    path = rig.border.plan.paths[0]
    made = Promise("p", "toy", path, NAT.host, name, **{"takes": False, "binding": "", "to": SOFTSWITCH,
                   "until": rig.now + LASTS, **more})  # fmt: skip
    rig.border.registry.promises.keep(made, rig.now)
    return made


class ByConnection(ToyDialect):
    """The made-up protocol, if its calls meant the connections they go by. A terminal whose user begins with ``come``
    opens them itself, and says that it is ``here``."""

    parted = True

    def describe(self, message: ToyMessage) -> Intent:
        intent = super().describe(message)
        op = message.octets[OP]
        about_leave = op == TELL and (intent.user in LEAVE or intent.user == b"come" or intent.phase.reply)
        if op == BIND:
            intent.comes = intent.user.startswith(b"come")
        elif op == TELL and intent.phase is Phase.REQUEST and intent.user == b"here":
            intent.bound, intent.phase, intent.comes_for = True, Phase.CONFIRM, intent.label
        elif not about_leave:
            intent.bound, intent.heralds = True, intent.label
        return intent


def rig_by_connections(**more: Any) -> tuple[Rig, Listener]:
    """A rig whose calls go by connections, and where those of access are taken. Who calls waits for longer than who
    tells something."""
    dialect = ByConnection(quiet=attrs.evolve(QUIET, limit=15.0))
    plan = make_plan(dialect.name, **{"callers": Callers.REGISTERED, **more})
    realms = {
        name: attrs.evolve(realm, listeners=(*realm.listeners, attrs.evolve(realm.listeners[0], transport="tcp")))
        for name, realm in plan.realms.items()
    }
    rig = Rig.make(dialect, attrs.evolve(plan, realms=realms))
    return rig, realms["access"].listeners[1]
