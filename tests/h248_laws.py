"""The laws that every binary message of H.248 keeps, whoever made it: for tests and for fuzzing."""

from __future__ import annotations

from collections.abc import Iterator

from sbc.core.message import BadMessage
from sbc.h248.binary import BinaryMessage, decode, parts
from sbc.h248.message import BadH248, Group, Mid

HOSTS = ("203.0.113.200", "2001:db8::beef")


def mids(message: BinaryMessage) -> list[Mid]:
    """Every identifier in a message that is an address or a name."""
    said = [each.services for each in message.commands if each.services is not None]
    inner = [each for one in said for each in (one.address, one.mgc) if each is not None]
    return [message.mid, *inner]


def groups(message: BinaryMessage) -> Iterator[Group]:
    """Every description in a message."""
    for command in message.commands:
        for stream in command.streams:
            for described in (stream.local, stream.remote):
                yield from () if described is None else described.groups


def mended(text: bytes, host: str, port: int) -> bytes:
    """A description with other hosts and ports."""
    return b"\r\n".join([_mended(line, host, port) for line in text.split(b"\r\n")])


def _mended(line: bytes, host: str, port: int) -> bytes:
    words = line.split(b" ")
    if line[:2] == b"c=" and len(words) == 3 and words[2] != b"$":
        return b"c=IN IP%d %b" % (6 if ":" in host else 4, host.encode())
    if line[:2] == b"m=" and len(words) > 2 and words[1].isdigit():
        return b" ".join([words[0], b"%d" % port, *words[2:]])
    return line


def rewritten(data: bytes, host: str, port: int = 40_000, transaction: int = 1_234_567) -> bytes:
    """A message with all its addresses, and its number, written over."""
    message = decode(data)
    for each in mids(message):
        if each.address is not None and each.form.value in ("ip4", "ip6"):
            message.edit(each.at, f"[{host}]:{port}".encode())
    for group in groups(message):
        message.edit(group.at, mended(group.text, host, port))
    if message.transaction_at is not None:
        message.edit(message.transaction_at, b"%d" % transaction)
    return message.encode()


def check_laws(data: bytes) -> None:
    """Identity; parts that are messages; there and back; nothing but BadH248 from what is no message."""
    found = parts(data)
    if len(found) == 1:
        assert found[0] is data
    for each in found:
        try:
            message = decode(each)
        except BadH248:
            continue
        assert message.encode() == each
        _check_edits(each, message)


def _check_edits(data: bytes, message: BinaryMessage) -> None:
    for host in HOSTS:
        try:
            there = rewritten(data, host)
        except BadMessage as bad:
            assert "too long" in bad.reason, bad.reason
            continue
        again = decode(there)
        assert again.body is message.body
        assert [each.verb for each in again.commands] == [each.verb for each in message.commands]
        assert [each.terminations for each in again.commands] == [each.terminations for each in message.commands]
        told = [mended(each.text, host, 40_000) for each in groups(message)]
        assert [each.text for each in groups(again)] == told
        _check_back(message, again)


def _check_back(message: BinaryMessage, there: BinaryMessage) -> None:
    """What was written over and written back says the same."""
    for old, new in zip(mids(message), mids(there), strict=True):
        if old.text != new.text:
            there.edit(new.at, old.text)
    for was, now in zip(groups(message), groups(there), strict=True):
        there.edit(now.at, was.text)
    if there.transaction_at is not None:
        there.edit(there.transaction_at, b"%d" % message.transaction)
    try:
        back = decode(there.encode())
    except BadMessage as bad:
        assert "too long" in bad.reason, bad.reason
        return
    assert back.meaning == message.meaning
