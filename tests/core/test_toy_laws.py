"""The made-up protocol under the laws of all dialects: what passes here owes nothing to SIP."""

from __future__ import annotations

from sbc.core.address import Address
from tests.gateway_laws import GatewayLaws, GatewayWire
from tests.laws import DialectLaws, Wire
from tests.rig import PHONE
from tests.toy import ToyDialect
from tests.toy_gateway import GatewayDialect, adjusts, joined, opens, takes_off, yes
from tests.toy_records import (
    CHALLENGE,
    CONVERSE,
    TELL,
    Record,
    answer,
    audio,
    binding,
    controlled,
    fax,
    granted,
    inside,
    number,
    opening,
    place,
)


class TestToy(DialectLaws):
    dialect = ToyDialect()
    wire = Wire(
        lambda sender: opening(sender).pack(),
        lambda request, host: answer(request, host).pack(),
        lambda request, reply: inside(request, reply).pack(),
        lambda sender, number: binding(sender, exchange=number, life=300).pack(),
        lambda request: granted(request).pack(),
        controlled=lambda sender: controlled(sender).pack(),
        spoken=Record(CONVERSE).pack(),
        summons=True,
    )

    @classmethod
    def samples(cls) -> list[tuple[str, bytes]]:
        asked = opening(Address("192.0.2.7", 5060))
        several = (audio("192.0.2.7"), audio("192.0.2.8", 4100, further=1), fax("192.0.2.7", key=1))
        records = {
            "opening": asked,
            "several streams": asked.but(media=several, hop=b"192.0.2.1 5060 edge"),
            "answer": answer(asked.pack(), "192.0.2.9", hop=b"192.0.2.2 5060 proxy"),
            "challenge": answer(asked.pack(), "192.0.2.9", CHALLENGE),
            "close": inside(asked.pack(), answer(asked.pack(), "192.0.2.9").pack()),
            "tell": inside(asked.pack(), answer(asked.pack(), "192.0.2.9").pack(), TELL).but(
                places=((b"192.0.2.44 5060 carol", 30), (b"far.example.org 5060 dan", 30))
            ),
            "binding": binding(PHONE),
            "granted": granted(binding(PHONE).pack()),
        }
        return [(name, record.pack()) for name, record in records.items()]

    def test_records_are_read_as_they_were_written(self) -> None:
        for name, data in self.samples():
            assert Record.read(data).pack() == data, name


def registration(sender: Address, exchange: int) -> Record:
    return binding(sender, exchange, b"gw%d" % (sender.port % 10), 600, places=((place(*sender, "gw"), 600),))


class TestToyGateway(GatewayLaws):
    dialect = GatewayDialect()
    wire = GatewayWire(
        binding=lambda sender, number: registration(sender, number).pack(),
        granted=lambda request: granted(request).pack(),
        opening=lambda sender, number=1, call=1: opens(call, number, media=(audio(sender.host),)).pack(),
        answer=lambda request, host, member: joined(request, b"%d" % member, host).pack(),
        inside=lambda request, answer: adjusts(Record.read(answer).user, 1, 50).pack(),
        dismissal=lambda request, answer: takes_off(Record.read(answer).user, 1, 51).pack(),
        done=lambda request: yes(request).pack(),
        together=b"".join,
        telling=lambda exchange: Record(TELL, exchange=number(exchange), user=b"off-hook").pack(),
        summons=True,
    )

    @classmethod
    def samples(cls) -> list[tuple[str, bytes]]:
        asked = opens().pack()
        records = {
            "registration": registration(PHONE, 1),
            "opening": opens(),
            "answer": joined(asked),
            "change": adjusts(),
            "dismissal": takes_off(),
            "done": yes(asked),
        }
        return [(name, record.pack()) for name, record in records.items()]


class TestToyGatewayOfNumbers(TestToyGateway):
    dialect = GatewayDialect(numbers=1000)
