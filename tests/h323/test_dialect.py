"""H.323 behind IDialect: what holds for every message, recorded or broken."""

from __future__ import annotations

from zope.interface.verify import verifyObject

from sbc.core.message import BadMessage, Cause, Phase, Refused
from sbc.h323.dialect import H323Dialect
from sbc.interfaces import IDialect
from tests.h323_calls import arq, grq, keepalive, rcf, rrq
from tests.h323_messages import RECORDED
from tests.rig import NAT

DIALECT = H323Dialect()
SAMPLES = [*RECORDED, ("rrq", rrq(6)), ("grq", grq(5)), ("arq", arq(7)), ("keepalive", keepalive(8))]


def test_it_is_one() -> None:
    verifyObject(IDialect, DIALECT)


def test_every_message_of_ras_is_described_and_stays_as_it_is() -> None:
    for name, data in SAMPLES:
        message = DIALECT.decode(data)
        try:
            intent = DIALECT.describe(message)
        except BadMessage:
            assert not name.endswith(".ras"), name
            continue
        DIALECT.slots(message)
        assert intent.exchange or intent.phase is Phase.CONFIRM
        assert DIALECT.encode(message) == data, name
        assert DIALECT.tell(data) and DIALECT.mask(data)


def test_what_is_quoted_whole_tells_its_exchange() -> None:
    assert DIALECT.quoted(rrq(6)) == b"6" and DIALECT.quoted(rrq(6)[:8]) is None
    assert DIALECT.quoted(rcf(rrq(6))) is None


def test_what_it_has_no_words_for() -> None:
    message = DIALECT.decode(rrq(6))
    assert DIALECT.pending(message, NAT) is None and DIALECT.confirm(b"", message) is None
    assert DIALECT.complain(BadMessage("none"), NAT) is None
    assert DIALECT.refuse(message, Refused(Cause.BUSY, "full"), NAT) is not None
    assert DIALECT.moved(b"x", "tcp", NAT) == b"x" and DIALECT.complete(message, None) is message
