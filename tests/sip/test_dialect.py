"""The SIP dialect under the laws of all dialects."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.message import BadMessage
from sbc.sip.codec import MAX_HEADERS, MAX_LINE
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


def asked_by_address(*about: Any) -> bytes:
    return invite(*about).replace(b";tag=", b";tag=192.168.1.10-")


def answered_by_address(request: bytes, host: str) -> bytes:
    return answer(request, host, tag=host.encode() + b"-b")


class TestSipOfTagsThatHoldAddresses(TestSip):
    wire = attrs.evolve(TestSip.wire, opening=asked_by_address, answer=answered_by_address)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [([b"Subject: ".ljust(MAX_LINE, b"x")], "Header too long"), ([b"X: y"] * (MAX_HEADERS - 9), "Too many headers")],
)
def test_what_edits_have_made_too_large_is_not_sent(lines: list[bytes], reason: str) -> None:
    dialect = SipDialect()
    whole = invite(Address("192.0.2.7", 5060)).replace(b"Max-Forwards", b"\r\n".join((*lines, b"Max-Forwards")))
    message = dialect.decode(whole)
    for header in (message.all("subject") or message.all("max-forwards"))[:1]:
        message.edits.insert(header.end, b"x\r\nX: y")
    with pytest.raises(BadMessage, match=reason):
        dialect.encode(message)
