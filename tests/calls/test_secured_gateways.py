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
from tests.h248_calls import DIALECT, NEAR, RTP, gateway, gateway_rig, read
from tests.h248_calls import FAR as REMOTE
from tests.h248_words import LINE, WIRES, command, media, reply, transaction
from tests.h248_words import sdp as h248_sdp
from tests.mgcp_calls import FAR, PRIVATE, Line, mgcp_plan
from tests.mgcp_messages import crcx, created, mdcx, response, sdp
from tests.rig import Rig, of


def secured(plan: Plan, where: str = "access") -> Plan:
    """A plan in one realm of which SRTP is demanded, over signalling that is protected below: mostly the terminals'."""
    demands, plain = Protection(MediaSecurity.SDES, sdes_over_clear=True), Protection(MediaSecurity.NONE)
    protections = ((name, realm, demands if name == where else plain) for name, realm in plan.realms.items())
    return attrs.evolve(plan, realms={name: attrs.evolve(realm, protection=each) for name, realm, each in protections})


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


def test_an_audit_shows_the_agent_no_key_of_its_gateways_and_is_no_offer() -> None:
    rig = Rig.make(MgcpDialect(), secured(mgcp_plan()))
    line = Line.register(rig)
    line.told(with_keys(created(line.asked(crcx(7, line.at())), "1F", PRIVATE, 4000), PHONE_KEY))
    joined = line.asked(mdcx(8, line.at(), "1F", described=sdp(FAR, 6000)))
    line.told(response(200, joined))
    before = sides(rig)
    heard = line.ask("AUCX", "I: 1F", "F: C, LC, RC")
    keyed = sdp(PRIVATE, 4000).replace(b"RTP/AVP", b"RTP/SAVP") + crypto(PHONE_KEY)
    described = (keyed, joined.partition(b"\r\n\r\n")[2])
    told = line.told(response(200, heard, "C: 2a", described=described))
    no_trace_of_keys(told)
    assert told.count(b" RTP/AVP ") == 2 and sides(rig) == before
    moved = line.asked(mdcx(9, line.at(), "1F", described=sdp(FAR, 6002)))
    assert b"RTP/SAVP" in moved and moved.count(b"a=crypto:") == 6, "asked anew, and not told what answers the audit"
    line.told(with_keys(response(200, moved, described=(sdp(PRIVATE, 4000),)), PHONE_KEY))
    assert sides(rig) == before


@pytest.mark.parametrize("wire", WIRES)
def test_an_audit_in_h248(wire: str) -> None:
    found = gateway(Rig.make(DIALECT, secured(gateway_rig().border.plan)), wire=wire)
    keyed = h248_sdp(NEAR.host, NEAR.port).replace(b"RTP/AVP", b"RTP/SAVP").rstrip() + b"\r\n" + crypto(PHONE_KEY)
    asked = found.add()
    found.say(reply(asked.transaction, 5, command(b"Add", LINE), command(b"Add", RTP, media(local=keyed))))
    (joined,) = found.told(found.modify(remote=REMOTE))
    found.say(reply(read(joined).transaction, 5, command(b"Modify", RTP)))
    before = sides(found.rig)
    (stream,) = found.calls[0].streams.values()
    ours = stream.ours[1].rtp
    (asked_again,) = found.told(found.ask(transaction(40, 5, command(b"AuditValue", RTP, b"Audit { Media }"))))
    repeated = h248_sdp(ours.host, ours.port).replace(b"RTP/AVP", b"RTP/SAVP").rstrip() + b"\r\n" + crypto(OTHER_KEY)
    shown = media(local=keyed, remote=repeated)
    (told,) = found.heard(found.say(reply(read(asked_again).transaction, 5, command(b"AuditValue", RTP, shown))))
    assert b"SAVP" not in told and b"inline" not in told and told.count(b"RTP/AVP") == 2
    assert sides(found.rig) == before
    (moved,) = found.told(found.modify(21, remote=REMOTE))
    assert b"RTP/SAVP" in moved and moved.count(b"inline:") == 6


@pytest.mark.parametrize("wire", WIRES)
def test_gateways_that_speak_plain_under_a_controller_that_demands_keys(wire: str) -> None:
    found = gateway(Rig.make(DIALECT, secured(gateway_rig().border.plan, "core")), wire=wire)
    asked = found.add()
    (told,) = found.heard(found.added(asked))
    assert told.count(b"inline:") == 6 and b"RTP/SAVP" in told
    keyed = h248_sdp(REMOTE.host, REMOTE.port).replace(b"RTP/AVP", b"RTP/SAVP").rstrip() + b"\r\n" + crypto(CORE_KEY)
    (joined,) = found.told(found.ask(transaction(20, 5, command(b"Modify", RTP, media(remote=keyed)))))
    assert b"RTP/AVP" in joined and b"inline" not in joined
    agent, side = sides(found.rig)
    assert side is None and agent is not None and agent.receive is not None and agent.receive.secret == CORE_KEY


def test_gateways_of_mgcp_that_speak_plain_under_an_agent_that_demands_keys() -> None:
    rig = Rig.make(MgcpDialect(), secured(mgcp_plan(), "core"))
    line = Line.register(rig)
    heard = line.asked(with_keys(crcx(7, line.at(), described=sdp(FAR, 6000)), CORE_KEY))
    no_trace_of_keys(heard)
    told = line.told(created(heard, "1F", PRIVATE, 4000))
    assert b" RTP/SAVP " in told and told.count(b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:") == 1
    agent, gateway = sides(rig)
    assert gateway is None and agent is not None and agent.receive is not None and agent.receive.secret == CORE_KEY


@pytest.mark.parametrize("wire", WIRES)
def test_in_h248_by_either_encoding(wire: str) -> None:
    found = gateway(Rig.make(DIALECT, secured(gateway_rig().border.plan)), wire=wire)
    asked = found.add()
    local = h248_sdp(NEAR.host, NEAR.port).replace(b"RTP/AVP", b"RTP/SAVP").rstrip() + b"\r\n" + crypto(PHONE_KEY)
    answer = reply(asked.transaction, 5, command(b"Add", LINE), command(b"Add", RTP, media(local=local)))
    (told,) = found.heard(found.say(answer))
    assert b"SAVP" not in told and b"inline" not in told
    (joined,) = found.told(found.modify(remote=REMOTE))
    assert b"RTP/SAVP" in joined and joined.count(b"inline:") == 1
    _, side = sides(found.rig)
    assert side is not None and side.receive is not None and side.receive.secret == PHONE_KEY
