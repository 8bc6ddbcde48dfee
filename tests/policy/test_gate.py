"""The gate keeps its promises to the core: the first policy that does not let pass decides; each hears of the rest."""

from __future__ import annotations

from ipaddress import ip_network

import attrs
import pytest
from zope.interface.verify import verifyObject

from sbc.core.address import Address
from sbc.core.message import Intent, Kind, Phase
from sbc.core.orders import Listener
from sbc.interfaces import IPolicy
from sbc.policy.bans import Ban
from sbc.policy.events import Act, Message, Standing
from sbc.policy.flooding import Flooding
from sbc.policy.gate import Gate
from sbc.policy.rule import Action, PrefixList, Rule
from sbc.text.globs import Glob
from tests.rig import make_plan

TRUNK = Address("192.0.2.17", 5060)
SCANS = b"friendly-scanner"


def gate(*rules: Rule) -> tuple[Gate, Listener]:
    plan = make_plan("toy")
    access = attrs.evolve(plan.realms["access"], rules=rules, flood=Flooding())
    return Gate(attrs.evolve(plan, realms={**plan.realms, "access": access})), access.listeners[0]


def asked(own: Listener, source: Address = TRUNK, agent: bytes = b"") -> Message:
    intent = Intent(Kind.OPEN, Phase.REQUEST, b"c", b"e", method="open")
    intent.agent = agent
    return Message(own, source, Standing.STRANGER, intent)


def test_it_is_a_policy() -> None:
    assert verifyObject(IPolicy, Gate(make_plan("toy")))


def test_a_scanner_is_banned_though_a_rule_would_let_it_in() -> None:
    made, own = gate(Rule("all", Action.ACCEPT))
    verdict = made.message(asked(own, agent=SCANS), 0.0)
    assert verdict is not None and (verdict.act, verdict.word) == (Act.DROP, "scanner")
    assert made.banned("access", TRUNK, 0.1)
    assert made.message(asked(own, TRUNK._replace(port=9)), 0.2) is None


def test_whom_a_rule_accepts_by_name_begins_as_many_calls_as_it_likes_and_others_do_not() -> None:
    made, own = gate(Rule("trunk", Action.ACCEPT, sources=PrefixList((ip_network("192.0.2.16/28"),))))
    assert not any(made.message(asked(own), 0.0) for _ in range(200))
    assert made.flood.guards["access"].known[TRUNK].guest
    stranger = Address("198.51.100.7", 5060)
    assert [each.word for each in (made.message(asked(own, stranger), 0.0) for _ in range(200)) if each][:1] == [
        "open-rate"
    ]


def test_what_a_rule_refuses_is_no_flood_of_calls_to_the_guard() -> None:
    made, own = gate(Rule("no", Action.REJECT, agents=(Glob.read("*"),)))
    verdicts = [made.message(asked(own, agent=b"phone"), 0.0) for _ in range(200)]
    assert {each.word for each in verdicts if each is not None} == {"rule"} and all(verdicts)


@pytest.mark.parametrize(("transport", "size", "proven", "word"), [
    ("tls", 0, "", ""),
    ("tls", 100, "", "banned"),
    ("tls", 100, "pbx.example.com", ""),
    ("tcp", 0, "", "banned"),
])  # fmt: skip
def test_who_may_show_a_certificate_gets_as_far_as_that_where_strangers_are_banned(
    transport: str, size: int, proven: str, word: str
) -> None:
    made, own = gate()
    made.flood.bans.add(Ban("access", TRUNK.host, 0, "junk", 0.0, 60.0, 0), soft=True)
    own = attrs.evolve(own, transport=transport)
    assert made.knock(own, TRUNK, size, Standing.STRANGER, proven, 1.0) == word
