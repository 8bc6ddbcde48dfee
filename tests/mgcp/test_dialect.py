"""MGCP behind IDialect: the laws, and what holds for every recorded message."""

from __future__ import annotations

from zope.interface.verify import verifyObject

from sbc.core.address import Address
from sbc.core.message import BadMessage, Cause, Ending, Intent, Kind, Phase, Refused
from sbc.interfaces import IDialect
from sbc.mgcp.codec import MAX_LINE, decode
from sbc.mgcp.dialect import MgcpDialect
from tests.gateway_laws import GatewayLaws, GatewayWire
from tests.mgcp_messages import RECORDED, command, crcx, created, dlcx, mdcx, number_of, response, rsip, sdp, value
from tests.rig import NAT, PHONE, SBC_CORE, SOFTSWITCH

DIALECT = MgcpDialect()
AT = f"aaln/1@[{SBC_CORE.host}]"


def binding(sender: Address, number: int) -> bytes:
    """A domain says no port: of two gateways at one address behind one NAT one has a name."""
    return rsip(number, f"[{sender.host}]" if sender == PHONE else f"gw{sender.port}.example")


def opening(sender: Address, number: int = 1, call: int = 1) -> bytes:
    return crcx(number, AT, f"{call:x}", described=sdp(sender.host, 4000))


def inside(asked: bytes, answer: bytes) -> bytes:
    described = sdp(SOFTSWITCH.host, 4000)
    return mdcx(number_of(asked) + 50, AT, value(answer, "I"), value(asked, "C"), described=described)


WIRE = GatewayWire(
    binding=binding,
    granted=lambda asked: response(200, asked, f"N: ca@[{SOFTSWITCH.host}]:2727"),
    opening=opening,
    answer=lambda asked, host, member: created(asked, f"{member:X}", host, 4000),
    inside=inside,
    dismissal=lambda asked, answer: dlcx(number_of(asked) + 60, AT, value(asked, "C"), value(answer, "I")),
    done=lambda asked: response(250 if asked.startswith(b"DLCX") else 200, asked),
    together=b".\r\n".join,
    telling=lambda number: command("NTFY", number, f"aaln/1@[{PHONE.host}]", "X: 1F", "O: L/hd"),
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


class TestMgcp(GatewayLaws):
    dialect = DIALECT
    wire = WIRE

    @classmethod
    def samples(cls) -> list[tuple[str, bytes]]:
        own = [("crcx", opening(PHONE)), ("answer", created(7, "1F", "192.0.2.1", 4000)), ("rsip", rsip(9, "gw"))]
        return [*RECORDED, *own]
