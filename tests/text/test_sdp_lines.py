"""Each kind of line that holds an address: what is read of it, and what it is written as."""

from __future__ import annotations

import pytest

from sbc.core.address import Address
from sbc.core.message import BadMessage
from sbc.text.edits import Edits
from sbc.text.sdp_lines import (
    MAX_PATH,
    Host,
    Line,
    read_candidate,
    read_connection,
    read_media,
    read_origin,
    read_path,
    read_rtcp,
    triple,
)

BEFORE = b"x" * 7


def line(value: bytes, start: bytes = b"c=") -> Line:
    """A line with that value, in the middle of something else."""
    data = BEFORE + start + value + b"\r\n"
    return Line(data, len(BEFORE), len(BEFORE) + len(start), len(data) - 2, len(data))


def rewritten(edits: Edits, of: Line) -> bytes:
    return edits.apply(of.data)[len(BEFORE) :].removesuffix(b"\r\n")


@pytest.mark.parametrize(
    ("value", "host"),
    [
        (b"IN IP4 192.0.2.1", "192.0.2.1"),
        (b"in  ip4\t192.0.2.1 ", "192.0.2.1"),
        (b"IN IP4 224.2.1.1/127/3", "224.2.1.1"),
        (b"IN IP6 FF15:0::101/3", "ff15::101"),
        (b"IN IP6 [2001:db8::1]", "2001:db8::1"),
        (b"IN IP4 Some.Host_1.example", "some.host_1.example"),
        (b"IN IP4 $", ""),
        (b"ATM NSAP 47.00", ""),
        (b"- - -", ""),
    ],
)
def test_connection(value: bytes, host: str) -> None:
    assert read_connection(line(value)).host == host


@pytest.mark.parametrize(
    ("value", "new", "expected"),
    [
        (b"IN IP4 192.0.2.1", "198.51.100.9", b"c=IN IP4 198.51.100.9"),
        (b"IN IP4 224.2.1.1/127/3", "198.51.100.9", b"c=IN IP4 198.51.100.9/127/3"),
        (b"in ip4  192.0.2.1 ", "2001:db8::9", b"c=in ip6  2001:db8::9 "),
        (b"IN IP6 2001:DB8::1", "198.51.100.9", b"c=IN IP4 198.51.100.9"),
        (b"IN IP6 2001:DB8::1", "2001:db8::1", b"c=IN IP6 2001:DB8::1"),  # the same address, left in its own spelling
        (b"IN IP6 2001:DB8::1", "media.example", b"c=IN IP6 media.example"),
    ],
)
def test_connection_written(value: bytes, new: str, expected: bytes) -> None:
    edits, of = Edits(), line(value)
    read_connection(of).write(edits, new)
    assert rewritten(edits, of) == expected


@pytest.mark.parametrize(
    ("value", "host"),
    [
        (b"- 1 1 IN IP4 192.0.2.1", "192.0.2.1"),
        (b"two words 1 1 IN IP4 192.0.2.1", "192.0.2.1"),
        (b"- A3C47F21456789F0 0 ATM NSAP 47.00", ""),
    ],
)
def test_origin(value: bytes, host: str) -> None:
    assert read_origin(line(value, b"o=")).host == host


@pytest.mark.parametrize(
    "value", [b"", b"1 1 IN IP4 192.0.2.1", b"- 1 1 IN IP4", b"- 1 1 IN X25 1", b"- 1 1 IN IP4 a/b"]
)
def test_malformed_origin(value: bytes) -> None:
    with pytest.raises(BadMessage):
        read_origin(line(value, b"o="))


@pytest.mark.parametrize(
    ("here", "new", "expected"),
    [
        ("192.0.2.1", "198.51.100.9", "198.51.100.9"),
        ("0.0.0.0", "198.51.100.9", "0.0.0.0"),
        ("0.0.0.0", "2001:db8::9", "::"),
        ("::", "198.51.100.9", "0.0.0.0"),
        ("::", "2001:db8::9", "::"),
        ("0.0.0.0", "media.example", "0.0.0.0"),
    ],
)
def test_hold(here: str, new: str, expected: str) -> None:
    assert Host(b"", 0, 0, here).held(new) == expected


def test_rtcp_with_its_port_alone() -> None:
    of = line(b"53020 ", b"a=rtcp:")
    rtcp = read_rtcp(of, 3)
    assert (rtcp.index, rtcp.port, rtcp.host) == (3, 53020, None)
    edits = Edits()
    rtcp.write(edits, Address("198.51.100.9", 40001), "198.51.100.9")
    assert rewritten(edits, of) == b"a=rtcp:40001 "
    edits = Edits()
    rtcp.write(edits, Address("198.51.100.9", 53020), "198.51.100.10")
    assert rewritten(edits, of) == b"a=rtcp:53020 IN IP4 198.51.100.9 "


def test_rtcp_with_its_address() -> None:
    of = line(b"53020 IN IP4 192.0.2.1", b"a=rtcp:")
    rtcp = read_rtcp(of, 0)
    assert rtcp.host is not None
    assert rtcp.host.host == "192.0.2.1"
    edits = Edits()
    rtcp.write(edits, Address("2001:db8::9", 40001), "2001:db8::9")
    assert rewritten(edits, of) == b"a=rtcp:40001 IN IP6 2001:db8::9"


@pytest.mark.parametrize("value", [b"", b"x", b"70000", b"1 IN IP4", b"1 IN IP9 1.1.1.1", b"1 IN IP4 1.1.1.1 x"])
def test_malformed_rtcp(value: bytes) -> None:
    with pytest.raises(BadMessage):
        read_rtcp(line(value, b"a=rtcp:"), 0)


def test_candidate() -> None:
    of = line(b"a+/ 2 udp 1 2001:DB8::1 9000  typ relay raddr 10.0.0.1 rport 7 generation 0", b"a=candidate:")
    candidate = read_candidate(of)
    assert candidate is not None
    assert (candidate.component, candidate.address) == (2, Address("2001:db8::1", 9000))
    edits = Edits()
    candidate.write(edits, Address("198.51.100.9", 40001))
    assert rewritten(edits, of) == (
        b"a=candidate:a+/ 2 udp 1 198.51.100.9 40001  typ relay raddr 198.51.100.9 rport 40001 generation 0"
    )


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"1 1 TCP 1 10.0.0.1 9 typ host tcptype active",
        b"1 3 UDP 1 10.0.0.1 9000 typ host",
        b"1 0 UDP 1 10.0.0.1 9000 typ host",
        b"1 1 UDP 1 abc.local 9000 typ host",
        b"1 1 UDP 1 fe80::1%1 9000 typ host",
        b"1 1 UDP 1 10.0.0.1 0 typ host",
        b"1 1 UDP 1 10.0.0.1 65536 typ host",
        b"1 1 UDP 1 10.0.0.1 9000",
        b"1 1 UDP one 10.0.0.1 9000 typ host",
        b"1 1 UDP 1 \xff 9000 typ host",
    ],
)
def test_candidates_that_we_have_nothing_to_put_in_place_of(value: bytes) -> None:
    assert read_candidate(line(value, b"a=candidate:")) is None


def test_a_path_without_end_is_refused() -> None:
    assert len(read_path(line(b"msrp://h:1/x " * MAX_PATH))) == MAX_PATH
    with pytest.raises(BadMessage, match="too long"):
        read_path(line(b"msrp://h:1/x " * (MAX_PATH + 1)))


def test_path() -> None:
    of = line(b"msrp://10.0.0.1:2855/a;tcp MSRPS://u@[2001:DB8::1]:2855/b;tcp http://10.0.0.2", b"a=path:")
    hosts = read_path(of)
    assert [host.host for host in hosts] == ["10.0.0.1", "2001:db8::1"]
    edits = Edits()
    for host in hosts:
        host.write(edits, "2001:db8::9")
    assert (
        rewritten(edits, of)
        == b"a=path:msrp://[2001:db8::9]:2855/a;tcp MSRPS://u@[2001:db8::9]:2855/b;tcp http://10.0.0.2"
    )


@pytest.mark.parametrize(
    ("value", "kind", "port", "count", "transport", "wildcard"),
    [
        (b"audio 4000 RTP/AVP 0 8", "audio", 4000, 1, "RTP/AVP", False),
        (b"Video 4000/2 RTP/SAVPF 0", "video", 4000, 2, "RTP/SAVPF", False),
        (b"audio  0\tRTP/AVP  ", "audio", 0, 1, "RTP/AVP", False),
        (b"audio $ RTP/AVP 4", "audio", 0, 1, "RTP/AVP", True),
        (b"audio - AAL1/AVP 4", "audio", 0, 1, "AAL1/AVP", True),
    ],
)
def test_media(value: bytes, kind: str, port: int, count: int, transport: str, wildcard: bool) -> None:
    media = read_media(line(value, b"m="), 5, "recvonly")
    assert (media.index, media.direction) == (5, "recvonly")
    assert (media.kind, media.port, media.count, media.transport, media.wildcard) == (
        kind,
        port,
        count,
        transport,
        wildcard,
    )


@pytest.mark.parametrize(
    ("transport", "relayed", "udptl"),
    [
        ("RTP/AVP", True, False),
        ("udptl", True, True),
        ("UDP/TLS/UDPTL", True, True),
        ("TCP/RTP/AVP", False, False),
        ("tcp", False, False),
        ("msrp/tls/tcp", False, False),
        ("TLS/MSRP", False, False),
        ("SCTP/DTLS", False, False),
    ],
)
def test_what_is_relayed(transport: str, relayed: bool, udptl: bool) -> None:
    media = read_media(line(b"image 5000 %b t38" % transport.encode(), b"m="), 0, "sendrecv")
    assert (media.relayed, media.udptl) == (relayed, udptl)
    assert not media.live  # not before it has an address
    media.address = Address("192.0.2.1", 5000)
    media.connection = Host(b"", 0, 0, "192.0.2.1")
    assert media.live is relayed


def test_triple() -> None:
    assert triple("192.0.2.1") == b"IN IP4 192.0.2.1"
    assert triple("2001:db8::1") == b"IN IP6 2001:db8::1"
    assert triple("media.example") == b"IN IP4 media.example"


def test_a_line_deletes_itself_whole() -> None:
    of = line(b"anything")
    edits = Edits()
    of.delete(edits)
    assert edits.apply(of.data) == BEFORE
