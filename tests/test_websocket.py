"""WebSocket in memory: who is let in and who is told what, messages in frames, and what is too much; wsproto's own
client is at the other end."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Event, Ping, Pong, Request, TextMessage

from sbc.core.wires import Web
from sbc.interfaces import Framed
from sbc.sip.framing import SipFrames
from sbc.websocket import MAX_MESSAGE, MAX_REQUEST, MOST_AT_ONCE, MOST_FRAMES, WebSocket
from tests.rig import PHONE
from tests.sip_messages import register

REGISTER = register(PHONE)
PAGE = "https://phone.example"


def server(**rules: Any) -> WebSocket:
    return WebSocket("sip", SipFrames(), Web(**rules))


class Browser:
    """The other end. `said` are the events that it has from us."""

    def __init__(self, there: WebSocket, target: str = "/", host: str = "sbc.example:443", **more: Any) -> None:
        self.there, self.wire = there, WSConnection(ConnectionType.CLIENT)
        self.subprotocols: list[str] = more.get("subprotocols", ["sip"])
        origin = more.get("origin", PAGE)
        headers = [(b"Origin", each.encode()) for each in ([origin] if isinstance(origin, str) else origin)]
        self.request = self.wire.send(
            Request(host=host, target=target, extra_headers=headers, subprotocols=self.subprotocols)
        )
        self.said: list[Event] = []

    def opened(self) -> Browser:
        framed = self.there.feed(self.request)
        self.hear(framed)
        assert isinstance(self.said.pop(0), AcceptConnection), framed.reply
        return self

    def hear(self, framed: Framed) -> Framed:
        self.wire.receive_data(framed.reply)
        self.said += self.wire.events()
        return framed

    def say(self, *events: Event) -> Framed:
        return self.hear(self.there.feed(b"".join(self.wire.send(event) for event in events)))


def refused(there: WebSocket, **more: Any) -> tuple[bytes, str]:
    """The status line and the reason of a handshake that is refused."""
    framed = there.feed(Browser(there, **more).request)
    assert framed.ended is not None and framed.ended[0] == "refused" and not there.open
    assert there.feed(b"\x81\x00") == Framed(), "nothing more is heard"
    return framed.reply.partition(b"\r\n")[0], framed.ended[1]


def test_a_page_is_let_in_with_the_subprotocol_that_it_asks_for() -> None:
    there = server(origins=(PAGE,), hosts=("sbc.example",), paths=("/ws",), ping=0.0)
    assert there.partial and not there.open
    browser = Browser(there, target="/ws?user=alice", subprotocols=["chat", "sip"])
    framed = there.feed(browser.request)
    assert framed.reply.startswith(b"HTTP/1.1 101 ") and b"\r\nSec-WebSocket-Protocol: sip\r\n" in framed.reply
    assert b"Sec-WebSocket-Extensions" not in framed.reply, "nothing is compressed"
    assert there.open and not there.partial and not framed.messages and framed.ended is None


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_what_comes_in_pieces_and_behind_the_request_is_not_lost(size: int) -> None:
    there = server()
    browser = Browser(there)
    request = browser.request
    browser.wire.receive_data(Browser(server()).there.feed(request).reply)  # as if it had been let in already
    data = request + browser.wire.send(TextMessage(data=REGISTER.decode()))
    messages: list[bytes] = []
    for at in range(0, len(data), size):
        messages += there.feed(data[at : at + size]).messages
    assert messages == [REGISTER]


@pytest.mark.parametrize(
    ("rules", "more", "status", "why"),
    [
        ({}, {"subprotocols": ["chat"]}, 400, 'the subprotocol "sip" is not asked for'),
        ({}, {"subprotocols": []}, 400, 'the subprotocol "sip" is not asked for'),
        ({"origins": (PAGE,)}, {"origin": "https://evil.example"}, 403, "pages from there are not let in"),
        ({"origins": (PAGE,)}, {"origin": PAGE + ".evil.example"}, 403, "pages from there are not let in"),
        ({"origins": (PAGE,)}, {"origin": "null"}, 403, "pages from there are not let in"),
        ({"origins": (PAGE,)}, {"origin": []}, 403, "it names no page"),
        ({"origins": (PAGE,)}, {"origin": [PAGE, PAGE]}, 403, "pages from there are not let in"),
        ({"origins": ("https://*.example",)}, {"origin": "https://.example"}, 403, "pages from there are not let in"),
        ({"paths": ("/ws",)}, {"target": "/ws/"}, 404, "there is nothing at that path"),
        ({"hosts": ("sbc.example",)}, {"host": "192.0.2.1"}, 421, "that host is not served here"),
    ],
)
def test_who_is_not_let_in_is_told_why(rules: Any, more: Any, status: int, why: str) -> None:
    line, said = refused(server(**rules), **more)
    assert line.startswith(b"HTTP/1.1 %d " % status) and said == f"HTTP {status}: {why}"


@pytest.mark.parametrize(
    ("rules", "more"),
    [
        ({"origins": ("https://*.example",)}, {"origin": "https://Phone.Example"}),
        ({"origins": (PAGE, "none")}, {"origin": []}),
        ({"hosts": ("2001:db8::1",)}, {"host": "[2001:DB8::1]:8443"}),
        ({}, {"origin": []}),
    ],
)
def test_what_rules_speak_of_is_compared_by_what_it_means(rules: Any, more: Any) -> None:
    Browser(server(**rules), **more).opened()


def asked(data: bytes) -> tuple[bytes, Framed]:
    framed = server().feed(data)
    return framed.reply, framed


def test_what_is_http_and_no_websocket_is_told_so() -> None:
    reply, framed = asked(b"GET / HTTP/1.1\r\nHost: sbc.example\r\n\r\n")
    assert reply.startswith(b"HTTP/1.1 426 Upgrade Required\r\n") and b"\r\nUpgrade: websocket\r\n" in reply
    assert reply.endswith(b"\r\n\r\nthis is a WebSocket, and no web page\n") and framed.broken is None
    assert asked(b"POST / HTTP/1.1\r\nHost: a\r\n\r\n")[0].startswith(b"HTTP/1.1 405 Method Not Allowed\r\n")
    assert asked(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")[0].endswith(b"Content-Length: 0\r\n\r\n")
    head = Browser(server()).request
    assert asked(head.replace(b"Version: 13", b"Version: 8"))[0].startswith(b"HTTP/1.1 426 ")
    assert asked(head.replace(b"Host: sbc.example", b"Host: \xff"))[0].startswith(b"HTTP/1.1 400 ")
    assert asked(head.replace(b"\r\n", b"\r\nCookie: " + b"c" * MAX_REQUEST + b"\r\n", 1))[0].startswith(
        b"HTTP/1.1 431 "
    )


@pytest.mark.parametrize("data", [b"\x16\x03\x01\x02\x00", REGISTER, b"\r\n\r\n", b"G" * 3000, b"GET /\r\n\r\n"])
def test_what_is_no_http_is_no_message(data: bytes) -> None:
    framed = server().feed(data)
    assert framed.broken is not None and framed.broken.reason == "Not HTTP" and not framed.reply


def test_a_request_that_does_not_end_is_bounded() -> None:
    there = server()
    assert there.feed(b"GET / HTTP/1.1\r\n") == Framed()
    for _ in range(MAX_REQUEST // 1000 + 1):
        framed = there.feed(b"X: " + b"y" * 1000)
    assert framed.reply.startswith(b"HTTP/1.1 431 ")


def test_messages_come_as_text_or_octets_and_in_any_number_of_frames() -> None:
    browser = Browser(server()).opened()
    text = REGISTER.decode()
    assert browser.say(TextMessage(data=text), BytesMessage(data=REGISTER)).messages == [REGISTER] * 2
    framed = browser.say(TextMessage(data=text[:50], message_finished=False))
    assert not framed.messages and browser.there.partial
    assert browser.say(Ping(payload=b"1"), Ping(payload=b"2")).stirred, "between the frames of a message"
    assert browser.said == [Pong(payload=b"2")]
    assert browser.say(TextMessage(data=text[50:])).messages == [REGISTER] and not browser.there.partial


def test_what_we_say_is_text_if_it_can_be() -> None:
    browser = Browser(server()).opened()
    for data in (REGISTER, b"\xff", "ü".encode()):
        browser.hear(Framed(reply=browser.there.wrap(data)))
    assert browser.said == [TextMessage(data=REGISTER.decode()), BytesMessage(data=b"\xff"), TextMessage(data="ü")]


def test_keepalives_are_answered_and_are_no_messages() -> None:
    browser = Browser(server()).opened()
    for data, answer in (("\r\n\r\n", [TextMessage(data="\r\n")]), ("\r\n", []), ("", [])):
        framed = browser.say(TextMessage(data=data))
        assert framed.stirred and not framed.messages and browser.said == answer
        browser.said.clear()
    browser.hear(Framed(reply=browser.there.ping()))
    (ping,) = browser.said
    assert isinstance(ping, Ping) and browser.say(ping.response()).stirred


def test_what_is_too_much_ends_it() -> None:
    for events in (
        [TextMessage(data="x" * (MAX_MESSAGE + 1))],
        [BytesMessage(data=b"x" * 40_000, message_finished=False), BytesMessage(data=b"x" * 40_000)],
        [BytesMessage(data=b"", message_finished=False)] * (MOST_FRAMES + 1),
    ):
        browser = Browser(server()).opened()
        framed = browser.say(*events)
        assert framed.broken is not None and framed.broken.reason == "Message too large"
        (said,) = browser.said
        assert isinstance(said, CloseConnection) and said.code == 1009 and not browser.there.open


def test_no_more_frames_are_read_at_once_than_there_is_time_for() -> None:
    browser = Browser(server()).opened()
    framed = browser.say(*[Ping()] * MOST_AT_ONCE)
    assert framed.broken is None and framed.frames == MOST_AT_ONCE
    framed = browser.say(*[Ping()] * (MOST_AT_ONCE + 1), TextMessage(data=REGISTER.decode()))
    assert framed.broken is not None and framed.broken.reason == "Too many frames" and not framed.messages
    said = browser.said[-1]
    assert isinstance(said, CloseConnection) and said.code == 1008


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\x81\x01x", 1002),  # not masked
        (b"\xc1\x80\0\0\0\0", 1002),  # compressed
        (b"\x83\x80\0\0\0\0", 1002),  # an opcode that there is not
        (b"\x80\x80\0\0\0\0", 1002),  # the rest of nothing
        (b"\x09\x80\0\0\0\0", 1002),  # half a ping
        (b"\x81\x81\0\0\0\0\xff", 1007),  # no UTF-8
        (b"\x82\xff\xff" + bytes(7) + bytes(4), 1002),  # longer than there are numbers for
    ],
)
def test_what_is_no_frame_ends_it_with_its_code(frame: bytes, code: int) -> None:
    browser = Browser(server()).opened()
    framed = browser.hear(browser.there.feed(frame))
    assert framed.broken is not None and framed.broken.reason.startswith("Not WebSocket: ")
    (said,) = browser.said
    assert isinstance(said, CloseConnection) and said.code == code


def test_a_peer_may_leave_and_so_may_we() -> None:
    browser = Browser(server()).opened()
    framed = browser.say(TextMessage(data=REGISTER.decode()), CloseConnection(code=1001))
    assert framed.messages == [REGISTER] and framed.ended == ("left", "the peer closes it (1001)")
    assert browser.said == [CloseConnection(code=1001, reason="")] and not browser.there.open
    other = Browser(server()).opened()
    other.hear(Framed(reply=other.there.farewell()))
    assert other.said == [CloseConnection(code=1001, reason="")] and other.there.farewell() == b""
    assert server().farewell() == b""


@given(st.binary(max_size=300), st.integers(0, 400), st.integers(1, 400))
def test_nothing_that_comes_raises(noise: bytes, at: int, step: int) -> None:
    """Noise in a good request, in the frames behind it, and nothing but noise; in pieces."""
    good = Browser(server())
    data = good.request + b"\x82\x85abcd" + b"12345" + b"\x89\x80abcd"
    for whole in (noise, data[:at] + noise + data[at:], data[:at] + noise):
        there = server(origins=(PAGE,))
        for begin in range(0, len(whole), step):
            framed = there.feed(whole[begin : begin + step])
            assert not (framed.broken and framed.ended)
