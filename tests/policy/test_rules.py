"""Rules decide as they stand in order, and as a scan over all of them would."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbc.core.address import Address
from sbc.core.message import Cause, Intent, Kind, Phase
from sbc.core.orders import Listener
from sbc.policy import rules as rooms
from sbc.policy.events import Act, Message, Standing, Verdict
from sbc.policy.explain import explain
from sbc.policy.hours import Hours
from sbc.policy.prefixes import PIECE
from sbc.policy.rule import Action, Over, Pattern, Per, PrefixList, Rule
from sbc.policy.rules import AT_ONCE, Rules
from sbc.text.globs import Glob

UDP = Listener("access", "toy", "udp", Address("203.0.113.1", 5060), Address("203.0.113.1", 5060))
TLS = attrs.evolve(UDP, transport="tls")
NOW = 1_795_600_000.0  # a Wednesday, 09:46 UTC
BAD, GOOD = Address("192.0.2.7", 5060), Address("198.51.100.7", 5060)


def prefixes(*texts: str) -> PrefixList:
    return PrefixList(tuple(map(ip_network, texts)))


def made(*rules: Rule, countries: Any = None) -> Rules:
    found = Rules()
    found.replan({"access": rules}, countries)
    return found


def asked(
    source: Address = BAD,
    method: str = "open",
    standing: Standing = Standing.STRANGER,
    own: Listener = UDP,
    **more: Any,
) -> Message:
    proven = more.pop("proven", "")
    intent = Intent(Kind.OPEN, Phase.REQUEST, b"c", b"e", method=method, **more)
    return Message(own, source, standing, intent, proven=proven)


def said(rules: Rules, message: Message, now: float = NOW) -> str:
    """What becomes of a message that comes: a word of the gate's, an act, or nothing."""
    word = rules.knock(message.listener, message.source, message.standing, message.proven, now)
    if word:
        return word
    verdict = rules.message(message, now)
    return "" if verdict is None else verdict.act.value


def test_what_is_dropped_by_where_it_comes_from_is_dropped_before_it_is_read() -> None:
    rules = made(Rule("bad", Action.DROP, sources=prefixes("192.0.2.0/24")))
    assert said(rules, asked(BAD)) == "rule" and said(rules, asked(GOOD)) == ""
    (hits,) = rules.tables["access"].hits
    assert (hits.count, hits.at, hits.source) == (1, NOW, BAD)


def test_the_first_rule_that_speaks_of_a_message_decides() -> None:
    accept = Rule("mine", Action.ACCEPT, sources=prefixes("192.0.2.7"))
    drop = Rule("all", Action.DROP)
    assert said(made(accept, drop), asked(BAD)) == "" and said(made(accept, drop), asked(GOOD)) == "rule"
    assert said(made(drop, accept), asked(BAD)) == "rule"


def test_a_rule_that_has_to_see_the_message_keeps_those_behind_it_waiting() -> None:
    lets = Rule("lets", Action.ACCEPT, methods=frozenset({"open"}))
    rules = made(lets, Rule("all", Action.DROP))
    assert rules.knock(UDP, BAD, Standing.STRANGER, "", NOW) == ""
    assert said(rules, asked(method="open")) == "" and said(rules, asked(method="tell")) == "drop"


@pytest.mark.parametrize(
    ("rule", "meant", "other"),
    [
        ({"methods": frozenset({"open"})}, {"method": "OPEN"}, {"method": "bind"}),
        ({"agents": (Glob.read("*scanner*"),)}, {"agent": b"The Scanner 1"}, {"agent": b"phone"}),
        ({"callers": (Pattern("bob"),)}, {"user": b"bob@example.com"}, {"user": b"eve@example.com"}),
        ({"callers": (Pattern("100"),)}, {"user": b"digits:100", "calling": b"100"}, {"user": b"digits:100"}),
        ({"callers": (Pattern("*:100"),)}, {"user": b"digits:100", "calling": b"100"}, {"calling": b"100"}),
        ({"called": (Pattern("00"),)}, {"dialled": b"0049"}, {"dialled": b"049"}),
        ({"called": (Pattern("*"),)}, {"dialled": b"0"}, {"dialled": b""}),
        ({"registered": False}, {}, {"standing": Standing.REGISTERED}),
        ({"registered": True}, {"standing": Standing.TRUSTED}, {}),
        ({"transports": frozenset({"tls"})}, {"own": TLS}, {}),
        ({"protocols": frozenset({"toy"})}, {}, {"own": attrs.evolve(UDP, dialect="other")}),
        ({"peers": (Glob.read("*.example.com"),)}, {"proven": "pbx.example.com"}, {"proven": ""}),
        ({"peers": (Glob.read("*"),)}, {"proven": "x"}, {"proven": ""}),
    ],
)
@pytest.mark.parametrize("action", [Action.DROP, Action.REJECT, Action.TARPIT])
def test_each_condition(rule: dict[str, Any], meant: dict[str, Any], other: dict[str, Any], action: Action) -> None:
    rules = made(Rule("it", action, **rule))
    assert said(rules, asked(**meant)) and not said(rules, asked(**other))


def test_hours() -> None:
    rules = made(Rule("by-day", Action.DROP, hours=Hours(("wed 08:00-10:00",))))
    assert said(rules, asked(), NOW) and not said(rules, asked(), NOW + 3600) and not said(rules, asked(), NOW - 86_400)


def test_hours_go_by_the_time_of_day_and_rates_by_the_clock_that_nobody_sets() -> None:
    rules = made(
        Rule("by-day", Action.DROP, hours=Hours(("wed 08:00-10:00",))),
        Rule("slow", Action.LIMIT, rate=1.0, burst=1, methods=frozenset({"open"})),
    )
    rules.ahead = NOW - 100.0
    assert said(rules, asked(), 100.0) and explain(rules, asked(), 100.0)[0].endswith("decides")
    rules.ahead += 3600.0  # the clock is set on, and it is another hour
    assert not said(rules, asked(), 100.0) and "it is another time" in explain(rules, asked(), 100.0)[0]
    assert said(rules, asked(), 100.0)  # the bucket of the other rule has not filled by that
    assert not said(rules, asked(), 101.0)


def test_what_a_rejection_says() -> None:
    reject = Rule("no", Action.REJECT, cause=Cause.NOT_FOUND, why="nobody here")
    assert made(reject).message(asked(), NOW) == Verdict(Act.REJECT, "rule", "no", "nobody here", Cause.NOT_FOUND)
    verdict = made(Rule("slow", Action.TARPIT, seconds=7.0)).message(asked(), NOW)
    assert verdict is not None and (verdict.act, verdict.seconds, verdict.cause) == (Act.HOLD, 7.0, Cause.DENIED)


def test_who_calls_for_help_is_not_asked_for_anything() -> None:
    assert (
        made(Rule("no", Action.REJECT, called=(Pattern("1"),))).message(asked(urgent=True, dialled=b"112"), NOW) is None
    )


def test_who_is_welcome_is_told_by_a_rule_that_names_it() -> None:
    for rule, welcome in (
        (Rule("trunk", Action.ACCEPT, sources=prefixes("192.0.2.0/24")), True),
        (Rule("pbx", Action.ACCEPT, peers=(Glob.read("pbx"),)), True),
        (Rule("calls", Action.ACCEPT, methods=frozenset({"open"})), False),
        (Rule("dry", Action.ACCEPT, sources=prefixes("192.0.2.0/24"), dry_run=True), False),
    ):
        message = asked(proven="pbx")
        assert made(rule).message(message, NOW) is None and message.intent.welcome is welcome, rule


@pytest.mark.parametrize(("per", "others"), [(Per.RULE, "rule"), (Per.HOST, ""), (Per.SOURCE, "")])
def test_a_rate_lets_so_many_pass(per: Per, others: str) -> None:
    rules = made(Rule("slowly", Action.LIMIT, rate=1.0, burst=3, per=per))
    assert [said(rules, asked()) for _ in range(5)] == ["", "", "", "rule", "rule"]
    assert said(rules, asked(GOOD)) == others
    same_host = said(rules, asked(BAD._replace(port=9)))
    assert same_host == ("" if per is Per.SOURCE else "rule")
    assert said(rules, asked(), NOW + 1) == ""
    assert rules.tables["access"].hits[0].count == 2 + bool(others) + bool(same_host)


def test_a_rate_over_which_is_rejected_counts_messages() -> None:
    rules = made(Rule("slowly", Action.LIMIT, rate=0.1, burst=1, over=Over.REJECT, methods=frozenset({"open"})))
    assert said(rules, asked(method="tell")) == "" == said(rules, asked())
    verdict = rules.message(asked(), NOW)
    assert verdict is not None and (verdict.act, verdict.cause, verdict.retry_after) == (Act.REJECT, Cause.RATE, 10)


def test_a_dry_run_only_counts() -> None:
    for rule in (
        Rule("all", Action.DROP, dry_run=True),
        Rule("all", Action.REJECT, dry_run=True),
        Rule("all", Action.LIMIT, rate=0.1, burst=0.5, dry_run=True),
        Rule("all", Action.DROP, methods=frozenset({"open"}), dry_run=True),
    ):
        rules = made(rule)
        assert said(rules, asked()) == "" and rules.tables["access"].hits[0].count == 1, rule


def test_a_dry_run_that_would_let_pass_leaves_the_rates_after_it_alone() -> None:
    slow = Rule("slow", Action.LIMIT, rate=1.0, burst=1)
    for action in (Action.ACCEPT, Action.DROP, Action.REJECT, Action.TARPIT):
        rules = made(Rule("dry", action, dry_run=True), slow)
        assert [said(rules, asked()) for _ in range(5)].count("") == 1, action


def test_a_new_connection_is_let_in_as_far_as_a_rule_about_certificates_may_speak_of_it() -> None:
    pbx = Rule("pbx", Action.ACCEPT, peers=(Glob.read("pbx.example.com"),))
    for after in (Rule("all", Action.DROP), Rule("none", Action.LIMIT, rate=0.001, burst=0.5)):
        rules = made(pbx, after)
        assert rules.knock(TLS, BAD, Standing.STRANGER, "", NOW, 0) == "", "it has not shown its certificate yet"
        assert rules.knock(TLS, BAD, Standing.STRANGER, "pbx.example.com", NOW, 9) == ""
        assert rules.knock(TLS, BAD, Standing.STRANGER, "", NOW, 9) == "rule", "nor will it"
        assert rules.knock(attrs.evolve(UDP, transport="tcp"), BAD, Standing.STRANGER, "", NOW, 0) == "rule"
        assert made(after, pbx).knock(TLS, BAD, Standing.STRANGER, "", NOW, 0) == "rule"


def test_who_is_read_against_a_rule_since_it_is_in_a_call_hears_of_it_at_a_new_one() -> None:
    rules = made(Rule("slow", Action.LIMIT, rate=0.001, burst=2))
    words = [(rules.knock(UDP, BAD, Standing.REGISTERED, "", NOW), rules.message(asked(), NOW)) for _ in range(5)]
    assert [word for word, _ in words] == ["", "", "rule", "rule", "rule"]
    assert [verdict is not None and verdict.act for _, verdict in words] == [False, False, *(3 * [Act.DROP])]
    assert rules.tables["access"].hits[0].count == 3, "it is counted once"
    assert rules.message(asked(GOOD), NOW) is None, "it was about another"


def test_who_is_registered_is_not_told_by_a_connection_before_it_is_read() -> None:
    """Calls may come by another port than their terminal is registered at."""
    rules = made(Rule("strangers", Action.DROP, registered=False))
    assert rules.knock(TLS, BAD, Standing.STRANGER, "", NOW) == ""
    assert said(rules, asked(own=TLS)) == "drop" and said(rules, asked(own=TLS, standing=Standing.REGISTERED)) == ""


def test_what_was_counted_goes_on_over_a_reload() -> None:
    bad = Rule("bad", Action.DROP, sources=prefixes("192.0.2.0/24"))
    slow = Rule("slow", Action.LIMIT, rate=0.001, burst=1)
    rules = made(bad, slow)
    said(rules, asked(BAD)), said(rules, asked(GOOD))
    table = rules.tables["access"]
    rules.replan({"access": (bad, slow)}, None)
    assert rules.tables["access"] is table
    rules.replan(
        {"access": (Rule("new", Action.ACCEPT, methods=frozenset({"x"})), attrs.evolve(slow, rate=0.002), bad)}, None
    )
    assert [hits.count for hits in rules.tables["access"].hits] == [0, 0, 1]
    assert said(rules, asked(GOOD)) == "drop", "its burst is spent"
    rules.replan({"access": ()}, None)
    assert said(rules, asked(BAD)) == "" and not rules.tables


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "MOST", 50)
    slow = Rule("slow", Action.LIMIT, rate=1.0, burst=1, agents=(Glob.read("*"),), peers=(Glob.read("*"),))
    rules = made(slow)
    for number in range(300):
        source = Address(str(ip_address(0x0A000000 + number)), 5060)
        said(rules, asked(source, agent=b"%d" % number, proven=f"p{number}"))
    table = rules.tables["access"]
    assert all(len(each) <= 50 for each in (table._hosts, table._agents, table._peers, table.buckets[0]))


class Nowhere:
    """Countries by the last octet of the address."""

    def of(self, host: str) -> str:
        return {"1": "DE", "2": "AT"}.get(host.rpartition(".")[2], "")


def test_countries() -> None:
    rules = made(Rule("de", Action.DROP, countries=frozenset({"DE"})), countries=Nowhere())
    found = [said(rules, asked(Address(f"192.0.2.{each}", 1))) for each in (1, 2, 3)]
    assert found == ["rule", "", ""]


SOURCES = [Address(f"10.0.{a}.{b}", port) for a in (0, 1) for b in (1, 2, 3) for port in (1, 2)]
some = {
    "sources": st.none()
    | st.sampled_from([prefixes("10.0.0.0/24"), prefixes("10.0.0.1", "10.0.1.0/31"), prefixes("10.0.0.0/8")]),
    "countries": st.sampled_from([frozenset[str](), frozenset({"DE"}), frozenset({"DE", "AT"})]),
    "methods": st.sampled_from([frozenset[str](), frozenset({"open"}), frozenset({"tell", "open"})]),
    "transports": st.sampled_from([frozenset[str](), frozenset({"udp"}), frozenset({"tls"})]),
    "agents": st.sampled_from([(), (Glob.read("a*"),), (Glob.read("*b"), Glob.read("c"))]),
    "callers": st.sampled_from([(), (Pattern("1"),), (Pattern("*x"),)]),
    "called": st.sampled_from([(), (Pattern("00"),), (Pattern("*7"),)]),
    "registered": st.none() | st.booleans(),
    "hours": st.none() | st.sampled_from([Hours(("wed 08:00-10:00",)), Hours(("sat",))]),
    "peers": st.sampled_from([(), (Glob.read("p*"),)]),
    "dry_run": st.booleans(),
    "action": st.sampled_from([Action.ACCEPT, Action.DROP, Action.REJECT, Action.TARPIT]),
}
messages = st.builds(
    asked,
    st.sampled_from(SOURCES),
    st.sampled_from(["open", "tell", "bind"]),
    st.sampled_from(list(Standing)),
    st.sampled_from([UDP, TLS]),
    agent=st.sampled_from([b"", b"a", b"ab", b"c"]),
    user=st.sampled_from([b"", b"1", b"12@x", b"zx"]),
    dialled=st.sampled_from([b"", b"007", b"7", b"0"]),
    proven=st.sampled_from(["", "p1", "q"]),
)


def scanned(rules: list[Rule], message: Message, now: float) -> str:
    """What a scan over all rules, one condition after the other, makes of a message."""
    intent, ip = message.intent, ip_address(message.source.host)
    known = message.standing is not Standing.STRANGER
    for rule in rules:
        conditions = (
            rule.sources is None or any(ip in network for network in rule.sources.networks),
            not rule.countries or Nowhere().of(message.source.host) in rule.countries,
            not rule.transports or message.listener.transport in rule.transports,
            not rule.methods or intent.method in rule.methods,
            not rule.agents or any(each.match(intent.agent) is not None for each in rule.agents),
            not rule.callers or any(each.match(intent.user) for each in rule.callers),
            not rule.called or (intent.dialled != b"" and any(each.match(intent.dialled) for each in rule.called)),
            rule.registered is None or rule.registered is known,
            rule.hours is None or rule.hours.hold(now),
            not rule.peers
            or (message.proven != "" and any(p.match(message.proven.encode()) is not None for p in rule.peers)),
        )
        if all(conditions) and not rule.dry_run:
            return {Action.ACCEPT: "", Action.DROP: "drop", Action.REJECT: "reject", Action.TARPIT: "hold"}[rule.action]
    return ""


@settings(max_examples=300)
@given(st.lists(st.builds(Rule, name=st.just("it"), **some), max_size=8), st.lists(messages, max_size=8))
def test_what_is_decided_is_what_a_scan_decides(rules: list[Rule], all_of_them: list[Message]) -> None:
    found = made(*rules, countries=Nowhere())
    for message in all_of_them:
        assert said(found, message).replace("rule", "drop") == scanned(rules, message, NOW)


def test_what_was_made_ready_is_taken_and_what_it_was_not_made_for_is_not() -> None:
    rules = made(Rule("old", Action.DROP, sources=prefixes("192.0.2.0/24")))
    new = {"access": (Rule("old", Action.DROP, sources=prefixes("198.51.100.0/24")),)}
    rules.knock(UDP, BAD, Standing.STRANGER, "", NOW)
    rules.prepare(new, None)
    ready = rules._prepared["access"]
    assert rules.tables["access"] is not ready and said(rules, asked(BAD)) == "rule", "nothing has changed yet"
    rules.replan({"access": (Rule("old", Action.DROP, sources=prefixes("198.51.100.0/24")),)}, None)
    assert rules.tables["access"] is ready and ready.hits[0].count == 2 and said(rules, asked(BAD)) == ""
    rules.prepare(new, None)
    assert not rules._prepared, "it is there already"
    rules.prepare({"access": (Rule("none", Action.DROP),)}, None)
    rules.replan(new, None)
    assert rules.tables["access"] is ready and not rules._prepared


def long_list(first: int) -> dict[str, tuple[Rule, ...]]:
    """A rule with more prefixes than may be freed in passing."""
    networks = tuple(ip_network(((first << 24) + (each << 8), 24)) for each in range(AT_ONCE + 1))
    return {"access": (Rule("bad", Action.DROP, sources=PrefixList(networks)),)}


def test_very_many_prefixes_that_count_no_more_are_freed_by_who_has_the_time() -> None:
    rules = Rules()
    rules.replan(long_list(10), None)
    left = rules.tables["access"]._prefixes
    rules.replan(long_list(11), None)
    assert len(left._tree.prefixes()) == AT_ONCE + 1, "none of them is freed by the replan"
    assert rules.outgrown and said(rules, asked(Address("11.0.3.1", 5060))) == "rule"
    assert sum(1 for _ in rules.let_go()) >= 2 * AT_ONCE // PIECE, "a bit with each step"
    assert not left._tree.prefixes() and not rules.outgrown
    assert said(rules, asked(Address("11.0.3.1", 5060))) == "rule", "those that count stay"
    rules.replan({}, None)
    assert rules.outgrown


def test_what_counts_goes_on_and_few_prefixes_are_freed_at_once() -> None:
    rules = Rules()
    rules.replan(long_list(10), None)
    rules.replan(long_list(10), None)
    assert not rules.outgrown
    rules.replan({"access": (Rule("few", Action.DROP, sources=prefixes("192.0.2.0/24")),)}, None)
    list(rules.let_go())
    rules.replan({}, None)
    assert not rules.outgrown
