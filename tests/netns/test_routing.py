"""Routing on real networks: two Kamailios, of which one is killed at the worst time, and names served by dnsmasq."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import pytest

from tests.netns.namespace import bound_ports
from tests.netns.processes import LabProcess
from tests.netns.sbc_process import sbc_config
from tests.netns.scene import Scene
from tests.netns.softphone import Softphone
from tests.netns.softswitch import Softswitch, SoftswitchPlan
from tests.netns.test_cdr import records
from tests.netns.topology import FIRST, Host, Interface, Topology, one_pair
from tests.netns.waiting import PATIENCE, wait_for

MakeScene = Callable[..., Scene]

A = FIRST.softswitch_address
B = f"{FIRST.core_net}.4"
NAMES = f"{FIRST.core_net}.5"
GATEWAY = SoftswitchPlan(gateway=f"{FIRST.core_net}.3:5060")
# the other one takes what says it is to visit the first, as two of one cluster do
TWIN = SoftswitchPlan(gateway=GATEWAY.gateway, parameters=(f'alias="{A}"',))
CDR = '[cdr]\njson = "cdr.json"\n'
PROBING = "[paths.probing]\nperiod = 2\nanswer_within = 1.9\n"


def topology() -> Topology:
    spare = Host("spare", (Interface(FIRST.core, (f"{B}/24",)),))
    return one_pair() + Topology((spare, Host("names", (Interface(FIRST.core, (f"{NAMES}/24",)),))))


def config(next_hops: str, extra: str = CDR, path: str = PROBING) -> str:
    plain = sbc_config(FIRST, extra=extra, extra_realm=path)
    assert f'next_hops = ["{A}:5060"]' in plain
    return plain.replace(f'next_hops = ["{A}:5060"]', f"next_hops = {next_hops}")


def in_order() -> str:
    return config(f'["{A}:5060", "{B}:5060"]')


def stage_of(make_scene: MakeScene, toml: str) -> tuple[Scene, Softswitch]:
    """The scene with a second softswitch in it."""
    stage = make_scene(topology(), plan=GATEWAY, toml=toml)
    return stage, Softswitch.start(stage.lab.host("spare"), plan=TWIN)


def kill(switch: Softswitch) -> None:
    """Its host answers for it once the last of its processes is gone."""
    switch.process.stop(signal.SIGKILL)
    wait_for(lambda: (A, 5060) not in bound_ports(switch.host.netns, "udp"), what="its socket to be gone")


def recorded(stage: Scene, number: int = 1) -> list[dict[str, Any]]:
    """So many call detail records, once they are there."""
    assert stage.sbc is not None
    file = stage.sbc.config.parent / "cdr.json"
    return wait_for(lambda: records(file, number), what="the records")


def said(stage: Scene, pattern: str, timeout: float = PATIENCE) -> None:
    assert stage.sbc is not None
    stage.sbc.process.wait_output(pattern, timeout)


def test_one_falls_silent_before_a_call(make_scene: MakeScene) -> None:
    """It stands still and answers nothing. Its probes are far apart, so that the call is the first to find out."""
    toml = config(f'["{A}:5060", "{B}:5060"]', path="[paths.probing]\nperiod = 600\n")
    stage, _ = stage_of(make_scene, toml)
    alice, gateway = stage.phone("phone-a", "alice"), stage.phone("uas", "gateway")
    assert alice.register().status == 200
    stage.softswitch.process.send_signal(signal.SIGSTOP)
    call = alice.dial("9001").wait("up")
    taken = gateway.wait_call().wait("up")
    said(stage, rf"call \w+: failover: .*from={A}:5060 to={B}:5060")
    assert call.bye().status == 200
    assert taken.wait("ended").cause == "hung up there"
    (record,) = recorded(stage)
    assert record["complete"] and (record["ending"], record["ended_by"]) == ("normal", "caller")
    assert record["legs"][1]["seen"] == f"{B}:5060"
    # asked whether it lives it has not answered either: the next call need not find out again
    said(stage, r"hop-down: no answer to \d probes")
    assert_next_is_spared(stage, alice)


def assert_next_is_spared(stage: Scene, alice: Softphone) -> None:
    """The next call goes where it can at once."""
    assert stage.sbc is not None
    before = stage.sbc.process.output().count(": failover: ")
    assert alice.dial("9001").wait("up").bye().status == 200
    assert stage.sbc.process.output().count(": failover: ") == before


def test_one_is_killed_before_a_call_and_its_host_says_so(
    make_scene: MakeScene, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody listens there any more, which its kernel tells by ICMP: the call is elsewhere before any patience ends."""
    patience = 20.0
    path = f"[paths.probing]\nperiod = 600\n[paths.failover]\npatience = {patience}\n"
    stage, spare = stage_of(make_scene, config(f'["{A}:5060", "{B}:5060"]', path=path))
    core = stage.lab.host("sbc").capture("core")
    alice, gateway = stage.phone("phone-a", "alice"), stage.phone("uas", "gateway")
    assert alice.register().status == 200
    kill(stage.softswitch)
    call = alice.dial("9001").wait("up")
    taken = gateway.wait_call().wait("up")
    said(stage, rf"call \w+: failover: port unreachable .*from={A}:5060 to={B}:5060")
    said(stage, r"hop-down: port unreachable")  # so has come back what it was asked
    assert_next_is_spared(stage, alice)
    assert call.bye().status == 200
    assert taken.wait("ended").cause == "hung up there"
    (_, one) = recorded(stage, 2)
    assert one["complete"] and (one["ending"], one["ended_by"]) == ("normal", "caller")
    assert one["legs"][1]["seen"] == f"{B}:5060"
    invites = [seen for seen in core.sip_messages(src=FIRST.sbc_core, method="INVITE") if not seen.message.status]
    gone, there = (next(seen for seen in invites if seen.dst[0] == host) for host in (A, B))
    with capsys.disabled():
        print(f"\nfrom an INVITE that came back to the next: {1000 * (there.time - gone.time):.1f} ms")
    assert there.time - gone.time < patience / 2
    assert spare.complaints() == []


def test_a_phone_that_is_gone_fails_soon(make_scene: MakeScene) -> None:
    """Its program has ended, which its host tells by ICMP through its NAT: who calls it is told, and it stays
    registered."""
    stage = make_scene(one_pair(), plan=GATEWAY)
    alice, bob = stage.phone("phone-a", "alice"), stage.phone("phone-b", "bob")
    assert alice.register().status == bob.register().status == 200
    bob.close()
    assert alice.dial("bob").wait("ended").status == 480
    assert stage.softswitch.contacts("bob")


def test_one_is_killed_and_registrations_go_on_at_the_other(make_scene: MakeScene) -> None:
    stage, spare = stage_of(make_scene, in_order())
    alice, bob = stage.phone("phone-a", "alice"), stage.phone("phone-b", "bob")
    for phone in (alice, bob):
        assert phone.register(300).status == 200
    assert stage.softswitch.contacts("alice") and not spare.contacts("alice")
    kill(stage.softswitch)
    said(stage, r"hop-down: port unreachable")
    for phone in (alice, bob):  # long before the SBC would have asked a registrar again
        assert phone.register(300).status == 200
    assert spare.contacts("alice") and spare.contacts("bob")
    call = alice.dial("bob").wait("up")
    other = bob.wait_call().wait("up")
    assert call.bye().status == 200
    assert other.wait("ended").cause == "hung up there"
    assert {leg["seen"] for record in recorded(stage, 2) for leg in record["legs"] if leg["realm"] == "core"} == {
        f"{B}:5060"
    }, "out to it, and in from it"


def test_one_is_killed_in_the_middle_of_a_registration(make_scene: MakeScene) -> None:
    """It has asked for credentials and is gone when they come: the other asks for its own."""
    stage, spare = stage_of(make_scene, config(f'["{A}:5060", "{B}:5060"]', path=""))
    alice = stage.phone("phone-a", "alice")
    assert alice.register(300).status == 200
    kill(stage.softswitch)
    assert alice.register(0, timeout=60.0).status == 200, "this one is never answered by the SBC itself"
    assert alice.register(300, timeout=60.0).status == 200
    assert spare.contacts("alice")


def test_one_is_killed_in_the_middle_of_a_call(make_scene: MakeScene) -> None:
    stage, spare = stage_of(make_scene, in_order())
    alice, gateway = stage.phone("phone-a", "alice"), stage.phone("uas", "gateway")
    assert alice.register().status == 200
    call = alice.dial("9001").wait("up")
    taken = gateway.wait_call().wait("up")
    kill(stage.softswitch)
    said(stage, r"hop-down")
    assert call.bye().status == 200
    assert taken.wait("ended").cause == "hung up there"
    assert "got BYE" in spare.process.output()
    (record,) = recorded(stage)
    assert record["complete"] and (record["ending"], record["ended_by"]) == ("normal", "caller")
    assert record["legs"][1]["seen"] == f"{A}:5060", "where the call was"


def test_it_comes_back(make_scene: MakeScene) -> None:
    stage, spare = stage_of(make_scene, in_order())
    alice, _ = stage.phone("phone-a", "alice"), stage.phone("uas", "gateway")
    assert alice.register().status == 200
    kill(stage.softswitch)
    said(stage, r"hop-down")
    anew = Softswitch.start(stage.lab.host("softswitch"), plan=GATEWAY)
    said(stage, r"hop-up: answers")
    call = alice.dial("9001").wait("up")
    assert call.bye().status == 200
    assert "got INVITE" in anew.process.output() and "got INVITE" not in spare.process.output()


def serve(stage: Scene, *records: str) -> LabProcess:
    """dnsmasq with these records and nothing else."""
    host = stage.lab.host("names")
    argv = ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root"]
    argv += ["--local=/voice.test/"]  # what is not here is nowhere
    argv += ["--pid-file=", f"--listen-address={NAMES}", "--bind-interfaces", "--log-queries", "--log-facility=-"]
    argv += ["--local-ttl=5", f"--host-record=a.voice.test,{A}", f"--host-record=b.voice.test,{B}", *records]
    process = host.popen(argv, log="dnsmasq")
    host.wait_bound(53, NAMES, by=process)
    return process


def test_a_name_that_moves(make_scene: MakeScene) -> None:
    """SRV records first lead to one softswitch, then to the other; a call under way stays where it is."""
    toml = config('["voice.test"]', extra=f'{CDR}[dns]\nservers = ["{NAMES}"]\nleast = 1.0\n')
    stage, spare = stage_of(make_scene, toml)
    alice, gateway = stage.phone("phone-a", "alice"), stage.phone("uas", "gateway")
    first = serve(
        stage,
        "--naptr-record=voice.test,10,50,s,SIP+D2U,,_sip._udp.voice.test",
        "--srv-host=_sip._udp.voice.test,a.voice.test,5060,10,60",
    )
    said(stage, rf"next hop voice\.test: udp {A}:5060", 90.0)
    assert alice.register().status == 200
    call = alice.dial("9001").wait("up")
    taken = gateway.wait_call().wait("up")
    assert "got INVITE" in stage.softswitch.process.output()
    first.stop()
    second = serve(stage, "--srv-host=_sip._udp.voice.test,b.voice.test,5060,10,60")
    said(stage, rf"next hop voice\.test: udp {B}:5060", 90.0)
    assert call.bye().status == 200
    assert taken.wait("ended").cause == "hung up there"
    assert "got BYE" in stage.softswitch.process.output() and "got BYE" not in spare.process.output()
    assert alice.register().status == 200, "no next hop any more, its registrar is told nothing"
    assert spare.contacts("alice")
    again = alice.dial("9001").wait("up")
    assert again.bye().status == 200
    assert "got INVITE" in spare.process.output()
    # without any DNS the last answer holds
    second.stop()
    said(stage, r"next hop voice\.test: .*; what was known stays", 90.0)
    assert alice.dial("9001").wait("up").bye().status == 200
