"""What a rule says of itself, and which of them can be told before anything is read."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from sbc.policy.hours import Hours
from sbc.policy.rule import Action, Over, Pattern, PrefixList, Rule
from sbc.text.globs import Glob

LIST = PrefixList((ip_network("192.0.2.0/24"),))


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("0900", b"0900123", True),
        ("0900", b"0900123@example.com", True),
        ("0900", b"49900123", False),
        ("+882", b"+88213", True),
        ("+882", b"88213", False),
        ("00*", b"004912345", True),
        ("00*", b"012", False),
        ("bob", b"BOB@example.com", True),
        ("bob", b"bobby@example.com", False),
        ("*@example.com", b"bob@example.com", True),
        ("*@example.com", b"bob@example.org", False),
        ("*", b"", True),
        ("0900", b"", False),
    ],
)
def test_who_fits_a_pattern(pattern: str, name: bytes, fits: bool) -> None:
    assert Pattern(pattern).match(name) is fits


def test_what_need_not_be_read() -> None:
    drop = Rule("a", Action.DROP, sources=LIST)
    assert drop.early and drop.unread and drop.names_sources
    assert not Rule("a", Action.DROP, methods=frozenset({"invite"})).early
    assert not Rule("a", Action.REJECT).unread
    assert Rule("a", Action.LIMIT, rate=1.0).unread
    assert not Rule("a", Action.LIMIT, rate=1.0, over=Over.REJECT).unread
    assert not Rule("a", Action.ACCEPT, countries=frozenset({"DE"})).names_sources


def test_a_rule_in_one_line() -> None:
    rule = Rule(
        "a",
        Action.DROP,
        sources=LIST,
        methods=frozenset({"invite", "register"}),
        agents=(Glob.read("friendly*"),),
        called=(Pattern("00"),),
        hours=Hours(("sat",)),
        registered=False,
        dry_run=True,
    )
    assert str(rule) == (
        "drop from 192.0.2.0/24, method invite, register, agent friendly*, called 00, hours sat (UTC), registered no"
        " (dry run)"
    )
    assert str(Rule("b", Action.ACCEPT)) == "accept all"


def test_long_lists_are_told_by_their_size_and_compared_by_what_they_hold() -> None:
    many = tuple(ip_network(f"10.{each}.0.0/16") for each in range(100))
    assert str(PrefixList(many, "/etc/bad")) == "100 prefixes of /etc/bad"
    assert str(PrefixList(many)).endswith("10.3.0.0/16 and 96 more")
    assert PrefixList(many) == PrefixList(tuple(map(ip_network, map(str, many)))) != PrefixList(many[1:])
