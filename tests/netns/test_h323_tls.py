"""H.323 call signalling over TLS on both sides of the SBC, with the lab's own endpoints: certificates are verified."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.certificates import Authority
from tests.netns.h323_endpoint import FAST, TUNNEL
from tests.netns.h323_link import Tls
from tests.netns.h323_scene import H323Scene, h323_config
from tests.netns.nat import Nat, NatKind
from tests.netns.talk import talk
from tests.netns.test_cdr import CDR, records
from tests.netns.test_tls_core import table
from tests.netns.topology import FIRST, one_pair
from tests.netns.waiting import wait_for


def config(authority: Authority) -> str:
    """Calls go by TLS alone, at port 1300, and terminals' own ports too."""
    toml = h323_config().replace('transport = "tcp"', 'transport = "tls"').replace("port = 1720", "port = 1300")
    toml = toml.replace('signaling_transports = ["tcp"]', 'signaling_transports = ["tls"]')
    tables = table(FIRST.access, authority, FIRST.sbc_access) + table(FIRST.core, authority, FIRST.sbc_core)
    return CDR + toml.replace("[[paths]]", f"{tables}\n[[paths]]", 1)


def test_calls_go_by_tls_and_nothing_else(make_h323_scene: Callable[..., H323Scene], tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    stage = make_h323_scene(one_pair((Nat(NatKind.PORT_RESTRICTED),), ()), config(authority))
    address = stage.lab.host("phone-b").address()
    alice = stage.endpoint("phone-a", "alice", tls=Tls(*authority.sign("alice"), authority.certificate))
    known = Tls(*authority.sign("bob", address), authority.certificate)
    bob = stage.endpoint("phone-b", ("bob", "200"), tls=known)
    alice.register()
    bob.register()
    for number, manner in enumerate((TUNNEL, FAST)):
        alice.manner = bob.manner = manner
        call = alice.dial("200").wait("up").wait_flowing()
        answered = bob.wait_call(number).wait("up").wait_flowing()
        assert talk(call, answered, packets=10, reports=1).whole
        call.release()
        assert answered.wait("ended").cause == 16
    found = wait_for(lambda: records(stage.sbc.config.parent / "cdr.json", 4), what="records")
    assert {leg["transport"] for each in found for leg in each["legs"]} == {"tls"}
    # whoever is at the terminal's address and cannot show that it is the terminal is told nothing
    bob.close()
    stage.endpoints.remove(bob)
    stranger = Authority(tmp_path, "stranger")
    other = Tls(*stranger.sign("mallory", address), authority.certificate)
    mallory = stage.endpoint("phone-b", ("bob", "200"), tls=other)
    mallory.register()
    assert alice.dial("200").wait("ended").cause == 20
    assert not mallory.calls
