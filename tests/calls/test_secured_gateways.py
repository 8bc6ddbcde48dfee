"""Gateways that secure their media, under call agents that know nothing of it: the same translation as elsewhere."""

from __future__ import annotations

import re

import attrs
import pytest

from sbc.core.orders import OpenStream, UpdateStream
from sbc.core.realm import Plan
from sbc.core.secured import MediaSecurity, Protection, SideSecurity
from sbc.mgcp.dialect import MgcpDialect
from tests.calls.test_secured import CORE_KEY, OTHER_KEY, PHONE_KEY, crypto, no_trace_of_keys
from tests.h248_calls import DIALECT, NEAR, RTP, gateway, gateway_rig
from tests.h248_calls import FAR as REMOTE
from tests.h248_words import LINE, WIRES, command, media, reply
from tests.h248_words import sdp as h248_sdp
from tests.mgcp_calls import FAR, PRIVATE, Line, mgcp_plan
from tests.mgcp_messages import crcx, created, mdcx, sdp
from tests.rig import Rig, of


def secured(plan: Plan) -> Plan:
    """A plan whose terminals' realm demands SRTP, over signalling that is protected below."""
    demands = Protection(MediaSecurity.SDES, sdes_over_clear=True)
    access = attrs.evolve(plan.realms["access"], protection=demands)
    core = attrs.evolve(plan.realms["core"], protection=Protection(MediaSecurity.NONE))
    return attrs.evolve(plan, realms={"access": access, "core": core})


def with_keys(data: bytes, key: bytes) -> bytes:
    return data.replace(b"RTP/AVP", b"RTP/SAVP").rstrip(b"\r\n") + b"\r\n" + crypto(key)


def sides(rig: Rig) -> tuple[SideSecurity | None, SideSecurity | None]:
    """How the engine has the last stream: towards the agent, and the gateway."""
    found: list[SideSecurity | None] = [None, None]
    for order in of(OpenStream, rig.log):
        found = [each.security for each in order.spec.sides]
    for update in of(UpdateStream, rig.log):
        found[update.side] = update.spec.security
    return found[0], found[1]


def test_what_a_gateway_says_of_keys_stays_with_it_and_what_the_agent_says_answers_it() -> None:
    rig = Rig.make(MgcpDialect(), secured(mgcp_plan()))
    line = Line.register(rig)
    heard = line.asked(crcx(7, line.at()))
    told = line.told(with_keys(created(heard, "1F", PRIVATE, 4000), PHONE_KEY))
    no_trace_of_keys(told)
    joined = line.asked(mdcx(8, line.at(), "1F", described=sdp(FAR, 6000)))
    assert b" RTP/SAVP " in joined and len(re.findall(rb"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:", joined)) == 1
    agent, gateway = sides(rig)
    assert agent is None and gateway is not None and gateway.receive is not None and gateway.keyed
    assert gateway.receive.secret == PHONE_KEY


def test_a_gateway_that_is_told_where_to_send_at_once_is_offered_keys() -> None:
    rig = Rig.make(MgcpDialect(), secured(mgcp_plan()))
    line = Line.register(rig)
    heard = line.asked(crcx(7, line.at(), described=sdp(FAR, 6000)))
    assert heard.count(b"a=crypto:") == 6 and b" RTP/SAVP " in heard
    no_trace_of_keys(line.told(with_keys(created(heard, "1F", PRIVATE, 4000), OTHER_KEY)))
    _, gateway = sides(rig)
    assert gateway is not None and gateway.receive is not None and gateway.receive.secret == OTHER_KEY


@pytest.mark.parametrize("key", [None, CORE_KEY])
def test_a_gateway_that_says_none_is_let_have_no_connection(key: bytes | None) -> None:
    rig = Rig.make(MgcpDialect(), secured(mgcp_plan()))
    line = Line.register(rig)
    answer = created(line.asked(crcx(7, line.at())), "1F", PRIVATE, 4000)
    told = line.told(answer if key is None else with_keys(answer, key))
    assert told.startswith(b"505 7 " if key is None else b"200 7 ")


@pytest.mark.parametrize("wire", WIRES)
def test_in_h248_by_either_encoding(wire: str) -> None:
    rig = gateway_rig()
    rig = Rig.make(DIALECT, secured(rig.border.plan))
    found = gateway(rig, wire=wire)
    asked = found.add()
    local = h248_sdp(NEAR.host, NEAR.port).replace(b"RTP/AVP", b"RTP/SAVP").rstrip() + b"\r\n" + crypto(PHONE_KEY)
    answer = reply(asked.transaction, 5, command(b"Add", LINE), command(b"Add", RTP, media(local=local)))
    (told,) = found.heard(found.say(answer))
    assert b"SAVP" not in told and b"inline" not in told
    (joined,) = found.told(found.modify(remote=REMOTE))
    assert b"RTP/SAVP" in joined and joined.count(b"inline:") == 1
    _, side = sides(rig)
    assert side is not None and side.receive is not None and side.receive.secret == PHONE_KEY
