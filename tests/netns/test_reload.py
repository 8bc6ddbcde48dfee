"""A reload on real networks: in the middle of a call, with media flowing, and nothing of it is lost."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.netns.nat import Nat, NatKind
from tests.netns.sbc_process import sbc_config
from tests.netns.scene import Scene
from tests.netns.talk import open_media, talk
from tests.netns.topology import FIRST, one_pair

NATS = (Nat(NatKind.PORT_RESTRICTED),)
SHORT = "linger = 2.0\n"


def test_a_reload_in_mid_call_costs_no_packet(make_scene: Callable[..., Scene]) -> None:
    """Other media ports, an access listener at another port: the call goes on as it began, and ends in order."""
    stage = make_scene(one_pair(NATS, NATS), toml=sbc_config(extra=SHORT))
    alice, bob = stage.phone("phone-a", "alice"), stage.phone("phone-b", "bob")
    for phone in (alice, bob):
        assert phone.register().status == 200
    call = alice.dial("bob").wait("up")
    answered = bob.wait_call().wait("up")
    open_media([(call, answered)])
    moved = sbc_config(extra=SHORT, ports="21000-21999").replace("port = 5060", "port = 5070", 1)
    assert stage.sbc is not None
    with ThreadPoolExecutor(1) as pool:
        talking = pool.submit(talk, call, answered, packets=200, reports=20, opened=True)
        stage.sbc.process.wait_output(r"listening on sip/udp \S+:5060 \(core\)")
        stage.sbc.reload(moved)
        stage.sbc.reload(sbc_config(extra=SHORT, ports="20000-21999").replace("port = 5060", "port = 5070", 1))
        talked = talking.result()
    assert talked.whole and talked.there.sent == (200, 20), talked
    call.hold()
    call.resume()
    assert talk(call, answered).whole
    assert alice.register().status == 503  # where it registered nobody is taken any more
    assert call.bye().status == 200
    assert answered.wait("ended").cause == "hung up there"
    assert f"listening on sip/udp {FIRST.sbc_access}:5070" in stage.sbc.process.output()
