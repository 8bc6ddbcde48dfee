"""Where messages have addresses, and how others are written there."""

from __future__ import annotations

import pytest

from sbc.core.address import Address
from sbc.core.message import Place, Role, Slot
from sbc.h248.memo import asked
from sbc.h248.slots import Chosen, fill, slots
from sbc.h248.taken import Taken, decode
from tests.h248_calls import read
from tests.h248_words import WIRES, WRITERS, command, media, message, registration, reply, sdp, transaction

GATEWAY, FAR = Address("192.168.1.10", 2944), Address("198.51.100.77", 6000)
OURS = Address("203.0.113.1", 20000)


def found(data: bytes) -> tuple[Taken, list[Slot]]:
    taken = decode(data)
    return taken, slots(taken)


def streams(data: bytes) -> list[Slot]:
    return [each for each in found(data)[1] if each.stream is not None]


@pytest.mark.parametrize("wire", WIRES)
def test_the_remote_of_a_request_and_the_local_of_an_answer_are_their_senders(wire: str) -> None:
    both = media(local=sdp("192.0.2.1", 1000), remote=sdp(FAR.host, FAR.port))
    local, remote = streams(WRITERS[wire](message(GATEWAY, transaction(7, 5, command(b"Modify", b"r1", both)))))
    assert (local.primary, remote.primary, remote.place.address) == (False, True, FAR)
    assert local.stream == remote.stream and local.member == remote.member
    local, remote = streams(WRITERS[wire](message(GATEWAY, reply(7, 5, command(b"Modify", b"r1", both)))))
    assert (local.primary, remote.primary) == (True, False) and local.by_other
    audit = streams(WRITERS[wire](message(GATEWAY, reply(7, 5, command(b"AuditValue", b"r1", both)))))
    assert not any(each.primary for each in audit)


@pytest.mark.parametrize("wire", WIRES)
def test_what_the_gateway_is_to_choose_is_left_to_it(wire: str) -> None:
    data = WRITERS[wire](message(GATEWAY, transaction(7, b"$", command(b"Add", b"$", media(local=sdp())))))
    assert streams(data) == []
    mixed = b"v=0\r\no=- 1 1 IN IP4 198.51.100.2\r\nc=IN IP4 198.51.100.2\r\nm=audio $ RTP/AVP 8\r\n"
    taken, every = found(
        WRITERS[wire](message(GATEWAY, transaction(7, b"$", command(b"Add", b"$", media(local=mixed)))))
    )
    hidden = [each for each in every if isinstance(each.at, Chosen)]
    for each in hidden:
        fill(taken, each, Place(OURS))
    written = taken.encode()
    assert len(hidden) == 2 and b"198.51.100.2" not in written and written.count(b"IN IP4 $") == 2


def test_streams_have_the_name_that_their_answer_gives_them() -> None:
    far = media(remote=sdp(FAR.host, FAR.port))
    request = message(GATEWAY, transaction(7, b"$", command(b"Add", b"a1"), command(b"Add", b"$", far)))
    (slot,) = streams(request)
    assert (slot.stream, slot.channel, slot.member, slot.by_other) == ("t7.1.1", b"7.1.1.0", b"", False)
    taken = decode(message(GATEWAY, reply(99, 5, command(b"Add", b"r1", media(local=sdp("192.168.1.10", 4000))))))
    taken.asked = asked(read(request))
    (slot,) = [each for each in slots(taken) if each.stream is not None]
    assert (slot.stream, slot.channel, slot.member, slot.by_other) == ("r1 1", b"7.1.1.0", b"r1", True)
    taken.asked = None
    assert not any(each.channel for each in slots(taken))


def test_several_streams_lines_and_alternatives() -> None:
    two = sdp("192.168.1.10", 4000, b"m=video 4002 RTP/AVP 31\r\n")
    other = sdp("192.168.1.10", 4100)
    said = b"Media { Stream = 1 { Local {\r\n%b%b} }, Stream = 2 { Local {\r\n%b} } }" % (two, other, other)
    every = streams(message(GATEWAY, reply(7, 5, command(b"Add", b"r1", said))))
    assert [(each.stream, each.primary, each.way) for each in every] == [
        *(("r1 1", True, 0), ("r1 1 1", True, 0), ("r1 1", False, 1), ("r1 2", True, 0)),
    ]


def test_of_a_wildcard_nothing_is_learned() -> None:
    (slot,) = streams(
        message(GATEWAY, transaction(7, 5, command(b"Modify", b"*", media(remote=sdp(FAR.host, FAR.port)))))
    )
    assert not slot.primary and not slot.member


@pytest.mark.parametrize("wire", WIRES)
def test_senders_and_controllers_are_hidden_and_written_over(wire: str) -> None:
    more = (b"ServiceChangeAddress = 5000", b"MgcIdToTry = [198.51.100.3]:2944")
    taken, every = found(WRITERS[wire](message(GATEWAY, registration(7, b"Restart", b"901", *more))))
    roles = {(each.role, str(each.place.address)) for each in every}
    assert roles == {
        (Role.HIDE, "192.168.1.10:2944"), (Role.SIGNAL, "192.168.1.10:5000"), (Role.HIDE, "198.51.100.3:2944"),
    }  # fmt: skip
    for each in every:
        fill(taken, each, Place(OURS, b"token", ours=True))
    there = read(taken.encode())
    services = there.commands[0].services
    assert there.mid.address == OURS and services is not None and services.address is not None
    assert services.address.address is not None and services.address.address.port == OURS.port
    assert services.mgc is not None and services.mgc.address == OURS


def test_names_pass() -> None:
    for mid in (b"gw1", b"<gw.example.com>:2944", b"MTP { 00ff }"):
        assert found(message(mid, transaction(7, b"-", command(b"Notify", b"a1"))))[1] == []
    (slot,) = found(message(mid, registration(7)))[1]
    fill(decode(message(mid, registration(7))), slot, Place(OURS))
    assert slot.at is None
