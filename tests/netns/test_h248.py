"""H.248 through the SBC and real NATs: Erlang's megaco application as the gateways and as their controller."""

from __future__ import annotations

from collections.abc import Callable

from tests.netns.gateway_call import h248_connection, join
from tests.netns.gateway_scene import GatewayScene, gateway_config, gateway_volumes
from tests.netns.h248_peers import BINARY_PORT, PHYSICAL, H248Peer
from tests.netns.hiding import assert_hidden
from tests.netns.nat import Nat, NatKind
from tests.netns.rtp_phone import RtpPhone
from tests.netns.talk import talk
from tests.netns.test_cdr import records
from tests.netns.test_mgcp import KEPT, TABLES
from tests.netns.topology import FIRST, one_pair
from tests.netns.waiting import wait_for

NATS = (Nat(NatKind.PORT_RESTRICTED),), (Nat(NatKind.SYMMETRIC),)
OFF_HOOK = f"Context=-{{Notify={PHYSICAL}{{ObservedEvents=1{{19991231T23595999:al/of}}}}}}"


MakeScene = Callable[..., GatewayScene]


def registered(stage: GatewayScene, *ways: str) -> list[H248Peer]:
    """Gateways of one MID at both homes, registered. The controller, to which a MID is a peer, knows two."""
    gateways = [stage.h248(name, way) for name, way in zip(("phone-a", "phone-b"), ways, strict=True)]
    for each in gateways:
        assert each.ask("connect") == "ok"
        told = each.register()
        assert (told.terminations, told.version) == (["root"], each.version), "the version that both are to speak"
    known = stage.controller.peers()
    assert len(set(known)) == len(known) == 2 and all("[198,51,100,1],41" in each for each in known)
    assert all("[203,0,113,1]" in mid for each in gateways for mid in each.peers()), "the SBC is their controller"
    return gateways


def converse(stage: GatewayScene, gateways: list[H248Peer]) -> None:
    """A call between two gateways; what they count is what the SBC counts."""
    controller = stage.controller
    file = stage.sbc.config.parent / "cdr.json"
    before = len(records(file))
    ends = [h248_connection(controller, number, each) for number, each in enumerate(gateways, 1)]
    assert {each.media[0] for each in ends} == {FIRST.sbc_core}
    join(*ends)
    assert talk(ends[0].phone, ends[1].phone, packets=25, reports=3).whole
    assert {host for end in ends for (_, (host, _)) in end.phone.media.sources} == {FIRST.sbc_access}
    assert gateways[0].request(OFF_HOOK).terminations == [PHYSICAL]
    counted = [each.end() for each in ends]
    assert wait_for(lambda: gateway_volumes(records(file)[before:], 2), what="the record") == sorted(counted)


def is_latched(stage: GatewayScene, gateway: H248Peer) -> None:
    """H.248.37: the far end, behind a NAT of the core, sends from elsewhere than it is said to be; the controller has
    that taken, and is answered there."""
    controller, core = stage.controller, stage.lab.host(FIRST.softswitch)
    file = stage.sbc.config.parent / "cdr.json"
    before = len(records(file))
    end, far = h248_connection(controller, 1, gateway), RtpPhone(core, 7100)
    try:
        end.tell((core.address(), 7000))
        latch = f"Modify={end.names['termination']}{{Signals{{ipnapt/latch{{napt=LATCH}}}}}}"
        assert not controller.request(f"Context={end.names['context']}{{{latch}}}", 1).error
        assert talk(end.phone, far.towards(*end.media), packets=10, reports=2).whole
        end.end()
        wait_for(lambda: len(records(file)) > before, what="the record")  # else the kill that follows comes before it
    finally:
        far.close()


def is_reached(stage: GatewayScene, number: int) -> bool:
    """Whether the controller has a connection to a gateway, and an answer by it."""
    try:
        return stage.controller.request("Context=-{AuditValue=ROOT{Audit{}}}", number).terminations == ["root"]
    except RuntimeError as error:
        if "no_such_connection" not in str(error):
            raise
        return False


def test_gateways_of_one_address_and_one_mid(make_gateway_scene: MakeScene) -> None:
    """In text, long and short, by UDP and then by TCP, in versions 2 and 3; the SBC is killed between two calls."""
    front = TABLES + '[media]\nengine = "kernel"\n'
    stage = make_gateway_scene(one_pair(*NATS), gateway_config("h248", front=front, access=KEPT), text="compact")
    sbc = stage.lab.host("sbc")
    core, access = sbc.capture("core"), sbc.capture("access")
    gateways = registered(stage, "udp:2944:pretty:2", "udp:2944:compact:3")
    converse(stage, gateways)
    is_latched(stage, gateways[0])
    stage.stage.sbc = stage.sbc.kill_and_restart()
    converse(stage, gateways)
    for each in gateways:
        stage.leave(each)
    converse(stage, registered(stage, "tcp:2944:compact:2", "tcp:2944:pretty:3"))
    assert_hidden(core, access)


def test_binary_gateways_and_a_controller_by_tcp(make_gateway_scene: MakeScene) -> None:
    """One of version 3 by UDP, one of version 1 by TCP, and all to the controller by TCP, which hears of both again
    when the SBC was killed."""
    front = TABLES + '[media]\nengine = "native"\n'
    toml = gateway_config("h248", front=front, access=KEPT, port=BINARY_PORT, transport="tcp")
    stage = make_gateway_scene(one_pair(*NATS), toml)
    sbc = stage.lab.host("sbc")
    core, access = sbc.capture("core"), sbc.capture("access")
    gateways = registered(stage, "udp:2945:binary:3", "tcp:2945:binary")
    converse(stage, gateways)
    stage.stage.sbc = stage.sbc.kill_and_restart()
    gateways[1].ask("connect")  # its own connection is gone, too
    assert gateways[1].register("Disconnected", "900 Service Restored").terminations == ["root"]
    wait_for(lambda: is_reached(stage, 1) and is_reached(stage, 2), what="the controller to hear of both again")
    converse(stage, gateways)
    assert_hidden(core, access)
