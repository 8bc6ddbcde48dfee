"""A call's messages as a ladder: who said what to whom and when; and each before and after it crossed, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from textwrap import wrap

from sbc.admin.tables import Row, cut
from sbc.config.faults import printable

HALF = 46
"""Characters between the SBC and a peer."""
COLUMN = 76
"""Characters of a message's line beside another's."""
MOST_LINES = 500
"""Lines of a message that are shown."""


def ladder_text(trace: Row) -> str:
    """The ladder of what `story.trace_view` returns."""
    return "\n".join(_ladder(trace))


def full_text(trace: Row) -> str:
    """The ladder, and below it each message that crossed, as it came and as it went on."""
    return "\n".join([*_ladder(trace), *_crossings(trace)])


def _ladder(trace: Row) -> Iterator[str]:
    yield f"call {trace['call']}, from {trace['begun']}"
    if trace["partial"]:
        yield "  its beginning is forgotten"
    near, far = (cut(f"{leg['realm']} {leg['peer']}", HALF) for leg in trace["legs"])
    yield f"{'':>4} {'':>9}  {near.ljust(HALF)} SBC {far.rjust(HALF)}"
    before = 0.0
    for message in trace["messages"]:
        if trace["lost"] and message["number"] == trace["gap"]:
            yield f"{'':>4} {'':>9}  ... {trace['lost']} messages are not kept"
        yield _rung(trace, message)
        before = message["at"]
    if not trace["messages"]:
        yield "  no messages"
    if trace["messages"]:
        yield f"  {len(trace['messages'])} messages in {before:.3f} s"


def _rung(trace: Row, message: Row) -> str:
    peer = trace["legs"][message["leg"]]["peer"]
    text = printable(message["what"])
    if message["again"] is not None:
        text += f" (as {message['again']})"
    if message["peer"] != peer:
        text += f" [{message['peer']}]"
    leftwards = (message["way"] == "in") == (message["leg"] == 1)
    line = _arrow(text, leftwards)
    halves = f"|{line}|{'':>3}|{'':{HALF}}|" if message["leg"] == 0 else f"|{'':{HALF}}|{'':>3}|{line}|"
    return f"{message['number']:>4} {message['at']:>9.3f}  {halves}".rstrip()


def _arrow(text: str, leftwards: bool) -> str:
    text = cut(text, HALF - 5)
    line = f" {text} ".center(HALF - 1, "-")
    return f"<{line}" if leftwards else f"{line}>"


# -- before and after


def _crossings(trace: Row) -> Iterator[str]:
    by_number = {message["number"]: message for message in trace["messages"]}
    for message in trace["messages"]:
        came = by_number.get(message["of"])
        if came is None:
            if message["way"] == "in" and any(other["of"] == message["number"] for other in trace["messages"]):
                continue  # shown beside what came of it
            yield from _alone(trace, message)
        elif came["leg"] != message["leg"]:
            yield from _beside(trace, came, message)
        else:
            yield from _alone(trace, message)


def _title(trace: Row, message: Row) -> str:
    word = "from" if message["way"] == "in" else "to"
    return f"{message['number']} {word} {trace['legs'][message['leg']]['realm']} {message['peer']}"


def _alone(trace: Row, message: Row) -> Iterator[str]:
    yield ""
    again = f", the same as {message['again']}" if message["again"] is not None else ""
    yield f"-- {_title(trace, message)}, {message['octets']} octets{again}"
    if message["again"] is None:
        for line in _lines(message):
            yield from (f"  {each}" for each in _wrapped(line, 2 * COLUMN))


def _beside(trace: Row, came: Row, went: Row) -> Iterator[str]:
    """Two messages side by side; what differs is marked between them: ``|`` changed, ``<`` taken out, ``>`` put in."""
    yield ""
    yield f"-- {_title(trace, came)}".ljust(COLUMN + 3) + f"-- {_title(trace, went)}"
    left, right = _lines(came), _lines(went)
    for mark, before, after in _aligned(left, right):
        before_lines, after_lines = _wrapped(before, COLUMN), _wrapped(after, COLUMN)
        for index in range(max(len(before_lines), len(after_lines))):
            one = before_lines[index] if index < len(before_lines) else ""
            other = after_lines[index] if index < len(after_lines) else ""
            yield f"{one.ljust(COLUMN)} {mark} {other}".rstrip()


def _aligned(left: list[str], right: list[str]) -> Iterator[tuple[str, str, str]]:
    for tag, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        before, after = left[a:b], right[c:d]
        if tag == "equal":
            yield from ((" ", line, line) for line in before)
            continue
        for one, other in _paired(before, after):
            yield ("|" if one and other else "<" if one else ">"), one, other


def _paired(before: list[str], after: list[str]) -> Iterator[tuple[str, str]]:
    """Lines that were changed beside what they became: those of one name, in order."""
    waiting = list(after)
    for line in before:
        name = _name(line)
        place = next((index for index, other in enumerate(waiting) if _name(other) == name), None)
        if place is None:
            yield line, ""
            continue
        for other in waiting[:place]:
            yield "", other
        yield line, waiting[place]
        del waiting[: place + 1]
    for other in waiting:
        yield "", other


def _name(line: str) -> str:
    """What names a line: all before the first colon, equals sign or blank."""
    for index, character in enumerate(line):
        if character in ":= ":
            return line[:index].casefold()
    return line.casefold()


def _lines(message: Row) -> list[str]:
    text = message.get("text")
    if text is None:
        return wrap(message["base64"], COLUMN)
    lines = text.replace("\r\n", "\n").rstrip("\n").split("\n")
    shown = [printable(line.expandtabs(4)) for line in lines[:MOST_LINES]]
    return [*shown, f"... and {len(lines) - MOST_LINES} more lines"] if len(lines) > MOST_LINES else shown


def _wrapped(line: str, width: int) -> list[str]:
    return [line[at : at + width] for at in range(0, len(line), width)] or [""]
