"""An attended transfer (RFC 5589 section 7) on real networks: three phones behind three NATs, each of which knows a
call by names of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from urllib.parse import quote, unquote

from tests.netns.nat import Nat, NatKind
from tests.netns.phone_call import PhoneCall
from tests.netns.sbc_process import sbc_config
from tests.netns.scene import Scene
from tests.netns.sip import uri_of
from tests.netns.softswitch import DOMAIN
from tests.netns.talk import talk
from tests.netns.test_cdr import records
from tests.netns.test_sip_calls import ACCESS_SIDE, CREDENTIALS, assert_hidden, connected, registered
from tests.netns.topology import FIRST, home, one_pair
from tests.netns.waiting import wait_for

RESTRICTED, SYMMETRIC = (Nat(NatKind.PORT_RESTRICTED),), (Nat(NatKind.SYMMETRIC),)


def replaces(call: PhoneCall, mine: bool) -> str:
    """How a call is named to whoever is to replace it (RFC 3891 section 3): its to-tag is the tag of whom that reaches,
    one's own or the other's."""
    own, other = call.tags
    to, from_ = (own, other) if mine else (other, own)
    return f"{call.call_id};to-tag={to};from-tag={from_}"


def parts(value: str) -> set[str]:
    """A Replaces value without the order of its parameters."""
    return {part.strip() for part in value.split(";")}


def test_a_phone_joins_two_that_it_talks_to(make_scene: Callable[..., Scene]) -> None:
    toml = sbc_config(FIRST, extra='[cdr]\njson = "cdr.json"\n')
    topology = one_pair(RESTRICTED, SYMMETRIC) + home("c", "203.0.113.13", nats=RESTRICTED)
    stage = make_scene(topology, toml=toml)
    assert stage.sbc is not None
    core = stage.lab.host("sbc").capture("core")
    wires = {
        user: stage.lab.host(f"phone-{at}").capture() for at, user in zip("abc", ("alice", "bob", "carol"), strict=True)
    }
    alice, bob, carol = (stage.phone(f"phone-{at}", user) for at, user in zip("abc", wires, strict=True))
    registered(alice, bob, carol)

    first, at_bob = connected(alice, bob)
    assert talk(first, at_bob, packets=20, reports=2).whole
    first.hold()
    consulting, at_carol = connected(alice, carol)
    assert talk(consulting, at_carol, packets=20, reports=2).whole
    consulting.hold()

    named = quote(replaces(consulting, mine=False), safe="")
    refer = ("Refer-To", f"<sip:carol@{DOMAIN}?Replaces={named}>"), ("Referred-By", f"<sip:alice@{DOMAIN}>")
    assert first.request("REFER", headers=refer).status == 202
    (asked,) = [seen.message for seen in bob.received("REFER") if not seen.message.status]
    target, _, wanted = uri_of(asked.get("refer-to")).partition("?")
    assert target == f"sip:carol@{DOMAIN}" and wanted.startswith("Replaces=")

    last = bob.dial("carol", (("Replaces", unquote(wanted.removeprefix("Replaces="))),)).wait("up")
    at_carol_last = carol.wait_call(1).wait("up")
    told = at_carol_last.invite.get("replaces")
    assert parts(told) == parts(replaces(at_carol, mine=True)), "the names that carol knows her call by"
    assert at_carol.bye().status == 200, "it is replaced"
    assert consulting.wait("ended").cause == "hung up there"
    assert talk(last, at_carol_last, packets=50, reports=5).whole

    done = b"SIP/2.0 200 OK\r\n"
    state = ("Event", "refer"), ("Subscription-State", "terminated;reason=noresource")
    assert at_bob.request("NOTIFY", done, "message/sipfrag", state).status == 200
    assert [seen.message.body for seen in alice.received("NOTIFY")] == [done]
    assert first.bye().status == 200
    assert at_bob.wait("ended").cause == "hung up there"
    assert talk(last, at_carol_last, packets=20, reports=2, opened=True).whole, "the two that remain go on"
    assert at_carol_last.bye().status == 200
    assert last.wait("ended").cause == "hung up there"

    found = wait_for(lambda: records(stage.sbc.config.parent / "cdr.json", 6), what="the records")
    ends = Counter((who(each["caller"]), who(each["callee"]), each["ended_by"]) for each in found)
    # each call is two of the SBC's: from the caller to the softswitch, and from there to the called one
    assert ends == {("alice", "bob", "caller"): 2, ("alice", "carol", "callee"): 2, ("bob", "carol", "callee"): 2}
    assert {(each["ending"], each["complete"]) for each in found} == {("normal", True)}
    hidden = [*ACCESS_SIDE, "203.0.113.13"]
    assert_hidden(core, {FIRST.sbc_core, FIRST.softswitch_address}, hidden, CREDENTIALS)
    for user, wire in wires.items():
        assert not wire.find(FIRST.softswitch_address.encode()), user
    assert stage.softswitch.complaints() == []


def who(name: str) -> str:
    return name.partition("@")[0]
