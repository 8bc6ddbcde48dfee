"""Header rules of a path: lines added, taken out and written anew, in a message as it would go out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum

import attrs

from sbc.core.message import BadMessage
from sbc.sip.codec import SipMessage, decode
from sbc.sip.names import canonical_name
from sbc.sip.params import unfold
from sbc.text.globs import Glob, Template

OURS = frozenset(
    {
        *("via", "call-id", "cseq", "max-forwards", "route", "record-route", "path", "service-route", "contact"),
        *("content-length", "content-type", "content-encoding"),
        *("authorization", "proxy-authorization", "www-authenticate", "proxy-authenticate"),
        *("authentication-info", "proxy-authentication-info"),
        *("replaces", "join", "target-dialog", "refer-to", "rack", "rseq"),
        *("expires", "min-expires", "session-expires", "min-se"),
    }
)
"""Headers that the SBC writes itself, that it or a peer reads the message by, or that a digest covers: no rule's."""
_NAME = re.compile(r"[-.!%*_+`'~0-9A-Za-z]{1,64}")
_LONGEST = 1024


class Action(Enum):
    """What a rule does."""

    ADD = "add"
    REMOVE = "remove"
    REPLACE = "replace"


@attrs.frozen
class Rule:
    """What is done with the lines of one header (`header` canonical, `written` as it is to be written), in messages of
    these methods, of all if there are none. `match`: only lines whose whole value it matches."""

    header: str
    written: bytes
    action: Action
    methods: frozenset[str] = frozenset()
    requests: bool = True
    replies: bool = False
    match: Glob | None = None
    value: Template | None = None

    def speaks_of(self, message: SipMessage) -> bool:
        """Whether the rule is for this message."""
        wanted = self.requests if message.is_request else self.replies
        return wanted and (not self.methods or message.method in self.methods)


def check_header(name: str) -> str:
    """The canonical name of a header that a rule may be about. @raises ValueError with the reason where it may not."""
    if _NAME.fullmatch(name) is None:
        raise ValueError("is no name of a header")
    canonical = canonical_name(name.encode() + b":")
    if canonical in ("from", "to"):
        raise ValueError("belongs to the dialogue; [[paths.sip.numbers]] changes the numbers in it")
    if canonical in OURS:
        raise ValueError("is written by the SBC itself, or may not be changed")
    return canonical


def check_value(text: str, action: Action | None, match: str) -> Template:
    """The template of a rule's value. @raises ValueError with the reason."""
    template = Template.read(text)
    stars = match.count("*")
    if len(text) > _LONGEST:
        raise ValueError(f"is longer than {_LONGEST} characters")
    if action is Action.ADD and template.highest >= 0:
        raise ValueError("has marks, but what is added stands for nothing that was there")
    if template.highest > stars:
        raise ValueError(f"has the mark {{{template.highest}}}, but match has {stars} stars")
    return template


def apply(rules: Sequence[Rule], data: bytes) -> bytes:
    """The message `data`, as the rules, one after the other, leave it. What cannot be read stays as it is."""
    try:
        message = decode(data)
    except BadMessage:
        return data
    meant = [rule for rule in rules if rule.speaks_of(message)]
    lines: list[bytes | None] = [*message.lines]
    names = [*message.names]
    for rule in meant:
        if rule.action is Action.ADD:
            names.append(rule.header)
            lines.append(_line(rule, b"", ()))
            continue
        for index, name in enumerate(names):
            line = lines[index]
            if name != rule.header or line is None:
                continue
            value = unfold(line.partition(b":")[2].strip())
            stars = () if rule.match is None else rule.match.match(value)
            if stars is not None:
                lines[index] = None if rule.action is Action.REMOVE else _line(rule, value, stars)
    return _written(message, lines)


def _line(rule: Rule, value: bytes, stars: tuple[bytes, ...]) -> bytes:
    assert rule.value is not None  # the configuration has seen to it
    return rule.written + b": " + rule.value.fill(value, stars)


def _written(message: SipMessage, lines: list[bytes | None]) -> bytes:
    """The message with `lines` in place of its own; those beyond them are new."""
    edits, own = message.edits, len(message.lines)
    for index, line in enumerate(lines[:own]):
        if line is None:
            header = message.headers[index]
            edits.delete(header.line_start, header.line_end)
        elif line is not message.lines[index]:
            start = message.headers[index].line_start
            edits.replace(start, start + len(message.lines[index]), line)
    added = b"".join(line + message.eol for line in lines[own:] if line is not None)
    if added:
        edits.insert(message.body_start - len(message.eol), added)
    return edits.apply(message.data)
