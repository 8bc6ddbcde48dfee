"""WebSocket towards a next hop, in memory: what is asked for, and what is no answer; our own other end answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.wires import Web
from sbc.interfaces import Framed
from sbc.sip.framing import SipFrames
from sbc.websocket import MAX_REQUEST, WebSocket
from sbc.websocket_client import WebSocketClient
from tests.rig import PHONE
from tests.sip_messages import register

REGISTER = register(PHONE)


def client(target: str = "/ws") -> WebSocketClient:
    return WebSocketClient("sip", SipFrames(), "switch.example:8443", target)


def server(subprotocol: str = "sip") -> WebSocket:
    return WebSocket(subprotocol, SipFrames(), Web(hosts=("switch.example",), paths=("/ws",)))


def agreed() -> tuple[WebSocketClient, WebSocket]:
    here, there = client(), server()
    here.feed(there.feed(here.begin()).reply)
    assert here.open and there.open
    return here, there


def test_what_is_asked_for_is_agreed_on_and_messages_go_both_ways() -> None:
    here, there = client(), server()
    asked = here.begin()
    assert asked.startswith(b"GET /ws HTTP/1.1\r\nHost: switch.example:8443\r\n") and here.partial and not here.open
    assert b"\r\nSec-WebSocket-Protocol: sip\r\n" in asked and b"origin" not in asked.lower()
    reply = there.feed(asked).reply + there.wrap(REGISTER)
    messages = [each for at in range(0, len(reply), 7) for each in here.feed(reply[at : at + 7]).messages]
    assert messages == [REGISTER] and here.open and not here.partial, "what comes behind the answer is not lost"
    assert there.feed(here.wrap(REGISTER)).messages == [REGISTER], "masked, or it would be refused"
    assert here.feed(there.feed(here.ping()).reply).stirred
    assert there.feed(here.farewell()).ended == ("left", "the peer closes it (1001)")


@pytest.mark.parametrize(
    ("asked", "there", "why"),
    [
        ("/other", server(), "HTTP 404"),
        ("/ws", server("chat"), "HTTP 400"),
    ],
)
def test_who_is_not_let_in_is_told_why(asked: str, there: WebSocket, why: str) -> None:
    here = client(asked)
    framed = here.feed(there.feed(here.begin()).reply)
    assert framed.ended == ("unwelcome", why) and not here.open
    assert here.feed(b"\x81\x00") == Framed(), "nothing more is heard"


def test_another_subprotocol_is_none() -> None:
    here = client()
    framed = here.feed(server().feed(here.begin()).reply.replace(b"Protocol: sip", b"Protocol: chat"))
    assert framed.broken is not None or framed.ended is not None
    assert not here.open
    here = client()
    framed = here.feed(server().feed(here.begin()).reply.replace(b"Sec-WebSocket-Protocol: sip\r\n", b""))
    assert framed.ended == ("unwelcome", 'the subprotocol "sip" is not agreed on') and not here.open


@pytest.mark.parametrize(
    "data",
    [
        b"SIP/2.0 400 Not WebSocket\r\n\r\n",
        b"\x16\x03\x01",
        b"HTTP/1.1 101 Switching Protocols\r\n" + b"x: y\r\n" * MAX_REQUEST,
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: c29tZWJvZHkgZWxzZQ==\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
    ],
)
def test_what_is_no_answer_ends_it(data: bytes) -> None:
    here = client()
    here.begin()
    framed = here.feed(data)
    assert framed.broken is not None and framed.broken.reason == "Not HTTP" and not here.open


def test_frames_from_a_next_hop_are_not_masked() -> None:
    here, _ = agreed()
    framed = here.feed(b"\x81\x81\0\0\0\0x")
    assert framed.broken is not None and framed.reply, "it is told"


@given(st.binary(max_size=300), st.integers(0, 300), st.integers(1, 400))
def test_nothing_that_comes_raises(noise: bytes, at: int, step: int) -> None:
    good, there = client(), server()
    data = there.feed(good.begin()).reply + there.wrap(REGISTER)
    for whole in (noise, data[:at] + noise + data[at:], data[:at] + noise):
        here = client()
        here.begin()
        for begin in range(0, len(whole), step):
            framed = here.feed(whole[begin : begin + step])
            assert not (framed.broken and framed.ended)
