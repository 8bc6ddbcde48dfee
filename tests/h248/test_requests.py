"""What the SBC asks by itself."""

from __future__ import annotations

import pytest

from sbc.core.address import Address
from sbc.core.message import Ending, Place
from sbc.core.orders import Listener
from sbc.h248 import requests
from sbc.h248.memo import CallMemo
from sbc.h248.message import Verb, Wire
from tests.h248_calls import meaning, read
from tests.h248_words import WIRES, WRITERS, command, message, registration, transaction

OWN = Address("203.0.113.1", 2944)
AT = Address("192.0.2.1", 2944)


def listener(transport: str = "udp") -> Listener:
    return Listener("access", "h248", transport, OWN, OWN)


@pytest.mark.parametrize(
    ("place", "wire", "version"),
    [
        (Place(AT, b"binary 2"), Wire.BINARY, 2),
        (Place(AT, b"text 3"), Wire.TEXT, 3),
        (Place(AT), Wire.TEXT, 1),
        (Place(AT._replace(port=2945)), Wire.BINARY, 1),
    ],
)
def test_a_question_is_asked_as_the_peer_speaks(place: Place, wire: Wire, version: int) -> None:
    said = read(requests.probe(place, listener(), b"17"))
    assert (said.wire, said.version, said.transaction, said.mid.address) == (wire, version, 17, OWN)
    assert said.commands[0].verb is Verb.AUDIT_VALUE and not said.commands[0].audit
    assert meaning(requests.probe(place, listener("tcp"), b"17")).probe
    assert requests.probe(place, listener("tcp"), b"17")[:1] == b"\x03"


def test_a_termination_is_taken_off() -> None:
    memo = CallMemo((b"[203.0.113.1]:2944", b"mgc"), False, 2, (b"RTP/1",))
    args = (memo, listener(), b"17", Ending.SILENT)
    gone = read(requests.release(b"5", b"rtp/1", False, *args) or b"")
    assert gone.mid.text == b"mgc" and gone.commands[0].verb is Verb.SUBTRACT
    assert gone.actions[0].context == b"5" and gone.commands[0].termination.name == b"RTP/1"
    told = read(requests.release(b"5", b"rtp/1", True, *args) or b"")
    assert told.commands[0].services is not None and told.version == 2
    assert (told.commands[0].services.method, told.commands[0].services.code) == ("forced", 906)
    assert requests.release(b"", b"rtp/1", True, *args) is None
    assert read(requests.release(b"5", b"a1", False, None, *args[1:]) or b"").mid.address == OWN
    binary = CallMemo((b"mgc", b"mgc"), True, 2, ())
    assert requests.release(b"5", b"rtp/1", False, binary, *args[1:]) is None  # a name that binary does not have
    assert requests.release(b"5", b"01ff", False, binary, *args[1:])


@pytest.mark.parametrize("wire", WIRES)
def test_a_gateway_is_lost_and_is_back(wire: str) -> None:
    sent = WRITERS[wire](message(OWN, registration(9, b"Restart", b"901 Cold Boot", b"ServiceChangeAddress = 41000")))
    lost, back = (read(made(sent, b"17") or b"") for made in (requests.unbind, requests.restore))
    assert {lost.wire, back.wire} == {Wire(wire)} and lost.mid.address == back.mid.address == OWN
    assert lost.commands[0].services is not None and back.commands[0].services is not None
    assert (lost.commands[0].services.method, lost.commands[0].services.code) == ("forced", 906)
    assert (back.commands[0].services.method, back.commands[0].services.code) == ("disconnected", 900)
    assert back.commands[0].services.address is not None and lost.commands[0].services.address is None
    other = WRITERS[wire](message(OWN, transaction(9, b"-", command(b"Notify", b"a1"))))
    assert requests.unbind(other, b"17") is None
