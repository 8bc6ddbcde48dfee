"""How a realm is protected from floods is read from its table; access realms are unless they say otherwise."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from sbc.config.faults import Findings
from sbc.config.flood import read
from sbc.core.realm import Side
from sbc.policy.flooding import Flooding, Ill

AT = "realms.a.flood"


@pytest.mark.parametrize(
    ("table", "side", "protected"),
    [
        ({}, Side.ACCESS, True),
        ({}, Side.CORE, False),
        ({"enabled": True}, Side.CORE, True),
        ({"enabled": False}, Side.ACCESS, False),
    ],
)
def test_access_realms_are_protected_unless_said(table: dict[str, Any], side: Side, protected: bool) -> None:
    findings = Findings("file")
    assert read(table, AT, side, findings) == (Flooding() if protected else None)
    findings.settle()


def test_every_kind_of_value() -> None:
    findings = Findings("file")
    table = {"stranger_rate": 5, "ban": 30, "registered": "ban", "never": ["192.0.2.0/24"], "fraud_prefixes": ["00"]}
    found = read(table, AT, Side.ACCESS, findings)
    findings.settle()
    assert found == Flooding(
        stranger_rate=5.0, ban=30.0, registered=Ill.BAN, never=(ip_network("192.0.2.0/24"),), fraud_prefixes=("00",)
    )


@pytest.mark.parametrize(
    "table",
    [{"stranger_rate": -1}, {"busy": 2.0}, {"registered": "kill"}, {"never": ["no network"]}, {"rate": 1}, {"ban": 0}],
)
def test_what_is_wrong_is_said(table: dict[str, Any]) -> None:
    findings = Findings("file")
    read(table, AT, Side.ACCESS, findings)
    (fault,) = findings.faults
    assert fault.key == f"{AT}.{next(iter(table))}"
