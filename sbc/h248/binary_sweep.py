"""Addresses in the leaves of a binary message that nobody has read: values of events, signals and statistics, texts of
errors, data that is not standard. Identifiers of terminations, names and numbers may have the same octets, and stay."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from sbc.core.address import literal
from sbc.core.message import BadMessage
from sbc.h248 import ber
from sbc.h248.ber import Changes, Tlv

_IDENTIFIER, _DATA = 0x80, 0x81
"""The tags of the two parts of data that is not standard; of a termination's identifier, too."""
_LONGEST_TERMINATION = 8
_SIZES = {size + port: size for size in (4, 16) for port in (0, 2)}
"""How long an address is in a value of so many octets, which may have a port, too."""
_LEAST_TEXT = 3
"""Octets of the shortest address in text (``::1``)."""


def swept(data: bytes, hidden: Collection[str], ours: str, text: Callable[[bytes], bytes]) -> bytes:
    """The message with every address of the hosts that are `hidden` written over by `ours`, in texts as `text` does it;
    one that is packed, and of the other family, becomes zeros. The lengths around are mended."""
    try:
        root = ber.read(data)
    except BadMessage:
        return data  # nobody would have taken it across
    packed = dict(_packed(hidden, ours))
    changes = Changes(data)
    for tlv, opaque in _leaves(root):
        content = data[tlv.start : tlv.end]
        new = _values(content, packed, opaque) if opaque or tlv.tag == ber.OCTETS else content
        if len(new) >= _LEAST_TEXT:
            new = text(new)
        if new != content:
            changes.content(tlv, new)
    return changes.apply(root)


def _packed(hidden: Collection[str], ours: str) -> Iterator[tuple[bytes, bytes]]:
    own = literal(ours)
    for host in hidden:
        ip = literal(host)
        if ip is not None:
            same = own is not None and own.version == ip.version
            yield ip.packed, own.packed if own is not None and same else bytes(len(ip.packed))


def _leaves(tlv: Tlv) -> Iterator[tuple[Tlv, bool]]:
    """The elements that hold no others, and whether nobody knows what is in them."""
    parts: Sequence[Tlv] = tlv.parts or ()
    pair = [each.tag for each in parts] == [_IDENTIFIER, _DATA] and parts[0].parts is not None
    name = pair and all(each.tag == ber.OCTETS for each in parts[0].parts or ())  # a termination's wildcards
    for each in parts:
        if each.parts is not None:
            yield from _leaves(each)
        elif not pair:
            yield each, False
        elif not name or each.end - each.start > _LONGEST_TERMINATION:
            yield each, True


def _values(content: bytes, packed: dict[bytes, bytes], opaque: bool) -> bytes:
    if opaque:
        for old, new in packed.items():
            content = content.replace(old, new)
        return content
    # a value is the address, alone or with a port, or BER once more with that in it
    begin = 2 if content[:1] == bytes((ber.OCTETS,)) and content[1:2] == bytes((len(content) - 2 & 0xFF,)) else 0
    host = content[begin : begin + _SIZES.get(len(content) - begin, 0)]
    return content[:begin] + packed.get(host, host) + content[begin + len(host) :]
