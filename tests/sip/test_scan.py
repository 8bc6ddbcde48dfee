"""Where C answers it says what the law says, of lines and of values: on corpora, and on what was made to differ."""

from __future__ import annotations

import importlib
import random
import runpy
import shutil
import subprocess
import sysconfig
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.message import BadMessage
from sbc.sip import scan
from sbc.sip.codec import Header, SipMessage, decode, split
from sbc.sip.headers import NameAddr, Via, name_addrs_by_expression, vias_by_expression
from sbc.sip.names import AT_ONCE, canonical_name
from sbc.sip.params import to_bytes
from sbc.sip.uri import uri_by_expression
from tests.corpora import ROOT, corpus

SOURCE = Path(scan.__file__).with_name("scan.c")
USUAL = [
    b"sip:bob@example.com",
    b"sips:+4930%20@192.0.2.1:5061;transport=ws;lr",
    b"sip:192.0.2.1",
    b"sip:h;x:5",
    b'"Alice, at home" <sip:alice@198.51.100.2:5060;ob>;tag=a-1',
    b"A. Bell <sip:bell@example.com>;q=0.7;TAG=x;tag=y",
    b"<sip:bob@[2001:db8::1]:5060>;tag=1",
    b"<sip:a@b>;tag;tag=5",
    b"<sip:a@b>;tag=",
    b"<sip:a?b@h?x=y>;tag=1",
    b'<sip:bob:secret@example.com>;+sip.instance="<urn:uuid:0>"',
    b"SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;rport",
    b"SIP/2.0/TCP host.example;rport=5;received=192.0.2.9;alias;branch;branch=2",
    b"SIP / 2.0 / UDP first.example : 70000;branch=1 (note)",
    b"SIP/2.0/TLS  [2001:db8::9]:5061;branch=z9hG4bK7, SIP/2.0/UDP x",
    b"SIP/2.0/UDP h:5;;RPORT;Received=[::1];branch=%41",
]
PIECES = [
    *(bytes((each,)) for each in b"\0\t\n\r \"#%&'()*+,-./059:;<=>?@AZ[\\]_`az{|}~\x7f\x80\xff"),
    *(
        b"sip:",
        b"sips:",
        b"SIP:",
        b"SIP/2.0/UDP ",
        b";tag=",
        b";tag",
        b";branch=",
        b";rport",
        b";received=",
        b";alias",
        b"@",
    ),
    *(b"65535", b"65536", b"h.example", b"<sip:a@b>", b'"x"', b";a=1" * 64, b"..", b"-h", b"(c)", b"bob"),
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The module in C: as it is installed, or made for this test where it is not."""
    if scan.BUILT:
        return pytest.importorskip("sbc.sip._scan")
    path = tmp_path_factory.mktemp("scan") / "_scan.so"
    flags = ("-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC")
    command = ("cc", *flags, f"-I{sysconfig.get_path('include')}", str(SOURCE), "-o", str(path))
    subprocess.run(command, check=True, timeout=120)
    spec = spec_from_file_location("_scan", path, loader=ExtensionFileLoader("_scan", str(path)))
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def uri_parts(data: bytes, start: int, end: int) -> tuple[int, ...]:
    found = uri_by_expression(data, start, end)
    assert found.is_sip and found.headers_start < 0 and found.end == found.params_end == end
    assert found.userinfo_end == (found.host_start - 1 if found.user_start >= 0 else -1)
    user, host, port = ((found.user_start, found.user_end), (found.host_start, found.host_end), found.port)
    return found.scheme == "sips", *user, *host, found.port_start, found.port_end, port, found.params_start


def name_addr_parts(data: bytes, start: int, end: int) -> tuple[int, ...]:
    (value,) = name_addrs_by_expression(data, Header("to", start, end, start, end))
    assert isinstance(value, NameAddr) and value.bracketed and not value.star
    assert (value.start, value.end, value.params_end) == (start, end, end)
    at = value.uri_start, value.uri_end
    return *uri_parts(data, *at), *at, value.params_start, *value.tag_span


def via_parts(data: bytes, start: int, end: int) -> tuple[int, ...]:
    (value,) = vias_by_expression(data, Header("via", start, end, start, end))
    assert isinstance(value, Via) and (value.start, value.end, value.params_end) == (start, end, end)
    branch, rport = value.param_span("branch") or (-1, -1), value.param_whole("rport") or (-1, -1)
    assert data[slice(*branch)] == to_bytes(value.params.get("branch") or "") or branch == (-1, -1)
    says = ("alias" in value.params) + 2 * ("received" in value.params) + 4 * ("branch" in value.params)
    place = value.protocol_end, value.host_start, value.host_end, value.port_start, value.port_end, value.port
    return *place, value.params_start, *branch, *rport, says


def agree_on_lines(built: Any, data: bytes, start: int) -> bool:
    """Ask for the header lines from `start` on; whether C has answered."""
    said = built.headers(data, start, AT_ONCE, canonical_name)
    if said is None:
        return False
    message = SipMessage(data)
    split(message, start)  # raises nothing, or C should have said nothing
    spans = [each for h in message.headers for each in (h.line_start, h.line_end, h.start, h.end)]
    assert said == (message.names, message.lines, message.places, spans, message.body_start), data
    assert (message.headers_start, message.headers_end) == (start, message.body_start - 2)
    assert all(message.value(h.name) is not None for h in message.headers)
    return True


KINDS = [("uri", uri_parts), ("name_addr", name_addr_parts), ("via", via_parts)]


def agree(built: Any, value: bytes) -> int:
    """Ask of a value, as one part of more, in each way. How many times C has answered."""
    bare = value.strip()
    data, start = b"<;x " + bare + b"  ;y>", 4
    answered = 0
    for name, law in KINDS:
        said = getattr(built, name)(data, start, start + len(bare))
        if said is not None:
            assert said == law(data, start, start + len(bare)), (name, bare)
            answered += 1
    return answered


def test_usual_values(built: Any) -> None:
    assert [agree(built, value) for value in USUAL] == [1, 1, 1, 1, 1, 1, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1]


@pytest.mark.skipif(not ROOT.is_dir(), reason="needs the corpora in ../shared/corpora")
def test_values_of_the_corpora(built: Any) -> None:
    asked = answered = 0
    for _, data in [*corpus("sip/real", "*.sip"), *corpus("sip/rfc4475", "*.dat")]:
        try:
            message = decode(data)
        except BadMessage:
            continue
        for header in message.headers:
            asked += header.name in ("via", "from", "to", "contact")
            answered += agree(built, data[header.start : header.end])
    assert asked > 400 and answered > asked * 0.7


@given(st.lists(st.sampled_from([*USUAL, *PIECES]), max_size=8).map(b"".join))
def test_values_put_together(built: Any, value: bytes) -> None:
    agree(built, value)


def test_values_changed(built: Any) -> None:
    chance, answered = random.Random(3), 0
    for _ in range(20_000):
        value = bytearray(chance.choice(USUAL))
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(value) + 1)
            value[at : at + chance.randint(0, 2)] = chance.choice(PIECES)
        answered += agree(built, bytes(value))
    assert answered > 1000


LINES = [
    b"Via: x",
    b"v :y",
    b"TO:\t z \t",
    b"X-Own: ",
    b"Via:a:b",
    b"l:0",
    b"\xc3: x",
    b" folded",
    b"\tx: y",
    b"none",
    b"a" * 254 + b":",
]
ENDS = [b"\r\n", b"\r\n", b"\r\n", b"\r\n", b"\r\n\r\n", b"\n", b"\r", b"\r\r\n", b"\0", b""]


@given(st.lists(st.tuples(st.sampled_from(LINES), st.sampled_from(ENDS)).map(b"".join), max_size=8), st.booleans())
def test_lines_put_together(built: Any, lines: list[bytes], whole: bool) -> None:
    data = b"ACK x SIP/2.0\r\n" + b"".join(lines) + b"\r\n" * whole
    agree_on_lines(built, data, data.find(b"\n") + 1)


def test_lines_of_bounds(built: Any) -> None:
    """The longest line, the most lines and the longest name are taken, one more is left to the law."""
    for line, count, taken in [
        (b"To: " + b"x" * 8188, 1, True),
        (b"To: " + b"x" * 8189, 1, False),
        (b"To: x", 256, True),
        (b"To: x", 257, False),
        (b"n" * 254 + b":", 1, True),
        (b"n" * 255 + b":", 1, False),
        (b"To: x", 0, False),
    ]:
        data = b"\r\n" + (line + b"\r\n") * count + b"\r\nbody\r\n\r\n"
        assert agree_on_lines(built, data, 2) is taken, (line[:9], count)


@pytest.mark.skipif(not ROOT.is_dir(), reason="needs the corpora in ../shared/corpora")
def test_lines_of_the_corpora(built: Any) -> None:
    chance, asked, answered = random.Random(4), 0, 0
    for _, data in [*corpus("sip/real", "*.sip"), *corpus("sip/rfc4475", "*.dat")]:
        answered += agree_on_lines(built, data, data.find(b"\n") + 1)
        asked += 1
        for _ in range(20):
            at = chance.randrange(len(data))
            spoilt = data[:at] + chance.choice(PIECES) + data[at + chance.randint(0, 2) :]
            agree_on_lines(built, spoilt, spoilt.find(b"\n") + 1)
    assert answered > asked * 0.6


def test_a_name_that_cannot_be_told_is_an_error(built: Any) -> None:
    def named(_raw: bytes) -> str:
        raise KeyError("of ours")

    with pytest.raises(KeyError, match="of ours"):
        built.headers(b"X-Own: x\r\n\r\n", 0, AT_ONCE, named)
    for asked in (
        (b"x", 2, {}, named),
        (b"x", -1, {}, named),
        (b"x", 0, [], named),
        (b"x", 0, {}),
        ("x", 0, {}, named),
    ):
        with pytest.raises((TypeError, ValueError)):
            built.headers(*asked)


@pytest.mark.parametrize("asked", [(b"x", 0), (b"x", 0, 2), (b"x", -1, 1), (b"x", 1, 0), ("x", 0, 1), (b"x", 0, None)])
def test_what_is_no_span_is_no_crash(built: Any, asked: tuple[Any, ...]) -> None:
    for name, _ in KINDS:
        with pytest.raises((TypeError, ValueError)):
            getattr(built, name)(*asked)


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_it_is_asked_where_it_is_built_which_is_wherever_there_is_a_compiler() -> None:
    assert scan.BUILT, "bin/setup venv builds it"
    assert scan.usual_uri(USUAL[0], 0, len(USUAL[0])) is not None
    usual = (
        b"OPTIONS sip:x@y SIP/2.0",
        b"Via: SIP/2.0/UDP h;branch=z9hG4bK1",
        b"From: <sip:a@b>;tag=1",
        b"To: <sip:x@y>",
    )
    assert decode(b"\r\n".join((*usual, b"Call-ID: 1", b"CSeq: 1 OPTIONS", b"", b"")))._spans is not None


def test_where_it_is_not_built_all_is_read_by_the_law(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> Any:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib, "import_module", absent)
    found = runpy.run_path(str(Path(scan.__file__)))
    assert not found["BUILT"] and found["usual_uri"](USUAL[0], 0, len(USUAL[0])) is None
    assert found["usual_headers"](b"To: x\r\n\r\n", 0, AT_ONCE, str) is None
