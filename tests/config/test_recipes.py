"""The recipes of the manual: each loads on top of a small configuration, whole, and what its table says counts."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from sbc.config.load import load_text
from sbc.config.values import Config
from sbc.core.address import Address
from sbc.policy.flooding import SCANNERS
from sbc.sip.dialect import SipDialect
from tests import sip_messages as sip
from tests.config.test_load import SMALL
from tests.edge import to
from tests.rig import Rig

DOCS = Path(__file__).parent.parent.parent / "docs"
PAGES = ("edge", "access", "admission", "bandwidth", "charging", "marks")
BLOCK = re.compile(r"^\.\. code-block:: toml\n\n((?: {3,}.*\n|\n)+)", re.MULTILINE)
BASE = (
    SMALL.replace("realms.a", "realms.access")
    .replace("realms.c", "realms.core")
    .replace('access = "a"', 'access = "access"')
    .replace('core = "c"', 'core = "core"')
)


def recipes(page: str) -> list[str]:
    return [textwrap.dedent(found) for found in BLOCK.findall((DOCS / f"{page}.rst").read_text())]


def loaded(recipe: str, at: Path) -> Config:
    return load_text(BASE + recipe, str(at / "sbc.toml"))


def named(anchor: str) -> str:
    """The first recipe after the anchor ``.. _recipe-ANCHOR:``."""
    text = (DOCS / "edge.rst").read_text().partition(f".. _recipe-{anchor}:\n")[2]
    found = BLOCK.search(text)
    assert found is not None
    return textwrap.dedent(found[1])


@pytest.mark.parametrize(("page", "recipe"), [(page, recipe) for page in PAGES for recipe in recipes(page)])
def test_it_loads(page: str, recipe: str, tmp_path: Path) -> None:
    (tmp_path / "listed.txt").write_text("198.51.100.0/24\n")
    plan = loaded(recipe, tmp_path).plan
    assert {"access", "core"} <= plan.realms.keys()


def test_each_page_has_some() -> None:
    assert {page: len(recipes(page)) for page in PAGES if not recipes(page)} == {}
    assert len(recipes("edge")) == (DOCS / "edge.rst").read_text().count("\n~~~~")


def test_the_trunk_is_let_in_and_nobody_else(tmp_path: Path) -> None:
    realm = loaded(named("trunk"), tmp_path).plan.realms["access"]
    assert [(rule.name, rule.action.value) for rule in realm.rules] == [("trunk", "accept"), ("nobody-else", "drop")]
    assert realm.flood is not None and [str(network) for network in realm.flood.trusted] == ["192.0.2.16/28"]


def test_the_trunk_calls_and_is_called_and_others_are_not_read(tmp_path: Path) -> None:
    rig = Rig.make(SipDialect(), loaded(named("trunk"), tmp_path).plan)
    pbx, stranger, hop = Address("192.0.2.17", 5060), Address("203.0.113.66", 5060), Address("198.51.100.9", 5060)
    (own,) = rig.border.plan.realms["access"].listeners
    assert rig.border.knock(own, pbx, 100, "", rig.now) == "" and rig.border.knock(own, stranger, 100, "", rig.now)
    assert [each.to for each in to(rig.from_access(sip.invite(pbx, b"out"), pbx), "core")] == [hop]
    called = sip.invite(hop, b"in", b"sip:+49301234@198.51.100.1")
    assert [each.to for each in to(rig.from_core(called, hop), "access")] == [pbx]


def test_a_customer_has_ten_calls_and_each_of_its_phones_two(tmp_path: Path) -> None:
    (customer,) = loaded(named("customer"), tmp_path).plan.realms["access"].customers
    assert (customer.name, customer.caps.calls, customer.each.calls) == ("acme", 10, 2)


def test_scanners_are_banned_by_name_and_numbers_are_watched(tmp_path: Path) -> None:
    flood = loaded(named("scanners"), tmp_path).plan.realms["access"].flood
    assert flood is not None
    assert set(flood.scanners) == {*SCANNERS, "another-scanner"} and "00" in flood.fraud_prefixes


def test_voice_is_marked_in_both_networks(tmp_path: Path) -> None:
    realms = loaded(named("marks"), tmp_path).plan.realms
    assert {name: str(realm.marks.media) for name, realm in realms.items()} == {"access": "ef/5", "core": "ef/5"}
    assert len(realms["core"].marks.table) == 64 and not realms["access"].marks.table


def test_two_customers_have_one_address_in_two_networks(tmp_path: Path) -> None:
    realms = loaded(named("vpn"), tmp_path).plan.realms
    first, second = realms["customer-a"], realms["customer-b"]
    assert first.listeners[0].address == second.listeners[0].address == Address("10.0.0.1", 5060)
    assert not first.vpn.meets(second.vpn)


def test_who_has_no_account_cannot_call(tmp_path: Path) -> None:
    config = loaded(named("prepaid"), tmp_path)
    assert config.prepaid is not None
    prepaid = config.plan.realms["access"].prepaid
    assert prepaid is not None and prepaid.unknown.value == "refuse"
