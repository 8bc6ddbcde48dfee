"""The made-up protocol under the laws of all dialects: what passes here owes nothing to SIP."""

from __future__ import annotations

from sbc.core.address import Address
from tests.laws import DialectLaws, Wire
from tests.rig import PHONE
from tests.toy import ToyDialect
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
    opening,
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
