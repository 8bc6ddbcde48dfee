"""Next hops as they are written, for paths and trunks alike."""

from __future__ import annotations

from sbc.config.faults import Findings
from sbc.config.hops import TABLES, check_probing, read_hops
from sbc.core.address import Address
from sbc.core.fan import Asking, NextHop, Probes

ONE, TWO = Address("192.0.2.17", 5060), Address("192.0.2.18", 5060)


def test_mere_addresses_and_tables_and_what_is_wrong_is_left_out() -> None:
    findings = Findings("sbc.toml")
    given = [ONE, {"to": "192.0.2.18:5060", "weight": 3, "transport": "tcp"}, {"weight": 1}, {"to": "192.0.2.17"}]
    found = list(read_hops(given, "here", TABLES["paths[].next_hops[]"], findings))
    assert found == [ONE, NextHop(TWO, weight=3, transport="tcp")]
    assert [fault.key for fault in findings.faults] == ["here[2].to", "here[3].to"]


def test_an_answer_has_to_come_before_the_next_question() -> None:
    for probes, wrong in (
        (Probes(), False),
        (Probes(period=4.0, answer_within=4.0), True),
        (Probes(Asking.OFF, period=4.0, answer_within=4.0), False),
    ):
        findings = Findings("sbc.toml")
        check_probing(probes, "here", findings)
        assert [fault.key for fault in findings.faults] == ["here.probing.answer_within"] * wrong
