"""The torture messages of RFC 4475 and RFC 5118 from a phone, in memory: what is refused, dropped, and taken across."""

from __future__ import annotations

import pytest

from sbc.sip.codec import decode
from sbc.sip.dialect import SipDialect
from tests.corpora import ROOT
from tests.rig import Rig, sends
from tests.torture import BY_US, RFC4475, torture

MESSAGES = torture()


@pytest.mark.skipif(not ROOT.is_dir(), reason="needs the corpora in ../shared/corpora")
def test_all_of_both_rfcs_are_here() -> None:
    recorded = len(MESSAGES) - len(RFC4475) - 11
    assert len(RFC4475) + recorded == 49
    assert BY_US.keys() <= MESSAGES.keys()


@pytest.mark.parametrize("name", MESSAGES)
def test_from_a_phone(name: str) -> None:
    made = Rig.make(SipDialect())
    orders = made.from_access(MESSAGES[name])
    told, crossed = sends(orders, "access"), sends(orders, "core")
    if name in BY_US:
        assert not crossed
        assert [data.split(b"\r\n")[0].decode() for data in told] == [f"SIP/2.0 {BY_US[name]}"] * bool(BY_US[name])
    else:
        (sent,) = crossed
        assert all(data.startswith(b"SIP/2.0 100 Trying\r\n") for data in told)
        assert decode(sent).method == decode(MESSAGES[name]).method
        assert len(decode(sent).all("via")) == 1
    made.wait(100_000)
    assert not made.border.registry.calls and not made.border.registry.live_exchanges
