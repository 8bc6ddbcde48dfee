"""Local and Remote of H.248 in several alternatives: each is written, and the one counts that the answer takes."""

from __future__ import annotations

import pytest

from sbc.core.address import Address
from sbc.core.call import Call, Stream
from sbc.core.orders import CloseStream, OpenStream, Order, UpdateStream
from tests.h248_calls import FAR, NEAR, RTP, Gateway, gateway, places, read
from tests.h248_words import WIRES, command, media, reply, sdp, transaction
from tests.kept import restarted
from tests.laws import assert_no_trace
from tests.rig import PHONE, SOFTSWITCH, of

wires = pytest.mark.parametrize("wire", WIRES)
G729 = Address(FAR.host, 7000)
FAX = Address(FAR.host, 8000)


def g729(at: Address) -> bytes:
    return sdp(at.host, at.port).replace(b"RTP/AVP 8", b"RTP/AVP 18 101") + b"a=rtpmap:101 telephone-event/8000\r\n"


def pcma(at: Address) -> bytes:
    return sdp(at.host, at.port).replace(b"RTP/AVP 8", b"RTP/AVP 8 101") + b"a=rtpmap:101 telephone-event/8000\r\n"


def fax(at: Address) -> bytes:
    return f"v=0\r\nc=IN IP4 {at.host}\r\nm=image {at.port} udptl t38\r\n".encode()


def only(call: Call) -> Stream:
    (stream,) = call.streams.values()
    return stream


def far(stream: Stream) -> Address:
    assert stream.remote[0] is not None
    return stream.remote[0].rtp


def told_two(found: Gateway, remote: bytes, group: bytes = b"", number: int = 20) -> tuple[list[Order], bytes]:
    """The controller has the gateway send in one of several ways. What is done, and what the gateway hears."""
    orders = found.ask(transaction(number, 5, command(b"Modify", RTP, media(remote=remote, group=group))))
    (there,) = found.told(orders)
    return orders, there


@wires
@pytest.mark.parametrize("takes", [pcma, g729], ids=["the first", "the second"])
def test_the_alternative_that_is_answered_is_where_media_goes(wire: str, takes: object) -> None:
    found = gateway(wire=wire)
    stream = only(found.call())
    orders, there = told_two(found, pcma(FAR) + g729(G729))
    ours = stream.ours[1].rtp
    assert places(there) == [ours, ours] and far(stream) == FAR, "until it is answered the first counts"
    assert_no_trace(there, FAR.host, SOFTSWITCH.host)
    assert stream.admitted is not None
    local = takes(NEAR)  # type: ignore[operator]
    orders = found.say(reply(read(there).transaction, 5, command(b"Modify", RTP, media(local=local))))
    second = takes is g729
    assert far(stream) == (G729 if second else FAR)
    moved = [each.spec.remote.rtp for each in of(UpdateStream, orders) if each.side == 0 and each.spec.remote]
    assert (G729 in moved) is second and not stream.choices[0]
    assert stream.clock == 8000


@wires
def test_what_the_gateway_had_said_tells_which_it_takes_where_its_answer_does_not(wire: str) -> None:
    found = gateway(wire=wire)
    asked = found.add()
    found.say(reply(asked.transaction, 5, command(b"Add", RTP, media(local=g729(NEAR)))))
    (call,) = found.calls
    _, there = told_two(found, pcma(FAR) + g729(G729))
    found.say(reply(read(there).transaction, 5, command(b"Modify", RTP)))
    assert far(only(call)) == G729


@wires
def test_the_remote_that_is_repeated_is_the_one_that_was_taken(wire: str) -> None:
    """Where it was told several the gateway says which it has taken (H.248.1 clause 7.1.8)."""
    found = gateway(wire=wire)
    stream = only(found.call())
    _, there = told_two(found, pcma(FAR) + g729(G729))
    ours = stream.ours[1].rtp
    said = media(local=g729(NEAR), remote=g729(ours))
    orders = found.say(reply(read(there).transaction, 5, command(b"Modify", RTP, said)))
    assert places(*found.heard(orders)) == [stream.ours[0].rtp, G729] and far(stream) == G729


@wires
def test_fax_may_be_the_alternative(wire: str) -> None:
    found = gateway(wire=wire)
    call = found.call()
    voice = only(call)
    orders, there = told_two(found, pcma(FAR) + fax(FAX))
    (opened,) = of(OpenStream, orders)
    assert opened.spec.kind == "t38" and all(each.port for each in places(there))
    answer = media(local=fax(Address(PHONE.host, 4100)))
    orders = found.say(reply(read(there).transaction, 5, command(b"Modify", RTP, answer)))
    assert [each.stream for each in of(CloseStream, orders)] == [voice.id]
    assert only(call).kind == "t38" and far(only(call)) == FAX


@wires
def test_voice_is_taken_and_the_fax_that_might_have_been_goes(wire: str) -> None:
    found = gateway(wire=wire)
    call = found.call()
    voice = only(call)
    _, there = told_two(found, pcma(FAR) + fax(FAX))
    answer = media(local=pcma(NEAR))
    orders = found.say(reply(read(there).transaction, 5, command(b"Modify", RTP, answer)))
    assert len(of(CloseStream, orders)) == 1 and only(call) is voice


@wires
def test_alternatives_that_are_refused_are_forgotten(wire: str) -> None:
    found = gateway(wire=wire)
    stream = only(found.call(remote=FAR))
    _, there = told_two(found, g729(G729) + pcma(Address(FAR.host, 9000)))
    found.say(b"Reply = %d { Error = 510 }" % read(there).transaction)
    assert far(stream) == FAR and stream.choices == [(), ()]


@wires
def test_a_gateway_keeps_several_for_the_controller_to_choose_from(wire: str) -> None:
    """ReserveGroup: its Local has them all, and the controller says later which it is to be."""
    found = gateway(wire=wire)
    asked = found.add()
    other = Address(NEAR.host, 4010)
    orders = found.say(reply(asked.transaction, 5, command(b"Add", RTP, media(local=pcma(NEAR) + g729(other)))))
    (call,) = found.calls
    stream = only(call)
    (back,) = found.heard(orders)
    assert places(back) == [stream.ours[0].rtp] * 2 and stream.remote[1] is not None
    assert stream.remote[1].rtp == NEAR
    _, there = told_two(found, g729(G729))
    assert stream.remote[1].rtp == NEAR, "not before the gateway has taken note"
    found.say(reply(read(there).transaction, 5, command(b"Modify", RTP)))
    assert stream.remote[1].rtp == other and far(stream) == G729


@wires
def test_an_alternative_outlives_a_restart(wire: str) -> None:
    found = gateway(wire=wire)
    found.call()
    _, there = told_two(found, pcma(FAR) + g729(G729))
    found.rig, _ = restarted(found.rig)
    (call,) = found.calls
    found.say(reply(read(there).transaction, 5, command(b"Modify", RTP, media(local=g729(NEAR)))))
    assert far(only(call)) == G729


def kbit(call: Call) -> int:
    """What the streams of a call hold towards the gateway, in all."""
    return sum(each.admitted.out[1] for each in call.streams.values() if each.admitted is not None) // 1000


@wires
def test_voice_and_fax_that_are_both_held_ready_stay_and_take_what_the_dearer_does(wire: str) -> None:
    """One alone is active at a time (H.248.1 clause 7.1.7): what both need is the most that either does."""
    found = gateway(wire=wire)
    call = found.call()
    assert kbit(call) == 84
    _, there = told_two(found, g729(FAR) + fax(FAX), b"ON")
    both = media(local=g729(NEAR) + fax(Address(PHONE.host, 4100)))
    orders = found.say(reply(read(there).transaction, 5, command(b"Modify", RTP, both)))
    assert not of(CloseStream, orders) and sorted(each.kind for each in call.streams.values()) == ["rtp", "t38"]
    assert {each.kind: far(each) for each in call.streams.values()} == {"rtp": FAR, "t38": FAX}
    assert kbit(call) == 58, "of G.729 and T.38 the latter is dearer"
    _, there = told_two(found, g729(FAR), b"OFF", 21)
    orders = found.say(reply(read(there).transaction, 5, command(b"Modify", RTP, media(local=g729(NEAR)))))
    assert len(of(CloseStream, orders)) == 1 and only(call).kind == "rtp" and kbit(call) == 25


@wires
def test_of_what_is_held_ready_all_that_both_can_take_stays_until_one_is_told(wire: str) -> None:
    found = gateway(wire=wire)
    stream = only(found.call())
    _, there = told_two(found, pcma(FAR) + g729(G729), b"ON")
    found.rig, _ = restarted(found.rig)
    (call,) = found.calls
    stream = only(call)
    both = media(local=g729(NEAR) + pcma(NEAR))
    found.say(reply(read(there).transaction, 5, command(b"Modify", RTP, both)))
    assert far(stream) == FAR and [each.remote and each.remote.rtp for each in stream.choices[0]] == [G729]
    assert kbit(call) == 84
    asked = found.ask(transaction(21, 5, command(b"Modify", RTP, media(local=g729(Address("$", 0)), group=b"OFF"))))
    (there,) = found.told(asked)
    found.say(reply(read(there).transaction, 5, command(b"Modify", RTP, media(local=g729(NEAR)))))
    assert far(stream) == G729 and not stream.choices[0] and kbit(call) == 25


@wires
def test_an_answer_of_one_way_leaves_open_only_what_fits_it(wire: str) -> None:
    found = gateway(wire=wire)
    stream = only(found.call())
    third = Address(FAR.host, 9000)
    gsm = pcma(third).replace(b"AVP 8 ", b"AVP 3 ")
    _, there = told_two(found, gsm + pcma(FAR) + g729(G729), b"ON")
    wide = media(local=pcma(NEAR).replace(b"AVP 8 ", b"AVP 8 18 "))
    found.say(reply(read(there).transaction, 5, command(b"Modify", RTP, wide)))
    assert far(stream) == FAR and [each.remote and each.remote.rtp for each in stream.choices[0]] == [G729]


@wires
def test_what_is_refused_reserves_nothing(wire: str) -> None:
    found = gateway(wire=wire)
    stream = only(found.call())
    _, there = told_two(found, pcma(FAR) + g729(G729), b"ON")
    found.say(b"Reply = %d { Error = 510 }" % read(there).transaction)
    assert not stream.reserves and stream.choices == [(), ()]


def at_its_own(at: Address, media: bytes) -> bytes:
    """One way of a stream as some say it: with its address in every line that may have one."""
    host = at.host.encode()
    rtcp = Address(host.decode(), at.port + 7)
    return (
        b"v=0\r\no=- 1 1 IN IP4 %b\r\ns=-\r\nc=IN IP4 %b\r\nt=0 0\r\nm=audio %d RTP/AVP %b\r\n"
        b"c=IN IP4 %b\r\na=rtcp:%d IN IP4 %b\r\n"
    ) % (host, host, at.port, media, host, rtcp.port, host)


CORES = [Address(f"198.51.100.{at}", 6000 + 10 * at) for at in (77, 78, 79)]
HOMES = [Address(f"10.0.0.{at}", 4000 + 10 * at) for at in (7, 8, 9)]
FORMATS = (b"8", b"18", b"3")


@wires
@pytest.mark.parametrize("group", [b"", b"ON"], ids=["one is taken", "all are held ready"])
def test_ways_of_one_kind_at_several_addresses_are_all_written_over(wire: str, group: bytes) -> None:
    """Neither side sees an address of the other's network in any of them, whoever says them, repeats them or shows
    them, over a restart, too: each leads to the one port that the stream has there."""
    found = gateway(wire=wire)
    stream = only(found.call())
    far_side, near_side = (stream.ours[side].rtp for side in (1, 0))
    remote = b"".join(at_its_own(at, said) for at, said in zip(CORES, FORMATS, strict=True))
    local = b"".join(at_its_own(at, said) for at, said in zip(HOMES, FORMATS, strict=True))
    _, there = told_two(found, remote, group)
    assert places(there) == [far_side] * 3
    assert_no_trace(there, SOFTSWITCH.host, *(each.host for each in CORES))
    found.rig, _ = restarted(found.rig)
    repeated = b"".join(at_its_own(far_side, said) for said in FORMATS)
    both = media(local=local, remote=repeated)
    (back,) = found.heard(found.say(reply(read(there).transaction, 5, command(b"Modify", RTP, both))))
    assert places(back)[:3] == [near_side] * 3
    assert {each.host for each in places(back)[3:]} <= {each.host for each in CORES}
    assert_no_trace(back, PHONE.host, *(each.host for each in HOMES))
    (there,) = found.told(found.ask(transaction(21, 5, command(b"AuditValue", RTP, b"Audit { Media }"))))
    shown = reply(read(there).transaction, 5, command(b"AuditValue", RTP, media(local=local, remote=repeated)))
    (back,) = found.heard(found.say(shown))
    assert_no_trace(back, PHONE.host, *(each.host for each in HOMES))
    assert places(back)[:3] == [near_side] * 3


@wires
@pytest.mark.parametrize("taken", [0, 1, 2])
def test_of_several_addresses_media_goes_to_that_of_the_way_that_is_told_in_the_end(wire: str, taken: int) -> None:
    """All that could be are held ready; then the controller says which: both sides speak at the addresses of that."""
    found = gateway(wire=wire)
    stream = only(found.call())
    remote = b"".join(at_its_own(at, said) for at, said in zip(CORES, FORMATS, strict=True))
    local = b"".join(at_its_own(at, said) for at, said in zip(HOMES, FORMATS, strict=True))
    _, there = told_two(found, remote, b"ON")
    found.say(reply(read(there).transaction, 5, command(b"Modify", RTP, media(local=local))))
    assert far(stream) == CORES[0] and len(stream.choices[0]) == len(stream.choices[1]) == 2
    _, there = told_two(found, at_its_own(CORES[taken], FORMATS[taken]), b"OFF", 21)
    answer = media(local=at_its_own(HOMES[taken], FORMATS[taken]))
    found.say(reply(read(there).transaction, 5, command(b"Modify", RTP, answer)))
    assert stream.remote[1] is not None
    assert (far(stream), stream.remote[1].rtp) == (CORES[taken], HOMES[taken]) and stream.choices == [(), ()]
