"""H.248 behind IDialect: the laws, for text and for binary, and what holds for every recorded message."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import pytest
from zope.interface.verify import verifyObject

from sbc.core.address import Address
from sbc.core.message import BadMessage, Cause, Ending, Intent, Kind, Phase, Refused
from sbc.h248.dialect import H248Dialect, nameless
from sbc.h248.message import Body
from sbc.interfaces import IDialect
from sbc.octets import tpkt
from tests.h248_calls import DIALECT, RTP, answer_to, read
from tests.h248_messages import BINARY, BINARY_TALKS, COMPACT, PRETTY, TEXT_TALKS, needs_recorded, suffix
from tests.h248_words import WRITERS, command, media, message, registration, reply, sdp, transaction
from tests.laws import DialectLaws, Wire, only_sends
from tests.rig import NAT, PHONE, SOFTSWITCH, Rig, sends

TEXTS = [*PRETTY, *COMPACT, *(("talk", each) for each in TEXT_TALKS)]
BINARIES = [*BINARY, *(("talk", each) for each in BINARY_TALKS)]


def wire(write: Callable[[bytes], bytes], frame: Callable[[bytes], bytes] = bytes) -> Wire:
    """How a conversation is held. The gateway asks, which is the harder way round."""

    def said(mid: bytes | Address, body: bytes) -> bytes:
        return frame(write(message(mid, body)))

    def opening(sender: Address) -> bytes:
        near = media(remote=sdp(sender.host, 4000))
        return said(sender, transaction(7, 5, command(b"Add", RTP, near)))

    def answer(asked: bytes, host: str) -> bytes:
        far = media(local=sdp(host, 5000))
        return said(SOFTSWITCH, reply(read(asked).transaction, 5, command(b"Add", RTP, far)))

    def inside(asked: bytes, answer: bytes) -> bytes:
        near = media(remote=sdp(PHONE.host, 4000))
        return said(PHONE, transaction(8, 5, command(b"Modify", RTP, near)))

    return Wire(
        opening=opening,
        answer=answer,
        inside=inside,
        binding=lambda sender, number: said(sender, registration(number)),
        granted=lambda asked: said(SOFTSWITCH, answer_to(asked)),
    )


def test_it_is_one() -> None:
    verifyObject(IDialect, DIALECT)
    assert H248Dialect()._own(NAT) == nameless(NAT)


def test_every_recorded_message_is_described_and_stays_as_it_is() -> None:
    for name, data in (*TEXTS, *BINARIES):
        for part in DIALECT.parts(data):
            taken = DIALECT.decode(part)
            intent = DIALECT.describe(taken)
            assert intent.local and (intent.exchange or intent.phase is Phase.CONFIRM), name
            assert DIALECT.encode(taken) == part, name
            DIALECT.slots(taken)
        assert DIALECT.tell(data) and DIALECT.mask(data), name


@needs_recorded
def test_text_and_binary_of_the_same_message_mean_the_same() -> None:
    texts = {suffix(name): data for name, data in PRETTY}
    assert len(texts) > 50
    for name, data in BINARY:
        written = texts.get(suffix(name))
        if written is None or len(DIALECT.parts(data)) > 1:
            continue
        one, other = (DIALECT.describe(DIALECT.decode(each)) for each in (data, written))
        assert (one.kind, one.phase, one.call, one.method) == (other.kind, other.phase, other.call, other.method), name
        assert len(one.joins) == len(other.joins) and len(one.leaves) == len(other.leaves), name


def test_what_it_has_no_words_for() -> None:
    taken = DIALECT.decode(message(PHONE, transaction(7, b"-", command(b"Notify", RTP))))
    assert DIALECT.pending(taken, NAT) is None and DIALECT.confirm(b"", taken) is None
    assert DIALECT.complain(BadMessage("none"), NAT) is None and DIALECT.withdraw(b"x", None) == b"x"
    assert DIALECT.refuse(taken, Refused(Cause.BUSY, "full"), NAT) is not None
    assert DIALECT.word(Cause.NO_CALL) == "H.248.8 411" and DIALECT.word(Ending.SILENT) == "H.248.8 906"
    assert DIALECT.remarks(taken) == [] and DIALECT.keep(b"x") == b""


def test_transactions_last_as_long_as_the_recommendation_has_it() -> None:
    timing = DIALECT.timing(Intent(Kind.OTHER, Phase.REQUEST, b"", b"7"))
    assert (timing.first, timing.cap, timing.limit, timing.linger, timing.patience) == (0.5, 4.0, 20.0, 30.0, 30.0)


def test_a_message_goes_by_a_connection_in_a_packet() -> None:
    data = message(PHONE, transaction(7, b"-", command(b"Notify", RTP)))
    packed = DIALECT.moved(data, "tcp", NAT)
    assert packed == tpkt.wrap(data) == DIALECT.moved(packed, "tcp", NAT)
    assert DIALECT.moved(packed, "udp", NAT) == data == DIALECT.moved(data, "udp", NAT)


@pytest.mark.parametrize("frame", [bytes, tpkt.wrap], ids=["datagram", "packet"])
def test_several_transactions_are_cut_apart(frame: Callable[[bytes], bytes]) -> None:
    data = frame(message(PHONE, *(transaction(n, b"-", command(b"Notify", RTP)) for n in (7, 8))))
    assert [read(each).transaction for each in DIALECT.parts(data)] == [7, 8]
    assert all(DIALECT.decode(each).framed is (frame is tpkt.wrap) for each in DIALECT.parts(data))
    assert DIALECT.parts(frame(message(PHONE, transaction(7, b"-", command(b"Notify", RTP))))) != (b"",)
    assert DIALECT.tell(data) == "Transaction 7 Notify and 1 more"


class Laws(DialectLaws):
    """What holds by either wire."""

    dialect = DIALECT
    recorded: ClassVar[list[tuple[str, bytes]]] = []

    @classmethod
    def samples(cls) -> list[tuple[str, bytes]]:
        own = [("opening", cls.wire.opening(PHONE)), ("binding", cls.wire.binding(PHONE, 9))]
        single = [(name, data) for name, data in cls.recorded if len(DIALECT.parts(data)) == 1]
        return [*single[:: max(1, len(single) // 60)], *own]

    def rig(self) -> Rig:
        """Whoever asks for something is registered."""
        rig = Rig.make(self.dialect)
        (asked,) = sends(rig.from_access(self.wire.binding(PHONE, 1)), "core")
        rig.from_core(self.wire.granted(asked))
        return rig

    def test_there_and_back(self) -> None:
        """What the opener calls its context and transaction it is called in the answer."""
        rig, asked, sent, answer, back = self.crossed()
        (onward,) = sends(rig.from_access(self.wire.inside(asked, back)), "core")
        assert read(onward).actions[0].context == read(sent).actions[0].context == b"5"
        assert read(back).transaction == read(asked).transaction == 7
        assert read(answer).transaction == read(sent).transaction != 7

    def test_refresh(self) -> None:
        """A gateway that registers again is heard of each time by its controller."""
        rig = self.rig()
        orders = rig.from_access(self.wire.binding(PHONE, 2))
        assert len(sends(orders, "core")) == 1 and not sends(orders, "access")

    def test_replay(self) -> None:
        """A transaction that comes again gets the answer it has had, and is not carried out again."""
        rig, asked, _, answer, back = self.crossed()
        again = rig.from_access(asked)
        assert sends(again, "access") == [back] and only_sends(again) and not sends(again, "core")
        assert not sends(rig.from_core(answer), "access")

    def place_of(self, sender: Address) -> bytes:
        return b"text 1" if read(self.wire.opening(sender)).wire.value == "text" else b"binary 1"


class TestText(Laws):
    """The text encoding, over datagrams."""

    wire = wire(WRITERS["text"])
    recorded = TEXTS


class TestBinary(Laws):
    """BER, over datagrams."""

    wire = wire(WRITERS["binary"])
    recorded = BINARIES


def test_an_error_about_no_transaction_is_told_and_no_more() -> None:
    taken = DIALECT.decode(message(SOFTSWITCH, b'Error = 406 { "version" }'))
    intent = DIALECT.describe(taken)
    assert taken.message.body is Body.ERROR and (intent.phase, intent.exchange) == (Phase.CONFIRM, b"")
    assert DIALECT.refuse(taken, Refused(Cause.UNBOUND, "who?"), NAT) is None
