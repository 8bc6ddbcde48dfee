"""Terminals and gatekeepers of every version of H.225.0 from 2 to 7, and of one that is not written yet: each with what
its version has, in whichever the other side speaks."""

from __future__ import annotations

from typing import Any

import pytest

from sbc.core.call import CallState
from sbc.core.orders import OpenStream
from tests.calls.test_h323_calls import BY_TCP, from_gatekeeper, heard, only, tcp
from tests.h323_calls import (
    GATEKEEPER,
    acf,
    arq,
    grq,
    h323_rig,
    keepalive,
    plain,
    rcf,
    read,
    release,
    rrq,
    said_back,
    setup,
    to,
)
from tests.laws import assert_no_trace
from tests.rig import NAT, PHONE, SOFTSWITCH, of, sends

VERSIONS = range(2, 9)
SINCE: dict[str, tuple[int, Any]] = {
    "multipleCalls": (3, False),
    "maintainConnection": (3, False),
    "parallelH245Control": (4, []),
    "hopCount": (5, 10),
}
"""What a Setup may have, and since which version."""


def protocol(version: int) -> dict[str, Any]:
    return {"protocolIdentifier": (0, 0, 8, 2250, 0, version)}


def of_version(version: int) -> dict[str, Any]:
    return protocol(version) | {name: value for name, (since, value) in SINCE.items() if version >= since}


@pytest.mark.parametrize("theirs", [2, 4, 7])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_terminal_of_each_version_registers_calls_and_hangs_up(version: int, theirs: int) -> None:
    rig = h323_rig()
    own, other = protocol(version), protocol(theirs)
    discovery = only(to(rig.from_access(grq(5, **own), NAT), "core"))
    assert read(discovery).value["protocolIdentifier"][-1] == version
    asked = only(to(rig.from_access(rrq(6, **own), NAT), "core"))
    assert read(asked).value["protocolIdentifier"][-1] == version
    said = only(to(rig.from_core(rcf(asked.data, "17_endp", **other), GATEKEEPER, at=asked.listener), "access"))
    assert read(said).value["protocolIdentifier"][-1] == theirs
    assert to(rig.from_access(keepalive(7, **own), NAT), "access"), "answered by us"
    leave = only(to(rig.from_access(arq(20), NAT), "core"))
    rig.from_core(acf(leave.data), GATEKEEPER, at=asked.listener)
    more = of_version(version)
    orders = heard(rig, tcp(rig, "access"), BY_TCP, setup(**more))
    sent = only(to(orders, "core"))
    onward = read(sent).value
    assert {name: onward.get(name) for name in more} == more, "what its version has crosses"
    assert not set(SINCE) & set(onward) - set(more), "and nothing that it has not"
    back = only(to(from_gatekeeper(rig, sent, said_back("connect", sent.data, SOFTSWITCH.host, **other)), "access"))
    assert read(back).value["protocolIdentifier"][-1] == theirs
    call = only(list(rig.border.registry.calls.values()))
    assert call.state is CallState.UP and len(call.streams) == len(of(OpenStream, rig.log)) == 1
    from_gatekeeper(rig, sent, release(sent.data, back=True))
    assert call.state is CallState.CLOSED
    for data in sends(rig.log, "core"):
        assert_no_trace(data, PHONE.host, NAT.host)
    for data in sends(rig.log, "access"):
        assert_no_trace(data, SOFTSWITCH.host)


def test_who_is_refused_hears_it_whatever_it_speaks() -> None:
    rig = h323_rig()
    asked = only(to(rig.from_access(rrq(6, **protocol(2)), NAT), "core"))
    said = plain("registrationReject", asked.data, rejectReason=("invalidRevision", 0), **protocol(2))
    back = only(to(rig.from_core(said, GATEKEEPER, at=asked.listener), "access"))
    assert read(back).value["rejectReason"][0] == "invalidRevision"
