"""The life and the end of H.323 calls on real networks: asked whether they live, kicked, disengaged by the gatekeeper,
left by who vanishes, cut by a kill of the SBC; the gatekeeper hears of every end."""

from __future__ import annotations

from collections.abc import Callable

from sbc.admin.ask import ask
from tests.netns.h323_call import H323Call
from tests.netns.h323_endpoint import FAST, TUNNEL, Manner
from tests.netns.h323_scene import H323Scene, h323_config
from tests.netns.nat import Nat, NatKind
from tests.netns.talk import talk
from tests.netns.test_cdr import records
from tests.netns.topology import FIRST, one_pair
from tests.netns.waiting import wait_for

TABLES = '[store]\nsqlite = "state.sqlite"\n[cdr]\njson = "cdr.json"\ninterim = 0.5\n[control]\nsocket = "control"\n'
ASKED = f"[realms.{FIRST.access}.keepalive]\ncalls = 0.5\nanswer_within = 1.0\nmisses = 4\n"


def told(stage: H323Scene, *words: str) -> str:
    """What the console says."""
    answer = ask(str(stage.sbc.config.parent / "control"), {"command": words, "form": "text"})
    assert answer["ok"], answer
    return str(answer["answer"])


def counted(stage: H323Scene, word: str) -> int:
    """How often something has happened, as the counter of that name has it."""
    lines = [line.split() for line in told(stage, "counters", word).splitlines()]
    return sum(int(line[-1].replace(",", "")) for line in lines if line and line[0] == word)


def asked(call: H323Call, name: str) -> int:
    """How often a party was asked so whether it lives."""
    if name == "statusInquiry":
        return sum(kind == name for sent, kind in call.messages if not sent)
    return sum(kind == name for kind, _ in call.control.heard)


def wait_asked(one: H323Call, other: H323Call, by: str) -> None:
    wait_for(lambda: min(asked(one, by), asked(other, by)) >= 2, what=f"both to be asked by {by}")


def cut(stage: H323Scene, off: bool) -> None:
    """The home of the first terminal is cut off from the world, or back."""
    stage.lab.host("nat-a").run(["sysctl", "-qw", f"net.ipv4.ip_forward={int(not off)}"])


def test_calls_live_and_end_and_the_gatekeeper_hears_of_it(make_h323_scene: Callable[..., H323Scene]) -> None:
    toml = TABLES + h323_config(front=ASKED)
    stage = make_h323_scene(one_pair((Nat(NatKind.PORT_RESTRICTED),), ()), toml)
    gatekeeper = stage.gatekeeper
    alice, bob = stage.endpoint("phone-a", "alice"), stage.endpoint("phone-b", ("bob", "200"))
    assert alice.register(ttl=600)[0] == bob.register(ttl=600)[0] == "registrationConfirm"
    file = stage.sbc.config.parent / "cdr.json"
    number = 0

    def up(manner: Manner) -> tuple[H323Call, H323Call]:
        nonlocal number
        alice.manner = bob.manner = manner
        call = alice.dial("200").wait("up").wait_flowing()
        answered = bob.wait_call(number).wait("up").wait_flowing()
        number += 1
        return call, answered

    # asked, in the tunnel and by StatusInquiry, both live on
    asked_by = [(up(manner), by) for manner, by in ((TUNNEL, "roundTripDelayRequest"), (FAST, "statusInquiry"))]
    for (call, answered), by in asked_by:
        wait_asked(call, answered, by)
    for (call, answered), _ in asked_by:
        assert call.control.pings == answered.control.pings == 0, "answers to the SBC's questions do not cross"
        assert "status" not in {kind for each in (call, answered) for sent, kind in each.messages if not sent}
        assert talk(call, answered, packets=10, reports=1).whole
        call.release()
        assert answered.wait("ended").cause == 16
    wait_for(lambda: not gatekeeper.calls, what="all to be disengaged")

    # the gatekeeper wants one party's call to end, which it says at that terminal's own port
    for name in ("alice", "200"):
        call, answered = up(TUNNEL)
        assert gatekeeper.disengage(name) == "disengageConfirm"
        assert call.wait("ended").cause == answered.wait("ended").cause == 16
        told_so, other = (call, answered) if name == "alice" else (answered, call)
        assert (told_so.reason, other.reason) == ("disengaged by the gatekeeper", "released there")
        wait_for(lambda: not gatekeeper.calls, what="the other to be disengaged")

    # an operator looks at it, and ends it
    call, answered = up(TUNNEL)
    ids = [line.split()[0] for line in told(stage, "calls").splitlines() if " up " in line]
    assert len(ids) == 2, told(stage, "calls")
    for each in ids:
        assert "setup" in told(stage, "trace", each) and "connect" in told(stage, "trace", each)
    assert "facility (openLogicalChannel)" in told(stage, "trace", ids[0])
    assert "alice" in told(stage, "bindings") and "forwarded by" in told(stage, "call", ids[0])
    assert "dialledDigits:200" in told(stage, "why", ids[0])
    told(stage, "kick", ids[0])
    assert call.wait("ended").cause == answered.wait("ended").cause == 31
    assert "cleared" in told(stage, "why", ids[0])
    wait_for(lambda: not gatekeeper.calls, what="both to be disengaged")

    # a terminal vanishes, that has answered before: what it has never answered would not count
    call, answered = up(TUNNEL)
    wait_asked(call, answered, "roundTripDelayRequest")
    cut(stage, True)
    assert answered.wait("ended").cause == 41
    wait_for(lambda: not gatekeeper.calls, what="the SBC to disengage who has vanished")
    assert counted(stage, "returned") >= 1
    assert counted(stage, "recalled") == 0, "who was disengaged has ended its call itself"
    cut(stage, False)
    call.release()

    # the SBC is killed in mid-call, and a terminal cannot say that the call is over
    call, answered = up(TUNNEL)
    wait_asked(call, answered, "roundTripDelayRequest")  # longer than until its record is first written
    cut(stage, True)
    stage.stage.sbc = stage.sbc.kill_and_restart()
    answered.wait("ended")
    wait_for(lambda: not gatekeeper.calls, what="the SBC to disengage what had been cut")
    cut(stage, False)
    call.release()
    call, answered = up(TUNNEL)  # nobody has registered anew
    assert talk(call, answered, packets=10, reports=1).whole
    call.release()
    answered.wait("ended")

    found = wait_for(lambda: records(file, 16), what="records")
    ends = [(each["ending"], each["cause"]) for each in found]
    assert len({each["record"] for each in found}) == len(found) == 16, "one for each leg of each call, once"
    assert ends.count(("normal", "Q.850 16")) == 10
    assert {codec for each in found for stream in each["streams"] for codec in stream["codecs"]} == {"PCMU/8000"}
    assert sum(ending == "cleared" and "Q.850 31" in cause for ending, cause in ends) >= 1
    assert sum(ending == "vanished" and "Q.850 41" in cause for ending, cause in ends) >= 1
    assert sum(ending == "incomplete" for ending, _ in ends) == 2
    assert counted(stage, "audit-faults") == 0
