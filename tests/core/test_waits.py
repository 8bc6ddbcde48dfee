"""Who waits for an answer over a connection: kept by where it is to come from, dropped as it was kept."""

from __future__ import annotations

import attrs

from sbc.core.address import Address
from sbc.core.exchange import Exchange, ExchangeState, Hop
from sbc.core.message import Intent, Kind, Phase, Timing
from sbc.core.waits import MOST_AVOIDED, Waits
from tests.rig import SBC_CORE, SOFTSWITCH, listener

UDP = listener("core", SBC_CORE, "toy")
TCP = attrs.evolve(UDP, transport="tcp")
TIMING = Timing(0.5, 4, 32, 32, 180)


def exchange(by: Hop | None) -> Exchange:
    return Exchange("toy", Intent(Kind.OTHER, Phase.REQUEST, b"", b"x"), TIMING, b"", None, by)


def test_only_those_with_a_connection_wait() -> None:
    waits = Waits()
    far, datagram, nobody = exchange(Hop(TCP, SOFTSWITCH)), exchange(Hop(UDP, SOFTSWITCH)), exchange(None)
    for each in (far, datagram, nobody):
        waits.add(each)
    assert waits.all() == waits.held(Hop(TCP, SOFTSWITCH)) == {far}
    assert waits.at(Hop(TCP, SOFTSWITCH)) == [far]
    assert not waits.at(Hop(UDP, SOFTSWITCH)) and not waits.at(Hop(TCP, Address("198.51.100.9", 5060)))
    for each in (datagram, nobody, far, far):
        waits.drop(each)
    assert not waits.all()


def test_who_has_the_answer_waits_no_more() -> None:
    waits, far = Waits(), exchange(Hop(TCP, SOFTSWITCH))
    waits.add(far)
    far.state = ExchangeState.ACCEPTED
    assert not waits.at(Hop(TCP, SOFTSWITCH)) and waits.all() == {far}


def test_a_hop_is_avoided_for_a_time() -> None:
    waits, hop = Waits(), Hop(TCP, SOFTSWITCH)
    assert not waits.avoided(hop, 0.0)
    waits.avoid(hop, 10.0, 0.0)
    assert waits.avoided(hop, 9.9)
    assert not waits.avoided(hop, 10.0) and not waits.avoided(hop, 5.0)


def test_of_hops_that_are_avoided_no_more_are_kept_than_need_be() -> None:
    """A party of the core is where it says, and each of very many calls may name another port of it."""
    waits = Waits()
    hops = [Hop(TCP, SOFTSWITCH._replace(port=10_000 + at)) for at in range(MOST_AVOIDED + 2)]
    for hop in hops:
        waits.avoid(hop, 60.0, 0.0)
    assert len(waits.kept()) == MOST_AVOIDED and not any(waits.avoided(each, 0.0) for each in hops[:2])
    assert all(waits.avoided(each, 59.9) for each in hops[2:]), "the youngest stay"
    waits.avoid(hops[2], 130.0, 70.0)
    assert waits.kept() == {hops[2]}, "what nobody asks for any more goes all the same"
    waits.avoid(hops[3], 131.0, 71.0)
    waits.avoid(hops[2], 189.0, 129.0)
    waits.avoid(hops[4], 192.0, 132.0)
    assert waits.kept() == {hops[2], hops[4]}, "one that is avoided anew is the youngest"


def test_who_was_asked_to_open_a_connection_is_known_until_it_has_or_nobody_waits() -> None:
    waits, own = Waits(), attrs.evolve(TCP, lane="1", awaited=True)
    asked = exchange(Hop(own, SOFTSWITCH))
    asked.intent.heralds = b"call"
    waits.summon(asked)
    assert waits.summoned(TCP.realm, SOFTSWITCH.host, b"call") is asked and waits.expected() == {asked}
    assert waits.summoned(TCP.realm, SOFTSWITCH.host, b"other") is None
    assert waits.summoned(TCP.realm, "198.51.100.9", b"call") is None
    waits.came(asked)
    assert waits.summoned(TCP.realm, SOFTSWITCH.host, b"call") is None
    waits.summon(asked)
    asked.state = ExchangeState.DONE
    assert waits.summoned(TCP.realm, SOFTSWITCH.host, b"call") is None
    waits.drop(asked)
    assert not waits.expected()
