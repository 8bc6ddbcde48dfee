"""Other people's SIP parsers agree with ours, value by value, on the messages of the corpora that they can read."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from twisted.protocols import sip

from sbc.core.message import BadMessage
from sbc.sip.codec import SipMessage, decode
from sbc.sip.headers import NameAddr, name_addrs, vias
from tests.corpora import ROOT, corpus

pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason="needs the corpora in ../shared/corpora")

# Messages of RFC 4475 in which they go wrong. Ours is held to the text of the RFC in tests/sip.
THEY_DIFFER = {
    "intmeth.dat": 'Twisted takes ";" and "?" in a user part for its end; sipmessage unescapes "%66" in a Via branch',
    "longreq.dat": "Twisted and sipmessage do not know a header whose name has a space after it",
    "wsinv.dat": 'sippy does not find parameters with space around their ";" and "="',
}


def messages() -> list[tuple[str, SipMessage]]:
    """Those of the corpora that can be read, with folds turned into spaces: few others can read folds."""
    found = []
    for name, data in [*corpus("sip/real", "*.sip"), *corpus("sip/rfc4475", "*.dat")]:
        head, empty, body = data.partition(b"\r\n\r\n")
        try:
            message = decode(re.sub(rb"\r\n[ \t]+", b" ", head) + empty + body)
            vias(message), one(message, "from"), one(message, "to")
        except BadMessage:
            continue
        found.append((name, message))
    assert len(found) > 100
    return [(name, message) for name, message in found if name not in THEY_DIFFER]


def one(message: SipMessage, name: str) -> NameAddr:
    header = message.first(name)
    assert header is not None
    return name_addrs(message, header)[0]


def by_twisted(data: bytes) -> Any:
    got: list[Any] = []
    parser = sip.MessagesParser(got.append)
    try:
        parser.dataReceived(data)
        parser.dataDone()
    except (RuntimeError, UnicodeDecodeError):
        return None  # it gives up on an end it did not foresee
    return got[0] if got else None


def test_twisted() -> None:
    """Header values, one by one and in order; transport addresses of Via; the user and host of From and To."""
    agreed = 0
    for name, message in messages():
        theirs = by_twisted(message.data)
        if theirs is None:
            continue
        for header, values in theirs.headers.items():
            ours = [message.text(each.start, each.end) for each in message.all(header)]
            assert ours == [value.strip().encode() for value in values], (name, header)
            agreed += len(values)
        assert theirs.body.encode() == message.text(message.body_start, message.body_end), name
        for header in ("from", "to"):
            ours_of = one(message, header)
            if ours_of.uri.is_sip and ours_of.bracketed:
                url = sip.parseAddress(theirs.headers[header][0])[1]
                assert (url.host.lower(), url.port or 0) == (ours_of.uri.host, ours_of.uri.port), name
    assert agreed > 900


def test_sipmessage() -> None:
    """Via, CSeq, and the URIs and tags of From, To and Contact."""
    sipmessage = pytest.importorskip("sipmessage", reason="needs sipmessage from PyPI")
    agreed = 0
    for name, message in messages():
        try:
            theirs = sipmessage.Message.parse(message.data)
            their_vias, cseq = theirs.via, theirs.cseq
            addresses = {"from": theirs.from_address, "to": theirs.to_address}
        except ValueError:
            continue
        assert [(via.transport, via.host, via.port, via.branch.decode()) for via in vias(message)] == [
            (via.transport.upper(), via.host.lower(), via.port or 0, via.parameters.get("branch") or "")
            for via in their_vias
        ], name
        assert message.cseq == (cseq.sequence, cseq.method), name
        for header, address in addresses.items():
            ours = one(message, header)
            if ours.uri.is_sip:
                assert (ours.uri.scheme, ours.uri.host, ours.uri.port) == (
                    address.uri.scheme,
                    address.uri.host.lower(),
                    address.uri.port or 0,
                ), name
                assert ours.params.get("tag") == address.parameters.get("tag"), name
                agreed += 1
    assert agreed > 100


def test_sippy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Call-ID and the tags of From and To."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(Path(sys.prefix, "oracles"))])  # where bin/setup puts it
    requests = pytest.importorskip("sippy.SipRequest", reason="needs sippy, which bin/setup installs apart")
    responses = pytest.importorskip("sippy.SipResponse", reason="needs sippy, which bin/setup installs apart")
    agreed = 0
    for name, message in messages():
        parse = requests.SipRequest if message.is_request else responses.SipResponse
        try:
            theirs = parse(message.data.decode())
            tags = {header: theirs.getHFBody(header).getTag() for header in ("from", "to")}
        except Exception:  # noqa: BLE001, S112  # whatever it trips over, it has no opinion then
            continue
        assert str(theirs.getHFBody("call-id")).encode() == message.value("call-id"), name
        assert tags == {header: one(message, header).params.get("tag") for header in tags}, name
        agreed += 1
    assert agreed > 100
