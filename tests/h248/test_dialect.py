"""H.248 behind IDialect: the laws, for text and for binary, and what holds for every recorded message."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import pytest
from zope.interface.verify import verifyObject

from sbc.core.address import Address
from sbc.core.message import BadMessage, Cause, Ending, Intent, Kind, Phase, Refused
from sbc.h248.message import Body
from sbc.h248.message import Wire as MessageWire
from sbc.interfaces import IDialect
from sbc.octets import tpkt
from tests.gateway_laws import GatewayLaws, GatewayWire
from tests.h248_calls import DIALECT, RTP, answer_to, read
from tests.h248_messages import BINARY, BINARY_TALKS, COMPACT, PRETTY, TEXT_TALKS, needs_recorded, suffix
from tests.h248_words import WRITERS, command, media, message, registration, reply, sdp, together, transaction
from tests.rig import NAT, PHONE, SBC_CORE, SOFTSWITCH

TEXTS = [*PRETTY, *COMPACT, *(("talk", each) for each in TEXT_TALKS)]
BINARIES = [*BINARY, *(("talk", each) for each in BINARY_TALKS)]


OBSERVED = b"ObservedEvents = 1 { al/of }"


def wire(write: Callable[[bytes], bytes]) -> GatewayWire:
    """How a conversation is held. Terminations are named by numbers: ``rtp/1``."""

    def said(mid: bytes | Address, body: bytes) -> bytes:
        return write(message(mid, body))

    def named(data: bytes) -> bytes:
        """The first termination of a message, as text says it."""
        found = read(data)
        name = found.commands[0].termination.name
        return bytes.fromhex(name.decode()) if found.wire is MessageWire.BINARY and name != b"$" else name

    def done(request: bytes) -> bytes:
        asked = read(request)
        (action,) = asked.actions
        mid = PHONE if asked.mid.address is None or asked.mid.address.host != SBC_CORE.host else SOFTSWITCH
        return said(
            mid,
            reply(asked.transaction, action.context, command(action.commands[0].verb.value.encode(), named(request))),
        )

    def answer(request: bytes, host: str, member: int) -> bytes:
        asked, near = read(request), media(local=sdp(host, 4000))
        added = command(b"Add", b"rtp/%d" % member, near)
        return said(PHONE, reply(asked.transaction, asked.actions[0].context, added))

    def inside(request: bytes, back: bytes) -> bytes:
        context, far = read(back).actions[0].context, media(remote=sdp(SOFTSWITCH.host, 4000))
        return said(SOFTSWITCH, transaction(70, context, command(b"Modify", named(back), far)))

    def dismissal(request: bytes, back: bytes) -> bytes:
        return said(SOFTSWITCH, transaction(71, read(back).actions[0].context, command(b"Subtract", named(back))))

    def opening(sender: Address, number: int = 7, call: int = 5) -> bytes:
        far = media(local=sdp(), remote=sdp(sender.host, 4000))
        return said(sender, transaction(number, call, command(b"Add", b"$", far)))

    return GatewayWire(
        binding=lambda sender, number: said(sender, registration(number)),
        granted=lambda asked: said(SOFTSWITCH, answer_to(asked)),
        opening=opening,
        answer=answer,
        inside=inside,
        dismissal=dismissal,
        done=done,
        together=together,
        telling=lambda number: said(
            PHONE, transaction(number, b"-", command(b"Notify", RTP, b"ObservedEvents = 1 { al/of }"))
        ),
    )


def test_it_is_one() -> None:
    verifyObject(IDialect, DIALECT)


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
    assert DIALECT.remarks(taken) == [] and DIALECT.keep(b"x") == b"x"
    assert DIALECT.in_name_of(b"x", b"y", NAT) == b"x"


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


class Laws(GatewayLaws):
    """What holds by either wire."""

    dialect = DIALECT
    recorded: ClassVar[list[tuple[str, bytes]]] = []

    @classmethod
    def samples(cls) -> list[tuple[str, bytes]]:
        own = [("opening", cls.wire.opening(SOFTSWITCH, 7, 5)), ("binding", cls.wire.binding(PHONE, 9))]
        single = [(name, data) for name, data in cls.recorded if len(DIALECT.parts(data)) == 1]
        return [*single[:: max(1, len(single) // 60)], *own]


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
