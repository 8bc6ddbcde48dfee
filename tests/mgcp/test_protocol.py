"""Datagrams of MGCP."""

from __future__ import annotations

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.message import Place
from sbc.mgcp.options import Asked, MgcpOptions
from sbc.mgcp.protocol import SPEECH
from tests.rig import make_plan


def test_each_datagram_is_handed_on() -> None:
    heard: list[tuple[Address, bytes]] = []
    protocol = SPEECH.datagrams(lambda source, data: heard.append((source, data)))
    protocol.datagramReceived(b"x", ("192.0.2.1", 2427))
    protocol.datagramReceived(b"", ("192.0.2.1", 2427))
    assert heard == [(Address("192.0.2.1", 2427), b"x"), (Address("192.0.2.1", 2427), b"")]
    with pytest.raises(TypeError):
        SPEECH.framer()


def test_each_path_says_how_its_gateways_are_asked() -> None:
    plan = make_plan("mgcp")
    (path,) = plan.paths
    told = attrs.evolve(path, options={"mgcp": MgcpOptions(Asked.RQNT, "null")})
    dialect = SPEECH.dialect(attrs.evolve(plan, paths=(told,)))
    own = {name: realm.listeners[0] for name, realm in plan.realms.items()}
    place = Place(Address("192.168.1.10", 2427))
    assert dialect.probe(place, own["access"], b"1").startswith(b"RQNT 1 null@[192.168.1.10] ")
    asked = dialect.probe(place, own["core"], b"1")
    assert asked == b"NTFY 1 sbc@[198.51.100.1] MGCP 1.0\r\nX: 0\r\nO:\r\n", "who controls gateways answers theirs"
