"""SIP on a stream: whole messages whatever the segments, pings, limits, and where framing is lost."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbc.core.address import Address
from sbc.interfaces import Framed
from sbc.sip.codec import MAX_MESSAGE, BadSip
from sbc.sip.framing import MAX_HEADER, MAX_START, PONG, SipFramer
from sbc.sip.replies import complain
from tests.rig import PHONE
from tests.sip_messages import invite, plain_answer, register, status

INVITE = invite(PHONE)
REGISTER = register(PHONE)
BUSY = plain_answer(INVITE, b"486 Busy Here")


def fed(*segments: bytes) -> tuple[SipFramer, list[bytes], list[bytes]]:
    """A framer that has read the segments: it, the messages, the pongs; framing must hold."""
    framer = SipFramer()
    messages: list[bytes] = []
    pongs: list[bytes] = []
    for segment in segments:
        framed = framer.feed(segment)
        assert framed.broken is None
        messages += framed.messages
        pongs += [framed.reply] if framed.reply else []
    return framer, messages, pongs


def broken(*segments: bytes) -> BadSip:
    """How framing was lost on the last segment."""
    framer = SipFramer()
    framed = Framed()
    for segment in segments:
        assert framed.broken is None
        framed = framer.feed(segment)
    assert isinstance(framed.broken, BadSip)
    assert not framer.partial
    assert framer.feed(INVITE) == Framed(), "nothing is read after that"
    return framed.broken


def answered(bad: BadSip) -> int:
    """The status of the answer it gets, 0 if none."""
    answer = complain(bad, Address("203.0.113.11", 40001))
    return 0 if answer is None else status(answer)


def test_a_message_in_one_piece() -> None:
    framer, messages, pongs = fed(INVITE)
    assert messages == [INVITE]
    assert not pongs and not framer.partial


def test_octet_by_octet() -> None:
    stream = INVITE + BUSY + REGISTER
    framer, messages, _ = fed(*(stream[at : at + 1] for at in range(len(stream))))
    assert messages == [INVITE, BUSY, REGISTER]
    assert not framer.partial


def test_many_in_one_piece() -> None:
    _, messages, _ = fed((INVITE + REGISTER) * 50)
    assert messages == [INVITE, REGISTER] * 50


def test_what_is_not_whole_is_kept() -> None:
    framer, messages, _ = fed(INVITE[:-1])
    assert not messages and framer.partial
    assert framer.feed(INVITE[-1:] + REGISTER[:5]).messages == [INVITE]
    assert framer.partial


def test_the_compact_form_and_folds() -> None:
    short = INVITE.replace(b"Content-Length:", b"l :").replace(b"Max-Forwards: 70", b"Max-Forwards:\r\n 70")
    folded = INVITE.replace(b"Content-Length: ", b"Content-Length:\r\n ")
    assert fed(short + folded)[1] == [short, folded]


def test_a_length_in_a_body_is_none_of_ours() -> None:
    body = b"\r\nContent-Length: 7\r\n\r\n"
    data = REGISTER.replace(b"Content-Length: 0", b"Content-Length: %d" % len(body)) + body
    assert fed(data + BUSY)[1] == [data, BUSY]


@pytest.mark.parametrize(
    "segments", [(b"\r\n\r\n",), (b"\r\n", b"\r\n"), (b"\r", b"\n\r", b"\n"), (b"\r\n\r\n" * 100,)], ids=repr
)
def test_a_ping_gets_one_pong(segments: tuple[bytes, ...]) -> None:
    framer, messages, pongs = fed(*segments)
    assert pongs == [PONG] and not messages
    assert not framer.partial


def test_each_ping_gets_its_pong() -> None:
    assert fed(*[b"\r\n\r\n"] * 5)[2] == [PONG] * 5


def test_a_single_line_end_is_no_ping() -> None:
    assert fed(b"\r\n", INVITE, b"\r\n", INVITE)[1:] == ([INVITE, INVITE], [])


def test_pings_between_messages() -> None:
    assert fed(INVITE + b"\r\n\r\n" + REGISTER)[1:] == ([INVITE, REGISTER], [PONG])


@pytest.mark.parametrize(
    ("length", "code"),
    [
        (b"", 400),
        (b"Content-Length: 1\r\nContent-Length: 1\r\n", 400),
        (b"Content-Length: 1\r\nl: 2\r\n", 400),
        (b"Content-Length: -1\r\n", 400),
        (b"Content-Length: 1 2\r\n", 400),
        (b"Content-Length: x\r\n", 400),
        (b"Content-Length:\r\n", 400),
        (b"Content-Length: 99999999999999999999999999\r\n", 400),
        (b"Content-Length: 70000\r\n", 513),
        (b"Content-Length: 9999999999\r\n", 513),
    ],
)
def test_without_a_good_length_framing_is_lost(length: bytes, code: int) -> None:
    data = REGISTER.replace(b"Content-Length: 0\r\n", length)
    bad = broken(data)
    assert answered(bad) == code
    assert answered(broken(INVITE[:40], INVITE[40:] + data)) == code


def test_a_broken_answer_is_not_answered() -> None:
    assert answered(broken(BUSY.replace(b"Content-Length: 0\r\n", b""))) == 0


def test_what_stood_before_the_fault_is_not_lost() -> None:
    framed = SipFramer().feed(INVITE + REGISTER.replace(b"Content-Length: 0\r\n", b""))
    assert framed.messages == [INVITE] and framed.broken is not None


def test_a_message_that_is_wrong_in_itself_leaves_framing_whole() -> None:
    wrong = REGISTER.replace(b"CSeq: 1 REGISTER", b"CSeq: one REGISTER")
    assert fed(wrong + INVITE)[1] == [wrong, INVITE]


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n",
        b"\x16\x03\x01\x00\xa5\x01\x00\x00",
        b"hello\r\n",
        b"INVITE sip:a@b SIP/2.0\n",
        b"SIP/2.0\r\n",
        b"x" * MAX_START,
        b"INVITE sip:" + b"x" * MAX_START,
    ],
)
def test_something_else_than_sip_is_told_by_its_first_line(data: bytes) -> None:
    assert answered(broken(data)) == 0


def test_a_header_section_without_end() -> None:
    start = REGISTER[: REGISTER.index(b"Content-Length")]
    endless = start + b"X: y\r\n" * (MAX_HEADER // 6)
    assert answered(broken(*(endless[at : at + 1000] for at in range(0, MAX_HEADER, 1000)))) == 513


def test_the_longest_message() -> None:
    head = REGISTER.replace(b"Content-Length: 0", b"Content-Length: %05d" % (MAX_MESSAGE - len(REGISTER) - 4))
    whole = head.ljust(MAX_MESSAGE, b"x")
    assert fed(whole)[1] == [whole]
    more = head.replace(b"%05d" % (MAX_MESSAGE - len(REGISTER) - 4), b"%05d" % (MAX_MESSAGE - len(REGISTER) - 3))
    assert answered(broken(more)) == 513


PIECES = st.sampled_from(
    [INVITE, REGISTER, BUSY, b"\r\n\r\n", b"\r\n", INVITE[:100], b"Content-Length: 3\r\n\r\n", b"\x00", b"x"]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES | st.binary(max_size=30), max_size=8).map(b"".join), st.lists(st.integers(1, 700), max_size=40))
def test_segments_do_not_matter(stream: bytes, cuts: list[int]) -> None:
    """However a stream is cut, it holds the same messages and is lost at the same fault; what is kept is bounded."""
    whole = SipFramer().feed(stream)
    framer, messages, at = SipFramer(), list[bytes](), 0
    reason = None
    for cut in [*cuts, len(stream)]:
        framed = framer.feed(stream[at : at + cut])
        at += cut
        messages += framed.messages
        if framed.broken is not None:
            reason = framed.broken.reason
    assert messages == whole.messages
    assert reason == (None if whole.broken is None else whole.broken.reason)
    assert all(len(message) <= MAX_MESSAGE and message.strip(b"\r\n") for message in messages)


def test_drip_by_drip_costs_no_more_than_its_octets() -> None:
    """A header section near the limit, an octet a time: no search begins at the front again."""
    start = REGISTER[: REGISTER.index(b"Content-Length")]
    stream = start + b"X: y\r\n" * ((MAX_HEADER - len(start) - 40) // 6) + b"Content-Length: 0\r\n\r\n"
    framer = SipFramer()
    found = [message for at in range(len(stream)) for message in framer.feed(stream[at : at + 1]).messages]
    assert found == [stream]
