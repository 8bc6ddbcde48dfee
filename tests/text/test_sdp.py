"""What a session description gives up as slots, and what it looks like once they are filled."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.address import Address
from sbc.core.message import BadMessage, Place, Role, Slot
from sbc.sip.codec import decode
from sbc.text.edits import Edits
from sbc.text.sdp import MAX_CANDIDATES, MAX_LINES, MAX_MEDIA, Sdp
from tests.corpora import ROOT, corpus

OURS = "203.0.113.9"
OURS6 = "2001:db8::9"
HEAD = "v=0\no=- 1 1 IN IP4 10.0.0.1\ns=-\n"


def lines(text: str) -> bytes:
    """Lines as written here, ended as on the wire."""
    return text.strip("\n").replace("\n", "\r\n").encode() + b"\r\n"


def parse(text: str) -> Sdp:
    data = lines(text)
    return Sdp(data, 0, len(data), Edits())


def slots_of(sdp: Sdp) -> list[tuple[Role, object, str, int, bool]]:
    return [(slot.role, slot.stream, *slot.place.address, slot.primary) for slot in sdp.slots]


def ours(slot: Slot) -> Address:
    """Ports by stream: 40000, 40002 and so on, RTCP one above."""
    stream = slot.stream if isinstance(slot.stream, int) else 0
    return Address(OURS, 40000 + 2 * stream + (slot.role is Role.RTCP))


def filled(data: bytes, address: Callable[[Slot], Address] = ours) -> bytes:
    edits = Edits()
    sdp = Sdp(data, 0, len(data), edits)
    for slot in sdp.slots:
        sdp.fill(slot, Place(address(slot)))
    sdp.finish()
    return edits.apply(data)


def became(text: str, address: Callable[[Slot], Address] = ours) -> str:
    return filled(lines(text), address).decode().replace("\r\n", "\n").strip("\n")


# --- slots


def test_one_stream() -> None:
    sdp = parse(HEAD + "c=IN IP4 10.0.0.2\nt=0 0\nm=audio 4000 RTP/AVP 0 8\na=rtpmap:0 PCMU/8000")
    assert slots_of(sdp) == [
        (Role.HIDE, None, "10.0.0.1", 0, True),
        (Role.RTP, 0, "10.0.0.2", 4000, True),
    ]
    (media,) = sdp.media
    assert (media.index, media.kind, media.port, media.count, media.transport) == (0, "audio", 4000, 1, "RTP/AVP")
    assert media.address == Address("10.0.0.2", 4000)
    assert not media.mux
    assert media.rtcp is None
    assert media.direction == "sendrecv"


def test_several_streams_each_with_its_own_key_and_connection() -> None:
    sdp = parse(
        HEAD + "c=IN IP4 10.0.0.2\nt=0 0\nm=audio 4000 RTP/AVP 0\nm=video 5000/2 UDP/TLS/RTP/SAVPF 96\n"
        "c=IN IP6 2001:DB8:0::7\nm=image 6000 udptl t38"
    )
    assert slots_of(sdp)[1:] == [
        (Role.RTP, 0, "10.0.0.2", 4000, True),
        (Role.RTP, 1, "2001:db8::7", 5000, True),
        (Role.T38, 2, "10.0.0.2", 6000, True),
    ]
    assert sdp.media[1].count == 2


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("a=rtcp:4003", ("10.0.0.2", 4003)),
        ("a=rtcp:4003 IN IP4 10.0.0.3", ("10.0.0.3", 4003)),
        ("a=rtcp:4003 IN IP6 2001:DB8::1 ", ("2001:db8::1", 4003)),
    ],
)
def test_rtcp_where_it_is_said(written: str, expected: tuple[str, int]) -> None:
    sdp = parse(HEAD + f"c=IN IP4 10.0.0.2\nm=audio 4000 RTP/AVP 0\n{written}")
    assert slots_of(sdp)[2:] == [(Role.RTCP, 0, *expected, True)]


@pytest.mark.parametrize(
    ("session", "media", "expected"),
    [
        ("", "", "sendrecv"),
        ("a=inactive\n", "", "inactive"),
        ("a=inactive\n", "a=recvonly", "recvonly"),
        ("", "a=sendonly", "sendonly"),
        ("", "a=SendRecv", "sendrecv"),  # as seen in the corpora
        ("", "a=sendonlyX", "sendrecv"),
    ],
)
def test_direction(session: str, media: str, expected: str) -> None:
    sdp = parse(HEAD + f"c=IN IP4 10.0.0.2\n{session}m=audio 4000 RTP/AVP 0\n{media}")
    assert sdp.media[0].direction == expected


@pytest.mark.parametrize(("written", "expected"), [("a=rtcp-mux", True), ("a=rtcp-mux-only", True), ("a=x", False)])
def test_mux_is_seen_and_untouched(written: str, expected: bool) -> None:
    text = HEAD + f"c=IN IP4 10.0.0.2\nm=audio 4000 RTP/AVP 0\n{written}"
    assert parse(text).media[0].mux is expected
    assert written in became(text)


def test_a_rejected_stream_keeps_its_key_and_port_0() -> None:
    text = HEAD + "c=IN IP4 10.0.0.2\nm=audio 4000 RTP/AVP 0\nm=video 0 RTP/AVP 31\nc=IN IP4 10.0.0.3"
    assert slots_of(parse(text))[1:] == [
        (Role.RTP, 0, "10.0.0.2", 4000, True),
        (Role.HIDE, None, "10.0.0.3", 0, True),
        (Role.RTP, 1, "10.0.0.3", 0, True),
    ]
    assert became(text).endswith(f"m=video 0 RTP/AVP 31\nc=IN IP4 {OURS}")


def test_a_connection_that_nothing_uses_is_hidden() -> None:
    text = HEAD + "c=IN IP4 10.0.0.2\nt=0 0\nm=audio 0 RTP/AVP 0"
    assert slots_of(parse(text)) == [
        (Role.HIDE, None, "10.0.0.1", 0, True),
        (Role.HIDE, None, "10.0.0.2", 0, True),
        (Role.RTP, 0, "10.0.0.2", 0, True),
    ]
    assert became(text) == text.replace("10.0.0.1", OURS).replace("10.0.0.2", OURS)


@pytest.mark.parametrize(
    "transport", ["TCP/MSRP", "TCP/TLS/MSRP", "msrp/tcp", "TCP", "TCP/RTP/AVP", "tcp/bfcp", "TCP/DTLS/SCTP", "SCTP"]
)
def test_what_is_no_datagram_stream_is_hidden_with_its_port_left(transport: str) -> None:
    text = HEAD + f"c=IN IP4 10.0.0.2\nm=message 7394 {transport} *\na=rtcp:7 IN IP4 10.0.0.4"
    assert {role for role, *_ in slots_of(parse(text))} == {Role.HIDE}
    assert became(text) == (HEAD + f"c=IN IP4 {OURS}\nm=message 7394 {transport} *").replace("10.0.0.1", OURS)


@pytest.mark.parametrize("transport", ["RTP/AVP", "RTP/SAVPF", "UDP/TLS/RTP/SAVPF", "udp", "UDP/BFCP", "UDP/DTLS/SCTP"])
def test_datagrams_of_any_kind_are_streams(transport: str) -> None:
    sdp = parse(HEAD + f"c=IN IP4 10.0.0.2\nm=application 7394 {transport} *")
    assert slots_of(sdp)[1:] == [(Role.RTP, 0, "10.0.0.2", 7394, True)]


def test_message_session_paths_are_hidden() -> None:
    text = HEAD + (
        "c=IN IP4 10.0.0.2\nm=message 7394 TCP/MSRP *\n"
        "a=path:msrp://me@10.0.0.3:7394/2s93;tcp msrps://[2001:db8::4]:9/x;tcp"
    )
    assert f"a=path:msrp://me@{OURS}:7394/2s93;tcp msrps://{OURS}:9/x;tcp" in became(text)


def test_message_session_paths_keep_their_brackets() -> None:
    text = HEAD + "c=IN IP4 10.0.0.2\nm=message 7394 TCP/MSRP *\na=path:msrp://10.0.0.3:7394/x;tcp"
    assert f"a=path:msrp://[{OURS6}]:7394/x;tcp" in became(text, lambda _: Address(OURS6, 1))


# --- filling


def test_one_connection_serves_all_that_agree() -> None:
    text = HEAD + "c=IN IP4 10.0.0.2\nt=0 0\nm=audio 4000 RTP/AVP 0\nm=video 5000 RTP/AVP 31"
    assert became(text) == (
        f"v=0\no=- 1 1 IN IP4 {OURS}\ns=-\nc=IN IP4 {OURS}\nt=0 0\nm=audio 40000 RTP/AVP 0\nm=video 40002 RTP/AVP 31"
    )


def test_streams_that_differ_get_a_connection_of_their_own_after_m_and_i() -> None:
    text = HEAD + (
        "c=IN IP4 10.0.0.2\nt=0 0\nm=audio 4000 RTP/AVP 0\nm=video 5000 RTP/AVP 31\ni=slides\nb=AS:64\n"
        "m=video 6000 RTP/AVP 31\na=x\nm=video 0 RTP/AVP 31"
    )
    hosts = ["203.0.113.1", "203.0.113.2", OURS6, "203.0.113.4"]
    out = became(text, lambda slot: Address(hosts[slot.stream] if isinstance(slot.stream, int) else OURS, 9000))
    assert out.partition("t=0 0\n")[2] == (
        "m=audio 9000 RTP/AVP 0\nm=video 9000 RTP/AVP 31\ni=slides\nc=IN IP4 203.0.113.2\nb=AS:64\n"
        f"m=video 9000 RTP/AVP 31\nc=IN IP6 {OURS6}\na=x\nm=video 0 RTP/AVP 31"
    )
    assert "c=IN IP4 203.0.113.1\nt=0 0" in out


def test_a_connection_is_inserted_even_where_the_last_line_has_no_end() -> None:
    data = lines(HEAD + "c=IN IP4 10.0.0.2\nm=audio 4000 RTP/AVP 0\nm=video 5000 RTP/AVP 31").rstrip()
    hosts = {0: "203.0.113.1", 1: "203.0.113.2"}
    out = filled(data, lambda slot: Address(hosts.get(slot.stream, OURS), 9000))
    assert out.endswith(b"m=video 9000 RTP/AVP 31\r\nc=IN IP4 203.0.113.2")


def test_a_stream_that_was_not_filled_keeps_the_connection_it_had() -> None:
    data = lines(HEAD + "c=IN IP4 10.0.0.2\nm=audio 4000 RTP/AVP 0\nm=video 5000 RTP/AVP 31")
    edits = Edits()
    sdp = Sdp(data, 0, len(data), edits)
    sdp.fill(sdp.slots[1], Place(Address(OURS, 40000)))
    sdp.finish()
    again = edits.apply(data)
    assert [media.address for media in Sdp(again, 0, len(again), Edits()).media] == [
        Address(OURS, 40000),
        Address("10.0.0.2", 5000),
    ]


def test_the_address_family_is_written_anew_everywhere() -> None:
    text = HEAD + "c=IN IP4 10.0.0.2/127\nm=audio 4000/2 RTP/AVP 0\na=rtcp:4003 IN IP4 10.0.0.2"
    assert became(text, lambda slot: Address(OURS6, 40000)) == (
        f"v=0\no=- 1 1 IN IP6 {OURS6}\ns=-\nc=IN IP6 {OURS6}/127\nm=audio 40000 RTP/AVP 0\na=rtcp:40000 IN IP6 {OURS6}"
    )


def test_and_back_to_ipv4() -> None:
    text = "v=0\no=- 1 1 IN IP6 2001:db8::1\ns=-\nc=IN IP6 2001:db8::1\nm=audio 4000 RTP/AVP 0"
    assert became(text) == text.replace("IN IP6 2001:db8::1", f"IN IP4 {OURS}").replace("4000", "40000")


def test_rtcp_without_an_address_gets_one_only_if_it_must() -> None:
    text = HEAD + "c=IN IP4 10.0.0.2\nm=audio 4000 RTP/AVP 0\na=rtcp:4003"
    assert became(text).endswith("\na=rtcp:40001")
    elsewhere = became(text, lambda slot: Address("203.0.113.8" if slot.role is Role.RTCP else OURS, 40000))
    assert elsewhere.endswith("\na=rtcp:40000 IN IP4 203.0.113.8")


def test_hold_stays_on_hold() -> None:
    """RFC 2543 and RFC 3264 section 8.4: 0.0.0.0 says that nothing is to be sent."""
    text = HEAD + "c=IN IP4 0.0.0.0\nm=audio 4000 RTP/AVP 0\na=rtcp:4001"
    assert slots_of(parse(text))[1:] == [(Role.RTP, 0, "0.0.0.0", 4000, True), (Role.RTCP, 0, "0.0.0.0", 4001, True)]
    assert became(text) == (HEAD + "c=IN IP4 0.0.0.0\nm=audio 40000 RTP/AVP 0\na=rtcp:40001").replace("10.0.0.1", OURS)
    assert "\nc=IN IP6 ::\n" in became(text, lambda _: Address(OURS6, 40000))


def test_one_stream_on_hold_beside_one_that_is_not() -> None:
    text = HEAD + "c=IN IP4 10.0.0.2\nm=audio 4000 RTP/AVP 0\nm=video 5000 RTP/AVP 31\nc=IN IP4 0.0.0.0"
    assert became(text).endswith(
        f"c=IN IP4 {OURS}\nm=audio 40000 RTP/AVP 0\nm=video 40002 RTP/AVP 31\nc=IN IP4 0.0.0.0"
    )


def test_host_names_are_hosts() -> None:
    text = "v=0\no=alice 1 1 IN IP4 Client.Example.COM\ns=-\nc=IN IP4 media.example.com\nm=audio 4000 RTP/AVP 0"
    assert [slot.place.address.host for slot in parse(text).slots] == ["client.example.com", "media.example.com"]
    assert became(text) == (f"v=0\no=alice 1 1 IN IP4 {OURS}\ns=-\nc=IN IP4 {OURS}\nm=audio 40000 RTP/AVP 0")


CANDIDATES = HEAD + (
    "c=IN IP4 192.0.2.7\nm=audio 45664 RTP/AVP 0\na=rtcp:45665\n"
    "a=candidate:0 1 TCP 99 10.0.0.8 9 typ host tcptype active\n"
    "a=candidate:1 1 UDP 2130706431 10.0.0.8 8998 typ host generation 0 network-id 1\n"
    "a=candidate:1 2 udp 2130706430 10.0.0.8 8999 typ host\n"
    "a=candidate:2 1 UDP 1694498815 192.0.2.7 45664 typ srflx raddr 10.0.0.8 rport 8998\n"
    "a=candidate:3 1 UDP 2122260223 4f2e9a.local 50000 typ host\n"
    "a=candidate:3 3 UDP 2122260223 10.0.0.9 50000 typ host\n"
    "a=candidate:utterly wrong 10.0.0.10\n"
    "a=remote-candidates:1 192.0.2.1 8000 2 192.0.2.1 8001\n"
    "a=altc:1 IP6 2001:db8::4 45678\n"
    "a=alt:1 1 : pwd user 10.0.0.11 6000\n"
    "a=source-filter: incl IN IP4 192.0.2.7 10.0.0.12\n"
    "a=ice-ufrag:8hhY"
)


def test_candidates_are_slots_of_the_stream_but_not_primary() -> None:
    assert slots_of(parse(CANDIDATES))[1:] == [
        (Role.RTP, 0, "192.0.2.7", 45664, True),
        (Role.RTCP, 0, "192.0.2.7", 45665, True),
        (Role.RTP, 0, "10.0.0.8", 8998, False),
        (Role.RTCP, 0, "10.0.0.8", 8999, False),
    ]


def test_one_candidate_a_component_is_kept_and_what_else_names_addresses_goes() -> None:
    assert became(CANDIDATES).partition("a=rtcp:40001\n")[2] == (
        f"a=candidate:1 1 UDP 2130706431 {OURS} 40000 typ host generation 0 network-id 1\n"
        f"a=candidate:1 2 udp 2130706430 {OURS} 40001 typ host\n"
        "a=ice-ufrag:8hhY"
    )


def test_related_addresses_become_ours_too() -> None:
    text = HEAD + (
        "c=IN IP4 192.0.2.7\nm=audio 45664 RTP/AVP 0\n"
        "a=candidate:2 1 UDP 1694498815 192.0.2.7 45664 typ srflx raddr 10.0.0.8 rport 8998 generation 0"
    )
    assert became(text).endswith(f"1694498815 {OURS} 40000 typ srflx raddr {OURS} rport 40000 generation 0")


@pytest.mark.parametrize("media", ["m=audio 0 RTP/AVP 0", "m=message 9 TCP/MSRP *"])
def test_candidates_of_what_is_not_relayed_go(media: str) -> None:
    text = HEAD + f"c=IN IP4 10.0.0.2\n{media}\na=candidate:1 1 UDP 1 10.0.0.8 8998 typ host\na=rtcp:7 IN IP4 10.0.0.5"
    assert became(text).endswith(f"c=IN IP4 {OURS}\n{media}")


def test_addresses_where_they_do_not_belong_go() -> None:
    text = (
        HEAD
        + "c=IN IP4 10.0.0.2\na=rtcp:5 IN IP4 10.0.0.3\na=candidate:1 1 UDP 1 10.0.0.4 5 typ host\nm=audio 4 RTP/AVP 0"
    )
    assert became(text).endswith(f"s=-\nc=IN IP4 {OURS}\nm=audio 40000 RTP/AVP 0")


def test_second_lines_of_a_kind_do_not_leak() -> None:
    text = HEAD + (
        "o=- 1 1 IN IP4 10.0.0.7\nc=IN IP4 10.0.0.2\nc=IN IP4 10.0.0.3\nm=audio 4000 RTP/AVP 0\n"
        "c=IN IP4 10.0.0.4\nc=IN IP4 10.0.0.5\na=rtcp:1 IN IP4 10.0.0.6\na=rtcp:2 IN IP4 10.0.0.7"
    )
    assert "10.0.0." not in became(text)


@pytest.mark.parametrize(
    "line",
    [
        "c=IN IP4 $",
        "c=IN IP4 $ ",
        "c=ATM NSAP 47.0091.8100.0000.0060.3e64.fd01.0060.3e64.fd01.00",  # RFC 3108
        "c=TN RFC2543 +1-201-406-4090",
        "c=- - -",
    ],
)
def test_what_is_no_ip_address_stays(line: str) -> None:
    text = f"v=0\n{line}\nm=audio $ RTP/AVP 4\na=ptime:30"
    assert parse(text).slots == []
    assert became(text) == text.strip()


def test_a_wildcard_port_is_no_stream_but_its_address_is_hidden() -> None:
    text = "v=0\nc=IN IP4 10.0.0.2\nm=audio $ RTP/AVP 4"
    assert slots_of(parse(text)) == [(Role.HIDE, None, "10.0.0.2", 0, True)]


def test_lines_may_end_in_lf_alone_and_blank_ones_are_passed_over() -> None:
    data = b"v=0\no=- 1 1 IN IP4 10.0.0.1\ns=-\nc=IN IP4 10.0.0.2\nm=audio 4000 RTP/AVP 0\nm=audio 5000 RTP/AVP 0\n\n"
    hosts = {0: "203.0.113.1", 1: "203.0.113.2"}
    out = filled(data, lambda slot: Address(hosts.get(slot.stream, OURS), 9000))
    assert out.endswith(b"m=audio 9000 RTP/AVP 0\nc=IN IP4 203.0.113.2\n\n")
    assert b"\r" not in out


def test_the_span_is_kept_to() -> None:
    body = lines(HEAD + "c=IN IP4 10.0.0.2\nm=audio 4000 RTP/AVP 0")
    around = b"c=IN IP4 10.9.9.9\r\n"
    data = around + body + around
    edits = Edits()
    sdp = Sdp(data, len(around), len(around) + len(body), edits)
    for slot in sdp.slots:
        sdp.fill(slot, Place(ours(slot)))
    sdp.finish()
    assert edits.apply(data) == around + filled(body) + around


def test_the_first_line_counts_even_where_no_line_end_is_before_it() -> None:
    data = b"{c=IN IP4 10.0.0.2\nm=audio 4000 RTP/AVP 0\n}"
    assert [slot.place.address for slot in Sdp(data, 1, len(data) - 1, Edits()).slots] == [Address("10.0.0.2", 4000)]


def test_nothing_filled_nothing_changed_but_what_must_not_leak() -> None:
    data = lines(HEAD + "c=IN IP4 10.0.0.2\nm=audio 4000 RTP/AVP 0\na=rtcp:4003\na=path:msrp://10.0.0.1:5/x")
    edits = Edits()
    Sdp(data, 0, len(data), edits).finish()
    assert edits.apply(data) is data


# --- what is malformed


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("v=0\nc=IN IP4", "Malformed SDP c="),
        ("v=0\nc=IN IP4 ", "Malformed SDP c="),
        ("v=0\nc=IN IPv4 10.0.0.1", "Malformed SDP c="),
        ("v=0\nc=IN IP4 10.0.0.1 x", "Malformed SDP c="),
        ("v=0\nc=IN IP4 fe80::1%eth0", "Malformed SDP c="),
        ("v=0\nc=IN IP4 10.0.0.1;x", "Malformed SDP c="),
        ("v=0\no=- 1 1 IN IP4", "Malformed SDP o="),
        ("v=0\no=x", "Malformed SDP o="),
        ("v=0\no=- 1 1 IN IP5 10.0.0.1", "Malformed SDP o="),
        ("v=0\nc=IN IP4 10.0.0.1\nm=audio", "Malformed SDP m="),
        ("v=0\nc=IN IP4 10.0.0.1\nm=audio x RTP/AVP 0", "Malformed SDP m="),
        ("v=0\nc=IN IP4 10.0.0.1\nm=audio -1 RTP/AVP 0", "Malformed SDP m="),
        ("v=0\nc=IN IP4 10.0.0.1\nm=audio 65536 RTP/AVP 0", "Port out of range in SDP m="),
        ("v=0\nm=audio 4000 RTP/AVP 0", "SDP m= without c="),
        ("v=0\nc=IN IP4 10.0.0.1\nm=audio 4 RTP/AVP 0\na=rtcp:65536", "Malformed SDP a=rtcp"),
        ("v=0\nc=IN IP4 10.0.0.1\nm=audio 4 RTP/AVP 0\na=rtcp:4 IN IP4", "Malformed SDP a=rtcp"),
        ("v=0\nc =IN IP4 10.0.0.1", "Malformed SDP line"),
        ("v=0\n c=IN IP4 10.0.0.1", "Malformed SDP line"),
        ("v=0\nC=IN IP4 10.0.0.1", "Malformed SDP line"),
        ("v=0\nhello", "Malformed SDP line"),
        ("v=0\ns=-\rc=IN IP4 10.0.0.1", "Malformed SDP line"),
        ("v=0\ns=\0", "Malformed SDP line"),
        ("v=0" + "\na=x" * MAX_LINES, "SDP has too many lines"),
        ("v=0\nc=IN IP4 1.1.1.1" + "\nm=audio 4 RTP/AVP 0" * (MAX_MEDIA + 1), "SDP has too many m= lines"),
        (
            "v=0\nc=IN IP4 1.1.1.1\nm=audio 4 RTP/AVP 0"
            + "\na=candidate:1 1 TCP 1 1.1.1.1 9 typ host" * (MAX_CANDIDATES + 1),
            "SDP has too many candidates",
        ),
    ],
)
def test_malformed(text: str, why: str) -> None:
    with pytest.raises(BadMessage) as raised:
        parse(text)
    assert raised.value.reason == why


def test_as_much_as_is_allowed() -> None:
    text = "v=0\nc=IN IP4 1.1.1.1" + "\nm=audio 4 RTP/AVP 0" * MAX_MEDIA
    assert len(parse(text).media) == MAX_MEDIA
    candidates = "\na=candidate:1 1 TCP 1 1.1.1.1 9 typ host" * MAX_CANDIDATES
    assert parse("v=0\nc=IN IP4 1.1.1.1\nm=audio 4 RTP/AVP 0" + candidates).media[0].candidates == []
    assert parse("v=0" + "\na=x" * (MAX_LINES - 1)).media == []


# --- there and back, no leak

hosts = st.sampled_from(["10.11.12.13", "0.0.0.0", "fd00::1:2", "192.168.77.88", "phone.example.net"])
optional = st.lists(
    st.sampled_from(
        [
            "a=rtcp:{port}",
            "a=rtcp:{port} IN IP{family} {host}",
            "a=candidate:1 1 UDP 1 10.20.30.40 {port} typ host",
            "a=candidate:1 2 UDP 1 10.20.30.40 {port} typ srflx raddr 10.20.30.50 rport 7",
            "a=candidate:2 1 TCP 1 10.20.30.60 9 typ host",
            "a=rtcp-mux",
            "a=sendonly",
            "a=altc:1 IP4 10.20.30.70 9",
            "a=ptime:20",
            "i=info",
            "c=IN IP{family} {host}",
        ]
    ),
    max_size=6,
)
streams = st.tuples(
    st.sampled_from(
        ["m=audio {port} RTP/AVP 0", "m=image {port} udptl t38", "m=video 0 RTP/AVP 31", "m=x {port} TCP/MSRP *"]
    ),
    hosts,
    st.integers(1, 65535),
    optional,
)


def description(session: str, media: list[tuple[str, str, int, list[str]]]) -> bytes:
    text = [f"v=0\no=- 1 1 IN IP{family(session)} {session}\ns=-\nc=IN IP{family(session)} {session}\nt=0 0"]
    for form, host, port, more in media:
        text += [line.format(host=host, port=port, family=family(host)) for line in (form, *more)]
    return lines("\n".join(text))


def family(host: str) -> int:
    return 6 if ":" in host else 4


@given(hosts, st.lists(streams, max_size=4), st.lists(st.sampled_from([OURS, OURS6, "203.0.113.10"]), min_size=1))
def test_filled_there_and_back(
    session: str, media: list[tuple[str, str, int, list[str]]], ours_by_stream: list[str]
) -> None:
    """What goes over shows our addresses alone, is read as it was written, and comes back as it was."""
    data = description(session, media)

    def address(slot: Slot) -> Address:
        stream = slot.stream if isinstance(slot.stream, int) else 0
        return Address(ours_by_stream[stream % len(ours_by_stream)], 40000 + 2 * stream + (slot.role is Role.RTCP))

    over = filled(data, address)
    for leaked in (b"10.11.12.13", b"fd00::1:2", b"192.168.77.88", b"phone.example.net", b"10.20.30."):
        assert leaked not in over
    before, after = streams_of(data), streams_of(over)
    assert [(slot.role, slot.stream, slot.primary) for slot in before] == [
        (slot.role, slot.stream, slot.primary) for slot in after
    ]
    for was, now in zip(before, after, strict=True):
        assert now.place.address.port == address(was).port
        on_hold = was.place.address.host in ("0.0.0.0", "::")
        assert now.place.address.host in (("0.0.0.0", "::") if on_hold else (address(was).host,))
    edits = Edits()
    sdp = Sdp(over, 0, len(over), edits)
    for slot in sdp.slots:
        sdp.fill(slot, Place(Address("10.11.12.13", 0)))
    for was, slot in zip(before, filter(is_stream, sdp.slots), strict=True):
        sdp.fill(slot, was.place)
    sdp.finish()
    assert [slot.place for slot in streams_of(edits.apply(over))] == [slot.place for slot in before]


def is_stream(slot: Slot) -> bool:
    return slot.role is not Role.HIDE and slot.place.address.port > 0


def streams_of(data: bytes) -> list[Slot]:
    return list(filter(is_stream, Sdp(data, 0, len(data), Edits()).slots))


def bodies() -> list[tuple[str, bytes]]:
    found = []
    for name, data in [*corpus("sip/real", "*.sip"), *corpus("sip/rfc4475", "*.dat")]:
        try:
            message = decode(data)
            parts = message.bodies()
        except BadMessage:
            continue
        found += [(name, data[p.start : p.end]) for p in parts if p.content_type == "application/sdp"]
    return found


@pytest.mark.skipif(not ROOT.is_dir(), reason="needs the corpora in ../shared/corpora")
def test_real_descriptions() -> None:
    found = bodies()
    assert len(found) > 20
    for name, body in found:
        sdp = Sdp(body, 0, len(body), Edits())
        hosts = {slot.place.address.host.encode() for slot in sdp.slots}
        assert hosts, name
        over = filled(body)
        assert not [host for host in hosts if host in over.lower()], name
        assert re.sub(rb"IN IP4 \S+|^(m=\S+) \d+", rb"\1", over, flags=re.M) == re.sub(
            rb"IN IP4 \S+|^(m=\S+) \d+", rb"\1", body, flags=re.M
        ), name
        unchanged = Edits()
        same = Sdp(body, 0, len(body), unchanged)
        for slot in same.slots:
            same.fill(slot, slot.place)
        same.finish()
        assert unchanged.apply(body) == body, name
