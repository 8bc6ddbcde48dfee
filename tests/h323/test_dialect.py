"""H.323 behind IDialect: the laws, and what holds for every recorded message."""

from __future__ import annotations

from zope.interface.verify import verifyObject

from sbc.core.address import Address
from sbc.core.message import BadMessage, Cause, Phase, Refused
from sbc.core.reach import LARGE
from sbc.core.realm import Callers
from sbc.h323.codec import build_control
from sbc.h323.dialect import H323Dialect
from sbc.h323.slots import TERMINAL
from sbc.interfaces import IDialect
from tests.h323_calls import (
    GATEKEEPER,
    arq,
    fast_start,
    grq,
    h323_rig,
    ip,
    keepalive,
    rcf,
    release,
    rrq,
    said_back,
    setup,
    to,
)
from tests.h323_messages import RECORDED
from tests.laws import DialectLaws, Wire
from tests.rig import NAT, Rig, make_plan

DIALECT = H323Dialect()
WIRE = Wire(
    opening=lambda sender: setup(sender, fastStart=fast_start(sender.host)),
    answer=lambda asked, host: said_back("connect", asked, host),
    inside=lambda asked, answer: release(asked),
    binding=lambda sender, number: rrq(number, sender, sender),
    granted=rcf,
    controlled=lambda sender: setup(sender, fast=False, h245Address=ip(sender._replace(port=4500))),
    spoken=build_control("request", "roundTripDelayRequest", {"sequenceNumber": 7}),
    summons=True,
)
SAMPLES = [*RECORDED, ("rrq", rrq(6)), ("grq", grq(5)), ("arq", arq(7)), ("keepalive", keepalive(8))]


def test_it_is_one() -> None:
    verifyObject(IDialect, DIALECT)


def test_every_message_of_ras_is_described_and_stays_as_it_is() -> None:
    for name, data in SAMPLES:
        message = DIALECT.decode(data)
        intent = DIALECT.describe(message)
        assert intent.control == name.endswith(".h245"), name
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


def test_a_registration_too_large_for_one_packet_is_a_datagram_all_the_same() -> None:
    """RAS is said by datagrams alone: what SIP would send by a connection then (RFC 3261) stays what it is."""
    many = [("h323-ID", f"a gateway's name {number}") for number in range(60)]
    rig = h323_rig()
    (sent,) = to(rig.from_access(rrq(terminalAlias=many)), "core")
    assert len(sent.data) > LARGE and sent.to == GATEKEEPER
    assert sent.listener.transport == "udp"


class ByDatagram(H323Dialect):
    """All of it over datagrams, as the rig has it."""

    parted = False


class TestH323(DialectLaws):
    """Over datagrams; connections are in tests/calls."""

    dialect = ByDatagram()
    wire = WIRE

    @classmethod
    def samples(cls) -> list[tuple[str, bytes]]:
        return [*SAMPLES, ("setup", setup()), ("connect", said_back("connect", setup(), "198.51.100.2"))]

    def rig(self) -> Rig:
        return Rig.make(self.dialect, make_plan("h323", callers=Callers.ANY))

    def lifetimes(self, data: bytes) -> list[int | None]:
        return [DIALECT.decode(data).value["timeToLive"]]

    def place_of(self, sender: Address) -> bytes:
        return TERMINAL
