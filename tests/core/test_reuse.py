"""An offered connection is taken of next hops alone, for the host it comes from, and where somebody stands for that."""

from __future__ import annotations

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.border import Border
from sbc.core.mint import Mint
from sbc.core.orders import Alias, Listener, Send
from sbc.core.registry import Arrival
from sbc.core.wires import Connections
from sbc.sip.dialect import SipDialect
from tests.rig import NAT, SECRET, SOFTSWITCH, make_plan, of
from tests.sip_messages import request

PORT = SOFTSWITCH._replace(port=40123)
"""Where the softswitch's connection comes from."""
CLAIMED = SOFTSWITCH._replace(port=5061)


def border(transport: str, alias: bool = False) -> tuple[Border, Listener, Listener]:
    plan = make_plan("sip")
    for name, realm in plan.realms.items():
        own = attrs.evolve(realm.listeners[0], transport=transport)
        plan.realms[name] = attrs.evolve(realm, listeners=(own,), connections=Connections(alias=alias))
    made = Border(plan, {"sip": SipDialect()}, Mint(SECRET))
    return made, plan.realms["core"].listeners[0], plan.realms["access"].listeners[0]


def options(sender: Address = CLAIMED, alias: bytes = b";alias", host: bytes = b"") -> bytes:
    """The softswitch asks whether we live, and offers its connection."""
    data = request(b"OPTIONS", b"sip:198.51.100.1", sender).replace(b";rport", alias)
    return data.replace(b" 198.51.100.2:5061;", b" " + host + b":5061;") if host else data


def aliases(made: Border, own: Listener, data: bytes, source: Address = PORT, proven: str = "") -> list[Alias]:
    return of(Alias, made.receive(Arrival(own, source, data, 1.0, proven)))


@pytest.mark.parametrize(
    ("transport", "wanted", "proven", "taken"),
    [
        ("tls", False, "switch.example", True),
        ("tls", False, "", False),  # nobody has verified it
        ("tls", True, "", True),  # whoever keeps the connections will refuse it
        ("tcp", True, "", True),
        ("tcp", False, "", False),
        ("udp", True, "", False),
    ],
)
def test_who_is_believed(transport: str, wanted: bool, proven: str, taken: bool) -> None:
    made, core, _ = border(transport, wanted)
    expected = [Alias(core, PORT, CLAIMED)] if taken else []
    assert aliases(made, core, options(), proven=proven) == expected
    assert aliases(made, core, options(alias=b""), proven=proven) == []


def test_an_alias_speaks_for_no_other_host() -> None:
    made, core, _ = border("tls", True)
    other = Address("198.51.100.77", 5061)
    assert aliases(made, core, options(other), proven="switch.example") == []  # a next hop, but another's address
    assert aliases(made, core, options(other), other._replace(port=40123), "switch.example") == []  # no next hop
    assert aliases(made, core, options(host=b"victim.example"), proven="switch.example") == []
    assert aliases(made, core, options(host=b"switch.example"), proven="switch.example") == [Alias(core, PORT, CLAIMED)]
    assert aliases(made, core, options(host=b"switch.example")) == []


def test_terminals_are_reached_by_their_own_connection_whatever_they_offer() -> None:
    made, _, access = border("tls", True)
    assert aliases(made, access, options(NAT), NAT._replace(port=40123), "alice.example") == []


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_answers_to_core_hosts_say_where_else_they_may_go_and_answers_to_terminals_do_not(transport: str) -> None:
    made, core, access = border(transport)
    (send,) = of(Send, made.receive(Arrival(core, PORT, options(), 1.0)))
    assert (send.to, send.otherwise) == (PORT, CLAIMED)
    data = options(NAT).replace(b"Max-Forwards: 70", b"Max-Forwards: 0")
    (send,) = of(Send, made.receive(Arrival(access, NAT._replace(port=40123), data, 1.0)))
    assert (send.to.port, send.otherwise) == (40123, None)
