"""Gateways whose media is secured, through every engine: keys that stand in messages of MGCP and H.248, in text and in
binary, are those by which packets are read and written."""

from __future__ import annotations

import re
from base64 import b64decode

import pytest

from sbc.core.secured import Key, SideSecurity
from sbc.media.srtp import Session
from sbc.mgcp.dialect import MgcpDialect
from tests.calls.test_secured import CORE_KEY, PHONE_KEY, crypto
from tests.calls.test_secured_gateways import secured, sides, with_keys
from tests.contract.engines import Call, Rig
from tests.h248_calls import DIALECT, NEAR, RTP, gateway, gateway_rig
from tests.h248_calls import FAR as REMOTE
from tests.h248_words import LINE, command, media, reply, transaction
from tests.h248_words import sdp as h248_sdp
from tests.media.keys import SUITE
from tests.media.packets import rtp
from tests.media.reference import protect_rtp
from tests.mgcp_calls import FAR, PRIVATE, Line, mgcp_plan
from tests.mgcp_messages import crcx, created, mdcx, sdp
from tests.rig import Rig as BorderRig

_TOLD = re.compile(SUITE.encode() + rb" inline:([A-Za-z0-9+/]{40})")
Sides = tuple[SideSecurity | None, SideSecurity | None]
"""Of the agent or controller, and of the gateway."""


@pytest.fixture(autouse=True)
def can(rig: Rig) -> None:
    if not rig.engine.suites():
        pytest.skip("SRTP is not built into this engine")


def of_mgcp(where: str) -> tuple[Sides, bytes]:
    """A call whose gateway, or agent, has keys, and what it was told of ours."""
    border = BorderRig.make(MgcpDialect(), secured(mgcp_plan(), where))
    line = Line.register(border)
    if where == "core":
        heard = line.asked(with_keys(crcx(7, line.at(), described=sdp(FAR, 6000)), CORE_KEY))
        told = line.told(created(heard, "1F", PRIVATE, 4000))
        return sides(border), told
    line.told(with_keys(created(line.asked(crcx(7, line.at())), "1F", PRIVATE, 4000), PHONE_KEY))
    told = line.asked(mdcx(8, line.at(), "1F", described=sdp(FAR, 6000)))
    return sides(border), told


def of_h248(where: str, wire: str) -> tuple[Sides, bytes]:
    """The same, by either encoding."""
    found = gateway(BorderRig.make(DIALECT, secured(gateway_rig().border.plan, where)), wire=wire)
    asked = found.add()
    local, remote = (h248_sdp(each.host, each.port) for each in (NEAR, REMOTE))
    key = crypto(CORE_KEY if where == "core" else PHONE_KEY)
    keyed = (remote if where == "core" else local).replace(b"RTP/AVP", b"RTP/SAVP").rstrip() + b"\r\n" + key
    added = command(b"Add", RTP, media(local=local if where == "core" else keyed))
    (told,) = found.heard(found.say(reply(asked.transaction, 5, command(b"Add", LINE), added)))
    described = media(remote=keyed if where == "core" else remote)
    (joined,) = found.told(found.ask(transaction(20, 5, command(b"Modify", RTP, described))))
    return sides(found.rig), told if where == "core" else joined


@pytest.mark.parametrize("where", ["access", "core"], ids=["its gateways", "its agents"])
@pytest.mark.parametrize("speaks", ["mgcp", "h248 text", "h248 binary"])
def test_what_a_protocol_says_of_keys_is_what_the_engine_encrypts_with(rig: Rig, speaks: str, where: str) -> None:
    said, told = of_mgcp(where) if speaks == "mgcp" else of_h248(where, speaks.split()[1])
    call = Call(rig, a={"security": said[0]}, b={"security": said[1]})
    (keyed, to_keyed), (plain, to_plain) = (call.a, call.at_a), (call.b, call.at_b)
    if where == "access":
        (keyed, to_keyed), (plain, to_plain) = (plain, to_plain), (keyed, to_keyed)
    theirs = Key(SUITE, CORE_KEY if where == "core" else PHONE_KEY)
    call.send(keyed, to_keyed, *(protect_rtp(theirs, rtp(number)) for number in range(1, 5)), rtp(5))
    assert plain.data() == [rtp(number) for number in range(1, 5)], "and nothing that came in the clear"
    call.send(plain, to_plain, *(rtp(number, ssrc=7) for number in range(1, 5)))
    (ours,) = {b64decode(each) for each in _TOLD.findall(told)}
    session = Session(Key(SUITE, ours), sends=False)
    assert [session.open(data, False) for data in keyed.data()] == [rtp(number, ssrc=7) for number in range(1, 5)]
