"""Rules on the console: what they have done, and what would become of a message."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import attrs

from sbc.admin import rules
from sbc.admin.tables import No, Record
from sbc.core.address import Address
from sbc.core.realm import Callers
from sbc.policy.flooding import Flooding
from sbc.policy.rule import Action, Pattern, PrefixList, Rule
from tests.rig import NAT, PHONE, Rig
from tests.toy_calls import bound, toy_rig
from tests.toy_records import opening

TRUNK = Rule("trunk", Action.ACCEPT, sources=PrefixList((ip_network("192.0.2.16/28"),)))
DEAR = Rule("dear", Action.REJECT, called=(Pattern("0900"),))
BAD = Rule("bad", Action.DROP, sources=PrefixList((ip_network("203.0.113.0/24"),)))
NOTHING = dict.fromkeys(("realm", "protocol", "transport", "agent", "caller", "called", "peer"), "")


def ruled(*each: Rule, **plan: Any) -> Rig:
    rig = toy_rig(**plan)
    base = rig.border.plan
    realms = {**base.realms, "access": attrs.evolve(base.realms["access"], rules=each)}
    rig.replan(attrs.evolve(base, realms=realms))
    return rig


def told(rig: Rig, source: str, **said: str) -> list[str]:
    view = rules.explain_view(rig.border, source, "open", NOTHING | said, rig.now)
    assert isinstance(view, Record)
    text = repr(view).splitlines()
    assert text[1:] == view["lines"]
    return text


def test_what_rules_have_done() -> None:
    rig = ruled(TRUNK, BAD)
    own = rig.border.plan.realms["access"].listeners[0]
    assert rig.border.knock(own, NAT, 9, "", rig.now) == "rule"
    first, second = rules.rule_views(rig.border.registry, "", "", rig.now + 5)
    assert (first["hits"], first["last_ago"], first["source"]) == (0, None, None)
    assert (second["hits"], second["last_ago"], second["source"]) == (1, 5.0, str(NAT))
    assert [row["name"] for row in rules.rule_views(rig.border.registry, "", "TRUNK", rig.now)] == ["trunk"]
    assert not list(rules.rule_views(rig.border.registry, "core", "", rig.now))
    assert list(rules.hits(rig.border.registry)) == [(("access", "trunk"), 0), (("access", "bad"), 1)]


def test_what_would_become_of_a_call() -> None:
    rig = ruled(TRUNK, DEAR, callers=Callers.REGISTERED)
    who, banned, _, dear, last, default = told(rig, "198.51.100.9", called="0900123")
    assert "198.51.100.9:0 at toy/udp" in who and who.endswith("is stranger")
    assert (
        banned == "it is not banned"
        and dear == "rule dear (reject called 0900): decides"
        and last.endswith("reject, when it has been read")
    )
    assert "which it is not" in default
    assert told(rig, "192.0.2.17:5060")[3] == "rule trunk decides: accept, when it has been read"
    bound(rig)
    known = told(rig, str(NAT))
    assert "is registered: <Binding" in known[0] and known[-1].endswith("which it is")
    assert told(ruled(), "192.0.2.1")[-1] == "path main lets anybody begin calls"


def test_who_is_in_a_call_is_told() -> None:
    rig = ruled()
    rig.from_access(opening(PHONE).pack())
    assert "it is in a call, which goes on whatever rules say" in told(rig, str(NAT))


def test_what_cannot_be_asked() -> None:
    rig = ruled()
    assert isinstance(rules.explain_view(rig.border, "nowhere", "open", NOTHING, rig.now), No)
    assert isinstance(rules.explain_view(rig.border, "192.0.2.1", "open", NOTHING | {"transport": "tls"}, rig.now), No)
    core = rules.explain_view(rig.border, str(Address("192.0.2.1", 9)), "open", NOTHING | {"realm": "core"}, rig.now)
    assert isinstance(core, Record) and "not one of those" in core["lines"][-1]


def test_what_peers_choose_cannot_steer_a_terminal() -> None:
    rule = Rule("it", Action.DROP, peers=(), agents=(), methods=frozenset({"x"}))
    view = rules.explain_view(ruled(rule).border, "192.0.2.1", "\x1b[2J", NOTHING, 0.0)
    assert "\x1b" not in repr(view)


def test_calls_for_help_and_scanners_are_told_as_they_are_taken() -> None:
    rig = ruled(Rule("none", Action.REJECT, called=(Pattern("112"),)))
    assert "it calls for help: no rule is asked" in told(rig, "192.0.2.1", called="112")
    assert "it calls for help: no rule is asked" not in told(rig, "192.0.2.1", called="1120")
    realms = {**rig.border.plan.realms}
    realms["access"] = attrs.evolve(realms["access"], flood=Flooding())
    rig.replan(attrs.evolve(rig.border.plan, realms=realms))
    assert any("what scanners do" in line for line in told(rig, "192.0.2.1", agent="friendly-scanner"))
