"""The columns: every cell of every table can be shown, and nothing a peer chose steers a terminal."""

from __future__ import annotations

import pytest

from sbc.admin import columns
from sbc.admin.tables import Column
from tests.admin.desk import open_desk

TABLES = {name: value for name, value in vars(columns).items() if name.isupper()}


@pytest.mark.parametrize("name", TABLES)
def test_titles_are_there(name: str) -> None:
    assert all(isinstance(each, Column) and each.title.isupper() for each in TABLES[name])


def test_what_a_peer_chose_is_escaped_in_every_table() -> None:
    with open_desk() as desk:
        desk.register(b"al%1Bice")
        desk.call(b"x\x1b[31m\x07y")
        for words in (["calls"], ["bindings"], ["streams"], ["media"], ["paths"], ["realms"]):
            text = repr(desk.console.answer(words))
            assert all(c.isprintable() or c == "\n" for c in text), words
        assert "\\x1b[31m\\x07" in repr(desk.console.answer(["calls"]))
