"""Where what is for the party of a leg is sent."""

from __future__ import annotations

from sbc.core.address import Address
from sbc.core.call import Leg
from sbc.core.message import Place, Route
from sbc.core.onward import hop_to
from tests.rig import NAT, make_plan


def test_terminals_where_they_were_seen_and_core_hosts_where_they_said() -> None:
    plan = make_plan("toy")
    access, core = (Leg(realm, realm.listeners[0], NAT) for realm in plan.realms.values())
    said = Place(Address("198.51.100.9", 5070))
    routed = said._replace(route=Route((b"hop",), Address("198.51.100.8", 5080)))
    named = Place(Address("pbx.example.org", 5060))
    assert hop_to(access, routed).peer == NAT
    assert hop_to(core, routed).peer == Address("198.51.100.8", 5080)
    assert hop_to(core, said).peer == Address("198.51.100.9", 5070)
    assert hop_to(core, Place(Address("2001:db8::9", 5060))).peer == NAT, "which no socket of ours there can reach"
    assert hop_to(core, named).peer == NAT and hop_to(core, None).peer == NAT
