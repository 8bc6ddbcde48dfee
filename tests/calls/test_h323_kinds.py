"""Every kind of message there is in H.225.0 and H.245, rewritten in both IP versions, before another decoder's eyes."""

from __future__ import annotations

from pathlib import Path

import pytest

from sbc.core.address import Address
from sbc.h323.codec import Wire, decode
from sbc.h323.spots import Noted
from tests.h323_kinds import every_kind
from tests.h323_laws import ADDRESSES, keep_the_laws, replaced
from tests.h323_messages import TERMINAL, UNREAD
from tests.h323_tshark import judge, needs_tshark

KINDS = every_kind()
OLDER = "unknown sequence extension"
"""What tshark says of components that are younger than it is."""
COUNTS = {Wire.RAS: 33, Wire.SIGNAL: 12, Wire.CONTROL: 78}


def test_all_kinds_are_there_with_addresses_wherever_one_may_stand() -> None:
    assert {wire: sum(each is wire for _, each, _ in KINDS) for wire in Wire} == COUNTS
    held = {name for name, wire, data in KINDS if any(spot.kind in ADDRESSES for spot in decode(data, wire).spots)}
    assert len(held) > 30
    for name in ("gatekeeperConfirm", "registrationConfirm"):
        (data,) = (data for each, _, data in KINDS if each == name)
        fields = {spot.path[1] for spot in decode(data, Wire.RAS).spots if spot.kind in ADDRESSES}
        assert {"alternateGatekeeper", "assignedGatekeeper"} <= fields


@pytest.mark.parametrize(("name", "wire", "data"), KINDS, ids=[name for name, _, _ in KINDS])
def test_each_kind_keeps_the_laws(name: str, wire: Wire, data: bytes) -> None:
    message = decode(data, wire)
    assert all(pdu.understood for pdu in message.pdus) and message.name in name
    keep_the_laws(data, wire)
    for family in "46":
        there, new = replaced(data, family, wire)
        sent = there.encode()
        packed = bytes(map(int, TERMINAL.host.split(".")))
        assert packed not in sent and TERMINAL.host.encode() not in sent
        assert all(isinstance(each, Address) for each in new)


@needs_tshark
@pytest.mark.parametrize("wire", list(Wire))
def test_tshark_reads_each_kind_as_it_was_rewritten(wire: Wire, tmp_path: Path) -> None:
    """In both IP versions; and of what it finds wrong nothing is new."""
    chosen = [(name, data) for name, each, data in KINDS if each is wire]
    chosen += [(name, data) for name, data in UNREAD if decode(data).wire is wire]
    ways = [(name, data, [replaced(data, family, wire)[0].encode() for family in "46"]) for name, data in chosen]
    judged = iter(judge(tmp_path, wire, [each for _, data, sent in ways for each in (data, *sent)]))
    for name, _, sent in ways:
        before = next(judged)
        assert before.faults in ("", OLDER), name
        unread = {TERMINAL.host} if name == "supplementary" else set()  # who H.450 names is another test's
        for each in sent:
            after = next(judged)
            assert after.faults == before.faults, (name, each.hex())
            spots = [spot for spot in decode(each, wire).spots if spot.kind is Noted.ADDRESS]
            assert set(after.hosts) - unread == {spot.value.host for spot in spots}, name
