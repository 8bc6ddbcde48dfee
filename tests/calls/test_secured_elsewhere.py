"""What is said of keys to a next hop that does not take a call is not said to the next: each has its own."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.orders import Note, Send
from sbc.core.secured import MediaSecurity, Protection
from tests.calls.test_h323_secured import key_of, proposals, secures, sides, table, told
from tests.calls.test_h323_trunks import Scene
from tests.calls.test_secured import CORE_KEY, Pair, body_of, browser, crypto, described, line, with_body
from tests.h323_calls import release, said_back, tunnel
from tests.rig import PHONE, SOFTSWITCH, Rig, of, sends
from tests.sip_messages import answer, inside, invite, plain_answer, sdp

NONE, SDES, DTLS, OPTIONAL = MediaSecurity.NONE, MediaSecurity.SDES, MediaSecurity.DTLS, MediaSecurity.OPTIONAL
SECOND = Address("198.51.100.3", 5060)


def demanding(rig: Rig, what: MediaSecurity, **more: Any) -> None:
    """Let the core demand that from now on."""
    plan = rig.border.plan
    core = attrs.evolve(plan.realms["core"], protection=Protection(what, sdes_over_clear=True))
    paths = tuple(attrs.evolve(path, **more) for path in plan.paths)
    rig.replan(attrs.evolve(plan, realms={**plan.realms, "core": core}, paths=paths))


def refused(what: MediaSecurity) -> tuple[Pair, bytes, bytes]:
    """A phone's call that the first of two softswitches refuses, and what each is asked."""
    pair = Pair.make(NONE, what, "udp", "tls")
    demanding(pair.rig, what, next_hops=(SOFTSWITCH, SECOND))
    pair.asked = with_body(invite(PHONE), sdp(PHONE.host))
    (first,) = sends(pair.phone(pair.asked), "core")
    orders = pair.rig.from_core(plain_answer(first, b"503 Service Unavailable"), SOFTSWITCH)
    (second,) = [each.data for each in of(Send, orders) if each.to == SECOND and each.data.startswith(b"INVITE")]
    return pair, first, second


def keys(data: bytes) -> list[bytes]:
    return [each.partition(b"inline:")[2] for each in line(body_of(data), b"crypto")]


@pytest.mark.parametrize("what", [SDES, OPTIONAL])
def test_the_next_softswitch_is_offered_keys_of_its_own(what: MediaSecurity) -> None:
    pair, first, second = refused(what)
    assert len({*keys(first), *keys(second)}) == len(keys(first)) + len(keys(second)) > 2
    reply = described(SECOND.host, lines=crypto(CORE_KEY, 2))
    ok = answer(second, SECOND.host, body=reply)
    *_, back = sends(pair.rig.from_core(ok, SECOND), "access")
    core = pair.sides[1]
    assert core is not None and core.send is not None and core.receive is not None
    ours = crypto(core.send.secret).split()[2].removeprefix(b"inline:")
    assert ours in keys(second) and core.receive.secret == CORE_KEY
    again = with_body(inside(pair.asked, back, b"INVITE", 2), sdp(PHONE.host))
    (asked,) = sends(pair.phone(again), "core")
    assert keys(asked)[0] == ours, "the key of the call stays"


def test_a_key_of_the_first_is_no_key_of_the_second() -> None:
    """Nor may it say one that the first was told: it would be one that we write with, if the first was the peer."""
    pair, first, second = refused(SDES)
    reply = described(SECOND.host, lines=b"a=crypto:%b\r\n" % line(body_of(first), b"crypto")[0])
    assert line(reply, b"crypto") == line(body_of(first), b"crypto")[:1]
    orders = pair.rig.from_core(answer(second, SECOND.host, body=reply), SECOND)
    assert pair.sides[1] is None or pair.sides[1].send is None
    assert "the key is the receiver's own" in str(of(Note, orders))


def test_the_next_softswitch_checks_by_a_password_of_its_own() -> None:
    pair, first, second = refused(DTLS)
    ours = [line(body_of(data), name)[0] for data in (first, second) for name in (b"ice-ufrag", b"ice-pwd")]
    assert len(set(ours)) == 4
    core = pair.sides[1]
    assert core is not None and core.ice is not None, "it may check before it answers"
    assert [core.ice.ours.ufrag.encode(), core.ice.ours.password.encode()] == ours[2:]
    pair.rig.from_core(answer(second, SECOND.host, body=browser(b"active")), SECOND)
    core = pair.sides[1]
    assert core is not None and core.ice is not None and core.ice.ours.ufrag.encode() == ours[2]


class Gateways(Scene):
    """A call in the clear to one of two gateways in the core that demands that."""

    def __init__(self, what: MediaSecurity) -> None:
        super().__init__(True)
        demanding(self.rig, what)

    def asks(self) -> Send:
        (sent,) = self.onward(self.rings())
        return sent


def ours(sent: Send) -> list[bytes]:
    return [key.secret for pdu in told(sent) if (key := key_of(pdu)) is not None]


def test_the_next_gateway_is_told_a_key_of_its_own() -> None:
    scene = Gateways(SDES)
    first = scene.asks()
    (second,) = scene.onward(scene.says(first, release(first.data, 42, back=True)))
    assert len(ours(first)) == len(ours(second)) == 1 and ours(first) != ours(second)
    core = sides(scene.rig)[1]
    assert core is not None and core.send is not None and core.send.secret == ours(second)[0]
    answered = proposals(second.to.host, CORE_KEY, offers=False)
    scene.says(second, said_back("connect", second.data, second.to.host, fastStart=answered))
    core = sides(scene.rig)[1]
    assert core is not None and core.send is not None and core.receive is not None
    assert [core.send.secret] == ours(second) and core.receive.secret == CORE_KEY


def test_who_has_said_what_it_can_take_has_the_call() -> None:
    """Else the next would be believed to be able to take it, and who calls would hear another set in the middle."""
    scene = Gateways(OPTIONAL)
    first = scene.asks()
    assert not ours(first), "nothing was said by who is called: it is plain"
    said = tunnel(first.data, [table(secures())], back=True)
    scene.says(first, said_back("callProceeding", first.data))
    scene.says(first, said)
    (call,) = scene.rig.border.registry.calls.values()
    orders = scene.says(first, release(first.data, 42, back=True))
    assert not scene.onward(orders) and call.legs[1].suites == ()
