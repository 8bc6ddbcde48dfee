"""MGCP behind IDialect: the laws, and what holds for every recorded message."""

from __future__ import annotations

from zope.interface.verify import verifyObject

from sbc.core.address import Address
from sbc.core.message import BadMessage, Cause, Ending, Intent, Kind, Phase, Refused
from sbc.interfaces import IDialect
from sbc.mgcp.codec import MAX_LINE, decode
from sbc.mgcp.dialect import MgcpDialect
from tests.laws import DialectLaws, Wire, only_sends
from tests.mgcp_messages import RECORDED, command, crcx, created, mdcx, response, rsip, sdp, value
from tests.rig import NAT, PHONE, SBC_ACCESS, SOFTSWITCH, Rig, sends

DIALECT = MgcpDialect()
WIRE = Wire(
    opening=lambda sender: crcx(7, f"aaln/1@[{sender.host}]", described=sdp(sender.host, 4000)),
    answer=lambda asked, host: created(asked, "1F", host, 5000),
    inside=lambda asked, answer: mdcx(8, f"aaln/1@[{PHONE.host}]", "1F", described=sdp(PHONE.host, 4000)),
    binding=lambda sender, number: rsip(number, f"[{sender.host}]"),
    granted=lambda asked: response(200, asked, f"N: ca@[{SOFTSWITCH.host}]:2727"),
)


def test_it_is_one() -> None:
    verifyObject(IDialect, DIALECT)


def test_what_it_has_no_words_for() -> None:
    message = DIALECT.decode(crcx(7, "aaln/1@gw"))
    assert DIALECT.pending(message, NAT) is None and DIALECT.confirm(b"", message) is None
    assert DIALECT.complain(BadMessage("none"), NAT) is None and DIALECT.withdraw(b"", None) == b""
    assert DIALECT.refuse(message, Refused(Cause.BUSY, "full"), NAT) == b"409 7 full\r\n"
    assert DIALECT.moved(b"x", "udp", NAT) == b"x" and DIALECT.remarks(message) == []
    assert DIALECT.word(Cause.NO_CALL) == "MGCP 516" and DIALECT.word(Ending.SILENT) == "MGCP reason 902"


def test_transactions_last_as_long_as_the_rfc_has_it() -> None:
    timing = DIALECT.timing(Intent(Kind.OTHER, Phase.REQUEST, b"", b"7"))
    assert (timing.cap, timing.limit, timing.linger) == (4.0, 20.0, 30.0)


def test_what_edits_have_made_too_long_is_not_sent() -> None:
    line = f"X-Long: {'x' * (MAX_LINE - 30)} [192.0.2.1]"
    message = decode(command("MESG", 7, "aaln/1@gw", line))
    (held,) = message.all("X-LONG")
    message.edits.replace(held.end - 11, held.end, b"[2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]")
    try:
        DIALECT.encode(message)
    except BadMessage as bad:
        assert "too long" in bad.reason
    else:
        raise AssertionError


class TestMgcp(DialectLaws):
    """The gateway asks and the core answers, which is the harder way round."""

    dialect = DIALECT
    wire = WIRE

    @classmethod
    def samples(cls) -> list[tuple[str, bytes]]:
        own = [("crcx", WIRE.opening(PHONE)), ("answer", created(7, "1F", "192.0.2.1", 4000)), ("rsip", rsip(9, "gw"))]
        return [*RECORDED, *own]

    def rig(self) -> Rig:
        """Whoever asks for something is registered."""
        rig = Rig.make(self.dialect)
        (asked,) = sends(rig.from_access(WIRE.binding(PHONE, 1)), "core")
        rig.from_core(WIRE.granted(asked))
        return rig

    def test_there_and_back(self) -> None:
        """What the opener calls its call and transaction it is called in the answer."""
        rig, asked, sent, answer, back = self.crossed()
        (onward,) = sends(rig.from_access(WIRE.inside(asked, back)), "core")
        assert value(onward, "C") == value(sent, "C") == value(asked, "C")
        assert value(onward, "I") == value(answer, "I") == value(back, "I")
        assert asked.split()[1] == back.split()[1] and sent.split()[1] == answer.split()[1] != asked.split()[1]

    def test_replay(self) -> None:
        """Who asks again gets the stored bytes; an answer that comes again is not for anybody who has not asked."""
        rig = self.rig()
        asked = WIRE.opening(PHONE)
        (sent,) = sends(rig.from_access(asked), "core")
        again = rig.from_access(asked)
        assert not sends(again, "core") and not sends(again, "access") and only_sends(again)
        answer = WIRE.answer(sent, SOFTSWITCH.host)
        back = sends(rig.from_core(answer), "access")
        replayed = rig.from_core(answer)
        assert len(back) == 1 and not sends(replayed, "access") and only_sends(replayed)
        assert sends(rig.from_access(asked), "access") == back

    def test_refresh(self) -> None:
        """What a gateway says of itself always goes on."""
        rig = self.rig()
        (again,) = sends(rig.from_access(WIRE.binding(PHONE, 2)), "core")
        (back,) = sends(rig.from_core(WIRE.granted(again)), "access")
        assert value(back, "N") == f"ca@[{SBC_ACCESS.host}]:{SBC_ACCESS.port}"

    def place_of(self, sender: Address) -> bytes:
        return b""
