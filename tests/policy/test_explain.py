"""Why rules decide as they do is told as they decide, and telling it counts nothing."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sbc.policy.bans import Ban
from sbc.policy.events import Message
from sbc.policy.explain import explain, explain_bans, steps
from sbc.policy.flood import Flood
from sbc.policy.flooding import Flooding
from sbc.policy.rule import Action, Pattern, Rule
from tests.policy.test_rules import BAD, GOOD, NOW, TLS, Nowhere, asked, made, messages, prefixes, said, some


@settings(max_examples=200)
@given(st.lists(st.builds(Rule, name=st.just("it"), **some), max_size=8), st.lists(messages, max_size=8))
def test_what_is_told_is_what_is_decided(rules: list[Rule], all_of_them: list[Message]) -> None:
    found = made(*rules, countries=Nowhere())
    for message in all_of_them:
        told = steps(found.tables["access"], message, NOW) if rules else []
        decided = told[-1].rule.action if told and told[-1].decides else Action.ACCEPT
        word = {Action.ACCEPT: "", Action.DROP: "drop", Action.REJECT: "reject", Action.TARPIT: "hold"}[decided]
        if word == "drop" and told[-1].early:
            word = "rule"
        assert said(found, message) == word


def test_each_rule_is_told_until_one_decides() -> None:
    rules = made(
        Rule("trunk", Action.ACCEPT, sources=prefixes("192.0.2.16/28")),
        Rule("dry", Action.DROP, dry_run=True),
        Rule("dear", Action.REJECT, called=(Pattern("0900"),)),
        Rule("rest", Action.DROP),
    )
    assert explain(rules, asked(GOOD, dialled=b"0900123"), NOW) == [
        "rule trunk (accept from 192.0.2.16/28): does not speak of it: it is not from 192.0.2.16/28",
        "rule dry (drop all (dry run)): only counts it",
        "rule dear (reject called 0900): decides",
        "rule dear decides: reject, when it has been read",
    ]
    assert explain(rules, asked(urgent=True, dialled=b"0900"), NOW)[-1] == "it calls for help: no rule is asked"
    assert all(hits.count == 0 for hits in rules.tables["access"].hits)


def test_what_is_dropped_unread_and_what_has_no_rules() -> None:
    rules = made(Rule("bad", Action.DROP, sources=prefixes("192.0.2.0/24")))
    assert explain(rules, asked(BAD), NOW)[-1] == "rule bad decides: drop, before it is read"
    assert explain(rules, asked(GOOD), NOW)[-1] == "no rule decides: it goes on"
    assert explain(made(), asked(BAD), NOW) == ["realm access has no rules"]


def test_a_rate_is_looked_at_and_not_taken_from() -> None:
    rules = made(Rule("slow", Action.LIMIT, rate=0.1, burst=1))
    for _ in range(3):
        assert "within the rate" in explain(rules, asked(), NOW)[0]
    assert said(rules, asked()) == ""
    assert explain(rules, asked(), NOW)[-1] == "rule slow decides: limit, drop, before it is read"


def test_bans_are_told() -> None:
    bans = Flood()
    assert explain_bans(bans, asked(BAD), NOW) == ["it is not banned"]
    bans.bans.add(Ban("access", BAD.host, 0, "scans", NOW, NOW + 60, 0))
    (line,) = explain_bans(bans, asked(BAD), NOW)
    assert line == "192.0.2.7 is banned for 60 s more (all): scans; it is dropped unread"
    assert explain_bans(bans, asked(GOOD), NOW) == explain_bans(bans, asked(BAD), NOW + 61) == ["it is not banned"]


def test_whom_a_ban_of_strangers_does_not_mean_is_told_so() -> None:
    flood = Flood()
    flood.replan({"access": Flooding()})
    flood.met("access", BAD, NOW)
    flood.bans.add(Ban("access", BAD.host, 0, "junk", NOW, NOW + 60, 0), soft=True)
    (served,) = explain_bans(flood, asked(BAD), NOW)
    (dropped,) = explain_bans(flood, asked(BAD._replace(port=9)), NOW)
    assert served.endswith("(strangers there): junk; it is none of them, and served")
    assert dropped.endswith("it is dropped unread")


def test_a_scanner_is_told_of_unless_it_is_dropped_unread() -> None:
    rules = made(Rule("all", Action.ACCEPT))
    assert explain(rules, asked(urgent=True), NOW, True)[-1].startswith("it calls itself what scanners do")
    assert explain(made(), asked(), NOW, True)[-1].startswith("it calls itself what scanners do")
    early = made(Rule("bad", Action.DROP))
    assert explain(early, asked(), NOW, True)[-1] == "rule bad decides: drop, before it is read"


def test_what_is_lacking_is_told() -> None:
    for rule, message, why in (
        (Rule("it", Action.DROP, registered=True), asked(), "its sender is stranger"),
        (Rule("it", Action.DROP, transports=frozenset({"udp"})), asked(own=TLS), "it came by tls"),
        (Rule("it", Action.DROP, methods=frozenset({"bind"})), asked(), "it is open"),
        (Rule("it", Action.DROP, countries=frozenset({"DE"})), asked(), "its country is not known"),
    ):
        assert explain(made(rule), message, NOW)[0].endswith(why)
