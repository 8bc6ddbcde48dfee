"""A path's table for MGCP."""

from __future__ import annotations

from typing import Any

from sbc.config.faults import Findings
from sbc.mgcp.options import DEFAULTS, Asked, MgcpOptions, of, read
from tests.rig import make_plan


def said(**table: Any) -> tuple[MgcpOptions, list[str]]:
    findings = Findings("x.toml")
    return read(table, "paths[0].mgcp", findings), [str(each) for each in findings]


def test_nothing_said_is_the_default() -> None:
    assert said() == (DEFAULTS, []) and DEFAULTS.keepalive is Asked.AUEP
    (path,) = make_plan("mgcp").paths
    assert of(path) is DEFAULTS


def test_of_which_endpoint_a_gateway_is_asked() -> None:
    assert said(endpoint="aaln/1") == (MgcpOptions(endpoint="aaln/1"), [])
    for name in ("aaln 1", "a@b", "x" * 201):
        options, faults = said(endpoint=name)
        assert options == DEFAULTS and "paths[0].mgcp.endpoint" in faults[0]


def test_a_request_for_nothing_is_for_an_endpoint_that_is_named() -> None:
    assert said(keepalive="rqnt", endpoint="null") == (MgcpOptions(Asked.RQNT, "null"), [])
    options, faults = said(keepalive="rqnt")
    assert options == DEFAULTS and "paths[0].mgcp.endpoint" in faults[0] and "missing" in faults[0]
    assert said(keepalive="ping")[1]
