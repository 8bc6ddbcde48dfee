"""A gateway that does not register, on the wire: the core calls it, and it calls, in SIP and in H.323."""

from __future__ import annotations

from ipaddress import ip_network

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.fan import NextHop
from sbc.core.orders import Send
from sbc.core.realm import Callers, Plan
from sbc.core.trunk import Trunk
from sbc.h323.codec import decode
from sbc.policy.flooding import Flooding
from sbc.policy.rule import Action, Pattern, PrefixList, Rule
from tests import sip_messages as sip
from tests.calls.test_limits import left
from tests.edge import GATEKEEPER, H323, Sip, to
from tests.h323_calls import CALLS, addresses, release, said_back
from tests.rig import SBC_ACCESS, SBC_CORE, SOFTSWITCH

PBX = Address("192.0.2.17", 5060)


def trunked(plan: Plan, trunk: Trunk) -> Plan:
    access = attrs.evolve(plan.realms["access"], trunks=(trunk,), sparing=True)
    paths = tuple(attrs.evolve(path, callers=Callers.REGISTERED) for path in plan.paths)
    return attrs.evolve(plan, realms={**plan.realms, "access": access}, paths=paths)


def test_sip_both_ways() -> None:
    speaker = Sip(lambda plan: trunked(plan, Trunk("pbx", (PBX,), "sip", (Pattern("+4930"),))))
    rig = speaker.rig
    asked = sip.invite(SOFTSWITCH, b"in", b"sip:+49-30-1234@198.51.100.1")
    (sent,) = to(rig.from_core(asked), "access")
    assert sent.to == PBX and sent.data.startswith(b"INVITE sip:+49-30-1234@192.0.2.17 SIP/2.0\r\n")
    assert SOFTSWITCH.host.encode() not in sent.data and SBC_ACCESS.host.encode() in sent.data
    *_, back = to(rig.from_access(sip.answer(sent.data, PBX.host), PBX), "core")
    assert sip.status(back.data) == 200 and PBX.host.encode() not in back.data
    (confirmed,) = to(rig.from_core(sip.inside(asked, back.data, b"ACK", 1)), "access")
    assert confirmed.to == PBX
    (ended,) = to(rig.from_core(sip.inside(asked, back.data)), "access")
    rig.from_access(sip.plain_answer(ended.data, b"200 OK"), PBX)

    out = sip.invite(PBX, b"out", b"sip:100@sbc.example.com")
    orders = rig.from_access(out, PBX)
    assert [sip.status(each.data) for each in to(orders, "access")] == [100], "it is where it says, as a next hop is"
    (onward,) = to(orders, "core")
    assert PBX.host.encode() not in onward.data and SBC_CORE.host.encode() in onward.data
    refused = rig.from_access(sip.invite(PBX, b"no", b"sip:100@sbc.example.com"), PBX._replace(host="192.0.2.18"))
    assert not to(refused, "core") and [sip.status(each.data) for each in to(refused, "access")] == [403]
    refused = rig.from_core(sip.invite(SOFTSWITCH, b"far", b"sip:4940@198.51.100.1"))
    assert not to(refused, "access") and sip.status(to(refused, "core")[-1].data) == 404
    rig.from_core(sip.plain_answer(onward.data, b"486 Busy Here"))
    assert left(speaker) == []


@pytest.mark.parametrize("known", ["as a trunk", "by a rule", "to nobody"])
def test_no_call_is_lost_of_a_trunk_that_is_at_full_load_when_the_sbc_starts(known: str) -> None:
    """All by a hundredth: 300 calls a second, of the rates that are usual."""
    flood = Flooding(registered_rate=5.0, registered_burst=20, trusted_rate=20.0, trusted_burst=80)
    if known != "as a trunk":
        flood = attrs.evolve(flood, trusted=(ip_network(f"{PBX.host}/32"),))

    def plan(base: Plan) -> Plan:
        base = trunked(base, Trunk("pbx", (PBX,), "sip"))
        media = {name: attrs.evolve(realm.media, ports=range(20_000, 24_000)) for name, realm in base.realms.items()}
        access = attrs.evolve(base.realms["access"], flood=flood, media=media["access"])
        if known == "by a rule":
            names = Rule("trunk", Action.ACCEPT, sources=PrefixList((ip_network(f"{PBX.host}/32"),)))
            access = attrs.evolve(access, trunks=(), rules=(names,))
        if known == "to nobody":
            access = attrs.evolve(access, trunks=())
            base = attrs.evolve(base, paths=tuple(attrs.evolve(path, callers=Callers.ANY) for path in base.paths))
        core = attrs.evolve(base.realms["core"], media=media["core"])
        return attrs.evolve(base, realms={"access": access, "core": core})

    speaker = Sip(plan)
    rig, (at,) = speaker.rig, speaker.rig.border.plan.realms["access"].listeners

    def says(data: bytes) -> Send:
        word = rig.border.knock(at, PBX, len(data), "", rig.now)
        assert word == "", f"after {rig.now:.1f} s"
        return to(rig.from_access(data, PBX), "core")[-1]

    for number in range(15 * 3):
        asked = sip.invite(PBX, b"call-%d" % number, b"sip:100@sbc.example.com")
        answer = sip.answer(says(asked).data, SOFTSWITCH.host)
        (told,) = [each.data for each in to(rig.from_core(answer), "access")]
        says(sip.inside(asked, told, b"ACK", 1))
        rig.from_core(sip.plain_answer(says(sip.inside(asked, told, b"BYE", 2)).data, b"200 OK"))
        rig.wait(1 / 3)
    assert left(speaker) == []


@pytest.mark.parametrize("known", ["as a trunk", "as trusted", "to nobody"])
def test_of_a_trunk_more_calls_may_ring_at_once_than_of_others(known: str) -> None:
    """The bound of strangers is the usual one."""
    most = {"as a trunk": 250, "as trusted": 250, "to nobody": 200}[known]
    ports = range(20_000, 24_000)

    def plan(base: Plan) -> Plan:
        base = trunked(base, Trunk("pbx", (PBX,) if known == "as a trunk" else (Address("192.0.2.99", 5060),), "sip"))
        media = {name: attrs.evolve(realm.media, ports=ports) for name, realm in base.realms.items()}
        trusted = (ip_network(f"{PBX.host}/32"),) if known == "as trusted" else ()
        flood = Flooding(trusted=trusted, open_rate=0.0, stranger_rate=0.0)
        limits = attrs.evolve(base.realms["access"].limits, exchanges_per_trunk=250)
        access = attrs.evolve(base.realms["access"], flood=flood, media=media["access"], limits=limits)
        core = attrs.evolve(base.realms["core"], media=media["core"])
        paths = tuple(attrs.evolve(path, callers=Callers.ANY) for path in base.paths)
        return attrs.evolve(base, realms={"access": access, "core": core}, paths=paths)

    speaker = Sip(plan)
    rig, (at,) = speaker.rig, speaker.rig.border.plan.realms["access"].listeners
    asked = [sip.invite(PBX, b"call-%d" % number, b"sip:100@sbc.example.com") for number in range(most + 1)]
    ringing = []
    for each in asked[:-1]:
        assert rig.border.knock(at, PBX, len(each), "", rig.now) == ""
        (sent,) = to(rig.from_access(each, PBX), "core")
        ringing.append(sent.data)
        rig.from_core(sip.answer(sent.data, SOFTSWITCH.host, b"180 Ringing", body=b""))
    refused = rig.from_access(asked[-1], PBX)
    assert not to(refused, "core") and [sip.status(each.data) for each in to(refused, "access")] == [503]
    other = rig.from_access(sip.invite(PBX, b"other", b"sip:100@sbc.example.com"), PBX._replace(host="192.0.2.18"))
    ringing += [each.data for each in to(other, "core")]
    for data in ringing:
        rig.from_core(sip.plain_answer(data, b"486 Busy Here"))
    assert len(ringing) == most + 1 and left(speaker) == []


def test_h323_both_ways() -> None:
    pbx = Address("192.0.2.17", 1720)

    def plan(base: Plan) -> Plan:
        hops = (NextHop(GATEKEEPER), NextHop(GATEKEEPER._replace(port=CALLS), transport="tcp"))
        paths = tuple(attrs.evolve(path, next_hops=hops) for path in base.paths)
        return trunked(
            attrs.evolve(base, paths=paths), Trunk("pbx", (pbx,), "h323", (Pattern("200"),), transport="tcp")
        )

    speaker = H323(plan)
    by, at = speaker.calls("core"), GATEKEEPER._replace(port=33_000)
    asked = speaker.setup(GATEKEEPER, 7, Address(SBC_CORE.host, CALLS))
    (sent,) = to(speaker.heard(by, at, asked), "access")
    assert sent.to == pbx and sent.listener.lane and decode(sent.data).name == "setup"
    hosts = {each.host for found in addresses(sent.data).values() for each in found}
    assert GATEKEEPER.host not in hosts and SBC_ACCESS.host in hosts
    *_, back = to(speaker.heard(sent.listener, sent.to, said_back("connect", sent.data, pbx.host)), "core")
    assert decode(back.data).name == "connect"
    speaker.ends[7] = (by, at, release(asked))
    speaker.end(7)
    assert left(speaker) == []
    other = speaker.setup(GATEKEEPER, 8, Address(SBC_CORE.host, CALLS), destinationAddress=[("dialledDigits", "300")])
    assert not to(speaker.heard(by, at._replace(port=33_001), other), "access")
    for number, host, crosses in ((20, pbx.host, True), (21, "192.0.2.18", False)):
        mine = speaker.setup(Address(host, 1720), number)
        orders = speaker.heard(speaker.calls("access"), Address(host, 30_001), mine)
        assert [each.to for each in to(orders, "core")] == [GATEKEEPER._replace(port=CALLS)] * crosses
