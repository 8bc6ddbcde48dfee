"""The ladder: arrows point the right way, changed lines are marked, and no message makes a mess of it."""

from __future__ import annotations

from typing import Any

from sbc.admin.ladder import COLUMN, HALF, MOST_LINES, full_text, ladder_text
from tests.admin.desk import open_desk


def message(number: int, way: str, leg: int, text: str, **more: Any) -> dict[str, Any]:
    peer = ("192.0.2.1:5060", "198.51.100.2:5060")[leg]
    known = {"number": number, "at": number / 10, "way": way, "leg": leg, "peer": peer, "what": text.split("\n")[0]}
    return {**known, "octets": len(text), "again": None, "of": None, "text": text, **more}


def trace(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    legs = [{"realm": "access", "peer": "192.0.2.1:5060"}, {"realm": "core", "peer": "198.51.100.2:5060"}]
    known = {"call": "abc", "begun": "NOW", "legs": legs, "partial": False, "lost": 0, "gap": 1}
    return {**known, "messages": list(messages), **more}


def rungs(text: str) -> list[str]:
    return [line for line in text.splitlines() if "|" in line]


def test_arrows_point_from_who_spoke_to_who_heard() -> None:
    lines = rungs(
        ladder_text(
            trace(
                message(1, "in", 0, "ASK"),
                message(2, "out", 1, "ASK"),
                message(3, "in", 1, "YES"),
                message(4, "out", 0, "YES"),
            )
        )
    )
    halves = [line.split("|") for line in lines]
    assert [bool(each[1].strip()) for each in halves] == [True, False, False, True]
    assert halves[0][1].endswith(">") and "ASK" in halves[0][1]
    assert halves[1][3].endswith(">") and halves[2][3].startswith("<") and halves[3][1].startswith("<")
    assert len({len(line) for line in lines}) == 1, "all rungs are of one width"
    assert all(len(half) == HALF for half in (halves[0][1], halves[1][3]))


def test_a_long_line_is_cut_and_another_peer_and_a_repetition_are_told() -> None:
    long = message(1, "in", 0, "ASK " + "x" * 500)
    again = message(2, "in", 0, "ASK", again=1, peer="192.0.2.7:9")
    lines = rungs(ladder_text(trace(long, again)))
    assert len(lines[0]) == len(lines[1])
    assert "(as 1) [192.0.2.7:9]" in lines[1]


def test_what_is_not_kept_is_said_where_it_was() -> None:
    text = ladder_text(trace(message(1, "in", 0, "ASK"), message(2, "in", 0, "ASK"), lost=7, gap=2))
    assert text.splitlines()[3].strip() == "... 7 messages are not kept"
    assert "no messages" in ladder_text(trace())


def test_what_crossed_stands_side_by_side_with_what_changed_marked() -> None:
    came = message(1, "in", 0, "ASK bob\nVia: phone\nSame: line\nGone: x")
    went = message(2, "out", 1, "ASK bob\nVia: sbc\nNew: y\nSame: line", of=1)
    text = full_text(trace(came, went))
    lines = text[text.index("-- 1 from access") :].splitlines()[1:]
    marked = [(line[:COLUMN].rstrip(), line[COLUMN + 1 : COLUMN + 2], line[COLUMN + 3 :]) for line in lines]
    assert marked == [
        ("ASK bob", " ", "ASK bob"),
        ("Via: phone", "|", "Via: sbc"),
        ("", ">", "New: y"),
        ("Same: line", " ", "Same: line"),
        ("Gone: x", "<", ""),
    ]


def test_what_did_not_cross_stands_alone() -> None:
    came = message(1, "in", 0, "ASK bob")
    back = message(2, "out", 0, "WAIT", of=1)
    again = message(3, "out", 0, "WAIT", again=2)
    text = full_text(trace(came, back, again))
    assert "-- 2 to access 192.0.2.1:5060, 4 octets\n  WAIT" in text
    assert text.endswith("-- 3 to access 192.0.2.1:5060, 4 octets, the same as 2")


def test_long_messages_and_binary_ones_are_shown_within_bounds() -> None:
    came = message(1, "in", 0, "\n".join(str(number) for number in range(60_000)))
    went = message(2, "out", 1, "\n".join(str(number + 1) for number in range(60_000)), of=1)
    text = full_text(trace(came, went))
    assert text.count("\n") < 2 * MOST_LINES + 20
    assert f"... and {60_000 - MOST_LINES} more lines" in text
    binary = message(1, "in", 0, "x", base64="QUJD" * 100)
    del binary["text"]
    assert "QUJD" in full_text(trace(binary))


def test_control_characters_are_escaped() -> None:
    text = full_text(trace(message(1, "in", 0, "ASK \x1b[2J\nX: \x07\r\nY: \u202e")))
    assert all(c.isprintable() or c == "\n" for c in text)


def test_a_real_call_reads_as_a_ladder() -> None:
    with open_desk() as desk:
        id = desk.call()
        lines = rungs(repr(desk.console.trace(id)))
        assert [line.split("|")[1].strip("-<> ").split(" ")[0] for line in lines] == [
            "INVITE", "100", "", "", "200", "ACK", "",
        ]  # fmt: skip
        full = repr(desk.console.trace(id, full=True))
        assert "c=IN IP4 192.168.1.10".ljust(COLUMN) + " | c=IN IP4 " in full
