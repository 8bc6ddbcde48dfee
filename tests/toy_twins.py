"""The made-up protocol with requests that are about two calls at once: cause TWINS opens the call of that number and
the next one, its second stream is of that, and its answer names who has joined each; who is not named has not."""

from __future__ import annotations

import attrs

from sbc.core.message import Ending, Intent, Phase, Slot
from sbc.core.orders import Order
from tests.rig import PHONE
from tests.toy import CALL, CAUSE, OP, OPEN, ToyMessage
from tests.toy_gateway import Gateway, GatewayDialect, gateway, gateway_rig, joined, opens
from tests.toy_records import Record, audio

TWINS = 79


class TwinDialect(GatewayDialect):
    """Where a request opens two calls, each has its share of it and of its answer."""

    def describe(self, message: ToyMessage) -> Intent:
        intent = super().describe(message)
        if message.octets[OP] != OPEN or message.octets[CAUSE] != TWINS:
            return intent
        following = (int.from_bytes(message.raw(CALL), "big") + 1).to_bytes(10, "big").hex().encode()
        share = attrs.evolve(intent, exchange=intent.exchange + b" 1", call=following)
        if intent.phase is Phase.SUCCESS:
            names = intent.user.split()
            intent.joins, share.joins = tuple(names[:1]), tuple(names[1:2])
            if len(names) < 2:
                share = attrs.evolve(share, phase=Phase.FAILURE, cause="not done", ending=Ending.FAILED)
        intent.beside = (share,)
        return intent

    def slots(self, message: ToyMessage) -> list[Slot]:
        found = super().slots(message)
        twins = message.octets[OP] == OPEN and message.octets[CAUSE] == TWINS
        names = self.describe(message).user.split()
        for slot in found if twins else ():
            key = int(str(slot.stream).rpartition("/")[2].rpartition(".")[2]) if slot.stream is not None else 0
            slot.beside = key
            if key and slot.member and len(names) > 1:
                slot.member, slot.stream = names[1], f"{names[1].decode()}/{key}"
        return found


def twins(call: int = 1, exchange: int = 1) -> Record:
    """Have a member join each of two calls, with a stream of its own."""
    both = (audio("198.51.100.77"), audio("198.51.100.77", 4002, key=1))
    return opens(call, exchange, cause=TWINS, media=both)


def twin_gateway(**plan: object) -> Gateway:
    """A gateway that has registered."""
    return gateway(gateway_rig(TwinDialect(), **plan))


def both_join(one: Gateway, asked: bytes, members: bytes = b"1 2") -> list[Order]:
    """The gateway's yes."""
    media = (audio(PHONE.host), audio(PHONE.host, 4002, key=1))[: len(members.split())]
    return one.say(joined(asked, members, cause=TWINS, media=media))


def asked_of(one: Gateway, record: Record | None = None) -> bytes:
    """What the gateway is asked."""
    (asked,) = one.told(one.ask(record or twins()))
    return asked
