"""The SIP dialect under the laws of all dialects."""

from __future__ import annotations

from sbc.core.address import Address
from sbc.core.message import BadMessage
from sbc.sip.dialect import SipDialect
from tests.corpora import corpus
from tests.laws import DialectLaws, Wire
from tests.sip_messages import answer, inside, invite, register, registered


class TestSip(DialectLaws):
    dialect = SipDialect()
    wire = Wire(invite, answer, inside, lambda sender, number: register(sender, seq=number), registered)

    @classmethod
    def samples(cls) -> list[tuple[str, bytes]]:
        own = [
            ("invite", invite(Address("192.0.2.7", 5060))),
            ("answer", answer(invite(Address("192.0.2.7", 5060)), "192.0.2.8")),
        ]
        found = []
        for name, data in corpus("sip/real", "*.sip") + corpus("sip/rfc4475", "*.dat"):
            try:
                cls.dialect.decode(data)
            except BadMessage:
                continue
            found.append((name, data))
        return own + found
