"""Bodies that tell of other dialogues (RFC 4235), as busy lamps are told of them: their addresses and names."""

from __future__ import annotations

from typing import NamedTuple

from sbc.core.message import Slot
from sbc.sip.xml import Span, elements, slots_of

_WANTED = frozenset({b"dialog-info", b"dialog", b"replaces", b"identity"})


class Dialogue(NamedTuple):
    """The names of a dialogue: where its Call-ID stands, and the tags of both parties if they are there."""

    call_id: Span
    tags: tuple[Span, ...]


class DialogInfo:
    """A body ``data[start:end]``, read. `slots` are its addresses: of users' names (`entity`, and the content of
    `identity`) IDENTITY, else HIDE. Raises BadMessage as `elements` and `addresses` of sbc/sip/xml.py do."""

    def __init__(self, data: bytes, start: int, end: int) -> None:
        self.dialogues: list[Dialogue] = []
        names: list[Span] = []
        for name, attributes, content in elements(data, start, end, _WANTED):
            if name == b"identity":
                names.append(content)
            elif name == b"dialog-info":
                names += [attributes[b"entity"]] if b"entity" in attributes else []
            elif b"call-id" in attributes:
                tags = tuple(attributes[key] for key in (b"local-tag", b"remote-tag") if key in attributes)
                self.dialogues.append(Dialogue(attributes[b"call-id"], tags))
        self.slots: list[Slot] = slots_of(data, start, end, names)
