"""Tables and records: aligned, cut, counted, data to a program, and safe to look at whatever a peer wrote into them."""

from __future__ import annotations

import pytest

from sbc.admin.tables import Column, Record, Table, Text, cut, duration, shown

NAME, SIZE = Column("NAME", lambda row: row["name"], widest=8), Column("SIZE", lambda row: row["size"], right=True)


def test_columns_are_aligned_and_numbers_stand_to_the_right() -> None:
    table = Table([{"name": "a", "size": 5}, {"name": "abc", "size": 1234}], [NAME, SIZE])
    assert repr(table).splitlines() == [
        "NAME  SIZE",
        "a        5",
        "abc   1234",
    ]
    assert str(table) == repr(table)


def test_a_table_is_a_list_of_its_rows() -> None:
    rows = [{"name": "a", "size": 5}]
    table = Table(rows, [NAME, SIZE])
    assert table == rows
    assert table[0]["size"] == 5


def test_what_was_left_out_is_counted_and_what_belongs_below_stands_there() -> None:
    table = Table([{"name": "a", "size": 5}], [NAME], more=950, below="below")
    assert repr(table).splitlines() == ["NAME", "a", "... and 950 more", "below"]


def test_no_rows_are_said_in_words() -> None:
    assert repr(Table([], [NAME], none="no names")) == "no names"


@pytest.mark.parametrize(
    "hostile", ["\x1b]0;owned\x07", "a\nb", "a\rb", "\x9b2J", "\u202egnp.exe", "a\u2028b", "\ud800", "\x00"]
)
def test_no_cell_steers_the_terminal_or_begins_a_line(hostile: str) -> None:
    text = repr(Table([{"name": hostile}], [Column("NAME", lambda row: row["name"])]))
    assert len(text.splitlines()) == 2
    assert all(character.isprintable() for line in text.splitlines() for character in line)
    text.encode()


def test_a_long_cell_is_cut() -> None:
    assert repr(Table([{"name": "abcdefghijkl"}], [NAME])).splitlines()[1] == "abcdef.."
    assert cut("12345678", 8) == "12345678"


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), ("", "-"), (True, "yes"), (False, "no"), (0, "0"), ("x", "x"), ("é", "é")]
)
def test_cells_as_people_write_them(value: object, text: str) -> None:
    assert shown(value) == text


def test_a_record_is_a_dict_with_a_text() -> None:
    record = Record({"id": "x"}, lambda values: f"thing {values['id']}")
    assert record == {"id": "x"}
    assert repr(record) == str(record) == "thing x"


def test_text_is_shown_without_quotes() -> None:
    assert repr(Text("it's\nso")) == "it's\nso"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0, "0.0s"),
        (59.94, "59.9s"),
        (59.96, "1m00s"),
        (62.4, "1m02s"),
        (3599.6, "1h00m"),
        (3600, "1h00m"),
        (7500, "2h05m"),
        (86400 * 3 + 4 * 3600, "3d04h"),
        (-2.5, "-2.5s"),
    ],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text
